/* SPDX-License-Identifier: MIT */
/* value.h - one JSON value in memory: constructors, order, paths, JSON text. */
#ifndef SK_VALUE_H
#define SK_VALUE_H
#include "base/buf.h"
#include <snek/types.h>

#define SK_MAX_DEPTH 64         /* arrays and objects in one another, in and out */

struct snek_value sk_none(void);
struct snek_value sk_null(void);
struct snek_value sk_bool(bool);
struct snek_value sk_int(int64_t);
struct snek_value sk_uint(uint64_t);    /* INT where it fits */
struct snek_value sk_double(double);
struct snek_value sk_string(const char *, size_t);
struct snek_value sk_cstring(const char *);

/*
 * A record on its way between JSON text and a chunk: an object's members in
 * order, or one value that is no object (object false, n 1, name NULL).
 * Views into memory of whoever filled it in.
 */
struct sk_member {
	const char *name;
	uint32_t name_len;
	struct snek_value value;
};
struct sk_record {
	bool object;
	uint32_t n;
	struct sk_member *member;
};

/* The order of keys: null < false < true < numbers (by value, exactly) <
 * strings (bytes) < arrays (element by element) < objects (as arrays of
 * [name, value] sorted by name).  0 means one key. */
int sk_value_compare(struct snek_value, struct snek_value);

/* ---- paths: "a.b[0]"; "" is the whole value; \. \[ \\ in names, which
 * are not empty ---- */

struct sk_path_step {
	const char *name;       /* NULL: an element */
	uint32_t len;
	uint32_t index;
};
struct sk_path {
	uint32_t n;
	struct sk_path_step *step;
	char *text;             /* owns what the names point at */
};
int sk_path_parse(struct sk_path *, const char *text, struct snek_error *);
void sk_path_free(struct sk_path *);
/* Append the path as it may be written; false when memory is out. */
bool sk_path_text(const struct sk_path *, struct sk_buf *);
/* Walks from step first on; SNEK_NONE when there is nothing there. */
struct snek_value sk_path_walk(const struct sk_path *, uint32_t first,
    struct snek_value);

/* ---- JSON out ---- */

/* Append the value as compact JSON.  Doubles as the shortest text that reads
 * back equal, always with a point or an exponent; strings with only what must
 * be escaped; SNEK_NONE as null.  False when memory is out (or the value holds
 * NaN, infinity or bytes that are no msgpack, which nothing of ours makes). */
bool sk_json_write(struct sk_buf *, struct snek_value);
bool sk_json_write_record(struct sk_buf *, const struct sk_record *);
#endif
