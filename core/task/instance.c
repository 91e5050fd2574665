/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "task/host.h"
#include "value/json_read.h"
#include "value/value.h"

/* ---- what open declares ---- */

static int find_field(const sk_instance *in, const char *path, size_t n)
{
	for (uint32_t i = 0; i < in->paths; i++)
		if (!strncmp(in->path_text[i], path, n) && !in->path_text[i][n])
			return (int)i;
	return -1;
}

/* Room for one more, in arrays that double. */
static bool grow_fields(sk_instance *in)
{
	size_t n = in->paths ? 2 * (size_t)in->paths : 1;
	void *p;

	if (in->paths & (in->paths - 1))
		return true;
	p = realloc(in->path, n * sizeof(*in->path));
	if (!p)
		return false;
	in->path = p;
	p = realloc(in->path_text, n * sizeof(*in->path_text));
	if (!p)
		return false;
	in->path_text = p;
	return true;
}

static int add_field(sk_instance *in, char *text)
{
	int rc;

	if (in->stale)
		return sk_host_fail(in, SNEK_EPLUGIN, "names the field '%.80s' "
		    "when it is opened again, but did not before", text);
	if (in->paths == SK_MAX_FIELDS)
		return sk_host_fail(in, SNEK_ELIMIT, "names over %u fields",
		    SK_MAX_FIELDS);
	if (!grow_fields(in))
		return sk_host_fail(in, SNEK_ENOMEM, "out of memory");
	rc = sk_path_parse(&in->path[in->paths], text, &in->failure);
	if (rc < 0)
		return sk_host_stick(in, rc);
	in->path_text[in->paths++] = text;
	return 0;
}

int sk_instance_field(sk_instance *in, const char *path, size_t n, snek_path *out)
{
	int rc = in->failure.code, i;
	char *text;

	if (rc)
		return rc;
	if (!path || memchr(path, '\0', n) || sk_utf8_check(path, n) < n)
		return sk_host_fail(in, SNEK_EINVAL, "names a field that is no "
		    "path");
	i = find_field(in, path, n);
	if (i >= 0) {
		out->id = (uint32_t)i;
		return 0;
	}
	text = strndup(path, n);
	if (!text)
		return sk_host_fail(in, SNEK_ENOMEM, "out of memory");
	rc = add_field(in, text);
	if (rc < 0)
		free(text);
	else
		out->id = in->paths - 1;
	return rc;
}

static int check_aggregate(sk_instance *in, const char *name, uint32_t kind)
{
	size_t n = name ? strlen(name) : 0;

	if (!n || n > 1024 || sk_utf8_check(name, n) < n)
		return sk_host_fail(in, SNEK_EINVAL, "declares an aggregate "
		    "without a name of 1 to 1024 bytes of UTF-8");
	if (kind > SNEK_MEAN)
		return sk_host_fail(in, SNEK_EINVAL, "declares the aggregate '%s' "
		    "of a kind that this snek does not know (%u)", name, kind);
	if (in->aggregates == SK_MAX_AGGREGATES)
		return sk_host_fail(in, SNEK_ELIMIT, "declares over %u aggregates",
		    SK_MAX_AGGREGATES);
	for (uint32_t i = 0; i < in->aggregates; i++)
		if (!strcmp(in->declared.aggregate[i].name, name))
			return sk_host_fail(in, SNEK_EINVAL, "declares two "
			    "aggregates named '%s'", name);
	return 0;
}

int sk_instance_aggregate(sk_instance *in, const char *name, uint32_t kind)
{
	struct sk_aggregate_spec *a = &in->declared.aggregate[in->aggregates];
	int rc = in->failure.code;

	if (!rc)
		rc = check_aggregate(in, name, kind);
	if (rc < 0)
		return rc;
	if (in->stale) {
		if (in->aggregates == in->declared.n || a->kind != kind ||
		    strcmp(a->name, name))
			return sk_host_fail(in, SNEK_EPLUGIN, "declares other "
			    "aggregates when it is opened again");
		in->aggregates++;
		return 0;
	}
	a->name = strdup(name);
	if (!a->name)
		return sk_host_fail(in, SNEK_ENOMEM, "out of memory");
	a->kind = kind;
	in->declared.kind = SK_AGGREGATED;
	in->declared.n = ++in->aggregates;
	return 0;
}

/* ---- opening and closing ---- */

