/* SPDX-License-Identifier: MIT */
/*
 * template_options.c - what a stack knows of the options that it was made with:
 * the output Options of its template, as
 *
 *   shards=4 level=2 replicas=0 zones=1 node=cache.t4g.micro engine=valkey
 *   auth=iam bastion=no log-retention=14 zone-names=eu-west-1b
 *
 * in one line.  An older one may lack some, which then are as the default; what
 * is not known here is refused, for it is of a newer snek.
 */
#include "aws/template.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option {
	const char *name;
	size_t at, room;                /* room 0: a number */
} options[] = {
#define NUMBER(f) offsetof(struct sk_template_was, f), 0
#define TEXT(f) offsetof(struct sk_template_was, f), \
	sizeof(((struct sk_template_was *)0)->f)
	{ "shards", NUMBER(shards) },
	{ "level", NUMBER(level) },
	{ "replicas", NUMBER(replicas) },
	{ "zones", NUMBER(zones) },
	{ "zone-names", TEXT(zone_names) },
	{ "node", TEXT(node) },
	{ "engine", TEXT(engine) },
	{ "auth", TEXT(auth) },
	{ "bastion", TEXT(bastion) },
	{ "log-retention", NUMBER(log_retention) },
};
enum { OPTIONS = sizeof(options) / sizeof(*options) };

void sk_template_options_text(const struct sk_stack_options *o,
    char b[SK_TEMPLATE_OPTIONS])
{
	snprintf(b, SK_TEMPLATE_OPTIONS, "shards=%u level=%u replicas=%u zones=%u "
	    "node=%s engine=%s auth=%s bastion=%s log-retention=%u", o->shards,
	    o->level, o->replicas, o->zones, o->node, o->engine, o->auth,
	    o->bastion ? "yes" : "no", o->log_retention);
	if (o->zone_names)
		snprintf(b + strlen(b), SK_TEMPLATE_OPTIONS - strlen(b),
		    " zone-names=%s", o->zone_names);
}

static bool take(struct sk_template_was *was, const struct option *o,
    const char *value, size_t n)
{
	char *to = (char *)was + o->at;
	size_t most = o->room ? o->room - 1 : 9;

	if (!n || n > most || strspn(value, o->room ?
	    "abcdefghijklmnopqrstuvwxyz0123456789.,-" : "0123456789") < n)
		return false;
	if (o->room)
		memcpy(to, value, n);
	else
		*(uint32_t *)(void *)to = (uint32_t)strtoul(value, NULL, 10);
	return true;
}

/* One of them, once. */
static const struct option *find(const char *name, size_t n, unsigned *seen)
{
	size_t i;

	for (i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == n &&
		    !memcmp(options[i].name, name, n))
			break;
	if (i == OPTIONS || *seen & 1u << i)
		return NULL;
	*seen |= 1u << i;
	return &options[i];
}

/* What they come to must be possible, too. */
static int check(const struct sk_template_was *was, struct snek_error *e)
{
	struct sk_stack_options o = { .name = "x", .shards = was->shards,
		.level = was->level, .replicas = was->replicas,
		.zones = was->zones,
		.zone_names = *was->zone_names ? was->zone_names : NULL,
		.node = *was->node ? was->node : NULL,
		.engine = *was->engine ? was->engine : NULL,
		.auth = *was->auth ? was->auth : NULL,
		.log_retention = was->log_retention };

	if (*was->bastion && strcmp(was->bastion, "yes") &&
	    strcmp(was->bastion, "no"))
		return sk_fail(e, SNEK_EINVAL, "bastion is yes or no");
	return sk_template_check(&o, e);
}

int sk_template_options_read(const char *text, struct sk_template_was *was,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	const struct option *o;
	const char *p = text, *is;
	unsigned seen = 0;
	size_t n;
	bool good = true;

	memset(was, 0, sizeof(*was));
	while (good) {
		n = strcspn(p, " ");
		is = memchr(p, '=', n);
		o = is ? find(p, (size_t)(is - p), &seen) : NULL;
		good = o && take(was, o, is + 1, n - (size_t)(is + 1 - p));
		p += n;
		if (!good || !*p++)
			break;
	}
	if (good && !check(was, &why))
		return 0;
	return sk_fail(e, SNEK_EVERSION, "the stack's output Options is not of "
	    "this snek, but of a newer one or changed by hand: %.100s%s%s", text,
	    *why.text ? ": " : "", why.text);
}
