/* SPDX-License-Identifier: MIT */
#include "meta_cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/meta_record.h"

struct sk_meta_cluster meta_shape = { .format = 1, .shards = 5, .level = 3 };
struct sk_meta *meta;
const struct sk_meta_ops *ops;
struct snek_error err;
struct sk_meta_category cat;

static pid_t tester;

bool meta_in_child(void)
{
	return getpid() != tester;
}

void meta_setup(void)
{
	tester = getpid();
	memset(meta_shape.uuid, 7, 16);
	meta_store->make();
	ck_assert_int_eq(meta_store->open(&meta), 0);
	ops = meta->ops;
	memset(&err, 0, sizeof(err));
}

void meta_teardown(void)
{
	if (meta)
		meta_shut();
	meta_store->end();
}

void meta_shut(void)
{
	ops->shut(meta);
	meta = NULL;
}

struct sk_write_id meta_id(unsigned n)
{
	struct sk_write_id id = { { 0 } };

	memcpy(id.b, &n, sizeof(n));
	return id;
}

void meta_category(const char *name)
{
	ck_assert_int_eq(ops->category_get_or_create(meta, name, &cat, &err), 0);
}

/* One record of 10 bytes, inlined; the digest is the write's number. */
int meta_commit_as(unsigned n, const char *request, uint64_t digest,
    struct sk_meta_receipt *r)
{
	struct sk_meta_part part = { 99, 1, 1, 10 };
	struct sk_meta_entry m = {
		.write = meta_id(n), .digest = { digest, 5 }, .records = 1,
		.bytes = 10, .parts = 1, .part = &part,
		.inlined = { "a chunk...", 10 },
	};

	return ops->commit(meta, cat.id, request, &m, r, &err);
}

void meta_commit(unsigned n)
{
	struct sk_meta_receipt r;

	ck_assert_int_eq(meta_commit_as(n, NULL, n, &r), 0);
}

struct meta_seen meta_seen;

static int note(void *arg, const struct sk_meta_entry *m)
{
	struct meta_seen *s = arg;

	ck_assert_int_lt(s->n, 64);
	s->m[s->n] = *m;
	if (m->parts)
		s->part[s->n] = m->part[m->parts - 1];
	ck_assert_uint_lt(m->inlined.n, 16);
	if (m->inlined.n)
		memcpy(s->text[s->n], m->inlined.p, m->inlined.n);
	s->n++;
	return 0;
}

int meta_look(uint64_t from)
{
	memset(&meta_seen, 0, sizeof(meta_seen));
	return ops->snapshot(meta, "x", from, &cat, note, &meta_seen, &err);
}

/* ---- categories ---- */

START_TEST(placement_goes_round_over_all_shards)
{
	struct sk_meta_cluster c;
	char name[16];
	uint32_t i, k;

	for (i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		meta_category(name);
		ck_assert_uint_eq(cat.shards, 3);
		for (k = 0; k < 3; k++)
			ck_assert_uint_eq(cat.shard[k], (i + k) % 5);
	}
	meta_category("c3");
	ck_assert_uint_eq(cat.shard[0], 3);
	ck_assert_int_eq(ops->cluster(meta, &c, &err), 0);
	ck_assert_uint_eq(c.draw, 12);
	ck_assert_int_eq(memcmp(c.uuid, meta_shape.uuid, 16), 0);
}
END_TEST

static int count(void *arg, const struct sk_meta_category *c)
{
	ck_assert_str_eq(c->name, "x");
	++*(int *)arg;
	return 0;
}

START_TEST(a_category_shows_with_its_first_commit)
{
	int n = 0;

	meta_category("x");
	ck_assert_int_eq(ops->category_get(meta, "x", &cat, &err), SNEK_ENOENT);
	ck_assert_int_eq(meta_look(0), SNEK_ENOENT);
	ck_assert_int_eq(ops->category_remove(meta, "x", &err), SNEK_ENOENT);
	ck_assert_int_eq(ops->category_list(meta, count, &n, &err), 0);
	ck_assert_int_eq(n, 0);
	meta_commit(1);
	ck_assert_int_eq(ops->category_get(meta, "x", &cat, &err), 0);
	ck_assert_uint_eq(cat.version, 1);
	ck_assert_int_eq(ops->category_list(meta, count, &n, &err), 0);
	ck_assert_int_eq(n, 1);
}
END_TEST

