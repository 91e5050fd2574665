/* SPDX-License-Identifier: MIT */
/* coordinate.c - carry a kept job through, or as far as time allows. */
#include "api/kept.h"

#include <stdlib.h>
#include <string.h>

#include "api/asked.h"
#include "api/lacks.h"
#include "api/parts.h"
#include "base/clock.h"
#include "job/job.h"
#include "store/journal.h"
#include "store/redis.h"

#define MARGIN_MS 30000
#define LOOK_MS 200             /* how often the end of our time is thought of */

struct carry {
	struct sk_api *api;
	const struct sk_kept_options *k;
	const char *id;
	snek_cluster *cluster, *fresh;  /* fresh: logged in anew */
	struct sk_journal *journal;
	struct sk_journal_state state;
	uint64_t token;
	struct sk_into into;
	snek_job *job;
	int64_t renewed;                /* ms */
	bool fenced, wanted;            /* another has it; somebody ends it */
	bool again;                     /* it goes on with fresh: once */
};

static uint32_t lease(const struct carry *c)
{
	return c->k->lease_ms ? c->k->lease_ms : SK_KEPT_LEASE_MS;
}

/* ---- how far it is ---- */

static void put_figures(struct carry *c, struct sk_object *o)
{
	struct snek_job_stat s = { .size = sizeof(s) };

	if (!c->job)
		return;
	snek_job_stat(c->job, &s);
	sk_figures_put(o, &s);
}

static int renew(struct carry *c, uint32_t ms, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct sk_object o = { &b, false, false };
	int rc;

	sk_object_open(&o, NULL, '{');
	put_figures(c, &o);
	sk_object_close(&o, '}');
	rc = o.nomem ? sk_enomem(e) : c->journal->ops->renew(c->journal, c->id,
	    c->token, ms, (struct sk_span){ b.p, b.n }, e);
	sk_buf_free(&b);
	c->renewed = sk_clock_ms();
	c->fenced |= rc == SNEK_ECONFLICT;
	c->wanted |= rc == SNEK_ECANCELED;
	return rc == SNEK_ECONFLICT || rc == SNEK_ECANCELED ? 0 : rc;
}

/* ---- its end ---- */

static int end(struct carry *c, struct sk_buf *outcome, struct snek_error *e)
{
	int rc = c->journal->ops->end(c->journal, c->id, c->token,
	    (struct sk_span){ outcome->p, outcome->n }, e);

	sk_buf_free(outcome);
	return rc == SNEK_ECONFLICT || rc == SNEK_ENOENT ? 0 : rc;
}

static int end_failed(struct carry *c, int code, const struct snek_error *why,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct sk_object o = { &b, false, false };

	sk_object_open(&o, NULL, '{');
	put_figures(c, &o);
	sk_figures_put_error(&o, code, why->text);
	sk_object_close(&o, '}');
	return end(c, &b, e);
}

static int put_page(void *arg, uint64_t n, struct sk_span b,
    struct snek_error *e)
{
	struct carry *c = arg;
	char item[SK_JOB_ITEM];
	int rc;

	sk_kept_item(n, item);
	rc = c->journal->ops->put(c->journal, c->id, c->token, item, b, e);
	/* One that was there before us has put the same. */
	return rc == SNEK_EEXIST ? 0 : rc;
}

static int end_done(struct carry *c, struct snek_error *e)
{
	struct sk_page_cut p = { .most = c->api->o.max_reply, .put = put_page,
		.arg = c };
	struct sk_buf b = { 0 }, missing = { 0 };
	struct sk_object o = { &b, false, false };
	int rc = sk_page_cut(&p, c->job, e);

	if (rc == SNEK_ECONFLICT)
		return 0;
	if (rc)
		return end_failed(c, rc, e, e);
	sk_object_open(&o, NULL, '{');
	put_figures(c, &o);
	sk_object_flag(&o, "reduced", p.reduced);
	sk_object_number(&o, "results_total", p.results);
	sk_object_number(&o, "pages", p.pages);
	sk_object_number(&o, "keyed_from", p.keyed_from);
	if (sk_lacks_write(c->job, &missing))
		o.nomem = true;
	sk_object_raw(&o, "missing", (struct sk_span){ missing.p, missing.n });
	sk_object_close(&o, '}');
	sk_buf_free(&missing);
	return o.nomem ? sk_enomem(e) : end(c, &b, e);
}

/* While what came of it is written: are we still who does it? */
static int tick(void *arg, struct snek_error *e)
{
	struct carry *c = arg;
	int rc = 0;

	if (sk_clock_ms() - c->renewed > lease(c) / 3)
		rc = renew(c, lease(c), e);
	if (!rc && c->fenced)
		rc = sk_fail(e, SNEK_ECONFLICT, "another coordinates the job");
	if (!rc && c->wanted)
		rc = sk_fail(e, SNEK_ECANCELED, "cancelled: nothing was written");
	return rc;
}

