/* SPDX-License-Identifier: MIT */
/*
 * table.h - keys, and beside each a few bytes for whoever counts.
 *
 * Open addressing over small cells (hash, number of the slot), slots packed
 * in order of arrival.  A key is a tag and a body; one of up to eight bytes
 * lies in its slot and is never dereferenced.
 */
#ifndef SK_TABLE_H
#define SK_TABLE_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"

/* Tags are the first bytes of keys as in key.h, but for whole numbers, which
 * are common: an int64_t in the machine's form. */
#define SK_TAG_INT 0xf0

struct sk_slot {
	uint64_t prefix;        /* sk_load_short or the first 8 bytes of the body */
	uint64_t id;            /* length of the body << 8 | tag */
	const char *body;       /* when longer than 8 bytes */
	uint64_t state[];       /* zeroed */
};

struct sk_cell {
	uint32_t hash, at;      /* at: slot + 1; 0: empty */
};

struct sk_table {
	struct sk_cell *cell;
	uint32_t mask, n, cap;
	uint32_t slot_size;
	char *slots;
	struct sk_arena arena;  /* bodies, and what states point at */
};

bool sk_table_init(struct sk_table *, uint32_t state_size);     /* % 8 == 0 */
void sk_table_free(struct sk_table *);
/* Forget all keys and what the arena holds. */
void sk_table_reset(struct sk_table *);
/* The key must not be there.  NULL: out of memory. */
struct sk_slot *sk_table_insert(struct sk_table *, uint64_t prefix, uint64_t id,
    uint32_t hash, const char *body);
/* The body: where it lies, or of up to 8 bytes a copy in scratch. */
const char *sk_slot_body(const struct sk_slot *, char scratch[8]);
/* Append the key's bytes as of key.h; false when memory is out. */
bool sk_slot_key(const struct sk_slot *, struct sk_buf *);

static inline struct sk_slot *sk_table_slot(const struct sk_table *t, uint32_t i)
{
	return (struct sk_slot *)(t->slots + (size_t)i * t->slot_size);
}

static inline size_t sk_table_bytes(const struct sk_table *t)
{
	return (size_t)t->n * (t->slot_size + 4 * sizeof(struct sk_cell)) +
	    t->arena.total - t->arena.left;
}

static inline uint32_t sk_table_hash(uint64_t prefix, uint64_t id,
    const char *s, size_t n)
{
	uint64_t h = sk_mix(prefix ^ SK_HASH_K0, id * 0xd6e8feb86659fd93ull ^
	    SK_HASH_K1);
	size_t i;

	if (n > 8) {
		for (i = 8; i + 8 < n; i += 8)
			h = sk_mix(h ^ sk_load64(s + i), SK_HASH_K1);
		h = sk_mix(h ^ sk_load64(s + n - 8), SK_HASH_K1);
	}
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

/* Equal beyond the first 8 bytes, where both have n > 8 of them. */
static inline bool sk_body_equal(const char *a, const char *b, size_t n)
{
	if (n <= 16)
		return sk_load64(a + n - 8) == sk_load64(b + n - 8);
	return !memcmp(a + 8, b + 8, n - 8);
}

/* The key's slot, made if need be; NULL: out of memory.  It stays where it is
 * until the next call. */
__attribute__((always_inline))
static inline struct sk_slot *sk_table_at(struct sk_table *t, uint8_t tag,
    const char *s, size_t n)
{
	uint64_t prefix = n > 8 ? sk_load64(s) : sk_load_short(s, n);
	uint64_t id = (uint64_t)n << 8 | tag;
	uint32_t hash = sk_table_hash(prefix, id, s, n), i;
	struct sk_slot *slot;

	for (i = hash & t->mask; t->cell[i].at; i = (i + 1) & t->mask) {
		if (t->cell[i].hash != hash)
			continue;
		slot = sk_table_slot(t, t->cell[i].at - 1);
		if (slot->prefix == prefix && slot->id == id &&
		    (n <= 8 || sk_body_equal(s, slot->body, n)))
			return slot;
	}
	return sk_table_insert(t, prefix, id, hash, s);
}
#endif
