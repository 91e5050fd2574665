/* SPDX-License-Identifier: MIT */
/* clock.h - time. */
#ifndef SK_CLOCK_H
#define SK_CLOCK_H
#include <stdint.h>

int64_t sk_clock_ms(void);      /* monotonic: for deadlines */
int64_t sk_clock_us(void);
int64_t sk_clock_coarse_ms(void);       /* to some ms; for what is asked often */
int64_t sk_clock_wall(void);    /* seconds since 1970: for people and expiry */
#endif
