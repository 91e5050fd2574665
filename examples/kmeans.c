/* SPDX-License-Identifier: MIT */
/*
 * kmeans.c - the two halves of a step of k-means; clusters.c takes the steps.
 *
 * points makes points of records whose coordinates are texts, and nearest puts
 * each point to the nearest of the centres, which come as a side input.  It
 * teaches: several ops in one plugin, numbers from texts without a locale's
 * say, and means that are exact, so that the steps are the same whatever the
 * number of workers.
 *
 *   cc -shared -fPIC kmeans.c -o kmeans.so $(pkg-config --cflags snek-plugin)
 */
#include <math.h>
#include <stdlib.h>
#include <snek/plugin.h>

#define MOST 256u               /* centres */

/* ---- points ---- */

struct points {
	snek_path name, lat, lng;
};

static int points_open(snek_ctx *c, void **self)
{
	struct points *p = snek_alloc(c, sizeof(*p));
	int rc;

	if (!p)
		return SNEK_ENOMEM;
	*self = p;
	if ((rc = snek_field(c, "name", &p->name)) < 0 ||
	    (rc = snek_field(c, "lat", &p->lat)) < 0)
		return rc;
	return snek_field(c, "lng", &p->lng);
}

/* "-33.87": sign, digits, and perhaps a dot and digits. */
static bool number(const char *s, size_t n, double *out)
{
	size_t i = n && s[0] == '-', digits = 0;
	double whole = 0, scale = 1;
	bool dot = false;

	for (; i < n; i++) {
		if (s[i] == '.' && !dot) {
			dot = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9' || ++digits > 15)
			return false;
		whole = 10 * whole + (s[i] - '0');
		scale = dot ? 10 * scale : scale;
	}
	*out = (s[0] == '-' ? -whole : whole) / scale;
	return digits > 0;
}

static int points_map(snek_ctx *c, void *self, struct snek_record r)
{
	const struct points *p = self;
	struct snek_value name[3], v[3], object;
	const char *lat, *lng;
	size_t n, m;
	double x, y;
	int rc;

	v[0] = snek_get(r, p->name);
	if (v[0].type != SNEK_STRING ||
	    !snek_get_string(r, p->lat, &lat, &n) || !number(lat, n, &y) ||
	    !snek_get_string(r, p->lng, &lng, &m) || !number(lng, m, &x))
		return SNEK_SKIP;
	name[0] = snek_string("name");
	name[1] = snek_string("x");
	name[2] = snek_string("y");
	v[1] = snek_double(x);
	v[2] = snek_double(y);
	rc = snek_pack(c, name, v, 3, &object);
	return rc < 0 ? rc : snek_emit(c, snek_null(), object);
}

/* ---- nearest ---- */

struct nearest {
	snek_path x, y;
	uint32_t n;
	double at[MOST][2];
};

static int read_centres(snek_ctx *c, struct nearest *p, snek_side *side,
    snek_path x, snek_path y)
{
	const struct snek_chunk *chunk;
	struct snek_record r;
	uint32_t number = 0;
	int rc;

	p->n = 0;
	while ((rc = snek_side_chunk(c, side, number++, &chunk)) == 1)
		for (r = (struct snek_record){ chunk, 0 };
		    r.row < chunk->rows; r.row++) {
			if (p->n == MOST)
				return snek_fail(c, SNEK_ELIMIT, "over %u "
				    "centres", MOST);
			if (!snek_get_double(r, x, &p->at[p->n][0]) ||
			    !snek_get_double(r, y, &p->at[p->n][1]))
				return snek_fail(c, SNEK_EINVAL, "a centre "
				    "without x and y");
			p->n++;
		}
	if (rc >= 0 && !p->n)
		return snek_fail(c, SNEK_EINVAL, "there are no centres");
	return rc;
}

static int nearest_open(snek_ctx *c, void **self)
{
	struct nearest *p = snek_alloc(c, sizeof(*p));
	snek_path x, y;
	snek_side *side;
	int rc;

	if (!p)
		return SNEK_ENOMEM;
	*self = p;
	if ((rc = snek_aggregate(c, "points", SNEK_COUNT)) < 0 ||
	    (rc = snek_aggregate(c, "x", SNEK_MEAN)) < 0 ||
	    (rc = snek_aggregate(c, "y", SNEK_MEAN)) < 0 ||
	    (rc = snek_field(c, "x", &p->x)) < 0 ||
	    (rc = snek_field(c, "y", &p->y)) < 0 ||
	    (rc = snek_side_open(c, "centres", &side)) < 0 ||
	    (rc = snek_side_field(c, side, "x", &x)) < 0 ||
	    (rc = snek_side_field(c, side, "y", &y)) < 0)
		return rc;
	return read_centres(c, p, side, x, y);
}

static int nearest_map(snek_ctx *c, void *self, struct snek_record r)
{
	const struct nearest *p = self;
	struct snek_value row[3];
	double x, y, dx, dy, least = INFINITY;
	uint32_t i, best = 0;

	if (!snek_get_double(r, p->x, &x) || !snek_get_double(r, p->y, &y))
		return SNEK_SKIP;
	for (i = 0; i < p->n; i++) {
		dx = x - p->at[i][0];
		dy = y - p->at[i][1];
		if (dx * dx + dy * dy < least) {
			least = dx * dx + dy * dy;
			best = i;
		}
	}
	row[0] = snek_int(1);
	row[1] = snek_double(x);
	row[2] = snek_double(y);
	return snek_emit_row(c, snek_int(best), row, 3);
}

SNEK_PLUGIN("kmeans", "1.0",
	SNEK_OP(.name = "points",
	    .summary = "points of records whose coordinates are texts",
	    .open = points_open, .map = points_map),
	SNEK_OP(.name = "nearest",
	    .summary = "the points nearest to each centre, and their middle",
	    .open = nearest_open, .map = nearest_map));
