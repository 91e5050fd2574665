/* SPDX-License-Identifier: MIT */
/* Does to its loader what one linked with -ffast-math does: flush denormals. */
#include <snek/plugin.h>

#if defined(__x86_64__)
__attribute__((constructor))
static void flush_denormals(void)
{
	__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
}
#endif

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self, (void)r;
	return snek_emit_int(c, "x", 1, 1);
}

SNEK_PLUGIN("fastmath", "1", SNEK_OP(.name = "one", .map = map));
