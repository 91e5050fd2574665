/* SPDX-License-Identifier: MIT */
/*
 * snek/plugin.h - write map, combine and reduce functions for snek.
 *
 * Header only: a plugin links against nothing of ours, so one .so runs in a
 * thread, in a child process and in the cloud.  The host finds the plugin by
 * its one symbol, snek_plugin; the plugin finds the host through the table at
 * the head of every context.  Both sides only ever append, and both state the
 * size of what they know.
 *
 * Records come as rows of a chunk, a batch held in columns.  An op names the
 * fields it reads once, in open (snek_field), and reads them with the inline
 * getters below.  Views (strings, arrays, objects) live until the callback
 * that was given them returns, with three exceptions that are shorter: what
 * snek_next_chunk and snek_next_value gave lives until they are called again,
 * and a whole record (path "") until another one is read.  Whatever is emitted
 * is copied.  A context is used in the callback that was given it, by its
 * thread alone.
 *
 * Strings are UTF-8; emitting others is an error.
 */
#ifndef SNEK_PLUGIN_H
#define SNEK_PLUGIN_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <snek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SNEK_ABI 1u
#define SNEK_EXPORT __attribute__((visibility("default")))

typedef struct snek_ctx snek_ctx;       /* the way from an instance to its host */
typedef struct snek_chunks snek_chunks; /* the chunks of a task, for map_shard */
typedef struct snek_values snek_values; /* the values of a key, for reduce */
typedef struct snek_side snek_side;     /* records beside those of the job */

/* A field that the op reads, compiled in open. */
typedef struct { uint32_t id; } snek_path;

/* ---- columns ---- */

enum snek_column_type {                 /* what values points at, by slot */
	SNEK_COLUMN_ABSENT,             /* nothing: no row has the field */
	SNEK_COLUMN_INT,                /* int64_t[] */
	SNEK_COLUMN_UINT,               /* uint64_t[] */
	SNEK_COLUMN_DOUBLE,             /* double[] */
	SNEK_COLUMN_NUMBER,             /* int64_t or double, as doubles tells */
	SNEK_COLUMN_BOOL,               /* bits, eight to a byte, lowest first */
	SNEK_COLUMN_STRING,             /* bytes; slot i is [ends[i], ends[i+1]) */
	SNEK_COLUMN_PACKED,             /* msgpack; slot i as for strings */
	SNEK_COLUMN_HOST,               /* ask the host (a whole record) */
};

enum snek_presence {
	SNEK_PRESENT_ALL,               /* slot = row */
	SNEK_PRESENT_BITS,              /* slot = row, where present has the bit */
	SNEK_PRESENT_ROWS,              /* slot = where rows_of holds the row */
};

/* One field of a chunk's records.  Bitmaps are uint64_t words, lowest bit
 * first.  Read it with the getters below.  They are compiled into plugins, so
 * a host that has other forms gives them as another type with PRESENT_ALL:
 * the getters ask the host for what they do not know, and it may answer
 * SNEK_NONE. */
struct snek_column {
	uint32_t size;                  /* sizeof(struct snek_column) at the host */
	uint8_t type, presence;
	uint16_t reserved;
	uint32_t rows;                  /* of the chunk */
	uint32_t slots;                 /* held in values */
	const uint64_t *present;        /* by row; PRESENT_BITS only */
	const uint32_t *rows_of;        /* by slot, ascending; PRESENT_ROWS only */
	const uint64_t *nulls;          /* by slot: the value is null; or NULL */
	const uint64_t *doubles;        /* by slot: a double; NUMBER only */
	const uint32_t *ends;           /* slots + 1 of them; STRING and PACKED */
	const void *values;
	void *host;
};

struct snek_chunk {
	uint32_t size;                  /* sizeof(struct snek_chunk) at the host */
	uint32_t rows;
	const struct snek_api *api;
	const struct snek_column *const *columns;   /* by path id; none is NULL */
};

/* One record.  Passed by copy; valid during the callback. */
struct snek_record {
	const struct snek_chunk *chunk;
	uint32_t row;
};

/* ---- the host's table ---- */

