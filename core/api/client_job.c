/* SPDX-License-Identifier: MIT */
/* client_job.c - a query that runs behind a gateway: described here, asked
 * about until it ended, its results fetched page by page. */
#include "api/client_job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/figures.h"
#include "api/lacks.h"
#include "api/receipt.h"
#include "base/clock.h"
#include "value/pack.h"

#define LOOK_MS 1000            /* how long a question about a job waits */
#define PATIENCE_MS 30000       /* with who turns us away, without a timeout */
#define AGAIN_MS 1000           /* when it is not said after how long */
#define NAP_MS 20               /* between two looks whether we are to end */
#define RECEIPT_MEMBERS 16u

/* ---- answers ---- */

static int begin_page(struct sk_client_job *j, struct snek_error *e)
{
	struct snek_value list;
	const struct sk_record *r = &j->page.record;

	j->reduced = sk_client_flag(r, "reduced");
	j->keyed = j->reduced || sk_client_flag(r, "keyed");
	j->number = sk_client_number(r, "page");
	j->pages = sk_client_number(r, "pages");
	list = sk_object_member(r, "results");
	if (list.type != SNEK_ARRAY || sk_iterate(list, &j->at))
		return sk_fail(e, SNEK_EFORMAT, "the gateway's results are no "
		    "list");
	return 0;
}

/* Beyond the page that tells of it. */
static bool keep_missing(struct sk_client_job *j)
{
	struct snek_value v = sk_object_member(&j->page.record, "missing");

	return v.type != SNEK_ARRAY ||
	    (sk_buf_printf(&j->missing, "{\"missing\":") &&
	    sk_json_write(&j->missing, v) && sk_buf_byte(&j->missing, '}'));
}

int sk_client_job_missing(const struct sk_client_job *j,
    int (*visit)(void *, const struct snek_missing *), void *arg)
{
	struct sk_client_object o;
	int rc = 0;

	if (!j->done || j->code)
		return SNEK_EINVAL;
	if (!j->missing.n)
		return 0;
	rc = sk_client_parse((struct sk_span){ j->missing.p, j->missing.n }, &o,
	    NULL);
	if (!rc)
		rc = sk_lacks_visit(&o.record, visit, arg);
	sk_client_object_free(&o);
	return rc;
}

static int hear_receipt(struct sk_client_job *j, struct snek_error *e)
{
	struct sk_member m[RECEIPT_MEMBERS];
	struct sk_record r = { .object = true, .member = m };

	r.n = sk_client_members(sk_object_member(&j->page.record, "receipt"), m,
	    RECEIPT_MEMBERS);
	sk_receipt_get(&r, &j->receipt);
	return j->into && j->receipt.version ? 0 : sk_fail(e, SNEK_EFORMAT,
	    "the gateway answered a query with a receipt that makes no sense");
}

/* A job, running or ended; or, at once, the results. */
static int hear(struct sk_client_job *j, struct snek_error *e)
{
	char kind[16], state[16];
	const struct sk_record *r = &j->page.record;
	int rc;

	sk_client_object_free(&j->page);
	rc = sk_client_parse((struct sk_span){ j->reply.body.p,
	    j->reply.body.n }, &j->page, e);
	if (rc)
		return rc;
	sk_client_text(r, "kind", kind, sizeof(kind));
	sk_client_text(r, "state", state, sizeof(state));
	sk_client_text(r, "job", j->id, sizeof(j->id));
	if (!strcmp(kind, "results") && !j->into) {
		sk_figures_get(r, &j->stat);
		j->stat.seconds = (double)(sk_clock_ms() - j->began) / 1000;
		j->stat.keys = sk_client_number(r, "results_total");
		j->done = true;
		if (!j->missing.n && !keep_missing(j))
			return sk_enomem(e);
		return begin_page(j, e);
	}
	if (!strcmp(kind, "written")) {
		sk_figures_get(r, &j->stat);
		j->stat.seconds = (double)(sk_clock_ms() - j->began) / 1000;
		j->done = true;
		return hear_receipt(j, e);
	}
	if (strcmp(kind, "job"))
		return sk_fail(e, SNEK_EFORMAT, "the gateway answered a query "
		    "with a %s", *kind ? kind : "thing of no kind");
	sk_figures_get(r, &j->stat);
	if (!strcmp(state, "failed")) {
		j->done = true;
		j->code = sk_figures_get_error(r, &j->error);
	}
	return 0;
}

