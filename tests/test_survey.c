/* SPDX-License-Identifier: MIT */
/* Surveys and tallies: what they count is what a walk through all records
 * would count, whatever form the columns have. */
#include "check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snek/snek.h>

#include "category.h"
#include "category/survey.h"
#include "category/tally.h"
#include "value/json_read.h"

static struct world world;

static void set_up(void)
{
	world_make(&world, in_memory(), 3, 3);
}

static void tear_down(void)
{
	world_remove(&world);
}

/* ---- writing ---- */

static sk_writer *begin(const char *category)
{
	struct sk_writer_options o = { .chunk_size = SK_CHUNK_MIN,
	    .no_compact = true };
	struct snek_error e = { 0 };
	sk_writer *w;

	ck_assert_msg(!sk_writer_open(world.catalog, category, &o, &w, &e),
	    "%s", e.text);
	return w;
}

static void put(sk_writer *w, sk_json_reader *r, const char *json)
{
	struct snek_error e = { 0 };
	struct sk_record record;

	ck_assert_msg(!sk_json_read(r, json, strlen(json), &record, NULL, &e),
	    "%s: %s", json, e.text);
	ck_assert_msg(!sk_writer_add(w, &record,
	    (struct sk_span){ json, strlen(json) }, &e), "%s", e.text);
}

/* Each text in turn, so many times. */
static void write_all(const char *category, const char *const *json,
    int times)
{
	struct snek_error e = { 0 };
	struct sk_json_options o = { 0 };
	struct sk_meta_receipt receipt;
	sk_writer *w = begin(category);
	const char *const *p;
	sk_json_reader *r;
	int i;

	ck_assert_int_eq(sk_json_reader_new(&o, &r), 0);
	for (i = 0; i < times; i++)
		for (p = json; *p; p++)
			put(w, r, *p);
	ck_assert_msg(!sk_writer_commit(w, &receipt, &e), "%s", e.text);
	sk_json_reader_free(r);
	sk_writer_free(w);
}

/* ---- reading ---- */

static struct sk_survey *survey(const char *category, uint64_t records,
    uint32_t limit)
{
	struct snek_error e = { 0 };
	struct sk_survey *s;

	ck_assert_msg(!sk_survey_open(world.catalog, category, records, limit,
	    &s, &e), "%s", e.text);
	return s;
}

/* One line a path: path, records, then values by type from null to object. */
static char *text_of(const struct sk_survey *s)
{
	const struct sk_survey_node *n;
	struct sk_buf b = { 0 };
	int t;

	for (n = s->node; n; n = sk_survey_next(n)) {
		ck_assert(sk_survey_path(n, &b));
		ck_assert(sk_buf_printf(&b, " %llu:",
		    (unsigned long long)n->records));
		for (t = SNEK_NULL; t <= SNEK_OBJECT; t++)
			if (t != SNEK_UINT)
				ck_assert(sk_buf_printf(&b, " %llu",
				    (unsigned long long)n->count[t]));
		ck_assert(sk_buf_printf(&b, "\n"));
	}
	return b.p;
}

static void expect(struct sk_survey *s, const char *want)
{
	char *got = text_of(s);

	ck_assert_str_eq(got, want);
	free(got);
	sk_survey_close(s);
}

/* ---- surveys ---- */

/* Every form that a column can have.  Types: null bool int double string
 * array object. */
