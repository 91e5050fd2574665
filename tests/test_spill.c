/* SPDX-License-Identifier: MIT */
/*
 * What is more than memory: runs merged in passes, what committed tasks gave
 * out, and results in the order of their values.
 */
#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check_main.h"
#include "job/hold.h"
#include "job/ordered.h"
#include "pairs.h"

#define RUNS 200u
#define EACH 50u

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void add(struct sk_run *r, uint32_t number, size_t bytes)
{
	char key[16], *value = calloc(1, bytes + 1);
	struct sk_entry n = { .place = { 1, number } };

	n.key = (struct sk_span){ key,
	    (size_t)snprintf(key, sizeof(key), "%08u", number) };
	n.value = (struct sk_span){ value, bytes };
	ck_assert_int_eq(sk_run_add(r, &n, NULL), 0);
	free(value);
}

/* Runs of numbers that lie between each other, every third in memory. */
static void make_runs(struct sk_run *r, size_t bytes)
{
	uint32_t i, k;

	for (i = 0; i < RUNS; i++) {
		for (k = 0; k < EACH; k++)
			add(&r[i], k * RUNS + i, k ? bytes : 10 * bytes);
		if (i % 3)
			ck_assert_int_eq(sk_run_spill(&r[i], "/tmp", NULL), 0);
		ck_assert_int_eq(sk_run_end(&r[i], NULL), 0);
	}
}

static void expect_all(sk_merge *m, uint32_t from)
{
	struct sk_entry n;
	uint32_t i;
	char key[16];

	for (i = from; i < RUNS * EACH; i++) {
		ck_assert_int_eq(sk_merge_next(m, &n, NULL), 1);
		snprintf(key, sizeof(key), "%08u", i);
		ck_assert_mem_eq(n.key.p, key, 8);
		ck_assert_uint_eq(n.place.record, i);
	}
	ck_assert_int_eq(sk_merge_next(m, &n, NULL), 0);
}

static int count_checks(void *arg)
{
	++*(unsigned *)arg;
	return 0;
}

static int stop(void *arg)
{
	(void)arg;
	return SNEK_ECANCELED;
}

/* By how much memory there is: for two at a time, some, all. */
static const size_t memory[] = { 0, 100 << 10, 1 << 20, 64 << 20 };

START_TEST(runs_merge_in_passes_when_they_are_too_many)
{
	struct sk_run r[RUNS] = { 0 };
	const struct sk_run *p[RUNS];
	unsigned checks = 0, before, i;
	struct sk_merge_limits l = { memory[_i], "/tmp", count_checks, &checks };
	sk_merge *m;

	for (i = 0; i < RUNS; i++)
		p[i] = &r[i];
	make_runs(r, 100);
	before = open_files();
	ck_assert_int_eq(sk_merge_within(&l, p, RUNS, &m, NULL), 0);
	ck_assert(_i < 2 ? checks > 0 : !checks);
	expect_all(m, 0);
	sk_merge_free(m);
	ck_assert_uint_eq(open_files(), before);
	for (i = 0; i < RUNS; i++)
		sk_run_free(&r[i]);
}
END_TEST

START_TEST(a_pass_ends_when_it_is_told_to_and_leaves_nothing)
{
	struct sk_run r[RUNS] = { 0 };
	const struct sk_run *p[RUNS];
	struct sk_merge_limits l = { 100 << 10, "/tmp", stop, NULL };
	struct snek_error e = { 0 };
	unsigned before, i;
	sk_merge *m;

	for (i = 0; i < RUNS; i++)
		p[i] = &r[i];
	make_runs(r, 1000);
	before = open_files();
	ck_assert_int_eq(sk_merge_within(&l, p, RUNS, &m, &e), SNEK_ECANCELED);
	l = (struct sk_merge_limits){ 0, "/nowhere/at/all", NULL, NULL };
	ck_assert_int_eq(sk_merge_within(&l, p, RUNS, &m, &e), SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "/nowhere/at/all"));
	ck_assert_uint_eq(open_files(), before);
	for (i = 0; i < RUNS; i++)
		sk_run_free(&r[i]);
}
END_TEST

START_TEST(an_entry_larger_than_a_run_says_is_damage)
{
	struct sk_run r = { 0 };
	sk_run_reader *in;
	struct sk_entry n;

	add(&r, 1, 100);
	add(&r, 2, 5000);
	ck_assert_int_eq(sk_run_spill(&r, "/tmp", NULL), 0);
	ck_assert_uint_gt(r.largest, 5000);
	r.largest = 4000;
	ck_assert_int_eq(sk_run_reader_sized(&r, 512, &in, NULL), 0);
	ck_assert_int_eq(sk_run_reader_next(in, &n, NULL), 1);
	ck_assert_int_eq(sk_run_reader_next(in, &n, NULL), SNEK_EFORMAT);
	sk_run_reader_free(in);
	sk_run_free(&r);
}
END_TEST

/* ---- what committed tasks gave out ---- */

