/* SPDX-License-Identifier: MIT */
/* sink_parts.h - a sink at work; for sink.c and sink_totals.c. */
#ifndef SK_SINK_PARTS_H
#define SK_SINK_PARTS_H
#include "base/hash.h"
#include "task/aggregate.h"
#include "task/group.h"
#include "task/sink.h"
#include "task/sorter.h"

struct sk_sink {
	struct sk_sink_options o;
	struct sk_reducer reducer;      /* names are the caller's */
	struct sk_totals totals;        /* AGGREGATED */
	uint32_t null;                  /* the number of its null key, from 1 */
	bool fast;                      /* one sum or count */
	bool counting;                  /* ... a count */
	bool plain;                     /* only sums and counts */
	struct sk_sorter *part;         /* LISTED, GROUPED: one a partition */
	struct sk_run *state;           /* AGGREGATED: what the table was too
	                                 * small for */
	size_t given;                   /* ... and the memory it takes */
	bool alone;                     /* nobody gives files in memory */
	uint32_t look;                  /* at so many keys it is asked whether
	                                 * the table is worth its misses */
	uint64_t looked;                /* emitted when it was last empty */
	uint32_t tables;                /* that were emptied */
	struct sk_past *past, own_past;
	size_t passed, most_passed;     /* bytes that went there uncounted */
	struct sk_builtin top;
	struct sk_place place;
	uint32_t emit;
	uint64_t emitted;
	size_t held;                    /* LISTED, GROUPED: bytes in memory */
	size_t most;                    /* of one pair */
	struct sk_buf key, value, scratch;
};

static inline bool sk_sink_aggregates(const sk_sink *s)
{
	return s->reducer.kind == SK_AGGREGATED;
}

/* Whether a pair has more bytes than one may; how many. */
static inline bool sk_sink_is_large(const sk_sink *s, struct snek_value key,
    struct snek_value v, size_t *n)
{
	*n = key.type >= SNEK_STRING ? key.len : 0;
	*n += v.type >= SNEK_STRING ? v.len : 0;
	return *n > s->most;
}

/* By the bytes of the key behind its first, where the op does not say. */
static inline uint32_t sk_sink_part(const sk_sink *s, uint8_t tag,
    const char *body, size_t n)
{
	return s->o.partitions == 1 ? 0 :
	    (uint32_t)(sk_hash64(body, n, tag) % s->o.partitions);
}
int sk_sink_partition(sk_sink *, struct sk_span key, uint32_t *,
    struct snek_error *);

/* AGGREGATED. */
int sk_sink_prepare_totals(sk_sink *, struct snek_error *);
int sk_sink_emit_total(sk_sink *, struct snek_value key, struct snek_value,
    struct snek_error *);
int sk_sink_finish_totals(sk_sink *, struct sk_runs *out, struct snek_error *);
#endif
