/* SPDX-License-Identifier: MIT */
/*
 * Each allocation on the way of pairs through sink and reduce fails once: it
 * is an ordinary error, and nothing leaks (the sanitizer says so).  Linked
 * with --wrap for malloc, calloc and realloc.
 */
#include "pairs.h"

#include <check.h>

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

static long left = -1;          /* allocations until one fails; -1: never */

static bool fails(void)
{
	return left >= 0 && left-- == 0;
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

static const char *const names[] = {
	"none", "sum", "count", "min", "max", "mean", "list", "top=3",
};

static int fill(sk_sink *s, bool strings, struct snek_error *e)
{
	struct snek_value v;
	char key[30];
	int i, n, rc = 0;

	for (i = 0; i < 200 && !rc; i++) {
		n = snprintf(key, sizeof(key), "a longer key %d", i * 7 % 50);
		v = i % 3 == 0 ? sk_double(i * 1e300) : i % 3 == 1
		    ? sk_double(i * 1e-300) : sk_int(INT64_MAX - i);
		if (strings && i % 5 == 0)
			v = sk_string(key, (size_t)n);
		sk_sink_at(s, (struct sk_place){ 1, (uint64_t)i });
		rc = sk_sink_emit(s, sk_string(key, (size_t)n), v, e);
	}
	return rc;
}

static int go(const char *name, size_t memory)
{
	bool strings = !strcmp(name, "min") || !strcmp(name, "max");
	struct sk_reducer r;
	struct sk_sink_options o = {
		.reducer = &r, .partitions = 1, .memory = memory, .tmp = "/tmp",
	};
	struct sk_reduce_options ro = { .reducer = &r, .memory = memory, .tmp = "/tmp" };
	struct sk_runs out = { 0 };
	struct sk_run result = { 0 };
	const struct sk_run *p[64];
	struct snek_error e = { 0 };
	sk_sink *s = NULL;
	size_t i;
	int rc = sk_reducer_parse(&r, name, &e);

	if (!rc)
		rc = sk_sink_new(&o, &s, &e);
	if (!rc)
		rc = fill(s, strings, &e);
	if (!rc)
		rc = sk_sink_finish(s, &out, &e);
	sk_sink_free(s);
	for (i = 0; i < out.n && i < 64; i++)
		p[i] = &out.run[i];
	if (!rc)
		rc = sk_reduce(&ro, p, i, &result, &e);
	sk_run_free(&result);
	sk_runs_free(&out);
	return rc;
}

START_TEST(every_allocation_may_fail)
{
	size_t memory = _i % 2 ? 600 : 1 << 20;
	long k;
	int rc = SNEK_ENOMEM;

	/* Later ones come round again and again, with a file each. */
	for (k = 0; rc; k += k < 300 ? 1 : 11) {
		left = k;
		rc = go(names[_i / 2], memory);
		if (left >= 0)
			break;
		left = -1;
		ck_assert_int_eq(rc, SNEK_ENOMEM);
	}
	left = -1;
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(k, 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("memory");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, every_allocation_may_fail, 0,
	    2 * sizeof(names) / sizeof(*names));
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