static int ask(struct sk_client_job *j, const char *method, const char *path,
    struct sk_span body, struct snek_error *e)
{
	struct sk_client_call call = { .method = method, .path = path,
		.body = body, .once = body.n > 0 };
	int rc;

	sk_client_reply_free(&j->reply);
	memset(&j->reply, 0, sizeof(j->reply));
	rc = sk_client_call(j->client, &call, &j->reply, e);
	/* One that writes nothing may begin again. */
	return rc == SNEK_EUNKNOWN && !j->into ? sk_fail_in(e, SNEK_EAGAIN,
	    "the query was not answered") : rc;
}

static bool is_cancelled(struct sk_client_job *j)
{
	return __atomic_load_n(&j->cancelled, __ATOMIC_SEQ_CST);
}

/* ---- turned away ---- */

static void pause_until(struct sk_client_job *j, int64_t until)
{
	const struct timespec nap = { 0, NAP_MS * 1000000L };

	while (sk_clock_ms() < until && !is_cancelled(j))
		nanosleep(&nap, NULL);
}

/* For now; nothing has begun.  Who stands in front may say 503 of one that has,
 * and a write is not done twice. */
static bool is_refused(const struct sk_client_job *j)
{
	const struct sk_client_reply *r = &j->reply;

	return r->status == 429 || (r->status == 503 && (r->said || !j->into));
}

static int64_t when_again(const struct sk_client_job *j)
{
	return sk_clock_ms() + (j->reply.retry_after_s ?
	    (int64_t)j->reply.retry_after_s * 1000 : AGAIN_MS);
}

/* Is it worth asking once more?  Then it is time now. */
static bool wait_for_room(struct sk_client_job *j)
{
	int64_t again = when_again(j), patience = j->patience_ms > 0 ?
	    j->patience_ms : PATIENCE_MS;

	if (!is_refused(j) || again > j->heard + patience)
		return false;
	pause_until(j, again);
	return !is_cancelled(j);
}

int sk_client_job_start(struct sk_client_job *j, struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_buf b = { 0 };
	int rc;

	if (!j->function)
		return sk_fail(e, SNEK_EINVAL, "no function to map");
	rc = sk_client_job_describe(j, &b, &why);
	j->began = j->heard = sk_clock_ms();
	if (!rc)
		do
			rc = ask(j, "POST", "/v1/query", (struct sk_span){ b.p,
			    b.n }, &why);
		while (rc && wait_for_room(j));
	if (rc && is_cancelled(j))
		rc = sk_fail(&why, SNEK_ECANCELED, "cancelled");
	if (!rc)
		rc = hear(j, &why);
	j->started = !rc;
	sk_buf_free(&b);
	if (rc && e)
		*e = why;
	return rc;
}

static void drop(struct sk_client_job *j)
{
	struct sk_client_call call = { .method = "DELETE", .once = true,
		.timeout_ms = 5000 };
	struct sk_client_reply r = { 0 };
	char path[64];

	if (!*j->id)
		return;
	snprintf(path, sizeof(path), "/v1/jobs/%s", j->id);
	call.path = path;
	sk_client_call(j->client, &call, &r, NULL);
	sk_client_reply_free(&r);
	*j->id = '\0';
}

static int end_cancelled(struct sk_client_job *j)
{
	drop(j);
	j->done = true;
	j->code = sk_fail(&j->error, SNEK_ECANCELED, "cancelled");
	return 0;
}

/* One question; the answer comes when the job ended, or in a while. */
static int look(struct sk_client_job *j, int64_t ms, struct snek_error *e)
{
	struct sk_span none = { NULL, 0 };
	char path[96];
	int rc;

	if (is_cancelled(j))
		return end_cancelled(j);
	snprintf(path, sizeof(path), "/v1/jobs/%s/results?wait=%.3f", j->id,
	    (double)ms / 1000);
	rc = ask(j, "GET", path, none, e);
	if (!rc) {
		j->heard = sk_clock_ms();
		return hear(j, e);
	}
	if (wait_for_room(j) || is_cancelled(j))
		return 0;
	j->done = true;
	if (e)
		j->error = *e;
	j->code = rc;
	return 0;
}

