/* SPDX-License-Identifier: MIT */
/* snek/types.h - what the library and the plugins share: codes and values. */
#ifndef SNEK_TYPES_H
#define SNEK_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Codes for programs.  Zero is success, positive says more, negative failed.
 * Numbers are for ever; new ones are appended. */
enum {
	SNEK_OK = 0,
	SNEK_SKIP = 1,          /* map only: no use for this record; count it, go on */
	SNEK_EINVAL = -1,       /* the caller's mistake: an argument, option or name */
	SNEK_ENOMEM = -2,
	SNEK_ENOENT = -3,       /* no such category, function, field, file ... */
	SNEK_EEXIST = -4,
	SNEK_ETYPE = -5,        /* the value is there, but of another type */
	SNEK_EFORMAT = -6,      /* bytes that are no JSON, msgpack ... */
	SNEK_EABI = -7,         /* plugin and host cannot speak to each other */
	SNEK_EIO = -8,          /* the system refused: disk full, read error ... */
	SNEK_EACCES = -9,       /* permission, or a read-only medium */
	SNEK_EAGAIN = -10,      /* transient: another attempt may succeed */
	SNEK_ETIMEDOUT = -11,
	SNEK_ECANCELED = -12,
	SNEK_ELIMIT = -13,      /* a record, depth, number or job over a limit */
	SNEK_EPLUGIN = -14,     /* user code failed */
	SNEK_ECORRUPT = -15,    /* stored bytes are missing, damaged or mixed up */
	SNEK_EVERSION = -16,    /* written in a format newer than this library */
	SNEK_EUNKNOWN = -17,    /* a commit that may or may not have happened */
	SNEK_ECONFLICT = -18,   /* the request id was used for other data */
	SNEK_EINTERNAL = -19,   /* a promise of ours did not hold: a bug in snek */
};

enum snek_type {
	SNEK_NONE,              /* no value: the field is absent */
	SNEK_NULL,
	SNEK_BOOL,
	SNEK_INT,               /* fits int64_t */
	SNEK_UINT,              /* 2^63 and above only */
	SNEK_DOUBLE,
	SNEK_STRING,
	SNEK_ARRAY,
	SNEK_OBJECT,
};

/*
 * One JSON value: 16 bytes, passed by copy, owning nothing.  STRING points at
 * len bytes of UTF-8 (NULs allowed, none at the end); ARRAY and OBJECT point
 * at the len bytes of their msgpack encoding.
 */
struct snek_value {
	uint32_t type;          /* enum snek_type; fixed width on purpose */
	uint32_t len;
	union {
		bool b;
		int64_t i;
		uint64_t u;
		double d;
		const char *s;
		const void *p;
	} as;
};

/* Elements of an array, or members of an object, one after the other. */
struct snek_cursor {
	const void *next;
	uint32_t bytes, left;           /* left: elements or members */
	uint32_t is_object, reserved;
};

/* Text for people: filled when a call fails, untouched when it succeeds. */
struct snek_error {
	int code;               /* SNEK_E* */
	int sys;                /* errno, or 0 */
	char text[496];
};

#endif
