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

struct sk_moment sk_moment_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return (struct sk_moment){ sk_clock_coarse_ms(),
		t.tv_sec * 1000ll + t.tv_nsec / 1000000 };
}

int64_t sk_moment_age(struct sk_moment then, struct sk_moment now)
{
	int64_t monotonic = now.monotonic - then.monotonic;
	int64_t wall = now.wall - then.wall;

	return wall > monotonic ? wall : monotonic;
}
