/* SPDX-License-Identifier: MIT */
/*
 * sorter.h - entries in, in any order; sorted runs out.  What comes in order
 * (the common case) is never sorted, and continues one file when it spills.
 */
#ifndef SK_SORTER_H
#define SK_SORTER_H
#include "task/sink.h"

struct sk_sorter {                      /* zeroed: empty */
	struct sk_run mem;              /* what came since the last spill */
	struct sk_run file;             /* what came before it, in order */
	struct sk_buf last;             /* key of the newest entry */
	struct sk_place place;
	uint32_t emit;
	bool any;                       /* the three above are set */
	bool unsorted;                  /* mem has to be sorted */
	struct sk_runs done;
	uint64_t spilled;               /* runs of their own so far */
};

struct sk_sorter_options {
	const char *tmp;
	const struct sk_grouper *combine;       /* NULL: none */
	size_t memory;                  /* for merging runs that are files */
};

int sk_sorter_add(struct sk_sorter *, const struct sk_entry *, struct snek_error *);
/* Memory that a spill would free, with what sorting (and combining) will need. */
size_t sk_sorter_held(const struct sk_sorter *, bool combines);
int sk_sorter_spill(struct sk_sorter *, const struct sk_sorter_options *,
    struct snek_error *);
/* What comes next is a run of its own, whatever its order. */
int sk_sorter_cut(struct sk_sorter *, const struct sk_sorter_options *,
    struct snek_error *);
/* Add all that came to out, as sorted runs that are ended, and start afresh. */
int sk_sorter_finish(struct sk_sorter *, const struct sk_sorter_options *,
    struct sk_runs *out, struct snek_error *);
void sk_sorter_free(struct sk_sorter *);
#endif
