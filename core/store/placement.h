/* SPDX-License-Identifier: MIT */
/* placement.h - which k of N shards: n, n+1 ... n+k-1 (mod N).  Pure. */
#ifndef SK_PLACEMENT_H
#define SK_PLACEMENT_H
#include <stdint.h>

/* Writes level shard ids for the draw n. */
void sk_placement(uint64_t draw, uint32_t shards, uint32_t level, uint32_t *out);
#endif
