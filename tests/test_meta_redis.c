/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "check_main.h"
#include "meta_on_redis.h"
#include "store/meta_record.h"

const struct meta_store *const meta_store = &on_redis;

/* ---- long manifests ---- */

/* n writes, put as they would rest. */
static void fill(unsigned n)
{
	struct sk_meta_part part = { 0, 1, 1, 10 };
	struct sk_meta_receipt r;
	unsigned i;

	meta_category("x");
	part.shard = cat.shard[0];
	for (i = 1; i <= n; i++) {
		struct sk_meta_entry m = { .write = meta_id(i), .records = 1,
			.bytes = 10, .parts = 1, .part = &part };

		ck_assert_int_eq(ops->commit(meta, cat.id, NULL, &m, &r, &err), 0);
	}
}

struct cover {
	uint64_t next, entries, first;
	struct sk_meta *folding;
};

static int follow(void *arg, const struct sk_meta_entry *m)
{
	struct cover *c = arg;

	if (!c->entries++)
		c->first = m->first;
	else
		ck_assert_uint_eq(m->first, c->next);
	c->next = m->last + 1;
	return 0;
}

START_TEST(a_long_manifest_comes_in_pages)
{
	static const uint64_t from[] = { 0, 1, 2, 1999, 2001, 2500, 4500, 4501 };
	struct cover c;
	size_t i;

	fill(4500);
	for (i = 0; i < sizeof(from) / sizeof(*from); i++) {
		memset(&c, 0, sizeof(c));
		ck_assert_int_eq(ops->snapshot(meta, "x", from[i], &cat, follow,
		    &c, &err), 0);
		ck_assert_uint_eq(c.entries, from[i] ? 4501 - from[i] : 4500);
		if (c.entries)
			ck_assert_uint_eq(c.first, from[i] ? from[i] : 1);
	}
	ck_assert_int_eq(ops->category_remove(meta, "x", &err), 0);
	ck_assert_int_eq(ops->is_named(meta, meta_id(4500), &err), 0);
	ck_assert(replies(":0", "EXISTS @:manifest:1 @:named @:dead"));
}
END_TEST

static void *fold_pairs(void *arg)
{
	struct sk_meta *m = arg;
	struct sk_meta_category c;
	unsigned i;

	if (m->ops->category_get(m, "x", &c, NULL))
		return arg;
	for (i = 1; i < 400; i += 2) {
		struct sk_write_id old[2] = { meta_id(i), meta_id(i + 1) };
		struct sk_meta_part part = { c.shard[0], 1, 2, 20 };
		struct sk_meta_entry e = { .first = i, .last = i + 1,
			.write = meta_id(10000 + i), .records = 2, .bytes = 20,
			.parts = 1, .part = &part };

		if (m->ops->fold(m, c.id, old, 2, &e, NULL))
			return arg;
	}
	return NULL;
}

START_TEST(a_snapshot_is_whole_while_others_fold)
{
	struct sk_meta *other;
	struct cover c;
	pthread_t thread;
	void *bad;
	int i, rc;

	fill(2500);
	ck_assert_int_eq(meta_store->open(&other), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, fold_pairs, other), 0);
	for (i = 0; i < 60; i++) {
		memset(&c, 0, sizeof(c));
		rc = ops->snapshot(meta, "x", 0, &cat, follow, &c, &err);
		if (rc == SNEK_EAGAIN)
			continue;
		ck_assert_int_eq(rc, 0);
		ck_assert_uint_eq(c.first, 1);
		ck_assert_uint_eq(c.next, 2501);
		/* As many entries as folds had left in this epoch. */
		ck_assert_uint_eq(c.entries, 2500 - cat.epoch);
	}
	pthread_join(thread, &bad);
	ck_assert_ptr_null(bad);
	other->ops->shut(other);
}
END_TEST