static void reset(sk_instance *in)
{
	memset(&in->failure, 0, sizeof(in->failure));
	memset(&in->info, 0, sizeof(in->info));
	in->text[0] = '\0';
	in->info.size = sizeof(in->info);
	in->info.category = in->category;
	in->control = NULL;
	in->map = NULL;
	in->sink = NULL;
	in->row = 0;
	in->by_row = false;
	in->placed = in->whole_row = SK_NO_ROW;
	in->attention = 0;
}

static int call_open(sk_instance *in, struct snek_error *e)
{
	const struct snek_op *op = &in->o.op->op;
	struct sk_frame none;
	int rc = 0;

	reset(in);
	in->aggregates = 0;
	in->self = NULL;
	sk_host_enter(in, &none, "open", SK_MAY_DECLARE);
	if (op->open)
		rc = op->open(&in->ctx, &in->self);
	rc = sk_host_settle(in, rc, false);
	sk_host_leave(in, &none);
	if (rc < 0)
		return sk_fail(e, rc, "%s: %s", op->name, in->failure.text);
	in->opened = true;
	in->stale = false;
	return 0;
}

/* It gets no context, so nothing but the mark tells that it runs. */
static void call_close(sk_instance *in)
{
	if (in->opened && in->o.op->op.close) {
		sk_host_mark(in, "close");
		in->o.op->op.close(in->self);
	}
	in->opened = false;
	in->self = NULL;
	sk_side_free_all(in);
	sk_arena_reset(&in->kept);
}

int sk_instance_renew(sk_instance *in, struct snek_error *e)
{
	if (in->opened && !in->stale) {
		reset(in);
		return 0;
	}
	call_close(in);
	in->stale = true;               /* it declares again what it did before */
	return call_open(in, e);
}

static bool make_columns(sk_instance *in)
{
	in->column = calloc(in->paths + 1, sizeof(*in->column));
	in->columns = calloc(in->paths + 1, sizeof(*in->columns));
	if (!in->column || !in->columns)
		return false;
	for (uint32_t i = 0; i < in->paths; i++)
		in->columns[i] = &in->column[i];
	in->view = (struct snek_chunk){ .size = sizeof(in->view),
	    .api = &sk_host_api, .columns = in->columns };
	return true;
}

int sk_instance_open(const struct sk_instance_options *o, sk_instance **out,
    struct snek_error *e)
{
	sk_instance *in = calloc(1, sizeof(*in));
	int rc;

	if (!in)
		return sk_enomem(e);
	in->o = *o;
	in->ctx.api = &sk_host_api;
	in->wholes.get = sk_feed_whole;
	in->mark = o->mark ? o->mark : &in->own_mark;
	in->category = strdup(o->category ? o->category : "");
	rc = in->category ? call_open(in, e) : sk_enomem(e);
	if (rc >= 0 && !make_columns(in))
		rc = sk_enomem(e);
	if (rc < 0)
		sk_instance_close(in);
	else
		*out = in;
	return rc;
}

void sk_instance_close(sk_instance *in)
{
	if (!in)
		return;
	call_close(in);
	for (uint32_t i = 0; i < in->paths; i++) {
		sk_path_free(&in->path[i]);
		free(in->path_text[i]);
	}
	for (uint32_t i = 0; i < in->declared.n; i++)
		free(in->declared.aggregate[i].name);
	free(in->path);
	free(in->path_text);
	free(in->column);
	free(in->columns);
	free(in->category);
	sk_counters_free(&in->counters);
	sk_chunk_close(in->chunk);
	sk_buf_free(&in->scratch);
	sk_arena_free(&in->kept);
	sk_arena_free(&in->arena[0]);
	sk_arena_free(&in->arena[1]);
	free(in);
}

uint32_t sk_instance_paths(const sk_instance *in, const struct sk_path **out)
{
	*out = in->path;
	return in->paths;
}

/* The names are copied: the reducer is freed by whoever asked for it. */
int sk_instance_aggregates(const sk_instance *in, struct sk_reducer *out)
{
	struct sk_reducer r = in->declared;

	if (!r.n)
		return 0;
	for (uint32_t i = 0; i < r.n; i++) {
		r.aggregate[i].name = strdup(r.aggregate[i].name);
		if (!r.aggregate[i].name) {
			r.n = i;
			sk_reducer_free(&r);
			return SNEK_ENOMEM;
		}
	}
	*out = r;
	return 1;
}
