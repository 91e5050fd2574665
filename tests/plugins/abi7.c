/* SPDX-License-Identifier: MIT */
/* A plugin of another time. */
#include <snek/plugin.h>

extern SNEK_EXPORT const struct snek_plugin snek_plugin;
const struct snek_plugin snek_plugin = { .abi = 7, .size = sizeof(snek_plugin),
	.name = "abi7" };
