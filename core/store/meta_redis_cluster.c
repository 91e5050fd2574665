/* SPDX-License-Identifier: MIT */
#include "store/meta_redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

/* ---- addresses ---- */

struct address {
	uint64_t id;
	struct sk_span url;
};

static int by_id(const void *a, const void *b)
{
	const struct address *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int visit_address(const struct address *x, struct sk_buf *text,
    int (*visit)(void *, uint32_t, const char *), void *arg,
    struct snek_error *e)
{
	text->n = 0;
	if (!sk_buf_put(text, x->url.p, x->url.n) || !sk_buf_byte(text, 0))
		return sk_enomem(e);
	return visit(arg, (uint32_t)x->id, text->p);
}

static int sort(struct sk_rmeta *m, const struct sk_answer *a,
    struct address *x, size_t n, struct snek_error *e)
{
	size_t i;

	for (i = 0; i < n; i++) {
		x[i].url = sk_rmeta_item(a, 2 * i + 2);
		if (!sk_rmeta_number(sk_rmeta_item(a, 2 * i + 1), &x[i].id))
			return sk_rmeta_damaged(m, "shard", e);
	}
	qsort(x, n, sizeof(*x), by_id);
	/* Ids are 0 .. n-1, and nobody's address is nothing. */
	for (i = 0; i < n; i++)
		if (x[i].id != i || !x[i].url.n ||
		    memchr(x[i].url.p, 0, x[i].url.n))
			return sk_rmeta_damaged(m, "shard", e);
	return 0;
}

static int visit_addresses(struct sk_rmeta *m, const struct sk_answer *a,
    int (*visit)(void *, uint32_t, const char *), void *arg,
    struct snek_error *e)
{
	size_t n = (a->reply.items - 1) / 2, i;
	struct sk_buf text = { 0 };
	struct address *x;
	int rc;

	if (!n)
		return 0;
	x = calloc(n, sizeof(*x));
	if (!x)
		return sk_enomem(e);
	rc = sort(m, a, x, n, e);
	for (i = 0; i < n && !rc; i++)
		rc = visit_address(&x[i], &text, visit, arg, e);
	sk_buf_free(&text);
	free(x);
	return rc;
}

int sk_rmeta_shards(struct sk_meta *meta, int (*visit)(void *, uint32_t,
    const char *), void *arg, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	int rc = sk_rmeta_call(m, STEP_SHARDS, &args, &a, e);

	if (rc)
		return rc;
	rc = visit_addresses(m, &a, visit, arg, e);
	sk_answer_free(&a);
	return rc;
}

static int judge_grow(const struct sk_rmeta *m, const struct sk_answer *a,
    uint32_t *first, struct snek_error *e)
{
	struct sk_span s = sk_rmeta_item(a, 1), k = sk_rmeta_item(a, 2);
	uint64_t id;

	if (sk_rmeta_says(a, "exists"))
		return sk_fail(e, SNEK_EEXIST, "%.*s is a shard of this "
		    "cluster already", (int)s.n, (const char *)s.p);
	if (sk_rmeta_says(a, "moved"))
		return sk_fail(e, SNEK_ECONFLICT, "somebody else added servers "
		    "in this moment: there are %.*s", (int)s.n,
		    (const char *)s.p);
	if (sk_rmeta_says(a, "many"))
		return sk_fail(e, SNEK_EINVAL, "%.*s shards (at most %u) and "
		    "level %.*s", (int)s.n, (const char *)s.p, SK_MAX_SHARDS,
		    (int)k.n, (const char *)k.p);
	if (!sk_rmeta_number(s, &id))
		return sk_rmeta_damaged(m, "cluster", e);
	*first = (uint32_t)id;
	return 0;
}

int sk_rmeta_grow(struct sk_meta *meta, const char *const *url, uint32_t n,
    uint32_t level, uint32_t first, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	uint32_t i, id = 0;
	int rc;

	sk_rmeta_arg_number(&args, level);
	sk_rmeta_arg_number(&args, first);
	for (i = 0; i < n; i++)
		sk_rmeta_arg_text(&args, url[i]);
	rc = sk_rmeta_call(m, STEP_GROW, &args, &a, e);
	if (rc)
		return rc;
	rc = judge_grow(m, &a, &id, e);
	sk_answer_free(&a);
	if (rc)
		return rc;
	m->shards = id + n;
	return 0;
}

/* ---- replicas ---- */

/* WAIT is about what its own connection wrote last: hence a write right before
 * it, and a look whether the connection is still the same. */

static int ask_number(struct sk_rmeta *m, const struct sk_span *arg, size_t n,
    int64_t deadline, int64_t *out, struct snek_error *e)
{
	struct sk_command c = { .arg = arg, .args = n, .deadline_ms = deadline };
	struct sk_answer a;
	int rc = sk_redis_call(m->redis, &c, &a, e);

	if (rc)
		return rc;
	if (a.reply.type != SK_REPLY_INTEGER)
		rc = sk_fail(e, SNEK_EIO, "%s gave an answer that is none",
		    sk_redis_name(m->redis));
	*out = a.reply.integer;
	sk_answer_free(&a);
	return rc;
}

static int client_id(struct sk_rmeta *m, int64_t *out, struct snek_error *e)
{
	const struct sk_span arg[2] = {
		sk_span_text("CLIENT"), sk_span_text("ID"),
	};

	return ask_number(m, arg, 2, 0, out, e);
}

static int mark(struct sk_rmeta *m, const struct sk_write_id *id,
    struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	int rc;

	sk_rmeta_arg(&args, id ? id->b : NULL, id ? sizeof(id->b) : 0);
	rc = sk_rmeta_call(m, STEP_SETTLE, &args, &a, e);
	if (rc)
		return rc;
	if (sk_rmeta_says(&a, "lost"))
		rc = sk_fail(e, SNEK_EIO, "%s has lost what was committed "
		    "(another server took over?)", sk_redis_name(m->redis));
	sk_answer_free(&a);
	return rc;
}

static int wait_for(struct sk_rmeta *m, uint32_t replicas, int timeout_ms,
    int64_t *got, struct snek_error *e)
{
	char n[16], ms[16];
	struct sk_span arg[3] = { sk_span_text("WAIT") };

	snprintf(n, sizeof(n), "%u", replicas);
	snprintf(ms, sizeof(ms), "%d", timeout_ms > 0 ? timeout_ms : 1);
	arg[1] = sk_span_text(n);
	arg[2] = sk_span_text(ms);
	return ask_number(m, arg, 3, sk_clock_ms() + timeout_ms +
	    SK_REDIS_CONNECT_MS, got, e);
}

int sk_rmeta_settle(struct sk_meta *meta, const struct sk_write_id *id,
    uint32_t replicas, int timeout_ms, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	int64_t before, after, got = 0;
	int rc = client_id(m, &before, e);

	if (!rc)
		rc = mark(m, id, e);
	if (!rc)
		rc = wait_for(m, replicas, timeout_ms, &got, e);
	if (!rc)
		rc = client_id(m, &after, e);
	if (rc)
		return rc;
	if (before != after)
		return sk_fail(e, SNEK_ETIMEDOUT, "%s: the connection was lost "
		    "while waiting for %u replicas", sk_redis_name(m->redis),
		    replicas);
	if (got < (int64_t)replicas)
		return sk_fail(e, SNEK_ETIMEDOUT, "%s: %lld of %u replicas had "
		    "it after %d ms", sk_redis_name(m->redis), (long long)got,
		    replicas, timeout_ms);
	return 0;
}