static const struct form {
	const char *json[6], *want;
} forms[] = {
	{ { "{\"a\":1}", "{\"a\":-2}" }, " 2: 0 0 0 0 0 0 2\n"
	  "a 2: 0 0 2 0 0 0 0\n" },
	{ { "{\"a\":18446744073709551615}", "{\"a\":9223372036854775808}" },
	  " 2: 0 0 0 0 0 0 2\na 2: 0 0 2 0 0 0 0\n" },
	{ { "{\"a\":1.5}", "{\"a\":null}", "{}" }, " 3: 0 0 0 0 0 0 3\n"
	  "a 2: 1 0 0 1 0 0 0\n" },
	{ { "{\"a\":1.5}", "{\"a\":2}", "{\"a\":null}", "{}" },
	  " 4: 0 0 0 0 0 0 4\na 3: 1 0 1 1 0 0 0\n" },
	{ { "{\"a\":true}", "{\"a\":false}", "{}" }, " 3: 0 0 0 0 0 0 3\n"
	  "a 2: 0 2 0 0 0 0 0\n" },
	{ { "{\"a\":null}", "{}" }, " 2: 0 0 0 0 0 0 2\n"
	  "a 1: 1 0 0 0 0 0 0\n" },
	{ { "{\"b\":\"x\",\"a\":\"\"}", "{\"c\":\"y\"}" },
	  " 2: 0 0 0 0 0 0 2\nb 1: 0 0 0 0 1 0 0\na 1: 0 0 0 0 1 0 0\n"
	  "c 1: 0 0 0 0 1 0 0\n" },
	{ { "{\"a\":1}", "{\"a\":\"s\"}", "{\"a\":true}", "{\"a\":null}",
	  "{\"a\":[]}" }, " 5: 0 0 0 0 0 0 5\na 5: 1 1 1 0 1 1 0\n" },
	{ { "{\"a\":{\"b\":[{\"c\":1},{\"c\":null},7]}}", "{\"a\":{}}" },
	  " 2: 0 0 0 0 0 0 2\na 2: 0 0 0 0 0 0 2\na.b 1: 0 0 0 0 0 1 0\n"
	  "a.b[] 1: 0 0 1 0 0 0 2\na.b[].c 1: 1 0 1 0 0 0 0\n" },
	{ { "[1,[2,3]]", "5", "null", "{\"a\":1}" },
	  " 4: 1 0 1 0 0 1 1\n[] 1: 0 0 1 0 0 1 0\n[][] 1: 0 0 2 0 0 0 0\n"
	  "a 1: 0 0 1 0 0 0 0\n" },
	{ { "{\"a.b\":1,\"c[\":{\"\\\\\":2}}" }, " 1: 0 0 0 0 0 0 1\n"
	  "a\\.b 1: 0 0 1 0 0 0 0\nc\\[ 1: 0 0 0 0 0 0 1\n"
	  "c\\[.\\\\ 1: 0 0 1 0 0 0 0\n" },
	{ { "{\"\":{\"\":1}}" }, " 1: 0 0 0 0 0 0 1\n 1: 0 0 0 0 0 0 1\n"
	  ". 1: 0 0 1 0 0 0 0\n" },
};

START_TEST(each_form_of_a_column_is_counted)
{
	write_all("c", forms[_i].json, 1);
	expect(survey("c", UINT64_MAX, 100), forms[_i].want);
}
END_TEST

START_TEST(many_chunks_count_as_one)
{
	static const char *const json[] = {
		"{\"z\":{\"k\":[1,2.5,\"s\"]},\"a\":1,\"pad\":\"0123456789\"}",
		"{\"a\":null,\"pad\":\"01234567890123456789\"}",
		"{\"a\":1.5,\"z\":\"t\"}", "\"text\"", NULL
	};
	struct sk_survey *s;

	write_all("c", json, 4000);
	write_all("c", json, 1000);
	s = survey("c", UINT64_MAX, 100);
	ck_assert_uint_gt(s->snapshot->n, 3);
	ck_assert_uint_eq(s->records, 20000);
	expect(s, " 20000: 0 0 0 0 5000 0 15000\n"
	    "z 10000: 0 0 0 0 5000 0 5000\nz.k 5000: 0 0 0 0 0 5000 0\n"
	    "z.k[] 5000: 0 0 5000 5000 5000 0 0\n"
	    "a 15000: 5000 0 5000 5000 0 0 0\npad 10000: 0 0 0 0 10000 0 0\n");
}
END_TEST

