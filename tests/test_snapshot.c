/* SPDX-License-Identifier: MIT */
#include "category.h"
#include "category/compact.h"
#include "category/reader.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct world world;

static void setup(void)
{
	world_make(&world, NULL, 4, 3);
}

static void teardown(void)
{
	world_remove(&world);
}

static struct sk_snapshot *snapshot(void)
{
	struct snek_error e = { 0 };
	struct sk_snapshot *s;

	if (sk_snapshot_open(world.catalog, "cat", &s, &e))
		die("snapshot: %s", e.text);
	return s;
}

static void mixed_writes(uint64_t from)
{
	struct job j = { .no_compact = true };

	for (j.w = from; j.w < from + 12; j.w++) {
		j.n = j.w % 3 ? 7 : 400;
		j.pad = j.w % 3 ? 50 : 2000;
		job_must(world.catalog, &j);
	}
}

static void compact(void)
{
	struct snek_error e = { 0 };

	ck_assert_int_eq(sk_compact(world.catalog, "cat", true, &e), 0);
}

static bool before(struct sk_place a, struct sk_place b)
{
	return a.version != b.version ? a.version < b.version :
	    a.record < b.record;
}

/* Plain segments, folded ones and inlined chunks, one behind the other. */
START_TEST(chunks_are_by_shard_then_by_place)
{
	struct sk_meta_category c;
	struct snek_error e;
	struct sk_snapshot *s;
	uint32_t nth = 0;
	uint64_t rows = 0, bytes = 0;
	size_t i;

	mixed_writes(1);
	if (_i)
		compact();
	mixed_writes(13);
	s = snapshot();
	ck_assert_int_eq(world.catalog->meta->ops->category_get(
	    world.catalog->meta, "cat", &c, &e), 0);
	ck_assert_uint_eq(s->version, 24);
	ck_assert_uint_eq(s->shards, 3);
	for (i = 0; i < s->n; i++) {
		while (s->chunk[i].shard != c.shard[nth])
			ck_assert_uint_lt(++nth, c.shards);
		if (i && s->chunk[i - 1].shard == s->chunk[i].shard)
			ck_assert(before(s->chunk[i - 1].base,
			    s->chunk[i].base));
		ck_assert_uint_eq((uintptr_t)s->chunk[i].bytes.p % 8, 0);
		rows += s->chunk[i].rows;
		bytes += s->chunk[i].bytes.n;
	}
	ck_assert_uint_eq(nth, 2);
	ck_assert_uint_eq(rows, s->records);
	ck_assert_uint_eq(bytes, s->bytes);
	ck_assert_uint_eq(rows, 8 * 400 + 16 * 7);
	sk_snapshot_close(s);
}
END_TEST

START_TEST(a_snapshot_is_of_one_moment)
{
	struct sk_snapshot *s;
	struct census c;

	mixed_writes(1);
	s = snapshot();
	mixed_writes(13);
	ck_assert_uint_eq(s->version, 12);
	ck_assert_uint_eq(s->records, 4 * 400 + 8 * 7);
	sk_snapshot_close(s);
	ck_assert(census_take(world.catalog, "cat", &c));
	ck_assert_uint_eq(c.versions, 24);
}
END_TEST

static uint64_t sum_bytes(const struct sk_snapshot *s)
{
	uint64_t sum = 0;
	size_t i, k;

	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->chunk[i].bytes.n; k++)
			sum = sum * 31 + ((const uint8_t *)s->chunk[i].bytes.p)[k];
	return sum;
}

START_TEST(an_open_snapshot_outlives_compaction_gc_and_removal)
{
	struct sk_meta *m = world.catalog->meta;
	struct snek_error e = { 0 };
	struct sk_snapshot *s;
	uint64_t sum;

	mixed_writes(1);
	s = snapshot();
	sum = sum_bytes(s);
	compact();
	ck_assert_int_eq(sk_gc(world.catalog, 0, NULL, &e), 0);
	ck_assert_int_eq(m->ops->category_remove(m, "cat", &e), 0);
	ck_assert_int_eq(sk_gc(world.catalog, 0, NULL, &e), 0);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
	ck_assert_uint_eq(sum_bytes(s), sum);
	sk_snapshot_close(s);
	ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e),
	    SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "cat"));
}
END_TEST

START_TEST(no_category_is_said_so)
{
	struct snek_error e = { 0 };
	struct sk_snapshot *s;
	sk_reader *r;

	ck_assert_int_eq(sk_snapshot_open(world.catalog, "nix", &s, &e),
	    SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "nix"));
	ck_assert_int_eq(sk_reader_open(world.catalog, "nix", &r, &e),
	    SNEK_ENOENT);
}
END_TEST

START_TEST(an_empty_category_is_read_as_nothing)
{
	struct job j = { .w = 1 };
	struct census c;

	job_must(world.catalog, &j);
	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	ck_assert_uint_eq(c.records, 0);
}
END_TEST

