/* SPDX-License-Identifier: MIT */
/* chunk_tool.h - chunks from JSON texts and back, for tests. */
#ifndef CHUNK_TOOL_H
#define CHUNK_TOOL_H
#include "value/chunk.h"
#include "value/json_read.h"

struct chunk_tool {
	sk_chunk_builder *builder;
	sk_json_reader *reader;
	struct sk_buf want;     /* compact JSON of the records, NUL after each */
	struct sk_buf out;      /* the chunk sealed last */
	struct sk_chunk *chunk; /* and opened */
};

void chunk_tool_open(struct chunk_tool *, uint32_t target);
void chunk_tool_close(struct chunk_tool *);
/* 1, or 0 when the chunk is full.  The text must be JSON. */
int chunk_tool_add(struct chunk_tool *, const char *text, size_t n);
/* Seal and open. */
void chunk_tool_seal(struct chunk_tool *);
/* Compare every record of the open chunk with what went in. */
void chunk_tool_compare(struct chunk_tool *);
/* Both. */
void chunk_tool_check(struct chunk_tool *);
/* A chunk of n texts. */
void chunk_tool_of(struct chunk_tool *, const char *const *text, size_t n);
/* What a path finds in the row, as JSON; "-": nothing.  Lives until next. */
const char *chunk_tool_at(struct chunk_tool *, const char *path, uint32_t row);
/* After the bytes were changed: make all checksums right again, as far as the
 * head tells where the blocks are. */
void chunk_tool_mend(uint8_t *bytes, size_t n);
/* Read everything there is; what fails must say why. */
int chunk_tool_read_all(struct sk_chunk *, struct snek_error *);
#endif
