/* SPDX-License-Identifier: MIT */
#include "task/table.h"
#include "base/pages.h"
#include "value/key.h"

#define CELLS 4096u             /* to begin with */
#define KEEP (1u << 16)         /* cells a table keeps when it is reset */

bool sk_table_init(struct sk_table *t, uint32_t state_size)
{
	memset(t, 0, sizeof(*t));
	t->slot_size = (uint32_t)sizeof(struct sk_slot) + state_size;
	t->mask = CELLS - 1;
	t->cell = sk_pages_alloc(CELLS * sizeof(*t->cell));
	return t->cell != NULL;
}

static void free_cells(struct sk_table *t)
{
	if (t->cell)
		sk_pages_free(t->cell, ((size_t)t->mask + 1) * sizeof(*t->cell));
	t->cell = NULL;
}

static void free_slots(struct sk_table *t)
{
	sk_pages_free(t->slots, (size_t)t->cap * t->slot_size);
	t->slots = NULL;
	t->cap = 0;
}

void sk_table_free(struct sk_table *t)
{
	free_cells(t);
	free_slots(t);
	sk_arena_free(&t->arena);
	memset(t, 0, sizeof(*t));
}

void sk_table_reset(struct sk_table *t)
{
	struct sk_cell *small;

	sk_arena_reset(&t->arena);
	t->n = 0;
	if (t->mask >= KEEP) {
		small = sk_pages_alloc(KEEP * sizeof(*small));
		if (small) {
			free_cells(t);
			t->cell = small;
			t->mask = KEEP - 1;
			free_slots(t);
			return;
		}
	}
	memset(t->cell, 0, ((size_t)t->mask + 1) * sizeof(*t->cell));
}

static void place(struct sk_cell *cell, uint32_t mask, struct sk_cell c)
{
	uint32_t i = c.hash & mask;

	while (cell[i].at)
		i = (i + 1) & mask;
	cell[i] = c;
}

static bool grow_cells(struct sk_table *t)
{
	uint32_t cells = 2 * (t->mask + 1), i;
	struct sk_cell *cell = cells ? sk_pages_alloc((size_t)cells *
	    sizeof(*cell)) : NULL;

	if (!cell)
		return false;
	for (i = 0; i <= t->mask; i++)
		if (t->cell[i].at)
			place(cell, cells - 1, t->cell[i]);
	free_cells(t);
	t->cell = cell;
	t->mask = cells - 1;
	return true;
}

static bool grow_slots(struct sk_table *t)
{
	uint32_t cap = t->cap ? t->cap + t->cap / 2 : CELLS / 2;
	char *p = sk_pages_grow(t->slots, (size_t)t->cap * t->slot_size,
	    (size_t)cap * t->slot_size);

	if (!p)
		return false;
	t->slots = p;
	t->cap = cap;
	return true;
}

struct sk_slot *sk_table_insert(struct sk_table *t, uint64_t prefix, uint64_t id,
    uint32_t hash, const char *body)
{
	size_t n = id >> 8;
	struct sk_slot *slot;
	char *copy = NULL;

	if (t->n == t->cap && !grow_slots(t))
		return NULL;
	if (4 * (uint64_t)t->n >= 3 * (uint64_t)t->mask && !grow_cells(t))
		return NULL;
	if (n > 8) {
		copy = sk_arena_copy(&t->arena, body, n);
		if (!copy)
			return NULL;
	}
	slot = sk_table_slot(t, t->n);
	memset(slot, 0, t->slot_size);
	slot->prefix = prefix;
	slot->id = id;
	slot->body = copy;
	place(t->cell, t->mask, (struct sk_cell){ hash, ++t->n });
	return slot;
}

/* The reverse of sk_load_short. */
static void store_short(char *p, size_t n, uint64_t v)
{
	if (n >= 4) {
		memcpy(p, &v, 4);
		v >>= 32;
		memcpy(p + n - 4, &v, 4);
	} else if (n) {
		p[0] = (char)v;
		p[n / 2] = (char)(v >> 8);
		p[n - 1] = (char)(v >> 16);
	}
}

const char *sk_slot_body(const struct sk_slot *s, char scratch[8])
{
	size_t n = s->id >> 8;

	if (n > 8)
		return s->body;
	store_short(scratch, n, s->prefix);
	return scratch;
}

bool sk_slot_key(const struct sk_slot *s, struct sk_buf *b)
{
	uint8_t tag = (uint8_t)s->id;
	size_t n = s->id >> 8;
	struct snek_value v = { .type = SNEK_INT, .as.u = s->prefix };

	if (tag == SK_TAG_INT)
		return !sk_key_put(b, v);
	if (!sk_buf_reserve(b, n + 9))
		return false;
	b->p[b->n++] = (char)tag;
	if (n > 8)
		memcpy(b->p + b->n, s->body, n);
	else
		store_short(b->p + b->n, n, s->prefix);
	b->n += n;
	return true;
}
