/* SPDX-License-Identifier: MIT */
#include "store/redis.h"
#include "base/clock.h"
#include "check_main.h"
#include "proxy.h"
#include "redis.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct redis_world *world;
static struct proxy *proxy;
static sk_redis_loop *loop;
static sk_redis *redis;         /* through the proxy */

static void begin(const struct redis_options *o)
{
	char url[64];

	world = redis_start(o);
	proxy = proxy_start(0, redis_port(world), NULL);
	ck_assert_ptr_nonnull(proxy);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", proxy_port(proxy));
	loop = redis_loop();
	redis = redis_client_of(url, NULL, loop);
}

static void end(void)
{
	sk_redis_free(redis);
	sk_redis_loop_free(loop);
	proxy_stop(proxy);
	redis_stop(world);
}

/* Words, with a deadline from now (0: the default) and again. */
static int call(sk_redis *r, const char *words, int ms, bool again,
    struct snek_error *e)
{
	struct sk_span arg[16];
	struct sk_command c = { .arg = arg, .again = again,
	    .deadline_ms = ms ? sk_clock_ms() + ms : 0 };
	char text[256], *at = text, *word;
	struct sk_answer a;
	int rc;

	snprintf(text, sizeof(text), "%s", words);
	while ((word = strsep(&at, " ")))
		arg[c.args++] = sk_span_text(word);
	rc = sk_redis_call(r, &c, &a, e);
	if (!rc)
		sk_answer_free(&a);
	return rc;
}

static int64_t integer(const char *words)
{
	sk_redis *r = redis_client(world, loop);
	struct sk_answer a;
	struct snek_error e;
	int64_t v;

	ck_assert_msg(redis_call(r, words, &a, &e) == 0, "%s", e.text);
	v = a.reply.text.p ? strtoll(a.reply.text.p, NULL, 10) : a.reply.integer;
	sk_answer_free(&a);
	sk_redis_free(r);
	return v;
}

/* ---- what is promised of a command when the wire is cut ---- */

struct fate {
	unsigned done, good, unknown, later, timeout, other;
};

static void note(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct fate *f = arg;

	ck_assert(rc ? !r && e->code == rc && e->text[0] : r && !e);
	f->done++;
	f->good += rc == 0;
	f->unknown += rc == SNEK_EUNKNOWN;
	f->later += rc == SNEK_EAGAIN;
	f->timeout += rc == SNEK_ETIMEDOUT;
	f->other += rc && rc != SNEK_EUNKNOWN && rc != SNEK_EAGAIN &&
	    rc != SNEK_ETIMEDOUT;
}

struct until {
	const struct fate *a, *b;
	unsigned n;
};

static bool all_done(void *arg)
{
	const struct until *u = arg;

	return u->a->done + u->b->done >= u->n;
}

/* INCR n (once) and GET n (again), each count times, in turn. */
static void pipeline(unsigned count, struct fate *once, struct fate *again)
{
	struct sk_span incr[] = { sk_span_text("INCR"), sk_span_text("n") };
	struct sk_span get[] = { sk_span_text("GET"), sk_span_text("n") };
	struct sk_command c = { .arg = incr, .args = 2 };
	struct sk_command d = { .arg = get, .args = 2, .again = true };
	struct snek_error e;
	unsigned i;

	memset(once, 0, sizeof(*once));
	memset(again, 0, sizeof(*again));
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(sk_redis_send(redis, &c, note, once, &e), 0);
		ck_assert_int_eq(sk_redis_send(redis, &d, note, again, &e), 0);
	}
}

static void finish(unsigned count, struct fate *once, struct fate *again)
{
	struct until u = { once, again, 2 * count };
	struct snek_error e;

	ck_assert_int_eq(sk_redis_run(loop, all_done, &u, sk_clock_ms() + 20000,
	    &e), 0);
	ck_assert_uint_eq(once->done, count);
	ck_assert_uint_eq(again->done, count);
	ck_assert_uint_eq(sk_redis_pending(redis), 0);
}

/* Every INCR that was answered was done once, none that was said not to be. */
static void check_counts(const struct fate *once, const struct fate *again)
{
	int64_t n = integer("GET n");

	ck_assert_int_ge(n, once->good);
	ck_assert_int_le(n, once->good + once->unknown);
	ck_assert_uint_eq(again->good, again->done);
	ck_assert_uint_eq(again->unknown, 0);
}

