/* SPDX-License-Identifier: MIT */
/* Parts of a chunk, as chunk_part.c draws them, put together again.  They come
 * from outside: nothing in them is believed before it was checked. */
#include "value/chunk_part.h"
#include "value/chunk_part_format.h"

#include <stdlib.h>

static int corrupt(struct snek_error *e, const char *what)
{
	return sk_fail(e, SNEK_ECORRUPT, "damaged chunk: %s", what);
}

/* ---- some ---- */

static int read_note(struct sk_span bytes, uint32_t rows, uint32_t seed,
    struct sk_part_note *n, struct snek_error *e)
{
	if (!bytes.p || bytes.n != sizeof(*n))
		return corrupt(e, "its note is missing or of another length");
	memcpy(n, bytes.p, sizeof(*n));
	if (n->crc != sk_part_note_crc(n, seed))
		return corrupt(e, "the checksum of its note");
	if (n->format > SK_PART_FORMAT)
		return sk_fail(e, SNEK_EVERSION, "a chunk in parts of format "
		    "%u; this library reads up to %u", n->format, SK_PART_FORMAT);
	if (n->rows != rows)
		return sk_fail(e, SNEK_ECORRUPT, "damaged chunk: %u records "
		    "where the index says %u", n->rows, rows);
	return 0;
}

/* A column's entry, and its block checked. */
static int read_column(struct sk_span part, struct sk_span name,
    const struct sk_part_note *n, uint32_t seed, struct sk_chunk_field *f,
    struct snek_error *e)
{
	const uint8_t *block = (const uint8_t *)part.p + sizeof(*f);

	if (part.n < sizeof(*f))
		return corrupt(e, "a column is cut short");
	memcpy(f, part.p, sizeof(*f));
	if (f->name != sk_part_field_crc(f, name, seed) || f->name_len != name.n)
		return corrupt(e, "the checksum of a column's entry");
	if (f->block.offset != n->chunk)
		return corrupt(e, "a column of another chunk");
	if (f->block.bytes != part.n - sizeof(*f) || f->block.bytes % 8)
		return corrupt(e, "the length of a column");
	if (f->block.crc != sk_crc32c(0, block, f->block.bytes))
		return corrupt(e, "the checksum of a column");
	return 0;
}

static bool reserve_join(struct sk_chunk_join *j, uint64_t head, uint32_t n)
{
	struct sk_span *block;

	j->blocks = 0;
	j->head.n = 0;
	if (n > j->cap) {
		block = realloc(j->block, n * sizeof(*block));
		if (!block)
			return false;
		j->block = block;
		j->cap = n;
	}
	if (!sk_buf_reserve(&j->head, head))
		return false;
	memset(j->head.p, 0, head);
	j->head.n = head;
	return true;
}

struct some {                   /* a chunk of some columns in the making */
	struct sk_chunk_join *j;
	const struct sk_part_note *note;
	uint32_t seed;
	struct sk_chunk_head *head;
	struct sk_chunk_field *field;
	uint32_t names;         /* bytes of the head before the next name */
	uint64_t at;            /* where the next block will be */
};

/* The next in the directory; part.p NULL: no such column. */
static int add_some(struct some *s, enum sk_column_kind kind,
    struct sk_span name, struct sk_span part, struct snek_error *e)
{
	struct sk_chunk_field *f = &s->field[s->head->columns];
	int rc;

	if (part.p) {
		rc = read_column(part, name, s->note, s->seed, f, e);
		if (rc)
			return rc;
		if (f->kind != kind)
			return corrupt(e, "a column of another kind");
		s->j->block[s->j->blocks++] = (struct sk_span){
		    (const uint8_t *)part.p + sizeof(*f), f->block.bytes };
	} else {
		f->kind = SK_COLUMN_NONE;
		f->name_len = (uint32_t)name.n;
	}
	s->head->columns++;
	f->name = s->names;
	if (name.n)
		memcpy(s->j->head.p + s->names, name.p, name.n);
	s->names += (uint32_t)name.n;
	f->block.offset = (uint32_t)s->at;
	s->at += f->block.bytes;
	return 0;
}

/* "v" and "r": there if the note says so, and only then. */
static int add_other(struct some *s, enum sk_column_kind kind, bool is_there,
    struct sk_span part, struct snek_error *e)
{
	static const struct sk_span none;

	if (is_there != (part.p != NULL))
		return corrupt(e, "a column is missing, or too many");
	return is_there ? add_some(s, kind, none, part, e) : 0;
}

