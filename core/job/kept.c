/* SPDX-License-Identifier: MIT */
#include "job/kept.h"

#include <stdlib.h>

#include "base/clock.h"
#include "job/job.h"
#include "store/kept.h"

#define IN_A_FILE ((uint64_t)8 << 20)   /* a run that is larger */
#define FETCH_MS 60000                  /* all runs of an attempt */
#define DROP_MS 5000

/* ---- which there are ---- */

static int note(struct sk_job_kept *k, const struct sk_run *r)
{
	size_t cap = k->cap ? 2 * k->cap : 64;
	struct sk_left *more;

	if (k->n == k->cap) {
		more = realloc(k->left, cap * sizeof(*more));
		if (!more)
			return SNEK_ENOMEM;
		k->left = more;
		k->cap = cap;
	}
	k->left[k->n++] = (struct sk_left){ r->kept, r->bytes };
	return 0;
}

/* Calls visit with each run that is kept. */
static int each(struct sk_outcome *o, int (*visit)(void *, struct sk_run *),
    void *arg)
{
	uint32_t p;
	size_t i;
	int rc = 0;

	if (o->run.fd == SK_RUN_KEPT)
		rc = visit(arg, &o->run);
	for (p = 0; p < o->parts; p++)
		for (i = 0; i < o->part[p].n && !rc; i++)
			if (o->part[p].run[i].fd == SK_RUN_KEPT)
				rc = visit(arg, &o->part[p].run[i]);
	return rc;
}

static int note_run(void *arg, struct sk_run *r)
{
	return note(arg, r);
}

/* ---- fetching ---- */

struct fetch {
	struct snek_job *job;
	sk_keeper *keeper;
	struct { struct sk_run *run; void *room; } *got;
	size_t n;
	struct snek_error *error;
};

static int count_run(void *arg, struct sk_run *r)
{
	(void)r;
	++*(size_t *)arg;
	return 0;
}

static int ask_run(void *arg, struct sk_run *r)
{
	struct fetch *f = arg;
	struct snek_job *j = f->job;
	struct sk_kept name = r->kept;
	void *room;

	if (name.shard >= j->cat->cluster.shards)
		return sk_fail(f->error, SNEK_EPLUGIN, "what came of an attempt "
		    "is said to be on shard %u, and there is none such",
		    name.shard);
	room = sk_run_room(r, r->bytes > IN_A_FILE ? j->set.tmp : NULL,
	    f->error);
	if (!room)
		return f->error->code;
	f->got[f->n].run = r;
	f->got[f->n++].room = room;
	return sk_keeper_get(f->keeper, j->cat->shard[name.shard], &name, room,
	    r->bytes, f->error);
}

static int64_t deadline(const struct snek_job *j, int64_t ms)
{
	int64_t at = sk_clock_ms() + ms;

	return j->deadline_ms && j->deadline_ms < at ? j->deadline_ms : at;
}

/* It was there a moment ago: who runs the attempt again has it again. */
static int gone(int rc, struct snek_error *e)
{
	struct snek_error was = *e;

	if (rc != SNEK_ENOENT)
		return rc;
	return sk_fail(e, SNEK_EAGAIN, "what came of an attempt is gone from "
	    "its server, which may be short of memory: %.300s", was.text);
}

static int fetch(struct fetch *f, struct sk_outcome *o, size_t n)
{
	size_t i;
	int rc;

	f->got = calloc(n, sizeof(*f->got));
	if (!f->got)
		return sk_enomem(f->error);
	rc = sk_keeper_new(f->job->kept.job, &f->keeper, f->error);
	if (!rc)
		rc = each(o, ask_run, f);
	if (!rc)
		rc = gone(sk_keeper_run(f->keeper, deadline(f->job, FETCH_MS),
		    f->error), f->error);
	sk_keeper_free(f->keeper);
	for (i = 0; i < f->n; i++)
		sk_run_arrived(f->got[i].run, f->got[i].room);
	free(f->got);
	return rc;
}

int sk_job_kept_take(struct snek_job *j, uint32_t stage, struct sk_outcome *o,
    struct snek_error *e)
{
	struct fetch f = { .job = j, .error = e };
	size_t n = 0;

	each(o, count_run, &n);
	if (!n)
		return 0;
	if (!*j->kept.job || !j->cat)
		return sk_fail(e, SNEK_EPLUGIN, "what came of an attempt is "
		    "said to be kept, and nobody asked for that");
	if (each(o, note_run, &j->kept))
		return sk_enomem(e);
	return j->kept.hand_on && !stage ? 0 : fetch(&f, o, n);
}

/* ---- the end ---- */

void sk_job_kept_drop(struct snek_job *j)
{
	struct sk_job_kept *k = &j->kept;
	sk_keeper *keeper = NULL;
	size_t i;
	int rc = k->n ? sk_keeper_new(k->job, &keeper, NULL) : 0;

	for (i = 0; keeper && i < k->n && !rc; i++)
		if (k->left[i].name.shard < j->cat->cluster.shards)
			rc = sk_keeper_drop(keeper,
			    j->cat->shard[k->left[i].name.shard],
			    &k->left[i].name, k->left[i].bytes, NULL);
	if (keeper)
		sk_keeper_run(keeper, sk_clock_ms() + DROP_MS, NULL);
	sk_keeper_free(keeper);
	k->n = 0;
}

void sk_job_kept_close(struct sk_job_kept *k)
{
	free(k->left);
	memset(k, 0, sizeof(*k));
}
