/* SPDX-License-Identifier: MIT */
#include "pairs.h"
#include "task/collate.h"
#include "task/varint.h"

#include <check.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RUNS 3u
#define ENTRIES 20000u          /* a run: more than fit the cache together */
#define KEYS 60000u             /* more than a reduce's table is tried with */
#define MUCH (64u << 20)        /* memory */

/* ---- entries of all kinds ---- */

/* Long common beginnings, keys within keys, NULs at the end, equal ones. */
static size_t draw_bytes(uint64_t *seed, char *p)
{
	uint64_t x = draw(seed);
	size_t n = 1, common = x % 3 * 12;

	p[0] = SK_KEY_STRING;
	for (; n < 1 + common; n++)
		p[n] = (char)('a' + n % 5);
	for (x >>= 8; x % 8 && n < 190; x = draw(seed))
		p[n++] = (char)(x % 16 == 1 ? 0 : x >> 8 & 3);
	for (; n > 100 && n < 200; n++)         /* a varint of two bytes */
		p[n] = 'z';
	return n;
}

static void fill(struct sk_run *r, uint64_t seed)
{
	char key[256];

	for (uint32_t i = 0; i < ENTRIES; i++) {
		struct sk_entry n = { .key = { key, draw_bytes(&seed, key) },
			.place.record = draw(&seed) % 4 ? 0 : 300,
			.value = { "v", 1 } };

		ck_assert_int_eq(sk_run_add(r, &n, NULL), 0);
	}
	ck_assert_int_eq(sk_run_end(r, NULL), 0);
}

static int by_key(const void *x, const void *y)
{
	const struct sk_entry *a = x, *b = y;

	return sk_key_compare(a->key.p, a->key.n, b->key.p, b->key.n);
}

/* All entries of all runs, as a plain sort orders them. */
static struct sk_entry *plainly(const struct sk_run *r)
{
	struct sk_entry *all = calloc(RUNS * ENTRIES, sizeof(*all)), n;
	sk_run_reader *in;
	size_t k = 0;

	for (uint32_t i = 0; i < RUNS; i++) {
		ck_assert_int_eq(sk_run_reader_new(&r[i], &in, NULL), 0);
		while (sk_run_reader_next(in, &n, NULL) > 0)
			all[k++] = n;
		sk_run_reader_free(in);
	}
	ck_assert_uint_eq(k, RUNS * ENTRIES);
	qsort(all, k, sizeof(*all), by_key);
	return all;
}