static int add_places(struct some *s, struct sk_span part, struct snek_error *e)
{
	uint64_t n = (uint64_t)s->note->runs * sizeof(struct sk_chunk_run);

	if (part.n != n || (n && !part.p) ||
	    sk_crc32c(0, part.p, part.n) != s->note->places)
		return corrupt(e, "the places of its records");
	s->head->runs = s->note->runs;
	s->head->shape_block.offset = (uint32_t)s->at;
	s->head->place_block = (struct sk_chunk_block){
		(uint32_t)s->at, (uint32_t)n, s->note->places,
	};
	if (n)
		s->j->block[s->j->blocks++] = part;
	s->at += n;
	return 0;
}

static int end_some(struct some *s, struct snek_error *e)
{
	struct sk_chunk_head *h = s->head;

	if (s->at > UINT32_MAX)
		return corrupt(e, "the length of its columns");
	memcpy(h->magic, SK_CHUNK_MAGIC_SOME, 4);
	h->format = SK_CHUNK_FORMAT;
	h->head_bytes = (uint32_t)s->j->head.n;
	h->bytes = (uint32_t)s->at;
	h->rows = s->note->rows;
	h->crc = sk_crc32c(0, s->j->head.p, s->j->head.n);
	s->j->bytes = s->at;
	return 0;
}

static uint64_t names_bytes(const struct sk_chunk_wish *w)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < w->names; i++)
		n += w->name[i].n;
	return n;
}

static int join_some(struct sk_chunk_join *j, const struct sk_chunk_wish *w,
    const struct sk_span *part, const struct sk_part_note *n, uint32_t seed,
    struct snek_error *e)
{
	uint32_t columns = w->names + !!(n->has & SK_PART_HAS_VALUE) +
	    (w->names && n->has & SK_PART_HAS_REST), i;
	uint64_t head = sk_pad8(sizeof(struct sk_chunk_head) +
	    columns * sizeof(struct sk_chunk_field) + names_bytes(w));
	struct some s = { .j = j, .note = n, .seed = seed, .at = head };
	int rc = 0;

	if (head > UINT32_MAX)
		return sk_fail(e, SNEK_ELIMIT, "names of columns are too long");
	if (!reserve_join(j, head, columns + 1))
		return sk_enomem(e);
	s.head = (struct sk_chunk_head *)(void *)j->head.p;
	s.field = (struct sk_chunk_field *)(void *)(s.head + 1);
	s.names = (uint32_t)(sizeof(*s.head) + columns * sizeof(*s.field));
	for (i = 0; i < w->names && !rc; i++)
		rc = add_some(&s, SK_COLUMN_FIELD, w->name[i], part[SK_PART_FIXED + i],
		    e);
	if (!rc)
		rc = add_other(&s, SK_COLUMN_VALUE, n->has & SK_PART_HAS_VALUE,
		    part[SK_PART_VALUE], e);
	if (!rc && w->names)
		rc = add_other(&s, SK_COLUMN_REST, n->has & SK_PART_HAS_REST,
		    part[SK_PART_REST], e);
	if (!rc)
		rc = add_places(&s, part[SK_PART_PLACES], e);
	return rc ? rc : end_some(&s, e);
}

int sk_chunk_join_wish(struct sk_chunk_join *j, const struct sk_chunk_wish *w,
    const struct sk_span *part, uint32_t rows, uint32_t seed,
    struct snek_error *e)
{
	struct sk_part_note n;
	uint32_t i, there = 0;
	int rc;

	for (i = 0; i < w->fields; i++)
		there += part[i].p != NULL;
	if (!there)
		return SNEK_ENOENT;
	rc = read_note(part[SK_PART_NOTE], rows, seed, &n, e);
	return rc ? rc : join_some(j, w, part, &n, seed, e);
}

/* ---- all ---- */

static const struct sk_chunk_part *find(const struct sk_chunk_part *part,
    size_t n, char kind)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (part[i].name.n == 1 && *(const char *)part[i].name.p == kind)
			return &part[i];
	return NULL;
}

/* The head, copied to where it is aligned, opened with blocks to come. */
static int open_whole(struct sk_chunk_join *j, struct sk_span head,
    const struct sk_part_note *n, struct sk_chunk **out, struct snek_error *e)
{
	uint32_t blocks = n->columns + 2;
	int rc;

	if (n->columns > SK_CHUNK_COLUMNS_MAX)
		return corrupt(e, "too many columns");
	if (!reserve_join(j, head.n, blocks))
		return sk_enomem(e);
	memcpy(j->head.p, head.p, head.n);
	memset(j->block, 0, blocks * sizeof(*j->block));
	j->blocks = blocks;
	if (head.n < sizeof(struct sk_chunk_head) ||
	    ((struct sk_chunk_head *)(void *)j->head.p)->columns != n->columns)
		return corrupt(e, "its head does not agree with its note");
	rc = sk_chunk_open_blocks((struct sk_span){ j->head.p, j->head.n },
	    j->block, blocks, out, e);
	if (rc)
		return rc;
	if (!(*out)->some && (*out)->head->crc == n->chunk &&
	    (*out)->head->rows == n->rows && (*out)->head->head_bytes == head.n)
		return 0;
	sk_chunk_close(*out);
	return corrupt(e, "its head does not agree with its note");
}

