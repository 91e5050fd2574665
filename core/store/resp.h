/* SPDX-License-Identifier: MIT */
/* resp.h - RESP2 in bytes: commands out, replies in, within bounds. */
#ifndef SK_RESP_H
#define SK_RESP_H
#include "store/redis.h"

#define SK_RESP_DEPTH 7         /* arrays in arrays */

struct sk_resp_bounds {
	size_t bytes;           /* of all texts of a reply */
	size_t items;           /* of all its arrays */
};

struct sk_resp;

int sk_resp_new(struct sk_resp **, struct snek_error *);
void sk_resp_free(struct sk_resp *);
/*
 * Take what belongs to the present reply of the n bytes at p.  1: it is whole,
 * and a view until the next call; 0: more is needed.  SNEK_ELIMIT: it claims
 * more than its bounds; SNEK_EFORMAT: this is no RESP2; SNEK_ENOMEM.  Of no
 * use but to be freed after a failure.
 */
int sk_resp_feed(struct sk_resp *, const struct sk_resp_bounds *, const void *p,
    size_t n, size_t *used, const struct sk_reply **, struct snek_error *);

/* A command's bytes: how many, and the bytes. */
size_t sk_resp_size(const struct sk_span *arg, size_t args);
char *sk_resp_write(char *p, const struct sk_span *arg, size_t args);

/* A copy in one piece of memory, for free(). */
void *sk_resp_copy(const struct sk_reply *, struct sk_reply *out);
#endif
