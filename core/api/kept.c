/* SPDX-License-Identifier: MIT */
#include "api/kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/parts.h"
#include "base/clock.h"
#include "store/journal.h"

#define LOOK_MS 50              /* between two looks at a record */

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

/* One that nobody coordinates any more is begun again. */
static int look_once(struct look *l, const char *id, struct snek_error *e)
{
	const struct sk_kept_options *k = l->api->o.kept;
	int rc;

	sk_journal_state_free(&l->state);
	rc = l->journal->ops->look(l->journal, id, &l->state, e);
	if (!rc && !l->state.ended && l->state.token && !l->state.lease_ms)
		rc = k->begin(k->arg, id, e);
	return rc;
}

/* Until it ended, at most so long. */
static int wait_for(struct look *l, const char *id, unsigned ms,
    struct snek_error *e)
{
	const struct timespec pause = { 0, LOOK_MS * 1000000L };
	int64_t until = sk_clock_ms() + ms;
	int rc = look_once(l, id, e);

	while (!rc && !l->state.ended && sk_clock_ms() < until) {
		nanosleep(&pause, NULL);
		sk_journal_state_free(&l->state);
		rc = l->journal->ops->look(l->journal, id, &l->state, e);
	}
	return rc;
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

static void answer_job(struct sk_api_call *c, struct look *l, const char *id,
    int status)
{
	struct sk_object o;
	uint32_t i;
	char name[64];

	c->out->status = status;
	snprintf(c->out->location, sizeof(c->out->location), "/v1/jobs/%s", id);
	sk_object_begin(&o, &c->out->body, "job");
	sk_object_text(&o, "job", id);
	sk_object_text(&o, "state", state_of(l));
	for (i = 0; l->said.object && i < l->said.n; i++) {
		snprintf(name, sizeof(name), "%.*s",
		    (int)l->said.member[i].name_len, l->said.member[i].name);
		sk_object_any(&o, name, l->said.member[i].value);
	}
	sk_object_end(&o);
}

static uint64_t number(const struct look *l, const char *name)
{
	struct snek_value v = sk_object_member(&l->said, name);

	return v.type == SNEK_INT && v.as.i > 0 ? (uint64_t)v.as.i : 0;
}

static int failure(const struct look *l, struct snek_error *e)
{
	struct sk_member m[4];
	struct sk_record why = { .object = true, .member = m };
	char name[32], text[480];
	int code;

	why.n = sk_client_members(sk_object_member(&l->said, "error"), m, 4);
	sk_client_text(&why, "code", name, sizeof(name));
	sk_client_text(&why, "message", text, sizeof(text));
	for (code = SNEK_EINVAL; code > SNEK_EINTERNAL; code--)
		if (!strcmp(sk_error_name(code), name))
			break;
	return sk_fail(e, code, "%s", text);
}

/* Page n, from 1. */
static int answer_page(struct sk_api_call *c, struct look *l, const char *id,
    uint64_t n, struct snek_error *e)
{
	static const char *const figures[] = { "records", "skipped", "emitted",
		"tasks", "done", "retries", "results_total" };
	uint64_t pages = number(l, "pages");
	struct sk_object o;
	char item[SK_JOB_ITEM];
	size_t i;
	int rc;

	if (!n || n > pages)
		return sk_fail(e, SNEK_ENOENT, "there are %" PRIu64 " pages", pages);
	sk_object_begin(&o, &c->out->body, "results");
	sk_object_any(&o, "reduced", sk_object_member(&l->said, "reduced"));
	for (i = 0; i < sizeof(figures) / sizeof(*figures); i++)
		sk_object_number(&o, figures[i], number(l, figures[i]));
	sk_object_number(&o, "page", n);
	sk_object_number(&o, "pages", pages);
	if (n < pages) {
		snprintf(c->out->next, sizeof(c->out->next), "%" PRIu64, n + 1);
		sk_object_text(&o, "job", id);
		sk_object_number(&o, "next_page", n + 1);
	}
	sk_object_open(&o, "results", '[');
	snprintf(item, sizeof(item), "g%" PRIu64, n - 1);
	rc = l->journal->ops->get(l->journal, id, item, &c->out->body, e);
	sk_object_close(&o, ']');
	sk_object_end(&o);
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
	return sk_object_member(&l->said, "error").type != SNEK_NONE ?
	    failure(l, e) : answer_page(c, l, id, n, e);
}

/* ---- the handlers ---- */

/* What can be found wrong now is not found by a coordinator. */
static int begin(struct sk_api_call *c, struct look *l, char id[SK_JOB_ID],
    struct snek_error *e)
{
	const struct sk_kept_options *k = c->api->o.kept;
	snek_job *job = NULL;
	int rc = sk_api_describe(c->api, l->cluster, c->request->body, &job, NULL,
	    e);

	snek_job_free(job);
	if (!rc)
		rc = sk_job_id_make(id, e);
	if (!rc)
		rc = l->journal->ops->create(l->journal, id, c->request->body,
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
		rc = sk_api_wait_of(c->api, c->request->body, &ms, &e);
	if (!rc)
		rc = begin(c, &l, id, &e);
	if (!rc)
		rc = wait_for(&l, id, ms, &e);
	if (!rc)
		rc = answer(c, &l, id, 1, &e);
	close_look(&l);
	sk_api_end(c, rc, &e);
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
		rc = l.journal->ops->list(l.journal, sk_api_put_name, &o, &e);
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
		rc = look_once(&l, c->name[0], &e);
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
	struct sk_object o;
	struct look l;
	int rc = open_look(c->api, &l, &e);

	if (!rc)
		rc = l.journal->ops->look(l.journal, c->name[0], &l.state, &e);
	/* One that runs is told; its record goes by itself. */
	if (!rc)
		rc = l.state.ended ? l.journal->ops->remove(l.journal,
		    c->name[0], &e) : l.journal->ops->cancel(l.journal,
		    c->name[0], &e);
	close_look(&l);
	sk_api_end(c, rc, &e);
	if (rc)
		return;
	sk_object_begin(&o, &c->out->body, "dropped");
	sk_object_text(&o, "job", c->name[0]);
	sk_object_end(&o);
}

void sk_kept_results(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	uint64_t n = 1, s = 0;
	struct look l;
	int rc = open_look(c->api, &l, &e);

	if (!rc)
		rc = sk_api_number(c->request, "page", 1, &n, &e);
	if (!rc)
		rc = sk_api_number(c->request, "wait", 0, &s, &e);
	if (!rc)
		rc = wait_for(&l, c->name[0], s * 1000 < c->api->o.wait_ms ?
		    (unsigned)s * 1000 : c->api->o.wait_ms, &e);
	if (!rc)
		rc = answer(c, &l, c->name[0], n, &e);
	close_look(&l);
	sk_api_end(c, rc, &e);
}