#define TASKS 60u
#define PARTS 3u

static void make_outcome(struct sk_outcome *o, uint32_t task, size_t bytes)
{
	struct sk_run r = { 0 };
	uint32_t p, k;

	memset(o, 0, sizeof(*o));
	o->part = calloc(PARTS, sizeof(*o->part));
	o->parts = PARTS;
	for (p = 0; p < PARTS; p++) {
		for (k = 0; k < 10; k++)
			add(&r, (k * TASKS + task) * PARTS + p, bytes);
		ck_assert(sk_runs_add(&o->part[p], &r));
	}
}

static uint64_t entries(const struct sk_hold *h, uint32_t p)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < h->part[p].n; i++)
		n += h->part[p].run[i].entries;
	return n;
}

static uint64_t in_memory(const struct sk_hold *h)
{
	uint64_t n = 0;
	uint32_t p;
	size_t i;

	for (p = 0; p < h->parts; p++)
		for (i = 0; i < h->part[p].n; i++)
			n += h->part[p].run[i].fd ? 0 : h->part[p].run[i].bytes;
	return n;
}

static const struct {
	uint64_t budget;
	size_t bytes, most;
	bool sorted;
	size_t runs;                    /* of a partition, at most */
} held[] = {
	{ 1 << 30, 100, 0, true, TASKS },       /* all stays as it is */
	{ 20000, 100, 0, true, TASKS },         /* small ones, gathered */
	{ 20000, 100, 0, false, TASKS },
	{ 0, 100, 0, true, TASKS },
	{ 100000, 40000, 0, true, TASKS },      /* large ones, a file each */
	{ 100000, 40000, 12, true, 12 },        /* too many files */
	{ 100000, 40000, 12, false, 12 },
};

START_TEST(what_is_held_stays_within_its_budget)
{
	struct sk_hold h = { .budget = held[_i].budget, .memory = 1 << 20,
		.tmp = "/tmp", .sorted = held[_i].sorted, .most = held[_i].most };
	struct sk_outcome o;
	uint32_t t, p;

	ck_assert_int_eq(sk_hold_open(&h, PARTS), 0);
	for (t = 0; t < TASKS; t++) {
		make_outcome(&o, t, held[_i].bytes);
		ck_assert_int_eq(sk_hold_take(&h, &o, NULL), 0);
		sk_outcome_free(&o);
		ck_assert_uint_eq(in_memory(&h), h.held);
		ck_assert_uint_le(h.held, h.budget);
		ck_assert(!held[_i].most || h.files <= held[_i].most + PARTS);
	}
	for (p = 0; p < PARTS; p++) {
		ck_assert_uint_eq(entries(&h, p), TASKS * 10);
		ck_assert_uint_le(h.part[p].n, held[_i].runs);
	}
	sk_hold_close(&h);
}
END_TEST

/* A file in memory is handed on; what came in a message is copied again. */
START_TEST(a_file_in_memory_weighs_less_than_a_message)
{
	struct sk_hold h = { .budget = 4 << 20, .weight = 4,
		.memory = 1 << 20, .tmp = "/tmp" };
	struct sk_run file = { .in_memory = true, .bytes = 1 << 20 },
	    message = { .bytes = 0 };

	file.fd = memfd_create("run", MFD_CLOEXEC);
	ck_assert_int_ge(file.fd, 0);
	ck_assert_int_eq(ftruncate(file.fd, 1 << 20), 0);
	while (message.bytes < 1 << 20)
		add(&message, 1, 1000);
	ck_assert_int_eq(sk_hold_open(&h, PARTS), 0);
	ck_assert_int_eq(sk_hold_count(&h, &file, NULL), 0);
	ck_assert(file.in_memory);
	ck_assert_uint_eq(h.held, file.bytes);
	ck_assert_int_eq(sk_hold_count(&h, &message, NULL), 0);
	ck_assert_int_gt(message.fd, 0);
	ck_assert_uint_eq(h.held, file.bytes);
	sk_run_free(&message);
	sk_run_free(&file);
	sk_hold_close(&h);
}
END_TEST

START_TEST(what_is_gathered_is_in_order_and_complete)
{
	struct sk_hold h = { .budget = 20000, .memory = 1 << 20,
		.tmp = "/tmp", .sorted = true };
	const struct sk_run *run[TASKS];
	struct sk_outcome o;
	struct sk_entry n;
	sk_merge *m;
	uint32_t t, p, k;
	size_t i;
	char key[16];

	ck_assert_int_eq(sk_hold_open(&h, PARTS), 0);
	for (t = TASKS; t-- > 0;) {
		make_outcome(&o, t, 100);
		ck_assert_int_eq(sk_hold_take(&h, &o, NULL), 0);
		sk_outcome_free(&o);
	}
	for (p = 0; p < PARTS; p++) {
		for (i = 0; i < h.part[p].n; i++)
			run[i] = &h.part[p].run[i];
		ck_assert_int_eq(sk_merge_new(run, i, &m, NULL), 0);
		for (k = 0; k < 10 * TASKS; k++) {
			ck_assert_int_eq(sk_merge_next(m, &n, NULL), 1);
			snprintf(key, sizeof(key), "%08u", k * PARTS + p);
			ck_assert_mem_eq(n.key.p, key, 8);
		}
		ck_assert_int_eq(sk_merge_next(m, &n, NULL), 0);
		sk_merge_free(m);
	}
	sk_hold_close(&h);
}
END_TEST