static int end_written(struct carry *c, struct snek_error *e)
{
	struct snek_receipt receipt = { .size = sizeof(receipt) };
	struct snek_error why = { 0 };
	struct sk_buf b = { 0 };
	struct sk_object o = { &b, false, false };
	int rc = sk_into_write(&c->into, c->job, c->cluster, c->id, tick, c,
	    &receipt, &why);

	if (c->fenced)
		return 0;
	if (rc)
		return end_failed(c, rc, &why, e);
	sk_object_open(&o, NULL, '{');
	put_figures(c, &o);
	sk_into_put(&o, &c->into, &receipt);
	sk_object_close(&o, '}');
	return o.nomem ? sk_enomem(e) : end(c, &b, e);
}

/* ---- while it runs ---- */

static bool is_late(const struct carry *c)
{
	int64_t margin = c->k->margin_ms ? c->k->margin_ms : MARGIN_MS;

	return c->k->left && c->k->left(c->k->arg) < margin;
}

/* What is committed stays; the next one goes on. */
static int hand_over(struct carry *c, struct snek_error *e)
{
	struct snek_error why;
	int rc;

	snek_job_cancel(c->job);
	snek_job_wait(c->job, -1, &why);
	rc = renew(c, 0, e);
	return rc || c->fenced ? rc : c->k->begin(c->k->arg, c->id, e);
}

/* What a password that has grown too old made fail goes on with another, if
 * that is let in. */
static bool is_cured(struct carry *c, const struct snek_error *why)
{
	if (c->again || !c->k->log_in || !sk_redis_says_login(why))
		return false;
	c->again = c->k->log_in(c->k->arg) &&
	    !sk_api_take(c->api, &c->fresh, NULL);
	return c->again;
}

static int carry(struct carry *c, struct snek_error *e)
{
	struct snek_error why = { 0 };
	bool late = false;
	int rc = 0, ended = 0;

	while (!rc && !ended && !c->fenced && !late) {
		ended = snek_job_wait(c->job, LOOK_MS, &why);
		late = !ended && is_late(c);
		if (!ended && sk_clock_ms() - c->renewed > lease(c) / 3)
			rc = renew(c, lease(c), e);
		if (c->wanted)
			snek_job_cancel(c->job);
	}
	if (rc || c->fenced || ended == SNEK_ECONFLICT)
		return rc;
	if (late)
		return hand_over(c, e);
	if (ended != 1 && is_cured(c, &why))
		return renew(c, 0, e);
	if (ended != 1)
		return end_failed(c, ended, &why, e);
	return *c->into.category ? end_written(c, e) : end_done(c, e);
}

static int start(struct carry *c, struct snek_error *e)
{
	const struct sk_buf *b = &c->state.description;
	struct sk_api_asked q;
	int rc = sk_asked_read(c->api, (struct sk_span){ b->p, b->n }, &q, e);

	if (!rc)
		rc = sk_asked_job(c->api, c->cluster, &q, &c->job, e);
	c->into = q.into;
	sk_asked_free(&q);
	if (rc)
		return rc;
	if (c->k->log)
		snek_job_on_log(c->job, c->k->log, c->k->arg);
	sk_job_keep(c->job, c->journal, c->id, c->token);
	return snek_job_start(c->job, e);
}

static int claim(struct carry *c, struct snek_error *e)
{
	int rc = c->fresh ? 0 : sk_api_take(c->api, &c->cluster, e);

	if (c->fresh)
		c->cluster = c->fresh;
	c->fresh = NULL;
	if (!rc)
		rc = sk_api_journal(c->cluster, &c->journal, e);
	if (!rc)
		rc = c->journal->ops->claim(c->journal, c->id, lease(c), &c->token,
		    e);
	return rc ? rc : c->journal->ops->look(c->journal, c->id, &c->state, e);
}

static int coordinate(struct carry *c, struct snek_error *e)
{
	struct snek_error why = { 0 };
	int rc = claim(c, e);

	c->renewed = sk_clock_ms();
	if (!rc && c->state.cancelled) {
		sk_fail(&why, SNEK_ECANCELED, "cancelled");
		return end_failed(c, SNEK_ECANCELED, &why, e);
	}
	if (!rc) {
		rc = start(c, &why);
		return rc ? end_failed(c, rc, &why, e) : carry(c, e);
	}
	if (rc == SNEK_EAGAIN || rc == SNEK_EEXIST || rc == SNEK_ENOENT)
		return 0;               /* another's, over, or forgotten */
	if (e && is_cured(c, e))
		return 0;
	return rc;
}

static void put_down(struct carry *c)
{
	snek_job_free(c->job);
	sk_journal_state_free(&c->state);
	if (c->journal)
		c->journal->ops->shut(c->journal);
	if (c->fresh)
		snek_cluster_close(c->cluster);
	else
		sk_api_give(c->api, c->cluster);
	c->job = NULL;
	c->journal = NULL;
	c->cluster = NULL;
}

int sk_kept_coordinate(struct sk_api *a, const char *id, struct snek_error *e)
{
	struct carry c = { .api = a, .k = a->o.kept, .id = id };
	int rc = coordinate(&c, e);

	put_down(&c);
	if (rc || !c.again)
		return rc;
	memset(&c.state, 0, sizeof(c.state));
	rc = coordinate(&c, e);
	put_down(&c);
	return rc;
}
