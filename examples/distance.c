/* SPDX-License-Identifier: MIT */
/*
 * distance.c - how far apart two points on the earth are, in kilometres.
 *
 * A C function that knows nothing of snek, and one line that says which fields
 * of a record are its arguments.  It teaches: SNEK_FUNCTION, whose types the
 * compiler compares with the function's.
 *
 *   cc -shared -fPIC distance.c -o distance.so \
 *       $(pkg-config --cflags snek-plugin) -lm
 */
#include <math.h>
#include <snek/plugin.h>

static double distance(double lat1, double lon1, double lat2, double lon2)
{
	const double degree = acos(-1) / 180, earth = 6371.0088;
	double lat = sin((lat2 - lat1) * degree / 2);
	double lon = sin((lon2 - lon1) * degree / 2);
	double a = lat * lat +
	    cos(lat1 * degree) * cos(lat2 * degree) * lon * lon;

	return 2 * earth * asin(fmin(1, sqrt(a)));
}

SNEK_PLUGIN("distance", "1.0", SNEK_FUNCTION(double, distance,
	(double, "from.lat"), (double, "from.lon"),
	(double, "to.lat"), (double, "to.lon")));
