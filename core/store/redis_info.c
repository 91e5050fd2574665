/* SPDX-License-Identifier: MIT */
/*
 * redis_info.c - what a server is and what its word is worth, from INFO.  Only
 * appendfsync is not in there: where CONFIG is forbidden (managed servers) an
 * append-only file cannot be shown to be synced, and counts as memory.
 */
#include "store/redis.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static int ask(sk_redis *r, const char *a, const char *b, const char *c,
    bool raw, struct sk_answer *out, struct snek_error *e)
{
	struct sk_span arg[] = { sk_span_text(a), sk_span_text(b ? b : ""),
	    sk_span_text(c ? c : "") };
	struct sk_command command = { .arg = arg, .args = 1 + !!b + !!c,
	    .again = true, .raw_errors = raw };

	return sk_redis_call(r, &command, out, e);
}

/* ---- INFO ---- */

/* The value of "key:value\r\n" at the start of a line; n 0: none. */
static struct sk_span field(struct sk_span info, const char *key)
{
	const char *at = info.p, *end = at + info.n, *stop;
	size_t n = strlen(key);

	for (; at && at < end; at = memchr(at, '\n', (size_t)(end - at)), at += !!at) {
		if ((size_t)(end - at) <= n || memcmp(at, key, n) || at[n] != ':')
			continue;
		at += n + 1;
		for (stop = at; stop < end && *stop != '\r' && *stop != '\n';)
			stop++;
		return (struct sk_span){ at, (size_t)(stop - at) };
	}
	return (struct sk_span){ "", 0 };
}

static void text(struct sk_span info, const char *key, char *out, size_t size)
{
	struct sk_span v = field(info, key);

	snprintf(out, size, "%.*s", (int)(v.n < size ? v.n : size - 1),
	    (const char *)v.p);
}

static uint64_t number(struct sk_span info, const char *key)
{
	char v[24];

	text(info, key, v, sizeof(v));
	return strtoull(v, NULL, 10);
}

static bool is(struct sk_span v, const char *what)
{
	return v.n == strlen(what) && !memcmp(v.p, what, v.n);
}

/* slaveN:ip=...,port=...,state=online,offset=...,lag=0 */
static uint32_t replicas_in_sync(struct sk_span info)
{
	static const char online[] = "state=online";
	uint64_t n = number(info, "connected_slaves"), i;
	struct sk_span v;
	uint32_t in_sync = 0;
	char key[32];

	for (i = 0; i < n && i < 64; i++) {
		snprintf(key, sizeof(key), "slave%u", (unsigned)i);
		v = field(info, key);
		in_sync += memmem(v.p, v.n, online, sizeof(online) - 1) != NULL;
	}
	return in_sync;
}

static void read_info(struct sk_span info, struct sk_redis_info *out)
{
	bool valkey = field(info, "valkey_version").n > 0;

	snprintf(out->engine, sizeof(out->engine), valkey ? "valkey" : "redis");
	text(info, valkey ? "valkey_version" : "redis_version", out->version,
	    sizeof(out->version));
	text(info, "role", out->role, sizeof(out->role));
	text(info, "maxmemory_policy", out->eviction, sizeof(out->eviction));
	out->cluster_mode = is(field(info, "redis_mode"), "cluster") ||
	    is(field(info, "server_mode"), "cluster") ||
	    number(info, "cluster_enabled");
	out->loading = number(info, "loading");
	out->replicas = replicas_in_sync(info);
	out->used_memory = number(info, "used_memory");
	out->max_memory = number(info, "maxmemory");
	out->clients = number(info, "connected_clients");
}

/* ---- durability ---- */

static bool setting(const struct sk_reply *config, const char *key, const char *value)
{
	size_t i;

	for (i = 0; i + 1 < config->items; i += 2)
		if (is(config->item[i].text, key))
			return is(config->item[i + 1].text, value);
	return false;
}

static void conclude(struct sk_redis_info *out, enum sk_durability d, const char *why)
{
	out->alone = d;
	out->durability = out->replicas ? SK_DURABLE_REPLICATED : d;
	snprintf(out->why, sizeof(out->why), "%s", why);
}

static void judge_config(const struct sk_reply *config, struct sk_redis_info *out)
{
	if (setting(config, "appendfsync", "everysec"))
		conclude(out, SK_DURABLE_MEMORY, "appendfsync is everysec: a "
		    "server that is killed loses seconds of what it "
		    "acknowledged; always would not");
	else if (!setting(config, "appendfsync", "always"))
		conclude(out, SK_DURABLE_MEMORY, "appendfsync is not always: a "
		    "server that ends loses what it acknowledged");
	else if (setting(config, "no-appendfsync-on-rewrite", "yes"))
		conclude(out, SK_DURABLE_PROCESS, "no-appendfsync-on-rewrite is "
		    "yes: nothing is synced while the file is rewritten");
	else
		conclude(out, SK_DURABLE_MACHINE, "it has no replica in sync");
}

