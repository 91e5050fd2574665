/* SPDX-License-Identifier: MIT */
/* zoo.h - what the ops of the zoo share: all count records, and each does its
 * one bad thing at the record whose id is `at`. */
#ifndef TESTS_ZOO_H
#define TESTS_ZOO_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <snek/plugin.h>

struct zoo {
	int64_t at;
	snek_path id;
	char what[32], path[4096];
};

static const struct snek_arg *const zoo_args[] = {
	SNEK_ARG(.name = "at", .type = SNEK_ARG_INT, .value = "1500",
	    .help = "the id of the record"),
	SNEK_ARG(.name = "what", .type = SNEK_ARG_STRING, .value = "",
	    .help = "one bad thing of several"),
	SNEK_ARG(.name = "path", .type = SNEK_ARG_STRING, .value = "",
	    .help = "a file that it must not touch"),
	NULL
};

static int zoo_text(snek_ctx *c, const char *name, char *out, size_t size)
{
	struct snek_value v;
	int rc = snek_arg(c, name, &v);

	if (rc < 0)
		return rc;
	if (v.len >= size)
		return SNEK_ELIMIT;
	memcpy(out, v.as.s, v.len);
	out[v.len] = '\0';
	return 0;
}

static int zoo_read_args(snek_ctx *c, struct zoo *z)
{
	struct snek_value at;
	int rc = snek_arg(c, "at", &at);

	z->at = at.as.i;
	if (rc >= 0)
		rc = zoo_text(c, "what", z->what, sizeof(z->what));
	if (rc >= 0)
		rc = zoo_text(c, "path", z->path, sizeof(z->path));
	return rc < 0 ? rc : snek_field(c, "id", &z->id);
}

static int zoo_open(snek_ctx *c, void **self)
{
	struct zoo *z = calloc(1, sizeof(*z));
	int rc = z ? zoo_read_args(c, z) : SNEK_ENOMEM;

	if (rc < 0)
		free(z);
	else
		*self = z;
	return rc;
}

static inline bool zoo_is_due(const struct zoo *z, struct snek_record r)
{
	int64_t id;

	return snek_get_int(r, z->id, &id) && id == z->at;
}

static inline int zoo_count(snek_ctx *c)
{
	return snek_emit_int(c, "records", 7, 1);
}

/* How it went that must not go: no error is the worst outcome. */
static inline int zoo_verdict(snek_ctx *c, const char *what, bool refused)
{
	if (refused)
		return snek_fail(c, SNEK_EPLUGIN, "%s: refused: %s", what,
		    strerror(errno));
	return snek_emit_int(c, "escaped", 7, 1);
}

/* The callback round a bad thing. */
#define ZOO_MAP(bad) \
static int map_##bad(snek_ctx *c, void *self, struct snek_record r) \
{ \
	return zoo_is_due(self, r) ? bad(c, self, r) : zoo_count(c); \
}

#define ZOO_OP(bad, summary_) SNEK_OP(.name = #bad, .summary = summary_, \
	.args = zoo_args, .reducer = "sum", .open = zoo_open, .close = free, \
	.map = map_##bad)

#endif
