/* SPDX-License-Identifier: MIT */
/*
 * sink.h - where a map attempt's pairs go: combined as they come, cut into
 * partitions, given out as runs.
 *
 *   LISTED      entries in order; sorted where keys came out of order
 *   AGGREGATED  a hash table of aggregates; its runs are unsorted states
 *   GROUPED     as LISTED, with combine applied to each key's values
 */
#ifndef SK_SINK_H
#define SK_SINK_H
#include "task/reducer.h"
#include "task/run.h"

typedef struct sk_sink sk_sink;
typedef struct sk_group sk_group;       /* the values of one key, one pass */

/* 1 and the next value (valid until the next call), 0 at the end. */
int sk_group_next(sk_group *, struct snek_value *, struct snek_error *);

/* Combines or reduces one key's values by calling emit any number of times
 * (combine: under the same key).  The host's callbacks of an op come through
 * here. */
struct sk_grouper {
	int (*group)(void *arg, struct snek_value key, sk_group *,
	    int (*emit)(void *, struct snek_value key, struct snek_value value),
	    void *emit_arg, struct snek_error *);
	void *arg;
};

/* What sinks of one op learn from each other.  Zeroed: nothing yet. */
struct sk_past {
	uint64_t left;          /* pairs that go to the partitions without having
	                         * met a table */
	uint64_t last;          /* how many were to when a table was given up */
};

struct sk_sink_options {
	const struct sk_reducer *reducer;
	uint32_t partitions;
	/* Bytes to hold before spilling; merging takes half as much, then. */
	size_t memory;
	const char *tmp;                /* directory for spills; outlives the sink */
	/* GROUPED; group NULL: none.  For SK_GROUP_TOP the sink has its own.
	 * Results take the place and emit number of the first value. */
	struct sk_grouper combine;
	/* NULL: by hash of the key's bytes.  n or more: SNEK_EPLUGIN. */
	uint32_t (*partition)(void *, struct snek_value key, uint32_t n);
	void *partition_arg;
	struct sk_past *past;           /* NULL: the sink's own */
};
int sk_sink_new(const struct sk_sink_options *, sk_sink **, struct snek_error *);
void sk_sink_free(sk_sink *);

/* Where the next pairs come from; counts the emits of a place from 0. */
void sk_sink_at(sk_sink *, struct sk_place);

/* Copy a pair in.  One that is too large is SNEK_ELIMIT.  NaN and infinity
 * anywhere at top level of key or value are SNEK_EINVAL.  For AGGREGATED with
 * one aggregate the value must be a number for sum and mean (SNEK_ETYPE names
 * the type met), anything but NONE for count, anything for min and max. */
int sk_sink_emit(sk_sink *, struct snek_value key, struct snek_value, struct snek_error *);
int sk_sink_emit_int(sk_sink *, const char *key, size_t n, int64_t, struct snek_error *);
/* AGGREGATED: one value each.  NONE adds nothing, null to SNEK_COUNT only (an op
 * that counts rows passes a 1).  The key is there even if nothing was added. */
int sk_sink_emit_row(sk_sink *, struct snek_value key, const struct snek_value *,
    size_t n, struct snek_error *);
/* Pairs taken since sk_sink_new, over all tasks. */
uint64_t sk_sink_emitted(const sk_sink *);

/* Give out one list of runs for each partition (out has partitions elements,
 * zeroed) and start afresh for the next task. */
int sk_sink_finish(sk_sink *, struct sk_runs *out, struct snek_error *);

/*
 * The reduce stage on one partition: all its runs from all committed map
 * attempts in, one sorted run of (key, final value as msgpack) out.  LISTED
 * merges.  AGGREGATED merges states and makes values (several aggregates: an
 * object in declared order; a mean or min of nothing is left out).  GROUPED
 * merges and calls reduce (built-in list and top by itself).  Results of
 * GROUPED carry the place and emit number of their group's first value, which
 * no other group has; several of one group stay in the order of emission.
 */
struct sk_reduce_options {
	const struct sk_reducer *reducer;
	size_t memory;
	const char *tmp;
	struct sk_grouper reduce;       /* SK_GROUP_OP */
	/* Called now and then; less than 0 ends the reduction with it (and
	 * more with SNEK_ECANCELED). */
	int (*check)(void *);
	void *check_arg;
};
int sk_reduce(const struct sk_reduce_options *, const struct sk_run *const *runs,
    size_t n, struct sk_run *out, struct snek_error *);
#endif