enum snek_log_level { SNEK_DEBUG, SNEK_INFO, SNEK_WARN, SNEK_ERROR };

enum snek_aggregate {                   /* how the values of a key become one */
	SNEK_SUM, SNEK_COUNT, SNEK_MIN, SNEK_MAX, SNEK_MEAN,
};

struct snek_task_info {
	uint32_t size;
	uint32_t attempt;               /* 1, 2, ...: the same task may run again */
	uint32_t task, tasks;
	const char *category;           /* "" where there is none */
};

/* Where a record stands for ever: its write's version in the category, and its
 * number in that write, from 0.  What was read without a store is version 1. */
struct snek_place {
	uint64_t version, record;
};

/* What the host offers.  Reach it by the wrappers below.  Every int is 0 or
 * more for success and SNEK_E* for failure; an op passes failures on. */
struct snek_api {
	uint32_t abi, size;
	/* open only */
	int (*arg)(snek_ctx *, const char *name, struct snek_value *);
	int (*field)(snek_ctx *, const char *path, size_t len, snek_path *);
	int (*aggregate)(snek_ctx *, const char *name, uint32_t kind);
	/* map, map_shard, finish, combine, reduce */
	int (*emit)(snek_ctx *, struct snek_value key, struct snek_value value);
	int (*emit_int)(snek_ctx *, const char *key, size_t len, int64_t);
	int (*emit_row)(snek_ctx *, struct snek_value key,
	    const struct snek_value *values, size_t n);
	int (*next_chunk)(snek_ctx *, snek_chunks *, const struct snek_chunk **);
	int (*next_value)(snek_ctx *, snek_values *, struct snek_value *);
	/* anywhere */
	struct snek_value (*column_value)(const struct snek_column *,
	    uint32_t row, uint32_t slot);
	int (*iterate)(struct snek_value, struct snek_cursor *);
	int (*next)(struct snek_cursor *, struct snek_value *name,
	    struct snek_value *);
	int (*pack)(snek_ctx *, const struct snek_value *names,
	    const struct snek_value *values, size_t n, struct snek_value *);
	void *(*alloc)(snek_ctx *, size_t);
	void (*count)(snek_ctx *, const char *name, int64_t delta);
	int64_t (*time_left)(snek_ctx *);
	int (*cancelled)(snek_ctx *);
	const struct snek_task_info *(*info)(snek_ctx *);
	/* Text of len bytes, no format: any language can call them. */
	int (*fail)(snek_ctx *, int code, const char *text, size_t len);
	void (*log)(snek_ctx *, uint32_t level, const char *text, size_t len);

	/* Added after 0.1.0: an op that can do without asks SNEK_HAS first. */
	/* open only */
	int (*side)(snek_ctx *, const char *name, size_t len, snek_side **);
	int (*side_field)(snek_ctx *, snek_side *, const char *path, size_t len,
	    snek_path *);
	/* anywhere */
	int (*side_chunk)(snek_ctx *, snek_side *, uint32_t number,
	    const struct snek_chunk **);
	/* map, map_shard */
	int (*place)(snek_ctx *, struct snek_record, struct snek_place *);
};

struct snek_ctx { const struct snek_api *api; /* the rest is the host's */ };

/* ---- what a plugin supplies ---- */

enum snek_arg_type {
	SNEK_ARG_STRING, SNEK_ARG_INT, SNEK_ARG_DOUBLE,
	SNEK_ARG_BOOL,                  /* yes or no; JSON true or false */
	SNEK_ARG_CHOICE,                /* one of choices */
	SNEK_ARG_LIST,                  /* strings: A,B,C; JSON array of strings */
};

/* One argument of an op, given as name=value or as a member of --args. */
struct snek_arg {
	uint32_t size;                  /* SNEK_ARG sets it */
	uint32_t type;                  /* enum snek_arg_type */
	const char *name, *help;
	const char *value;              /* the default as text; NULL: none */
	const char *choices;            /* "letters|space" */
	uint32_t required, reserved;
};
#define SNEK_ARG(...) (&(const struct snek_arg){ \
	.size = sizeof(struct snek_arg), __VA_ARGS__ })

