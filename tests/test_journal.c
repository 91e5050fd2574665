/* SPDX-License-Identifier: MIT */
/* test_journal.c - jobs outlive their coordinators, in a directory and on a
 * server alike; and no two coordinate one. */
#include "meta_on_redis.h"
#include "store/journal.h"
#include "tempdir.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "check_main.h"

const struct meta_store *const meta_store = &on_redis;
static struct sk_journal *j;
static const struct sk_journal_ops *jo;
static bool on_server;
static char dir[64];
static const char id[] = "00112233445566778899aabbccddeeff";

static struct sk_span text(const char *s)
{
	return (struct sk_span){ s, strlen(s) };
}

static void open_dir(void)
{
	on_server = false;
	snprintf(dir, sizeof(dir), "/tmp/snek-journal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_msg(!sk_journal_open_dir(dir, &j, &err), "%s", err.text);
	jo = j->ops;
}

static void close_dir(void)
{
	jo->shut(j);
	tempdir_remove(dir);
}

static void open_server(void)
{
	on_server = true;
	meta_setup();
	ck_assert_int_eq(sk_journal_open_redis(meta, &j, &err), 0);
	jo = j->ops;
}

static void close_server(void)
{
	jo->shut(j);
	meta_teardown();
}

static void make(void)
{
	ck_assert_msg(!jo->create(j, id, text("what"), 600, &err), "%s", err.text);
}

static uint64_t claim(uint32_t lease_ms)
{
	uint64_t token = 0;

	ck_assert_msg(!jo->claim(j, id, lease_ms, &token, &err), "%s", err.text);
	return token;
}

static bool is(const struct sk_buf *b, const char *s)
{
	return b->n == strlen(s) && (!b->n || !memcmp(b->p, s, b->n));
}

START_TEST(a_job_tells_how_it_stands)
{
	struct sk_journal_state s;
	uint64_t t;

	ck_assert_int_eq(jo->look(j, id, &s, &err), SNEK_ENOENT);
	ck_assert_int_eq(jo->look(j, "../../etc", &s, &err), SNEK_ENOENT);
	make();
	ck_assert_int_eq(jo->create(j, id, text("other"), 600, &err), SNEK_EEXIST);
	ck_assert_int_eq(jo->create(j, "x", text(""), 600, &err), SNEK_EINVAL);
	ck_assert_int_eq(jo->look(j, id, &s, &err), 0);
	ck_assert(is(&s.description, "what") && !s.token && !s.ended &&
	    !s.lease_ms && !s.cancelled && !s.progress.n && !s.outcome.n);
	sk_journal_state_free(&s);
	t = claim(60000);
	ck_assert_int_eq(jo->renew(j, id, t, 60000, text("half"), &err), 0);
	ck_assert_int_eq(jo->cancel(j, id, &err), 0);
	ck_assert_int_eq(jo->renew(j, id, t, 60000, text("more"), &err),
	    SNEK_ECANCELED);
	ck_assert_int_eq(jo->end(j, id, t, text("\0over"), &err), 0);
	ck_assert_int_eq(jo->look(j, id, &s, &err), 0);
	ck_assert(s.ended && s.cancelled && s.token == t && !s.lease_ms);
	ck_assert(is(&s.progress, "more") && is(&s.outcome, "\0over"));
	sk_journal_state_free(&s);
	ck_assert_int_eq(jo->claim(j, id, 1, &t, &err), SNEK_EEXIST);
	ck_assert_int_eq(jo->remove(j, id, &err), 0);
	ck_assert_int_eq(jo->remove(j, id, &err), SNEK_ENOENT);
	ck_assert_int_eq(jo->look(j, id, &s, &err), SNEK_ENOENT);
}
END_TEST

START_TEST(one_coordinates_and_whoever_was_taken_for_dead_changes_nothing)
{
	uint64_t first, second;

	make();
	first = claim(60000);
	ck_assert_int_eq(jo->claim(j, id, 60000, &second, &err), SNEK_EAGAIN);
	ck_assert_int_eq(jo->renew(j, id, first, 0, text(""), &err), 0);
	second = claim(60000);
	ck_assert_uint_gt(second, first);
	ck_assert_int_eq(jo->put(j, id, first, "m1", text("x"), &err), SNEK_ECONFLICT);
	ck_assert_int_eq(jo->renew(j, id, first, 60000, text(""), &err), SNEK_ECONFLICT);
	ck_assert_int_eq(jo->end(j, id, first, text(""), &err), SNEK_ECONFLICT);
	ck_assert_int_eq(jo->put(j, id, second, "m1", text("y"), &err), 0);
	ck_assert_int_eq(jo->end(j, id, second, text(""), &err), 0);
	ck_assert_int_eq(jo->put(j, id, second, "m2", text("y"), &err), SNEK_ECONFLICT);
}
END_TEST

START_TEST(a_lease_that_has_run_out_is_anothers)
{
	int64_t until = sk_clock_ms() + 30000;
	uint64_t first, second = 0;
	int rc;

	make();
	first = claim(50);
	do
		rc = jo->claim(j, id, 60000, &second, &err);
	while (rc == SNEK_EAGAIN && sk_clock_ms() < until);
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_gt(second, first);
}
END_TEST

static int note(void *arg, const char *name)
{
	strcat(arg, name);
	strcat(arg, " ");
	return 0;
}

START_TEST(an_item_is_written_once_and_stays)
{
	struct sk_buf b = { 0 };
	char names[256] = "";
	static char large[3 << 20];
	uint64_t t;

	make();
	t = claim(60000);
	memset(large, 'z', sizeof(large));
	ck_assert_int_eq(jo->put(j, id, t, "m0", text("one"), &err), 0);
	ck_assert_int_eq(jo->put(j, id, t, "m0", text("two"), &err), SNEK_EEXIST);
	ck_assert_int_eq(jo->put(j, id, t, "plan", (struct sk_span){ large,
	    sizeof(large) }, &err), 0);
	ck_assert_int_eq(jo->get(j, id, "m0", &b, &err), 0);
	ck_assert(is(&b, "one"));
	b.n = 0;
	ck_assert_int_eq(jo->get(j, id, "plan", &b, &err), 0);
	ck_assert(b.n == sizeof(large) && !memcmp(b.p, large, b.n));
	ck_assert_int_eq(jo->get(j, id, "m1", &b, &err), SNEK_ENOENT);
	ck_assert_int_eq(jo->items(j, id, note, names, &err), 0);
	ck_assert(strstr(names, "m0 ") && strstr(names, "plan "));
	ck_assert_uint_eq(strlen(names), 8);
	sk_buf_free(&b);
	names[0] = '\0';
	ck_assert_int_eq(jo->list(j, note, names, &err), 0);
	ck_assert_uint_eq(strlen(names), 33);
}
END_TEST

START_TEST(a_job_is_forgotten_when_its_time_is_over)
{
	int64_t until = sk_clock_ms() + 30000;
	char names[256] = "";

	ck_assert_int_eq(jo->create(j, id, text("what"), 1, &err), 0);
	do {
		usleep(50000);
		names[0] = '\0';
		ck_assert_int_eq(jo->list(j, note, names, &err), 0);
	} while (*names && sk_clock_ms() < until);
	ck_assert_str_eq(names, "");
	/* The server forgets by itself, the directory when somebody looks. */
	while (sk_clock_ms() < until) {
		struct sk_journal_state s;

		if (jo->look(j, id, &s, &err) == SNEK_ENOENT)
			break;
		sk_journal_state_free(&s);
	}
	ck_assert_int_lt(sk_clock_ms(), until);
}
END_TEST

struct rival {
	struct sk_journal *j;
	uint64_t token;
	int rc;
};

static void *fight(void *arg)
{
	struct rival *r = arg;
	struct snek_error e;

	r->rc = r->j->ops->claim(r->j, id, 60000, &r->token, &e);
	return NULL;
}

START_TEST(of_many_who_claim_at_once_one_does)
{
	struct rival r[8];
	pthread_t t[8];
	int i, won = 0;

	make();
	for (i = 0; i < 8; i++) {
		if (on_server)
			ck_assert_int_eq(sk_journal_open_redis(meta, &r[i].j, &err), 0);
		else
			ck_assert_int_eq(sk_journal_open_dir(dir, &r[i].j, &err), 0);
	}
	for (i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, fight, &r[i]), 0);
	for (i = 0; i < 8; i++) {
		pthread_join(t[i], NULL);
		ck_assert(r[i].rc == 0 || r[i].rc == SNEK_EAGAIN);
		won += r[i].rc == 0;
		r[i].j->ops->shut(r[i].j);
	}
	ck_assert_int_eq(won, 1);
}
END_TEST