START_TEST(large_inlined_chunks_come_in_pages)
{
	static char big[SK_INLINE_MAX];
	struct sk_meta_part part = { 0, 1, 1, 10 };
	struct sk_meta_receipt r;
	struct cover c = { 0 };
	unsigned i;

	meta_category("x");
	for (i = 1; i <= 40; i++) {
		struct sk_meta_entry m = { .write = meta_id(i), .records = 1,
			.parts = 1, .part = &part,
			.inlined = { big, i % 5 ? sizeof(big) : 1 } };

		ck_assert_int_eq(ops->commit(meta, cat.id, NULL, &m, &r, &err), 0);
	}
	ck_assert_int_eq(ops->snapshot(meta, "x", 0, &cat, follow, &c, &err), 0);
	ck_assert_uint_eq(c.entries, 40);
}
END_TEST

/* ---- lists ---- */

struct order {
	char last[SK_NAME_MAX + 1];
	int n;
};

static int in_order(void *arg, const struct sk_meta_category *c)
{
	struct order *o = arg;

	ck_assert_int_gt(strcmp(c->name, o->last), 0);
	strcpy(o->last, c->name);
	o->n++;
	return 0;
}

static int function_in_order(void *arg, const struct sk_meta_function *f)
{
	struct order *o = arg;

	ck_assert_int_gt(strcmp(f->name, o->last), 0);
	strcpy(o->last, f->name);
	return ++o->n == 1300 ? 1 : 0;
}

START_TEST(lists_are_long_and_in_order_of_bytes)
{
	static struct sk_meta_function f[1300];
	struct order o = { "", 0 };
	char name[32];
	unsigned i;

	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "%c%u.z", i % 3 ? 'b' : 'B', i * 7);
		meta_category(name);
		if (i % 4)
			meta_commit(i);
	}
	ck_assert_int_eq(ops->category_list(meta, in_order, &o, &err), 0);
	ck_assert_int_eq(o.n, 150);
	for (i = 0; i < 1300; i++) {
		snprintf(name, sizeof(name), "%c%u_", i % 3 ? 'w' : 'W', i);
		f[i] = meta_function(name, "op", 'a');
	}
	memset(&o, 0, sizeof(o));
	ck_assert_int_eq(ops->function_put(meta, f, 1300, "words", NULL, &err), 0);
	ck_assert_int_eq(ops->function_list(meta, function_in_order, &o, &err), 1);
	ck_assert_int_eq(o.n, 1300);
}
END_TEST

/* ---- first writers ---- */

static void *draw_twenty(void *arg)
{
	struct sk_meta *m = arg;
	struct sk_meta_category c;
	char name[16];
	uintptr_t sum = 0;
	unsigned i;

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		if (m->ops->category_get_or_create(m, name, &c, NULL))
			return NULL;
		sum = sum * 31 + c.id * 5 + c.shard[0];
	}
	return (void *)sum;
}

START_TEST(many_first_writers_draw_as_one)
{
	struct sk_meta_cluster c;
	struct sk_meta *m[8];
	pthread_t thread[8];
	void *got[8];
	int i;

	for (i = 0; i < 8; i++) {
		ck_assert_int_eq(meta_store->open(&m[i]), 0);
		ck_assert_int_eq(pthread_create(&thread[i], NULL, draw_twenty,
		    m[i]), 0);
	}
	for (i = 0; i < 8; i++) {
		pthread_join(thread[i], &got[i]);
		ck_assert_ptr_nonnull(got[i]);
		ck_assert_ptr_eq(got[i], got[0]);
		m[i]->ops->shut(m[i]);
	}
	ck_assert_int_eq(ops->cluster(meta, &c, &err), 0);
	ck_assert_uint_eq(c.draw, 20);
}
END_TEST

/* ---- shards ---- */

static int note_shard(void *arg, uint32_t id, const char *url)
{
	struct sk_buf *b = arg;

	ck_assert(sk_buf_printf(b, "%u=%s ", id, url));
	return 0;
}

