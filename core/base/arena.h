/* SPDX-License-Identifier: MIT */
/* arena.h - memory that goes all at once.  A zeroed struct is an empty arena. */
#ifndef SK_ARENA_H
#define SK_ARENA_H
#include <stddef.h>

struct sk_arena {
	struct sk_arena_block *blocks;
	char *p;
	size_t left;
	size_t total;           /* bytes of all blocks */
};

/* n bytes aligned to 16, or NULL. */
void *sk_arena_alloc(struct sk_arena *, size_t n);
/* A copy with a NUL behind it, or NULL. */
char *sk_arena_copy(struct sk_arena *, const void *p, size_t n);
/* Forget everything; the newest block is kept for what comes next. */
void sk_arena_reset(struct sk_arena *);
void sk_arena_free(struct sk_arena *);
#endif
