/* SPDX-License-Identifier: MIT */
/* wire_job.c - what all attempts of a job share, as bytes. */
#include "exec/wire.h"

static void put_op(struct sk_put *w, const char *path, const struct sk_op *op,
    const struct sk_args *args)
{
	sk_put_text(w, path);
	sk_put_text(w, op ? op->op.name : NULL);
	sk_put_args(w, op ? args : NULL);
}

static bool is_same(const struct sk_exec_job *j)
{
	return j->reduce_op == j->op && j->reduce_args == j->args;
}

void sk_put_job(struct sk_put *w, const struct sk_exec_job *j)
{
	bool same = is_same(j);

	put_op(w, j->map_file.path, j->op, j->args);
	sk_put_u8(w, same);
	put_op(w, same ? NULL : j->reduce_file.path,
	    same ? NULL : j->reduce_op, j->reduce_args);
	sk_put_reducer(w, j->reducer);
	sk_put_text(w, j->category);
	sk_put_u32(w, j->partitions);
	sk_put_u64(w, j->memory);
	sk_put_u64(w, (uint64_t)j->deadline_ms);
	sk_put_u8(w, j->log != NULL);
}

static int get_op(struct sk_get *r, struct sk_wire_op *o)
{
	o->path = sk_get_text(r);
	o->op = sk_get_text(r);
	return sk_get_args(r, &o->args, NULL);
}

int sk_get_job(struct sk_get *r, struct sk_wire_job *j)
{
	int rc;

	memset(j, 0, sizeof(*j));
	rc = get_op(r, &j->map);
	j->same = sk_get_u8(r);
	if (!rc)
		rc = get_op(r, &j->reduce);
	if (!rc)
		rc = sk_get_reducer(r, &j->reducer);
	j->category = sk_get_text(r);
	j->partitions = sk_get_u32(r);
	j->memory = sk_get_u64(r);
	j->deadline_ms = (int64_t)sk_get_u64(r);
	j->logs = sk_get_u8(r);
	if (!rc && (!sk_get_end(r) || !j->partitions))
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
