/* SPDX-License-Identifier: MIT */
#include "exec/price.h"

#include <string.h>

double sk_price(const char *arch, uint32_t memory_mb, uint64_t calls,
    uint64_t billed_ms)
{
	double gb_s = (double)memory_mb / 1024 * (double)billed_ms / 1000;

	return (double)calls * SK_PRICE_CALL + gb_s *
	    (strcmp(arch, "arm64") ? SK_PRICE_GB_S_X86_64 : SK_PRICE_GB_S_ARM64);
}

/* The text after a word, up to the end of its line; NULL: it is not there. */
static const char *after(const char *p, const char *end, const char *word)
{
	size_t n = strlen(word);

	p = memmem(p, (size_t)(end - p), word, n);
	return p ? p + n : NULL;
}

/* "REPORT RequestId: ... \tBilled Duration: 12 ms\t...": the last one, for an op
 * may print what it likes before it. */
uint64_t sk_price_billed(const char *log, uint64_t n)
{
	const char *end = log + n, *p = log, *at = NULL;
	uint64_t ms = 0;

	while ((p = after(p, end, "REPORT RequestId: ")))
		at = p;
	at = at ? after(at, end, "Billed Duration: ") : NULL;
	for (; at && at < end && *at >= '0' && *at <= '9' &&
	    ms < UINT64_MAX / 100; at++)
		ms = ms * 10 + (uint64_t)(*at - '0');
	return at && at + 3 <= end && memcmp(at, " ms", 3) == 0 ? ms : 0;
}