/* The second one is a file in memory that nobody can cut short. */
static void make_file(struct sk_run *r)
{
	int fd = memfd_create("run", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(write(fd, r->mem.p, r->mem.n), (ssize_t)r->mem.n);
	ck_assert(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	sk_pages_drop(&r->mem);
	r->fd = fd;
	r->in_memory = true;
}

START_TEST(entries_come_in_the_order_of_their_keys)
{
	struct sk_run run[RUNS] = { { .fd = 0 } };
	const struct sk_run *p[RUNS] = { &run[0], &run[1], &run[2] };
	struct sk_entry *all, n;
	sk_collate *c;
	size_t i;

	for (i = 0; i < RUNS; i++)
		fill(&run[i], i);
	all = plainly(run);
	ck_assert_int_eq(sk_collate_new(p, RUNS, SIZE_MAX / 2, &c, NULL), 0);
	for (i = 0; sk_collate_next(c, &n, NULL); i++)
		ck_assert(!by_key(&n, &all[i]));
	ck_assert_uint_eq(i, RUNS * ENTRIES);
	sk_collate_free(c);
	free(all);
	for (i = 0; i < RUNS; i++)
		sk_run_free(&run[i]);
}
END_TEST

START_TEST(what_is_not_in_memory_or_too_much_of_it_is_refused)
{
	struct sk_run run = { .fd = 0 };
	const struct sk_run *p = &run;
	struct snek_error e = { 0 };
	sk_collate *c;

	fill(&run, 7);
	ck_assert_int_eq(sk_collate_new(&p, 1, run.bytes, &c, &e), SNEK_ENOENT);
	ck_assert_int_eq(sk_collate_new(&p, 1, run.bytes + 64 * ENTRIES, &c, &e),
	    0);
	sk_collate_free(c);
	make_file(&run);
	ck_assert_int_eq(sk_collate_new(&p, 1, SIZE_MAX / 2, &c, &e), 0);
	ck_assert_uint_ge(sk_collate_bytes(c), run.bytes);
	sk_collate_free(c);
	run.in_memory = false;
	ck_assert_int_eq(sk_collate_new(&p, 1, SIZE_MAX / 2, &c, &e),
	    SNEK_ENOENT);
	ck_assert_str_eq(e.text, "");
	sk_run_free(&run);
}
END_TEST

START_TEST(a_run_that_is_cut_or_too_long_is_malformed)
{
	struct sk_run run = { .fd = 0 };
	const struct sk_run *p = &run;
	sk_collate *c;

	fill(&run, 9);
	run.mem.n--;
	ck_assert_int_eq(sk_collate_new(&p, 1, SIZE_MAX / 2, &c, NULL),
	    SNEK_EFORMAT);
	run.mem.n++;
	run.entries--;
	ck_assert_int_eq(sk_collate_new(&p, 1, SIZE_MAX / 2, &c, NULL),
	    SNEK_EFORMAT);
	sk_run_free(&run);
}
END_TEST

/* ---- the reduce stage with many keys ---- */

static struct snek_value number_of(struct sk_span packed)
{
	struct snek_value v;
	size_t used;

	ck_assert_int_eq(sk_unpack(packed.p, packed.n, &v, &used), 0);
	return v;
}

/* Every key once, and every thousandth with doubles that need wide sums.  Most
 * are emitted after the sink has given up its table. */
static void emit_all(sk_sink *s, bool doubles)
{
	struct snek_value row;
	char text[40];
	int n;

	for (uint32_t i = 0; i < KEYS; i++) {
		n = snprintf(text, sizeof(text), "a common beginning %07u",
		    i * 7919u % KEYS);
		row = doubles && i % 1000 == 0 ? sk_double(1e300 / (i + 1))
		    : sk_int(i * 7919u % KEYS);
		if (i % 3)
			ck_assert_int_eq(sk_sink_emit_row(s, sk_string(text,
			    (size_t)n), &row, 1, NULL), 0);
		else if (row.type == SNEK_INT)
			ck_assert_int_eq(sk_sink_emit_int(s, text, (size_t)n,
			    row.as.i, NULL), 0);
		else
			ck_assert_int_eq(sk_sink_emit(s, sk_string(text,
			    (size_t)n), row, NULL), 0);
	}
}

static void check_all(const struct sk_run *out)
{
	sk_run_reader *in;
	struct sk_entry n;
	uint32_t i = 0;
	char text[40];

	ck_assert_int_eq(sk_run_reader_new(out, &in, NULL), 0);
	for (; sk_run_reader_next(in, &n, NULL) > 0; i++) {
		snprintf(text, sizeof(text), "a common beginning %07u", i);
		ck_assert(!memcmp((const char *)n.key.p + 1, text, n.key.n - 1));
		if (number_of(n.value).type == SNEK_INT)
			ck_assert_int_eq(number_of(n.value).as.i, 2 * i);
	}
	ck_assert_uint_eq(i, KEYS);
	sk_run_reader_free(in);
}

/* Two attempts over the same keys; the second one's are in a file if memory is
 * little, and from very little they go the table's way. */
static void reduce_all(size_t memory, bool doubles, struct sk_run *out)
{
	struct sk_reducer r = { 0 };
	struct sk_sink_options o = { .reducer = &r, .partitions = 1,
		.memory = 64u << 20, .tmp = "/tmp" };
	struct sk_reduce_options how = { .reducer = &r, .memory = memory,
		.tmp = "/tmp" };
	const struct sk_run *p[2];
	struct sk_runs runs = { 0 };
	sk_sink *s;

	ck_assert_int_eq(sk_reducer_parse(&r, "sum", NULL), 0);
	ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
	for (int i = 0; i < 2; i++) {
		emit_all(s, doubles);
		ck_assert_int_eq(sk_sink_finish(s, &runs, NULL), 0);
	}
	ck_assert_uint_eq(runs.n, 2);
	if (memory < MUCH) {
		ck_assert_int_eq(sk_run_spill(&runs.run[1], "/tmp", NULL), 0);
		ck_assert_int_eq(sk_run_end(&runs.run[1], NULL), 0);
	}
	p[0] = &runs.run[0];
	p[1] = &runs.run[1];
	ck_assert_int_eq(sk_reduce(&how, p, 2, out, NULL), 0);
	sk_sink_free(s);
	sk_runs_free(&runs);
	sk_reducer_free(&r);
}

static void check_same(const struct sk_run *x, const struct sk_run *y)
{
	sk_run_reader *a, *b;
	struct sk_entry n, m;

	ck_assert_uint_eq(x->entries, y->entries);
	ck_assert_int_eq(sk_run_reader_new(x, &a, NULL), 0);
	ck_assert_int_eq(sk_run_reader_new(y, &b, NULL), 0);
	while (sk_run_reader_next(a, &n, NULL) > 0) {
		ck_assert_int_eq(sk_run_reader_next(b, &m, NULL), 1);
		ck_assert_uint_eq(n.value.n, m.value.n);
		ck_assert(!memcmp(n.value.p, m.value.p, n.value.n));
	}
	sk_run_reader_free(a);
	sk_run_reader_free(b);
}

START_TEST(many_keys_come_to_the_same_with_little_memory_and_with_much)
{
	struct sk_run much = { .fd = 0 }, little = { .fd = 0 },
	    least = { .fd = 0 };

	reduce_all(MUCH, _i, &much);
	reduce_all(4u << 20, _i, &little);
	reduce_all(512u << 10, _i, &least);
	check_all(&much);
	check_same(&much, &little);
	check_same(&much, &least);
	sk_run_free(&much);
	sk_run_free(&little);
	sk_run_free(&least);
}
END_TEST

/* By a table, past it, and by a sink that another told of it. */
START_TEST(numbers_as_keys_are_the_same_whichever_way_they_went)
{
	struct sk_reducer r = { 0 };
	struct sk_past past = { 0, 0 };
	struct sk_sink_options o = { .reducer = &r, .partitions = 1,
		.memory = 64u << 20, .tmp = "/tmp", .past = &past };
	struct sk_reduce_options how = { .reducer = &r, .memory = MUCH,
		.tmp = "/tmp" };
	struct sk_run out = { .fd = 0 };
	const struct sk_run *p[2];
	struct sk_runs runs = { 0 };
	struct snek_value row = sk_int(-3);
	struct sk_entry n;
	sk_run_reader *in;
	sk_sink *s;

	ck_assert_int_eq(sk_reducer_parse(&r, "sum", NULL), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
		for (int64_t k = 0; k < KEYS; k++)
			ck_assert_int_eq(sk_sink_emit_row(s, sk_int(i ? -k : k),
			    &row, 1, NULL), 0);
		ck_assert_int_eq(sk_sink_finish(s, &runs, NULL), 0);
		ck_assert_uint_gt(past.left, 0);
		sk_sink_free(s);
	}
	p[0] = &runs.run[0];
	p[1] = &runs.run[1];
	ck_assert_int_eq(sk_reduce(&how, p, runs.n, &out, NULL), 0);
	ck_assert_uint_eq(out.entries, 2 * KEYS - 1);
	ck_assert_int_eq(sk_run_reader_new(&out, &in, NULL), 0);
	for (uint32_t i = 1; sk_run_reader_next(in, &n, NULL) > 0; i++)
		ck_assert_int_eq(number_of(n.value).as.i, i == KEYS ? -6 : -3);
	sk_run_reader_free(in);
	sk_run_free(&out);
	sk_runs_free(&runs);
	sk_reducer_free(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("collate");
	TCase *c = tcase_create("collate");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, entries_come_in_the_order_of_their_keys);
	tcase_add_test(c, what_is_not_in_memory_or_too_much_of_it_is_refused);
	tcase_add_test(c, a_run_that_is_cut_or_too_long_is_malformed);
	tcase_add_loop_test(c,
	    many_keys_come_to_the_same_with_little_memory_and_with_much, 0, 2);
	tcase_add_test(c,
	    numbers_as_keys_are_the_same_whichever_way_they_went);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
