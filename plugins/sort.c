/* SPDX-License-Identifier: MIT */
/* sort.c - records in the order of fields. */
#include "key.h"

struct sort {
	struct key key;
	snek_path whole;
};

static int open_op(snek_ctx *c, void **self)
{
	struct sort *s = snek_alloc(c, sizeof(*s));
	int rc;

	if (!s)
		return SNEK_ENOMEM;
	*self = s;
	rc = key_required(c, "by", &s->key);
	return rc < 0 ? rc : snek_field(c, "", &s->whole);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct sort *s = self;
	struct snek_value key;
	int rc;

	key_parts(&s->key, r);
	/* An array even of one: no key may be null, for that is none. */
	rc = snek_pack(c, NULL, s->key.part, s->key.by.n, &key);
	return rc < 0 ? rc : snek_emit(c, key, snek_get(r, s->whole));
}

SNEK_PLUGIN("sort", "0.1.0", SNEK_OP(
	.name = "sort",
	.summary = "records in the order of fields",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "by", .type = SNEK_ARG_LIST, .required = 1,
		    .help = "the field, or several, the first counting most: the "
		    "key is an array of them; an absent one counts as null, "
		    "which comes first"),
		NULL },
	.reducer = "none", .open = open_op, .map = map));
