/* SPDX-License-Identifier: MIT */
/*
 * price.h - what Lambda takes for invocations: its list prices of SK_PRICE_DATE
 * in us-east-1, in US dollars, without the free share of each month and without
 * discounts.  Most regions have the same; some ask up to a third more.  All
 * prices stand here.
 */
#ifndef SK_PRICE_H
#define SK_PRICE_H
#include <stdint.h>

#define SK_PRICE_DATE "2026-11-23"
#define SK_PRICE_CALL 0.0000002
#define SK_PRICE_GB_S_X86_64 0.0000166667
#define SK_PRICE_GB_S_ARM64 0.0000133334

/* Of so many calls and milliseconds that are billed for them. */
double sk_price(const char *arch, uint32_t memory_mb, uint64_t calls,
    uint64_t billed_ms);
/* The milliseconds that a REPORT line in the end of a log says are billed; 0:
 * there is none. */
uint64_t sk_price_billed(const char *log, uint64_t n);
#endif
