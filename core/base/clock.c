/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

int64_t sk_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

int64_t sk_clock_ms(void)
{
	return sk_clock_us() / 1000;
}

int64_t sk_clock_coarse_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

int64_t sk_clock_wall(void)
{
	return time(NULL);
}