/* ---- a manifest at rest ---- */

/* Another process does it; it opens the cluster anew. */
static void elsewhere(void (*act)(struct sk_catalog *, uint64_t), uint64_t w)
{
	struct world own = world;
	int status;
	pid_t pid = fork();

	if (!pid) {
		world_open(&own);
		act(own.catalog, w);
		world_shut(&own);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void write_one(struct sk_catalog *c, uint64_t w)
{
	struct job j = { .w = w, .n = w, .no_compact = true };

	job_must(c, &j);
}

static void compact_all(struct sk_catalog *c, uint64_t w)
{
	(void)w;
	if (sk_compact(c, "cat", true, NULL))
		_exit(1);
}

static void remove_all(struct sk_catalog *c, uint64_t w)
{
	(void)w;
	if (c->meta->ops->category_remove(c->meta, "cat", NULL))
		_exit(1);
}

static void version_is(uint64_t version, uint64_t records)
{
	struct sk_snapshot *s;
	unsigned i;

	for (i = 0; i < 3; i++) {
		s = snapshot();
		ck_assert_uint_eq(s->version, version);
		ck_assert_uint_eq(s->records, records);
		sk_snapshot_close(s);
	}
}

START_TEST(what_other_processes_did_is_in_the_next_snapshot)
{
	struct snek_error e;
	struct sk_snapshot *s;
	struct census c;
	uint64_t w, sum = 0;

	for (w = 1; w <= 20; w++) {
		elsewhere(write_one, w);
		version_is(w, sum += w);
	}
	elsewhere(compact_all, 0);
	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	version_is(20, sum);
	elsewhere(remove_all, 0);
	ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e),
	    SNEK_ENOENT);
	elsewhere(write_one, 7);
	version_is(1, 7);
}
END_TEST

START_TEST(two_snapshots_at_once_are_each_whole)
{
	struct sk_snapshot *first, *second;

	write_one(world.catalog, 3);
	version_is(1, 3);
	first = snapshot();
	second = snapshot();
	sk_snapshot_close(first);
	ck_assert_uint_eq(second->records, 3);
	write_one(world.catalog, 4);
	sk_snapshot_close(second);
	version_is(2, 7);
}
END_TEST

START_TEST(a_forked_child_s_catalog_is_its_parent_s_at_rest_too)
{
	struct snek_error e;
	struct sk_snapshot *s;
	int status;
	pid_t pid;

	write_one(world.catalog, 3);
	version_is(1, 3);
	pid = fork();
	if (!pid)
		_exit(sk_snapshot_open(world.catalog, "cat", &s, &e) !=
		    SNEK_EINVAL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- damage ---- */

static struct sk_snapshot_chunk victim(void)
{
	struct sk_snapshot *s = snapshot();
	struct sk_snapshot_chunk c = s->chunk[s->n / 2];

	sk_snapshot_close(s);
	return c;
}

static void refused(const char *text)
{
	struct snek_error e = { 0 };
	struct sk_snapshot *s;

	ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e),
	    SNEK_ECORRUPT);
	ck_assert_msg(strstr(e.text, text) && strstr(e.text, "category cat"),
	    "%s", e.text);
}

START_TEST(a_missing_segment_is_data_loss_by_name)
{
	struct job j = { .w = 1, .n = 400, .pad = 2000 };
	struct sk_snapshot_chunk c;
	struct sk_shard *shard;
	struct snek_error e;

	job_must(world.catalog, &j);
	c = victim();
	shard = world.catalog->shard[c.shard];
	ck_assert_int_eq(shard->ops->sweep(shard, c.write, &e), 0);
	refused("data loss: ");
	refused(shard->ops->location(shard));
}
END_TEST

/* The right name, but it does not hold what the manifest says. */
START_TEST(other_counts_than_the_manifest_s_are_damage)
{
	struct job j = { .w = 1, .n = 400, .pad = 2000,
	    .chunk_size = SK_CHUNK_MIN };
	struct sk_segment_writer *w;
	struct sk_snapshot_chunk c;
	struct sk_shard *shard;
	struct snek_error e;
	struct sk_snapshot *s;

	job_must(world.catalog, &j);
	s = snapshot();
	c = s->chunk[0];
	shard = world.catalog->shard[c.shard];
	ck_assert_int_eq(shard->ops->sweep(shard, c.write, &e), 0);
	ck_assert_int_eq(shard->ops->begin(shard, c.write, &w, &e), 0);
	ck_assert_int_eq(shard->ops->put(w, c.bytes, c.rows,
	    (struct sk_place){ 0, 0 }, &e), 0);
	ck_assert_int_eq(shard->ops->seal(w, &e), 0);
	shard->ops->free(w);
	sk_snapshot_close(s);
	refused("other counts");
}
END_TEST

