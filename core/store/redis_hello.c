/* SPDX-License-Identifier: MIT */
/*
 * redis_hello.c - what is said first on a connection, in one go: AUTH, INFO
 * (what kind of server is this?), SELECT, CLIENT SETNAME.  Commands of users
 * follow when all of it has been answered.
 */
#include "store/redis_parts.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { AUTH = 1, INFO, SELECT, SETNAME };

static int queue(struct sk_redis *r, uint8_t step, const struct sk_span *arg,
    size_t args, struct snek_error *e)
{
	struct sk_command command = { .arg = arg, .args = args,
	    .reply_max = 64 << 10, .items_max = 16 };
	struct sk_redis_command *c = sk_redis_command_new(&command, NULL, NULL);

	if (!c)
		return sk_enomem(e);
	c->hello = true;
	c->step = step;
	sk_redis_push(&r->hello, c);
	return 0;
}

static const char *user_of(const struct sk_redis *r)
{
	return r->user ? r->user : r->url.user;
}

static int queue_auth(struct sk_redis *r, const char *password, struct snek_error *e)
{
	const char *user = user_of(r);
	struct sk_span arg[3] = { sk_span_text("AUTH"),
	    sk_span_text(user ? user : password), sk_span_text(password) };

	return queue(r, AUTH, arg, user ? 3 : 2, e);
}

static int queue_token(struct sk_redis *r, struct snek_error *e)
{
	struct sk_buf b = { .p = NULL };
	int rc = r->token(r->token_arg, &b, e);

	if (!rc && !sk_buf_byte(&b, 0))
		rc = sk_enomem(e);
	if (!rc)
		rc = queue_auth(r, b.p, e);
	if (b.p)
		explicit_bzero(b.p, b.n);
	sk_buf_free(&b);
	return rc;
}

static int queue_login(struct sk_redis *r, struct snek_error *e)
{
	const char *password = r->password ? r->password : r->url.password;

	if (r->token)
		return queue_token(r, e);
	if (password)
		return queue_auth(r, password, e);
	if (!user_of(r))
		return 0;
	return sk_fail(e, SNEK_EACCES, "there is a user, %s, but no password",
	    user_of(r));
}

int sk_redis_hello(struct sk_redis *r, struct snek_error *e)
{
	const struct sk_span info[] = { sk_span_text("INFO"), sk_span_text("server") };
	const struct sk_span name[] = { sk_span_text("CLIENT"),
	    sk_span_text("SETNAME"), sk_span_text("snek") };
	struct sk_span db[] = { sk_span_text("SELECT"), { NULL, 0 } };
	char number[16];
	int rc;

	r->refusal.code = 0;
	rc = queue_login(r, e);
	if (!rc)
		rc = queue(r, INFO, info, 2, e);
	if (!rc && r->url.db) {
		snprintf(number, sizeof(number), "%u", r->url.db);
		db[1] = sk_span_text(number);
		rc = queue(r, SELECT, db, 2, e);
	}
	return rc ? rc : queue(r, SETNAME, name, 3, e);
}

/* ---- replies ---- */

static bool says(struct sk_span text, const char *line)
{
	return memmem(text.p, text.n, line, strlen(line)) != NULL;
}

/* The mode is redis_mode of Redis, and of Valkey since 8 server_mode. */
static void look_at_info(struct sk_redis *r, struct sk_span info)
{
	if (says(info, "_mode:cluster") || says(info, "cluster_enabled:1"))
		sk_fail(&r->refusal, SNEK_EINVAL, "this is a node of a Redis "
		    "Cluster, which snek does not speak to: give it single "
		    "servers, or primaries of replication groups with cluster "
		    "mode off, each as a shard of its own");
	else if (says(info, "_mode:sentinel"))
		sk_fail(&r->refusal, SNEK_EINVAL, "this is a Sentinel, not a "
		    "server: give the address of the primary that it watches");
}

/* A name and INFO are niceties; a user may be forbidden them. */
static void look_at_error(struct sk_redis *r, uint8_t step, struct sk_span text)
{
	struct snek_error e;
	struct sk_redis_verdict v;

	v = sk_redis_judge(NULL, text, &e);
	if (step == SETNAME || (step == INFO && v.rc != SNEK_EAGAIN &&
	    says(text, "NOPERM")) || r->refusal.code)
		return;
	r->refusal = e;
	if (step == AUTH && v.rc == SNEK_EIO)
		r->refusal.code = SNEK_EACCES;
	if (step == SELECT && v.rc == SNEK_EIO)
		r->refusal.code = SNEK_EINVAL;
}

void sk_redis_hello_reply(struct sk_redis *r, uint8_t step,
    const struct sk_reply *reply, int64_t now)
{
	struct snek_error e;

	if (reply->type == SK_REPLY_ERROR)
		look_at_error(r, step, reply->text);
	else if (step == INFO && reply->type == SK_REPLY_STRING)
		look_at_info(r, reply->text);
	if (step != SETNAME)
		return;
	if (r->refusal.code) {
		e = r->refusal;
		sk_redis_lost(r, now, false, &e);
		return;
	}
	r->state = SK_REDIS_READY;
	r->asked = false;
	r->down_since = 0;
	r->why.code = 0;
	r->told = false;
	r->retry_at = 0;
}
