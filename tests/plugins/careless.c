/* SPDX-License-Identifier: MIT */
/* Ops with the mistakes that authors make, each found by one check of snek
 * test; they work on a first try. */
#include <stdlib.h>
#include <unistd.h>
#include <snek/plugin.h>

static int field(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));

	*self = p;
	return p ? snek_field(c, "n", p) : SNEK_ENOMEM;
}

/* Numbers the records in a static: what a task sees depends on the cut. */
static int number(snek_ctx *c, void *self, struct snek_record r)
{
	static _Atomic int64_t n;

	(void)self;
	(void)r;
	return snek_emit(c, snek_null(), snek_int(n++));
}

/* Takes whatever is there for a number. */
static int trust(snek_ctx *c, void *self, struct snek_record r)
{
	const struct snek_column *col = r.chunk->columns[0];
	int64_t n = 0;

	(void)self;
	if (!snek_get_int(r, (snek_path){ 0 }, &n) &&
	    col->type == SNEK_COLUMN_STRING)
		abort();
	return snek_emit_int(c, "n", 1, n);
}

/* Leaves by the back door. */
static int leave(snek_ctx *c, void *self, struct snek_record r)
{
	(void)c;
	(void)self;
	if (snek_get(r, (snek_path){ 0 }).type == SNEK_NULL)
		_exit(0);
	return 0;
}

/* Waits for what never comes, and hears nothing. */
static int hang(snek_ctx *c, void *self, struct snek_record r)
{
	(void)c;
	(void)self;
	while (snek_get(r, (snek_path){ 0 }).type == SNEK_BOOL)
		sleep(1);
	return 0;
}

/* ---- held: forgets to empty itself at the end of a task ---- */

struct held {
	snek_path path;
	int64_t sum;
};

static int open_held(snek_ctx *c, void **self)
{
	struct held *h = snek_alloc(c, sizeof(*h));

	*self = h;
	if (!h)
		return SNEK_ENOMEM;
	h->sum = 0;
	return snek_field(c, "n", &h->path);
}

static int hold(snek_ctx *c, void *self, struct snek_record r)
{
	struct held *h = self;
	int64_t n;

	if (!snek_get_int(r, h->path, &n))
		return SNEK_SKIP;
	return __builtin_add_overflow(h->sum, n, &h->sum) ?
	    snek_fail(c, SNEK_ELIMIT, "too much to hold") : 0;
}

static int tell(snek_ctx *c, void *self)
{
	return snek_emit_int(c, "sum", 3, ((struct held *)self)->sum);
}

/* ---- mean: as if a mean of means were a mean ---- */

static int give(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value v = snek_get(r, *(snek_path *)self);

	return v.type == SNEK_INT ? snek_emit(c, snek_string("mean"), v)
	    : SNEK_SKIP;
}

static int mean(snek_ctx *c, void *self, struct snek_value key, snek_values *it)
{
	struct snek_value v;
	double sum = 0, x, n = 0;
	int rc;

	(void)self;
	while ((rc = snek_next_value(c, it, &v)) > 0)
		if (snek_to_double(v, &x)) {
			sum += x;
			n++;
		}
	return rc < 0 ? rc : snek_emit(c, key, snek_double(sum / n));
}

/* ---- first: the first value of a key, whichever that is ---- */

static int first(snek_ctx *c, void *self, struct snek_value key, snek_values *it)
{
	struct snek_value v;
	int rc = snek_next_value(c, it, &v);

	(void)self;
	return rc < 1 ? rc : snek_emit(c, key, v);
}

SNEK_PLUGIN("careless", "1.0",
	SNEK_OP(.name = "number", .map = number),
	SNEK_OP(.name = "trust", .open = field, .map = trust, .reducer = "sum"),
	SNEK_OP(.name = "leave", .open = field, .map = leave),
	SNEK_OP(.name = "hang", .open = field, .map = hang),
	SNEK_OP(.name = "held", .open = open_held, .map = hold, .finish = tell,
	    .reducer = "sum"),
	SNEK_OP(.name = "mean", .open = field, .map = give, .combine = mean,
	    .reduce = mean),
	SNEK_OP(.name = "first", .open = field, .map = give, .reduce = first));