START_TEST(names_that_cannot_be_are_refused)
{
	char name[2000];

	memset(name, 'a', sizeof(name));
	name[1999] = 0;
	ck_assert_int_eq(ops->category_get(meta, name, &cat, &err), SNEK_ENOENT);
	ck_assert_int_eq(ops->category_get(meta, "", &cat, &err), SNEK_ENOENT);
	ck_assert_int_eq(ops->category_get_or_create(meta, name, &cat, &err),
	    SNEK_EINVAL);
	ck_assert_int_eq(ops->category_get_or_create(meta, "", &cat, &err),
	    SNEK_EINVAL);
}
END_TEST

struct drawn {
	uint64_t id;
	uint32_t shard[3];
} __attribute__((packed));

/* In a child: wait for the start, create, say what it got. */
static void first_writer(int start, int out)
{
	struct drawn got;
	struct sk_meta_category c;
	struct sk_meta *m;
	char b;

	if (read(start, &b, 1) < 0 || meta_store->open(&m) ||
	    m->ops->category_get_or_create(m, "x", &c, &err))
		_exit(1);
	got.id = c.id;
	memcpy(got.shard, c.shard, sizeof(got.shard));
	if (write(out, &got, sizeof(got)) != sizeof(got))      /* at once */
		_exit(1);
	m->ops->shut(m);
	_exit(0);
}

START_TEST(first_writers_agree_on_one_placement)
{
	struct sk_meta_cluster c;
	int start[2], out[2], i, status;
	struct drawn got[4];

	meta_shut();
	ck_assert_int_eq(pipe(start), 0);
	ck_assert_int_eq(pipe(out), 0);
	for (i = 0; i < 4; i++)
		if (!fork()) {
			close(start[1]);
			first_writer(start[0], out[1]);
		}
	close(start[1]);
	for (i = 0; i < 4; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(read(out[0], got, sizeof(got)), sizeof(got));
	for (i = 1; i < 4; i++)
		ck_assert_int_eq(memcmp(&got[i], &got[0], sizeof(*got)), 0);
	ck_assert_int_eq(meta_store->open(&meta), 0);
	ck_assert_int_eq(ops->cluster(meta, &c, &err), 0);
	ck_assert_uint_eq(c.draw, 1);
}
END_TEST

START_TEST(a_removed_category_takes_its_writes_along)
{
	struct sk_meta_receipt r;
	uint64_t old;

	meta_category("x");
	ck_assert_int_eq(meta_commit_as(1, "req", 1, &r), 0);
	meta_commit(2);
	old = cat.id;
	ck_assert_int_eq(ops->category_remove(meta, "x", &err), 0);
	ck_assert_int_eq(ops->is_named(meta, meta_id(1), &err), 0);
	ck_assert_int_eq(meta_look(0), SNEK_ENOENT);
	ck_assert_int_eq(meta_commit_as(3, NULL, 3, &r), SNEK_ENOENT);
	ck_assert_int_eq(ops->category_remove(meta, "x", &err), SNEK_ENOENT);
	meta_category("x");
	ck_assert_uint_ne(cat.id, old);
	ck_assert_uint_eq(cat.version, 0);
	ck_assert_int_eq(ops->request(meta, old, "req", &r, &err), SNEK_ENOENT);
	meta_commit(1);
}
END_TEST

START_TEST(removing_one_category_leaves_its_neighbours)
{
	meta_category("a");
	meta_commit(1);
	meta_category("x");
	meta_commit(2);
	meta_commit(3);
	meta_category("z");
	meta_commit(4);
	ck_assert_int_eq(ops->category_remove(meta, "a", &err), 0);
	ck_assert_int_eq(ops->category_remove(meta, "z", &err), 0);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 2);
}
END_TEST

/* ---- commits ---- */