START_TEST(without_room_for_files_nothing_is_lost)
{
	struct sk_hold h = { .budget = 20000, .memory = 1 << 20,
		.tmp = "/nowhere", .sorted = true };
	struct snek_error e = { 0 };
	struct sk_outcome o;
	uint32_t t;
	int rc = 0;

	ck_assert_int_eq(sk_hold_open(&h, PARTS), 0);
	for (t = 0; t < TASKS && !rc; t++) {
		make_outcome(&o, t, 100);
		rc = sk_hold_take(&h, &o, &e);
		sk_outcome_free(&o);
	}
	ck_assert_int_eq(rc, SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "/nowhere"));
	ck_assert_uint_eq(entries(&h, 0), t * 10);
	sk_hold_close(&h);
}
END_TEST

/* ---- the order of values ---- */

#define VALUES 3000u

static struct snek_value draw_value(uint64_t *seed, char *text)
{
	uint64_t x = draw(seed);
	size_t n = x % 6, i;

	if (x % 5 == 0)
		return draw_number(seed);
	if (x % 97 == 0)
		return sk_null();
	for (i = 0; i < n; i++)         /* few letters: many are alike, or begin
	                                 * one another */
		text[i] = "\0\1a\x7f"[draw(seed) % 4];
	return sk_string(text, n);
}

static void add_value(struct sk_ordered *o, struct snek_value v, uint32_t i)
{
	struct sk_buf key = { 0 }, value = { 0 };
	struct sk_entry n = { 0 };

	ck_assert_int_eq(sk_key_put(&key, sk_int(i)), 0);
	ck_assert(sk_pack_value(&value, v));
	n.key = (struct sk_span){ key.p, key.n };
	n.value = (struct sk_span){ value.p, value.n };
	ck_assert_int_eq(sk_ordered_add(o, &n, NULL), 0);
	sk_buf_free(&key);
	sk_buf_free(&value);
}

static void fill(struct sk_ordered *o)
{
	uint64_t seed = 7;
	char text[8];
	uint32_t i;

	for (i = 0; i < VALUES; i++)
		add_value(o, draw_value(&seed, text), i);
	ck_assert_int_eq(sk_ordered_end(o, NULL), 0);
}

static const uint64_t limits[] = { 0, 1, 700, VALUES, VALUES + 1 };

START_TEST(values_come_in_the_same_order_from_files)
{
	bool down = _i & 1;
	uint64_t limit = limits[_i / 2], n = 0;
	struct sk_ordered a = { .limit = limit, .down = down };
	struct sk_ordered b = { .limit = limit, .down = down,
		.memory = 20000, .tmp = "/tmp" };
	struct sk_entry x, y;

	fill(&a);
	fill(&b);
	ck_assert(!a.put_off);
	ck_assert(b.put_off || limit == 1);
	while (sk_ordered_next(&a, &x, NULL) == 1) {
		ck_assert_int_eq(sk_ordered_next(&b, &y, NULL), 1);
		ck_assert_uint_eq(x.key.n, y.key.n);
		ck_assert_mem_eq(x.key.p, y.key.p, x.key.n);
		ck_assert_uint_eq(x.value.n, y.value.n);
		ck_assert_mem_eq(x.value.p, y.value.p, x.value.n);
		n++;
	}
	ck_assert_uint_eq(n, limit && limit < VALUES ? limit : VALUES);
	if (!limit || limit >= VALUES)
		ck_assert_int_eq(sk_ordered_next(&b, &y, NULL), 0);
	sk_ordered_free(&a);
	sk_ordered_free(&b);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, runs_merge_in_passes_when_they_are_too_many, 0,
	    sizeof(memory) / sizeof(*memory));
	tcase_add_test(t, a_pass_ends_when_it_is_told_to_and_leaves_nothing);
	tcase_add_test(t, an_entry_larger_than_a_run_says_is_damage);
	tcase_add_loop_test(t, what_is_held_stays_within_its_budget, 0,
	    sizeof(held) / sizeof(*held));
	tcase_add_test(t, what_is_gathered_is_in_order_and_complete);
	tcase_add_test(t, a_file_in_memory_weighs_less_than_a_message);
	tcase_add_test(t, without_room_for_files_nothing_is_lost);
	tcase_add_loop_test(t, values_come_in_the_same_order_from_files, 0,
	    2 * sizeof(limits) / sizeof(*limits));
}

int main(void)
{
	return check_main("spill", setup);
}