/* Damage inside a chunk shows when it is read, and says where. */
START_TEST(a_damaged_chunk_is_named_by_shard_and_segment)
{
	struct job j = { .w = 1, .n = 400, .pad = 2000 };
	struct sk_snapshot_chunk c;
	struct sk_shard *shard;
	struct sk_segment *segment;
	struct snek_error e = { 0 };
	struct census census;
	char path[300], hex[33];
	uint64_t at;
	FILE *f;

	job_must(world.catalog, &j);
	c = victim();
	shard = world.catalog->shard[c.shard];
	ck_assert_int_eq(shard->ops->open(shard, c.write, &segment, &e), 0);
	at = segment->entry[c.number].offset + (_i ? c.bytes.n / 2 : 0);
	shard->ops->close(segment);
	sk_write_id_hex(c.write, hex);
	snprintf(path, sizeof(path), "%s/%s.seg", shard->ops->location(shard),
	    hex);
	f = fopen(path, "r+");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, (long)at, SEEK_SET), 0);
	ck_assert_int_eq(fputc(0xa5, f), 0xa5);
	fclose(f);
	ck_assert(!census_take(world.catalog, "cat", &census));
	snprintf(path, sizeof(path), "shard %u, segment %s, chunk %u", c.shard,
	    hex, c.number);
	ck_assert_msg(strstr(census.fault, path) != NULL, "%s", census.fault);
	ck_assert_int_eq(sk_compact(world.catalog, "cat", true, &e), 0);
	j.w = 2;
	job_must(world.catalog, &j);
	ck_assert_int_eq(sk_compact(world.catalog, "cat", true, &e),
	    SNEK_ECORRUPT);
	ck_assert_msg(strstr(e.text, path) != NULL, "%s", e.text);
}
END_TEST

/* ---- one catalog, many threads ---- */

#define THREADS 4
struct thread {
	pthread_t id;
	unsigned number;
	struct snek_error error;
	struct census census;
	bool good;
};

static void *write_on(void *arg)
{
	struct thread *t = arg;
	struct sk_meta_receipt r;
	unsigned i;

	t->good = true;
	for (i = 0; t->good && i < 24; i++) {
		struct job j = { .w = t->number * 100 + i,
		    .n = i % 8 ? 5 : 300, .pad = i % 8 ? 20 : 1000 };

		t->good = !job_run(world.catalog, &j, &r, &t->error);
	}
	return NULL;
}

static void *read_on(void *arg)
{
	struct thread *t = arg;
	unsigned i;

	t->good = true;
	for (i = 0; t->good && i < 20; i++)
		t->good = census_take(world.catalog, "cat", &t->census);
	return NULL;
}

static void *fold_on(void *arg)
{
	struct thread *t = arg;
	unsigned i;

	t->good = true;
	for (i = 0; t->good && i < 20; i++)
		t->good = !sk_compact(world.catalog, "cat", i % 2, &t->error) &&
		    !sk_gc(world.catalog, 3600, NULL, &t->error);
	return NULL;
}

START_TEST(threads_share_a_catalog)
{
	void *(*const what[])(void *) = { write_on, write_on, read_on, fold_on };
	struct thread *t = calloc(THREADS, sizeof(*t));
	struct job j = { .w = 1, .n = 1 };
	struct census c;
	unsigned i;

	job_must(world.catalog, &j);
	for (i = 0; i < THREADS; i++) {
		t[i].number = i + 1;
		ck_assert_int_eq(pthread_create(&t[i].id, NULL, what[i],
		    &t[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i].id, NULL);
		ck_assert_msg(t[i].good, "thread %u: %s%s", i,
		    t[i].census.fault, t[i].error.text);
	}
	free(t);
	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	ck_assert_uint_eq(c.versions, 49);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("snapshot");
	TCase *t = tcase_create("snapshot");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, chunks_are_by_shard_then_by_place, 0, 2);
	tcase_add_test(t, a_snapshot_is_of_one_moment);
	tcase_add_test(t, an_open_snapshot_outlives_compaction_gc_and_removal);
	tcase_add_test(t, no_category_is_said_so);
	tcase_add_test(t, an_empty_category_is_read_as_nothing);
	tcase_add_test(t, what_other_processes_did_is_in_the_next_snapshot);
	tcase_add_test(t, two_snapshots_at_once_are_each_whole);
	tcase_add_test(t, a_forked_child_s_catalog_is_its_parent_s_at_rest_too);
	tcase_add_test(t, a_missing_segment_is_data_loss_by_name);
	tcase_add_test(t, other_counts_than_the_manifest_s_are_damage);
	tcase_add_loop_test(t, a_damaged_chunk_is_named_by_shard_and_segment,
	    0, 2);
	tcase_add_test(t, threads_share_a_catalog);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
