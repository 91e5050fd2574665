/* SPDX-License-Identifier: MIT */
#include "pairs.h"
#include "task/sum.h"

#include <check.h>
#include <float.h>
#include <math.h>

#define TERMS 40

static void add(struct sk_sum *s, struct snek_value v)
{
	int rc = v.type == SNEK_DOUBLE ? sk_sum_add_double(s, v.as.d) :
	    v.type == SNEK_UINT ? sk_sum_add_uint(s, v.as.u) :
	    sk_sum_add_int(s, v.as.i);

	ck_assert_int_eq(rc, 0);
}

static double raw_double(uint64_t *seed)
{
	uint64_t bits = draw(seed);
	double d;

	memcpy(&d, &bits, 8);
	return isfinite(d) ? d : DBL_MAX;
}

/* A term for case number k: of all sorts, cancelling, huge, subnormal. */
static struct snek_value term(uint64_t *seed, unsigned k, struct snek_value before)
{
	uint64_t x = draw(seed);

	if (x % 5 == 0 && before.type == SNEK_DOUBLE)
		return sk_double(-before.as.d);
	switch (k % 10) {
	case 0: return sk_double((double)(int64_t)(x % 200001 - 100000) / 100);
	case 1: return sk_double(raw_double(seed));
	case 2: return sk_double((x & 1 ? -1 : 1) * (x & 2 ? 1e308 : DBL_MAX));
	case 3: return sk_double((double)(int64_t)(x % 4001 - 2000) * 0x1p-1074);
	case 4: return x & 4 ? sk_int((int64_t)x) : sk_double(ldexp(1, (int)(x % 130) - 60));
	case 5: return sk_int((int64_t)x >> 8);
	case 6: return x & 1 ? sk_uint(x | 1ull << 63) : sk_int((int64_t)(x | 1ull << 63));
	case 7: return sk_double(ldexp((double)(x >> 11), (int)(x % 80) - 40));
	case 8: return x % 3 ? sk_double(1 + (double)(x & 1) * 0x1p-52) : sk_double(0x1p-53);
	default: return sk_double(0x1p-1022 * (1 + (double)(x % 8) / 4));
	}
}

static size_t terms(struct snek_value *v, uint64_t *seed, unsigned k)
{
	size_t n = 1 + draw(seed) % TERMS, i;

	for (i = 0; i < n; i++)
		v[i] = term(seed, k, i ? v[i - 1] : sk_null());
	return n;
}

struct outcome {
	int sum_rc, mean_rc;
	struct snek_value sum;
	double mean;
};

static struct outcome result(struct sk_sum *s, size_t n)
{
	struct outcome r = { 0 };

	r.sum = sk_null();
	r.sum_rc = sk_sum_value(s, &r.sum, NULL);
	r.mean_rc = sk_sum_mean(s, n, &r.mean, NULL);
	sk_sum_free(s);
	return r;
}

static void same(const struct outcome *a, const struct outcome *b)
{
	ck_assert_int_eq(a->sum_rc, b->sum_rc);
	ck_assert_int_eq(a->mean_rc, b->mean_rc);
	ck_assert_uint_eq(a->sum.type, b->sum.type);
	ck_assert_uint_eq(a->sum.as.u, b->sum.as.u);
	ck_assert(!memcmp(&a->mean, &b->mean, 8));
}

static void shuffle(struct snek_value *v, size_t n, uint64_t *seed)
{
	size_t i, j;
	struct snek_value t;

	for (i = n; i > 1; i--) {
		j = draw(seed) % i;
		t = v[i - 1];
		v[i - 1] = v[j];
		v[j] = t;
	}
}

/* Three sums of any parts, each through its bytes, merged in any order. */
static struct outcome in_parts(const struct snek_value *v, size_t n, uint64_t *seed)
{
	struct sk_sum part[3] = { 0 }, all = { 0 }, back;
	struct sk_buf b = { 0 };
	size_t i, used;

