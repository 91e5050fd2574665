/* SPDX-License-Identifier: MIT */
/* What a function keeps from one invocation to the next, and what ends it. */
#include "check_main.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/address.h"
#include "worker/warm.h"

#define JOB "0123456789abcdef0123456789abcdef"

/* ---- a source that counts how often it is opened ---- */

static unsigned opened, closed;
static struct sk_address seen;
static char seen_password[32], seen_ca[32];

struct sk_source { int none; };

int sk_source_open(struct sk_span addresses, struct sk_source **out,
    struct snek_error *e)
{
	static struct sk_source one;

	(void)e;
	opened++;
	ck_assert_int_eq(sk_address_find(addresses, 7, &seen), 0);
	snprintf(seen_password, sizeof(seen_password), "%s",
	    seen.password ? seen.password : "");
	snprintf(seen_ca, sizeof(seen_ca), "%s", seen.ca_file ? seen.ca_file
	    : "");
	*out = &one;
	return 0;
}

void sk_source_close(struct sk_source *s)
{
	closed += s != NULL;
}

/* ---- events ---- */

static sk_json_reader *reader;
static struct sk_warm warm;
static struct sk_event event;
static struct sk_buf text;
static struct snek_error err;

static void start(void)
{
	memset(&warm, 0, sizeof(warm));
	opened = closed = 0;
	ck_assert_int_eq(sk_json_reader_new(NULL, &reader), 0);
}

static void stop(void)
{
	sk_warm_free(&warm);
	ck_assert_uint_eq(opened, closed);
	sk_json_reader_free(reader);
	sk_buf_free(&text);
}

/* An event of a job whose shard 7 is at a URL, and whose op reads a column. */
static void make_event(const char *url, const char *password,
    const char *column)
{
	const struct sk_address a = { .stamp = { { 1 }, 7, 1 }, .url = url,
		.password = password, .ca_file = "/there/ca.pem" };
	const struct sk_span name = { column, strlen(column) };
	const struct sk_op op = { .op = { .name = "op" } };
	const struct sk_plugin plugin = { .ops = 1 };
	const struct sk_reducer reducer = { .kind = SK_LISTED };
	struct sk_exec_job job = { .plugin = &plugin, .op = &op,
		.reducer = &reducer, .category = "c", .partitions = 1,
		.column = &name, .columns = 1, .map_file = { .path = "/p.so" } };
	const struct sk_attempt attempt = { .tasks = 1 };
	struct sk_buf source = { 0 };
	sk_event_job *j;

	ck_assert(sk_address_put(&source, &a));
	job.source = (struct sk_span){ source.p, source.n };
	ck_assert_int_eq(sk_event_job_new(&job, JOB, JOB JOB, &j, &err), 0);
	text.n = 0;
	ck_assert_int_eq(sk_event_put(j, &attempt, NULL, 1000, &text, &err), 0);
	sk_event_job_free(j);
	sk_buf_free(&source);
	ck_assert_msg(!sk_event_get(reader, (struct sk_span){ text.p, text.n },
	    &event, &err), "%s", err.text);
}

static void ask(const char *url, const char *column)
{
	make_event(url, NULL, column);
	ck_assert_msg(!sk_warm_source(&warm, &event, &err), "%s", err.text);
	ck_assert_uint_eq(warm.want.names, 1);
	ck_assert_uint_eq(warm.want.name[0].n, strlen(column));
	ck_assert(!memcmp(warm.want.name[0].p, column, strlen(column)));
}

/* ---- tests ---- */

START_TEST(connections_stay_as_long_as_the_shards_do)
{
	ask("redis://a", "x");
	ask("redis://a", "x");
	ck_assert_uint_eq(opened, 1);
	ask("redis://a", "other");              /* another column of them */
	ck_assert_uint_eq(opened, 1);
	ask("redis://b", "other");
	ck_assert_uint_eq(opened, 2);
	ck_assert_uint_eq(closed, 1);
	ck_assert_str_eq(seen.url, "redis://b");
}
END_TEST

START_TEST(connections_that_were_idle_for_long_are_made_again)
{
	ask("redis://a", "x");
	warm.used = sk_clock_wall() - SK_WARM_IDLE_S - 1;
	ask("redis://a", "x");
	ck_assert_uint_eq(opened, 2);
	warm.used = sk_clock_wall() + 1000;     /* a clock that was set back */
	ask("redis://a", "x");
	ck_assert_uint_eq(opened, 3);
	ask("redis://a", "x");
	ck_assert_uint_eq(opened, 3);
}
END_TEST

START_TEST(what_an_address_lacks_is_the_function_s_own)
{
	setenv("SNEK_REDIS_PASSWORD", "mine", 1);
	setenv("SNEK_REDIS_CA_FILE", "/here/ca.pem", 1);
	ck_assert(sk_warm_access(&warm));
	ck_assert_ptr_null(getenv("SNEK_REDIS_PASSWORD"));
	ask("redis://a", "x");
	ck_assert_str_eq(seen_password, "mine");
	ck_assert_str_eq(seen_ca, "/here/ca.pem");
	make_event("redis://a", "theirs", "x");
	ck_assert_int_eq(sk_warm_source(&warm, &event, &err), 0);
	ck_assert_str_eq(seen_password, "theirs");
	ck_assert_str_eq(seen_ca, "/here/ca.pem");
}
END_TEST

START_TEST(names_of_files_elsewhere_are_not_taken)
{
	ask("redis://a", "x");
	ck_assert_str_eq(seen_ca, "");
}
END_TEST

START_TEST(a_source_that_makes_no_sense_leaves_nothing_behind)
{
	ask("redis://a", "x");
	event.source = (struct sk_span){ "AAAA", 4 };
	ck_assert_int_ne(sk_warm_source(&warm, &event, &err), 0);
	ck_assert_uint_eq(closed, 1);
	ck_assert_ptr_null(warm.source);
	event.source.n = 0;
	ck_assert_int_eq(sk_warm_source(&warm, &event, &err), SNEK_EINTERNAL);
	ask("redis://a", "x");
	ck_assert_uint_eq(opened, 2);
}
END_TEST

START_TEST(a_job_stays_as_long_as_nothing_of_it_changes)
{
	const void *was;

	make_event("redis://a", NULL, "x");
	ck_assert_int_eq(sk_warm_job(&warm, &event, &err), 0);
	was = warm.attempts.init.body.p;
	make_event("redis://b", NULL, "y");     /* of the source alone */
	ck_assert_int_eq(sk_warm_job(&warm, &event, &err), 0);
	ck_assert_ptr_eq(warm.attempts.init.body.p, was);
	event.id.job[0] = 'f';
	ck_assert_int_eq(sk_warm_job(&warm, &event, &err), 0);
	ck_assert_str_eq(warm.job, event.id.job);
	event.init = (struct sk_span){ "AAAA", 4 };
	ck_assert_int_ne(sk_warm_job(&warm, &event, &err), 0);
	ck_assert_str_eq(warm.job, "");
	make_event("redis://a", NULL, "x");
	ck_assert_int_eq(sk_warm_job(&warm, &event, &err), 0);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, connections_stay_as_long_as_the_shards_do);
	tcase_add_test(t, connections_that_were_idle_for_long_are_made_again);
	tcase_add_test(t, what_an_address_lacks_is_the_function_s_own);
	tcase_add_test(t, names_of_files_elsewhere_are_not_taken);
	tcase_add_test(t, a_source_that_makes_no_sense_leaves_nothing_behind);
	tcase_add_test(t, a_job_stays_as_long_as_nothing_of_it_changes);
}

int main(void)
{
	return check_main("warm", setup);
}
