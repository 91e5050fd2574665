/* SPDX-License-Identifier: MIT */
#include "api/kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/asked.h"
#include "api/parts.h"
#include "base/clock.h"

/* Between two looks at a record: in proportion to how long it has been. */
#define LOOK_MS 20
#define LOOK_MOST_MS 500

struct look {                           /* a cluster, its journal, a record */
	struct sk_api *api;
	snek_cluster *cluster;
	struct sk_journal *journal;
	struct sk_journal_state state;
	sk_json_reader *json;           /* of the outcome, or the progress */
	struct sk_record said;
};

static int open_look(struct sk_api *a, struct look *l, struct snek_error *e)
{
	int rc;

	memset(l, 0, sizeof(*l));
	l->api = a;
	rc = sk_api_take(a, &l->cluster, e);
	return rc ? rc : sk_api_journal(l->cluster, &l->journal, e);
}

static void close_look(struct look *l)
{
	sk_json_reader_free(l->json);
	sk_journal_state_free(&l->state);
	if (l->journal)
		l->journal->ops->shut(l->journal);
	sk_api_give(l->api, l->cluster);
}

/* One that nobody coordinates any more is begun again, if it may be. */
static int look_once(struct look *l, const char *id, bool may,
    struct snek_error *e)
{
	const struct sk_kept_options *k = l->api->o.kept;
	int rc;

	sk_journal_state_free(&l->state);
	if (sk_kept_is_write(id))
		return sk_fail(e, SNEK_ENOENT, "that is a write, and no job");
	rc = l->journal->ops->look(l->journal, id, &l->state, e);
	if (!rc && may && !l->state.ended && l->state.token &&
	    !l->state.lease_ms)
		rc = k->begin(k->arg, id, e);
	return rc;
}

static void pause_for(int64_t ms)
{
	struct timespec t = { 0, 0 };

	ms = ms < LOOK_MS ? LOOK_MS : ms > LOOK_MOST_MS ? LOOK_MOST_MS : ms;
	t.tv_nsec = (long)ms * 1000000L;
	nanosleep(&t, NULL);
}

/* Until it ended, at most so long. */
static int wait_for(struct look *l, const char *id, unsigned ms,
    struct snek_error *e)
{
	uint32_t lease = l->api->o.kept->lease_ms;
	int64_t now = sk_clock_ms(), since = now, until = now + ms, again = now;
	int rc = 0;

	lease = lease ? lease : SK_KEPT_LEASE_MS;
	for (;;) {
		/* One that was begun is given time to claim it. */
		rc = look_once(l, id, now >= again, e);
		if (!rc && !l->state.ended && !l->state.lease_ms && now >= again)
			again = now + lease;
		if (rc || l->state.ended || now >= until)
			return rc;
		pause_for((now - since) / 8);
		now = sk_clock_ms();
	}
}

/* What its coordinator said last, as an object. */
static int read_said(struct look *l, struct snek_error *e)
{
	const struct sk_buf *b = l->state.ended ? &l->state.outcome :
	    &l->state.progress;
	struct sk_json_options o = { 0 };
	int rc;

	memset(&l->said, 0, sizeof(l->said));
	if (!b->n)
		return 0;
	if (!l->json && sk_json_reader_new(&o, &l->json))
		return sk_enomem(e);
	rc = sk_json_read(l->json, b->p, b->n, &l->said, NULL, e);
	return rc ? sk_fail_in(e, SNEK_ECORRUPT, "a job's record") : 0;
}

/* ---- answers ---- */

static const char *state_of(const struct look *l)
{
	struct snek_value v = sk_object_member(&l->said, "error");

	if (!l->state.ended)
		return "running";
	return v.type == SNEK_NONE ? "done" : "failed";
}

/* All that its coordinator said. */
static void put_said(struct look *l, struct sk_object *o)
{
	uint32_t i;
	char name[64];

	for (i = 0; l->said.object && i < l->said.n; i++) {
		snprintf(name, sizeof(name), "%.*s",
		    (int)l->said.member[i].name_len, l->said.member[i].name);
		sk_object_any(o, name, l->said.member[i].value);
	}
	sk_object_end(o);
}

