/* SPDX-License-Identifier: MIT */
#include "store/meta_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int sk_rmeta_init(struct sk_rmeta *m, struct sk_redis *redis,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int i;

	memset(m, 0, sizeof(*m));
	if (!sk_buf_printf(&b, "%s:meta:", sk_redis_prefix(redis)) ||
	    !sk_buf_byte(&b, 0)) {
		sk_buf_free(&b);
		return sk_enomem(e);
	}
	m->keys = b.p;
	m->redis = redis;
	m->pid = getpid();
	for (i = 0; i < STEP_COUNT; i++) {
		m->script[i].name = sk_rmeta_script[i].name;
		m->script[i].text = sk_rmeta_script[i].text;
	}
	return 0;
}

void sk_rmeta_fini(struct sk_rmeta *m)
{
	free(m->keys);
	m->keys = NULL;
}

/* ---- arguments ---- */

void sk_rmeta_arg(struct sk_rmeta_args *a, const void *p, size_t n)
{
	struct sk_span s = { p, n };

	if (!sk_buf_put(&a->span, &s, sizeof(s)))
		a->bad = true;
}

void sk_rmeta_arg_text(struct sk_rmeta_args *a, const char *s)
{
	sk_rmeta_arg(a, s, strlen(s));
}

void sk_rmeta_arg_number(struct sk_rmeta_args *a, uint64_t v)
{
	char *s = a->text[a->texts++];

	snprintf(s, sizeof(a->text[0]), "%llu", (unsigned long long)v);
	sk_rmeta_arg_text(a, s);
}

/* ---- answers ---- */

struct sk_span sk_rmeta_item(const struct sk_answer *a, size_t i)
{
	const struct sk_reply *r = &a->reply;

	if (r->type != SK_REPLY_ARRAY || i >= r->items)
		return (struct sk_span){ NULL, 0 };
	r = &r->item[i];
	if (r->type != SK_REPLY_STRING && r->type != SK_REPLY_STATUS)
		return (struct sk_span){ NULL, 0 };
	return r->text;
}