START_TEST(a_commit_is_read_back_as_it_was)
{
	struct sk_meta_part part[2] = { { 0, 2, 30, 400 }, { 2, 1, 12, 100 } };
	struct sk_meta_entry m = {
		.write = meta_id(1), .digest = { 11, 12 }, .records = 42,
		.bytes = 500, .parts = 2, .part = part,
	};
	struct sk_meta_receipt r;

	meta_category("x");
	ck_assert_int_eq(ops->commit(meta, cat.id, NULL, &m, &r, &err), 0);
	ck_assert_uint_eq(m.first, 1);
	ck_assert_uint_eq(m.last, 1);
	ck_assert_uint_eq(r.version, 1);
	ck_assert(!r.repeated);
	meta_commit(2);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 2);
	ck_assert_uint_eq(meta_seen.m[0].parts, 2);
	ck_assert_int_eq(memcmp(&meta_seen.part[0], &part[1], sizeof(*part)), 0);
	ck_assert_uint_eq(meta_seen.m[0].digest[0], 11);
	ck_assert_uint_eq(meta_seen.m[0].digest[1], 12);
	ck_assert_ptr_null(meta_seen.m[0].inlined.p);
	ck_assert_uint_eq(meta_seen.m[1].first, 2);
	ck_assert_str_eq(meta_seen.text[1], "a chunk...");
	ck_assert_uint_eq(cat.version, 2);
	ck_assert_uint_eq(cat.writes, 2);
	ck_assert_uint_eq(cat.records, 43);
	ck_assert_uint_eq(cat.bytes, 510);
	ck_assert_int_eq(ops->is_named(meta, meta_id(1), &err), 1);
	ck_assert_int_eq(ops->is_named(meta, meta_id(3), &err), 0);
}
END_TEST

START_TEST(inlined_chunks_take_turns_on_the_placement)
{
	uint32_t used[5] = { 0 };
	unsigned i;

	meta_category("y");
	meta_category("x");
	for (i = 0; i < 9; i++)
		meta_commit(i);
	ck_assert_int_eq(meta_look(0), 0);
	for (i = 0; i < 9; i++)
		used[meta_seen.part[i].shard]++;
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(used[cat.shard[i]], 3);
}
END_TEST

START_TEST(a_part_on_a_foreign_shard_is_a_bug)
{
	struct sk_meta_part part = { 4, 1, 1, 1 };
	struct sk_meta_entry m = { .write = meta_id(1), .parts = 1, .part = &part };
	struct sk_meta_receipt r;

	meta_category("x");
	ck_assert_int_eq(ops->commit(meta, cat.id, NULL, &m, &r, &err),
	    SNEK_EINTERNAL);
}
END_TEST

START_TEST(a_request_is_committed_once)
{
	struct sk_meta_receipt r;

	meta_category("x");
	ck_assert_int_eq(ops->request(meta, cat.id, "req", &r, &err), SNEK_ENOENT);
	ck_assert_str_eq(err.text, "");
	ck_assert_int_eq(meta_commit_as(1, "req", 1, &r), 0);
	ck_assert(!r.repeated);
	meta_commit(2);
	ck_assert_int_eq(meta_commit_as(3, "req", 1, &r), 0);
	ck_assert(r.repeated);
	ck_assert_uint_eq(r.version, 1);
	ck_assert_uint_eq(r.records, 1);
	ck_assert_uint_eq(r.write.b[0], 1);
	ck_assert_int_eq(meta_commit_as(4, "req", 4, &r), SNEK_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(err.text, "req"));
	ck_assert_int_eq(ops->request(meta, cat.id, "req", &r, &err), 0);
	ck_assert_uint_eq(r.version, 1);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 2);
	meta_category("other");
	ck_assert_int_eq(meta_commit_as(5, "req", 9, &r), 0);
	ck_assert(!r.repeated);
}
END_TEST

START_TEST(request_ids_have_a_length)
{
	struct sk_meta_receipt r;
	char text[300];

	memset(text, 'r', sizeof(text));
	text[257] = 0;
	meta_category("x");
	ck_assert_int_eq(meta_commit_as(1, text, 1, &r), SNEK_EINVAL);
	ck_assert_int_eq(meta_commit_as(1, "", 1, &r), SNEK_EINVAL);
	text[256] = 0;
	ck_assert_int_eq(meta_commit_as(1, text, 1, &r), 0);
}
END_TEST

