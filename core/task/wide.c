/* SPDX-License-Identifier: MIT */
#include "task/wide.h"

#include <snek/types.h>

#define WAIT_MAX 512            /* additions of 53 bits that 64 bits can take */
#define LOW 0xffffffffll
#define GUARD 3                 /* words below 2^-1075 in a quotient */
#define MANTISSA 53

/* A magnitude: words of 32 bits, the lowest first. */
struct magnitude {
	uint32_t word[SK_WIDE_WORDS + 1];
	bool negative;
};

static void carry(int64_t word[SK_WIDE_WORDS])
{
	int i;

	for (i = 0; i + 1 < SK_WIDE_WORDS; i++) {
		word[i + 1] += word[i] >> 32;
		word[i] &= LOW;
	}
}

void sk_wide_add(struct sk_wide *w, double x)
{
	uint64_t bits, m;
	unsigned exponent, shift;
	int64_t *at, low, high;

	memcpy(&bits, &x, 8);
	exponent = bits >> 52 & 0x7ff;
	m = bits & ((1ull << 52) - 1);
	if (exponent)
		m |= 1ull << 52;
	else
		exponent = 1;
	shift = exponent & 31;
	at = w->word + (exponent >> 5);
	low = (int64_t)(m << shift & LOW);
	high = (int64_t)(m >> (32 - shift));
	at[0] += bits >> 63 ? -low : low;
	at[1] += bits >> 63 ? -high : high;
	if (++w->waiting >= WAIT_MAX) {
		carry(w->word);
		w->waiting = 0;
	}
}

void sk_wide_add_int(struct sk_wide *w, __int128 x)
{
	unsigned __int128 m = x < 0 ? -(unsigned __int128)x : (unsigned __int128)x;
	double scale = x < 0 ? -1 : 1;

	for (; m; m >>= 43, scale *= 0x1p43)
		sk_wide_add(w, scale * (double)(uint64_t)(m & ((1ull << 43) - 1)));
}

void sk_wide_merge(struct sk_wide *w, const struct sk_wide *other)
{
	struct sk_wide o = *other;
	int i;

	carry(o.word);
	carry(w->word);
	w->waiting = 1;
	for (i = 0; i < SK_WIDE_WORDS; i++)
		w->word[i] += o.word[i];
}

static void magnitude(struct magnitude *m, const struct sk_wide *w)
{
	struct sk_wide t = *w;
	int i;

	carry(t.word);
	m->negative = t.word[SK_WIDE_WORDS - 1] < 0;
	if (m->negative) {
		for (i = 0; i < SK_WIDE_WORDS; i++)
			t.word[i] = -t.word[i];
		carry(t.word);
	}
	for (i = 0; i < SK_WIDE_WORDS; i++)
		m->word[i] = (uint32_t)t.word[i];
	m->word[SK_WIDE_WORDS] =
	    (uint32_t)((uint64_t)t.word[SK_WIDE_WORDS - 1] >> 32);
}

/* q = m / n with GUARD more words below; true when something remains. */
static bool divide(uint32_t *q, const struct magnitude *m, uint64_t n)
{
	unsigned __int128 rest = 0;
	int i;

	for (i = SK_WIDE_WORDS + GUARD; i >= 0; i--) {
		rest = rest << 32 | (i >= GUARD ? m->word[i - GUARD] : 0);
		q[i] = (uint32_t)(rest / n);
		rest %= n;
	}
	return rest != 0;
}

static bool bit(const uint32_t *w, int i)
{
	return i >= 0 && (w[i >> 5] >> (i & 31) & 1);
}

static bool any_below(const uint32_t *w, int end)
{
	int i;

	for (i = 0; i < end >> 5; i++)
		if (w[i])
			return true;
	return end > 0 && (end & 31) && (w[end >> 5] & ((1u << (end & 31)) - 1));
}

static int top_bit(const uint32_t *w, int words)
{
	int i;

	for (i = words - 1; i >= 0; i--)
		if (w[i])
			return 32 * i + 31 - __builtin_clz(w[i]);
	return -1;
}

/*
 * Round the number in w, whose bit `unit` is worth 2^-1074, the smallest
 * double; more says that something lies below bit 0.
 */
static double rounded(const uint32_t *w, int words, int unit, bool more)
{
	int top = top_bit(w, words), last, i;
	uint64_t m = 0, exponent, bits;
	double d;

	last = top - (MANTISSA - 1) > unit ? top - (MANTISSA - 1) : unit;
	for (i = top; i >= last; i--)
		m = m << 1 | bit(w, i);
	if (bit(w, last - 1) && (m & 1 || more || any_below(w, last - 1)))
		m++;
	if (last - unit >= 2046)
		return __builtin_inf();
	/* The hidden bit and a carry out of the mantissa both add one to the
	 * exponent, which is what the format wants. */
	exponent = (uint64_t)(last - unit);
	bits = (exponent << 52) + m;
	if (bits > 0x7ff0000000000000ull)
		bits = 0x7ff0000000000000ull;
	memcpy(&d, &bits, 8);
	return d;
}

double sk_wide_quotient(const struct sk_wide *w, uint64_t n)
{
	uint32_t q[SK_WIDE_WORDS + 1 + GUARD];
	struct magnitude m;
	bool more;
	double d;

	magnitude(&m, w);
	more = divide(q, &m, n);
	d = rounded(q, SK_WIDE_WORDS + 1 + GUARD, 32 * GUARD + 1, more);
	return m.negative ? -d : d;
}

bool sk_wide_put(const struct sk_wide *w, struct sk_buf *b)
{
	struct magnitude m;
	uint8_t head[3];
	int first = 0, end = SK_WIDE_WORDS + 1;

	magnitude(&m, w);
	while (end > 0 && !m.word[end - 1])
		end--;
	while (first < end && !m.word[first])
		first++;
	head[0] = m.negative;
	head[1] = (uint8_t)first;
	head[2] = (uint8_t)(end - first);
	return sk_buf_put(b, head, 3) &&
	    sk_buf_put(b, m.word + first, 4 * (size_t)(end - first));
}

int sk_wide_get(struct sk_wide *w, const uint8_t *p, size_t n, size_t *used)
{
	uint32_t word;
	size_t i;

	memset(w, 0, sizeof(*w));
	if (n < 3 || p[0] > 1 || p[1] + p[2] > SK_WIDE_WORDS ||
	    (n - 3) / 4 < p[2])
		return SNEK_EFORMAT;
	for (i = 0; i < p[2]; i++) {
		memcpy(&word, p + 3 + 4 * i, 4);
		w->word[p[1] + i] = p[0] ? -(int64_t)word : (int64_t)word;
	}
	w->waiting = 1;
	*used = 3 + 4 * (size_t)p[2];
	return 0;
}
