/* SPDX-License-Identifier: MIT */
/* pair.h - what may be emitted. */
#ifndef SK_PAIR_H
#define SK_PAIR_H
#include "base/buf.h"
#include "base/err.h"

/* The key's bytes, in place of what the buffer held; SNEK_EINVAL for NONE,
 * NaN and infinity. */
int sk_pair_key(struct sk_buf *, struct snek_value key, struct snek_error *);
/* SNEK_EINVAL for a value that is NONE, NaN or infinity. */
int sk_pair_check(struct snek_value, struct snek_error *);
/* The value as msgpack, checked, in place of what the buffer held. */
int sk_pair_value(struct sk_buf *, struct snek_value, struct snek_error *);
/* How to have more of it. */
#define SK_MORE_MEMORY "more --memory (and --worker-memory), or fewer " \
	"--workers, allow more"
/* What is too much for one pair, of those that hold so many bytes: a quarter of
 * them, but not less than 1 MiB. */
size_t sk_pair_most(size_t memory);
/* SNEK_ELIMIT, and how to have more. */
int sk_pair_too_large(size_t n, size_t most, struct snek_error *);
/* Put the key (bytes of key.h), as JSON, in front of a text; returns rc. */
int sk_pair_name(struct sk_span key, int rc, struct snek_error *);
#endif