/* A plain C function to call for each record, in place of a map: SNEK_CALL
 * makes one from a prototype that the compiler checks.  The signature has the
 * letter of the result and, in brackets, those of the arguments: b bool,
 * i int32_t, I uint32_t, l int64_t, L uint64_t, f float, d double, s const
 * char * that ends in a NUL; ?d and ?s may be missing. */
struct snek_function {
	uint32_t size, reserved;
	void (*call)(void);             /* the function, its type cast away */
	const char *signature;          /* "d(d?d)" */
	const char *const *fields;      /* paths by argument, then NULL */
};

/*
 * One operation.  Set the callbacks you implement, leave the rest NULL: a job
 * may take its map from one op and its reduce from another.  Callbacks of one
 * instance (self) are never called by two threads at a time, but instances of
 * one op run in several threads at once, so keep state in self, not in
 * statics.  combine and partition may be called within an emit of map.  After
 * an attempt that failed the instance is closed and made anew, so an op never
 * meets the remains of another attempt.
 *
 * What a callback returns: 0 or, for map, SNEK_SKIP; SNEK_EAGAIN for another
 * attempt; anything else negative fails the job.  What was emitted before a
 * SNEK_SKIP stays.  A host's function that failed has failed the attempt, even
 * where the op takes no notice.
 */
struct snek_op {
	uint32_t size;                  /* SNEK_OP sets it */
	uint32_t flags;                 /* none yet: 0 */
	const char *name;               /* [a-z][a-z0-9_]*, unique in the plugin */
	const char *summary;            /* one line, for people */
	const struct snek_arg *const *args;     /* NULL-terminated, or NULL */
	/* What becomes of the emitted values when the job does not say: a
	 * reducer's name ("sum"), or NULL: this op's reduce, its aggregates, or
	 * a list. */
	const char *reducer;

	/* Make and drop an instance: once per worker.  Read arguments, name
	 * fields and aggregates here. */
	int (*open)(snek_ctx *, void **self);
	void (*close)(void *self);      /* not after an open that failed */

	int (*map)(snek_ctx *, void *self, struct snek_record);   /* per record */
	int (*map_shard)(snek_ctx *, void *self, snek_chunks *);  /* or per task:
	             every chunk must be taken; what it emits has the place of
	             the first row of its chunk */
	int (*finish)(snek_ctx *, void *self);  /* end of task: emit what is held,
	             and empty self for the next task */

	/* combine: zero or more times, over some values of a key; emits under
	 * that key only.  reduce: once per key, over all; emits the result. */
	int (*combine)(snek_ctx *, void *self, struct snek_value key, snek_values *);
	int (*reduce)(snek_ctx *, void *self, struct snek_value key, snek_values *);

	/* Which of n partitions a key belongs to (less than n, and always the
	 * same for the same key); NULL: by hash. */
	uint32_t (*partition)(snek_ctx *, void *self, struct snek_value key,
	    uint32_t n);

	/* Or this, and no callbacks; added after 0.1.0. */
	const struct snek_function *function;
};
#define SNEK_OP(...) (&(const struct snek_op){ \
	.size = sizeof(struct snek_op), __VA_ARGS__ })

struct snek_plugin {
	uint32_t abi, size;             /* SNEK_ABI, sizeof(struct snek_plugin) */
	const char *name, *version;
	const struct snek_op *const *ops;       /* NULL-terminated */
};

/* SNEK_PLUGIN("reverse", "1.0", SNEK_OP(...), SNEK_OP(...)); at file scope, in
 * C.  C++ has no such literals: there, define ops and snek_plugin by hand. */
#define SNEK_PLUGIN(name_, version_, ...) \
	extern SNEK_EXPORT const struct snek_plugin snek_plugin; \
	const struct snek_plugin snek_plugin = { SNEK_ABI, \
	    sizeof(struct snek_plugin), name_, version_, \
	    (const struct snek_op *const[]){ __VA_ARGS__, NULL } }

