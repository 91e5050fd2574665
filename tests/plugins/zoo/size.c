/* SPDX-License-Identifier: MIT */
/* Plugins whose description lies, compiled once for each SIZE. */
#include <snek/plugin.h>

#define ABI 1
#define HUGE_PLUGIN 2
#define SMALL_PLUGIN 3
#define HUGE_OP 4
#define ODD_OP 5
#define WILD_OPS 6
#define WILD_NAME 7
#define ENDLESS 8

static int counts(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	return snek_emit_int(c, "records", 7, 1);
}

#define WILD ((void *)(intptr_t)0x5a5a5a5a5a5a5a58)

static const struct snek_op op = {
	.size = SIZE == HUGE_OP ? 0xfffffff0u : SIZE == ODD_OP ? 7u :
	    (uint32_t)sizeof(struct snek_op),
	.name = SIZE == WILD_NAME ? WILD : "counts", .reducer = "sum",
	.summary = "count, having lied", .map = counts,
};

/* The list that never ends goes on into what comes after it. */
static const struct snek_op *const ops[] = { &op,
#if SIZE == ENDLESS
	&op, &op, &op, &op, &op, &op, WILD, WILD,
#else
	NULL
#endif
};

extern SNEK_EXPORT const struct snek_plugin snek_plugin;
const struct snek_plugin snek_plugin = {
	.abi = SIZE == ABI ? 4711 : SNEK_ABI,
	.size = SIZE == HUGE_PLUGIN ? 0xfffffff0u :
	    SIZE == SMALL_PLUGIN ? 8u : (uint32_t)sizeof(struct snek_plugin),
	.name = "size", .version = "1.0",
	.ops = SIZE == WILD_OPS ? WILD : ops,
};