/* Of what which function, as it was asked for. */
static void put_asked(const struct look *l, struct sk_object *o)
{
	const struct sk_buf *b = &l->state.description;
	struct sk_record asked = { 0 };
	sk_json_reader *json;
	char text[260];

	if (sk_json_reader_new(NULL, &json)) {
		o->nomem = true;
		return;
	}
	if (!sk_json_read(json, b->p, b->n, &asked, NULL, NULL)) {
		sk_client_text(&asked, "category", text, sizeof(text));
		sk_object_text(o, "category", text);
		sk_client_text(&asked, "function", text, sizeof(text));
		sk_object_text(o, "function", text);
	}
	sk_json_reader_free(json);
}

static void answer_job(struct sk_api_call *c, struct look *l, const char *id,
    int status)
{
	struct sk_object o;

	sk_api_begin_job(c, &o, id, state_of(l), status);
	put_asked(l, &o);
	put_said(l, &o);
}

static void answer_written(struct sk_api_call *c, struct look *l,
    const char *id)
{
	struct sk_object o;

	sk_object_begin(&o, &c->out->body, "written");
	sk_object_text(&o, "job", id);
	put_said(l, &o);
}

void sk_kept_item(uint64_t n, char item[SK_JOB_ITEM])
{
	snprintf(item, SK_JOB_ITEM, "g%" PRIu64, n);
}

/* Page n, from 1. */
static int answer_page(struct sk_api_call *c, struct look *l, const char *id,
    uint64_t n, struct snek_error *e)
{
	const struct sk_record *said = &l->said;
	struct sk_page p = { .job = id, .number = n,
		.reduced = sk_client_flag(said, "reduced"),
		.results = sk_client_number(said, "results_total"),
		.keyed_from = sk_client_number(said, "keyed_from"),
		.pages = sk_client_number(said, "pages") };
	struct snek_value v = sk_object_member(said, "missing");
	struct sk_buf missing = { 0 };
	struct sk_object o;
	char item[SK_JOB_ITEM];
	int rc;

	sk_figures_get(said, &p.stat);
	if (v.type != SNEK_NONE && !sk_json_write(&missing, v))
		return sk_enomem(e);
	p.missing = (struct sk_span){ missing.p, missing.n };
	rc = sk_page_begin(c, &o, &p, e);
	sk_buf_free(&missing);
	if (rc)
		return rc;
	sk_kept_item(n - 1, item);
	rc = l->journal->ops->get(l->journal, id, item, &c->out->body, e);
	sk_page_end(&o);
	return rc ? rc : o.nomem ? sk_enomem(e) : 0;
}

static int answer(struct sk_api_call *c, struct look *l, const char *id,
    uint64_t n, struct snek_error *e)
{
	int rc = read_said(l, e);

	if (rc)
		return rc;
	if (!l->state.ended) {
		answer_job(c, l, id, 202);
		return 0;
	}
	if (sk_object_member(&l->said, "receipt").type == SNEK_OBJECT) {
		answer_written(c, l, id);
		return 0;
	}
	return sk_object_member(&l->said, "error").type != SNEK_NONE ?
	    sk_figures_get_error(&l->said, e) : answer_page(c, l, id, n, e);
}

/* ---- the handlers ---- */

/* What can be found wrong now is not found by a coordinator. */
static int begin(struct look *l, struct sk_span body, unsigned *ms,
    char id[SK_JOB_ID], struct snek_error *e)
{
	const struct sk_kept_options *k = l->api->o.kept;
	struct sk_api_asked q;
	snek_job *job = NULL;
	int rc = sk_asked_read(l->api, body, &q, e);

	if (!rc)
		rc = sk_asked_job(l->api, l->cluster, &q, &job, e);
	*ms = q.ms;
	snek_job_free(job);
	sk_asked_free(&q);
	if (!rc)
		rc = sk_job_id_make(id, e);
	if (!rc)
		rc = l->journal->ops->create(l->journal, id, body,
		    k->keep_s ? k->keep_s : 3600, e);
	return rc ? rc : k->begin(k->arg, id, e);
}

