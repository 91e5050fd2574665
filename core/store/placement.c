/* SPDX-License-Identifier: MIT */
#include "store/placement.h"

void sk_placement(uint64_t draw, uint32_t shards, uint32_t level, uint32_t *out)
{
	uint32_t first = (uint32_t)(draw % shards), i;

	for (i = 0; i < level; i++)
		out[i] = (uint32_t)(((uint64_t)first + i) % shards);
}