START_TEST(a_damaged_or_newer_state_is_told)
{
	struct sk_journal_state s;
	char path[256];
	FILE *f;

	make();
	if (on_server) {
		tell("HSET @:job:%s format 2", id);
		ck_assert_int_eq(jo->look(j, id, &s, &err), SNEK_EVERSION);
		tell("HSET @:job:%s format 1 token x", id);
		ck_assert_int_eq(jo->look(j, id, &s, &err), SNEK_ECORRUPT);
		return;
	}
	snprintf(path, sizeof(path), "%s/jobs/%s/state", dir, id);
	ck_assert_ptr_nonnull(f = fopen(path, "w"));
	fputs("2 0 0 0 0 0\n", f);
	fclose(f);
	ck_assert_int_eq(jo->look(j, id, &s, &err), SNEK_EVERSION);
	ck_assert_ptr_nonnull(f = fopen(path, "w"));
	fputs("1 0 0\n", f);
	fclose(f);
	ck_assert_int_eq(jo->look(j, id, &s, &err), SNEK_ECORRUPT);
}
END_TEST

static void cases(TCase *t)
{
	tcase_add_test(t, a_job_tells_how_it_stands);
	tcase_add_test(t, one_coordinates_and_whoever_was_taken_for_dead_changes_nothing);
	tcase_add_test(t, a_lease_that_has_run_out_is_anothers);
	tcase_add_test(t, an_item_is_written_once_and_stays);
	tcase_add_test(t, a_job_is_forgotten_when_its_time_is_over);
	tcase_add_test(t, of_many_who_claim_at_once_one_does);
	tcase_add_test(t, a_damaged_or_newer_state_is_told);
}

static void in_a_directory(TCase *t)
{
	tcase_add_checked_fixture(t, open_dir, close_dir);
	cases(t);
}

static void on_a_server(TCase *t)
{
	tcase_add_unchecked_fixture(t, world_start, world_stop);
	tcase_add_checked_fixture(t, open_server, close_server);
	cases(t);
}

int main(void)
{
	int bad = check_main("journal in a directory", in_a_directory);

	if (!redis_have())
		return bad ? bad : redis_skip("test_journal");
	return check_main("journal on a server", on_a_server) || bad;
}