static void judge_durability(const struct sk_reply *config, bool aof,
    struct sk_redis_info *out)
{
	out->config_forbidden = config->type != SK_REPLY_ARRAY;
	if (!aof)
		conclude(out, SK_DURABLE_MEMORY, "appendonly is off: a server that "
		    "ends loses what it acknowledged");
	else if (out->config_forbidden)
		conclude(out, SK_DURABLE_MEMORY, "it forbids CONFIG, so that its "
		    "appendfsync cannot be shown to be always");
	else
		judge_config(config, out);
}

static int ask_durability(sk_redis *r, struct sk_span info,
    struct sk_redis_info *out, struct snek_error *e)
{
	struct sk_answer a;
	int rc = ask(r, "CONFIG", "GET", "*append*", true, &a, e);

	if (rc)
		return rc;
	judge_durability(&a.reply, number(info, "aof_enabled"), out);
	sk_answer_free(&a);
	return 0;
}

/* ---- TIME ---- */

static int64_t decimal(const struct sk_reply *r)
{
	return r->text.p ? strtoll(r->text.p, NULL, 10) : 0;
}

static int read_time(sk_redis *r, struct sk_redis_info *out, struct snek_error *e)
{
	int64_t before = sk_clock_us();
	struct sk_answer a;
	int rc = ask(r, "TIME", NULL, NULL, true, &a, e);

	if (rc)
		return rc;
	out->round_trip_us = sk_clock_us() - before;
	if (a.reply.items == 2)
		out->clock_ms = decimal(&a.reply.item[0]) * 1000 +
		    decimal(&a.reply.item[1]) / 1000;
	sk_answer_free(&a);
	return 0;
}

int sk_redis_info(sk_redis *r, struct sk_redis_info *out, struct snek_error *e)
{
	struct sk_redis_info info = { .clients = 0 };
	struct sk_answer a;
	int rc = ask(r, "INFO", NULL, NULL, false, &a, e);

	if (rc)
		return rc;
	if (a.reply.type != SK_REPLY_STRING)
		rc = sk_fail(e, SNEK_EIO, "%s: INFO is no text", sk_redis_name(r));
	if (!rc) {
		read_info(a.reply.text, &info);
		rc = ask_durability(r, a.reply.text, &info, e);
	}
	sk_answer_free(&a);
	if (!rc)
		rc = read_time(r, &info, e);
	if (!rc)
		*out = info;
	return rc;
}

/* ---- many servers ---- */

struct asked {                          /* one server */
	struct sk_redis_info info;
	bool aof;
	int rc;
	struct snek_error error;
	size_t *left;                   /* replies, of all of them */
};

static bool went_wrong(struct asked *k, int rc, const struct snek_error *e)
{
	--*k->left;
	if (rc && !k->rc) {
		k->rc = rc;
		k->error = *e;
	}
	return k->rc;
}

static void on_info(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct asked *k = arg;

	if (went_wrong(k, rc, e))
		return;
	if (r->type != SK_REPLY_STRING) {
		k->rc = sk_fail(&k->error, SNEK_EIO, "INFO is no text");
		return;
	}
	read_info(r->text, &k->info);
	k->aof = number(r->text, "aof_enabled");
}

static void on_config(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct asked *k = arg;

	if (!went_wrong(k, rc, e))
		judge_durability(r, k->aof, &k->info);
}

static void send_both(sk_redis *r, struct asked *k)
{
	struct sk_span info = sk_span_text("INFO"), config[] = {
		sk_span_text("CONFIG"), sk_span_text("GET"),
		sk_span_text("*append*"),
	};
	struct sk_command a = { .arg = &info, .args = 1, .again = true };
	struct sk_command b = { .arg = config, .args = 3, .again = true,
		.raw_errors = true };

	k->rc = sk_redis_send(r, &a, on_info, k, &k->error);
	if (k->rc)
		return;
	++*k->left;
	k->rc = sk_redis_send(r, &b, on_config, k, &k->error);
	*k->left += !k->rc;
}

struct crowd {
	sk_redis *const *client;
	size_t n, left;
	bool sent;
	struct asked *of;
};

/* The first call, under the loop's lock, sends. */
static bool all_answered(void *arg)
{
	struct crowd *c = arg;
	size_t i;

	for (i = 0; i < c->n && !c->sent; i++) {
		c->of[i].left = &c->left;
		send_both(c->client[i], &c->of[i]);
	}
	c->sent = true;
	return !c->left;
}

int sk_redis_info_all(sk_redis *const *client, size_t n,
    struct sk_redis_info *out, struct snek_error *e)
{
	struct crowd c = { .client = client, .n = n };
	size_t i;
	int rc;

	c.of = calloc(n + 1, sizeof(*c.of));
	if (!c.of)
		return sk_enomem(e);
	/* Each command has its deadline, and c must outlive them. */
	rc = n ? sk_redis_run(sk_redis_loop_of(client[0]), all_answered, &c,
	    INT64_MAX, e) : 0;
	for (i = 0; i < n && !rc; i++) {
		rc = c.of[i].rc;
		if (rc && e)
			*e = c.of[i].error;
	}
	for (i = 0; i < n && !rc; i++)
		out[i] = c.of[i].info;
	free(c.of);
	return rc;
}