START_TEST(a_cut_wire_leaves_no_doubt_but_that_which_is_told)
{
	struct fate once, again;
	int64_t at;
	int way, reset;

	begin(NULL);
	for (at = _i * 7; at < 1000; at += 89)
		for (way = 0; way < 2; way++)
			for (reset = 0; reset < 2; reset++) {
				struct proxy_fault f = { PROXY_FAULT,
				    .times = 1, .reset = reset };

				*(way ? &f.cut_up : &f.cut_down) = at;
				proxy_set(proxy, &f);
				proxy_cut_all(proxy);
				integer("DEL n");
				integer("INCR n");
				integer("DECR n");
				pipeline(20, &once, &again);
				finish(20, &once, &again);
				check_counts(&once, &again);
				ck_assert_uint_eq(once.other, 0);
			}
	end();
}
END_TEST

START_TEST(a_killed_client_tells_each_command_once)
{
	struct fate once, again;
	struct snek_error e;
	int i;

	begin(NULL);
	integer("INCR n");
	integer("DECR n");
	for (i = 0; i < 5; i++) {
		struct until u = { &once, &again, 300 };

		integer("SET n 0");
		pipeline(2000, &once, &again);
		ck_assert_int_eq(sk_redis_run(loop, all_done, &u,
		    sk_clock_ms() + 10000, &e), 0);
		free(redis_cli(world, "CLIENT KILL TYPE normal"));
		finish(2000, &once, &again);
		check_counts(&once, &again);
	}
	end();
}
END_TEST

START_TEST(a_trickle_is_as_good_as_a_stream)
{
	struct proxy_fault f = { PROXY_FAULT, .trickle = true };
	struct fate once, again;

	begin(NULL);
	integer("INCR n");
	integer("DECR n");
	proxy_set(proxy, &f);
	pipeline(50, &once, &again);
	finish(50, &once, &again);
	ck_assert_uint_eq(once.good, 50);
	ck_assert_uint_eq(again.good, 50);
	end();
}
END_TEST

/* Any byte of the answers wrong: an error, or values that we cannot know to be
 * wrong; never a hang, and never two answers. */
START_TEST(a_corrupt_byte_ends_in_an_answer_or_an_error)
{
	struct proxy_fault f = { PROXY_FAULT, .times = 1 };
	struct fate once, again;

	begin(NULL);
	for (f.corrupt_down = _i; f.corrupt_down < 900; f.corrupt_down += 31) {
		proxy_set(proxy, &f);
		proxy_cut_all(proxy);
		pipeline(10, &once, &again);
		finish(10, &once, &again);
	}
	end();
}
END_TEST

/* ---- deadlines ---- */

START_TEST(a_stalled_wire_meets_its_deadlines)
{
	struct proxy_fault f = { PROXY_FAULT };
	struct snek_error e;
	int64_t before = sk_clock_ms();
	int rc;

	begin(NULL);
	ck_assert_int_eq(call(redis, "SET k v", 0, false, &e), 0);
	f.stall_down = 0;
	proxy_set(proxy, &f);
	proxy_cut_all(proxy);
	rc = call(redis, "GET k", 200, true, &e);
	ck_assert(rc == SNEK_ETIMEDOUT || rc == SNEK_EAGAIN);
	proxy_set(proxy, NULL);
	proxy_cut_all(proxy);
	ck_assert_int_eq(call(redis, "GET k", 0, true, &e), 0);
	ck_assert_int_lt(sk_clock_ms() - before, 20000);
	end();
}
END_TEST

START_TEST(a_sleeping_server_is_not_waited_for)
{
	struct snek_error e;

	begin(NULL);
	redis_expect(redis, "SET k v", "OK");
	redis_signal(world, SIGSTOP);
	ck_assert_int_eq(call(redis, "GET k", 100, true, &e), SNEK_ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(e.text, "did not answer in time"));
	redis_signal(world, SIGCONT);
	redis_expect(redis, "GET k", "v");
	redis_signal(world, SIGSTOP);
	ck_assert_int_eq(call(redis, "INCR n", 100, false, &e), SNEK_EUNKNOWN);
	ck_assert_ptr_nonnull(strstr(e.text, "may have been done"));
	redis_signal(world, SIGCONT);
	redis_expect(redis, "GET k", "v");
	end();
}
END_TEST

/* More than the socket holds: it is stuck halfway, which must not outlive the
 * deadline of who sent it. */
