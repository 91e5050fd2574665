/* SPDX-License-Identifier: MIT */
#include "store/meta_redis.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "meta_cases.h"
#include "redis.h"

static struct redis_world *world;       /* of the whole program */
static char url[256], prefix[32];       /* of this test */
static sk_redis_loop *loop;

/* ---- the store ---- */

static sk_redis *client(void)
{
	return redis_client_of(url, NULL, loop);
}

static void make(void)
{
	sk_redis *c;

	ck_assert_int_eq(sk_redis_loop_new(&loop, &err), 0);
	snprintf(prefix, sizeof(prefix), "t%d", (int)getpid());
	snprintf(url, sizeof(url), "%s?prefix=%s", redis_url(world), prefix);
	c = client();
	ck_assert_int_eq(sk_meta_redis_create(c, &meta_shape, NULL, &err), 0);
	sk_redis_free(c);
}

static int open_again(struct sk_meta **out)
{
	sk_redis_loop *l = loop;
	sk_redis *c;
	int rc;

	/* A child needs a loop of its own; it ends with the child. */
	if (meta_in_child() && sk_redis_loop_new(&l, &err))
		return SNEK_EINTERNAL;
	c = redis_client_of(url, NULL, l);
	rc = sk_meta_redis_open(c, out, &err);
	if (rc)
		sk_redis_free(c);
	return rc;
}

static void end(void)
{
	sk_redis_loop_free(loop);
}

/* ---- the test's own hand ---- */

/* A command, %P in it being the prefix of the meta store's keys. */
static char *cli(const char *format, ...)
{
	char text[512], key[64];
	struct sk_buf b = { 0 };
	const char *p;
	va_list ap;
	char *out;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	snprintf(key, sizeof(key), "%s:meta", prefix);
	for (p = text; *p; p++)
		if (*p == '@')
			sk_buf_put(&b, key, strlen(key));
		else
			sk_buf_byte(&b, (uint8_t)*p);
	sk_buf_byte(&b, 0);
	out = redis_cli(world, b.p);
	sk_buf_free(&b);
	return out;
}

__attribute__((unused)) static void tell(const char *command)
{
	free(cli("%s", command));
}

/* A command of any bytes. */
static void put(const char *name, const char *key, struct sk_span a,
    struct sk_span b)
{
	char full[128];
	struct sk_span arg[4] = { sk_span_text(name), { full, 0 }, a, b };
	struct sk_command c = { .arg = arg, .args = b.p ? 4 : 3 };
	struct sk_answer answer;
	sk_redis *r = client();

	snprintf(full, sizeof(full), "%s:meta:%s", prefix, key);
	arg[1].n = strlen(full);
	ck_assert_int_eq(sk_redis_call(r, &c, &answer, &err), 0);
	sk_answer_free(&answer);
	sk_redis_free(r);
}

static void age_request(const char *id, int64_t time)
{
	struct sk_record_request q = { .time = time };
	struct sk_buf b = { 0 };
	char key[32], text[64], score[24];

	snprintf(key, sizeof(key), "request:%llu", (unsigned long long)cat.id);
	ck_assert(sk_record_pack_request(&b, &q));
	put("HSET", key, sk_span_text(id), (struct sk_span){ b.p, b.n });
	sk_buf_free(&b);
	snprintf(score, sizeof(score), "%lld", (long long)time);
	snprintf(text, sizeof(text), "%llu %s", (unsigned long long)cat.id, id);
	put("ZADD", "expiry", sk_span_text(score), sk_span_text(text));
}

static const struct meta_store redis = { make, open_again, end, age_request };
const struct meta_store *const meta_store = &redis;

static void start(void)
{
	world = redis_start(NULL);
}

static void stop(void)
{
	redis_stop(world);
}

int main(void)
{
	Suite *s = suite_create("meta_redis");
	TCase *t = tcase_create("meta_redis");
	SRunner *r;
	int failed;

	if (!redis_have())
		return redis_skip("test_meta_redis");
	tcase_add_unchecked_fixture(t, start, stop);
	tcase_add_checked_fixture(t, meta_setup, meta_teardown);
	tcase_set_timeout(t, 60);
	meta_cases(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
