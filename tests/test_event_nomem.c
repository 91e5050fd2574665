/* SPDX-License-Identifier: MIT */
/* Each allocation fails once on the way of an event and of its answer: an
 * ordinary error, or as if nothing had been, and nothing leaks. */
#include "check_main.h"

#include <string.h>

#include "exec/event.h"
#include "nomem_wrap.h"

#define JOB "0123456789abcdef0123456789abcdef"

char *__real_strdup(const char *);
char *__wrap_strdup(const char *);

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static sk_json_reader *reader;
static char bytes[3000];
static struct sk_buf event, answer;

static const struct sk_op op = { .op = { .name = "op" } };
static const struct sk_plugin plugin = { .ops = 1 };
static const struct sk_reducer reducer = { .kind = SK_LISTED };
static const struct sk_exec_job job = { .plugin = &plugin, .op = &op,
	.reducer = &reducer, .category = "c", .partitions = 1,
	.map_file = { .path = "/p.so" }, .source = { "addresses", 9 } };

static struct sk_span span(const struct sk_buf *b)
{
	return (struct sk_span){ b->p, b->n };
}

/* ---- the steps: Check allocates, too, so they ask it nothing ---- */

static int put_event(struct snek_error *e)
{
	struct sk_task_chunk c = { .bytes = { bytes, sizeof(bytes) } };
	const struct sk_attempt a = { .tasks = 1, .chunk = &c, .chunks = 1 };
	struct sk_buf b = { 0 };
	sk_event_job *j;
	int rc = sk_event_job_new(&job, JOB, JOB JOB, &j, e);

	if (rc)
		return rc;
	rc = sk_event_put(j, &a, NULL, 1000, &b, e);
	sk_event_job_free(j);
	if (rc) {
		rc = b.n ? SNEK_EINTERNAL : rc; /* it is as it was */
		sk_buf_free(&b);
	} else {
		sk_buf_free(&event);
		event = b;
	}
	return rc;
}

static int get_event(struct snek_error *e)
{
	struct sk_message m = { 0 };
	struct sk_event v;
	int rc = sk_event_get(reader, span(&event), &v, e);

	if (!rc)
		rc = sk_event_parcel(v.input, SK_MSG_TASK, &m, e);
	sk_message_free(&m);
	return rc;
}

static int put_smoke(struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = sk_event_put_smoke(JOB JOB, NULL, &b, e);

	sk_buf_free(&b);
	return rc;
}

static int put_answer(struct snek_error *e)
{
	const struct sk_event_id id = { JOB, 0, 1, 2 };
	struct sk_message m = { .kind = SK_MSG_DONE };
	struct sk_buf b = { 0 };
	uint64_t n;
	int rc = sk_answer_begin(&b, &id, 3) ? 0 : SNEK_ENOMEM;

	m.body.p = bytes;
	m.body.n = sizeof(bytes);
	if (!rc)
		rc = sk_answer_done(&b, &m, (struct sk_span){ "log", 3 }, &n, e);
	if (rc) {
		sk_buf_free(&b);
	} else {
		sk_buf_free(&answer);
		answer = b;
	}
	return rc;
}

static int get_answer(struct snek_error *e)
{
	struct sk_answer_got a;
	int rc = sk_answer_get(reader, span(&answer), &a, e);

	if (rc)
		return rc;
	if (a.kind != SK_ANSWER_DONE || a.message.body.n != sizeof(bytes))
		rc = SNEK_EINTERNAL;
	sk_answer_got_free(&a);
	return rc;
}

static const struct { const char *name; int (*step)(struct snek_error *); }
steps[] = {
	{ "put_event", put_event }, { "get_event", get_event },
	{ "put_smoke", put_smoke }, { "put_answer", put_answer },
	{ "get_answer", get_answer },
};

START_TEST(no_allocation_is_taken_for_granted)
{
	struct snek_error e;
	bool failed;
	size_t i;
	long n;
	int rc;

	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		for (n = 0, failed = true; failed; n++) {
			ck_assert_int_eq(sk_json_reader_new(NULL, &reader), 0);
			memset(&e, 0, sizeof(e));
			countdown = n;
			rc = steps[i].step(&e);
			failed = countdown < 0;
			countdown = -1;
			sk_json_reader_free(reader);
			ck_assert_msg(!rc || (failed && rc == SNEK_ENOMEM),
			    "%s, %ld: %d %s", steps[i].name, n, rc, e.text);
		}
		ck_assert_msg(n > 3, "%s: %ld", steps[i].name, n);
	}
	sk_buf_free(&event);
	sk_buf_free(&answer);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, no_allocation_is_taken_for_granted);
}

int main(void)
{
	return check_main("event-nomem", setup);
}