START_TEST(new_shards_serve_new_categories)
{
	static const char *const first[5] = { "a", "b", "c", "d", "e" };
	static const char *const more[2] = { "f", "g" };
	struct sk_meta_cluster c;
	struct sk_buf b = { 0 };
	uint32_t i;
	sk_redis *r = world_client();
	bool used = false;
	char name[8];

	meta_category("old");
	meta_shut();
	ck_assert_int_eq(sk_meta_redis_destroy(r, &err), 0);
	ck_assert_int_eq(sk_meta_redis_create(r, &meta_shape, first, &err), 0);
	sk_redis_free(r);
	ck_assert_int_eq(meta_store->open(&meta), 0);
	meta_category("old");
	ck_assert_int_eq(ops->grow(meta, more, 2, 2, 4, &err), SNEK_ECONFLICT);
	ck_assert_int_eq(ops->grow(meta, more, 2, 2, 5, &err), 0);
	ck_assert_int_eq(ops->grow(meta, more, 1, 0, 7, &err), SNEK_EEXIST);
	ck_assert_int_eq(ops->grow(meta, NULL, 0, 8, 7, &err), SNEK_EINVAL);
	ck_assert_int_eq(ops->shards(meta, note_shard, &b, &err), 0);
	ck_assert_str_eq(b.p, "0=a 1=b 2=c 3=d 4=e 5=f 6=g ");
	sk_buf_free(&b);
	ck_assert_int_eq(ops->cluster(meta, &c, &err), 0);
	ck_assert_uint_eq(c.shards, 7);
	ck_assert_uint_eq(c.level, 2);
	meta_category("old");
	ck_assert_uint_eq(cat.shards, 3);
	for (i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		meta_category(name);
		ck_assert_uint_eq(cat.shards, 2);
		used |= cat.shard[0] == 6;
	}
	ck_assert(used);
	put("HDEL", "shard", sk_span_text("3"), (struct sk_span){ NULL, 0 });
	ck_assert_int_eq(ops->shards(meta, note_shard, &b, &err), SNEK_ECORRUPT);
}
END_TEST

START_TEST(who_opened_the_cluster_before_it_grew_is_told_to_open_it_again)
{
	static const char *const more[2] = { "f", "g" };
	struct sk_meta_category c;
	struct sk_meta *other;
	uint32_t i;
	char name[8];
	int rc = 0;

	meta_category("old");
	ck_assert_int_eq(meta_store->open(&other), 0);
	ck_assert_int_eq(other->ops->grow(other, more, 2, 7, 5, &err), 0);
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_int_eq(other->ops->category_get_or_create(other, name,
		    &c, &err), 0);
		rc = ops->category_get_or_create(meta, name, &c, &err);
		ck_assert_int_eq(rc, SNEK_EAGAIN);
		ck_assert_ptr_nonnull(strstr(err.text, "open it again"));
	}
	ck_assert_int_eq(ops->category_get_or_create(meta, "old", &c, &err), 0);
	other->ops->shut(other);
}
END_TEST

/* ---- plugins ---- */

START_TEST(plugins_come_back_as_they_were)
{
	static const size_t size[] = { 0, 1, 524288, 524289, 1500000 };
	static char bytes[1500000];
	struct sk_buf b = { 0 };
	char sha[65];
	size_t i, n;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	for (i = 0; i < sizeof(size) / sizeof(*size); i++) {
		n = size[i];
		sk_sha256_hex(bytes, n, sha);
		ck_assert_int_eq(ops->plugin_get(meta, sha, &b, &err), SNEK_ENOENT);
		ck_assert_int_eq(ops->plugin_put(meta, sha,
		    (struct sk_span){ bytes, n }, &err), 0);
		ck_assert_int_eq(ops->plugin_put(meta, sha,
		    (struct sk_span){ bytes, n }, &err), 0);
		b.n = 0;
		ck_assert(sk_buf_byte(&b, '!'));
		ck_assert_int_eq(ops->plugin_get(meta, sha, &b, &err), 0);
		ck_assert_uint_eq(b.n, n + 1);
		ck_assert_int_eq(memcmp(b.p + 1, bytes, n), 0);
	}
	ck_assert_int_eq(ops->plugin_put(meta, sha, (struct sk_span){ bytes, 5 },
	    &err), SNEK_EINVAL);
	ck_assert_int_eq(ops->plugin_get(meta, "../x", &b, &err), SNEK_EINVAL);
	b.n = 0;
	tell("HSET @:plugin:%s 1 other", sha);
	ck_assert_int_eq(ops->plugin_get(meta, sha, &b, &err), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, sha));
	ck_assert_uint_eq(b.n, 0);
	tell("HDEL @:plugin:%s 2", sha);
	ck_assert_int_eq(ops->plugin_get(meta, sha, &b, &err), SNEK_ECORRUPT);
	sk_buf_free(&b);
}
END_TEST

