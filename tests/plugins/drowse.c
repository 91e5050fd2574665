/* SPDX-License-Identifier: MIT */
/* Takes its time over each record, so that somebody can come in between. */
#include <time.h>
#include <snek/plugin.h>

static int open_drowse(snek_ctx *c, void **self)
{
	snek_path *n = snek_alloc(c, sizeof(*n));

	*self = n;
	return n ? snek_field(c, "n", n) : SNEK_ENOMEM;
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	const struct timespec pause = { 0, 10000000 };
	int64_t n = 0;

	nanosleep(&pause, NULL);
	return snek_get_int(r, *(snek_path *)self, &n) ? snek_emit(c,
	    snek_int(n % 7), snek_int(n)) : SNEK_SKIP;
}

static int reduce(snek_ctx *c, void *self, struct snek_value key,
    snek_values *values)
{
	struct snek_value v;
	int64_t sum = 0;
	int rc;

	(void)self;
	while ((rc = snek_next_value(c, values, &v)) == 1)
		sum += v.as.i;
	return rc < 0 ? rc : snek_emit(c, key, snek_int(sum));
}

SNEK_PLUGIN("drowse", "1.0",
	SNEK_OP(.name = "drowse", .summary = "sleep and sum", .open = open_drowse,
	    .map = map, .reduce = reduce));