bool sk_rmeta_says(const struct sk_answer *a, const char *word)
{
	struct sk_span s = sk_rmeta_item(a, 0);

	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

bool sk_rmeta_number(struct sk_span s, uint64_t *out)
{
	const char *p = s.p;
	uint64_t v = 0;
	size_t i;

	if (!s.n || s.n > 16)
		return false;
	for (i = 0; i < s.n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = 10 * v + (uint64_t)(p[i] - '0');
	}
	*out = v;
	return v < (uint64_t)1 << 53;
}

int sk_rmeta_damaged_of(const struct sk_rmeta *m, const char *key,
    const char *which, struct snek_error *e)
{
	return sk_fail(e, SNEK_ECORRUPT, "%s: key %s%s%s is damaged",
	    sk_redis_name(m->redis), m->keys, key, which);
}

int sk_rmeta_damaged(const struct sk_rmeta *m, const char *key,
    struct snek_error *e)
{
	return sk_rmeta_damaged_of(m, key, "", e);
}

/* ---- calling ---- */

static int check(const struct sk_rmeta *m, enum sk_rmeta_step step,
    const struct sk_rmeta_args *a, struct snek_error *e)
{
	const char *name = sk_redis_name(m->redis);

	if (a->bad)
		return sk_enomem(e);
	if (m->pid != getpid())
		return sk_fail(e, SNEK_EINVAL, "%s was opened before fork: open "
		    "it again in the child", name);
	/* Making a category may find that there is one. */
	if (m->read_only && sk_rmeta_script[step].kind != STEP_READS &&
	    step != STEP_MAKE)
		return sk_fail(e, SNEK_EACCES, "%s is a replica: nothing can "
		    "be changed there", name);
	return 0;
}

/* Reads, and steps that are the same twice, are sent again when the connection
 * breaks. */
static int send_step(struct sk_rmeta *m, enum sk_rmeta_step step,
    const struct sk_rmeta_args *a, struct sk_answer *out, struct snek_error *e)
{
	const struct sk_command c = {
		.arg = (const void *)a->span.p,
		.args = a->span.n / sizeof(struct sk_span),
		.again = sk_rmeta_script[step].kind != STEP_CHANGES,
		.reply_max = sk_rmeta_script[step].reply_max,
	};

	return sk_redis_script_with(m->redis, &m->script[step], 1, &c, out, e);
}

/* What any step may say. */
static int refusal(const struct sk_rmeta *m, const struct sk_answer *a,
    struct snek_error *e)
{
	const char *name = sk_redis_name(m->redis);
	struct sk_span x = sk_rmeta_item(a, 1), y = sk_rmeta_item(a, 2);

	if (sk_rmeta_says(a, "damaged"))
		return sk_fail(e, SNEK_ECORRUPT, "%s: key %.*s is damaged, or "
		    "not snek's", name, (int)x.n, (const char *)x.p);
	if (sk_rmeta_says(a, "newer"))
		return sk_fail(e, SNEK_EVERSION, "%s: function %.*s was added "
		    "by a newer snek (format %.*s; this one reads up to %d)",
		    name, (int)x.n, (const char *)x.p, (int)y.n,
		    (const char *)y.p, SK_FUNCTION_FORMAT);
	if (sk_rmeta_says(a, "gone"))
		return sk_fail(e, SNEK_ECORRUPT, "%s: key %scluster is not that "
		    "of the cluster that was opened: it was destroyed, lost, "
		    "or made anew", name, m->keys);
	if (sk_rmeta_says(a, "denied"))
		return sk_fail(e, SNEK_EACCES, "%s: this user has no right to "
		    "%.*s %.*s", name, (int)x.n, (const char *)x.p, (int)y.n,
		    (const char *)y.p);
	if (sk_rmeta_says(a, "limit"))
		return sk_fail(e, SNEK_ELIMIT, "%s: a counter would pass 2^53",
		    name);
	if (!sk_rmeta_item(a, 0).n)
		return sk_fail(e, SNEK_EIO, "%s gave an answer that is none",
		    name);
	return 0;
}

int sk_rmeta_call(struct sk_rmeta *m, enum sk_rmeta_step step,
    struct sk_rmeta_args *args, struct sk_answer *out, struct snek_error *e)
{
	struct sk_span keys = sk_span_text(m->keys);
	struct sk_rmeta_args a = { .bad = args->bad };
	struct sk_answer answer;
	int rc;

	sk_rmeta_arg(&a, keys.p, keys.n);
	if (args->span.n && !sk_buf_put(&a.span, args->span.p, args->span.n))
		a.bad = true;
	sk_rmeta_arg_text(&a, step == STEP_CLUSTER ? "" : m->uuid);
	rc = check(m, step, &a, e);
	if (!rc)
		rc = send_step(m, step, &a, &answer, e);
	sk_buf_free(&a.span);
	sk_buf_free(&args->span);
	if (rc)
		return rc;
	rc = refusal(m, &answer, e);
	if (rc) {
		sk_answer_free(&answer);
		return rc;
	}
	*out = answer;
	return 0;
}

int sk_rmeta_command(struct sk_rmeta *m, const char *name, const char *key,
    const struct sk_span *arg, size_t n, bool again, struct sk_answer *out,
    struct snek_error *e)
{
	struct sk_rmeta_args a = { 0 };
	struct sk_buf full = { 0 };
	struct sk_command c = { .again = again };
	size_t i;
	int rc;

	if (!sk_buf_printf(&full, "%s%s", m->keys, key))
		a.bad = true;
	sk_rmeta_arg_text(&a, name);
	sk_rmeta_arg(&a, full.p, full.n);
	for (i = 0; i < n; i++)
		sk_rmeta_arg(&a, arg[i].p, arg[i].n);
	rc = check(m, again ? STEP_GET : STEP_COMMIT, &a, e);
	c.arg = (const void *)a.span.p;
	c.args = a.span.n / sizeof(struct sk_span);
	if (!rc)
		rc = sk_redis_call(m->redis, &c, out, e);
	sk_buf_free(&full);
	sk_buf_free(&a.span);
	return rc;
}
