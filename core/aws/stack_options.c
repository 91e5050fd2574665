/* SPDX-License-Identifier: MIT */
/* stack_options.c - what is not said of a stack that is there stays as it has
 * it, and what would cost it data is refused. */
#include "aws/stack.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- what may not be ---- */

__attribute__((format(printf, 3, 4)))
static int refuse(const struct sk_stack_options *o, struct snek_error *e,
    const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return sk_fail(e, SNEK_EEXIST, "the stack %s has %s: what its servers hold "
	    "would be lost", o->name, text);
}

static bool is_tiered(const char *node)
{
	return !strncmp(node, "cache.r6gd.", 11);
}

/* AWS takes servers away then, or makes empty ones in their place. */
static int check_servers(const struct sk_stack_options *o,
    const struct sk_template_was *was, struct snek_error *e)
{
	if (o->shards && o->shards < was->shards)
		return refuse(o, e, "%u shards, and cannot have %u", was->shards,
		    o->shards);
	if (o->engine && *was->engine && strcmp(o->engine, was->engine))
		return refuse(o, e, "servers of %s, and cannot have %s",
		    was->engine, o->engine);
	if (o->auth && *was->auth && strcmp(o->auth, was->auth))
		return refuse(o, e, "servers that ask by %s, and cannot have %s",
		    was->auth, o->auth);
	if (o->node && *was->node && is_tiered(o->node) != is_tiered(was->node))
		return refuse(o, e, "servers of %s, and cannot have %s, since one "
		    "of them keeps data on disk, too", was->node, o->node);
	return 0;
}

/* A subnet that is in use cannot go elsewhere: others may come behind it. */
static int check_zones(const struct sk_stack_options *o,
    const struct sk_template_was *was, struct snek_error *e)
{
	size_t n = strlen(was->zone_names);

	if (o->zone_names ? n && !strncmp(o->zone_names, was->zone_names, n) &&
	    strchr(",", o->zone_names[n]) :
	    !o->zones || !n || o->zones == was->zones)
		return 0;
	return sk_fail(e, SNEK_EEXIST, "the stack %s has subnets in %s, which stay "
	    "where they are; %s", o->name, n ? was->zone_names : "zones that AWS "
	    "chose", n ? "name these first, then more" : "say how many there are "
	    "to be, not which");
}

static int check_there(const struct sk_stack_options *o,
    const struct sk_template_was *was, struct snek_error *e)
{
	int rc = check_servers(o, was, e);

	return rc ? rc : check_zones(o, was, e);
}

/* ---- what is kept ---- */

static void keep(struct sk_stack_options *o, const struct sk_template_was *was)
{
	if (!o->shards)
		o->shards = was->shards;
	/* Of one that has no servers yet, shards and zones may be others. */
	if (!o->level && was->level <= o->shards)
		o->level = was->level;
	if (!o->replicas && !o->no_replicas)
		o->replicas = was->replicas;
	if (!o->zones && !o->zone_names)
		o->zones = was->zones;
	if (!o->zone_names && *was->zone_names && o->zones == was->zones)
		o->zone_names = was->zone_names;
	if (!o->node && *was->node)
		o->node = was->node;
	if (!o->engine && *was->engine)
		o->engine = was->engine;
	if (!o->auth && *was->auth)
		o->auth = was->auth;
	if (!o->no_bastion)
		o->bastion |= !strcmp(was->bastion, "yes");
	if (!o->log_retention)
		o->log_retention = was->log_retention;
}

/* Ours and AWS's own are not the user's. */
static void keep_tags(struct sk_stack_options *o, const struct sk_stack_info *i,
    struct sk_stack_kept *k)
{
	size_t n;

	if (o->tags)
		return;
	for (n = 0; n < i->tags; n++) {
		if (!strncmp(i->tag[n].name, "snek:", 5) ||
		    !strncmp(i->tag[n].name, "aws:", 4))
			continue;
		k->text[o->tags] = i->tag[n];
		k->tag[o->tags] = (struct sk_stack_tag){ k->text[o->tags].name,
			k->text[o->tags].value };
		o->tags++;
	}
	o->tag = k->tag;
}

int sk_stack_recall(struct sk_aws *aws, struct sk_stack_deploy *d,
    struct sk_stack_kept *k, struct snek_error *e)
{
	struct sk_stack_info i;
	const char *text;
	int rc = sk_template_check_name(d->o.name, e);

	if (!rc)
		rc = sk_stack_look(aws, d->o.name, &i, e);
	if (!rc)
		rc = sk_stack_settle(aws, d->o.name, &d->watch, &i, e);
	if (rc)
		return rc;
	text = sk_stack_output(&i, "Options");
	if (text)
		rc = sk_template_options_read(text, &k->was, e);
	if (text && !rc && !sk_stack_is_broken(&i) &&
	    sk_stack_output(&i, "Meta"))
		rc = check_there(&d->o, &k->was, e);
	if (rc)
		return rc;
	if (text)
		keep(&d->o, &k->was);
	keep_tags(&d->o, &i, k);
	return sk_template_check(&d->o, e);
}
