/* SPDX-License-Identifier: MIT */
/*
 * A chunk as parts with names.  Numbers are little-endian.
 *
 *   "n"     a note, 40 bytes, fetched with any of the others
 *            0  CRC32C of what follows     4  format (1)
 *            8  the CRC in the chunk's head: says whose part a part is
 *           12  rows     16  bytes of the chunk     20  columns
 *           24  1: there is "v"; 2: there is "r"
 *           28  runs of places     32  CRC32C of "p"     36  zero
 *   "p"     the place block, if there are runs
 *   "fNAME" the column of the members of that name, "v" the VALUE column, "r"
 *           the REST column: 32 bytes, then the block
 *            0  CRC32C of the name and of bytes 4 to 31
 *            4  length of the name
 *            8  kind, type, presence, zero    12  count    16  nulls
 *           20  the CRC in the chunk's head   24  bytes and CRC of the block
 *   "h"     the chunk's head as it was, "s" its shape block: for whole records
 *
 * Numbers 12 to 19 and 24 to 31 of a column are those of its entry in the
 * head's directory (chunk.c), so that a column can be read without the head.
 * The CRCs in the note and of columns begin with the caller's seed.
 *
 * Joined, some columns make a chunk of magic "SNKP", which exists in memory
 * only.  It has no shapes; a name that was wanted and that is no column stands
 * in its directory with kind 3 and nothing else.
 */
#include "value/chunk_part.h"
#include "value/chunk_part_format.h"

#include <stdlib.h>

static const char fixed[] = "npvr";

/* ---- apart ---- */

static void add_part(struct sk_chunk_parts *p, char kind, struct sk_span name,
    const void *entry, size_t entry_bytes, struct sk_span block)
{
	struct sk_chunk_part *part = &p->part[p->n++];
	struct sk_buf *m = &p->memory;

	part->name = (struct sk_span){ m->p + m->n, name.n + 1 };
	sk_buf_byte(m, (uint8_t)kind);
	sk_buf_put(m, name.p, name.n);
	part->bytes = (struct sk_span){ m->p + m->n, entry_bytes + block.n };
	sk_buf_put(m, entry, entry_bytes);
	sk_buf_put(m, block.p, block.n);
}

static void add_note(struct sk_chunk_parts *p, uint32_t seed)
{
	const struct sk_chunk *c = p->chunk;
	const struct sk_chunk_head *h = c->head;
	struct sk_part_note n = {
		.format = SK_PART_FORMAT, .chunk = h->crc, .rows = h->rows,
		.bytes = h->bytes, .columns = h->columns,
		.has = (c->value != h->columns ? SK_PART_HAS_VALUE : 0u) |
		    (c->rest != h->columns ? SK_PART_HAS_REST : 0u),
		.runs = h->runs, .places = h->place_block.crc,
	};
	static const struct sk_span none;

	n.crc = sk_part_note_crc(&n, seed);
	add_part(p, 'n', none, &n, sizeof(n), none);
}

static void add_column(struct sk_chunk_parts *p, uint32_t i, uint32_t seed)
{
	const struct sk_chunk *c = p->chunk;
	struct sk_chunk_field f = c->field[i];
	struct sk_span name = sk_part_name(c, i);

	f.block.offset = c->head->crc;
	f.name = sk_part_field_crc(&f, name, seed);
	add_part(p, i == c->value ? 'v' : i == c->rest ? 'r' : 'f', name,
	    &f, sizeof(f), sk_chunk_block_span(c, i));
}

/* Memory for all, so that views into it stay. */
static bool reserve_parts(struct sk_chunk_parts *p)
{
	const struct sk_chunk_head *h = p->chunk->head;
	uint32_t n = h->columns + 4;
	struct sk_chunk_part *part;

	p->n = 0;
	p->memory.n = 0;
	if (n > p->cap) {
		part = realloc(p->part, n * sizeof(*part));
		if (!part)
			return false;
		p->part = part;
		p->cap = n;
	}
	/* The names are within the head, each a byte longer here. */
	return sk_buf_reserve(&p->memory, (size_t)h->bytes + h->head_bytes +
	    (size_t)n * (sizeof(struct sk_chunk_field) + 1) +
	    sizeof(struct sk_part_note));
}

