/* SPDX-License-Identifier: MIT */
#include "pairs.h"

#include <check.h>
#include <stdio.h>

#define PAIRS 2000

static const char *const names[] = {
	"none", "sum", "count", "min", "max", "mean", "list", "top=3",
	"op", "row", "add",
};
#define NAMES (sizeof(names) / sizeof(*names))
enum { OP = 8, ROW = 9, ADD = 10 };

/* A reduce that sees order: the hash of values in order, under the key and
 * under a key that many groups share. */
static int chain(void *arg, struct snek_value key, sk_group *g,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *e)
{
	struct snek_value v;
	uint64_t h = 0;
	int rc;

	(void)arg;
	while ((rc = sk_group_next(g, &v, e)) > 0)
		h = h * 31 + v.type + (v.type == SNEK_INT ? v.as.u : 0);
	if (rc < 0)
		return rc;
	rc = emit(emit_arg, key, sk_int(h & 0xffffff));
	if (!rc)
		rc = emit(emit_arg, sk_int(h & 7), key);
	return rc ? rc : emit(emit_arg, sk_int(h & 7), sk_int(1));
}

/* Combines and reduces alike: associative, and order does not matter. */
static int add_up(void *arg, struct snek_value key, sk_group *g,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *e)
{
	struct snek_value v;
	uint64_t h = 0;
	int rc;

	(void)arg;
	while ((rc = sk_group_next(g, &v, e)) > 0)
		h += v.type == SNEK_INT ? v.as.u : 7;
	return rc < 0 ? rc : emit(emit_arg, key, sk_int((int64_t)h));
}

static void make_reducer(struct sk_reducer *r, int which)
{
	uint32_t i;

	memset(r, 0, sizeof(*r));
	if (which == OP || which == ADD) {
		r->kind = SK_GROUPED;
		r->group = SK_GROUP_OP;
	} else if (which == ROW) {
		r->kind = SK_AGGREGATED;
		r->n = 5;
		for (i = 0; i < 5; i++) {
			r->aggregate[i].kind = i;
			r->aggregate[i].name = malloc(2);
			snprintf(r->aggregate[i].name, 2, "%c", 'a' + (int)i);
		}
	} else {
		ck_assert_int_eq(sk_reducer_parse(r, names[which], NULL), 0);
	}
}

static void make_pairs(struct pair *p, size_t n, int which, uint64_t seed)
{
	size_t i;

	for (i = 0; i < n; i++) {
		p[i].first = !i || draw(&seed) % 3;
		p[i].place.version = 1 + i / (n / 3);
		p[i].place.record = p[i].first ? i : p[i - 1].place.record;
		p[i].place.version = p[i].first ? p[i].place.version
		    : p[i - 1].place.version;
		p[i].key = which == 0 && seed % 2 ? sk_null()
		    : draw_key(&seed, p[i].text[0], 150);
		p[i].value = draw_number(&seed);
		if ((names[which][0] == 't' || names[which][0] == 'm') &&
		    names[which][1] != 'e' && draw(&seed) % 4 == 0)
			p[i].value = draw_key(&seed, p[i].text[1], 90);
	}
}

static void take(sk_sink *s, const struct pair *p, int which)
{
	struct snek_value row[5];
	struct snek_error e = { 0 };
	int i, rc;

	if (p->first)
		sk_sink_at(s, p->place);
	if (which != ROW) {
		rc = sk_sink_emit(s, p->key, p->value, &e);
	} else {
		for (i = 0; i < 5; i++)
			row[i] = p->place.record % 5 == (unsigned)i ? sk_null() :
			    p->place.record % 7 == (unsigned)i ? sk_none() :
			    p->value;
		rc = sk_sink_emit_row(s, p->key, row, 5, &e);
	}
	ck_assert_msg(!rc, "%s", e.text);
}

struct way {
	unsigned sinks, partitions;
	size_t memory;
	bool combine, shuffled;
};

static void map(const struct way *w, int which, const struct sk_reducer *r,
    struct pair *p, struct sk_runs *out)
{
	struct sk_sink_options o = {
		.reducer = r, .partitions = w->partitions, .memory = w->memory,
		.tmp = "/tmp",
	};
	unsigned i;
	size_t k;
	sk_sink *s;

	if (which == ADD && w->combine)
		o.combine.group = add_up;
	for (i = 0; i < w->sinks; i++) {
		ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
		for (k = 0; k < PAIRS; k++)
			if (p[k].place.record % w->sinks == i)
				take(s, &p[k], which);
		ck_assert_int_eq(sk_sink_finish(s, out, NULL), 0);
		sk_sink_free(s);
	}
}