/* More members than a chunk has columns: they are in its rest column. */
START_TEST(members_without_a_column_are_counted)
{
	const char *json[] = { NULL, NULL };
	struct sk_buf b = { 0 };
	const struct sk_survey_node *n;
	struct sk_survey *s;
	uint32_t i, seen = 0, members = SK_COLUMN_CAP + 100;

	ck_assert(sk_buf_printf(&b, "{"));
	for (i = 0; i < members; i++)
		ck_assert(sk_buf_printf(&b, "%s\"m%u\":%u", i ? "," : "", i, i));
	ck_assert(sk_buf_printf(&b, "}"));
	json[0] = b.p;
	write_all("c", json, 3);
	s = survey("c", UINT64_MAX, 5000);
	ck_assert_uint_eq(s->nodes, members + 1);
	for (n = s->node->first; n; n = n->next, seen++) {
		ck_assert_uint_eq(n->records, 3);
		ck_assert_uint_eq(n->count[SNEK_INT], 3);
		ck_assert_int_eq(n->example.as.i, seen);
	}
	ck_assert_uint_eq(seen, members);
	ck_assert_uint_eq(s->left_out, 0);
	sk_survey_close(s);
	s = survey("c", UINT64_MAX, 10);
	ck_assert_uint_eq(s->nodes, 11);
	ck_assert_uint_eq(s->left_out, 3 * (uint64_t)(members - 10));
	sk_survey_close(s);
	sk_buf_free(&b);
}
END_TEST

START_TEST(names_that_never_end_leave_room_for_members)
{
	static const char *const json[] = {
		"{\"a\":{\"1\":1,\"2\":2,\"3\":[3],\"4\":{\"x\":4}},\"b\":1}",
		"{\"c\":1}", NULL
	};
	struct sk_survey *s;

	write_all("c", json, 1);
	s = survey("c", UINT64_MAX, 6);
	ck_assert_uint_eq(s->left_out, 2);      /* a.3[] and a.4 */
	expect(s, " 2: 0 0 0 0 0 0 2\na 1: 0 0 0 0 0 0 1\n"
	    "a.1 1: 0 0 1 0 0 0 0\na.2 1: 0 0 1 0 0 0 0\n"
	    "a.3 1: 0 0 0 0 0 1 0\nb 1: 0 0 1 0 0 0 0\n"
	    "c 1: 0 0 1 0 0 0 0\n");
}
END_TEST

START_TEST(a_sample_takes_chunks_from_all_over)
{
	static const char *const json[] = {
		"{\"a\":\"0123456789012345678901234567890123456789\"}", NULL
	};
	struct sk_survey *s;

	write_all("c", json, 50000);
	s = survey("c", 10000, 100);
	ck_assert_uint_ge(s->records, 5000);
	ck_assert_uint_le(s->records, 20000);
	ck_assert_uint_eq(s->node->records, s->records);
	ck_assert_uint_eq(s->node->first->records, s->records);
	sk_survey_close(s);
}
END_TEST

START_TEST(examples_are_of_the_first_that_has_one)
{
	static const char *const json[] = {
		"{\"a\":null,\"o\":{\"x\":null,\"y\":[]}}",
		"{\"a\":\"first\",\"o\":{\"x\":7}}",
		"{\"a\":\"second\",\"o\":{\"x\":8}}", NULL
	};
	const struct sk_survey_node *a, *o;
	struct sk_survey *s;

	write_all("c", json, 1);
	s = survey("c", UINT64_MAX, 100);
	a = s->node->first;
	o = a->next;
	ck_assert_int_eq(a->example.len, 5);
	ck_assert(!memcmp(a->example.as.s, "first", 5));
	ck_assert_int_eq(o->example.type, SNEK_NONE);
	ck_assert_int_eq(o->first->example.as.i, 7);
	ck_assert_int_eq(o->first->next->example.type, SNEK_NONE);
	sk_survey_close(s);
}
END_TEST

START_TEST(a_damaged_chunk_is_named)
{
	static const char *const json[] = { "{\"a\":[1,2,3]}", NULL };
	struct snek_error e = { 0 };
	struct sk_survey *s;
	char command[600];

	write_all("c", json, 30000);
	world_shut(&world);
	snprintf(command, sizeof(command), "for f in %s/c/shards/*/*.seg; do "
	    "printf XXXX | dd of=$f bs=1 seek=9000 conv=notrunc 2>/dev/null; "
	    "done", world.dir);
	ck_assert_int_eq(system(command), 0);
	world_open(&world);
	ck_assert_int_eq(sk_survey_open(world.catalog, "c", UINT64_MAX, 100,
	    &s, &e), SNEK_ECORRUPT);
	ck_assert_msg(strstr(e.text, "chunk 0") != NULL, "%s", e.text);
	ck_assert_int_eq(sk_survey_open(world.catalog, "none", 1, 1, &s, &e),
	    SNEK_ENOENT);
}
END_TEST

