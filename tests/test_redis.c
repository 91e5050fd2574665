/* SPDX-License-Identifier: MIT */
#include "store/redis.h"
#include "base/clock.h"
#include "check_main.h"
#include "redis.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static sk_redis_loop *loop(void)
{
	sk_redis_loop *l = NULL;
	struct snek_error e;

	ck_assert_msg(sk_redis_loop_new(&l, &e) == 0, "%s", e.text);
	return l;
}

/* Words separated by blanks. */
static int call(sk_redis *r, const char *words, struct sk_answer *a,
    struct snek_error *e)
{
	struct sk_span arg[16];
	struct sk_command c = { .arg = arg };
	char text[256], *at = text, *word;

	snprintf(text, sizeof(text), "%s", words);
	while ((word = strsep(&at, " ")))
		arg[c.args++] = sk_span_text(word);
	return sk_redis_call(r, &c, a, e);
}

static void expect(sk_redis *r, const char *words, const char *text)
{
	struct sk_answer a = { .memory = NULL };
	struct snek_error e;

	ck_assert_msg(call(r, words, &a, &e) == 0, "%s: %s", words, e.text);
	ck_assert_uint_eq(a.reply.text.n, strlen(text));
	ck_assert_str_eq(a.reply.text.p, text);
	sk_answer_free(&a);
}

static const struct redis_options kinds[] = {
	{ .unix_socket = false },
	{ .unix_socket = true },
};

START_TEST(commands_are_answered)
{
	struct redis_world *w = redis_start(&kinds[_i]);
	sk_redis_loop *l = loop();
	sk_redis *r = redis_client(w, l);
	struct sk_answer a;
	struct snek_error e;

	expect(r, "SET k v", "OK");
	expect(r, "GET k", "v");
	ck_assert_int_eq(call(r, "MGET k missing k", &a, &e), 0);
	ck_assert_int_eq(a.reply.type, SK_REPLY_ARRAY);
	ck_assert_uint_eq(a.reply.items, 3);
	ck_assert_int_eq(a.reply.item[1].type, SK_REPLY_NIL);
	ck_assert_str_eq(a.reply.item[2].text.p, "v");
	sk_answer_free(&a);
	ck_assert_int_eq(call(r, "INCRBY n -7", &a, &e), 0);
	ck_assert_int_eq(a.reply.integer, -7);
	sk_answer_free(&a);
	sk_redis_free(r);
	sk_redis_loop_free(l);
	redis_stop(w);
}
END_TEST

START_TEST(a_script_is_loaded_where_it_is_missing)
{
	struct redis_world *w = redis_start(NULL);
	sk_redis_loop *l = loop();
	sk_redis *r = redis_client(w, l);
	struct sk_script s = { "sum", "return ARGV[1] + redis.call('INCR', KEYS[1])",
	    "" };
	struct sk_span arg[] = { sk_span_text("k"), sk_span_text("40") };
	struct sk_answer a;
	struct snek_error e;
	int i;

	for (i = 1; i < 4; i++) {
		ck_assert_msg(sk_redis_script(r, &s, 1, arg, 2, &a, &e) == 0, "%s",
		    e.text);
		ck_assert_int_eq(a.reply.integer, 40 + i);
		sk_answer_free(&a);
	}
	expect(r, "SCRIPT FLUSH", "OK");
	ck_assert_int_eq(sk_redis_script(r, &s, 1, arg, 2, &a, &e), 0);
	sk_answer_free(&a);
	s = (struct sk_script){ "bad", "return redis.call('INCR')", "" };
	ck_assert_int_eq(sk_redis_script(r, &s, 1, arg, 2, &a, &e), SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(e.text, "script bad"));
	sk_redis_free(r);
	sk_redis_loop_free(l);
	redis_stop(w);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, commands_are_answered, 0, 2);
	tcase_add_test(t, a_script_is_loaded_where_it_is_missing);
}

int main(void)
{
	return redis_have() ? check_main("redis", setup) : redis_skip("test_redis");
}
