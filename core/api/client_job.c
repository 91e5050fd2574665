/* SPDX-License-Identifier: MIT */
/* client_job.c - a query that runs behind a gateway: described here, asked
 * about until it ended, its results fetched page by page. */
#include "api/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/figures.h"
#include "base/clock.h"
#include "value/json_read.h"
#include "value/pack.h"

#define LOOK_S 1                /* how long a question about a job waits */
#define SETTINGS 16u

struct sk_client_job {
	struct sk_client *client;
	char *category, *function, *args, *reduce;
	struct sk_buf arg;              /* ["name","text"], ... */
	struct { char *name, *value; } set[SETTINGS];
	unsigned sets;
	int cancelled;                  /* with __atomic */
	char id[40];                    /* "": it needs no asking about */
	bool started, done;
	int code;                       /* why it failed */
	struct snek_error error;
	struct snek_job_stat stat;
	int64_t began;
	/* results: the page in hand */
	struct sk_client_reply reply;
	struct sk_client_object page;
	struct snek_cursor at;
	bool reduced;
	uint64_t number, pages;
	struct sk_member pair[4];
};

int sk_client_job_new(struct sk_client *c, const char *category,
    struct sk_client_job **out, struct snek_error *e)
{
	struct sk_client_job *j = calloc(1, sizeof(*j));

	if (!j)
		return sk_enomem(e);
	j->client = c;
	j->category = strdup(category);
	if (!j->category) {
		free(j);
		return sk_enomem(e);
	}
	*out = j;
	return 0;
}

/* ---- description ---- */

static int replace(char **slot, const char *text, struct snek_error *e)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return sk_enomem(e);
	free(*slot);
	*slot = copy;
	return 0;
}

int sk_client_job_map(struct sk_client_job *j, const char *function,
    const char *args, struct snek_error *e)
{
	int rc = replace(&j->function, function, e);

	return rc ? rc : replace(&j->args, args, e);
}

int sk_client_job_reduce(struct sk_client_job *j, const char *reducer,
    struct snek_error *e)
{
	return replace(&j->reduce, reducer, e);
}

int sk_client_job_arg(struct sk_client_job *j, const char *name,
    const char *value, struct snek_error *e)
{
	struct sk_object o = { &j->arg, j->arg.n > 0, false };

	sk_object_open(&o, NULL, '[');
	sk_object_text(&o, NULL, name);
	sk_object_text(&o, NULL, value);
	sk_object_close(&o, ']');
	return o.nomem ? sk_enomem(e) : 0;
}

