/* SPDX-License-Identifier: MIT */
/* The callbacks of an op that see keys: combine, reduce and partition. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "task/host.h"
#include "value/value.h"

typedef int callback(snek_ctx *, void *, struct snek_value, snek_values *);
typedef int emit_fn(void *, struct snek_value, struct snek_value);

static int say_key(sk_instance *in, struct snek_value key, const char *what,
    int rc, struct snek_error *e)
{
	struct snek_error why = in->failure;    /* may be what e points at */
	struct sk_buf text = {0};

	/* A failed emit has said why, into e. */
	if (!why.text[0] && e && e->text[0])
		why = *e;
	if (!why.text[0])
		sk_fail(&why, rc, "%s", sk_strerror(rc));
	if (sk_json_write(&text, key))
		sk_fail(e, rc, "%s of %s failed at key %.*s: %.300s", what,
		    in->o.op->op.name, text.n > 80 ? 80 : (int)text.n, text.p,
		    why.text);
	sk_buf_free(&text);
	return rc;
}

static int run(sk_instance *in, callback *call, const char *what,
    struct snek_value key, sk_group *g, emit_fn *emit, void *emit_arg,
    struct snek_error *e)
{
	struct sk_frame outer;
	int rc;

	sk_host_enter(in, &outer, what, SK_MAY_EMIT | SK_MAY_VALUES);
	in->frame.group = g;
	in->frame.emit = emit;
	in->frame.emit_arg = emit_arg;
	rc = call(&in->ctx, in->self, key, (snek_values *)g);
	rc = sk_host_settle(in, rc, false);
	sk_host_leave(in, &outer);
	return rc < 0 ? say_key(in, key, what, rc, e) : 0;
}

static int combine(void *arg, struct snek_value key, sk_group *g, emit_fn *emit,
    void *emit_arg, struct snek_error *e)
{
	sk_instance *in = arg;

	return run(in, in->o.op->op.combine, "combine", key, g, emit,
	    emit_arg, e);
}

static int reduce(void *arg, struct snek_value key, sk_group *g, emit_fn *emit,
    void *emit_arg, struct snek_error *e)
{
	sk_instance *in = arg;

	return run(in, in->o.op->op.reduce, "reduce", key, g, emit,
	    emit_arg, e);
}

struct sk_grouper sk_grouper_combine(sk_instance *in)
{
	return (struct sk_grouper){ in->o.op->op.combine ? combine : NULL, in };
}

struct sk_grouper sk_grouper_reduce(sk_instance *in)
{
	return (struct sk_grouper){ in->o.op->op.reduce ? reduce : NULL, in };
}

/* It cannot fail by itself: partition 0, and the failure is kept. */
uint32_t sk_grouper_partition(void *arg, struct snek_value key, uint32_t n)
{
	sk_instance *in = arg;
	struct sk_frame outer;
	uint32_t part;

	sk_host_enter(in, &outer, "partition", 0);
	part = in->o.op->op.partition(&in->ctx, in->self, key, n);
	if (part >= n)
		sk_host_fail(in, SNEK_EPLUGIN, "partition chose %u of %u "
		    "partitions (they are numbered from 0)", part, n);
	sk_host_leave(in, &outer);
	return part < n ? part : 0;
}