/*
 * SNEK_FUNCTION(double, distance, (double, "lat"), (double, "lon")) is an op
 * for SNEK_PLUGIN: distance is called with the fields of each record.  It does
 * not compile where distance has another prototype; up to eight arguments of
 * bool, float, double, const char * and whole numbers of 32 and 64 bits.
 *
 * A record without one of the fields (or with null in it) is skipped, unless
 * the argument is (double, "lat", SNEK_OPTIONAL), which is then NaN, or such a
 * const char *, then NULL.  A value that the C type cannot hold fails the job;
 * nothing is truncated.  Strings are copied and live until the function
 * returns.  A bool result filters records; others are emitted with the key
 * null, but for a string at NULL, which skips the record.
 *
 * SNEK_OP(.name = ..., .reducer = "sum", .function = SNEK_CALL(double, ...))
 * is the same with more to say.
 */
#define SNEK_FUNCTION(result, function_, ...) SNEK_OP(.name = #function_, \
	.function = SNEK_CALL(result, function_, __VA_ARGS__))
#define SNEK_CALL(result, function_, ...) (&(const struct snek_function){ \
	.size = sizeof(struct snek_function) + 0 * sizeof(struct { \
	    _Static_assert(__builtin_types_compatible_p( \
	    __typeof__(&(function_)), \
	    result (*)(SNEK__EACH(SNEK__TYPE, __VA_ARGS__))), #function_ \
	    ": its prototype is not what SNEK_FUNCTION says"); char c; }), \
	.call = (void (*)(void))(function_), \
	.signature = (const char[]){ SNEK__LETTER(result), '(', \
	    SNEK__EACH(SNEK__ARG, __VA_ARGS__), ')', 0 }, \
	.fields = (const char *const[]){ \
	    SNEK__EACH(SNEK__FIELD, __VA_ARGS__), NULL } })
#define SNEK_OPTIONAL '?'

#define SNEK__LETTER(type) _Generic((type){0}, bool: 'b', float: 'f', \
	double: 'd', const char *: 's', int: 'i', unsigned: 'I', \
	long: sizeof(long) == 8 ? 'l' : 'i', \
	unsigned long: sizeof(long) == 8 ? 'L' : 'I', \
	long long: 'l', unsigned long long: 'L')
#define SNEK__TYPE(type, ...) type
#define SNEK__FIELD(type, ...) SNEK__FIRST(__VA_ARGS__, 0)
#define SNEK__ARG(type, ...) SNEK__SECOND(__VA_ARGS__, ' ', 0), \
	SNEK__LETTER(type)
#define SNEK__FIRST(a, ...) a
#define SNEK__SECOND(a, b, ...) b
#define SNEK__EACH(m, ...) SNEK__NINTH(__VA_ARGS__, SNEK__8, SNEK__7, \
	SNEK__6, SNEK__5, SNEK__4, SNEK__3, SNEK__2, SNEK__1, 0)(m, __VA_ARGS__)
#define SNEK__NINTH(a, b, c, d, e, f, g, h, i, ...) i
#define SNEK__1(m, a) m a
#define SNEK__2(m, a, ...) m a, SNEK__1(m, __VA_ARGS__)
#define SNEK__3(m, a, ...) m a, SNEK__2(m, __VA_ARGS__)
#define SNEK__4(m, a, ...) m a, SNEK__3(m, __VA_ARGS__)
#define SNEK__5(m, a, ...) m a, SNEK__4(m, __VA_ARGS__)
#define SNEK__6(m, a, ...) m a, SNEK__5(m, __VA_ARGS__)
#define SNEK__7(m, a, ...) m a, SNEK__6(m, __VA_ARGS__)
#define SNEK__8(m, a, ...) m a, SNEK__7(m, __VA_ARGS__)

/* True when this host has the member: for what was added after 0.1.0. */
#define SNEK_HAS(c, member) (offsetof(struct snek_api, member) + \
	sizeof((c)->api->member) <= (c)->api->size)

/* ---- values ---- */

static inline struct snek_value snek_null(void)
{
	struct snek_value v;

	v.type = SNEK_NULL;
	v.len = 0;
	v.as.i = 0;
	return v;
}

static inline struct snek_value snek_bool(bool b)
{
	struct snek_value v = snek_null();

	v.type = SNEK_BOOL;
	v.as.b = b;
	return v;
}