START_TEST(a_value_that_is_not_taken_lets_others_pass)
{
	size_t n = 32u << 20;
	char *big = calloc(1, n);
	struct sk_span arg[] = { sk_span_text("SET"), sk_span_text("k"), { big, n } };
	struct sk_command c = { .arg = arg, .args = 3 };
	struct snek_error e;
	struct sk_answer a;

	begin(NULL);
	redis_expect(redis, "SET k v", "OK");
	redis_signal(world, SIGSTOP);
	c.deadline_ms = sk_clock_ms() + 1500;
	ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), SNEK_EUNKNOWN);
	redis_signal(world, SIGCONT);
	redis_expect(redis, "GET k", "v");
	ck_assert_uint_eq(sk_redis_queued(redis), 0);
	end();
	free(big);
}
END_TEST

static void *patient(void *arg)
{
	struct snek_error e;

	*(int *)arg = call(redis, "DEBUG SLEEP 1.5", 0, false, &e);
	return NULL;
}

/* One that gives up does not take the connection from the others. */
START_TEST(patience_is_each_commands_own)
{
	struct snek_error e;
	pthread_t t;
	int rc = 1, i;

	begin(NULL);
	redis_expect(redis, "SET k v", "OK");
	pthread_create(&t, NULL, patient, &rc);
	for (i = 0; i < 500 && !sk_redis_pending(redis); i++)
		usleep(1000);
	usleep(100000);
	ck_assert_int_eq(call(redis, "GET k", 100, true, &e), SNEK_ETIMEDOUT);
	ck_assert_int_eq(call(redis, "INCR n", 100, false, &e), SNEK_EUNKNOWN);
	pthread_join(t, NULL);
	ck_assert_int_eq(rc, 0);
	redis_expect(redis, "GET k", "v");
	ck_assert_uint_eq(proxy_count(proxy), 1);
	end();
}
END_TEST

/* ---- reached, not reached ---- */

START_TEST(a_refused_connection_is_told_at_once)
{
	struct snek_error e;
	int64_t before = sk_clock_ms();

	begin(NULL);
	redis_end(world, SIGKILL);
	sk_redis_free(redis);
	redis = redis_client(world, loop);
	ck_assert_int_eq(call(redis, "GET k", 0, false, &e), SNEK_EAGAIN);
	ck_assert_ptr_nonnull(strstr(e.text, "refused"));
	ck_assert_int_eq(call(redis, "GET k", 300, true, &e), SNEK_EAGAIN);
	ck_assert_ptr_nonnull(strstr(e.text, "refused"));
	ck_assert_int_lt(sk_clock_ms() - before, 4000);
	redis_again(world, NULL);
	ck_assert_int_eq(call(redis, "GET k", 0, true, &e), 0);
	end();
}
END_TEST

static void *restart(void *arg)
{
	(void)arg;
	usleep(300000);
	redis_again(world, NULL);
	return NULL;
}

START_TEST(what_may_be_repeated_waits_for_a_restart)
{
	struct redis_options o = { .aof = true };
	struct snek_error e;
	pthread_t t;
	int i;

	begin(&o);
	for (i = 0; i < 3; i++) {
		redis_expect(redis, "SET k v", "OK");
		redis_end(world, SIGKILL);
		pthread_create(&t, NULL, restart, NULL);
		ck_assert_msg(call(redis, "GET k", 0, true, &e) == 0, "%s", e.text);
		pthread_join(t, NULL);
		redis_expect(redis, "GET k", "v");
	}
	end();
}
END_TEST

START_TEST(what_was_acknowledged_with_always_survives)
{
	struct redis_options o = { .aof = true };
	struct fate once, again;
	struct snek_error e;
	int i;

	begin(&o);
	integer("SET n 0");
	for (i = 0; i < 3; i++) {
		struct until u = { &once, &again, 100 };
		unsigned before = (unsigned)integer("GET n");
		int64_t n;

		pipeline(1000, &once, &again);
		ck_assert_int_eq(sk_redis_run(loop, all_done, &u,
		    sk_clock_ms() + 10000, &e), 0);
		redis_end(world, SIGKILL);
		redis_again(world, NULL);
		finish(1000, &once, &again);
		n = integer("GET n");
		ck_assert_int_ge(n, before + once.good);
		ck_assert_int_le(n, before + once.good + once.unknown);
	}
	end();
}
END_TEST

