/* SPDX-License-Identifier: MIT */
/*
 * quantiles.c - quantiles of numbers, near enough, in little memory.
 *
 * A number's bucket is its exponent and the first eight bits of its mantissa, so
 * that a bucket is at most 1/256 of its numbers wide; the bits of a double say
 * it, whatever the machine.  A bucket stands for its end next to zero: whole
 * numbers below 512 are themselves.  What is passed on of a key's numbers is
 *
 *   [count, least, greatest, bucket, how many, bucket, how many, ...]
 *
 * Counts add up exactly: it does not matter what was added to what first.
 */
#include <stdlib.h>

#include "key.h"

#define SHIFT 44                /* bits of a double that a bucket forgets */
#define MOST 64u                /* quantiles */
#define SCALE 10000u            /* of a percentage: four decimals */

struct bucket {
	int64_t number;         /* rises with the numbers; 0: zero */
	uint64_t n;             /* 0: a free cell */
};

struct sum {
	struct bucket *cell;    /* by number, open addressing */
	uint32_t mask, used;
	uint64_t n;
	double least, most;
};

struct quantile {
	struct snek_value name;         /* "p99.9" */
	uint64_t share;                 /* of 100 * SCALE */
};

struct quantiles {
	struct key by;
	snek_path field;
	struct snek_value name;         /* of the field */
	struct quantile at[MOST];
	uint32_t n;
	struct sum sum;
	struct snek_value *out;         /* room for rooms values */
	size_t rooms;
};

/* ---- buckets ---- */

static int64_t bucket_of(double x)
{
	int64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits < 0 ? -((bits & INT64_MAX) >> SHIFT) : bits >> SHIFT;
}

/* Its end next to zero. */
static double number_of(int64_t bucket)
{
	int64_t bits = (bucket < 0 ? -bucket : bucket) << SHIFT;
	double x;

	memcpy(&x, &bits, sizeof(x));
	return bucket < 0 ? -x : x;
}

static struct bucket *find(const struct sum *s, int64_t number)
{
	uint32_t i = (uint32_t)((uint64_t)number * 0x9e3779b97f4a7c15u >> 32);

	for (i &= s->mask; s->cell[i].n && s->cell[i].number != number;)
		i = (i + 1) & s->mask;
	return &s->cell[i];
}

static bool grow(struct sum *s)
{
	uint32_t n = s->cell ? 2 * (s->mask + 1) : 256, i;
	struct sum more = { .cell = calloc(n, sizeof(*more.cell)), .mask = n - 1 };

	if (!more.cell)
		return false;
	for (i = 0; s->cell && i <= s->mask; i++)
		if (s->cell[i].n)
			*find(&more, s->cell[i].number) = s->cell[i];
	free(s->cell);
	s->cell = more.cell;
	s->mask = more.mask;
	return true;
}

static int add_bucket(struct sum *s, int64_t number, uint64_t n)
{
	struct bucket *b;

	if ((!s->cell || 2 * s->used > s->mask) && !grow(s))
		return SNEK_ENOMEM;
	b = find(s, number);
	s->used += !b->n;
	b->number = number;
	b->n += n;
	return 0;
}

static void widen(struct sum *s, double least, double most, uint64_t n)
{
	if (!s->n || least < s->least)
		s->least = least;
	if (!s->n || most > s->most)
		s->most = most;
	s->n += n;
}

static void forget(struct sum *s)
{
	if (s->cell)
		memset(s->cell, 0, ((size_t)s->mask + 1) * sizeof(*s->cell));
	s->used = 0;
	s->n = 0;
}

