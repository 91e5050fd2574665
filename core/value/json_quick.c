/* SPDX-License-Identifier: MIT */
/*
 * The records that are most: an object of strings without escapes, whole
 * numbers, true, false and null, read in one pass, its strings left where they
 * lie.  It says yes, or that others are to read it.
 */
#include "value/json_tree.h"

#include "value/json_read.h"

struct quick {
	const char *p, *end;    /* SK_JSON_PADDING bytes behind end are there */
};

/* ---- strings ---- */

/* Bit i of stop: byte i ends a run of plain ones (quote, backslash, control);
 * of high: it is no ASCII. */
#ifdef __SSE2__
#include <emmintrin.h>

#define STEP 16

static inline uint32_t look(const char *p, uint32_t *high)
{
	const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	const __m128i control = _mm_set1_epi8(0x1f);
	__m128i stop = _mm_cmpeq_epi8(_mm_min_epu8(x, control), x);

	stop = _mm_or_si128(stop, _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
	stop = _mm_or_si128(stop, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
	*high = (uint32_t)_mm_movemask_epi8(x);
	return (uint32_t)_mm_movemask_epi8(stop);
}
#else
#define STEP 1

static inline uint32_t look(const char *p, uint32_t *high)
{
	*high = (uint8_t)*p >= 0x80;
	return *p == '"' || *p == '\\' || (uint8_t)*p < 0x20;
}
#endif

/* From behind a quote to behind the next. */
static inline bool string(struct quick *q, const char **out, uint32_t *len)
{
	const char *start = q->p;
	uint32_t stop, high, all = 0;
	size_t n;

	for (; q->p < q->end; q->p += STEP) {
		stop = look(q->p, &high);
		if (!stop) {
			all |= high;
			continue;
		}
		all |= high & ((stop & -stop) - 1);
		q->p += __builtin_ctz(stop);
		n = (size_t)(q->p - start);
		if (*q->p++ != '"' || q->p > q->end ||
		    (all && sk_utf8_check(start, n) != n))
			return false;
		*out = start;
		*len = (uint32_t)n;
		return true;
	}
	return false;
}

/* ---- other values ---- */

/* Up to 18 digits, which no int64_t is too small for (and one more is looked at,
 * which no uint64_t is). */
static inline bool integer(struct quick *q, struct snek_value *out)
{
	bool negative = *q->p == '-';
	const char *p = q->p + negative, *first = p;
	uint64_t n = 0;

	for (; p - first < 19 && (uint8_t)(*p - '0') < 10; p++)
		n = 10 * n + (uint64_t)(*p - '0');
	if (p == first || p - first > 18 || (*first == '0' &&
	    (p - first > 1 || negative)) || *p == '.' || (*p | 0x20) == 'e')
		return false;
	q->p = p;
	*out = sk_int(negative ? -(int64_t)n : (int64_t)n);
	return true;
}

static bool word(struct quick *q, struct snek_value *out)
{
	if (!memcmp(q->p, "true", 4))
		*out = sk_bool(true);
	else if (!memcmp(q->p, "null", 4))
		*out = sk_null();
	else if (!memcmp(q->p, "false", 5))
		*out = sk_bool(false);
	else
		return false;
	q->p += out->type == SNEK_BOOL && !out->as.b ? 5 : 4;
	return true;
}

static inline bool value(struct quick *q, struct snek_value *out)
{
	const char *s;
	uint32_t n;

	if (*q->p != '"')
		return *q->p == '-' || (uint8_t)(*q->p - '0') < 10 ?
		    integer(q, out) : word(q, out);
	q->p++;
	if (!string(q, &s, &n))
		return false;
	*out = sk_string(s, n);
	return true;
}

/* ---- the object ---- */

/* The next byte that is no blank; behind the end it is no matter which. */
static inline char next(struct quick *q)
{
	while (q->p < q->end && (*q->p == ' ' || *q->p == '\n' ||
	    *q->p == '\r' || *q->p == '\t'))
		q->p++;
	return *q->p;
}

static inline bool member(struct quick *q, struct sk_json_tree *t)
{
	struct sk_member *m;
	uint32_t first;

	if (next(q) != '"' || !(m = sk_json_tree_add(t)))
		return false;
	q->p++;
	if (!string(q, &m->name, &m->name_len) || next(q) != ':')
		return false;
	q->p++;
	next(q);
	return value(q, &m->value) &&
	    sk_names_add(&t->names, m->name, m->name_len, &first) > 0;
}

bool sk_json_quick_read(struct sk_json_tree *t, const char *text, size_t n)
{
	struct quick q = { .p = text, .end = text + n };
	char c;

	if (n > UINT32_MAX || next(&q) != '{' ||
	    sk_names_begin(&t->names, false) < 0)
		return false;
	q.p++;
	t->n = 0;
	t->pack.n = 0;
	t->object = true;
	if (next(&q) == '}') {
		q.p++;
	} else {
		do {
			if (!member(&q, t))
				return false;
			c = next(&q);
			q.p++;
		} while (c == ',');
		if (c != '}')
			return false;
	}
	next(&q);
	return q.p == q.end;
}
