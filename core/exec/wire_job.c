/* SPDX-License-Identifier: MIT */
/* wire_job.c - what all attempts of a job share, as bytes. */
#include "exec/wire.h"

#include <stdlib.h>
#include <unistd.h>

void sk_put_op(struct sk_put *w, const struct sk_exec_plugin *p,
    const struct sk_op *op, const struct sk_args *args)
{
	const struct sk_call *c = p ? p->call : NULL;

	sk_put_text(w, p && !c ? p->path : NULL);
	sk_put_text(w, op ? op->op.name : NULL);
	sk_put_text(w, c ? c->lib : NULL);
	sk_put_text(w, c ? c->function : NULL);
	sk_put_text(w, c ? c->signature : NULL);
	sk_put_text(w, c ? c->fields : NULL);
	sk_put_args(w, op ? args : NULL);
}

int sk_get_op(struct sk_get *r, struct sk_wire_op *o, struct snek_error *e)
{
	o->path = sk_get_text(r);
	o->op = sk_get_text(r);
	o->call.lib = sk_get_text(r);
	o->call.function = sk_get_text(r);
	o->call.signature = sk_get_text(r);
	o->call.fields = sk_get_text(r);
	if (r->bad || (o->op && !o->path == !o->call.lib))
		return sk_fail(e, SNEK_EFORMAT, "malformed request");
	return sk_get_args(r, &o->args, e);
}

static bool is_same(const struct sk_exec_job *j)
{
	return j->reduce_op == j->op && j->reduce_args == j->args;
}

void sk_put_job(struct sk_put *w, const struct sk_exec_job *j)
{
	bool same = is_same(j);

	sk_put_op(w, &j->map_file, j->op, j->args);
	sk_put_u8(w, same);
	sk_put_op(w, same ? NULL : &j->reduce_file,
	    same ? NULL : j->reduce_op, j->reduce_args);
	sk_put_reducer(w, j->reducer);
	sk_put_text(w, j->category);
	sk_put_u32(w, j->partitions);
	sk_put_u64(w, j->memory);
	sk_put_u64(w, (uint64_t)j->deadline_ms);
	sk_put_u8(w, j->log != NULL);
	sk_put_sides(w, &j->sides);
}

int sk_get_job(struct sk_get *r, struct sk_wire_job *j)
{
	int rc;

	memset(j, 0, sizeof(*j));
	rc = sk_get_op(r, &j->map, NULL);
	j->same = sk_get_u8(r);
	if (!rc)
		rc = sk_get_op(r, &j->reduce, NULL);
	if (!rc)
		rc = sk_get_reducer(r, &j->reducer);
	j->category = sk_get_text(r);
	j->partitions = sk_get_u32(r);
	j->memory = sk_get_u64(r);
	j->deadline_ms = (int64_t)sk_get_u64(r);
	j->logs = sk_get_u8(r);
	j->sides = (struct sk_span){ r->p, r->n };
	if (!rc && (r->bad || !j->partitions))
		rc = SNEK_EFORMAT;
	if (rc)
		sk_wire_job_free(j);
	return rc;
}

void sk_wire_job_free(struct sk_wire_job *j)
{
	sk_args_free(&j->map.args);
	sk_args_free(&j->reduce.args);
	sk_reducer_free(&j->reducer);
	memset(j, 0, sizeof(*j));
}

/* ---- side inputs ---- */

void sk_put_sides(struct sk_put *w, const struct sk_exec_sides *s)
{
	const struct sk_task_chunk *c;
	size_t i, k;

	sk_put_u32(w, (uint32_t)s->n);
	for (i = 0; i < s->n; i++) {
		sk_put_text(w, s->input[i].name);
		sk_put_u64(w, s->file[i].bytes);
		sk_put_u32(w, (uint32_t)s->input[i].chunks);
		for (k = 0; k < s->input[i].chunks; k++) {
			c = &s->input[i].chunk[k];
			sk_put_u64(w, (uint64_t)((const char *)c->bytes.p -
			    s->file[i].map));
			sk_put_u64(w, c->bytes.n);
			sk_put_u64(w, c->base.version);
			sk_put_u64(w, c->base.record);
		}
	}
}

bool sk_take_sides(struct sk_message *m, const struct sk_exec_sides *s)
{
	size_t i;
	int fd;

	for (i = 0; i < s->n; i++) {
		fd = dup(s->file[i].fd);
		if (fd < 0 || !sk_message_take(m, fd))
			return false;
	}
	return true;
}

/* ---- what is fetched ---- */

void sk_get_fetch(struct sk_get *r, struct sk_wire_fetch *f)
{
	const void *id;

	f->at = sk_get_u32(r);
	f->ref.shard = sk_get_u32(r);
	f->ref.number = sk_get_u32(r);
	f->ref.rows = sk_get_u32(r);
	f->bytes = sk_get_u64(r);
	id = sk_get_raw(r, sizeof(f->ref.segment));
	if (id)
		memcpy(f->ref.segment, id, sizeof(f->ref.segment));
}

void sk_put_want(struct sk_put *w, const struct sk_exec_job *j)
{
	size_t i;

	sk_put_u8(w, j->whole);
	sk_put_u32(w, (uint32_t)j->columns);
	for (i = 0; i < j->columns; i++)
		sk_put_bytes(w, j->column[i].p, j->column[i].n);
}

int sk_get_want(struct sk_get *r, struct sk_wire_want *out)
{
	uint32_t i;

	memset(out, 0, sizeof(*out));
	out->whole = sk_get_u8(r);
	out->columns = sk_get_count(r, 8);
	out->column = calloc(out->columns + 1, sizeof(*out->column));
	if (!out->column)
		return SNEK_ENOMEM;
	for (i = 0; i < out->columns; i++)
		out->column[i] = sk_get_bytes(r);
	return sk_get_end(r) ? 0 : SNEK_EFORMAT;
}
