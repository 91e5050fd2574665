/* SPDX-License-Identifier: MIT */
/*
 * Each allocation fails once: the linker's --wrap puts ours in front of the
 * allocator (see Makefile.am).  Out of memory is an ordinary error, and what
 * is in the cluster stays whole.
 */
#include "category.h"
#include "category/compact.h"
#include "category/reader.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

static unsigned long left;              /* 0: none fails */
static bool failed;

static bool fails(void)
{
	if (!left || --left)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

/* ---- what is done ---- */

static struct world world;

static void setup(void)
{
	world_make(&world, NULL, 3, 3);
}

static void teardown(void)
{
	world_remove(&world);
}

static void write_some(void)
{
	struct job j = { .no_compact = true };

	for (j.w = 1; j.w <= 4; j.w++) {
		j.n = j.w % 2 ? 5 : 200;
		j.pad = j.w % 2 ? 20 : 1000;
		job_must(world.catalog, &j);
	}
}

static int write_with(struct sk_writer_options o, unsigned rows,
    struct snek_error *e)
{
	static char pad[2000];
	struct sk_member m[] = { { "w", 1, sk_int(9) }, { "i", 1, sk_int(0) },
		{ "n", 1, sk_int(rows) }, { "pad", 3, sk_string(pad, 0) } };
	struct sk_record r = { true, 4, m };
	struct sk_meta_receipt receipt;
	sk_writer *w;
	unsigned i;
	int rc = sk_writer_open(world.catalog, "new", &o, &w, e);

	if (rc)
		return rc;
	memset(pad, 'x', sizeof(pad));
	for (i = 0; !rc && i < rows; i++) {
		m[1].value = sk_int(i);
		m[3].value = sk_string(pad, rows > 10 ? sizeof(pad) : 3);
		rc = sk_writer_add(w, &r, (struct sk_span){ &i, sizeof(i) }, e);
	}
	if (!rc)
		rc = sk_writer_commit(w, &receipt, e);
	sk_writer_free(w);
	return rc;
}

static int write_small(struct snek_error *e)
{
	return write_with((struct sk_writer_options){ .request_id = "r" }, 5, e);
}

static int write_large(struct snek_error *e)
{
	return write_with((struct sk_writer_options){ .request_id = "r",
	    .chunk_size = SK_CHUNK_MIN }, 200, e);
}

static int take_snapshot(struct snek_error *e)
{
	struct sk_snapshot *s;
	int rc = sk_snapshot_open(world.catalog, "cat", &s, e);

	if (!rc)
		sk_snapshot_close(s);
	return rc;
}

static int read_all(struct snek_error *e)
{
	struct sk_record record;
	struct sk_place at;
	sk_reader *r;
	int rc = sk_reader_open(world.catalog, "cat", &r, e);

	if (rc)
		return rc;
	while ((rc = sk_reader_next(r, &record, &at, e)) > 0)
		;
	sk_reader_close(r);
	return rc;
}

static int compact(struct snek_error *e)
{
	return sk_compact(world.catalog, "cat", true, e);
}

static int collect(struct snek_error *e)
{
	struct sk_segment_writer *w;
	struct sk_shard *s = world.catalog->shard[0];
	struct sk_write_id id;
	int rc = sk_write_id_new(&id, e);

	if (!rc)
		rc = s->ops->begin(s, id, &w, e);
	if (rc)
		return rc;
	s->ops->free(w);
	return sk_gc(world.catalog, 0, NULL, e);
}

static int (*const deeds[])(struct snek_error *) = {
	write_small, write_large, take_snapshot, read_all, compact, collect,
};

START_TEST(out_of_memory_is_an_ordinary_error)
{
	struct snek_error e = { 0 };
	struct census c;
	char *before, *after;
	unsigned long n = 0;
	int rc;

	write_some();
	before = dump(world.catalog, "cat");
	do {
		failed = false;
		left = ++n;
		rc = deeds[_i](&e);
		left = 0;
		if (rc)
			ck_assert_msg(failed && rc == SNEK_ENOMEM, "%lu: %s", n,
			    e.text);
		after = dump(world.catalog, "cat");
		ck_assert_str_eq(before, after);
		free(after);
		if (rc && census_take(world.catalog, "new", &c))
			die("a write that failed is there");
		sk_gc(world.catalog, 0, NULL, NULL);
	} while (failed && n < 100000);
	ck_assert_uint_gt(n, 3);
	free(before);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("category_oom");
	TCase *t = tcase_create("category_oom");
	SRunner *r;
	int bad;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, out_of_memory_is_an_ordinary_error, 0,
	    sizeof(deeds) / sizeof(*deeds));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad != 0;
}
