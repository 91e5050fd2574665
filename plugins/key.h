/* SPDX-License-Identifier: MIT */
/* key.h - a key made of a record's fields: one, or of several an array. */
#ifndef KEY_H
#define KEY_H
#include "fields.h"

struct key {
	struct fields by;
	struct snek_value *part;        /* room for each, and one more */
};

/* open only; the argument names the fields. */
static inline int key_open(snek_ctx *c, const char *arg, struct key *k)
{
	int rc = fields_open(c, arg, &k->by);

	if (rc < 0)
		return rc;
	k->part = (struct snek_value *)snek_alloc(c,
	    (k->by.n + 1) * sizeof(*k->part));
	return k->part ? 0 : SNEK_ENOMEM;
}

static inline int key_required(snek_ctx *c, const char *arg, struct key *k)
{
	int rc = key_open(c, arg, k);

	if (rc >= 0 && !k->by.n)
		return snek_fail(c, SNEK_EINVAL, "argument '%s' names no field",
		    arg);
	return rc;
}

/* Into part; how many are there: an absent field counts as null. */
static inline uint32_t key_parts(struct key *k, struct snek_record r)
{
	uint32_t there = 0;

	for (uint32_t i = 0; i < k->by.n; i++) {
		k->part[i] = snek_get(r, k->by.field[i].path);
		if (k->part[i].type == SNEK_NONE)
			k->part[i] = snek_null();
		else
			there++;
	}
	return there;
}

/* Of the first n parts: null of none. */
static inline int key_make(snek_ctx *c, struct key *k, uint32_t n,
    struct snek_value *out)
{
	*out = n ? k->part[0] : snek_null();
	return n < 2 ? 0 : snek_pack(c, NULL, k->part, n, out);
}
#endif