/* ---- tallies ---- */

static struct sk_tally *tally(const char *category)
{
	struct sk_tally *t = malloc(sizeof(*t));
	struct snek_error e = { 0 };

	ck_assert_ptr_nonnull(t);
	ck_assert_msg(!sk_tally(world.catalog, category, t, &e), "%s", e.text);
	return t;
}

START_TEST(a_tally_tells_named_from_garbage_and_open)
{
	struct job big = { .category = "big", .w = 1, .n = 3000, .pad = 100,
	    .no_compact = true };
	struct job small = { .category = "small", .w = 2, .n = 1,
	    .no_compact = true };
	struct snek_error e = { 0 };
	struct litter litter;
	struct sk_tally *t;
	sk_writer *open;

	job_must(world.catalog, &big);
	job_must(world.catalog, &small);
	big.category = "gone";
	job_must(world.catalog, &big);
	ck_assert_int_eq(world.catalog->meta->ops->category_remove(
	    world.catalog->meta, "gone", &e), 0);
	big.category = "open";
	ck_assert_int_eq(job_begin(world.catalog, &big, &open, &e), 0);
	t = tally(NULL);
	litter = litter_count(world.catalog);
	ck_assert_uint_eq(t->categories, 2);
	ck_assert_uint_eq(t->writes, 2);
	ck_assert_uint_eq(t->records, 3001);
	ck_assert_uint_eq(t->inlined, 1);
	ck_assert_uint_gt(t->inlined_bytes, 0);
	ck_assert_uint_gt(t->meta_bytes, 0);
	ck_assert_uint_eq(litter.segments, t->shard[0].segments +
	    t->shard[1].segments + t->shard[2].segments + litter.unnamed);
	ck_assert_uint_eq(litter.unnamed, t->shard[0].garbage +
	    t->shard[1].garbage + t->shard[2].garbage + t->shard[0].writing +
	    t->shard[1].writing + t->shard[2].writing);
	ck_assert_uint_gt(t->shard[0].garbage + t->shard[1].garbage +
	    t->shard[2].garbage, 0);
	ck_assert_uint_eq(3001, t->shard[0].records + t->shard[1].records +
	    t->shard[2].records);
	free(t);
	sk_writer_free(open);
	t = tally("small");
	ck_assert_uint_eq(t->records, 1);
	ck_assert_uint_eq(t->categories, 1);
	ck_assert_uint_eq(t->shard[0].garbage + t->shard[1].garbage +
	    t->shard[2].garbage, 0);
	free(t);
}
END_TEST

/* ---- the front door ---- */

static int stop_path(void *arg, const struct snek_path_info *i)
{
	++*(int *)arg;
	return i->size ? 7 : 0;
}

static int stop_shard(void *arg, const struct snek_shard_stat *i)
{
	++*(int *)arg;
	return i->size ? 7 : 0;
}

static int stop_check(void *arg, const struct snek_check *i)
{
	++*(int *)arg;
	return i->size ? 7 : 0;
}

START_TEST(what_takes_longer_than_it_may_says_how_far_it_came)
{
	static const char *const json[] = { "{\"a\":1}", NULL };
	struct snek_error e = { 0 };
	struct sk_tally *t = malloc(sizeof(*t));
	struct sk_survey *s;

	ck_assert_ptr_nonnull(t);
	write_all("c", json, 30);
	world.catalog->until = 1;       /* long ago */
	ck_assert_int_eq(sk_survey_open(world.catalog, "c", UINT64_MAX, 100,
	    &s, &e), SNEK_ELIMIT);
	ck_assert_msg(strstr(e.text, "0 of 30 records") &&
	    strstr(e.text, "--records"), "%s", e.text);
	ck_assert_int_eq(sk_tally(world.catalog, NULL, t, &e), SNEK_ELIMIT);
	ck_assert_msg(strstr(e.text, "longer than an answer") != NULL, "%s",
	    e.text);
	world.catalog->until = INT64_MAX;
	ck_assert_int_eq(sk_tally(world.catalog, NULL, t, &e), 0);
	free(t);
}
END_TEST