/* ---- opening and ending ---- */

static int reopen(void)
{
	struct sk_meta *m;
	int rc = meta_store->open(&m);

	if (!rc)
		m->ops->shut(m);
	return rc;
}

START_TEST(there_is_one_cluster_or_none)
{
	sk_redis *r = world_client();

	ck_assert_int_eq(sk_meta_redis_create(r, &meta_shape, NULL, &err),
	    SNEK_EEXIST);
	tell("HSET @:cluster format 7");
	ck_assert_int_eq(reopen(), SNEK_EVERSION);
	ck_assert_ptr_nonnull(strstr(err.text, "(format 7; this one reads up to 1)"));
	ck_assert_int_eq(sk_meta_redis_destroy(r, &err), 0);
	ck_assert_int_eq(reopen(), SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "no cluster at "));
	ck_assert_int_eq(sk_meta_redis_destroy(r, &err), SNEK_ENOENT);
	tell("SET %s:1023:stamp whatever", prefix);
	ck_assert_int_eq(reopen(), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "1023:stamp"));
	sk_redis_free(r);
}
END_TEST

START_TEST(a_lost_meta_record_is_not_guessed)
{
	sk_redis *r = world_client();

	meta_category("x");
	tell("DEL @:cluster");
	ck_assert_int_eq(reopen(), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "nothing is guessed"));
	ck_assert_int_eq(sk_meta_redis_create(r, &meta_shape, NULL, &err),
	    SNEK_ECORRUPT);
	ck_assert_int_eq(ops->category_get_or_create(meta, "y", &cat, &err),
	    SNEK_ECORRUPT);
	ck_assert_int_eq(sk_meta_redis_destroy(r, &err), 0);
	ck_assert_int_eq(reopen(), SNEK_ENOENT);
	sk_redis_free(r);
}
END_TEST

START_TEST(a_cluster_made_anew_is_another)
{
	struct sk_meta_cluster new = meta_shape;
	struct sk_meta_receipt r;
	struct sk_meta *old = meta;
	sk_redis *c = world_client();

	meta_six_writes();
	ck_assert_int_eq(sk_meta_redis_destroy(c, &err), 0);
	ck_assert_int_eq(meta_commit_as(7, NULL, 7, &r), SNEK_ECORRUPT);
	ck_assert(replies("*0", "KEYS @*"));
	new.uuid[3]++;
	ck_assert_int_eq(sk_meta_redis_create(c, &new, NULL, &err), 0);
	ck_assert_int_eq(meta_store->open(&meta), 0);
	meta_category("x");
	meta_commit(1);
	old->ops->shut(meta);
	meta = old;
	ck_assert_int_eq(meta_commit_as(8, NULL, 8, &r), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "made anew"));
	ck_assert_int_eq(meta_look(0), SNEK_ECORRUPT);
	sk_redis_free(c);
}
END_TEST

