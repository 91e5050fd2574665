/* SPDX-License-Identifier: MIT */
/* What invocations cost. */
#include <string.h>

#include "check_main.h"
#include "exec/price.h"

#define REPORT "REPORT RequestId: 8f507cfc\tDuration: 1.27 ms\t"

static const struct {
	const char *log;
	uint64_t ms;
} logs[] = {
	{ "START\nEND\n" REPORT "Billed Duration: 2 ms\tMemory Size: 128 MB\n", 2 },
	{ REPORT "Billed Duration: 900000 ms\t", 900000 },
	{ REPORT "Billed Duration: 24 ms\tMemory Size: 128 MB\t"
	    "Init Duration: 20.11 ms\n", 24 },
	/* what an op prints stands before it */
	{ "Billed Duration: 1 ms\n" REPORT "Billed Duration: 7 ms\n", 7 },
	{ "REPORT RequestId: x\tBilled Duration: 1 ms\n" REPORT
	    "Billed Duration: 8 ms\n", 8 },
	{ "", 0 }, { "REPORT", 0 }, { REPORT, 0 }, { "Billed Duration: 5 ms", 0 },
	{ REPORT "Billed Duration: ", 0 }, { REPORT "Billed Duration: 5", 0 },
	{ REPORT "Billed Duration: x ms", 0 },
	{ REPORT "Billed Duration: 99999999999999999999999 ms", 0 },
};

START_TEST(what_is_billed_is_in_the_last_report)
{
	ck_assert_uint_eq(sk_price_billed(logs[_i].log, strlen(logs[_i].log)),
	    logs[_i].ms);
}
END_TEST

START_TEST(a_price_is_of_calls_time_memory_and_processor)
{
	ck_assert_double_eq_tol(sk_price("x86_64", 1024, 1000000, 0), 0.2, 1e-9);
	ck_assert_double_eq_tol(sk_price("x86_64", 2048, 0, 1000),
	    2 * 0.0000166667, 1e-12);
	ck_assert_double_eq_tol(sk_price("arm64", 512, 0, 2000), 0.0000133334,
	    1e-12);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_loop_test(t, what_is_billed_is_in_the_last_report, 0,
	    sizeof(logs) / sizeof(*logs));
	tcase_add_test(t, a_price_is_of_calls_time_memory_and_processor);
}

int main(void)
{
	return check_main("price", tests);
}
