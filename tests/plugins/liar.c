/* SPDX-License-Identifier: MIT */
/* Says that it is longer than it is. */
#include <snek/plugin.h>

extern SNEK_EXPORT const struct snek_plugin snek_plugin;
const struct snek_plugin snek_plugin = { .abi = SNEK_ABI, .size = 1024,
	.name = "liar" };