START_TEST(a_request_is_forgotten_after_a_week)
{
	struct sk_meta_receipt r;
	int64_t now = sk_clock_wall();

	meta_category("x");
	ck_assert_int_eq(meta_commit_as(1, "req", 1, &r), 0);
	meta_store->age("req", now - 7 * 86400 - 1);
	ck_assert_int_eq(ops->request(meta, cat.id, "req", &r, &err), SNEK_ENOENT);
	ck_assert_int_eq(meta_commit_as(2, "req", 2, &r), 0);
	ck_assert_uint_eq(r.version, 2);
	meta_store->age("old", now - 100);
	ck_assert_int_eq(ops->expire_requests(meta, now - 110, &err), 0);
	ck_assert_int_eq(ops->request(meta, cat.id, "old", &r, &err), 0);
	ck_assert_int_eq(ops->expire_requests(meta, now - 90, &err), 0);
	ck_assert_int_eq(ops->request(meta, cat.id, "old", &r, &err), SNEK_ENOENT);
	ck_assert_int_eq(ops->request(meta, cat.id, "req", &r, &err), 0);
}
END_TEST

START_TEST(an_aborted_write_cannot_commit)
{
	struct sk_meta_receipt r;

	meta_category("x");
	ck_assert_int_eq(ops->abort(meta, meta_id(1), &err), 0);
	ck_assert_int_eq(meta_commit_as(1, "req", 1, &r), SNEK_EAGAIN);
	ck_assert_int_eq(ops->request(meta, cat.id, "req", &r, &err), SNEK_ENOENT);
	ck_assert_int_eq(meta_look(0), SNEK_ENOENT);
	ck_assert_int_eq(ops->forget(meta, meta_id(1), &err), 0);
	ck_assert_int_eq(ops->forget(meta, meta_id(1), &err), 0);
	ck_assert_int_eq(meta_commit_as(1, "req", 1, &r), 0);
	ck_assert_int_eq(ops->abort(meta, meta_id(1), &err), SNEK_EEXIST);
	ck_assert_int_eq(meta_commit_as(1, NULL, 1, &r), SNEK_EEXIST);
}
END_TEST

/* ---- snapshot ---- */

static int stop(void *arg, const struct sk_meta_entry *m)
{
	(void)m;
	return ++*(int *)arg == 2 ? 42 : 0;
}

START_TEST(a_snapshot_may_begin_later_or_end_early)
{
	unsigned i;
	int n = 0;

	meta_category("w");
	meta_commit(100);
	meta_category("x");
	for (i = 1; i <= 5; i++)
		meta_commit(i);
	for (i = 0; i <= 6; i++) {
		ck_assert_int_eq(meta_look(i), 0);
		ck_assert_int_eq(meta_seen.n, i ? 6 - (int)i : 5);
		if (meta_seen.n)
			ck_assert_uint_eq(meta_seen.m[0].first, i ? i : 1);
		ck_assert_uint_eq(cat.version, 5);
	}
	ck_assert_int_eq(ops->snapshot(meta, "x", 0, &cat, stop, &n, &err), 42);
	ck_assert_int_eq(n, 2);
}
END_TEST

/* ---- fold ---- */

int meta_fold(unsigned first, unsigned last, unsigned new, uint64_t records)
{
	struct sk_write_id old[16];
	struct sk_meta_part part = { cat.shard[1], 1, records, 7 };
	struct sk_meta_entry m = {
		.first = first, .last = last, .write = meta_id(new),
		.records = records, .bytes = 7, .parts = 1, .part = &part,
	};
	unsigned i;

	for (i = first; i <= last; i++)
		old[i - first] = meta_id(i);
	return ops->fold(meta, cat.id, old, last - first + 1, &m, &err);
}

void meta_six_writes(void)
{
	unsigned i;

	meta_category("x");
	for (i = 1; i <= 6; i++)
		meta_commit(i);
	ck_assert_int_eq(meta_look(0), 0);
}