static inline struct snek_value snek_int(int64_t i)
{
	struct snek_value v = snek_null();

	v.type = SNEK_INT;
	v.as.i = i;
	return v;
}

static inline struct snek_value snek_double(double d)
{
	struct snek_value v = snek_null();

	v.type = SNEK_DOUBLE;
	v.as.d = d;
	return v;
}

static inline struct snek_value snek_string_n(const char *s, size_t n)
{
	struct snek_value v = snek_null();

	v.type = SNEK_STRING;
	v.len = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;  /* too long to emit */
	v.as.s = s;
	return v;
}

static inline struct snek_value snek_string(const char *s)
{
	return snek_string_n(s, strlen(s));
}

/* The value as a double; false when it is no number. */
static inline bool snek_to_double(struct snek_value v, double *out)
{
	switch (v.type) {
	case SNEK_DOUBLE: *out = v.as.d; return true;
	case SNEK_INT:    *out = (double)v.as.i; return true;
	case SNEK_UINT:   *out = (double)v.as.u; return true;
	default:          return false;
	}
}

/* ---- fields of a record ---- */

#define SNEK_NO_SLOT UINT32_MAX

static inline bool snek_bit(const uint64_t *bits, uint32_t i)
{
	return bits[i >> 6] >> (i & 63) & 1;
}

static inline uint32_t snek_search_slot(const struct snek_column *c, uint32_t row)
{
	uint32_t lo = 0, hi = c->slots;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->rows_of[mid] < row)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->slots && c->rows_of[lo] == row ? lo : SNEK_NO_SLOT;
}

/* Where the row's value lies, null included, or SNEK_NO_SLOT: absent. */
static inline uint32_t snek_slot(const struct snek_column *c, uint32_t row)
{
	switch (c->presence) {
	case SNEK_PRESENT_ALL:  return row;
	case SNEK_PRESENT_BITS: return snek_bit(c->present, row) ? row : SNEK_NO_SLOT;
	default:                return snek_search_slot(c, row);
	}
}

static inline struct snek_value snek_slot_value(const struct snek_record *r,
    const struct snek_column *c, uint32_t slot)
{
	switch (c->type) {
	case SNEK_COLUMN_INT:
		return snek_int(((const int64_t *)c->values)[slot]);
	case SNEK_COLUMN_DOUBLE:
		return snek_double(((const double *)c->values)[slot]);
	case SNEK_COLUMN_NUMBER:
		return snek_bit(c->doubles, slot)
		    ? snek_double(((const double *)c->values)[slot])
		    : snek_int(((const int64_t *)c->values)[slot]);
	case SNEK_COLUMN_STRING:
		return snek_string_n((const char *)c->values + c->ends[slot],
		    c->ends[slot + 1] - c->ends[slot]);
	default:
		return r->chunk->api->column_value(c, r->row, slot);
	}
}

/* The field's value; type SNEK_NONE when the record has no such field. */
static inline struct snek_value snek_get(struct snek_record r, snek_path p)
{
	const struct snek_column *c = r.chunk->columns[p.id];
	uint32_t slot = snek_slot(c, r.row);

	if (slot == SNEK_NO_SLOT) {
		struct snek_value none = snek_null();

		none.type = SNEK_NONE;
		return none;
	}
	if (c->nulls && snek_bit(c->nulls, slot))
		return snek_null();
	return snek_slot_value(&r, c, slot);
}

/* The field as a string; false when it is absent, null or of another type. */
static inline bool snek_get_string(struct snek_record r, snek_path p,
    const char **s, size_t *n)
{
	const struct snek_column *c = r.chunk->columns[p.id];
	struct snek_value v;

	if (c->type == SNEK_COLUMN_STRING && c->presence == SNEK_PRESENT_ALL &&
	    !c->nulls) {
		*s = (const char *)c->values + c->ends[r.row];
		*n = c->ends[r.row + 1] - c->ends[r.row];
		return true;
	}
	v = snek_get(r, p);
	if (v.type != SNEK_STRING)
		return false;
	*s = v.as.s;
	*n = v.len;
	return true;
}

