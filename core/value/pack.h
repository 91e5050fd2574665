/* SPDX-License-Identifier: MIT */
/*
 * pack.h - nested values as msgpack: written with msgpack-c, read with a
 * bounded cursor of ours.  msgpack-c's reader stops at depth 32 and reserves
 * 4 GiB on a 6-byte header; this one allocates nothing and looks at no byte
 * beyond its end.
 *
 * Encodings are exact: int64 and uint64 as integers, double as float64,
 * strings as str, objects as map with str keys in member order.  bin, ext,
 * float32 and other map keys are SNEK_EFORMAT, a depth over SK_MAX_DEPTH is
 * SNEK_ELIMIT.  Whether strings are UTF-8 is for whoever packed them to know.
 */
#ifndef SK_PACK_H
#define SK_PACK_H
#include "base/buf.h"
#include <snek/plugin.h>

/* Writing: false when memory is out.  A map's or array's elements follow it. */
bool sk_pack_value(struct sk_buf *, struct snek_value);  /* nested: copied */
bool sk_pack_map(struct sk_buf *, uint32_t n);
bool sk_pack_array(struct sk_buf *, uint32_t n);
bool sk_pack_string(struct sk_buf *, const char *, size_t);
bool sk_pack_string_head(struct sk_buf *, uint32_t n);   /* n bytes follow */

/* Where the number of elements is not known beforehand: open returns false
 * when memory is out and gives the place that close needs after the last
 * element; containers close in the reverse order of their opening. */
bool sk_pack_open(struct sk_buf *, size_t *at);
bool sk_pack_close(struct sk_buf *, size_t at, bool object, uint32_t n);

/* Reading one value at p; *used gets its length.  Nested ones are skipped as
 * a whole, every header in them checked, depth counted up to SK_MAX_DEPTH. */
int sk_unpack(const void *p, size_t n, struct snek_value *out, size_t *used);
/* The next header alone, for walks that see every byte once: scalars and
 * strings as sk_unpack gives them; of ARRAY and OBJECT len is the number of
 * elements or members, and used ends before the first of them. */
int sk_unpack_head(const void *p, size_t n, struct snek_value *out,
    size_t *used);

/* Elements or members of an ARRAY or OBJECT.  iterate: SNEK_ETYPE for others.
 * next: 1 and an element (name SNEK_NONE in arrays), 0 at the end, SNEK_EFORMAT
 * and SNEK_ELIMIT as sk_unpack. */
int sk_iterate(struct snek_value, struct snek_cursor *);
int sk_next(struct snek_cursor *, struct snek_value *name, struct snek_value *);
#endif
