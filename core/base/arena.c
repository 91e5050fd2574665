/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 1008u             /* bytes: with its head, what malloc has at hand */
#define BLOCK 65536u

struct sk_arena_block {
	struct sk_arena_block *older;
	size_t size;
	alignas(16) char bytes[];
};

/* Each is as large as all before it, for many arenas hold next to nothing. */
static size_t size_of(const struct sk_arena *a, size_t n)
{
	size_t size = a->total < FIRST ? FIRST : a->total < BLOCK ? a->total :
	    BLOCK;

	return n > size ? n : size;
}

static char *add_block(struct sk_arena *a, size_t n)
{
	size_t size = size_of(a, n);
	struct sk_arena_block *b = malloc(sizeof(*b) + size);

	if (!b)
		return NULL;
	b->size = size;
	b->older = a->blocks;
	a->blocks = b;
	a->p = b->bytes;
	a->left = size;
	a->total += size;
	return a->p;
}

void *sk_arena_alloc(struct sk_arena *a, size_t n)
{
	char *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + 15) & ~(size_t)15;
	if (a->left < n && !add_block(a, n))
		return NULL;
	p = a->p;
	a->p += n;
	a->left -= n;
	return p;
}

char *sk_arena_copy(struct sk_arena *a, const void *p, size_t n)
{
	char *q = n < SIZE_MAX ? sk_arena_alloc(a, n + 1) : NULL;

	if (!q)
		return NULL;
	if (n)
		memcpy(q, p, n);
	q[n] = '\0';
	return q;
}

static void free_blocks(struct sk_arena_block *b)
{
	struct sk_arena_block *older;

	for (; b; b = older) {
		older = b->older;
		free(b);
	}
}

void sk_arena_reset(struct sk_arena *a)
{
	struct sk_arena_block *b = a->blocks;

	if (!b)
		return;
	free_blocks(b->older);
	b->older = NULL;
	a->p = b->bytes;
	a->left = a->total = b->size;
}

void sk_arena_free(struct sk_arena *a)
{
	free_blocks(a->blocks);
	memset(a, 0, sizeof(*a));
}
