/* SPDX-License-Identifier: MIT */
/*
 * wire.h - jobs, attempts and outcomes as bytes, between processes of one
 * machine and one build.
 *
 * Numbers lie in the machine's order.  Reading checks every length against
 * the bytes that remain, and every count against what it would allocate: what
 * a child says is not trusted.  After the first thing that is wrong a reader
 * is bad and gives zeroes.
 */
#ifndef SK_WIRE_H
#define SK_WIRE_H
#include "exec/channel.h"
#include "exec/exec.h"

/* ---- the pieces ---- */

struct sk_put {                         /* zeroed: empty */
	struct sk_buf buf;
	bool nomem;
};
void sk_put_u8(struct sk_put *, uint8_t);
void sk_put_u32(struct sk_put *, uint32_t);
void sk_put_u64(struct sk_put *, uint64_t);
void sk_put_bytes(struct sk_put *, const void *, size_t);
void sk_put_raw(struct sk_put *, const void *, size_t); /* without its length */
void sk_put_text(struct sk_put *, const char *);        /* may be NULL */

struct sk_get {
	const char *p;
	size_t n;
	bool bad;
};
uint8_t sk_get_u8(struct sk_get *);
uint32_t sk_get_u32(struct sk_get *);
uint64_t sk_get_u64(struct sk_get *);
struct sk_span sk_get_bytes(struct sk_get *);
/* n bytes as they are; NULL: there are not as many. */
const void *sk_get_raw(struct sk_get *, size_t n);
/* A string that ends in a NUL within the bytes; NULL for NULL. */
const char *sk_get_text(struct sk_get *);
/* A number of things that take at least least bytes each. */
uint32_t sk_get_count(struct sk_get *, size_t least);
/* Nothing wrong, nothing left? */
bool sk_get_end(const struct sk_get *);

/* ---- hello ---- */

struct sk_wire_hello {
	uint32_t version, workers;
	bool trust;
	uint64_t memory, cpu_ms;        /* of a child; of a task in it */
	char tmp[4096], libraries[4096];        /* that children may read */
};
void sk_put_hello(struct sk_put *, const struct sk_wire_hello *);
void sk_get_hello(struct sk_get *, struct sk_wire_hello *);

/* ---- what a child is asked ---- */

enum sk_wire_what {
	SK_ASK_DESCRIBE = 1,    /* text: the plugin's path; its file */
	SK_ASK_OPEN,            /* as DESCRIBE; op, args, category, sides */
	SK_ASK_MAP,
	SK_ASK_REDUCE,
	SK_ASK_TRACE,           /* a crash's notes (worker/crash.h), files */
};
#define SK_TASK_ONCE 1u         /* in a child of its own, which ends then */

/* What a plugin says of itself.  get makes one without code: its callbacks
 * are there where the plugin has them, and fail.  It is checked as if it had
 * been loaded. */
void sk_put_plugin(struct sk_put *, const struct sk_plugin *);
int sk_get_plugin(struct sk_get *, struct sk_plugin **, struct snek_error *);

void sk_put_args(struct sk_put *, const struct sk_args *);
int sk_get_args(struct sk_get *, struct sk_args *, struct snek_error *);
void sk_put_reducer(struct sk_put *, const struct sk_reducer *);
int sk_get_reducer(struct sk_get *, struct sk_reducer *);

/* An op of a plugin, to be loaded from its file. */
struct sk_wire_op {
	const char *path, *op;          /* op NULL: none */
	struct sk_call call;            /* lib NULL: the path's plugin */
	struct sk_args args;
};
void sk_put_op(struct sk_put *, const struct sk_exec_plugin *,
    const struct sk_op *, const struct sk_args *);
int sk_get_op(struct sk_get *, struct sk_wire_op *, struct snek_error *);
struct sk_wire_job {                    /* texts are the message's */
	struct sk_wire_op map, reduce;
	bool same;                      /* the mapping op reduces */
	struct sk_reducer reducer;
	const char *category;
	uint32_t partitions;
	uint64_t memory;
	int64_t deadline_ms;
	bool logs;
	struct sk_span sides;           /* worker/side.h */
};
/* The files of the plugins go with it: the map's, then another reduce's; and
 * those of the side inputs, last. */