static void reduce(const struct way *w, int which, const struct sk_reducer *r,
    struct sk_runs *part, struct sk_run *out)
{
	const struct sk_run *p[1000];
	struct sk_reduce_options o = {
		.reducer = r, .memory = w->memory, .tmp = "/tmp",
		.reduce.group = which == OP ? chain : which == ADD ? add_up : NULL,
	};
	struct snek_error e = { 0 };
	size_t i;

	ck_assert_uint_lt(part->n, 1000);
	for (i = 0; i < part->n; i++)
		p[w->shuffled ? part->n - 1 - i : i] = &part->run[i];
	ck_assert_msg(!sk_reduce(&o, p, part->n, out, &e), "%s", e.text);
}

/* The keys and values that come out, as bytes. */
static struct sk_buf go(const struct way *w, int which, struct pair *p)
{
	struct sk_runs part[7] = { 0 };
	struct sk_run out[7] = { 0 };
	const struct sk_run *all[7];
	struct sk_reducer r;
	struct sk_buf b = { 0 };
	struct sk_entry n;
	sk_merge *m;
	unsigned i;

	make_reducer(&r, which);
	map(w, which, &r, p, part);
	for (i = 0; i < w->partitions; i++) {
		reduce(w, which, &r, &part[i], &out[i]);
		sk_runs_free(&part[i]);
		all[i] = &out[i];
	}
	ck_assert_int_eq(sk_merge_new(all, w->partitions, &m, NULL), 0);
	while (sk_merge_next(m, &n, NULL) == 1) {
		sk_buf_put(&b, &n.key.n, 8);
		sk_buf_put(&b, n.key.p, n.key.n);
		sk_buf_put(&b, n.value.p, n.value.n);
	}
	sk_merge_free(m);
	for (i = 0; i < w->partitions; i++)
		sk_run_free(&out[i]);
	sk_reducer_free(&r);
	return b;
}

static const struct way ways[] = {
	{ 1, 3, 1 << 30, false, false }, { 5, 1, 1 << 30, true, false },
	{ 4, 7, 1 << 30, false, true }, { 1, 1, 1500, true, false },
	{ 3, 7, 3000, false, true }, { 2, 3, 2000, true, true },
};

START_TEST(the_same_bytes_however_pairs_are_cut)
{
	static struct pair p[PAIRS];
	const struct way plain = { 1, 1, 1 << 30, false, false };
	struct sk_buf want, got;
	size_t i;
	uint64_t seed;

	for (seed = 0; seed < 2; seed++) {
		make_pairs(p, PAIRS, _i, seed);
		want = go(&plain, _i, p);
		ck_assert_uint_gt(want.n, 100);
		for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
			got = go(&ways[i], _i, p);
			ck_assert_msg(got.n == want.n &&
			    !memcmp(got.p, want.p, want.n),
			    "%s, seed %d, way %zu", names[_i], (int)seed, i);
			sk_buf_free(&got);
		}
		sk_buf_free(&want);
	}
}
END_TEST

/* ---- what fails ---- */

static void emit(sk_sink *s, struct snek_value key, struct snek_value v)
{
	struct snek_error e = { 0 };

	ck_assert_msg(!sk_sink_emit(s, key, v, &e), "%s", e.text);
}

/* One partition's runs of what fill emits. */
static struct sk_runs runs_of(const struct sk_reducer *r, void (*fill)(sk_sink *))
{
	struct sk_sink_options o = {
		.reducer = r, .partitions = 1, .memory = 1 << 20, .tmp = "/tmp",
	};
	struct sk_runs out = { 0 };
	sk_sink *s;

	ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
	fill(s);
	ck_assert_int_eq(sk_sink_finish(s, &out, NULL), 0);
	sk_sink_free(s);
	return out;
}

static int reduce_one(const struct sk_reduce_options *o, const struct sk_runs *in,
    struct snek_error *e)
{
	const struct sk_run *p = in->run;
	struct sk_run out = { 0 };
	int rc = sk_reduce(o, &p, in->n, &out, e);

	ck_assert(!rc || (!out.mem.p && !out.fd));
	sk_run_free(&out);
	return rc;
}

static void fill_large(sk_sink *s)
{
	emit(s, sk_cstring("fine"), sk_int(INT64_MIN));
	emit(s, sk_cstring("too \"much\""), sk_uint(UINT64_MAX));
	emit(s, sk_cstring("too \"much\""), sk_int(1));
}

static void fill_infinite(sk_sink *s)
{
	emit(s, sk_cstring("too \"much\""), sk_double(1e308));
	emit(s, sk_cstring("too \"much\""), sk_double(1e308));
}

