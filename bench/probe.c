/* SPDX-License-Identifier: MIT */
/* probe.c - ops and plain functions that do next to nothing. */
#include <stdlib.h>
#include <time.h>

#include <snek/plugin.h>

/* ---- ops ---- */

struct probe {
	snek_path field;
	double sum;
};

static int open_probe(snek_ctx *c, void **self)
{
	struct probe *p = calloc(1, sizeof(*p));
	int rc = p ? snek_field(c, "x", &p->field) : SNEK_ENOMEM;

	if (rc < 0)
		free(p);
	else
		*self = p;
	return rc;
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
	if (snek_get_double(r, p->field, &x))
		p->sum += x;
	return 0;
}

static int finish_read(snek_ctx *c, void *self)
{
	struct probe *p = self;
	double sum = p->sum;

	p->sum = 0;
	return snek_emit(c, snek_null(), snek_double(sum));
}

SNEK_PLUGIN("probe", "1", SNEK_OP(.name = "clock", .map = map_clock),
	SNEK_OP(.name = "nothing", .map = map_nothing),
	SNEK_OP(.name = "read", .reducer = "sum", .open = open_probe,
	    .close = free, .map = map_read, .finish = finish_read));

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
