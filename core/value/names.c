/* SPDX-License-Identifier: MIT */
#include "value/names.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/hash.h"

#define KEEP 4096u              /* names (and 256 bytes each) kept between objects */

struct sk_name {
	const char *text;
	uint32_t len;
	uint32_t next;          /* the name that followed last time, or 0 */
	uint32_t number;        /* in the object that had it last */
	uint64_t object, hash;
};

void sk_names_free(struct sk_names *s)
{
	free(s->name);
	free(s->slot);
	sk_arena_free(&s->text);
	memset(s, 0, sizeof(*s));
}

static int make(struct sk_names *s)
{
	uint64_t object = s->object;

	sk_names_free(s);
	s->object = object;
	s->cap = 64;
	s->mask = 2 * s->cap - 1;
	s->name = calloc(s->cap, sizeof(*s->name));
	s->slot = calloc(s->mask + 1, sizeof(*s->slot));
	if (!s->name || !s->slot) {
		sk_names_free(s);
		return SNEK_ENOMEM;
	}
	s->n = 2;
	/* Names come from outside: the seed keeps them from being chosen to
	 * collide. */
	if (getrandom(&s->seed, sizeof(s->seed), GRND_NONBLOCK) < 0)
		s->seed = (uintptr_t)s->name;
	return 0;
}

int sk_names_begin(struct sk_names *s, bool nested)
{
	int rc = 0;

	if (!s->n || s->n > KEEP || s->text.total > 256 * KEEP)
		rc = make(s);
	s->object++;
	s->before = nested;
	s->count = 0;
	return rc;
}

static bool grow(struct sk_names *s)
{
	uint32_t cap = s->cap * 2, mask = 2 * cap - 1, i, k;
	struct sk_name *name = realloc(s->name, cap * sizeof(*name));
	uint32_t *slot;

	if (!name)
		return false;
	s->name = name;
	slot = calloc((size_t)mask + 1, sizeof(*slot));
	if (!slot)
		return false;
	for (i = 2; i < s->n; i++) {
		for (k = name[i].hash & mask; slot[k]; k = (k + 1) & mask)
			;
		slot[k] = i;
	}
	free(s->slot);
	s->slot = slot;
	s->cap = cap;
	s->mask = mask;
	return true;
}

/* The number of a name in the table, put there if it is not; 0: no memory. */
static uint32_t look_up(struct sk_names *s, const char *p, uint32_t len)
{
	uint64_t h = sk_hash64(p, len, s->seed);
	struct sk_name *x;
	uint32_t k;
	char *copy;

	if (s->n == s->cap && !grow(s))
		return 0;
	for (k = h & s->mask; s->slot[k]; k = (k + 1) & s->mask) {
		x = &s->name[s->slot[k]];
		if (x->hash == h && x->len == len && sk_same_bytes(x->text, p, len))
			return s->slot[k];
	}
	copy = sk_arena_copy(&s->text, p, len);
	if (!copy)
		return 0;
	s->name[s->n] = (struct sk_name){ .text = copy, .len = len, .hash = h };
	s->slot[k] = s->n;
	return s->n++;
}

int sk_names_add(struct sk_names *s, const char *p, uint32_t len,
    uint32_t *first)
{
	uint32_t i = s->name[s->before].next;
	struct sk_name *x;

	if (!i || s->name[i].len != len || !sk_same_bytes(s->name[i].text, p, len)) {
		i = look_up(s, p, len);
		if (!i)
			return SNEK_ENOMEM;
		s->name[s->before].next = i;
	}
	s->before = i;
	x = &s->name[i];
	if (x->object == s->object) {
		*first = x->number;
		s->count++;
		return 0;
	}
	x->object = s->object;
	x->number = s->count++;
	return 1;
}
