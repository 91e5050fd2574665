/* SPDX-License-Identifier: MIT */
#include "category.h"
#include "category/copy.h"
#include "category/reader.h"

#include "check_main.h"

#include <stdio.h>
#include <stdlib.h>

static struct world here, there;
static struct sk_copy_report report;
static struct snek_error err;

static void setup(void)
{
	world_make(&here, in_memory(), 3, 2);
	world_make(&there, in_memory(), 2, 1);
	memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
	world_shut(&here);
	world_shut(&there);
	world_remove(&here);
	world_remove(&there);
}

static void put(struct world *w, const char *category, uint64_t from, uint64_t n)
{
	struct job j = { .category = category, .w = from, .n = n, .pad = 40 };

	job_must(w->catalog, &j);
}

static int copy(const struct sk_copy_options *o)
{
	return sk_copy(here.catalog, "c", there.catalog, o, &report, &err);
}

static void copies(const struct sk_copy_options *o, uint64_t copied,
    uint64_t writes, uint64_t records)
{
	int rc = copy(o);

	ck_assert_msg(!rc, "%d: %s", rc, err.text);
	ck_assert_uint_eq(report.copied, copied);
	ck_assert_uint_eq(report.writes, writes);
	ck_assert_uint_eq(report.records, records);
}

static void refuses(const struct sk_copy_options *o, int want, const char *says)
{
	int rc = copy(o);

	ck_assert_int_eq(rc, want);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

static uint64_t records_of(const char *category)
{
	sk_reader *r;
	uint64_t n;

	ck_assert_int_eq(sk_reader_open(there.catalog, category, &r, &err), 0);
	n = sk_reader_records(r);
	sk_reader_close(r);
	return n;
}

START_TEST(a_copy_is_the_same_and_is_brought_up_to_date)
{
	static const struct sk_copy_options o = { .part = 400 };
	uint64_t digest[2];

	put(&here, "c", 1, 1000);
	copies(&o, 1000, 3, 1000);
	ck_assert_uint_eq(records_of("c"), 1000);
	memcpy(digest, report.digest, sizeof(digest));
	copies(&o, 0, 0, 1000);
	ck_assert_mem_eq(digest, report.digest, sizeof(digest));
	put(&here, "c", 2, 10);
	copies(&o, 10, 1, 1010);
	ck_assert(memcmp(digest, report.digest, sizeof(digest)));
	ck_assert_uint_eq(records_of("c"), 1010);
}
END_TEST

START_TEST(the_digest_does_not_depend_on_the_cut)
{
	static const struct sk_copy_options cut[] = {
		{ .as = "a" }, { .as = "b", .part = 1 }, { .as = "d", .part = 7 },
		{ .as = "e", .part = 50 },
	};
	uint64_t digest[2];
	size_t i;

	put(&here, "c", 1, 50);
	for (i = 0; i < 4; i++) {
		copies(&cut[i], 50, cut[i].part ? (50 + cut[i].part - 1) /
		    cut[i].part : 1, 50);
		if (!i)
			memcpy(digest, report.digest, sizeof(digest));
		ck_assert_mem_eq(digest, report.digest, sizeof(digest));
		ck_assert_uint_eq(records_of(cut[i].as), 50);
	}
}
END_TEST

/* Ends the copy when it has been asked so many times. */
struct stop { int after, calls; };

static int stop(void *arg, uint64_t done, uint64_t of)
{
	struct stop *s = arg;

	ck_assert_uint_le(done, of);
	return ++s->calls == s->after ? SNEK_ECANCELED : 0;
}

START_TEST(a_copy_that_was_ended_is_resumed)
{
	struct stop s = { .after = 2 };
	struct sk_copy_options o = { .part = 5000, .progress = stop, .arg = &s };

	put(&here, "c", 1, 20000);
	ck_assert_int_eq(copy(&o), SNEK_ECANCELED);
	/* 8192 and 16384 are asked at: three parts were whole by then. */
	o.progress = NULL;
	copies(&o, 5000, 1, 20000);
	ck_assert_uint_eq(records_of("c"), 20000);
}
END_TEST

START_TEST(what_is_another_category_is_refused_with_its_place)
{
	static const struct sk_copy_options o = { 0 };

	put(&here, "c", 1, 30);
	put(&there, "c", 1, 20);
	refuses(&o, SNEK_ECONFLICT, "from record 0 on");
	ck_assert_uint_eq(records_of("c"), 20);
	put(&there, "c", 2, 20);
	refuses(&o, SNEK_ECONFLICT, "only 30");
	ck_assert_uint_eq(records_of("c"), 40);
}
END_TEST

START_TEST(what_was_written_behind_a_copy_is_refused)
{
	static const struct sk_copy_options o = { 0 };

	put(&here, "c", 1, 30);
	copies(&o, 30, 1, 30);
	put(&there, "c", 2, 5);
	put(&here, "c", 3, 5);
	refuses(&o, SNEK_ECONFLICT, "from record 30 on");
	put(&here, "c", 4, 5);
	refuses(&o, SNEK_ECONFLICT, "from record 30 on");
	ck_assert_uint_eq(records_of("c"), 35);
}
END_TEST

/* Another writes the other one while it is copied. */
static int intrude(void *arg, uint64_t done, uint64_t of)
{
	bool *did = arg;

	(void)of;
	if (!*did && done > 9000) {
		*did = true;
		put(&there, "c", 9, 3);
	}
	return 0;
}

START_TEST(what_another_wrote_meanwhile_is_found_at_the_end)
{
	bool did = false;
	struct sk_copy_options o = { .part = 5000, .progress = intrude,
		.arg = &did };

	put(&here, "c", 1, 20000);
	refuses(&o, SNEK_ECORRUPT, "somebody else wrote to it");
	ck_assert(did);
}
END_TEST

START_TEST(nothing_and_no_category)
{
	static const struct sk_copy_options o = { 0 };

	ck_assert_int_eq(copy(&o), SNEK_ENOENT);
	put(&here, "c", 1, 1);
	copies(&o, 1, 1, 1);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_copy_is_the_same_and_is_brought_up_to_date);
	tcase_add_test(t, the_digest_does_not_depend_on_the_cut);
	tcase_add_test(t, a_copy_that_was_ended_is_resumed);
	tcase_add_test(t, what_is_another_category_is_refused_with_its_place);
	tcase_add_test(t, what_was_written_behind_a_copy_is_refused);
	tcase_add_test(t, what_another_wrote_meanwhile_is_found_at_the_end);
	tcase_add_test(t, nothing_and_no_category);
}

int main(void)
{
	return check_main("copy", tests);
}
