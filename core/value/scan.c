/* SPDX-License-Identifier: MIT */
/*
 * 64 bytes at a time: a bit for each byte that is a quote, backslash, bracket
 * or line end.  Most blocks of a record hold no bracket, and of those only
 * the parity of their quotes matters.
 */
#include "value/scan.h"

#include <string.h>

/* By position in the block. */
struct masks {
	uint64_t quote, backslash, bracket, line;
};

#ifdef __SSE2__
#include <emmintrin.h>

static inline uint64_t bits(__m128i v, int i)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(v) << i;
}

/* Brackets differ from braces by 0x20, opening from closing by their low bits. */
static inline void find(const char *p, struct masks *m)
{
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	const __m128i open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');
	const __m128i fold = _mm_set1_epi8(0x20), line = _mm_set1_epi8('\n');
	__m128i v, f;
	int i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < 64; i += 16) {
		v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		f = _mm_or_si128(v, fold);
		f = _mm_or_si128(_mm_cmpeq_epi8(f, open),
		    _mm_cmpeq_epi8(f, close));
		m->quote |= bits(_mm_cmpeq_epi8(v, quote), i);
		m->backslash |= bits(_mm_cmpeq_epi8(v, backslash), i);
		m->bracket |= bits(f, i);
		m->line |= bits(_mm_cmpeq_epi8(v, line), i);
	}
}
#else
static inline void find(const char *p, struct masks *m)
{
	uint64_t bit = 1;

	memset(m, 0, sizeof(*m));
	for (; bit; bit <<= 1, p++) {
		m->quote |= *p == '"' ? bit : 0;
		m->backslash |= *p == '\\' ? bit : 0;
		m->bracket |= (*p | 0x20) == '{' || (*p | 0x20) == '}' ? bit : 0;
		m->line |= *p == '\n' ? bit : 0;
	}
}
#endif

/* The bytes that a backslash before them escapes, of n in the block. */
static uint64_t escapes(uint64_t backslash, bool *carry, size_t n)
{
	uint64_t out = *carry;
	int i;

	backslash &= ~out;
	*carry = false;
	while (backslash) {
		i = __builtin_ctzll(backslash);
		backslash &= ~(3ull << i);
		if ((size_t)i + 1 == n)
			*carry = true;
		else
			out |= 2ull << i;
	}
	return out;
}

/* Bit i: whether an odd number of bits is set up to i. */
static uint64_t parities(uint64_t x)
{
	x ^= x << 1;
	x ^= x << 2;
	x ^= x << 4;
	x ^= x << 8;
	x ^= x << 16;
	return x ^ x << 32;
}

/* A bracket outside of strings. */
static enum sk_scan_end bracket(struct sk_scan *s, char c)
{
	uint64_t kind = (c & 0x20) != 0;
	bool same;

	if (c & 2) {                    /* [ and { */
		s->kinds = s->kinds << 1 | kind;
		s->depth++;
		return SK_SCAN_MORE;
	}
	same = s->depth > 64 || (s->kinds & 1) == kind;
	s->kinds >>= 1;
	if (!same)
		return SK_SCAN_BROKEN;
	return --s->depth ? SK_SCAN_MORE : SK_SCAN_WHOLE;
}

/* A block with brackets or line ends; inside: which bytes strings hold. */
static enum sk_scan_end look(struct sk_scan *s, const char *p,
    const struct masks *m, uint64_t inside, size_t *used)
{
	uint64_t line = m->line & inside, todo = m->bracket & ~inside;
	enum sk_scan_end end;
	int i;

	if (line)
		todo &= (line & -line) - 1;
	for (; todo; todo &= todo - 1) {
		i = __builtin_ctzll(todo);
		end = bracket(s, p[i]);
		if (end != SK_SCAN_MORE) {
			*used = (size_t)i + 1;
			return end;
		}
	}
	if (!line)
		return SK_SCAN_MORE;
	*used = (size_t)__builtin_ctzll(line);
	return SK_SCAN_BROKEN;
}

static inline enum sk_scan_end block(struct sk_scan *s, const char *p,
    struct masks *m, size_t n, size_t *used)
{
	enum sk_scan_end end;
	uint64_t inside;

	if (m->backslash || s->escaped)
		m->quote &= ~escapes(m->backslash, &s->escaped, n);
	if (m->bracket | m->line) {
		inside = parities(m->quote) ^ s->string;
		end = look(s, p, m, inside, used);
		if (end != SK_SCAN_MORE)
			return end;
	}
	s->string ^= -(uint64_t)__builtin_parityll(m->quote);
	return SK_SCAN_MORE;
}

enum sk_scan_end sk_scan_brackets(struct sk_scan *s, const char *p, size_t n,
    size_t *used)
{
	enum sk_scan_end end;
	uint64_t valid;
	struct masks m;
	size_t i, in;

	for (i = 0; i < n; i += 64) {
		find(p + i, &m);
		if (n - i < 64) {
			valid = (1ull << (n - i)) - 1;
			m.quote &= valid;
			m.backslash &= valid;
			m.bracket &= valid;
			m.line &= valid;
		}
		end = block(s, p + i, &m, n - i < 64 ? n - i : 64, &in);
		if (end != SK_SCAN_MORE) {
			*used = i + in;
			return end;
		}
	}
	*used = n;
	return SK_SCAN_MORE;
}

enum sk_scan_end sk_scan_string(struct sk_scan *s, const char *p, size_t n,
    size_t *used)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s->escaped) {
			s->escaped = false;
		} else if (p[i] == '\\') {
			s->escaped = true;
		} else if (p[i] == '"') {
			if (s->string) {
				*used = i + 1;
				return SK_SCAN_WHOLE;
			}
			s->string = ~0ull;
		}
		if (p[i] == '\n') {
			*used = i;
			return SK_SCAN_BROKEN;
		}
	}
	*used = n;
	return SK_SCAN_MORE;
}

enum sk_scan_end sk_scan_word(const char *p, size_t n, size_t *used)
{
	static const char ends[256] = {
		[' '] = 1, ['\t'] = 1, ['\n'] = 1, ['\r'] = 1, ['"'] = 1,
		['{'] = 1, ['}'] = 1, ['['] = 1, [']'] = 1, [','] = 1, [':'] = 1,
	};
	size_t i;

	for (i = 0; i < n && !ends[(uint8_t)p[i]]; i++)
		;
	*used = i;
	return i < n ? SK_SCAN_WHOLE : SK_SCAN_MORE;
}
