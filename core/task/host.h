/* SPDX-License-Identifier: MIT */
/*
 * host.h - the inside of an instance, and the table that its op sees.
 *
 * A frame is a callback that runs: what it may do, and where its emits go.
 * Frames nest once: combine and partition run within an emit of map.  The
 * first failure of a function of the table is kept (failure) and fails the
 * attempt, whatever the op returns; what the op itself says (text) counts only
 * with a negative return.
 */
#ifndef SK_HOST_H
#define SK_HOST_H
#include "base/arena.h"
#include "task/counters.h"
#include "task/task.h"
#include "value/chunk.h"

#define SK_MAX_FIELDS 4096u

enum sk_may {
	SK_MAY_DECLARE = 1,             /* arg, field, aggregate */
	SK_MAY_EMIT = 2,
	SK_MAY_ROWS = 4,                /* emit_row */
	SK_MAY_CHUNKS = 8,
	SK_MAY_VALUES = 16,
};

struct sk_frame {
	const char *name;               /* of the callback, for messages */
	uint32_t may;
	uint32_t depth;                 /* 1, or 2 within an emit; 0: none runs */
	uint32_t placed;                /* of the outer frame */
	sk_group *group;                /* VALUES */
	int (*emit)(void *, struct snek_value, struct snek_value); /* NULL: sink */
	void *emit_arg;
};

/* What a column of whole records asks: its host member points here. */
struct sk_whole {
	struct snek_value (*get)(struct sk_whole *, uint32_t row);
};

struct sk_instance {
	struct snek_ctx ctx;            /* first: ops hold a pointer to it */
	struct sk_instance_options o;
	char *category;
	void *self;
	bool opened, stale;             /* stale: an attempt failed in it */
	bool by_row;                    /* row is the record that op looks at */
	bool unordered;                 /* the sink need not know of rows */

	/* What open declared. */
	struct sk_path *path;
	char **path_text;
	uint32_t paths;
	struct sk_reducer declared;
	uint32_t aggregates;            /* declared in this open so far */
	struct sk_arena kept;           /* until close */
	struct snek_side *side;         /* those of them that it asked for */

	/* The task. */
	struct snek_task_info info;
	struct sk_control *control;
	const struct sk_map_task *map;
	struct sk_outcome *out;
	sk_sink *sink;
	struct sk_past past;
	struct sk_counters counters;
	struct snek_error failure;
	char text[512];
	struct sk_frame frame;
	struct sk_arena arena[2];       /* by frame */
	uint32_t tick;
	int attention;                  /* the callback's end has work to do */

	/* The chunk. */
	const struct sk_task_chunk *at;
	size_t next;                    /* chunk of the task */
	struct sk_chunk *chunk;
	struct snek_chunk view;
	struct snek_column *column;
	const struct snek_column **columns;
	uint32_t row;                   /* that runs */
	struct sk_mark *mark, own_mark; /* mark: own_mark, or what others see */
	size_t skip;                    /* next of the task's to leave out */
	uint32_t placed;                /* row that the sink was told of */
	struct sk_whole wholes;
	uint32_t whole_row;             /* row that whole is */
	struct snek_value whole;
	struct sk_buf scratch;
};

extern const struct snek_api sk_host_api;

/* Keep the first failure; the text is set by the caller unless there is one. */
int sk_host_stick(sk_instance *, int code);
__attribute__((format(printf, 3, 4)))
int sk_host_fail(sk_instance *, int code, const char *fmt, ...);
int sk_host_not_here(sk_instance *, const char *what);
/* Cancelled, or late? */
int sk_control_check(const struct sk_control *, struct snek_error *);
int sk_host_check(sk_instance *);

/* This callback runs now, for whoever looks at the mark. */
void sk_host_mark(sk_instance *, const char *name);
void sk_host_enter(sk_instance *, struct sk_frame *outer, const char *name,
    uint32_t may);
/* Give the callback's memory back and return to the outer frame. */
void sk_host_leave(sk_instance *, const struct sk_frame *outer);
/* What a callback's return and the failures in it come to: the code that ends
 * the attempt, 0, or SNEK_SKIP where that is allowed; failure says why. */
int sk_host_settle(sk_instance *, int rc, bool may_skip);

/* emit.c: the table's emit functions, and what they check; what names the
 * value in messages. */
int sk_emit_pair(snek_ctx *, struct snek_value key, struct snek_value);
int sk_emit_int(snek_ctx *, const char *key, size_t n, int64_t);
int sk_emit_row(snek_ctx *, struct snek_value key, const struct snek_value *,
    size_t n);
int sk_emit_check(sk_instance *, struct snek_value *, const char *what);
int sk_emit_check_string(sk_instance *, const char *, size_t n,
    const char *what);

/* instance.c: what open declares, and a fresh instance where the last attempt
 * left a stale one. */
int sk_instance_field(sk_instance *, const char *path, size_t n, snek_path *);
int sk_instance_aggregate(sk_instance *, const char *name, uint32_t kind);
int sk_instance_renew(sk_instance *, struct snek_error *);
/* feed.c: 1 and the next chunk of the map task made visible, 0 at the end. */
int sk_feed_next(sk_instance *);
/* Tell the sink of the row that runs. */
int sk_feed_place(sk_instance *);
struct snek_value sk_feed_whole(struct sk_whole *, uint32_t row);
/* Rows in the chunks that were not taken. */
uint64_t sk_feed_left(sk_instance *);
/* Where it stands, for messages. */
void sk_feed_where(sk_instance *, char *text, size_t size);
/* side.c: the table's functions for side inputs; free before close is over. */
int sk_side_open(snek_ctx *, const char *name, size_t n, snek_side **);
int sk_side_field(snek_ctx *, snek_side *, const char *path, size_t n,
    snek_path *);
int sk_side_chunk(snek_ctx *, snek_side *, uint32_t number,
    const struct snek_chunk **);
void sk_side_free_all(sk_instance *);
/* grouper.c */
struct sk_grouper sk_grouper_combine(sk_instance *);
struct sk_grouper sk_grouper_reduce(sk_instance *);
uint32_t sk_grouper_partition(void *instance, struct snek_value key, uint32_t n);
#endif
