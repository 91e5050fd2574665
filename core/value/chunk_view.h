/* SPDX-License-Identifier: MIT */
/* chunk_view.h - an opened chunk, as the files that read it share it. */
#ifndef SK_CHUNK_VIEW_H
#define SK_CHUNK_VIEW_H
#include "base/arena.h"
#include "base/buf.h"
#include "value/chunk.h"
#include "value/chunk_format.h"

struct sk_view {                /* a column whose block has been checked */
	uint64_t opened;        /* the chunk's number when it was */
	uint32_t hint;          /* PRESENT_ROWS: where the next row may be */
	struct snek_column column;
};

struct sk_made {                /* a column made for a path */
	struct sk_made *next;
	struct sk_path path;
	struct snek_column column;
};

struct sk_chunk {
	const uint8_t *bytes;   /* of the head; of all, unless apart */
	const struct sk_chunk_head *head;
	const struct sk_chunk_field *field;
	uint64_t opened;        /* one more for each time it was opened */
	bool apart;
	bool some;              /* only some columns were fetched; no shapes */
	struct sk_span *block;  /* apart: columns, shapes, places */
	uint32_t fields;        /* columns that are members: the first ones */
	uint32_t value, rest;   /* their numbers, or columns */
	struct sk_view *view;
	uint32_t view_cap, block_cap;

	uint64_t shapes_opened, places_opened;
	const uint32_t *shape_ends;
	const uint16_t *shape_ids;
	const uint8_t *row_shapes;
	const struct sk_chunk_run *runs;

	int fd;                 /* not 0: the bytes are in room as far as they
	                         * were loaded: these first ones, and blocks */
	uint64_t at;            /* of the chunk in the file */
	size_t loaded;
	const struct sk_chunk_room *room;

	struct sk_made *made;
	struct sk_arena arena;          /* made columns */
	struct sk_buf members;          /* struct sk_member: of a record */
	struct sk_buf scratch[3];       /* rows, ends, values of a made column */
};

int sk_chunk_corrupt(struct snek_error *, const char *what);
/* All bytes are there, or will be when they are loaded. */
int sk_chunk_open_whole(struct sk_chunk *, const void *bytes, size_t n,
    struct snek_error *);
/* The block's bytes are there, if they come from a file. */
int sk_chunk_load(const struct sk_chunk *, const struct sk_chunk_block *,
    struct snek_error *);
/* The bytes of a block after its checksum. */
int sk_chunk_block_bytes(const struct sk_chunk *, uint32_t number,
    const uint8_t **, struct snek_error *);
/* A column by its number, checked. */
int sk_chunk_view(struct sk_chunk *, uint32_t, struct sk_view **,
    struct snek_error *);
/* The number of the member's column, or the number of columns. */
uint32_t sk_chunk_find(const struct sk_chunk *, const char *name,
    uint32_t len);
/* A column of views for a path that is no column. */
int sk_chunk_make(struct sk_chunk *, const struct sk_path *,
    struct snek_column *, struct snek_error *);

/* Is this number a column, and not just a name that was looked for? */
static inline bool sk_chunk_has(const struct sk_chunk *c, uint32_t i)
{
	return i < c->head->columns && c->field[i].kind != SK_COLUMN_NONE;
}

static inline const char *sk_chunk_name(const struct sk_chunk *c, uint32_t i,
    uint32_t *len)
{
	*len = c->field[i].name_len;
	return (const char *)c->bytes + c->field[i].name;
}
#endif
