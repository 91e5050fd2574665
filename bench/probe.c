/* SPDX-License-Identifier: MIT */
/* probe.c - ops and plain functions that do next to nothing. */
#include <time.h>

#include <snek/plugin.h>

/* ---- ops ---- */

#define FIELDS 16

struct probe {
	snek_path field[FIELDS];
	uint32_t fields;
	double sum[FIELDS];
};

static int read_fields(snek_ctx *c, struct probe *p)
{
	struct snek_value list, name, field;
	struct snek_cursor at;
	int rc = snek_arg(c, "fields", &list);

	if (rc >= 0)
		rc = snek_iterate(c, list, &at);
	while (rc >= 0 && p->fields < FIELDS &&
	    (rc = snek_next(c, &at, &name, &field)) > 0)
		rc = snek_field_n(c, field.as.s, field.len,
		    &p->field[p->fields++]);
	return rc;
}

static int open_probe(snek_ctx *c, void **self)
{
	struct probe *p = snek_alloc(c, sizeof(*p));

	if (!p)
		return SNEK_ENOMEM;
	memset(p, 0, sizeof(*p));
	*self = p;
	return read_fields(c, p);
}

/* When the record came: nanoseconds on the clock that all processes share. */
static int map_clock(snek_ctx *c, void *self, struct snek_record r)
{
	struct timespec t;

	(void)self;
	(void)r;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return snek_emit(c, snek_null(),
	    snek_int(t.tv_sec * 1000000000ll + t.tv_nsec));
}

static int map_nothing(snek_ctx *c, void *self, struct snek_record r)
{
	(void)c;
	(void)self;
	(void)r;
	return 0;
}

static int map_read(snek_ctx *c, void *self, struct snek_record r)
{
	struct probe *p = self;
	double x;

	(void)c;
	for (uint32_t i = 0; i < p->fields; i++)
		if (snek_get_double(r, p->field[i], &x))
			p->sum[i] += x;
	return 0;
}

/* The first field's sum. */
static int finish_read(snek_ctx *c, void *self)
{
	struct probe *p = self;
	double sum = p->sum[0];

	memset(p->sum, 0, sizeof(p->sum));
	return snek_emit(c, snek_null(), snek_double(sum));
}

SNEK_PLUGIN("probe", "1", SNEK_OP(.name = "clock", .map = map_clock),
	SNEK_OP(.name = "nothing", .map = map_nothing),
	SNEK_OP(.name = "read", .reducer = "sum",
	    .args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "fields", .type = SNEK_ARG_LIST, .required = 1,
		    .help = "numbers to read"), NULL },
	    .open = open_probe, .map = map_read, .finish = finish_read));

/* ---- functions ---- */

SNEK_EXPORT double probe_d_d(double);
SNEK_EXPORT double probe_d_dd(double, double);
SNEK_EXPORT double probe_d_ddl(double, double, long);
SNEK_EXPORT double probe_d_dlid(double, long, int, double);
SNEK_EXPORT double probe_d_dlllllll(double, long, long, long, long, long, long,
    long);
SNEK_EXPORT double probe_d_ddddddddd(double, double, double, double, double,
    double, double, double, double);

double probe_d_d(double x)
{
	return x;
}

double probe_d_dd(double x, double y)
{
	(void)y;
	return x;
}

double probe_d_ddl(double x, double y, long n)
{
	(void)y;
	(void)n;
	return x;
}

double probe_d_dlid(double x, long n, int i, double y)
{
	(void)n;
	(void)i;
	(void)y;
	return x;
}

double probe_d_dlllllll(double x, long a, long b, long c, long d, long e,
    long f, long g)
{
	return x + (double)((a ^ b) + (c ^ d) + (e ^ f) + (g ^ a));
}

double probe_d_ddddddddd(double x, double a, double b, double c, double d,
    double e, double f, double g, double h)
{
	return x + (a - b) + (c - d) + (e - f) + (g - h);
}
