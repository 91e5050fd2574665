/* SPDX-License-Identifier: MIT */
/* clock.h - time. */
#ifndef SK_CLOCK_H
#define SK_CLOCK_H
#include <stdint.h>

int64_t sk_clock_ms(void);      /* monotonic: for deadlines */
int64_t sk_clock_us(void);
int64_t sk_clock_coarse_ms(void);       /* to some ms; for what is asked often */
int64_t sk_clock_wall(void);    /* seconds since 1970: for people and expiry */

/* For ages of what others let grow old: who is frozen (a function between two
 * calls) has a monotonic clock that stands still meanwhile, and a wall clock
 * may be set. */
struct sk_moment {
	int64_t monotonic, wall;        /* ms */
};
struct sk_moment sk_moment_now(void);           /* to some ms */
/* ms between, by whichever clock went further. */
int64_t sk_moment_age(struct sk_moment then, struct sk_moment now);
#endif
