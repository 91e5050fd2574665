/* SPDX-License-Identifier: MIT */
/* fpmode.h - how this thread's floating-point unit rounds, traps and flushes:
 * kept and put back round code of others.  Not fenv.h, which is libm's: the
 * worker in a bundle would take it along for two functions. */
#ifndef SK_FPMODE_H
#define SK_FPMODE_H
#include <stdbool.h>

#if defined(__x86_64__)
#define SK_FPMODE_SSE 0xffc0u   /* rounding, masks, flush to zero; no flags */

struct sk_fpmode {
	unsigned sse;
	unsigned short x87;
};

static inline struct sk_fpmode sk_fpmode_get(void)
{
	struct sk_fpmode m = { .sse = __builtin_ia32_stmxcsr() };

	__asm__ volatile("fnstcw %0" : "=m"(m.x87));
	return m;
}

static inline void sk_fpmode_set(struct sk_fpmode m)
{
	__builtin_ia32_ldmxcsr(m.sse);
	__asm__ volatile("fldcw %0" : : "m"(m.x87));
}

/* Of what doubles are calculated with. */
static inline bool sk_fpmode_same(struct sk_fpmode a, struct sk_fpmode b)
{
	return !((a.sse ^ b.sse) & SK_FPMODE_SSE);
}

#elif defined(__aarch64__)

struct sk_fpmode {
	unsigned long fpcr;
};

static inline struct sk_fpmode sk_fpmode_get(void)
{
	struct sk_fpmode m;

	__asm__ volatile("mrs %0, fpcr" : "=r"(m.fpcr));
	return m;
}

static inline void sk_fpmode_set(struct sk_fpmode m)
{
	__asm__ volatile("msr fpcr, %0" : : "r"(m.fpcr));
}

static inline bool sk_fpmode_same(struct sk_fpmode a, struct sk_fpmode b)
{
	return a.fpcr == b.fpcr;
}

#else
#include <fenv.h>

struct sk_fpmode {
	fenv_t env;
	int rounding;
};

static inline struct sk_fpmode sk_fpmode_get(void)
{
	struct sk_fpmode m = { .rounding = fegetround() };

	fegetenv(&m.env);
	return m;
}

static inline void sk_fpmode_set(struct sk_fpmode m)
{
	fesetenv(&m.env);
}

static inline bool sk_fpmode_same(struct sk_fpmode a, struct sk_fpmode b)
{
	return a.rounding == b.rounding;
}
#endif
#endif
