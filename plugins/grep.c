/* SPDX-License-Identifier: MIT */
/* grep.c - the records whose field contains a text. */
#include <snek/plugin.h>
#include <stdlib.h>

#include "search.h"

struct grep {
	snek_path field, record;
	const char *match;
	size_t len;
	bool inverse;
};

static int open_op(snek_ctx *c, void **self)
{
	struct snek_value field, match, inverse;
	struct grep *g;
	int rc;

	if ((rc = snek_arg(c, "field", &field)) < 0 ||
	    (rc = snek_arg(c, "match", &match)) < 0 ||
	    (rc = snek_arg(c, "not", &inverse)) < 0)
		return rc;
	g = snek_alloc(c, sizeof(*g));
	if (!g)
		return SNEK_ENOMEM;
	g->match = match.as.s;
	g->len = match.len;
	g->inverse = inverse.as.b;
	*self = g;
	rc = snek_field_n(c, field.as.s, field.len, &g->field);
	return rc < 0 ? rc : snek_field(c, "", &g->record);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	const struct grep *g = self;
	const char *s;
	size_t n;
	bool found = snek_get_string(r, g->field, &s, &n) &&
	    (!g->len || search_has(s, n, g->match, g->len));

	if (found == g->inverse)
		return 0;
	return snek_emit(c, snek_null(), snek_get(r, g->record));
}

SNEK_PLUGIN("grep", "0.1.0", SNEK_OP(
	.name = "grep",
	.summary = "the records whose field contains a text",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "field", .required = 1,
		    .help = "the field to look into; where it is absent or no "
		    "string, nothing is found"),
		SNEK_ARG(.name = "match", .required = 1,
		    .help = "the text, byte by byte"),
		SNEK_ARG(.name = "not", .type = SNEK_ARG_BOOL, .value = "no",
		    .help = "all other records instead, those without the field "
		    "included"),
		NULL },
	.open = open_op, .map = map));
