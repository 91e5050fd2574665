/* SPDX-License-Identifier: MIT */
/* group.h - functions over the values of each key of a merged stream. */
#ifndef SK_GROUP_H
#define SK_GROUP_H
#include "task/sink.h"

struct sk_group_all {
	const struct sk_grouper *grouper;
	bool same_key;          /* what is emitted has the group's key */
	size_t most;            /* bytes of what is emitted; 0: any number */
	int (*add)(void *, const struct sk_entry *, struct snek_error *);
	void *add_arg;
	int (*check)(void *);   /* as in sk_reduce_options; may be NULL */
	void *check_arg;
};
/* Calls the grouper for each key.  What it emits is given to add with the
 * place and emit number of the group's first value. */
int sk_group_all(const struct sk_group_all *, sk_merge *, struct snek_error *);

/* The built-in groupers.  list: all values in an array.  top: the greatest, in
 * the form of keys, as an array, or (partial) one by one, to be combined.  One
 * key's that take more than most bytes are SNEK_ELIMIT, or (partial) are passed
 * on as they are. */
struct sk_builtin {
	uint32_t top;
	bool partial;
	size_t most;            /* 0: any number */
	struct sk_buf buf, out;
	struct sk_top_item *item;
	uint32_t n, cap;
	size_t held;            /* by items */
};
int sk_list_group(void *builtin, struct snek_value key, sk_group *,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *);
int sk_top_group(void *builtin, struct snek_value key, sk_group *,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *);
void sk_builtin_free(struct sk_builtin *);
#endif
