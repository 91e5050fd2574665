/* SPDX-License-Identifier: MIT */
#include "api/stack.h"

#include <stdlib.h>
#include <string.h>

#include "category/cluster.h"
#include "handle.h"

#define SHARDS_MAX 1024u

struct stack {
	struct snek_cluster_options o;
	const char *server[SHARDS_MAX];
	char *text;                     /* that they point into */
};

static int read_stack(struct stack *s, const char *shards,
    struct snek_error *e)
{
	const char *level = getenv("SNEK_LEVEL");
	char *at, *rest = strdup(shards);

	s->text = rest;
	s->o = (struct snek_cluster_options){ .size = sizeof(s->o),
		.server = s->server,
		.level = level ? (uint32_t)strtoul(level, NULL, 10) : 0 };
	if (!rest)
		return sk_enomem(e);
	while ((at = strsep(&rest, ",")) && s->o.servers < SHARDS_MAX)
		if (*at)
			s->server[s->o.servers++] = at;
	return s->o.servers ? 0 : sk_fail(e, SNEK_EINVAL, "SNEK_SHARDS names no "
	    "servers");
}

int sk_api_stack_make(const char *meta, const char *shards,
    struct snek_error *e)
{
	struct stack s;
	int rc = read_stack(&s, shards ? shards : "", e);

	if (!rc)
		rc = snek_cluster_create(meta, &s.o, e);
	free(s.text);
	return rc == SNEK_EEXIST ? 0 : rc;
}

static int bring(const struct stack *s, snek_cluster *c, const char *where,
    bool *changed, struct snek_error *e)
{
	const struct sk_cluster_plan plan = { .server = s->o.server,
		.servers = s->o.servers, .level = s->o.level };
	bool lacks = false;
	int rc = sk_cluster_lacks(c->cat, &plan, &lacks, e);

	if (!rc && lacks)
		rc = snek_cluster_grow(where, &s->o, NULL, e);
	*changed = !rc && lacks;
	return rc;
}

int sk_api_stack_keep_up(snek_cluster *c, const char *where, bool *changed,
    struct snek_error *e)
{
	const char *shards = getenv("SNEK_SHARDS");
	struct stack s;
	int rc;

	*changed = false;
	if (!shards || !c->cat->servers)
		return 0;
	rc = read_stack(&s, shards, e);
	if (!rc)
		rc = bring(&s, c, where, changed, e);
	free(s.text);
	return rc;
}
