/* SPDX-License-Identifier: MIT */
#include "meta_on_redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/meta_record.h"

struct redis_world *world;
const char *world_url;
char prefix[32];
sk_redis_loop *loop;

void world_start(void)
{
	world = redis_start(NULL);
}

void world_stop(void)
{
	redis_stop(world);
	world = NULL;
}

sk_redis *world_client_at(const char *at, sk_redis_loop *l)
{
	char url[300];

	snprintf(url, sizeof(url), "%s?prefix=%s", at, prefix);
	return redis_client_of(url, NULL, l);
}

sk_redis *world_client(void)
{
	return world_client_at(world_url ? world_url : redis_url(world), loop);
}

/* ---- the store ---- */

static void make(void)
{
	sk_redis *c;

	free(redis_cli(world, "FLUSHALL"));     /* the world is the test's */
	ck_assert_int_eq(sk_redis_loop_new(&loop, &err), 0);
	snprintf(prefix, sizeof(prefix), "t%d", (int)getpid());
	c = world_client();
	ck_assert_msg(!sk_meta_redis_create(c, &meta_shape, NULL, &err), "%s",
	    err.text);
	sk_redis_free(c);
}

int world_open(const char *url, struct sk_meta **out)
{
	sk_redis_loop *l = loop;
	sk_redis *c;
	int rc;

	/* A child needs a loop of its own; it ends with the child. */
	if (meta_in_child() && sk_redis_loop_new(&l, &err))
		return SNEK_EINTERNAL;
	c = world_client_at(url, l);
	rc = sk_meta_redis_open(c, out, &err);
	if (rc)
		sk_redis_free(c);
	return rc;
}

static int open_again(struct sk_meta **out)
{
	return world_open(world_url ? world_url : redis_url(world), out);
}

static void end(void)
{
	sk_redis_loop_free(loop);
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

const struct meta_store on_redis = { make, open_again, end, age_request };

/* ---- the test's own hand ---- */

static char *say(const char *text)
{
	struct sk_buf b = { 0 };
	char *out;

	for (; *text; text++)
		ck_assert(*text == '@' ? sk_buf_printf(&b, "%s:meta", prefix) :
		    sk_buf_byte(&b, (uint8_t)*text));
	ck_assert(sk_buf_byte(&b, 0));
	out = redis_cli(world, b.p);
	sk_buf_free(&b);
	return out;
}

char *cli(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return say(text);
}

void tell(const char *format, ...)
{
	char text[512], *reply;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	reply = say(text);
	ck_assert_msg(*reply != '-', "%s: %s", text, reply);
	free(reply);
}

bool replies(const char *line, const char *command)
{
	char *reply = say(command);
	bool yes = !strncmp(reply, line, strlen(line)) &&
	    !strcmp(reply + strlen(line), "\r\n");

	free(reply);
	return yes;
}

void put(const char *name, const char *key, struct sk_span a, struct sk_span b)
{
	char full[128];
	struct sk_span arg[4] = { sk_span_text(name), { full, 0 }, a, b };
	struct sk_command c = { .arg = arg, .args = b.p ? 4 : 3 };
	struct sk_answer answer;
	sk_redis *r = world_client_at(redis_url(world), loop);

	snprintf(full, sizeof(full), "%s:meta:%s", prefix, key);
	arg[1].n = strlen(full);
	ck_assert_int_eq(sk_redis_call(r, &c, &answer, &err), 0);
	sk_answer_free(&answer);
	sk_redis_free(r);
}