START_TEST(only_our_keys_go)
{
	static const struct { const char *before, *after; } other[] = {
		{ "", "" }, { "", ":metal" }, { "", ":meta:other" },
		{ "", ":meta:category:x" }, { "", ":meta:category:" },
		{ "", ":meta:clusters" }, { "", ":0:stamp" },
		{ "", "2:meta:cluster" }, { "", ":meta:plugin:abc" },
		{ "x", ":meta:cluster" },
	};
	char get[80], sha[65];
	sk_redis *r;
	size_t i;

	for (i = 0; i < sizeof(other) / sizeof(*other); i++) {
		tell("SET %s%s%s kept", other[i].before, prefix, other[i].after);
	}
	meta_six_writes();
	sk_sha256_hex("x", 1, sha);
	ck_assert_int_eq(ops->plugin_put(meta, sha, (struct sk_span){ "x", 1 },
	    &err), 0);
	meta_shut();
	r = world_client();
	ck_assert_int_eq(sk_meta_redis_destroy(r, &err), 0);
	sk_redis_free(r);
	for (i = 0; i < sizeof(other) / sizeof(*other); i++) {
		snprintf(get, sizeof(get), "GETDEL %s%s%s", other[i].before,
		    prefix, other[i].after);
		ck_assert(replies("$4\r\nkept", get));
	}
	ck_assert(replies("*0", "KEYS @*"));
}
END_TEST

/* ---- keys that are not as they should be ---- */

static int use_make(void)
{
	return ops->category_get_or_create(meta, "new", &cat, &err);
}

static int use_get(void)
{
	return ops->category_get(meta, "x", &cat, &err);
}

static int use_look(void)
{
	return meta_look(0);
}

static int use_commit(void)
{
	struct sk_meta_receipt r;

	return meta_commit_as(77, "another", 77, &r);
}

static int use_fold(void)
{
	return meta_fold(2, 3, 78, 2);
}

static int use_request(void)
{
	struct sk_meta_receipt r;

	return ops->request(meta, cat.id, "req", &r, &err);
}

static int use_abort(void)
{
	return ops->abort(meta, meta_id(99), &err);
}

static int use_function(void)
{
	struct sk_meta_function f = meta_function("words", "", 'z');

	return ops->function_put(meta, &f, 1, "words", NULL, &err);
}

static int use_function_get(void)
{
	struct sk_meta_function f;

	return ops->function_get(meta, "words", &f, &err);
}

static int use_cluster(void)
{
	struct sk_meta_cluster c;

	return ops->cluster(meta, &c, &err);
}

static int use_remove(void)
{
	return ops->category_remove(meta, "x", &err);
}

static int use_expire(void)
{
	return ops->expire_requests(meta, 1, &err);
}

struct use {
	const char *key;
	int (*use)(void);
};

static void prepare(void)
{
	struct sk_meta_function f = meta_function("words", "", 'a');
	struct sk_meta_receipt r;

	meta_six_writes();
	ck_assert_int_eq(meta_commit_as(7, "req", 7, &r), 0);
	ck_assert_int_eq(ops->function_put(meta, &f, 1, "words", NULL, &err), 0);
	ck_assert_int_eq(ops->abort(meta, meta_id(98), &err), 0);
}

static const struct use uses[] = {
	{ "cluster", use_cluster }, { "cluster", use_make },
	{ "name", use_get }, { "name", use_make }, { "names", use_make },
	{ "category:1", use_get }, { "category:1", use_commit },
	{ "category:1", use_fold }, { "manifest:1", use_look },
	{ "manifest:1", use_commit }, { "manifest:1", use_fold },
	{ "request:1", use_commit }, { "request:1", use_request },
	{ "expiry", use_commit }, { "expiry", use_expire },
	{ "named", use_commit }, { "named", use_fold }, { "named", use_abort },
	{ "aborted", use_commit }, { "aborted", use_fold },
	{ "aborted", use_abort }, { "function", use_function },
	{ "function", use_function_get }, { "dead", use_remove },
	{ "names", use_remove },
};

/* Of the server, as DEBUG tells it: equal when nothing has changed. */
static void digest(char out[64])
{
	char *s = cli("DEBUG DIGEST");

	snprintf(out, 64, "%.50s", s);
	free(s);
}

