/* SPDX-License-Identifier: MIT */
/*
 * run.h - a sequence of (key, place, value) entries: what an attempt gives
 * out, in memory or, past a bound, in an unlinked temporary file.  Sorted by
 * key, place and emit number unless said otherwise.  The form of the bytes is
 * drawn in run.c: it is also what travels between processes.
 */
#ifndef SK_RUN_H
#define SK_RUN_H
#include "base/buf.h"
#include "base/err.h"
#include "base/kept.h"
#include "base/pages.h"
#include "value/chunk.h"        /* struct sk_place */

#define SK_ENTRY_HEAD 45u       /* most bytes of an entry before its key */
#define SK_ENTRY_SHORT 5u       /* fewest */

struct sk_entry {
	struct sk_span key;     /* bytes of key.h */
	struct sk_place place;
	uint32_t emit;          /* number among the emits of its record */
	struct sk_span value;   /* msgpack, or states of aggregates */
};

#define SK_RUN_KEPT (-1)
struct sk_run {                 /* zeroed: an empty run */
	struct sk_pages mem;    /* all of it, or what the file lacks yet */
	int fd;                 /* 0: in memory (a file never gets 0); SK_RUN_KEPT:
				 * on a shard, to be fetched before it is read */
	bool in_memory;         /* the file is, too (it came from elsewhere) */
	uint64_t entries, bytes;        /* in all */
	uint64_t largest;       /* bytes of the largest entry */
	uint64_t room;          /* of a file in memory that is written to */
	size_t window;          /* written to a file at once; 0: 256 KiB */
	char *dir;              /* where the file is, for messages */
	struct sk_kept kept;
};
int sk_run_add(struct sk_run *, const struct sk_entry *, struct snek_error *);
/* The same with the key's first byte apart from the rest, and without a place. */
int sk_run_add_tagged(struct sk_run *, uint8_t tag, struct sk_span body,
    struct sk_span value, struct snek_error *);
/* Move what is in memory to a temporary file in dir (unlinked at once); what
 * is added later is appended, buffered. */
int sk_run_spill(struct sk_run *, const char *dir, struct snek_error *);
/* The same into a file in memory of so many bytes, where dir has some to give
 * (tmp.h): others can be handed it without a copy.  What it has no room for
 * makes it a file in dir.  1, or 0: there is none, and the run is as it was. */
int sk_run_share(struct sk_run *, const char *dir, uint64_t room,
    struct snek_error *);
/* Add all of a run that is in memory, and empty it, keeping its memory. */
int sk_run_append(struct sk_run *, struct sk_run *from, struct snek_error *);
/* Everything that was added can be read from now on; a file gives back its
 * buffer. */
int sk_run_end(struct sk_run *, struct snek_error *);
void sk_run_free(struct sk_run *);

/* Room for the bytes of a kept run, which it holds from then on: in memory, or
 * in a file in dir unless that is NULL.  NULL, and the error.  arrived: they are
 * there. */
void *sk_run_room(struct sk_run *, const char *dir, struct snek_error *);
void sk_run_arrived(struct sk_run *, void *room);

struct sk_runs {
	struct sk_run *run;
	size_t n, cap;
};
bool sk_runs_add(struct sk_runs *, struct sk_run *);    /* takes it over */
void sk_runs_free(struct sk_runs *);

#define SK_RUN_WINDOW (256u << 10)

/* Reading; several readers of one run at a time are fine (pread). */
typedef struct sk_run_reader sk_run_reader;
int sk_run_reader_new(const struct sk_run *, sk_run_reader **, struct snek_error *);
/* The same with the bytes to hold of a file at a time. */
int sk_run_reader_sized(const struct sk_run *, size_t window, sk_run_reader **,
    struct snek_error *);
/* 1 and an entry, valid until the next call; 0 at the end; bad bytes, more or
 * fewer entries than the run says, and a larger one, are SNEK_EFORMAT. */
int sk_run_reader_next(sk_run_reader *, struct sk_entry *, struct snek_error *);
void sk_run_reader_free(sk_run_reader *);

/* All the bytes of a run that is in memory.  SNEK_ENOENT without text: it is
 * elsewhere, or in a file that somebody may cut short. */
struct sk_run_view {
	const uint8_t *p;
	size_t n;
	bool mapped;
};
int sk_run_view_open(const struct sk_run *, struct sk_run_view *,
    struct snek_error *);
void sk_run_view_close(struct sk_run_view *);

/* Less than, equal to or more than 0, as key, place and emit number are. */
int sk_entry_compare(const struct sk_entry *, const struct sk_entry *);
/* The entry at p; the bytes it takes, or 0: not whole, or (when need is not
 * above n) malformed.  need gets the bytes that would be enough to go on. */
size_t sk_entry_get_long(const uint8_t *p, size_t n, struct sk_entry *,
    uint64_t *need);
/* Its numbers are all below 128, a byte each. */
static inline bool sk_entry_is_short(const uint8_t *p)
{
	return (p[0] | p[1] | p[2] | p[3] | p[4]) < 128;
}

static inline size_t sk_entry_get(const uint8_t *p, size_t n,
    struct sk_entry *t, uint64_t *need)
{
	size_t bytes;

	if (n < SK_ENTRY_SHORT || !sk_entry_is_short(p))
		return sk_entry_get_long(p, n, t, need);
	bytes = SK_ENTRY_SHORT + (size_t)p[0] + p[1];
	t->key = (struct sk_span){ p + SK_ENTRY_SHORT, p[0] };
	t->value = (struct sk_span){ p + SK_ENTRY_SHORT + p[0], p[1] };
	t->place.version = p[2];
	t->place.record = p[3];
	t->emit = p[4];
	*need = bytes;
	return bytes <= n ? bytes : 0;
}

/* Many sorted runs as one, by (key, place, emit); equal entries in the order
 * of the runs. */
typedef struct sk_merge sk_merge;
int sk_merge_new(const struct sk_run *const *runs, size_t n, sk_merge **,
    struct snek_error *);
/* The same within so many bytes, as far as two entries at a time allow: where
 * the runs are more files than that is enough for, some are merged first. */
struct sk_merge_limits {
	size_t memory;
	const char *tmp;
	int (*check)(void *);   /* as in sk_reduce_options; may be NULL */
	void *check_arg;
};
int sk_merge_within(const struct sk_merge_limits *,
    const struct sk_run *const *runs, size_t n, sk_merge **,
    struct snek_error *);
/* All the merge gives, behind what is in the run; a file if it is one. */
int sk_merge_all(sk_merge *, const struct sk_merge_limits *, struct sk_run *,
    struct snek_error *);
int sk_merge_next(sk_merge *, struct sk_entry *, struct snek_error *);
void sk_merge_free(sk_merge *);
#endif