START_TEST(folding_replaces_entries_and_raises_the_epoch)
{
	uint64_t epoch;
	unsigned i;

	meta_six_writes();
	epoch = cat.epoch;
	ck_assert_int_eq(meta_fold(2, 5, 9, 4), 0);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 3);
	ck_assert_uint_eq(meta_seen.m[1].first, 2);
	ck_assert_uint_eq(meta_seen.m[1].last, 5);
	ck_assert_uint_eq(meta_seen.m[1].write.b[0], 9);
	ck_assert_uint_gt(cat.epoch, epoch);
	ck_assert_uint_eq(cat.version, 6);
	ck_assert_uint_eq(cat.records, 6);
	ck_assert_uint_eq(cat.writes, 6);
	ck_assert_uint_eq(cat.bytes, 27);
	for (i = 1; i <= 9; i++)
		ck_assert_int_eq(ops->is_named(meta, meta_id(i), &err),
		    i == 1 || i == 6 || i == 9);
	ck_assert_int_eq(meta_look(4), 0);
	ck_assert_int_eq(meta_seen.n, 2);
	ck_assert_uint_eq(meta_seen.m[0].first, 2);
	ck_assert_int_eq(meta_look(6), 0);
	ck_assert_int_eq(meta_seen.n, 1);
}
END_TEST

START_TEST(folding_what_is_no_longer_there_changes_nothing)
{
	meta_six_writes();
	ck_assert_int_eq(meta_fold(2, 5, 9, 4), 0);
	ck_assert_int_eq(meta_fold(2, 5, 10, 4), SNEK_EAGAIN);
	ck_assert_int_eq(meta_fold(1, 2, 10, 2), SNEK_EAGAIN);
	ck_assert_int_eq(meta_fold(4, 6, 10, 3), SNEK_EAGAIN);
	ck_assert_int_eq(meta_fold(6, 7, 10, 2), SNEK_EAGAIN);
	ck_assert_int_eq(ops->abort(meta, meta_id(11), &err), 0);
	ck_assert_int_eq(meta_fold(6, 6, 11, 1), SNEK_EAGAIN);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 3);
	ck_assert_int_eq(ops->category_remove(meta, "x", &err), 0);
	ck_assert_int_eq(meta_fold(6, 6, 12, 1), SNEK_EAGAIN);
}
END_TEST

START_TEST(folding_never_loses_records)
{
	meta_six_writes();
	ck_assert_int_eq(meta_fold(2, 5, 9, 3), SNEK_EINTERNAL);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 6);
}
END_TEST

/* ---- functions ---- */

struct sk_meta_function meta_function(const char *name, const char *op,
    char sha)
{
	struct sk_meta_function f = { .plugin = "words", .version = "1.0" };

	snprintf(f.name, sizeof(f.name), "%s", name);
	snprintf(f.op, sizeof(f.op), "%s", op);
	memset(f.sha256, sha, 64);
	return f;
}

static void put_into_lambda(struct sk_meta_function *f)
{
	f->lambda = (struct sk_meta_lambda){
		.arn = "arn:aws:lambda:eu-west-1:123456789012:function:snek-x:7",
		.name = "snek-x", .version = "7", .region = "eu-west-1",
		.arch = "x86_64", .endpoint = "http://127.0.0.1:9001",
		.code_sha256 = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
		.memory_mb = 1769, .timeout_s = 900,
	};
	memset(f->lambda.plugin_sha256, 'a', 64);
}

struct sk_meta_function meta_function_of(int i)
{
	struct sk_meta_function f = meta_function("words", "count", 'a');

	if (i == 1 || i == 3)
		put_into_lambda(&f);
	if (i == 2 || i == 3) {
		f.kind = SK_FUNCTION_CALL;
		snprintf(f.lib, sizeof(f.lib), "libgeo.so");
		snprintf(f.signature, sizeof(f.signature), "d(dd?)");
		snprintf(f.fields, sizeof(f.fields), "a.b,c");
	}
	if (i == 5 || i == 6) {
		if (i == 6)
			put_into_lambda(&f);
		f.about_n = sizeof(f.about);
		memset(f.about, i, sizeof(f.about));
	}
	if (i == 4) {
		f.kind = SK_FUNCTION_URL;
		f.sha256[0] = '\0';
		snprintf(f.url, sizeof(f.url), "https://example.com/f?x=1");
	}
	return f;
}

static int count_function(void *arg, const struct sk_meta_function *f)
{
	(void)f;
	++*(int *)arg;
	return 0;
}