START_TEST(a_key_of_another_type_is_told_and_nothing_done)
{
	const struct use *u = &uses[_i];
	char before[64], after[64];

	prepare();
	tell("DEL @:%s", u->key);
	tell("SET @:%s somebody", u->key);
	digest(before);
	ck_assert_int_eq(u->use(), SNEK_ECORRUPT);
	ck_assert_msg(strstr(err.text, u->key) != NULL, "%s", err.text);
	digest(after);
	ck_assert_str_eq(before, after);
}
END_TEST

static const struct { const char *key, *field; int (*use)(void); } fields[] = {
	{ "cluster", "format", use_cluster }, { "cluster", "uuid", use_cluster },
	{ "cluster", "shards", use_make }, { "cluster", "level", use_make },
	{ "cluster", "draw", use_make }, { "cluster", "next", use_make },
	{ "cluster", "draw", use_cluster }, { "name", "x", use_get },
	{ "category:1", "name", use_get },
	{ "category:1", "placement", use_get },
	{ "category:1", "version", use_get }, { "category:1", "epoch", use_get },
	{ "category:1", "writes", use_get }, { "category:1", "records", use_get },
	{ "category:1", "bytes", use_get },
	{ "category:1", "version", use_commit },
	{ "category:1", "writes", use_commit },
	{ "category:1", "records", use_commit },
	{ "category:1", "bytes", use_commit }, { "category:1", "bytes", use_fold },
	{ "category:1", "epoch", use_fold },
	{ "category:1", "placement", use_commit },
	{ "request:1", "req", use_request }, { "function", "words", use_function },
	{ "function", "words", use_function_get },
};

START_TEST(a_damaged_field_is_told_and_nothing_done)
{
	static const char *const bad[] = {
		"", "y", "-1", "1e3", "99999999999999999999", "9007199254740992",
		"0x10", "1 ", NULL,
	};
	char before[64], after[64];
	struct sk_span field = sk_span_text(fields[_i].field), none = { "", 0 };
	size_t i;

	prepare();
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (!bad[i])
			put("HDEL", fields[_i].key, field, (struct sk_span){ NULL, 0 });
		else
			put("HSET", fields[_i].key, field, *bad[i] ?
			    sk_span_text(bad[i]) : none);
		/* What is not there is no function, request or category. */
		if (!bad[i] && (*fields[_i].key == 'f' || *fields[_i].key == 'r' ||
		    *fields[_i].key == 'n'))
			continue;
		digest(before);
		ck_assert_msg(fields[_i].use() == SNEK_ECORRUPT, "%s %s \"%s\"",
		    fields[_i].key, fields[_i].field, bad[i]);
		ck_assert_msg(strstr(err.text, fields[_i].key) != NULL, "%s",
		    err.text);
		digest(after);
		ck_assert_str_eq(before, after);
	}
}
END_TEST