static int by_number(const void *a, const void *b)
{
	const struct bucket *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* The used cells come first, in order; the table is for nothing else then. */
static void sort(struct sum *s)
{
	uint32_t n = 0, i;

	for (i = 0; s->cell && i <= s->mask; i++)
		if (s->cell[i].n)
			s->cell[n++] = s->cell[i];
	if (n)
		qsort(s->cell, n, sizeof(*s->cell), by_number);
}

/* ---- numbers, and sums of them ---- */

static int add_number(struct sum *s, struct snek_value v)
{
	double x;

	if (!snek_to_double(v, &x))
		return SNEK_EFORMAT;
	widen(s, x, x, 1);
	return add_bucket(s, bucket_of(x), 1);
}

static int next_int(snek_ctx *c, struct snek_cursor *at, int64_t *out)
{
	struct snek_value name, v;

	if (snek_next(c, at, &name, &v) != 1 || v.type != SNEK_INT)
		return SNEK_EFORMAT;
	*out = v.as.i;
	return 0;
}

static int next_double(snek_ctx *c, struct snek_cursor *at, double *out)
{
	struct snek_value name, v;

	return snek_next(c, at, &name, &v) == 1 && snek_to_double(v, out) ? 0
	    : SNEK_EFORMAT;
}

static int add_sum(snek_ctx *c, struct sum *s, struct snek_value v)
{
	struct snek_cursor at;
	double least, most;
	int64_t n, number;
	int rc = snek_iterate(c, v, &at);

	if (rc < 0 || next_int(c, &at, &n) || next_double(c, &at, &least) ||
	    next_double(c, &at, &most))
		return SNEK_EFORMAT;
	widen(s, least, most, (uint64_t)n);
	for (rc = 0; at.left && !rc;) {
		if (next_int(c, &at, &number) || next_int(c, &at, &n))
			return SNEK_EFORMAT;
		rc = add_bucket(s, number, (uint64_t)n);
	}
	return rc;
}

static int add_all(snek_ctx *c, struct quantiles *q, snek_values *values)
{
	struct snek_value v;
	int rc;

	forget(&q->sum);
	while ((rc = snek_next_value(c, values, &v)) == 1) {
		rc = v.type == SNEK_ARRAY ? add_sum(c, &q->sum, v)
		    : add_number(&q->sum, v);
		if (rc < 0)
			return snek_fail(c, rc, "cannot add up a value of the key");
	}
	return rc;
}

static bool make_room(struct quantiles *q, size_t n)
{
	struct snek_value *p;

	if (n <= q->rooms)
		return true;
	p = realloc(q->out, n * sizeof(*p));
	if (!p)
		return false;
	q->out = p;
	q->rooms = n;
	return true;
}

static int combine(snek_ctx *c, void *self, struct snek_value key,
    snek_values *values)
{
	struct quantiles *q = self;
	struct snek_value sum;
	uint32_t i, n = 3;
	int rc = add_all(c, q, values);

	if (rc < 0)
		return rc;
	if (!make_room(q, 3 + 2 * (size_t)q->sum.used))
		return SNEK_ENOMEM;
	sort(&q->sum);
	q->out[0] = snek_int((int64_t)q->sum.n);
	q->out[1] = snek_double(q->sum.least);
	q->out[2] = snek_double(q->sum.most);
	for (i = 0; i < q->sum.used; i++) {
		q->out[n++] = snek_int(q->sum.cell[i].number);
		q->out[n++] = snek_int((int64_t)q->sum.cell[i].n);
	}
	rc = snek_pack(c, NULL, q->out, n, &sum);
	return rc < 0 ? rc : snek_emit(c, key, sum);
}

/* ---- the answer ---- */

/* 1 and 1.0 are one number, and look like one. */
static struct snek_value number(double x)
{
	return x > -0x1p53 && x < 0x1p53 && x == (double)(int64_t)x
	    ? snek_int((int64_t)x) : snek_double(x);
}

/* The number that so many are not above: of n numbers the share's part,
 * rounded up. */
static double quantile(const struct sum *s, uint64_t share)
{
	unsigned __int128 want = (unsigned __int128)s->n * share;
	uint64_t rank = (uint64_t)(want / (100 * SCALE)), seen = 0;
	double x = s->most;

	rank += want % (100 * SCALE) != 0;
	if (rank <= 1)
		return s->least;
	if (rank >= s->n)
		return s->most;
	for (uint32_t i = 0; i < s->used; i++) {
		seen += s->cell[i].n;
		if (seen >= rank) {
			x = number_of(s->cell[i].number);
			break;
		}
	}
	return x < s->least ? s->least : x > s->most ? s->most : x;
}

static int reduce(snek_ctx *c, void *self, struct snek_value key,
    snek_values *values)
{
	struct snek_value name[MOST + 3], value[MOST + 3], object;
	struct quantiles *q = self;
	uint32_t n = 0, i;
	int rc = add_all(c, q, values);

	if (rc < 0)
		return rc;
	sort(&q->sum);
	name[n] = snek_string("count");
	value[n++] = snek_int((int64_t)q->sum.n);
	name[n] = snek_string("min");
	value[n++] = number(q->sum.least);
	for (i = 0; i < q->n; i++) {
		name[n] = q->at[i].name;
		value[n++] = number(quantile(&q->sum, q->at[i].share));
	}
	name[n] = snek_string("max");
	value[n++] = number(q->sum.most);
	rc = snek_pack(c, name, value, n, &object);
	return rc < 0 ? rc : snek_emit(c, key, object);
}

/* ---- opening and mapping ---- */

/* "99.9": parts of a hundred; false: it is no such number. */
static bool share_of(struct snek_value text, uint64_t *out)
{
	uint64_t n = 0, unit = SCALE;
	bool point = false;
	uint32_t i;

	for (i = 0; i < text.len && n <= 100 * SCALE; i++) {
		char d = text.as.s[i];

		if (d == '.' && !point && i) {
			point = true;
			continue;
		}
		if (d < '0' || d > '9' || (point && unit == 1))
			return false;
		if (point)
			unit /= 10;
		n = point ? n + (uint64_t)(d - '0') * unit
		    : 10 * n + (uint64_t)(d - '0') * SCALE;
	}
	*out = n;
	return i && n <= 100 * SCALE;
}

static int add_quantile(snek_ctx *c, struct quantiles *q, struct snek_value text)
{
	struct quantile *at = &q->at[q->n];
	char *name = snek_alloc(c, text.len + 2);

	if (q->n == MOST)
		return snek_fail(c, SNEK_ELIMIT, "argument 'at' names over %u "
		    "quantiles", MOST);
	if (!share_of(text, &at->share))
		return snek_fail(c, SNEK_EINVAL, "argument 'at': '%.*s' is no "
		    "number from 0 to 100 with four decimals at most",
		    (int)text.len, text.as.s);
	if (!name)
		return SNEK_ENOMEM;
	name[0] = 'p';
	memcpy(name + 1, text.as.s, text.len);
	at->name = snek_string_n(name, text.len + 1);
	q->n++;
	return 0;
}

static int open_at(snek_ctx *c, struct quantiles *q)
{
	struct snek_value list, name, text;
	struct snek_cursor at;
	int rc = snek_arg(c, "at", &list);

	q->n = 0;
	if (rc >= 0)
		rc = snek_iterate(c, list, &at);
	while (rc >= 0 && (rc = snek_next(c, &at, &name, &text)) == 1)
		rc = add_quantile(c, q, text);
	return rc;
}

static void close_op(void *self)
{
	struct quantiles *q = self;

	free(q->sum.cell);
	free(q->out);
}

static int open_op(snek_ctx *c, void **self)
{
	struct quantiles *q = snek_alloc(c, sizeof(*q));
	int rc;

	if (!q)
		return SNEK_ENOMEM;
	memset(q, 0, sizeof(*q));
	*self = q;
	if ((rc = key_open(c, "by", &q->by)) < 0 || (rc = open_at(c, q)) < 0 ||
	    (rc = snek_arg(c, "field", &q->name)) < 0)
		return rc;
	return snek_field_n(c, q->name.as.s, q->name.len, &q->field);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct quantiles *q = self;
	struct snek_value v = snek_get(r, q->field), key;
	double x;
	int rc;

	if (v.type <= SNEK_NULL)
		return SNEK_SKIP;
	if (!snek_to_double(v, &x))
		return snek_fail(c, SNEK_ETYPE, "'%.*s' is no number here",
		    (int)q->name.len, q->name.as.s);
	key_parts(&q->by, r);
	rc = key_make(c, &q->by, q->by.by.n, &key);
	return rc < 0 ? rc : snek_emit(c, key, v);
}

SNEK_PLUGIN("quantiles", "0.1.0", SNEK_OP(
	.name = "quantiles",
	.summary = "quantiles of numbers, within 0.4 percent",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "field", .type = SNEK_ARG_STRING, .required = 1,
		    .help = "the field; a record without it, or with null, is "
		    "skipped; what is no number is an error"),
		SNEK_ARG(.name = "at", .type = SNEK_ARG_LIST,
		    .value = "50,90,99", .help = "percentages: 50 is the median"),
		SNEK_ARG(.name = "by", .type = SNEK_ARG_LIST,
		    .help = "fields to tell apart for: the key, of several an "
		    "array"),
		NULL },
	.open = open_op, .close = close_op, .map = map, .combine = combine,
	.reduce = reduce));
