/* SPDX-License-Identifier: MIT */
/* snek/side.h - side inputs and places; include snek/plugin.h. */
#ifndef SNEK_SIDE_H
#define SNEK_SIDE_H

#include <snek/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Side inputs: records that every task sees, by the name that the job gives
 * them (--side NAME=...); SNEK_ENOENT fails the job: it has none of that name. */
static inline int snek_side_open(snek_ctx *c, const char *name, snek_side **out)
{
	return c->api->side(c, name, strlen(name), out);
}
/* open: a field of a side input's records, as snek_field, before a chunk of it
 * is asked for.  Its paths are read in its own records alone. */
static inline int snek_side_field(snek_ctx *c, snek_side *side,
    const char *path, snek_path *out)
{
	return c->api->side_field(c, side, path, strlen(path), out);
}
/* 1 and the number-th chunk of it, from 0; 0 where there is none any more.  All
 * chunks, and what is read of them, live until close; but a whole record (path
 * "") until another one of this side input is read. */
static inline int snek_side_chunk(snek_ctx *c, snek_side *side,
    uint32_t number, const struct snek_chunk **out)
{
	return c->api->side_chunk(c, side, number, out);
}

/* map, map_shard: where the record stands. */
static inline int snek_record_place(snek_ctx *c, struct snek_record r,
    struct snek_place *out)
{
	return c->api->place(c, r, out);
}

#ifdef __cplusplus
}
#endif
#endif
