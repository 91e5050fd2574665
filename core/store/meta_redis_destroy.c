/* SPDX-License-Identifier: MIT */
/*
 * Removing a meta store: the record of the cluster steps aside, so that nobody
 * opens what is half gone; all other keys of ours are found and unlinked; at
 * last what stepped aside.  Keys are ours by their whole name, not by how they
 * begin.
 */
#include "store/meta_redis.h"

#include <stdlib.h>

struct finder {
	struct sk_rmeta *m;
	struct sk_buf pattern;
	char cursor[24];
};

static bool all_of(const char *s, size_t n, const char *set)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!s[i] || !strchr(set, s[i]))
			return false;
	return n > 0;
}

static bool is_after(struct sk_span key, const char *head, const char *set)
{
	size_t n = strlen(head);

	return key.n > n && !memcmp(key.p, head, n) &&
	    all_of((const char *)key.p + n, key.n - n, set);
}

/* key: without what all keys begin with. */
static bool is_ours(struct sk_span key)
{
	static const char *const whole[] = {
		"cluster", "shard", "name", "names", "expiry", "named",
		"aborted", "dead", "function", "jobs",
	};
	size_t i;

	for (i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (key.n == strlen(whole[i]) &&
		    !memcmp(key.p, whole[i], key.n))
			return true;
	return is_after(key, "category:", "0123456789") ||
	    is_after(key, "manifest:", "0123456789") ||
	    is_after(key, "request:", "0123456789") ||
	    (key.n == 4 + 32 && is_after(key, "job:", "0123456789abcdef")) ||
	    (key.n == 6 + 32 && is_after(key, "items:", "0123456789abcdef")) ||
	    (key.n == 7 + 64 && is_after(key, "plugin:", "0123456789abcdef"));
}

/* What SCAN matches: keys, with what a pattern would take otherwise escaped. */
static bool make_pattern(struct sk_buf *b, const char *keys)
{
	for (; *keys; keys++)
		if ((strchr("*?[]\\^", *keys) && !sk_buf_byte(b, '\\')) ||
		    !sk_buf_byte(b, (uint8_t)*keys))
			return false;
	return sk_buf_byte(b, '*');
}

static int unlink_keys(struct sk_rmeta *m, const struct sk_reply *found,
    struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	struct sk_command c = { .again = true };
	struct sk_answer a;
	size_t i, head = strlen(m->keys);
	int rc = 0;

	sk_rmeta_arg_text(&args, "UNLINK");
	for (i = 0; i < found->items; i++) {
		struct sk_span k = found->item[i].text;

		if (found->item[i].type == SK_REPLY_STRING && k.n > head &&
		    !memcmp(k.p, m->keys, head) && is_ours((struct sk_span){
		    (const char *)k.p + head, k.n - head }))
			sk_rmeta_arg(&args, k.p, k.n);
	}
	c.arg = (const void *)args.span.p;
	c.args = args.span.n / sizeof(struct sk_span);
	if (args.bad)
		rc = sk_enomem(e);
	else if (c.args > 1)
		rc = sk_redis_call(m->redis, &c, &a, e);
	if (!rc && c.args > 1)
		sk_answer_free(&a);
	sk_buf_free(&args.span);
	return rc;
}

static int take_cursor(struct finder *f, const struct sk_reply *r,
    struct snek_error *e)
{
	if (r->type != SK_REPLY_ARRAY || r->items != 2 ||
	    r->item[0].type != SK_REPLY_STRING ||
	    r->item[0].text.n >= sizeof(f->cursor) ||
	    r->item[1].type != SK_REPLY_ARRAY)
		return sk_fail(e, SNEK_EIO, "%s gave an answer that is none",
		    sk_redis_name(f->m->redis));
	memcpy(f->cursor, r->item[0].text.p, r->item[0].text.n);
	f->cursor[r->item[0].text.n] = 0;
	return 0;
}

static int scan(struct finder *f, struct snek_error *e)
{
	const struct sk_span arg[6] = {
		sk_span_text("SCAN"), sk_span_text(f->cursor),
		sk_span_text("MATCH"), { f->pattern.p, f->pattern.n },
		sk_span_text("COUNT"), sk_span_text("1000"),
	};
	struct sk_command c = { .arg = arg, .args = 6, .again = true,
		.items_max = 65536 };
	struct sk_answer a;
	int rc = sk_redis_call(f->m->redis, &c, &a, e);

	if (rc)
		return rc;
	rc = take_cursor(f, &a.reply, e);
	if (!rc)
		rc = unlink_keys(f->m, &a.reply.item[1], e);
	sk_answer_free(&a);
	return rc;
}

static int remove_all(struct sk_rmeta *m, struct snek_error *e)
{
	struct finder f = { .m = m, .cursor = "0" };
	struct sk_answer a;
	int rc = make_pattern(&f.pattern, m->keys) ? 0 : sk_enomem(e);

	if (!rc) {
		do
			rc = scan(&f, e);
		while (!rc && strcmp(f.cursor, "0"));
	}
	sk_buf_free(&f.pattern);
	if (rc)
		return rc;
	rc = sk_rmeta_command(m, "UNLINK", "destroyed", NULL, 0, true, &a, e);
	if (!rc)
		sk_answer_free(&a);
	return rc;
}

int sk_meta_redis_destroy(struct sk_redis *redis, struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	struct sk_rmeta m;
	struct sk_answer a;
	int rc = sk_rmeta_init(&m, redis, e);

	if (rc)
		return rc;
	rc = sk_rmeta_call(&m, STEP_DESTROY, &args, &a, e);
	if (!rc) {
		rc = sk_rmeta_says(&a, "none") ? sk_fail(e, SNEK_ENOENT,
		    "no cluster at %s", sk_redis_name(redis)) :
		    remove_all(&m, e);
		sk_answer_free(&a);
	}
	sk_rmeta_fini(&m);
	return rc;
}