	for (i = 0; i < n; i++)
		add(&part[draw(seed) % 3], v[i]);
	for (i = 0; i < 3; i++) {
		b.n = 0;
		ck_assert(sk_sum_put(&part[i], &b));
		ck_assert_int_eq(sk_sum_get(&back, b.p, b.n, &used), 0);
		ck_assert_uint_eq(used, b.n);
		ck_assert_int_eq(sk_sum_merge(&all, &back), 0);
		sk_sum_free(&part[i]);
		sk_sum_free(&back);
	}
	sk_buf_free(&b);
	return result(&all, n);
}

START_TEST(order_and_cuts_change_no_bit)
{
	struct snek_value v[TERMS];
	struct outcome want, got;
	struct sk_sum s;
	uint64_t seed = 7;
	unsigned k, again;
	size_t n, i;

	for (k = 0; k < 1500; k++) {
		n = terms(v, &seed, k);
		memset(&s, 0, sizeof(s));
		for (i = 0; i < n; i++)
			add(&s, v[i]);
		want = result(&s, n);
		for (again = 0; again < 3; again++) {
			shuffle(v, n, &seed);
			got = in_parts(v, n, &seed);
			same(&want, &got);
		}
	}
}
END_TEST

static void print(FILE *f, struct snek_value v)
{
	if (v.type == SNEK_DOUBLE)
		fprintf(f, " d%a", v.as.d);
	else if (v.type == SNEK_UINT)
		fprintf(f, " u%llu", (unsigned long long)v.as.u);
	else
		fprintf(f, " i%lld", (long long)v.as.i);
}

static void print_result(FILE *f, const struct outcome *r)
{
	if (r->sum_rc)
		fputs("limit", f);
	else if (r->sum.type == SNEK_DOUBLE)
		fprintf(f, "%a", r->sum.as.d);
	else if (r->sum.type == SNEK_UINT)
		fprintf(f, "%llu", (unsigned long long)r->sum.as.u);
	else
		fprintf(f, "%lld", (long long)r->sum.as.i);
	if (r->mean_rc)
		fputs(" limit", f);
	else
		fprintf(f, " %a", r->mean);
}

static void write_cases(FILE *f)
{
	struct snek_value v[TERMS];
	struct outcome r;
	struct sk_sum s;
	uint64_t seed = 99;
	unsigned k;
	size_t n, i;

	for (k = 0; k < 5000; k++) {
		n = terms(v, &seed, k);
		memset(&s, 0, sizeof(s));
		for (i = 0; i < n; i++)
			add(&s, v[i]);
		r = result(&s, n);
		print_result(f, &r);
		for (i = 0; i < n; i++)
			print(f, v[i]);
		putc('\n', f);
	}
}

START_TEST(sums_and_means_are_correctly_rounded)
{
	const char *python = getenv("PYTHON"), *dir = getenv("srcdir");
	char command[4096];
	FILE *f;

	if (!python || !*python)
		python = "python3";
	snprintf(command, sizeof(command), "%s -c 'import fractions'", python);
	if (system(command)) {
		puts("SKIPPED: no python3: sums were not checked against exact "
		    "arithmetic");
		return;
	}
	snprintf(command, sizeof(command), "'%s' '%s/tests/sums.py'", python,
	    dir ? dir : ".");
	f = popen(command, "w");
	ck_assert_ptr_nonnull(f);
	write_cases(f);
	ck_assert_int_eq(pclose(f), 0);
}
END_TEST

