/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "category/load.h"
#include "job/job.h"
#include "task/host.h"

/* ---- which columns ---- */

/* What a path looks into beside its first member is the store's to know. */
static int add_column(struct sk_job_fetch *f, const char *text,
    struct snek_error *e)
{
	const struct sk_path_step *s;
	struct sk_path p;
	size_t at = f->names.n;
	int rc = sk_path_parse(&p, text, e);

	if (rc)
		return rc;
	s = p.n ? p.step : NULL;
	f->whole |= !s;
	if (s && s->name) {
		if (!sk_buf_put(&f->names, s->name, s->len))
			rc = sk_enomem(e);
		/* the names move while there come more */
		f->column[f->columns++] = (struct sk_span){ (void *)at, s->len };
	}
	sk_path_free(&p);
	return rc;
}

static bool is_doubled(const struct sk_job_fetch *f, size_t n)
{
	const struct sk_span *c = f->column;
	size_t i;

	for (i = 0; i < n; i++)
		if (c[i].n == c[n].n && !memcmp(c[i].p, c[n].p, c[n].n))
			return true;
	return false;
}

static void settle_names(struct sk_job_fetch *f)
{
	size_t i, n = 0;

	if (!f->names.p)        /* members without a name, at most */
		f->whole |= f->columns > 0;
	for (i = 0; i < f->columns && f->names.p; i++) {
		f->column[n] = (struct sk_span){ f->names.p +
		    (uintptr_t)f->column[i].p, f->column[i].n };
		n += !is_doubled(f, n);
	}
	f->columns = n;
}

static int find_columns(struct snek_job *j, struct snek_error *e)
{
	struct sk_job_fetch *f = &j->fetch;
	uint32_t i;
	int rc = 0;

	/* One that is not watched is the whole record or nobody knows. */
	f->whole = j->fields.n >= SK_SEEN_PATHS;
	f->column = calloc(j->fields.n + 1, sizeof(*f->column));
	if (!f->column)
		return sk_enomem(e);
	for (i = 0; i < j->fields.n && !rc && !f->whole; i++) {
		if (j->fields.name[i])
			rc = add_column(f, j->fields.name[i], e);
		else
			f->whole = true;
	}
	if (!rc)
		settle_names(f);
	return rc;
}

/* ---- bytes ---- */

static const struct sk_snapshot_chunk *named(const struct snek_job *j,
    const struct sk_task_chunk *c)
{
	return &j->snap->chunk[c - j->chunk];
}

static int stop(void *control, struct snek_error *e)
{
	return sk_control_check(control, e);
}

static int take(sk_load *l, const struct sk_task_chunk *c, size_t n,
    const struct sk_control *control, struct sk_span *to, struct snek_error *e)
{
	size_t which = n, i;
	int rc = sk_load_wait(l, stop, (void *)(uintptr_t)control, &which, e);

	if (rc)
		return which < n ? sk_fail_in(e, rc, "%s", c[which].origin) : rc;
	for (i = 0; i < n; i++)
		to[i] = sk_load_bytes(l, i);
	return 0;
}

static int fetch(void *arg, const struct sk_task_chunk *c, size_t n,
    bool whole, const struct sk_control *control, struct sk_span *to,
    void **held, struct snek_error *e)
{
	struct snek_job *j = arg;
	const struct sk_want want = { .name = j->fetch.column,
	    .names = j->fetch.columns, .all = whole };
	const struct sk_snapshot_chunk **list = calloc(n + 1, sizeof(*list));
	sk_load *l = NULL;
	size_t i;
	int rc;

	if (!list)
		return sk_enomem(e);
	for (i = 0; i < n; i++)
		list[i] = named(j, &c[i]);
	rc = sk_load_begin(j->cat, j->snap, list, n, &want, &l, e);
	free(list);
	if (!rc)
		rc = take(l, c, n, control, to, e);
	if (rc)
		sk_load_free(l);
	else
		*held = l;
	return rc;
}

static int gone(void *arg, const struct sk_task_chunk *c, struct snek_error *e)
{
	struct snek_job *j = arg;

	return sk_snapshot_gone(j->cat, j->snap, named(j, c), e);
}

void sk_job_fetch_release(void *held)
{
	sk_load_free(held);
}

int sk_job_fetch_whole(struct snek_job *j, const struct sk_task_chunk *c,
    struct sk_span *out, void **held, struct snek_error *e)
{
	const struct sk_control control = { .deadline_ms = j->deadline_ms };

	*out = c->bytes;
	*held = NULL;
	return c->bytes.p ? 0 : fetch(j, c, 1, true, &control, out, held, e);
}

/* ---- before it runs ---- */

bool sk_job_fetch_any(const struct snek_job *j)
{
	size_t i = 0;

	while (i < j->chunks && j->chunk[i].bytes.p)
		i++;
	return j->snap && i < j->chunks;
}

/* Where the shards are, for who reads or writes them elsewhere. */
static int tell_source(struct snek_job *j, struct snek_error *e)
{
	struct sk_buf *b = &j->fetch.source;
	int rc = j->worker || j->on == SK_ON_LAMBDA ?
	    sk_catalog_source(j->cat, b, e) : 0;

	j->exec_job.source = (struct sk_span){ b->p, b->n };
	return rc;
}

int sk_job_fetch_open(struct snek_job *j, struct snek_error *e)
{
	struct sk_exec_job *x = &j->exec_job;
	int rc;

	if (!sk_job_fetch_any(j))
		return sk_job_away_reduces(j) ? tell_source(j, e) : 0;
	rc = find_columns(j, e);
	if (!rc)
		rc = tell_source(j, e);
	if (rc)
		return rc;
	x->column = j->fetch.column;
	x->columns = j->fetch.columns;
	x->whole = j->fetch.whole;
	x->fetch = fetch;
	x->release = sk_job_fetch_release;
	x->gone = gone;
	x->fetch_arg = j;
	return 0;
}

/* The source holds passwords. */
void sk_job_fetch_close(struct sk_job_fetch *f)
{
	if (f->source.p)
		explicit_bzero(f->source.p, f->source.cap);
	sk_buf_free(&f->source);
	sk_buf_free(&f->names);
	free(f->column);
	memset(f, 0, sizeof(*f));
}
