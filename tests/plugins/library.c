/* SPDX-License-Identifier: MIT */
/* A shared library that has never heard of snek. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define FUNCTION(result, name, ...) \
	EXPORT result name(__VA_ARGS__); \
	result name(__VA_ARGS__)

extern EXPORT const int some_data;
const int some_data = 7;

FUNCTION(int32_t, negative, int32_t x) { return -x; }
FUNCTION(int32_t, minus, int32_t a, int64_t b) { return a - (int32_t)b; }
FUNCTION(uint32_t, low, uint64_t x) { return (uint32_t)x; }
FUNCTION(uint64_t, same, uint64_t x) { return x; }
FUNCTION(int64_t, twice, int64_t x) { return 2 * x; }
FUNCTION(float, half, float x) { return x / 2; }
FUNCTION(double, quotient, double a, double b) { return a / b; }
FUNCTION(bool, is_even, int64_t x) { return x % 2 == 0; }
FUNCTION(bool, is_both, bool a, int32_t b) { return a && b; }
FUNCTION(uint64_t, bytes, const char *s) { return s ? strlen(s) : 99; }
FUNCTION(double, or_one, double x) { return isnan(x) ? 1 : x; }
FUNCTION(const char *, word, int32_t x)
{
	static const char *const words[] = { "none", "one", "two" };

	return x >= 0 && x < 3 ? words[x] : NULL;
}
FUNCTION(const char *, broken, int32_t x) { return x ? "\xff" : ""; }
FUNCTION(const char *, tail, const char *s, uint32_t n)
{
	return strlen(s) < n ? NULL : s + n;
}

/* One of each letter, so that each lies where it should. */
FUNCTION(const char *, each, bool b, int32_t i, uint32_t I, int64_t l,
    uint64_t L, float f, double d, const char *s)
{
	static _Thread_local char text[200];

	snprintf(text, sizeof(text), "%d %d %u %lld %llu %g %g %s", b, (int)i,
	    (unsigned)I, (long long)l, (unsigned long long)L, (double)f, d, s);
	return text;
}

FUNCTION(int64_t, sixteen, int64_t a, int64_t b, int64_t c, int64_t d,
    int64_t e, int64_t f, int64_t g, int64_t h, int64_t i, int64_t j,
    int64_t k, int64_t l, int64_t m, int64_t n, int64_t o, int64_t p)
{
	return a + b + c + d + e + f + g + h + i + j + k + l + m + n + o - p;
}

/* More words than registers, narrow ones among those, with others between. */
FUNCTION(const char *, crowd, int64_t a, double b, int32_t c, float d,
    uint64_t e, bool f, uint32_t g, const char *h, int32_t i, double j, bool k,
    uint32_t l, int64_t m, const char *n, float o, int32_t p)
{
	static _Thread_local char text[300];

	snprintf(text, sizeof(text), "%lld %g %d %g %llu %d %u %s %d %g %d %u "
	    "%lld %s %g %d", (long long)a, b, (int)c, (double)d,
	    (unsigned long long)e, f, (unsigned)g, h, (int)i, j, k, (unsigned)l,
	    (long long)m, n, (double)o, (int)p);
	return text;
}

/* More floating-point numbers than registers, and words after those. */
FUNCTION(double, reals, double a, float b, double c, double d, double e,
    double f, double g, double h, double i, int32_t j, int64_t k, int64_t l,
    int64_t m, int64_t n, int64_t o, int64_t p)
{
	return a + 2 * (double)b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g +
	    8 * h + 9 * i + (double)(10 * (j + k + l + m + n + o)) -
	    (double)p;
}
FUNCTION(float, last, double a, double b, double c, double d, double e,
    double f, double g, float h)
{
	return a + b + c + d + e + f + g == 28 ? h : 0;
}
FUNCTION(float, many_reals, double a, float b, double c, bool k, double d,
    double e, double f, double g, double h, int32_t l, double i, float j,
    double m)
{
	return (float)(a + (double)b + c + d + e + f + g + h + 10 * i +
	    100 * (double)j + 1000 * m + (k ? 0.5 : 0) + l);
}
