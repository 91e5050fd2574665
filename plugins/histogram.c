/* SPDX-License-Identifier: MIT */
/* histogram.c - how many numbers lie in each of equally wide intervals. */
#include <math.h>               /* macros alone */

#include "key.h"

struct histogram {
	struct key by;
	snek_path field;
	struct snek_value name;         /* of the field */
	double width;
	double per_one;                 /* intervals, if whole; else 0 */
};

/* Without the library of floating-point functions, which a bundle would need. */
static double whole_below(double q)
{
	double n;

	if (!(q > -0x1p52 && q < 0x1p52))
		return q;
	n = (double)(int64_t)q;
	return n > q ? n - 1 : n;
}

static int open_width(snek_ctx *c, struct histogram *h)
{
	struct snek_value v;
	int rc = snek_arg(c, "width", &v);

	if (rc < 0)
		return rc;
	h->width = v.as.d;
	if (!(h->width > 0) || !isfinite(h->width))
		return snek_fail(c, SNEK_EINVAL, "argument 'width' is no number "
		    "above 0");
	h->per_one = whole_below(1 / h->width + 0.5);
	if (h->per_one < 2 || 1 / h->per_one != h->width)
		h->per_one = 0;
	return 0;
}

static int open_op(snek_ctx *c, void **self)
{
	struct histogram *h = snek_alloc(c, sizeof(*h));
	int rc;

	if (!h)
		return SNEK_ENOMEM;
	*self = h;
	if ((rc = key_open(c, "by", &h->by)) < 0 ||
	    (rc = snek_arg(c, "field", &h->name)) < 0 ||
	    (rc = open_width(c, h)) < 0)
		return rc;
	return snek_field_n(c, h->name.as.s, h->name.len, &h->field);
}

/* The interval's lower end.  Of a width such as 0.1 it is a number divided by 10,
 * which is what people write, and not a multiple of what 0.1 is to a machine. */
static double end_of(const struct histogram *h, double n)
{
	return h->per_one ? n / h->per_one : n * h->width;
}

/* What multiplying or dividing rounds is set right. */
static double lower(const struct histogram *h, double x)
{
	double n = whole_below(h->per_one ? x * h->per_one : x / h->width);

	if (end_of(h, n) > x)
		n -= 1;
	else if (end_of(h, n + 1) <= x)
		n += 1;
	return end_of(h, n);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct histogram *h = self;
	struct snek_value v = snek_get(r, h->field), key;
	double x;
	int rc;

	if (v.type <= SNEK_NULL)
		return SNEK_SKIP;
	if (!snek_to_double(v, &x))
		return snek_fail(c, SNEK_ETYPE, "'%.*s' is no number here",
		    (int)h->name.len, h->name.as.s);
	x = lower(h, x);
	if (!isfinite(x))
		return snek_fail(c, SNEK_ELIMIT, "the number is too large for "
		    "intervals of this width");
	key_parts(&h->by, r);
	h->by.part[h->by.by.n] = snek_double(x);
	rc = key_make(c, &h->by, h->by.by.n + 1, &key);
	return rc < 0 ? rc : snek_emit(c, key, snek_int(1));
}

SNEK_PLUGIN("histogram", "0.1.0", SNEK_OP(
	.name = "histogram",
	.summary = "how many numbers lie in each of equally wide intervals",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "field", .type = SNEK_ARG_STRING, .required = 1,
		    .help = "the field; a record without it, or with null, is "
		    "skipped; what is no number is an error"),
		SNEK_ARG(.name = "width", .type = SNEK_ARG_DOUBLE, .value = "1",
		    .help = "of an interval; the key is its lower end"),
		SNEK_ARG(.name = "by", .type = SNEK_ARG_LIST,
		    .help = "fields to count apart for: the key is an array, the "
		    "interval last"),
		NULL },
	.reducer = "count", .open = open_op, .map = map));