START_TEST(functions_change_when_their_bytes_do)
{
	struct sk_meta_function f[2] = {
		meta_function("words.count", "count", 'a'),
		meta_function("words.long", "long", 'a'),
	}, g;
	bool changed = false;
	int n = 0;

	ck_assert_int_eq(ops->function_get(meta, "words.count", &g, &err),
	    SNEK_ENOENT);
	ck_assert_int_eq(ops->function_put(meta, f, 2, "words", &changed, &err), 0);
	ck_assert(changed);
	ck_assert_int_eq(ops->function_put(meta, f, 2, "words", &changed, &err), 0);
	ck_assert(!changed);
	ck_assert_int_eq(ops->function_get(meta, "words.count", &g, &err), 0);
	ck_assert_uint_eq(g.generation, 1);
	ck_assert_str_eq(g.op, "count");
	ck_assert_str_eq(g.plugin, "words");
	ck_assert_str_eq(g.version, "1.0");
	ck_assert_str_eq(g.sha256, f[0].sha256);
	f[0] = meta_function("words.count", "count", 'b');
	ck_assert_int_eq(ops->function_put(meta, f, 1, "words", &changed, &err), 0);
	ck_assert(changed);
	ck_assert_int_eq(ops->function_get(meta, "words.count", &g, &err), 0);
	ck_assert_uint_eq(g.generation, 2);
	ck_assert_int_eq(ops->function_get(meta, "words.long", &g, &err),
	    SNEK_ENOENT);
	ck_assert_int_eq(ops->function_list(meta, count_function, &n, &err), 0);
	ck_assert_int_eq(n, 1);
}
END_TEST

START_TEST(functions_go_by_name_or_by_plugin)
{
	struct sk_meta_function f[3] = {
		meta_function("words.a", "a", 'a'), meta_function("words.b", "b", 'a'),
		meta_function("words.c", "c", 'a'),
	};
	int n = 0;

	ck_assert_int_eq(ops->function_put(meta, f, 3, "words", NULL, &err), 0);
	ck_assert_int_eq(ops->function_remove(meta, "words.b", &err), 0);
	ck_assert_int_eq(ops->function_remove(meta, "words.b", &err), SNEK_ENOENT);
	ck_assert_int_eq(ops->function_list(meta, count_function, &n, &err), 0);
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(ops->function_remove(meta, "words", &err), 0);
	n = 0;
	ck_assert_int_eq(ops->function_list(meta, count_function, &n, &err), 0);
	ck_assert_int_eq(n, 0);
}
END_TEST

static void is_packed_alike(const struct sk_meta_function *f,
    const struct sk_meta_function *g)
{
	struct sk_buf a = { 0 }, b = { 0 };

	ck_assert(sk_record_pack_function(&a, f));
	ck_assert(sk_record_pack_function(&b, g));
	ck_assert_uint_eq(a.n, b.n);
	ck_assert_mem_eq(a.p, b.p, a.n);
	sk_buf_free(&a);
	sk_buf_free(&b);
	ck_assert(sk_record_same_function(f, g));
}

START_TEST(functions_of_all_kinds_are_read_back)
{
	struct sk_meta_function f, g;
	bool changed;
	int i;

	for (i = 0; i < META_FUNCTIONS; i++) {
		f = meta_function_of(i);
		ck_assert_int_eq(ops->function_put(meta, &f, 1, "words",
		    &changed, &err), 0);
		ck_assert(changed);
		ck_assert_int_eq(ops->function_get(meta, "words", &g, &err), 0);
		ck_assert_uint_eq(g.generation, i + 1);
		f.generation = g.generation;
		ck_assert_str_eq(g.name, "words");
		is_packed_alike(&f, &g);
		ck_assert_int_eq(ops->function_put(meta, &f, 1, "words",
		    &changed, &err), 0);
		ck_assert(!changed);
	}
}
END_TEST

START_TEST(a_lambda_of_another_version_is_a_change)
{
	struct sk_meta_function f = meta_function_of(1), g;
	bool changed;

	ck_assert_int_eq(ops->function_put(meta, &f, 1, "words", NULL, &err), 0);
	snprintf(f.lambda.version, sizeof(f.lambda.version), "8");
	ck_assert_int_eq(ops->function_put(meta, &f, 1, "words", &changed,
	    &err), 0);
	ck_assert(changed);
	ck_assert_int_eq(ops->function_get(meta, "words", &g, &err), 0);
	ck_assert_str_eq(g.lambda.version, "8");
	ck_assert_uint_eq(g.generation, 2);
}
END_TEST

