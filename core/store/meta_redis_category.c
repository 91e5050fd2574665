/* SPDX-License-Identifier: MIT */
#include "store/meta_redis.h"

#include <stdio.h>

/* ---- records ---- */

static bool take_name(struct sk_span s, char out[SK_NAME_MAX + 1])
{
	if (!s.n || s.n > SK_NAME_MAX || memchr(s.p, 0, s.n))
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = 0;
	return true;
}

static bool take_placement(struct sk_span s, struct sk_meta_category *c)
{
	const uint8_t *p = s.p;
	uint32_t i;

	if (!s.n || s.n % 4 || s.n > 4 * SK_MAX_SHARDS)
		return false;
	c->shards = (uint32_t)(s.n / 4);
	for (i = 0; i < c->shards; i++, p += 4) {
		c->shard[i] = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		    (uint32_t)p[3] << 24;
		if (c->shard[i] >= SK_MAX_SHARDS)
			return false;
	}
	return true;
}

/* On a shard that somebody has added meanwhile nobody here has a connection. */
static int check_shards(const struct sk_rmeta *m,
    const struct sk_meta_category *c, struct snek_error *e)
{
	uint32_t i;

	for (i = 0; i < c->shards && m->shards; i++)
		if (c->shard[i] >= m->shards)
			return sk_fail(e, SNEK_EAGAIN, "%s: category %s lies on "
			    "shard %u, which was added since the cluster was "
			    "opened: open it again", sk_redis_name(m->redis),
			    c->name, c->shard[i]);
	return 0;
}

int sk_rmeta_category(const struct sk_rmeta *m, const struct sk_answer *a,
    size_t i, struct sk_meta_category *c, struct snek_error *e)
{
	char id[24];

	if (!sk_rmeta_number(sk_rmeta_item(a, i), &c->id))
		return sk_rmeta_damaged(m, "name", e);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)c->id);
	if (!take_name(sk_rmeta_item(a, i + 1), c->name) ||
	    !take_placement(sk_rmeta_item(a, i + 2), c) ||
	    !sk_rmeta_number(sk_rmeta_item(a, i + 3), &c->version) ||
	    !sk_rmeta_number(sk_rmeta_item(a, i + 4), &c->epoch) ||
	    !sk_rmeta_number(sk_rmeta_item(a, i + 5), &c->writes) ||
	    !sk_rmeta_number(sk_rmeta_item(a, i + 6), &c->records) ||
	    !sk_rmeta_number(sk_rmeta_item(a, i + 7), &c->bytes))
		return sk_rmeta_damaged_of(m, "category:", id, e);
	return check_shards(m, c, e);
}

static int none(const char *name, struct snek_error *e)
{
	return sk_fail(e, SNEK_ENOENT, "no such category: %s", name);
}

static bool is_name(const char *name)
{
	return *name && strlen(name) <= SK_NAME_MAX;
}

static int get(struct sk_meta *meta, enum sk_rmeta_step step, const char *name,
    struct sk_meta_category *out, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	struct sk_rmeta_args args = { 0 };
	struct sk_meta_category c;
	struct sk_answer a;
	int rc;

	sk_rmeta_arg_text(&args, name);
	rc = sk_rmeta_call(m, step, &args, &a, e);
	if (rc)
		return rc;
	rc = sk_rmeta_says(&a, "none") ? none(name, e) :
	    sk_rmeta_category(m, &a, 1, &c, e);
	sk_answer_free(&a);
	if (!rc)
		*out = c;
	return rc;
}

/* ---- the interface ---- */

int sk_rmeta_category_get_or_create(struct sk_meta *m, const char *name,
    struct sk_meta_category *out, struct snek_error *e)
{
	if (!is_name(name))
		return sk_fail(e, SNEK_EINVAL, "a category's name has 1 to %u "
		    "characters", SK_NAME_MAX);
	return get(m, STEP_MAKE, name, out, e);
}

int sk_rmeta_category_get(struct sk_meta *m, const char *name,
    struct sk_meta_category *out, struct snek_error *e)
{
	return is_name(name) ? get(m, STEP_GET, name, out, e) : none(name, e);
}

static int visit_page(struct sk_rmeta *m, const struct sk_answer *a,
    int (*visit)(void *, const struct sk_meta_category *), void *arg,
    struct snek_error *e)
{
	struct sk_meta_category c;
	size_t i;
	int rc = 0;

	for (i = 2; i < a->reply.items && !rc; i += 8) {
		rc = sk_rmeta_category(m, a, i, &c, e);
		if (!rc)
			rc = visit(arg, &c);
	}
	return rc;
}

/* One page; what comes after it, in `from`: no names beyond when it is empty. */
static int list_page(struct sk_rmeta *m, struct sk_buf *from,
    int (*visit)(void *, const struct sk_meta_category *), void *arg,
    struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	struct sk_span last;
	int rc;

	sk_rmeta_arg(&args, from->p, from->n);
	rc = sk_rmeta_call(m, STEP_LIST, &args, &a, e);
	if (rc)
		return rc;
	rc = visit_page(m, &a, visit, arg, e);
	last = sk_rmeta_item(&a, 1);
	from->n = 0;
	if (!rc && last.n && (!sk_buf_byte(from, '(') ||
	    !sk_buf_put(from, last.p, last.n)))
		rc = sk_enomem(e);
	sk_answer_free(&a);
	return rc;
}

int sk_rmeta_category_list(struct sk_meta *m,
    int (*visit)(void *, const struct sk_meta_category *), void *arg,
    struct snek_error *e)
{
	struct sk_buf from = { 0 };
	int rc = sk_buf_byte(&from, '-') ? 0 : sk_enomem(e);

	while (!rc && from.n)
		rc = list_page((struct sk_rmeta *)m, &from, visit, arg, e);
	sk_buf_free(&from);
	return rc;
}

int sk_rmeta_purge(struct sk_rmeta *m, struct snek_error *e)
{
	bool more = true;
	int rc = 0;

	while (more && !rc) {
		struct sk_rmeta_args args = { 0 };
		struct sk_answer a;
		uint64_t n = 0;

		rc = sk_rmeta_call(m, STEP_PURGE, &args, &a, e);
		if (rc)
			return rc;
		more = sk_rmeta_number(sk_rmeta_item(&a, 1), &n) && n;
		sk_answer_free(&a);
	}
	return rc;
}

/* The step itself is short; what is left of the manifest goes bit by bit, if
 * not now then with the next category or when requests expire. */
int sk_rmeta_category_remove(struct sk_meta *meta, const char *name,
    struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	int rc;

	if (!is_name(name))
		return none(name, e);
	sk_rmeta_arg_text(&args, name);
	rc = sk_rmeta_call(m, STEP_REMOVE, &args, &a, e);
	if (rc)
		return rc;
	rc = sk_rmeta_says(&a, "none") ? none(name, e) : 0;
	sk_answer_free(&a);
	if (!rc)
		sk_rmeta_purge(m, NULL);
	return rc;
}
