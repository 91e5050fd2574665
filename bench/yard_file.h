/* SPDX-License-Identifier: MIT */
/*
 * yard_file.h - the yard-sticks' column file, drawn in yard_file.c.
 *
 * Package records alone: twelve known fields, strings or whole numbers, and
 * what is anything else ends the program.
 */
#ifndef YARD_FILE_H
#define YARD_FILE_H
#include <stddef.h>
#include <stdint.h>

enum yard_field {
	YARD_PACKAGE, YARD_VERSION, YARD_INSTALLED_SIZE, YARD_MAINTAINER,
	YARD_ARCHITECTURE, YARD_DEPENDS, YARD_DESCRIPTION, YARD_SECTION,
	YARD_PRIORITY, YARD_SIZE, YARD_HOMEPAGE, YARD_TAG, YARD_FIELDS,
};

#define YARD_CHUNK (256u << 10)

struct yard_head {              /* of a chunk */
	uint32_t rows;
	uint32_t ends[YARD_FIELDS], values[YARD_FIELDS];        /* offsets */
};

struct yard_file {
	const char *p;          /* mapped */
	size_t chunks;
};

/* JSON lines in, a column file out. */
void yard_file_make(const char *json, const char *path);
struct yard_file yard_file_map(const char *path);

static inline const struct yard_head *yard_chunk(const struct yard_file *f,
    size_t i)
{
	return (const void *)(f->p + i * YARD_CHUNK);
}

/* Where each row's value ends, counted from yard_values. */
static inline const uint32_t *yard_ends(const struct yard_head *h,
    enum yard_field k)
{
	return (const void *)((const char *)h + h->ends[k]);
}

static inline const char *yard_values(const struct yard_head *h,
    enum yard_field k)
{
	return (const char *)h + h->values[k];
}
#endif