START_TEST(a_function_of_a_newer_snek_is_refused_by_its_number)
{
	static const char newer[] =
	    "\4" "\7\0\0\0\0\0\0\0" "\5words" "\5count" "\2ab" "\3""1.0 and more";
	char before[64], after[64];

	prepare();
	put("HSET", "function", sk_span_text("words"),
	    (struct sk_span){ newer, sizeof(newer) - 1 });
	digest(before);
	ck_assert_int_eq(use_function_get(), SNEK_EVERSION);
	ck_assert_int_eq(use_function(), SNEK_EVERSION);
	ck_assert_ptr_nonnull(strstr(err.text, "function words was added by a "
	    "newer snek (format 4; this one reads up to 3)"));
	ck_assert_int_eq(ops->function_remove(meta, "words", &err),
	    SNEK_EVERSION);
	digest(after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(a_damaged_entry_is_told)
{
	struct sk_meta_part part = { 0, 1, 1, 10 };
	struct sk_meta_entry m = { .last = 1, .write = meta_id(1),
		.records = 1, .bytes = 10, .parts = 1, .part = &part };
	struct sk_buf b = { 0 };
	size_t i;

	meta_category("x");
	meta_commit(1);
	ck_assert(sk_buf_put(&b, "\0\0\0\0\0\0\0\1", 8));
	ck_assert(sk_record_pack_entry(&b, &m));
	ck_assert(sk_buf_byte(&b, 0));
	for (i = 0; i <= b.n; i++) {
		tell("DEL @:manifest:1");
		put("ZADD", "manifest:1", sk_span_text("1"),
		    (struct sk_span){ b.p, i });
		ck_assert_int_eq(meta_look(0), i == b.n - 1 ? 0 : SNEK_ECORRUPT);
	}
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_manifest_with_a_gap_is_corrupt)
{
	meta_six_writes();
	tell("ZREMRANGEBYSCORE @:manifest:1 %d %d", _i, _i);
	ck_assert_int_eq(meta_look(0), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "manifest:1"));
}
END_TEST

START_TEST(counters_end_at_2_to_the_53)
{
	struct sk_meta_receipt r;
	char before[64], after[64];

	meta_six_writes();
	tell("HSET @:category:1 records 9007199254740990");
	ck_assert_int_eq(meta_commit_as(7, NULL, 7, &r), 0);
	ck_assert_int_eq(ops->category_get(meta, "x", &cat, &err), 0);
	ck_assert(cat.records == 9007199254740991u);
	digest(before);
	ck_assert_int_eq(meta_commit_as(8, NULL, 8, &r), SNEK_ELIMIT);
	digest(after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(what_a_removed_category_left_is_purged_later)
{
	meta_six_writes();
	tell("HDEL @:name x");
	tell("DEL @:category:1 @:names");
	tell("SADD @:dead 1");
	ck_assert_int_eq(ops->is_named(meta, meta_id(3), &err), 0);
	meta_category("y");
	meta_commit(3);
	ck_assert_int_eq(ops->expire_requests(meta, 1, &err), 0);
	ck_assert(replies(":0", "EXISTS @:manifest:1 @:dead"));
	ck_assert_int_eq(ops->is_named(meta, meta_id(3), &err), 1);
	ck_assert(replies(":1", "HLEN @:named"));
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_unchecked_fixture(t, world_start, world_stop);
	tcase_add_checked_fixture(t, meta_setup, meta_teardown);
	meta_cases(t);
	tcase_add_test(t, a_long_manifest_comes_in_pages);
	tcase_add_test(t, a_snapshot_is_whole_while_others_fold);
	tcase_add_test(t, large_inlined_chunks_come_in_pages);
	tcase_add_test(t, lists_are_long_and_in_order_of_bytes);
	tcase_add_test(t, many_first_writers_draw_as_one);
	tcase_add_test(t, new_shards_serve_new_categories);
	tcase_add_test(t, who_opened_the_cluster_before_it_grew_is_told_to_open_it_again);
	tcase_add_test(t, plugins_come_back_as_they_were);
	tcase_add_test(t, there_is_one_cluster_or_none);
	tcase_add_test(t, a_lost_meta_record_is_not_guessed);
	tcase_add_test(t, a_cluster_made_anew_is_another);
	tcase_add_test(t, only_our_keys_go);
	tcase_add_loop_test(t, a_key_of_another_type_is_told_and_nothing_done,
	    0, sizeof(uses) / sizeof(*uses));
	tcase_add_loop_test(t, a_damaged_field_is_told_and_nothing_done,
	    0, sizeof(fields) / sizeof(*fields));
	tcase_add_test(t, a_function_of_a_newer_snek_is_refused_by_its_number);
	tcase_add_test(t, a_damaged_entry_is_told);
	tcase_add_loop_test(t, a_manifest_with_a_gap_is_corrupt, 1, 7);
	tcase_add_test(t, counters_end_at_2_to_the_53);
	tcase_add_test(t, what_a_removed_category_left_is_purged_later);
}

int main(void)
{
	return redis_have() ? check_main("meta_redis", tests) :
	    redis_skip("test_meta_redis");
}
