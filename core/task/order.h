/* SPDX-License-Identifier: MIT */
/* order.h - the slots of a table in the order of their keys. */
#ifndef SK_ORDER_H
#define SK_ORDER_H
#include "task/table.h"

struct sk_ordered {
	uint64_t word;          /* eight bytes of the body, big-endian */
	const struct sk_slot *slot;
};

/* All slots; the keys have the tags of key.h.  NULL: out of memory. */
struct sk_ordered *sk_table_order(const struct sk_table *);
void sk_table_order_free(const struct sk_table *, struct sk_ordered *);
#endif
