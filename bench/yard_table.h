/* SPDX-License-Identifier: MIT */
/*
 * yard_table.h - the yard-sticks' hash table: a text, how often, and a sum.
 *
 * Nothing but what the rows need: no spilling, no other types, and memory
 * that runs out ends the program.
 */
#ifndef YARD_TABLE_H
#define YARD_TABLE_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct yard_slot {
	uint64_t prefix;        /* the first 8 bytes, or all of them */
	const char *text;       /* NULL: the slot is free */
	uint32_t len, hash;
	int64_t count, sum;
};
struct yard_table {
	struct yard_slot *slot;
	uint32_t mask, n;
	char *room;             /* for texts */
	size_t left;
};

void yard_table_init(struct yard_table *);
void yard_table_free(struct yard_table *);
/* Copies the text in. */
void yard_table_insert(struct yard_table *, const struct yard_slot *);

static inline uint64_t yard_load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* Fewer than 8 bytes as a number; different texts of a length differ. */
static inline uint64_t yard_load_few(const char *p, uint32_t n)
{
	uint32_t low, high;

	if (n < 4)
		return n ? (uint64_t)(uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 |
		    (uint64_t)(uint8_t)p[n - 1] << 16 : 0;
	memcpy(&low, p, 4);
	memcpy(&high, p + n - 4, 4);
	return (uint64_t)high << 32 | low;
}

static inline uint64_t yard_stir(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint32_t yard_hash(uint64_t prefix, const char *p, uint32_t n)
{
	const uint64_t odd = 0xa0761d6478bd642full;
	uint64_t h = yard_stir(prefix ^ odd, n ^ 0xe7037ed1a0b428dbull);
	uint32_t i;

	if (n > 8) {
		for (i = 8; i + 8 < n; i += 8)
			h = yard_stir(h ^ yard_load(p + i), odd);
		h = yard_stir(h ^ yard_load(p + n - 8), odd);
	}
	return (uint32_t)(h ^ h >> 32);
}

static inline void yard_table_add(struct yard_table *t, const char *p,
    uint32_t n, int64_t count, int64_t sum)
{
	uint64_t prefix = n < 8 ? yard_load_few(p, n) : yard_load(p);
	uint32_t hash = yard_hash(prefix, p, n), i;
	struct yard_slot *s;

	for (i = hash & t->mask; t->slot[i].text; i = (i + 1) & t->mask) {
		s = &t->slot[i];
		if (s->hash == hash && s->len == n && s->prefix == prefix &&
		    (n <= 8 || !memcmp(s->text + 8, p + 8, n - 8))) {
			s->count += count;
			s->sum += sum;
			return;
		}
	}
	yard_table_insert(t, &(struct yard_slot){ prefix, p, n, hash, count, sum });
}
#endif
