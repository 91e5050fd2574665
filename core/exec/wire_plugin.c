/* SPDX-License-Identifier: MIT */
/* wire_plugin.c - a plugin described by a process that loaded it. */
#include <stdlib.h>

#include "exec/wire.h"

enum { HAS_MAP = 1, HAS_SHARD = 2, HAS_COMBINE = 4, HAS_PARTITION = 8,
	HAS_REDUCE = 16, HAS_ALL = 31 };

/* ---- saying ---- */

static void put_arg(struct sk_put *w, const struct snek_arg *a)
{
	sk_put_u32(w, a->type);
	sk_put_u32(w, a->required);
	sk_put_text(w, a->name);
	sk_put_text(w, a->help);
	sk_put_text(w, a->value);
	sk_put_text(w, a->choices);
}

static uint32_t has(const struct snek_op *o)
{
	return (o->map ? HAS_MAP : 0u) | (o->map_shard ? HAS_SHARD : 0u) |
	    (o->combine ? HAS_COMBINE : 0u) |
	    (o->partition ? HAS_PARTITION : 0u) | (o->reduce ? HAS_REDUCE : 0u);
}

void sk_put_plugin(struct sk_put *w, const struct sk_plugin *p)
{
	const struct sk_op *o;
	uint32_t i, k;

	sk_put_text(w, p->name);
	sk_put_text(w, p->version);
	sk_put_u32(w, p->ops);
	for (i = 0; i < p->ops; i++) {
		o = &p->op[i];
		sk_put_text(w, o->op.name);
		sk_put_text(w, o->op.summary);
		sk_put_text(w, o->op.reducer);
		sk_put_u32(w, has(&o->op));
		sk_put_u32(w, o->args);
		for (k = 0; k < o->args; k++)
			put_arg(w, &o->arg[k]);
	}
}

/* ---- hearing ---- */

/* Callbacks of a plugin whose code is in another process. */
static int no_map(snek_ctx *c, void *self, struct snek_record r)
{
	(void)c;
	(void)self;
	(void)r;
	return SNEK_EINTERNAL;
}

static int no_map_shard(snek_ctx *c, void *self, snek_chunks *it)
{
	(void)c;
	(void)self;
	(void)it;
	return SNEK_EINTERNAL;
}

static int no_values(snek_ctx *c, void *self, struct snek_value key,
    snek_values *it)
{
	(void)c;
	(void)self;
	(void)key;
	(void)it;
	return SNEK_EINTERNAL;
}

static uint32_t no_partition(snek_ctx *c, void *self, struct snek_value key,
    uint32_t n)
{
	(void)c;
	(void)self;
	(void)key;
	(void)n;
	return 0;
}

static void set_callbacks(struct snek_op *o, uint32_t has)
{
	o->map = has & HAS_MAP ? no_map : NULL;
	o->map_shard = has & HAS_SHARD ? no_map_shard : NULL;
	o->combine = has & HAS_COMBINE ? no_values : NULL;
	o->partition = has & HAS_PARTITION ? no_partition : NULL;
	o->reduce = has & HAS_REDUCE ? no_values : NULL;
}

static int get_args(struct sk_get *r, struct sk_arena *a,
    const struct snek_arg *const **out)
{
	uint32_t n = sk_get_count(r, 24), i;
	const struct snek_arg **list;
	struct snek_arg *arg;

	list = sk_arena_alloc(a, (n + 1) * sizeof(*list));
	arg = sk_arena_alloc(a, (n + 1) * sizeof(*arg));
	if (!list || !arg)
		return SNEK_ENOMEM;
	for (i = 0; i < n; i++) {
		arg[i] = (struct snek_arg){ .size = sizeof(*arg) };
		arg[i].type = sk_get_u32(r);
		arg[i].required = sk_get_u32(r);
		arg[i].name = sk_get_text(r);
		arg[i].help = sk_get_text(r);
		arg[i].value = sk_get_text(r);
		arg[i].choices = sk_get_text(r);
		list[i] = &arg[i];
	}
	list[n] = NULL;
	*out = list;
	return 0;
}

static int get_op(struct sk_get *r, struct sk_arena *a, struct snek_op *o)
{
	uint32_t has;

	*o = (struct snek_op){ .size = sizeof(*o) };
	o->name = sk_get_text(r);
	o->summary = sk_get_text(r);
	o->reducer = sk_get_text(r);
	has = sk_get_u32(r);
	if (has & ~(uint32_t)HAS_ALL)
		r->bad = true;
	set_callbacks(o, has);
	return get_args(r, a, &o->args);
}

static int get_ops(struct sk_get *r, struct sk_arena *a,
    const struct snek_op *const **out)
{
	uint32_t n = sk_get_count(r, 20), i;
	const struct snek_op **list;
	struct snek_op *op;
	int rc = 0;

	list = sk_arena_alloc(a, (n + 1) * sizeof(*list));
	op = sk_arena_alloc(a, (n + 1) * sizeof(*op));
	if (!list || !op)
		return SNEK_ENOMEM;
	for (i = 0; i < n && !rc; i++) {
		rc = get_op(r, a, &op[i]);
		list[i] = &op[i];
	}
	list[n] = NULL;
	*out = list;
	return rc;
}

static int get_plugin(struct sk_get *r, struct sk_plugin *p, struct snek_error *e)
{
	struct snek_plugin said = { .abi = SNEK_ABI, .size = sizeof(said) };
	struct sk_get own = { sk_arena_copy(&p->text, r->p, r->n), r->n, r->bad };
	int rc;

	if (!own.p)
		return sk_enomem(e);
	said.name = sk_get_text(&own);
	said.version = sk_get_text(&own);
	rc = get_ops(&own, &p->text, &said.ops);
	if (rc)
		return sk_enomem(e);
	if (!sk_get_end(&own))
		return sk_fail(e, SNEK_EPLUGIN, "was described by bytes that make "
		    "no sense");
	return sk_plugin_read(p, &said, 0, e);
}

int sk_get_plugin(struct sk_get *r, struct sk_plugin **out, struct snek_error *e)
{
	struct sk_plugin *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return sk_enomem(e);
	rc = get_plugin(r, p, e);
	if (rc < 0)
		sk_plugin_close(p);
	else
		*out = p;
	return rc < 0 ? rc : 0;
}
