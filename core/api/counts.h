/* SPDX-License-Identifier: MIT */
/* counts.h - counts of a public struct as members of an object: what stat,
 * describe and gc tell; written by who looks and read by who asked. */
#ifndef SK_API_COUNTS_H
#define SK_API_COUNTS_H
#include <snek/snek.h>

#include "api/object.h"

struct sk_count {                       /* a uint64_t */
	const char *name;               /* of the member; NULL: the end */
	size_t at;                      /* in the struct */
};
extern const struct sk_count sk_count_stat[];   /* of a snek_cluster_stat */
extern const struct sk_count sk_count_shard[];  /* snek_shard_stat */
/* snek_path_info, and its values by type. */
extern const struct sk_count sk_count_path[], sk_count_types[];
extern const struct sk_count sk_count_described[];      /* snek_describe_report */
extern const struct sk_count sk_count_swept[];          /* snek_gc_report */

void sk_counts_put(struct sk_object *, const struct sk_count *,
    const void *from);
/* What is not there is 0. */
void sk_counts_get(const struct sk_record *, const struct sk_count *, void *to);
#endif
