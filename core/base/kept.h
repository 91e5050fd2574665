/* SPDX-License-Identifier: MIT */
/* kept.h - the name of what an attempt left on a shard for who comes next. */
#ifndef SK_KEPT_H
#define SK_KEPT_H
#include <stdint.h>

struct sk_kept {
	uint32_t shard;                 /* where */
	uint32_t stage, task, attempt;
	uint32_t number;                /* among what it left */
	uint64_t nonce;                 /* drawn by it: an attempt that runs twice
					 * leaves nothing under the same name */
};
#endif