START_TEST(a_changed_password_is_told)
{
	struct sk_redis_auth auth = { .password = "old" };
	struct redis_options o = { .conf = "requirepass old" };
	struct snek_error e;
	sk_redis *r;

	begin(&o);
	r = redis_client_of(redis_url(world), &auth, loop);
	redis_expect(r, "SET k v", "OK");
	redis_expect(r, "CONFIG SET requirepass new", "OK");
	redis_expect(r, "GET k", "v");  /* who is in, is in */
	call(r, "CLIENT KILL TYPE normal SKIPME no", 0, false, &e);
	ck_assert_int_eq(call(r, "GET k", 0, true, &e), SNEK_EACCES);
	ck_assert_ptr_nonnull(strstr(e.text, "password is wrong"));
	sk_redis_free(r);
	end();
}
END_TEST

START_TEST(too_many_clients_are_told)
{
	struct redis_options o = { .conf = "maxclients 2" };
	struct snek_error e;
	sk_redis *a, *b;

	begin(&o);
	a = redis_client(world, loop);
	b = redis_client(world, loop);
	/* Who asked whether it is up may still be one of the two. */
	ck_assert_int_eq(call(a, "ECHO a", 0, true, &e), 0);
	ck_assert_int_eq(call(redis, "ECHO r", 0, true, &e), 0);
	ck_assert_int_eq(call(b, "ECHO b", 500, true, &e), SNEK_EAGAIN);
	ck_assert_msg(strstr(e.text, "maxclients") != NULL, "%s", e.text);
	sk_redis_free(a);
	ck_assert_int_eq(call(b, "ECHO b", 0, true, &e), 0);
	sk_redis_free(b);
	end();
}
END_TEST

START_TEST(a_busy_server_is_asked_again)
{
	struct snek_error e;
	sk_redis *r;
	pthread_t t;
	int rc = 1;

	begin(NULL);
	r = redis_client(world, loop);
	redis_expect(r, "SET k v", "OK");
	redis_expect(r, "CONFIG SET busy-reply-threshold 50", "OK");
	pthread_create(&t, NULL, patient, &rc);
	ck_assert_int_eq(call(r, "GET k", 0, true, &e), 0);
	pthread_join(t, NULL);
	ck_assert_int_eq(rc, 0);
	sk_redis_free(r);
	end();
}
END_TEST

START_TEST(an_idle_connection_that_was_closed_is_made_again)
{
	struct redis_options o = { .conf = "timeout 1" };
	struct snek_error e;
	int i;

	begin(&o);
	redis_expect(redis, "SET n 0", "OK");
	proxy_cut_all(proxy);
	usleep(200000);
	for (i = 0; i < 3; i++) {
		ck_assert_msg(call(redis, "INCR n", 0, false, &e) == 0, "%s",
		    e.text);
		proxy_cut_all(proxy);
		usleep(200000);
	}
	end();
}
END_TEST

START_TEST(a_client_that_is_freed_ends_its_commands)
{
	struct fate once, again;

	begin(NULL);
	pipeline(10, &once, &again);
	sk_redis_free(redis);
	redis = NULL;
	ck_assert_uint_eq(once.done, 10);
	ck_assert_uint_eq(once.other, 10);
	ck_assert_uint_eq(again.done, 10);
	end();
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, a_cut_wire_leaves_no_doubt_but_that_which_is_told, 0,
	    3);
	tcase_add_test(t, a_killed_client_tells_each_command_once);
	tcase_add_test(t, a_trickle_is_as_good_as_a_stream);
	tcase_add_loop_test(t, a_corrupt_byte_ends_in_an_answer_or_an_error, 0, 2);
	tcase_add_test(t, a_stalled_wire_meets_its_deadlines);
	tcase_add_test(t, a_sleeping_server_is_not_waited_for);
	tcase_add_test(t, a_value_that_is_not_taken_lets_others_pass);
	tcase_add_test(t, patience_is_each_commands_own);
	tcase_add_test(t, a_refused_connection_is_told_at_once);
	tcase_add_test(t, what_may_be_repeated_waits_for_a_restart);
	tcase_add_test(t, what_was_acknowledged_with_always_survives);
	tcase_add_test(t, a_changed_password_is_told);
	tcase_add_test(t, too_many_clients_are_told);
	tcase_add_test(t, a_busy_server_is_asked_again);
	tcase_add_test(t, an_idle_connection_that_was_closed_is_made_again);
	tcase_add_test(t, a_client_that_is_freed_ends_its_commands);
}

int main(void)
{
	return redis_have() ? check_main("redis_faults", setup) :
	    redis_skip("test_redis_faults");
}