void sk_put_job(struct sk_put *, const struct sk_exec_job *);
int sk_get_job(struct sk_get *, struct sk_wire_job *);
void sk_wire_job_free(struct sk_wire_job *);

/* Side inputs: u32 n, each: its name, u64 bytes of its file, u32 chunks, each:
 * u64 offset in it, u64 bytes; u64 version, u64 record of its first. */
#define SK_WIRE_SIDE_CHUNK 32u
void sk_put_sides(struct sk_put *, const struct sk_exec_sides *);
bool sk_take_sides(struct sk_message *, const struct sk_exec_sides *);

/* Part of a file that a map task reads. */
struct sk_wire_file {
	uint64_t offset, bytes;
};
/* A chunk that the worker is to fetch. */
struct sk_wire_fetch {
	uint32_t at;                    /* among the attempt's chunks */
	struct sk_chunk_ref ref;
	uint64_t bytes;                 /* of the whole chunk */
};
#define SK_WIRE_FETCH_BYTES 40u
void sk_get_fetch(struct sk_get *, struct sk_wire_fetch *);
/* What is fetched of all chunks of a job. */
struct sk_wire_want {
	bool whole;
	uint32_t columns;
	struct sk_span *column;         /* the message's; free the array */
};
void sk_put_want(struct sk_put *, const struct sk_exec_job *);
int sk_get_want(struct sk_get *, struct sk_wire_want *);

struct sk_wire_chunk {
	uint32_t file;
	uint64_t offset, bytes;         /* in the file */
	struct sk_place base;
	const char *origin;
};

/* ---- outcomes ---- */

/* Runs in files go as descriptors beside the bytes, in the order in which
 * they are met; put dups nothing: they stay the outcome's.  get: every run's
 * file is checked to be one of at least the size it claims, and its
 * descriptor taken from the message. */
bool sk_put_run(struct sk_put *, const struct sk_run *, struct sk_message *);
int sk_get_run(struct sk_get *, struct sk_run *, struct sk_message *, size_t *fd);
bool sk_put_outcome(struct sk_put *, const struct sk_outcome *, struct sk_message *);
int sk_get_outcome(struct sk_get *, struct sk_message *, uint32_t parts,
    struct sk_outcome *, struct snek_error *);
void sk_put_error(struct sk_put *, int code, const struct snek_error *);
int sk_get_error(struct sk_get *, struct snek_error *);

/* ---- how a child ended ---- */

enum sk_wire_end {
	SK_END_SIGNAL = 1,              /* status: which */
	SK_END_EXIT,                    /* status: the code */
	SK_END_CANCELLED,               /* it had to be killed */
	SK_END_CPU,                     /* killed: status seconds were used */
	SK_END_LIED,                    /* killed: it sent what is no answer */
	SK_END_START,                   /* it could not be started: text */
	SK_END_SANDBOX,                 /* it could not be confined: text */
	SK_END_FETCH,                   /* a chunk could not be had: status is
					 * the code, text */
	SK_END_LATE,                    /* it did not stop in time: status
					 * seconds */
};
#define SK_TRACE_TEXT 4096
struct sk_wire_death {
	uint32_t end;
	int32_t status;
	char callback[16];
	uint32_t chunk, row;            /* SK_NO_ROW: not known */
	char text[256];
	char at[160];                   /* of a signal: place in the source */
	char trace[SK_TRACE_TEXT];      /* and all frames, a line each */
};
void sk_put_death(struct sk_put *, const struct sk_wire_death *);
/* The texts come from a child's memory: they are made fit to print. */
void sk_get_death(struct sk_get *, struct sk_wire_death *);
void sk_put_trace(struct sk_put *, const struct sk_wire_death *);
void sk_get_trace(struct sk_get *, struct sk_wire_death *);

/* Control characters, and what is no UTF-8, become '?'; lines may stay. */
void sk_wire_tame(char *, bool lines);
#endif
