/* SPDX-License-Identifier: MIT */
/*
 * journal.h - what of a job outlives its coordinator: its description, who
 * coordinates it now, what its committed tasks came to, how it ended, and its
 * result in pages.
 *
 * One coordinator at a time.  claim gives a token, larger than all before it;
 * what is written with another than the newest is refused (SNEK_ECONFLICT), so
 * that one who was taken for dead changes nothing any more.  A lease says how
 * long the others wait before they take him for dead; clocks are the store's.
 *
 * An item is written once and stays.  A job is forgotten ttl seconds after it
 * was changed last.  Ids are 32 hex digits; items are [a-z0-9]{1,32}.
 *
 *   journal_dir.c    jobs/ID/ in an embedded cluster's directory
 *   journal_redis.c  keys beside the meta store's
 */
#ifndef SK_JOURNAL_H
#define SK_JOURNAL_H
#include "base/buf.h"
#include "base/err.h"

#define SK_JOB_ID 33            /* bytes, with the NUL */
#define SK_JOB_ITEM 33
#define SK_JOURNAL_ITEM_MAX ((size_t)64 << 20)

struct sk_journal_state {
	uint64_t token;                 /* of the newest coordinator; 0: none yet */
	int64_t lease_ms;               /* that is left; 0: it has run out */
	bool cancelled;                 /* somebody asked for its end */
	bool ended;
	struct sk_buf description, progress, outcome;   /* outcome: once ended */
};
void sk_journal_state_free(struct sk_journal_state *);

struct sk_journal;
struct sk_journal_ops {
	/* SNEK_EEXIST: there is one of this id. */
	int (*create)(struct sk_journal *, const char *id,
	    struct sk_span description, uint32_t ttl_s, struct snek_error *);
	/* SNEK_ENOENT here and below: there is none, or no more. */
	int (*look)(struct sk_journal *, const char *id,
	    struct sk_journal_state *, struct snek_error *);
	/* SNEK_EAGAIN: another's lease has not run out; SNEK_EEXIST: ended. */
	int (*claim)(struct sk_journal *, const char *id, uint32_t lease_ms,
	    uint64_t *token, struct snek_error *);
	/* Lease anew, from now (0: it may be claimed at once), and how far it
	 * is.  SNEK_ECONFLICT: another coordinates it; SNEK_ECANCELED: lease
	 * renewed, but somebody wants its end. */
	int (*renew)(struct sk_journal *, const char *id, uint64_t token,
	    uint32_t lease_ms, struct sk_span progress, struct snek_error *);
	/* SNEK_EEXIST: the item is there, and stays as it was. */
	int (*put)(struct sk_journal *, const char *id, uint64_t token,
	    const char *item, struct sk_span, struct snek_error *);
	int (*end)(struct sk_journal *, const char *id, uint64_t token,
	    struct sk_span outcome, struct snek_error *);
	int (*cancel)(struct sk_journal *, const char *id, struct snek_error *);
	/* Appends. */
	int (*get)(struct sk_journal *, const char *id, const char *item,
	    struct sk_buf *, struct snek_error *);
	int (*items)(struct sk_journal *, const char *id,
	    int (*visit)(void *, const char *item), void *, struct snek_error *);
	int (*list)(struct sk_journal *, int (*visit)(void *, const char *id),
	    void *, struct snek_error *);
	int (*remove)(struct sk_journal *, const char *id, struct snek_error *);
	void (*shut)(struct sk_journal *);
};
struct sk_journal { const struct sk_journal_ops *ops; };

/* dir: the cluster's. */
int sk_journal_open_dir(const char *dir, struct sk_journal **,
    struct snek_error *);
/* Of a meta store on a server, which must outlive it. */
struct sk_meta;
int sk_journal_open_redis(struct sk_meta *, struct sk_journal **,
    struct snek_error *);

/* SNEK_ELIMIT. */
int sk_journal_too_large(const char *item, size_t n, struct snek_error *e);

/* A fresh id. */
int sk_job_id_make(char id[SK_JOB_ID], struct snek_error *);
bool sk_job_id_check(const char *);
#endif