static bool same_entry(const struct sk_chunk_field *a,
    const struct sk_chunk_field *b)
{
	return a->kind == b->kind && a->type == b->type &&
	    a->presence == b->presence && a->count == b->count &&
	    a->nulls == b->nulls && a->block.bytes == b->block.bytes &&
	    a->block.crc == b->block.crc;
}

/* Which block a part is; columns + 2: none. */
static uint32_t number_of(const struct sk_chunk *c, struct sk_span name)
{
	uint32_t none = c->head->columns + 2, i;
	const char *p = name.p;

	if (!name.n || (*p != 'f' && name.n != 1))
		return none;
	switch (*p) {
	case 'f':
		i = name.n > UINT32_MAX ? c->head->columns
		    : sk_chunk_find(c, p + 1, (uint32_t)name.n - 1);
		break;
	case 'v':
		i = c->value;
		break;
	case 'r':
		i = c->rest;
		break;
	case 's':
		return c->head->columns;
	case 'p':
		return c->head->columns + 1;
	default:
		return none;
	}
	return i == c->head->columns ? none : i;
}

/* Take a part for the block that it is. */
static int take(struct sk_chunk_join *j, const struct sk_chunk *c,
    const struct sk_chunk_part *part, const struct sk_part_note *n, uint32_t seed,
    struct snek_error *e)
{
	uint32_t i = number_of(c, part->name);
	struct sk_span bytes = part->bytes;
	struct sk_chunk_field f;
	int rc;

	if (i >= j->blocks || j->block[i].p)
		return corrupt(e, "a part of it is twice, or none of its own");
	if (i >= n->columns) {
		j->block[i] = bytes;
		return 0;
	}
	rc = read_column(bytes, sk_part_name(c, i), n, seed, &f, e);
	if (rc)
		return rc;
	if (!same_entry(&f, &c->field[i]))
		return corrupt(e, "a column does not agree with its head");
	j->block[i] = (struct sk_span){ (const uint8_t *)bytes.p + sizeof(f),
	    f.block.bytes };
	return 0;
}

static bool is_block(struct sk_span s, const struct sk_chunk_block *b)
{
	return s.n == b->bytes && sk_crc32c(0, s.p, s.n) == b->crc;
}

static int join_whole(struct sk_chunk_join *j, const struct sk_chunk *c,
    const struct sk_chunk_part *part, size_t parts, const struct sk_part_note *n,
    uint32_t seed, struct snek_error *e)
{
	uint32_t k;
	size_t i;
	char kind;
	int rc = 0;

	for (i = 0; i < parts && !rc; i++) {
		kind = part[i].name.n == 1 ? *(const char *)part[i].name.p : 0;
		if (kind != 'n' && kind != 'h')
			rc = take(j, c, &part[i], n, seed, e);
	}
	if (rc)
		return rc;
	for (k = 0; k < n->columns; k++)
		if (!j->block[k].p)
			return corrupt(e, "a column is missing");
	if (!is_block(j->block[k], &c->head->shape_block))
		return corrupt(e, "the shapes of its records");
	if (!is_block(j->block[k + 1], &c->head->place_block))
		return corrupt(e, "the places of its records");
	j->bytes = c->head->bytes;
	return 0;
}

int sk_chunk_join_all(struct sk_chunk_join *j, const struct sk_chunk_part *part,
    size_t parts, uint32_t rows, uint32_t seed, struct snek_error *e)
{
	const struct sk_chunk_part *at = find(part, parts, 'n');
	struct sk_chunk *c;
	struct sk_part_note n;
	int rc;

	if (!parts)
		return SNEK_ENOENT;
	rc = read_note(at ? at->bytes : (struct sk_span){ NULL, 0 }, rows,
	    seed, &n, e);
	if (rc)
		return rc;
	at = find(part, parts, 'h');
	if (!at)
		return corrupt(e, "its head is missing");
	rc = open_whole(j, at->bytes, &n, &c, e);
	if (rc)
		return rc;
	rc = join_whole(j, c, part, parts, &n, seed, e);
	sk_chunk_close(c);
	return rc;
}

void sk_chunk_join_write(const struct sk_chunk_join *j, void *to)
{
	uint8_t *p = to;
	uint32_t i;

	memcpy(p, j->head.p, j->head.n);
	p += j->head.n;
	for (i = 0; i < j->blocks; i++) {
		if (j->block[i].n)
			memcpy(p, j->block[i].p, j->block[i].n);
		p += j->block[i].n;
	}
}

void sk_chunk_join_free(struct sk_chunk_join *j)
{
	sk_buf_free(&j->head);
	free(j->block);
	*j = (struct sk_chunk_join){ .bytes = 0 };
}
