/* SPDX-License-Identifier: MIT */
#include "exec/hear.h"

#include "exec/request.h"
#include "exec/worker.h"

const char *sk_hear_op(const struct sk_exec_job *j, const struct sk_attempt *a)
{
	return a->stage && j->reduce_op ? j->reduce_op->op.name
	    : j->op->op.name;
}

void sk_hear_done(const struct sk_exec_job *j, const struct sk_attempt *a,
    bool cancelled, struct sk_message *m, struct sk_outcome *o)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	struct snek_error why = { 0 };
	int rc = sk_get_outcome(&r, m, a->stage ? 0 : j->partitions, o, &why);

	if (!rc && o->code && o->code != SNEK_ECANCELED)
		o->placed = o->placed && o->chunk < a->chunks;
	if (rc) {
		o->code = rc;
		o->error = why;
		sk_fail_in(&o->error, rc, "%s", sk_hear_op(j, a));
	} else if (o->code == SNEK_ECANCELED && !cancelled) {
		o->code = sk_fail(&o->error, SNEK_EPLUGIN, "%s says that it was "
		    "cancelled, and was not", sk_hear_op(j, a));
	}
}

/* Nothing of others has run. */
void sk_hear_unread(const struct sk_exec_job *j, const struct sk_attempt *a,
    uint32_t chunk, int code, const char *text, struct sk_outcome *o)
{
	const struct sk_task_chunk *c = !a->stage && chunk < a->chunks
	    ? &a->chunk[chunk] : NULL;

	if (code == SNEK_ENOENT && c && j->gone)
		o->code = j->gone(j->fetch_arg, c, &o->error);
	else
		o->code = sk_fail(&o->error, code < 0 ? code : SNEK_EAGAIN,
		    "%s", text);
	if (c)
		sk_fail_in(&o->error, o->code, "%s", c->origin);
}

static bool reads_records(const char *callback)
{
	return strcmp(callback, "loading") && strcmp(callback, "open") &&
	    strcmp(callback, "close");
}

void sk_hear_death(const struct sk_exec_job *j, const struct sk_attempt *a,
    const struct sk_wire_death *d, struct sk_outcome *o)
{
	char where[256] = "";

	if (d->end == SK_END_FETCH) {
		sk_hear_unread(j, a, d->chunk, d->status, d->text, o);
		return;
	}
	if (!a->stage && d->chunk < a->chunks && reads_records(d->callback))
		o->placed = sk_request_where(j, a, d->chunk, d->row, where,
		    sizeof(where));
	o->chunk = d->chunk;
	o->row = d->row;
	o->code = sk_worker_say_death(d, sk_hear_op(j, a), where, &o->error);
	o->crashed = d->end == SK_END_SIGNAL || d->end == SK_END_EXIT ||
	    d->end == SK_END_LIED || d->end == SK_END_CPU ||
	    d->end == SK_END_LATE;
	if (o->code == SNEK_EAGAIN)
		o->crashed = o->placed = false;
	if (o->crashed && *d->trace)
		o->trace = strdup(d->trace);    /* or NULL: as if not known */
}