/* ---- opening ---- */

START_TEST(handles_of_one_directory_share_what_they_see)
{
	struct sk_meta *other;

	ck_assert_int_eq(meta_store->open(&other), 0);
	meta_category("x");
	meta_commit(1);
	ck_assert_int_eq(other->ops->category_get(other, "x", &cat, &err), 0);
	other->ops->shut(other);
	meta_commit(2);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 2);
}
END_TEST

START_TEST(a_forked_child_opens_its_own)
{
	struct sk_meta *other;
	int status;
	pid_t pid;

	meta_category("x");
	meta_commit(1);
	pid = fork();
	if (!pid) {
		if (meta_look(0) != SNEK_EINVAL || !strstr(err.text, "before fork"))
			_exit(1);
		if (meta_store->open(&other))
			_exit(2);
		ops->shut(meta);
		meta = other;
		meta_commit(2);
		ops->shut(meta);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 2);
}
END_TEST

static void *commit_fifty(void *arg)
{
	unsigned i, base = *(unsigned *)arg * 1000;
	struct sk_meta_part part = { 0, 1, 1, 10 };
	struct sk_meta_receipt r;
	struct sk_meta_category c;
	uintptr_t bad = 0;

	for (i = 0; i < 50; i++) {
		struct sk_meta_entry m = {
			.write = meta_id(base + i), .records = 1, .bytes = 10,
			.parts = 1, .part = &part, .inlined = { "x", 1 },
		};

		bad |= ops->commit(meta, cat.id, NULL, &m, &r, NULL) != 0;
		bad |= ops->category_get(meta, "x", &c, NULL) != 0;
	}
	return (void *)bad;
}

START_TEST(threads_commit_without_gaps)
{
	pthread_t thread[4];
	unsigned n[4] = { 1, 2, 3, 4 };
	void *bad;
	int i;

	meta_category("x");
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, commit_fifty,
		    &n[i]), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], &bad);
		ck_assert_ptr_null(bad);
	}
	ck_assert_int_eq(meta_look(190), 0);
	ck_assert_int_eq(meta_seen.n, 11);
	ck_assert_uint_eq(cat.version, 200);
	ck_assert_uint_eq(cat.records, 200);
}
END_TEST

void meta_cases(TCase *t)
{
	tcase_add_test(t, placement_goes_round_over_all_shards);
	tcase_add_test(t, a_category_shows_with_its_first_commit);
	tcase_add_test(t, names_that_cannot_be_are_refused);
	tcase_add_test(t, first_writers_agree_on_one_placement);
	tcase_add_test(t, a_removed_category_takes_its_writes_along);
	tcase_add_test(t, removing_one_category_leaves_its_neighbours);
	tcase_add_test(t, a_commit_is_read_back_as_it_was);
	tcase_add_test(t, inlined_chunks_take_turns_on_the_placement);
	tcase_add_test(t, a_part_on_a_foreign_shard_is_a_bug);
	tcase_add_test(t, a_request_is_committed_once);
	tcase_add_test(t, request_ids_have_a_length);
	tcase_add_test(t, a_request_is_forgotten_after_a_week);
	tcase_add_test(t, an_aborted_write_cannot_commit);
	tcase_add_test(t, a_snapshot_may_begin_later_or_end_early);
	tcase_add_test(t, folding_replaces_entries_and_raises_the_epoch);
	tcase_add_test(t, folding_what_is_no_longer_there_changes_nothing);
	tcase_add_test(t, folding_never_loses_records);
	tcase_add_test(t, functions_change_when_their_bytes_do);
	tcase_add_test(t, functions_go_by_name_or_by_plugin);
	tcase_add_test(t, functions_of_all_kinds_are_read_back);
	tcase_add_test(t, a_lambda_of_another_version_is_a_change);
	tcase_add_test(t, handles_of_one_directory_share_what_they_see);
	tcase_add_test(t, a_forked_child_opens_its_own);
	tcase_add_test(t, threads_commit_without_gaps);
}
