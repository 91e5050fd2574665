/* SPDX-License-Identifier: MIT */
/* Takes every record for an object, and dies of the first that is none. */
#include <stdlib.h>
#include <snek/plugin.h>

static int open_brittle(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));

	*self = p;
	return p ? snek_field(c, "", p) : SNEK_ENOMEM;
}

static int brittle(snek_ctx *c, void *self, struct snek_record r)
{
	if (snek_get(r, *(snek_path *)self).type != SNEK_OBJECT)
		abort();
	return snek_emit_int(c, "n", 1, 1);
}

SNEK_PLUGIN("brittle", "1.0",
	SNEK_OP(.name = "brittle", .summary = "die of what is no object",
	    .reducer = "sum", .open = open_brittle, .map = brittle));