START_TEST(a_sum_out_of_range_names_its_key)
{
	struct sk_reducer r;
	struct sk_reduce_options o = { .reducer = &r, .memory = 1 << 20, .tmp = "/tmp" };
	struct snek_error e = { 0 };
	struct sk_runs in;

	ck_assert_int_eq(sk_reducer_parse(&r, "sum", NULL), 0);
	in = runs_of(&r, _i ? fill_infinite : fill_large);
	ck_assert_int_eq(reduce_one(&o, &in, &e), SNEK_ELIMIT);
	ck_assert_msg(strstr(e.text, "key \"too \\\"much\\\"\""), "%s", e.text);
	sk_runs_free(&in);
}
END_TEST

static void fill_many(sk_sink *s)
{
	int i;

	for (i = 0; i < 20000; i++)
		emit(s, sk_int(i), sk_int(i));
}

static int stop(void *calls)
{
	return ++*(int *)calls == 3 ? SNEK_ECANCELED : 0;
}

START_TEST(a_reduction_ends_when_told)
{
	struct sk_reducer r;
	int calls = 0;
	struct sk_reduce_options o = {
		.reducer = &r, .memory = 1 << 20, .tmp = "/tmp",
		.check = stop, .check_arg = &calls,
	};
	struct sk_runs in;

	ck_assert_int_eq(sk_reducer_parse(&r, names[_i], NULL), 0);
	in = runs_of(&r, fill_many);
	ck_assert_int_eq(reduce_one(&o, &in, NULL), SNEK_ECANCELED);
	ck_assert_int_eq(calls, 3);
	sk_runs_free(&in);
}
END_TEST

/* As many arrays in one another as there may be. */
static void fill_deep(sk_sink *s)
{
	char bytes[SK_MAX_DEPTH];
	struct snek_value v = { SNEK_ARRAY, SK_MAX_DEPTH, { .p = bytes } };

	memset(bytes, 0x91, SK_MAX_DEPTH);
	bytes[SK_MAX_DEPTH - 1] = (char)0x90;
	emit(s, sk_null(), v);
}

START_TEST(a_list_that_nests_too_deep_is_refused)
{
	struct sk_reducer r;
	struct sk_reduce_options o = { .reducer = &r, .memory = 1 << 20, .tmp = "/tmp" };
	struct snek_error e = { 0 };
	struct sk_runs in;

	ck_assert_int_eq(sk_reducer_parse(&r, "list", NULL), 0);
	in = runs_of(&r, fill_deep);
	ck_assert_int_eq(reduce_one(&o, &in, &e), SNEK_ELIMIT);
	ck_assert_ptr_nonnull(strstr(e.text, "key null"));
	sk_runs_free(&in);
}
END_TEST

static void fill_some(sk_sink *s)
{
	emit(s, sk_cstring("a key"), sk_double(0.1));
	emit(s, sk_cstring("a key"), sk_double(1e300));
	emit(s, sk_cstring("a key"), sk_int(5));
}

/* Each byte in turn becomes another; the sanitizers watch. */
START_TEST(damaged_runs_never_crash)
{
	struct sk_reducer r;
	struct sk_reduce_options o = {
		.reducer = &r, .memory = 1 << 20, .tmp = "/tmp",
	};
	struct sk_runs in;
	size_t i, bad = 0;
	char was;
	int k;

	make_reducer(&r, _i);
	o.reduce.group = chain;
	in = runs_of(&r, fill_some);
	for (i = 0; i < in.run[0].mem.n; i++) {
		was = in.run[0].mem.p[i];
		for (k = 0; k < 256; k += 5) {
			in.run[0].mem.p[i] = (char)k;
			bad += reduce_one(&o, &in, NULL) == SNEK_EFORMAT;
		}
		in.run[0].mem.p[i] = was;
	}
	ck_assert_uint_gt(bad, 50);
	ck_assert_int_eq(reduce_one(&o, &in, NULL), 0);
	sk_runs_free(&in);
}
END_TEST

START_TEST(nothing_reduces_to_nothing)
{
	struct sk_reducer r;
	struct sk_reduce_options o = {
		.reducer = &r, .memory = 1 << 20, .tmp = "/tmp",
		.reduce.group = chain,
	};
	struct sk_run out = { 0 };

	make_reducer(&r, _i);
	ck_assert_int_eq(sk_reduce(&o, NULL, 0, &out, NULL), 0);
	ck_assert_uint_eq(out.entries, 0);
	sk_run_free(&out);
	sk_reducer_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reduce");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, the_same_bytes_however_pairs_are_cut, 0, NAMES);
	tcase_add_loop_test(t, a_sum_out_of_range_names_its_key, 0, 2);
	tcase_add_loop_test(t, a_reduction_ends_when_told, 0, OP);
	tcase_add_test(t, a_list_that_nests_too_deep_is_refused);
	tcase_add_loop_test(t, damaged_runs_never_crash, 0, OP + 1);
	tcase_add_loop_test(t, nothing_reduces_to_nothing, 0, NAMES);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
