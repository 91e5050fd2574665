/* SPDX-License-Identifier: MIT */
#include "yard_table.h"

#include <stdio.h>

#define SLOTS (1u << 16)        /* to begin with */
#define ROOM (1u << 20)

static void *need(void *p)
{
	if (!p) {
		perror("yard");
		exit(1);
	}
	return p;
}

void yard_table_init(struct yard_table *t)
{
	memset(t, 0, sizeof(*t));
	t->mask = SLOTS - 1;
	t->slot = need(calloc(SLOTS, sizeof(*t->slot)));
}

/* The texts are left to the end of the process. */
void yard_table_free(struct yard_table *t)
{
	free(t->slot);
}

static struct yard_slot *free_slot(struct yard_slot *slot, uint32_t mask,
    uint32_t hash)
{
	uint32_t i = hash & mask;

	while (slot[i].text)
		i = (i + 1) & mask;
	return &slot[i];
}

static void grow(struct yard_table *t)
{
	uint32_t mask = 2 * t->mask + 1, i;
	struct yard_slot *more = need(calloc((size_t)mask + 1, sizeof(*more)));

	for (i = 0; i <= t->mask; i++)
		if (t->slot[i].text)
			*free_slot(more, mask, t->slot[i].hash) = t->slot[i];
	free(t->slot);
	t->slot = more;
	t->mask = mask;
}

void yard_table_insert(struct yard_table *t, const struct yard_slot *s)
{
	struct yard_slot *to;
	char *text;

	if (2 * t->n++ > t->mask)
		grow(t);
	if (t->left <= s->len) {
		t->left = s->len < ROOM ? ROOM : (size_t)s->len + 1;
		t->room = need(malloc(t->left));
	}
	text = memcpy(t->room, s->text, s->len);
	t->room += s->len;
	t->left -= s->len;
	to = free_slot(t->slot, t->mask, s->hash);
	*to = *s;
	to->text = text;
}