/* How long the next question may wait, of the time that is left. */
static int64_t wait_of(int64_t left)
{
	return left < 0 ? 0 : left < LOOK_MS ? left : LOOK_MS;
}

/* Ask until it ended, or it is time. */
static int look_until(struct sk_client_job *j, int64_t until,
    struct snek_error *e)
{
	int64_t again;
	int rc;

	for (;;) {
		rc = look(j, wait_of(until - sk_clock_ms()), e);
		if (rc || j->done || sk_clock_ms() >= until)
			return rc;
		if (!j->reply.retry_after_s)
			continue;
		again = when_again(j);  /* it was not waited for */
		pause_until(j, again < until ? again : until);
	}
}

int sk_client_job_wait(struct sk_client_job *j, int timeout_ms,
    struct snek_error *e)
{
	int64_t until = timeout_ms < 0 ? INT64_MAX : sk_clock_ms() + timeout_ms;
	struct snek_error why = { 0 };
	int rc;

	if (!j->started)
		return sk_fail(e, SNEK_EINVAL, "the job has not been started");
	rc = j->done ? 0 : look_until(j, until, &why);
	if (rc) {
		if (e)
			*e = why;
		return rc;
	}
	if (j->done && j->code && e)
		*e = j->error;
	return !j->done ? 0 : j->code ? j->code : 1;
}

void sk_client_job_cancel(struct sk_client_job *j)
{
	__atomic_store_n(&j->cancelled, 1, __ATOMIC_SEQ_CST);
}

void sk_client_job_stat(struct sk_client_job *j, struct snek_job_stat *out)
{
	*out = j->stat;
}

/* ---- results ---- */

static int turn(struct sk_client_job *j, uint64_t page, struct snek_error *e)
{
	struct sk_span none = { NULL, 0 };
	char path[96];
	int rc;

	snprintf(path, sizeof(path), "/v1/jobs/%s/results?page=%" PRIu64, j->id,
	    page);
	rc = ask(j, "GET", path, none, e);
	return rc ? rc : hear(j, e);
}

int sk_client_result_open(struct sk_client_job *j, struct snek_error *e)
{
	if (!j->done || j->code)
		return sk_fail(e, SNEK_EINVAL, "the job is not done");
	if (j->into)
		return sk_fail(e, SNEK_EINVAL, "what came of it is in category "
		    "%s", j->into);
	return j->number == 1 ? begin_page(j, e) : turn(j, 1, e);
}

int sk_client_result_next(struct sk_client_job *j, struct snek_value *key,
    struct snek_value *value, struct snek_error *e)
{
	struct sk_record pair = { .object = true, .member = j->pair };
	struct snek_value name, v;
	int rc;

	while ((rc = sk_next(&j->at, &name, &v)) == 0 && j->number < j->pages) {
		rc = turn(j, j->number + 1, e);
		if (rc)
			return rc;
	}
	if (rc != 1)
		return rc ? sk_fail(e, SNEK_EFORMAT, "the gateway's results make "
		    "no sense") : 0;
	*key = sk_null();
	*value = v;
	if (!j->keyed)
		return 1;
	pair.n = sk_client_members(v, j->pair, 4);
	*key = sk_object_member(&pair, "key");
	*value = sk_object_member(&pair, "value");
	return 1;
}

bool sk_client_job_is_into(const struct sk_client_job *j)
{
	return j->into;
}

int sk_client_job_receipt(const struct sk_client_job *j,
    const struct sk_client *to, const char *category, struct snek_receipt *out,
    struct snek_error *e)
{
	if (to != j->client || !category || strcmp(category, j->into) != 0)
		return sk_fail(e, SNEK_EINVAL, "what came of it is in category "
		    "%s of the cluster that the job is of", j->into);
	*out = j->receipt;
	return 0;
}

bool sk_client_result_is_reduced(const struct sk_client_job *j)
{
	return j->reduced;
}

void sk_client_job_free(struct sk_client_job *j)
{
	if (!j)
		return;
	drop(j);
	sk_client_object_free(&j->page);
	sk_client_reply_free(&j->reply);
	sk_client_job_forget(j);
	free(j);
}
