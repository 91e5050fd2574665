/* SPDX-License-Identifier: MIT */
/* C functions declared in a plugin, beside an op of the usual kind. */
#include <snek/plugin.h>

static double area(double w, double h)
{
	return w * h;
}

static bool is_wide(double w, double h)
{
	return w > h;
}

static const char *unit(const char *s, double w)
{
	return s ? s : w == w ? "none" : "neither";
}

static int sum(int a, unsigned b, long c, float d, bool e)
{
	return a + (int)b + (int)c + (int)d + e;
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self, (void)r;
	return snek_emit(c, snek_null(), snek_int(1));
}

SNEK_PLUGIN("called", "1.0",
    SNEK_OP(.name = "ordinary", .map = map),
    SNEK_FUNCTION(double, area, (double, "w"), (double, "size.h")),
    SNEK_OP(.name = "total", .summary = "all of the areas", .reducer = "sum",
        .function = SNEK_CALL(double, area, (double, "w"),
            (double, "size.h"))),
    SNEK_FUNCTION(_Bool, is_wide, (double, "w"), (double, "size.h")),
    SNEK_FUNCTION(const char *, unit, (const char *, "unit", SNEK_OPTIONAL),
        (double, "w", SNEK_OPTIONAL)),
    SNEK_OP(.name = "text", .function = SNEK_CALL(const char *, unit,
        (const char *, "t"), (double, "n", SNEK_OPTIONAL))),
    SNEK_FUNCTION(int, sum, (int, "w"), (unsigned, "w"), (long, "w"),
        (float, "w"), (bool, "yes")));