static bool is_one_of(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

int sk_client_job_set(struct sk_client_job *j, const char *setting,
    const char *value, struct snek_error *e)
{
	static const char *const there[] = { "order", "limit", "timeout",
		"partitions", "attempts", "memory", NULL };
	static const char *const here[] = { "tmp", "workers", "worker", NULL };
	int rc;

	if (is_one_of(here, setting))
		return 0;               /* of a machine that does not map */
	if (!is_one_of(there, setting))
		return sk_fail(e, SNEK_EINVAL, "the setting %s is not for a "
		    "query through a gateway", setting);
	if (j->sets == SETTINGS)
		return sk_fail(e, SNEK_EINVAL, "too many settings");
	rc = replace(&j->set[j->sets].name, setting, e);
	if (!rc)
		rc = replace(&j->set[j->sets].value, value, e);
	j->sets += !rc;
	return rc;
}

static int describe(struct sk_client_job *j, struct sk_buf *b,
    struct snek_error *e)
{
	struct sk_object o = { b, false, false };
	unsigned i;
	bool ok;

	sk_object_open(&o, NULL, '{');
	sk_object_text(&o, "category", j->category);
	sk_object_text(&o, "function", j->function);
	sk_object_any(&o, "wait", sk_double(0.1));
	if (j->reduce)
		sk_object_text(&o, "reduce", j->reduce);
	for (i = 0; i < j->sets; i++)
		sk_object_text(&o, j->set[i].name, j->set[i].value);
	sk_object_open(&o, "arg", '[');
	ok = sk_buf_put(b, j->arg.p, j->arg.n);
	sk_object_close(&o, ']');
	if (j->args)
		ok = ok && sk_buf_printf(b, ",\"args\":%s", j->args);
	return ok && !o.nomem && sk_buf_byte(b, '}') ? 0 : sk_enomem(e);
}

/* ---- answers ---- */

static int begin_page(struct sk_client_job *j, struct snek_error *e)
{
	struct snek_value list;
	const struct sk_record *r = &j->page.record;

	j->reduced = sk_client_flag(r, "reduced");
	j->number = sk_client_number(r, "page");
	j->pages = sk_client_number(r, "pages");
	list = sk_object_member(r, "results");
	if (list.type != SNEK_ARRAY || sk_iterate(list, &j->at))
		return sk_fail(e, SNEK_EFORMAT, "the gateway's results are no "
		    "list");
	return 0;
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
	if (!strcmp(kind, "results")) {
		sk_figures_get(r, &j->stat);
		j->stat.seconds = (double)(sk_clock_ms() - j->began) / 1000;
		j->stat.keys = sk_client_number(r, "results_total");
		j->stat.records_total = j->stat.records_in;
		j->done = true;
		return begin_page(j, e);
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
	/* A query changes nothing: one that may have begun may begin again. */
	return rc == SNEK_EUNKNOWN ? sk_fail_in(e, SNEK_EAGAIN, "the query was "
	    "not answered") : rc;
}

int sk_client_job_start(struct sk_client_job *j, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc;

	if (!j->function)
		return sk_fail(e, SNEK_EINVAL, "no function to map");
	rc = describe(j, &b, e);
	j->began = sk_clock_ms();
	if (!rc)
		rc = ask(j, "POST", "/v1/query", (struct sk_span){ b.p, b.n }, e);
	if (!rc)
		rc = hear(j, e);
	j->started = !rc;
	sk_buf_free(&b);
	return rc;
}

static bool is_cancelled(struct sk_client_job *j)
{
	return __atomic_load_n(&j->cancelled, __ATOMIC_SEQ_CST);
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
static int look(struct sk_client_job *j, struct snek_error *e)
{
	struct sk_span none = { NULL, 0 };
	char path[96];
	int rc;

	if (is_cancelled(j))
		return end_cancelled(j);
	snprintf(path, sizeof(path), "/v1/jobs/%s/results?wait=%d", j->id, LOOK_S);
	rc = ask(j, "GET", path, none, e);
	if (!rc)
		return hear(j, e);
	j->done = true;
	if (e)
		j->error = *e;
	j->code = rc;
	return 0;
}

int sk_client_job_wait(struct sk_client_job *j, int timeout_ms,
    struct snek_error *e)
{
	int64_t until = sk_clock_ms() + timeout_ms;
	struct snek_error why = { 0 };
	int rc = 0;

	if (!j->started)
		return sk_fail(e, SNEK_EINVAL, "the job has not been started");
	do {
		if (!j->done)
			rc = look(j, &why);
	} while (!rc && !j->done && (timeout_ms < 0 || sk_clock_ms() < until));
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
	if (!j->reduced)
		return 1;
	pair.n = sk_client_members(v, j->pair, 4);
	*key = sk_object_member(&pair, "key");
	*value = sk_object_member(&pair, "value");
	return 1;
}

bool sk_client_result_is_reduced(const struct sk_client_job *j)
{
	return j->reduced;
}

void sk_client_job_free(struct sk_client_job *j)
{
	unsigned i;

	if (!j)
		return;
	drop(j);
	for (i = 0; i < j->sets; i++) {
		free(j->set[i].name);
		free(j->set[i].value);
	}
	sk_client_object_free(&j->page);
	sk_client_reply_free(&j->reply);
	sk_buf_free(&j->arg);
	free(j->category);
	free(j->function);
	free(j->args);
	free(j->reduce);
	free(j);
}