void sk_kept_query(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	char id[SK_JOB_ID];
	unsigned ms = 0;
	struct look l;
	int rc = open_look(c->api, &l, &e);

	if (!rc)
		rc = begin(&l, c->request->body, &ms, id, &e);
	if (!rc)
		rc = wait_for(&l, id, ms, &e);
	if (!rc)
		rc = answer(c, &l, id, 1, &e);
	close_look(&l);
	sk_api_end(c, rc, &e);
}

struct old {
	struct look *look;
	const char *id;
};

static int get_page(void *arg, uint64_t n, struct sk_buf *b,
    struct snek_error *e)
{
	const struct old *o = arg;
	char item[SK_JOB_ITEM];

	sk_kept_item(n, item);
	return o->look->journal->ops->get(o->look->journal, o->id, item, b, e);
}

static int answer_old(struct sk_api_call *c, struct look *l, const char *id,
    struct snek_error *e)
{
	struct old o = { l, id };
	int rc = read_said(l, e);

	if (rc)
		return rc;
	if (!l->state.ended)
		return sk_api_old_late(e);
	return sk_object_member(&l->said, "error").type != SNEK_NONE ?
	    sk_figures_get_error(&l->said, e) : sk_api_put_old(c,
	    sk_client_number(&l->said, "pages"), get_page, &o, e);
}

void sk_kept_old_query(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_buf body = { 0 };
	char id[SK_JOB_ID];
	unsigned ms = 0;
	struct look l;
	int rc = open_look(c->api, &l, &e);

	if (!rc)
		rc = sk_asked_from_old(c->api, c->request->body, &body, &e);
	if (!rc)
		rc = begin(&l, (struct sk_span){ body.p, body.n }, &ms, id, &e);
	if (!rc)
		rc = wait_for(&l, id, ms, &e);
	if (!rc)
		rc = answer_old(c, &l, id, &e);
	sk_buf_free(&body);
	close_look(&l);
	sk_api_end(c, rc, &e);
}

static int put_name(void *object, const char *id)
{
	return sk_kept_is_write(id) ? 0 : sk_api_put_name(object, id);
}

void sk_kept_list(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_object o;
	struct look l;
	int rc = open_look(c->api, &l, &e);

	sk_object_begin(&o, &c->out->body, "jobs");
	sk_object_open(&o, "jobs", '[');
	if (!rc)
		rc = l.journal->ops->list(l.journal, put_name, &o, &e);
	sk_object_close(&o, ']');
	sk_object_end(&o);
	close_look(&l);
	sk_api_end(c, rc, &e);
}

void sk_kept_job(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct look l;
	int rc = open_look(c->api, &l, &e);

	if (!rc)
		rc = look_once(&l, c->name[0], true, &e);
	if (!rc)
		rc = read_said(&l, &e);
	if (!rc)
		answer_job(c, &l, c->name[0], 200);
	close_look(&l);
	sk_api_end(c, rc, &e);
}

void sk_kept_drop(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct look l;
	int rc = open_look(c->api, &l, &e);

	if (!rc && sk_kept_is_write(c->name[0]))
		rc = sk_fail(&e, SNEK_ENOENT, "that is a write, and no job");
	if (!rc)
		rc = l.journal->ops->look(l.journal, c->name[0], &l.state, &e);
	/* One that runs is told; its record goes by itself. */
	if (!rc)
		rc = l.state.ended ? l.journal->ops->remove(l.journal,
		    c->name[0], &e) : l.journal->ops->cancel(l.journal,
		    c->name[0], &e);
	close_look(&l);
	sk_api_end_drop(c, rc, &e);
}

void sk_kept_results(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	uint64_t n = 1;
	unsigned ms = 0;
	struct look l;
	int rc = open_look(c->api, &l, &e);

	if (!rc)
		rc = sk_api_page_asked(c, &n, &ms, &e);
	if (!rc)
		rc = wait_for(&l, c->name[0], ms, &e);
	if (!rc)
		rc = answer(c, &l, c->name[0], n, &e);
	close_look(&l);
	sk_api_end(c, rc, &e);
}