START_TEST(a_visit_that_returns_other_than_0_ends_it)
{
	static const char *const json[] = { "{\"a\":1,\"b\":2}", NULL };
	struct snek_describe_report r = { .size = sizeof(r), .records = 99 };
	snek_cluster *c;
	char where[272];
	int calls = 0;

	write_all("c", json, 1);
	snprintf(where, sizeof(where), "%s/c", world.dir);
	ck_assert_int_eq(snek_cluster_open(where, &c, NULL), 0);
	ck_assert_int_eq(snek_category_describe(c, "c", NULL, stop_path,
	    &calls, &r, NULL), 7);
	ck_assert_int_eq(calls, 1);
	ck_assert_uint_eq(r.records, 99);
	ck_assert_int_eq(snek_cluster_stat(c, NULL, stop_shard, &calls, NULL,
	    NULL), 7);
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(snek_doctor(where, stop_check, &calls, NULL), 7);
	ck_assert_int_eq(calls, 3);
	snek_cluster_close(c);
}
END_TEST

START_TEST(arguments_that_cannot_be_are_refused)
{
	struct snek_describe_options o = { .size = sizeof(o),
	    .paths = 1 << 21 };
	struct snek_cluster_stat unsized = { 0 };
	struct snek_error e = { 0 };
	snek_cluster *c;
	char where[272];
	int n = 0;

	snprintf(where, sizeof(where), "%s/c", world.dir);
	ck_assert_int_eq(snek_cluster_open(where, &c, NULL), 0);
	ck_assert_int_eq(snek_category_describe(NULL, "c", NULL, stop_path, &n,
	    NULL, &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_category_describe(c, "/", NULL, stop_path, &n,
	    NULL, &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_category_describe(c, "c", NULL, NULL, &n, NULL,
	    &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_category_describe(c, "c", &o, stop_path, &n,
	    NULL, &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_category_describe(c, "c", NULL, stop_path, &n,
	    NULL, &e), SNEK_ENOENT);
	ck_assert_int_eq(snek_cluster_stat(NULL, NULL, NULL, NULL, NULL, &e),
	    SNEK_EINVAL);
	ck_assert_int_eq(snek_cluster_stat(c, NULL, NULL, NULL, &unsized, &e),
	    SNEK_EINVAL);
	ck_assert_int_eq(snek_cluster_stat(c, "none", NULL, NULL, NULL, &e),
	    SNEK_ENOENT);
	ck_assert_int_eq(snek_cluster_stat(c, NULL, NULL, NULL, NULL, &e), 0);
	ck_assert_int_eq(snek_doctor(NULL, NULL, NULL, &e), SNEK_EINVAL);
	ck_assert_int_eq(n, 0);
	snek_cluster_close(c);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, each_form_of_a_column_is_counted, 0,
	    sizeof(forms) / sizeof(*forms));
	tcase_add_test(t, many_chunks_count_as_one);
	tcase_add_test(t, members_without_a_column_are_counted);
	tcase_add_test(t, names_that_never_end_leave_room_for_members);
	tcase_add_test(t, a_sample_takes_chunks_from_all_over);
	tcase_add_test(t, examples_are_of_the_first_that_has_one);
	tcase_add_test(t, a_damaged_chunk_is_named);
	tcase_add_test(t, a_tally_tells_named_from_garbage_and_open);
	tcase_add_test(t, what_takes_longer_than_it_may_says_how_far_it_came);
	tcase_add_test(t, a_visit_that_returns_other_than_0_ends_it);
	tcase_add_test(t, arguments_that_cannot_be_are_refused);
}

int main(void)
{
	return check_main("survey", setup);
}
