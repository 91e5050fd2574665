/* SPDX-License-Identifier: MIT */
/* side.h - side inputs, mapped from the descriptors they came with. */
#ifndef SK_WORKER_SIDE_H
#define SK_WORKER_SIDE_H
#include "exec/wire.h"

struct sk_sides {                       /* zeroed: none */
	struct sk_side_input *input;
	struct sk_span *map;
	uint32_t n;
};
/* What sk_put_sides said; their files are the message's last, and stay its. */
int sk_sides_open(struct sk_sides *, struct sk_span said,
    const struct sk_message *, struct snek_error *);
void sk_sides_close(struct sk_sides *);
#endif
