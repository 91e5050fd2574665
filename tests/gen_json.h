/* SPDX-License-Identifier: MIT */
/* gen_json.h - JSON documents from a seed, the same on every machine. */
#ifndef GEN_JSON_H
#define GEN_JSON_H
#include "base/buf.h"

enum gen_kind {
	GEN_FLAT,       /* one shape, scalars of one type a field */
	GEN_DRIFT,      /* names of a large set in any order, types that change */
	GEN_NULLS,      /* one shape with many nulls and absent fields */
	GEN_MIXED,      /* one shape, a value in twenty of another type */
	GEN_SPARSE,     /* new names in every document */
	GEN_WIDE,       /* 1,000 to 2,500 members */
	GEN_DEEP,       /* to depth 64 */
	GEN_UNICODE,    /* strings and names of all of Unicode, escaped or not */
	GEN_NESTED,     /* objects and arrays a few levels deep */
	GEN_TOP,        /* any value, also no object */
	GEN_KINDS,
};

struct gen {
	uint64_t state;
	uint64_t serial;        /* of new names */
};

void gen_seed(struct gen *, uint64_t seed);
uint64_t gen_below(struct gen *, uint64_t n);   /* uniform in [0, n) */

/*
 * Append one valid document: no name twice in an object, integers in
 * [-2^63, 2^64), reals that fit a double, depth of at most 64.  Blanks are
 * strewn in when blanks is set, line ends among them.
 */
void gen_document(struct gen *, enum gen_kind, bool blanks, struct sk_buf *);
/* Append a string in quotes, or a number. */
void gen_string(struct gen *, bool unicode, struct sk_buf *);
void gen_number(struct gen *, struct sk_buf *);
/* Damage bytes in place (1 to 3 of them changed, dropped, doubled, or the end
 * cut off): mostly no JSON any more. */
void gen_damage(struct gen *, struct sk_buf *);
#endif