/* What is expected, and terms up to SNEK_NONE. */
static const struct {
	int rc;
	struct snek_value want, term[4];
} known[] = {
#define I(x) { .type = SNEK_INT, .as.i = x }
#define U(x) { .type = SNEK_UINT, .as.u = x }
#define D(x) { .type = SNEK_DOUBLE, .as.d = x }
	{ 0, I(0), { { 0 } } },
	{ 0, I(3), { I(1), I(2) } },
	{ 0, D(3), { I(1), D(2) } },
	{ 0, D(0), { D(-0.0) } },
	{ 0, D(1e308), { D(1e308), D(1e308), D(-1e308) } },
	{ SNEK_ELIMIT, D(0), { D(1e308), D(1e308) } },
	{ SNEK_ELIMIT, D(0), { D(-DBL_MAX), D(-0x1p970) } },
	{ 0, D(DBL_MAX), { D(DBL_MAX), D(0x1p969) } },
	{ 0, D(1), { D(1), D(1e100), D(-1e100) } },
	{ 0, D(0x1p53), { I(9007199254740993), D(0) } },
	{ 0, D(0x1p53 + 2), { I(9007199254740993), D(0x1p-1074) } },
	{ 0, U(UINT64_MAX), { U(UINT64_MAX) } },
	{ 0, U(1ull << 63), { I(INT64_MAX), I(1) } },
	{ SNEK_ELIMIT, I(0), { U(UINT64_MAX), I(1) } },
	{ 0, I(INT64_MIN), { I(INT64_MIN) } },
	{ SNEK_ELIMIT, I(0), { I(INT64_MIN), I(-1) } },
	{ 0, I(INT64_MAX), { I(INT64_MAX), I(INT64_MAX), I(-INT64_MAX) } },
	{ 0, D(5e-324), { D(5e-324), D(1e300), D(-1e300) } },
};

START_TEST(known_sums)
{
	struct sk_sum s = { 0 };
	struct snek_error e = { 0 };
	struct snek_value v;
	int i;

	for (i = 0; i < 4 && known[_i].term[i].type != SNEK_NONE; i++)
		add(&s, known[_i].term[i]);
	ck_assert_int_eq(sk_sum_value(&s, &v, &e), known[_i].rc);
	sk_sum_free(&s);
	ck_assert_int_eq(e.code, known[_i].rc);
	if (known[_i].rc)
		return;
	ck_assert_uint_eq(v.type, known[_i].want.type);
	ck_assert_uint_eq(v.as.u, known[_i].want.as.u);
}
END_TEST

START_TEST(damaged_bytes_are_an_error)
{
	struct sk_sum s = { 0 }, back;
	struct sk_buf b = { 0 };
	uint64_t seed = 3;
	size_t i, used;
	char *cut;
	int k;

	ck_assert_int_eq(sk_sum_add_int(&s, INT64_MAX), 0);
	ck_assert_int_eq(sk_sum_add_int(&s, INT64_MAX), 0);
	for (k = 0; _i && k < (_i == 1 ? 2 : 90); k++)
		ck_assert_int_eq(sk_sum_add_double(&s, raw_double(&seed)), 0);
	ck_assert(sk_sum_put(&s, &b));
	for (i = 0; i < b.n; i++) {
		cut = malloc(i + 1);
		memcpy(cut, b.p, i);
		ck_assert_int_eq(sk_sum_get(&back, cut, i, &used), SNEK_EFORMAT);
		free(cut);
	}
	for (k = 0; k < 256; k++) {
		b.p[0] = (char)k;
		if (!sk_sum_get(&back, b.p, b.n, &used))
			sk_sum_free(&back);
	}
	sk_buf_free(&b);
	sk_sum_free(&s);
}
END_TEST

START_TEST(many_additions_carry_in_time)
{
	struct sk_sum s = { 0 };
	struct snek_value v;
	int i;

	/* The third makes it wide; then a million of the largest mantissas. */
	add(&s, sk_double(1e300));
	add(&s, sk_double(1));
	add(&s, sk_double(1e-300));
	ck_assert_ptr_nonnull(s.wide);
	for (i = 0; i < 1000000; i++)
		add(&s, sk_double(_i ? -(2 - 0x1p-52) : 2 - 0x1p-52));
	add(&s, sk_double(-1e300));
	add(&s, sk_double(-1));
	add(&s, sk_double(-1e-300));
	ck_assert_int_eq(sk_sum_value(&s, &v, NULL), 0);
	ck_assert(v.as.d == (_i ? -1 : 1) * 1000000 * (2 - 0x1p-52));
	sk_sum_free(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sum");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, order_and_cuts_change_no_bit);
	tcase_add_test(t, sums_and_means_are_correctly_rounded);
	tcase_add_loop_test(t, known_sums, 0, sizeof(known) / sizeof(*known));
	tcase_add_loop_test(t, damaged_bytes_are_an_error, 0, 3);
	tcase_add_loop_test(t, many_additions_carry_in_time, 0, 2);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
