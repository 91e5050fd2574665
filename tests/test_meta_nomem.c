/* SPDX-License-Identifier: MIT */
/* Each allocation of a client of a meta store on a server fails once: nothing
 * crashes, nothing is half done, and then everything works. */
#include "check_main.h"
#include "meta_on_redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

const struct meta_store *const meta_store = &on_redis;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    !defined(__GLIBC__)
int main(void)
{
	fprintf(stderr, "SKIPPED: malloc belongs to the sanitizer\n");
	return 77;
}
#else

#include "nomem.h"

struct sum {
	uint64_t next, records;
};

static int add_up(void *arg, const struct sk_meta_entry *entry)
{
	struct sum *s = arg;

	if (entry->first != s->next + 1)            /* Check allocates */
		return SNEK_ECORRUPT;
	s->next = entry->last;
	s->records += entry->records;
	return 0;
}

static int visit_nothing(void *arg, const struct sk_meta_category *c)
{
	(void)arg;
	(void)c;
	return 0;
}

static int visit_no_function(void *arg, const struct sk_meta_function *f)
{
	(void)arg;
	(void)f;
	return 0;
}

static int visit_no_shard(void *arg, uint32_t id, const char *url)
{
	(void)arg;
	(void)id;
	(void)url;
	return 0;
}

/* ---- what is done, step after step, until one fails ---- */

static struct sk_meta *m;
static struct sk_meta_category c;
static unsigned serial;

static int make_category(void)
{
	return m->ops->category_get_or_create(m, "x", &c, &err);
}

static int commit(void)
{
	struct sk_meta_part part = { 0, 1, 1, 10 };
	struct sk_meta_entry e = { .write = meta_id(++serial), .records = 1,
		.bytes = 10, .parts = 1, .part = &part,
		.inlined = { "a chunk...", 10 } };
	struct sk_meta_receipt r;
	char request[16];

	snprintf(request, sizeof(request), "r%u", serial);
	return m->ops->commit(m, c.id, request, &e, &r, &err);
}

static int request(void)
{
	struct sk_meta_receipt r;
	char id[16];

	snprintf(id, sizeof(id), "r%u", serial);
	return m->ops->request(m, c.id, id, &r, &err);
}

static int look(void)
{
	struct sum s = { 0, 0 };

	return m->ops->snapshot(m, "x", 0, &c, add_up, &s, &err);
}

static int lists(void)
{
	int rc = m->ops->category_list(m, visit_nothing, NULL, &err);

	if (!rc)
		rc = m->ops->function_list(m, visit_no_function, NULL, &err);
	return rc ? rc : m->ops->shards(m, visit_no_shard, NULL, &err);
}

static int functions(void)
{
	struct sk_meta_function f = meta_function("words", "", 'a');
	int rc = m->ops->function_put(m, &f, 1, "words", NULL, &err);

	if (!rc)
		rc = m->ops->function_get(m, "words", &f, &err);
	return rc ? rc : m->ops->function_remove(m, "words", &err);
}

static int plugins(void)
{
	struct sk_buf b = { 0 };
	char sha[65];
	int rc;

	sk_sha256_hex("x", 1, sha);
	rc = m->ops->plugin_put(m, sha, (struct sk_span){ "x", 1 }, &err);
	if (!rc)
		rc = m->ops->plugin_get(m, sha, &b, &err);
	sk_buf_free(&b);
	return rc;
}

static int abort_one(void)
{
	int rc = m->ops->abort(m, meta_id(70000), &err);

	if (!rc)
		rc = m->ops->forget(m, meta_id(70000), &err);
	return rc ? rc : m->ops->expire_requests(m, 1, &err);
}

static int remove_other(void)
{
	int rc = m->ops->category_remove(m, "none", &err);

	return rc == SNEK_ENOENT ? 0 : rc;
}

static int life(void)
{
	static int (*const step[])(void) = {
		make_category, commit, request, look, lists, functions, plugins,
		abort_one, remove_other,
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(step) / sizeof(*step) && !rc; i++)
		rc = step[i]();
	return rc;
}

/* With allocation number `at` failing; the client is made before. */
static int live(long at)
{
	sk_redis_loop *l;
	sk_redis *r;
	int rc;

	ck_assert_int_eq(sk_redis_loop_new(&l, &err), 0);
	r = world_client_at(redis_url(world), l);
	memset(&err, 0, sizeof(err));
	fault.n = 0;
	fault.at = at;
	fault.on = true;
	rc = sk_meta_redis_open(r, &m, &err);
	if (!rc) {
		rc = life();
		m->ops->shut(m);
	}
	fault.on = false;
	if (rc && !m)
		sk_redis_free(r);
	m = NULL;
	sk_redis_loop_free(l);
	return rc;
}

static void check_whole(void)
{
	struct sum s = { 0, 0 };
	int rc = ops->snapshot(meta, "x", 0, &cat, add_up, &s, &err);

	if (rc == SNEK_ENOENT)
		return;
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(s.next, cat.version);
	ck_assert_uint_eq(s.records, cat.records);
}

START_TEST(memory_that_is_out_is_an_error_like_others)
{
	long at, total;
	int rc, out = 0;

	ck_assert_int_eq(live(0), 0);
	total = fault.n;
	for (at = 1; at <= total; at++) {
		rc = live(at);
		ck_assert_msg(!rc || rc == SNEK_ENOMEM || rc == SNEK_EUNKNOWN,
		    "allocation %ld: %d %s", at, rc, err.text);
		out += rc == SNEK_ENOMEM;
		check_whole();
	}
	ck_assert_int_gt(out, 20);
	ck_assert_int_eq(live(0), 0);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_unchecked_fixture(t, world_start, world_stop);
	tcase_add_checked_fixture(t, meta_setup, meta_teardown);
	tcase_add_test(t, memory_that_is_out_is_an_error_like_others);
}

int main(void)
{
	return redis_have() ? check_main("meta_nomem", tests) :
	    redis_skip("test_meta_nomem");
}
#endif