/* The field as an int64_t; false when it is anything else. */
static inline bool snek_get_int(struct snek_record r, snek_path p, int64_t *out)
{
	struct snek_value v = snek_get(r, p);

	if (v.type != SNEK_INT)
		return false;
	*out = v.as.i;
	return true;
}

/* The field as a double, integers converted; false when it is no number. */
static inline bool snek_get_double(struct snek_record r, snek_path p, double *out)
{
	return snek_to_double(snek_get(r, p), out);
}

/* ---- services: thin names for the table, nothing more ---- */

/* open: the argument as declared, defaults filled in; SNEK_NONE if not given.
 * Strings and lists live until close. */
#define snek_arg(c, name, out)          ((c)->api->arg(c, name, out))
/* open: compile a path: member names with dots between and [i] for elements
 * ("a.b[0]"; a backslash before a dot, bracket or backslash that belongs to a
 * name); "" is the whole record.  The same path may be compiled again. */
#define snek_field_n(c, path, len, out) ((c)->api->field(c, path, len, out))
static inline int snek_field(snek_ctx *c, const char *path, snek_path *out)
{
	return snek_field_n(c, path, strlen(path), out);
}

/* open: have emit_row's next value reduced this way under this name. */
#define snek_aggregate(c, name, kind)   ((c)->api->aggregate(c, name, kind))

/* Emit a pair.  The key may be any value, null too, of at most 64 MiB; both
 * are copied. */
#define snek_emit(c, key, value)        ((c)->api->emit(c, key, value))
/* The same for a string key and a whole number: the fast way to count. */
#define snek_emit_int(c, key, len, n)   ((c)->api->emit_int(c, key, len, n))
/* A key and one value for each aggregate.  SNEK_NONE adds nothing; null adds
 * nothing but to a count. */
#define snek_emit_row(c, key, v, n)     ((c)->api->emit_row(c, key, v, n))
/* 1 and the next chunk or value, 0 at the end. */
#define snek_next_chunk(c, it, out)     ((c)->api->next_chunk(c, it, out))
#define snek_next_value(c, it, out)     ((c)->api->next_value(c, it, out))

/* Walk an array or object (SNEK_ETYPE for others); then next: 1 and an element
 * (name is SNEK_NONE in arrays), 0 at the end. */
#define snek_iterate(c, v, cursor)      ((c)->api->iterate(v, cursor))
#define snek_next(c, cursor, name, out) ((c)->api->next(cursor, name, out))
/* Make an object of n members, or with names NULL an array of n elements, in
 * memory that lives as long as snek_alloc's. */
#define snek_pack(c, names, v, n, out)  ((c)->api->pack(c, names, v, n, out))
/* Memory, aligned to 16, that goes when the callback returns (in open: at
 * close); NULL: none. */
#define snek_alloc(c, n)                ((c)->api->alloc(c, n))
/* Add to a counter; only the committed attempt of a task counts.  At most 256
 * names of 128 bytes. */
#define snek_count(c, name, n)          ((c)->api->count(c, name, n))
/* Milliseconds; INT64_MAX without a deadline. */
#define snek_time_left(c)               ((c)->api->time_left(c))
#define snek_cancelled(c)               ((c)->api->cancelled(c))
#define snek_task_info(c)               ((c)->api->info(c))

/* How much text vsnprintf left in a buffer of that size. */
static inline size_t snek_text_len(int n, size_t size)
{
	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

/* return snek_fail(c, SNEK_EPLUGIN, "..."): sets the text, gives the code.
 * It is the returning of the code that fails: a text whose callback then
 * returns 0 is dropped. */
__attribute__((format(printf, 3, 4)))
static inline int snek_fail(snek_ctx *c, int code, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* In brackets: <check.h> and <tgmath.h> have macros of these names. */
	return (c->api->fail)(c, code, text, snek_text_len(n, sizeof(text)));
}

__attribute__((format(printf, 3, 4)))
static inline void snek_log(snek_ctx *c, enum snek_log_level level,
    const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(c->api->log)(c, level, text, snek_text_len(n, sizeof(text)));
}

#ifdef __cplusplus
}
#endif

#include <snek/side.h>
#endif