int sk_chunk_split(struct sk_span chunk, uint32_t seed,
    struct sk_chunk_parts *p, struct snek_error *e)
{
	static const struct sk_span none;
	const struct sk_chunk *c;
	uint32_t i;
	int rc = p->chunk ? sk_chunk_reopen(p->chunk, chunk.p, chunk.n, e)
	    : sk_chunk_open(chunk.p, chunk.n, &p->chunk, e);

	if (rc)
		return rc;
	c = p->chunk;
	if (c->some)
		return sk_fail(e, SNEK_EINVAL, "some columns are no chunk");
	if (!reserve_parts(p))
		return sk_enomem(e);
	add_note(p, seed);
	for (i = 0; i < c->head->columns; i++)
		add_column(p, i, seed);
	if (c->head->runs)
		add_part(p, 'p', none, NULL, 0,
		    sk_chunk_block_span(c, c->head->columns + 1));
	add_part(p, 's', none, NULL, 0,
	    sk_chunk_block_span(c, c->head->columns));
	add_part(p, 'h', none, NULL, 0, sk_chunk_head_span(c));
	return 0;
}

void sk_chunk_parts_free(struct sk_chunk_parts *p)
{
	sk_chunk_close(p->chunk);
	sk_buf_free(&p->memory);
	free(p->part);
	*p = (struct sk_chunk_parts){ .n = 0 };
}

/* ---- which to fetch ---- */

static int by_name(const void *a, const void *b)
{
	const struct sk_span *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int order = n ? memcmp(x->p, y->p, n) : 0;

	return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

/* One block: the struct, its arrays, the names behind their prefixes. */
static struct sk_chunk_wish *room_for(const struct sk_span *name, size_t names)
{
	struct sk_chunk_wish *w;
	size_t n = sizeof(*w) + (2 * names + SK_PART_FIXED) * sizeof(*name), i;

	for (i = 0; i < names; i++)
		n += name[i].n + 1;
	w = calloc(1, n);
	if (!w)
		return NULL;
	w->name = (struct sk_span *)(void *)(w + 1);
	w->field = w->name + names;
	return w;
}

static void copy_names(struct sk_chunk_wish *w, size_t names)
{
	char *p = (char *)(w->field + names + SK_PART_FIXED);
	size_t i;

	for (i = 0; i < names; i++) {
		struct sk_span s = w->name[i];

		if (w->names && !by_name(&w->name[w->names - 1], &s))
			continue;
		*p = 'f';
		if (s.n)
			memcpy(p + 1, s.p, s.n);
		w->field[w->fields++] = (struct sk_span){ p, s.n + 1 };
		w->name[w->names++] = (struct sk_span){ p + 1, s.n };
		p += s.n + 1;
	}
}

int sk_chunk_wish_new(const struct sk_span *name, size_t names,
    struct sk_chunk_wish **out, struct snek_error *e)
{
	struct sk_chunk_wish *w;
	uint32_t i;

	if (names > SK_CHUNK_COLUMNS_MAX - SK_PART_FIXED)
		return sk_fail(e, SNEK_ELIMIT, "%zu columns are too many", names);
	w = room_for(name, names);
	if (!w)
		return sk_enomem(e);
	if (names)
		memcpy(w->name, name, names * sizeof(*name));
	qsort(w->name, names, sizeof(*name), by_name);
	for (i = 0; i < (names ? SK_PART_FIXED : SK_PART_REST); i++)
		w->field[w->fields++] = (struct sk_span){ &fixed[i], 1 };
	copy_names(w, names);
	*out = w;
	return 0;
}

void sk_chunk_wish_free(struct sk_chunk_wish *w)
{
	free(w);
}
