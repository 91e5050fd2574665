/* SPDX-License-Identifier: MIT */
/*
 * smoke.c - does the bundle work here?  The plugin is loaded, and each of its
 * ops is opened and offered a record of each type.  An op need not like them
 * all: what it says of one is told, unless it was opened with arguments that
 * were made up for it.  What it may not do is die.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "worker/lambda.h"

#define MEMORY ((size_t)16 << 20)
#define MAX_CHUNK ((uint64_t)1 << 20)

struct smoke {
	struct sk_lambda *l;
	struct sk_buf bytes;            /* of the chunk */
	struct sk_task_chunk chunk;
	uint32_t rows;
	struct sk_buf ops, said;        /* texts */
	struct sk_put about;            /* the plugin, as it describes itself */
	bool made_up;                   /* arguments of the op at hand */
	bool nomem;
};

static void note(struct smoke *s, const struct sk_op *op, const char *text)
{
	if (!s->made_up && !sk_buf_printf(&s->said, "%s: %s\n", op->op.name,
	    text))
		s->nomem = true;
}

/* ---- an op ---- */

static int set_reducer(const struct sk_op *op, sk_instance *in,
    struct sk_reducer *d, struct snek_error *e)
{
	int rc = sk_instance_aggregates(in, d);

	if (rc)
		return rc < 0 ? sk_enomem(e) : 0;
	if (op->op.reduce) {
		d->kind = SK_GROUPED;
		d->group = SK_GROUP_OP;
		return 0;
	}
	rc = sk_reducer_parse(d, op->op.reducer ? op->op.reducer : "none", e);
	return rc == SNEK_ENOENT ? sk_fail(e, SNEK_EABI, "asks for a reducer %s "
	    "that there is none of", op->op.reducer) : rc;
}

static void offer(struct smoke *s, const struct sk_op *op, sk_instance *in,
    const struct sk_reducer *d, const struct sk_skip *skip, size_t skips)
{
	struct sk_map_task t = { .tasks = 1, .chunk = &s->chunk, .chunks = 1,
		.skip = skip, .skips = skips, .reducer = d, .partitions = 1,
		.memory = MEMORY, .tmp = s->l->tmp, .control = &s->l->control };
	struct sk_outcome o = { 0 };

	if (op->op.reduce || op->op.combine || op->op.partition)
		t.reduce = in;
	sk_task_map(in, &t, &o);
	if (o.code)
		note(s, op, o.error.text);
	sk_outcome_free(&o);
}

/* One record at a time, so that each is told of, unless the op wants to see
 * all of a chunk. */
static void offer_all(struct smoke *s, const struct sk_op *op, sk_instance *in,
    const struct sk_reducer *d)
{
	struct sk_skip *skip = calloc(s->rows + 1, sizeof(*skip));
	uint32_t row, i, n;

	if (!skip) {
		s->nomem = true;
		return;
	}
	if (!op->op.map)
		offer(s, op, in, d, NULL, 0);
	for (row = 0; op->op.map && row < s->rows; row++) {
		for (i = n = 0; i < s->rows; i++)
			if (i != row)
				skip[n++] = (struct sk_skip){ 0, i };
		offer(s, op, in, d, skip, n);
	}
	free(skip);
}

static void try_opened(struct smoke *s, const struct sk_op *op, sk_instance *in)
{
	struct sk_reducer d = { 0 };
	struct snek_error e = { 0 };

	if (set_reducer(op, in, &d, &e))
		note(s, op, e.text);
	else if (op->op.map || op->op.map_shard)
		offer_all(s, op, in, &d);
	sk_reducer_free(&d);
}

/* ---- its arguments ---- */

#define MAX_ARGS 64u

/* One of the fields of the records, where it is asked for a text. */
static const char *make_up(const struct snek_arg *a, char *choice, size_t size)
{
	switch (a->type) {
	case SNEK_ARG_BOOL:
		return "yes";
	case SNEK_ARG_CHOICE:
		snprintf(choice, size, "%.*s", (int)strcspn(a->choices, "|"),
		    a->choices);
		return choice;
	case SNEK_ARG_INT:
	case SNEK_ARG_DOUBLE:
		return "1";
	default:
		return "b";
	}
}

/* What it must be told.  false: that cannot be made up. */
static bool parse_args(struct smoke *s, const struct sk_op *op,
    struct sk_args *args)
{
	char choice[MAX_ARGS][64];
	struct sk_arg_text text[MAX_ARGS];
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < op->args && n < MAX_ARGS; i++)
		if (op->arg[i].required) {
			text[n].name = op->arg[i].name;
			text[n].value = make_up(&op->arg[i], choice[n], 64);
			n++;
		}
	s->made_up = n > 0;
	return !sk_args_parse(args, op, NULL, text, n, NULL);
}

static void try_op(struct smoke *s, const struct sk_plugin *p,
    const struct sk_op *op)
{
	struct sk_attempts *a = &s->l->warm.attempts;
	const struct sk_loaded l = { (struct sk_plugin *)p, op };
	const struct sk_sides none = { 0 };
	struct sk_args args = { 0 };
	struct snek_error e = { 0 };
	sk_instance *in;

	if (!sk_buf_printf(&s->ops, "%s%s", s->ops.n ? "," : "", op->op.name))
		s->nomem = true;
	if (!parse_args(s, op, &args))
		return;
	if (sk_attempts_open(a, &l, &args, "smoke", true, &none, &in, &e)) {
		note(s, op, e.text);
	} else {
		try_opened(s, op, in);
		sk_instance_close(in);
	}
	sk_args_free(&args);
}

/* ---- the event ---- */

static int read_chunk(struct smoke *s, struct snek_error *e)
{
	struct sk_message m = { 0 };
	struct sk_chunk *c;
	struct stat st;
	int rc = sk_event_parcel(s->l->event.input, SK_MSG_FILES, &m, e);

	if (!rc && (m.fds != 1 || fstat(m.fd[0], &st) || st.st_size < 0 ||
	    (uint64_t)st.st_size > MAX_CHUNK ||
	    !sk_channel_slurp(m.fd[0], (uint64_t)st.st_size, &s->bytes)))
		rc = sk_fail(e, SNEK_EFORMAT, "no records to try");
	sk_message_free(&m);
	if (!rc)
		rc = sk_chunk_open(s->bytes.p, s->bytes.n, &c, e);
	if (rc)
		return rc;
	s->rows = sk_chunk_rows(c);
	sk_chunk_close(c);
	s->chunk.bytes = (struct sk_span){ s->bytes.p, s->bytes.n };
	snprintf(s->chunk.origin, sizeof(s->chunk.origin), "the records of a "
	    "smoke test");
	return 0;
}

static int try_plugin(struct smoke *s, const struct sk_invocation *v,
    struct snek_error *e)
{
	const struct sk_event *said = &s->l->event;
	struct sk_wire_op o = { .path = s->l->plugin };
	struct sk_plugin *p;
	uint32_t i;
	int rc;

	if (said->function[0])
		o.call = (struct sk_call){ s->l->plugin, said->function,
			said->signature, said->fields[0] ? said->fields : NULL };
	sk_invoke_begin(s->l, v, "the plugin");
	rc = sk_invoke_load(s->l, &o, &p, e);
	sk_invoke_end(s->l);
	if (rc)
		return rc;
	sk_put_plugin(&s->about, p);
	s->nomem |= s->about.nomem;
	for (i = 0; i < p->ops; i++) {
		sk_invoke_begin(s->l, v, p->op[i].op.name);
		try_op(s, p, &p->op[i]);
		sk_invoke_end(s->l);
	}
	sk_plugin_close(p);
	return 0;
}

static bool answer(struct smoke *s, int rc, const struct snek_error *e)
{
	struct sk_lambda *l = s->l;

	if (s->nomem || !sk_buf_byte(&s->ops, 0) || !sk_buf_byte(&s->said, 0))
		return false;
	l->answer.n = 0;
	if (!sk_answer_begin(&l->answer, &l->event.id, 0))
		return false;
	if (rc)
		sk_say(&l->say, SNEK_ERROR, "%s", e->text);
	return rc ? sk_answer_refused(&l->answer, e, UINT32_MAX)
	    : sk_answer_smoke(&l->answer, s->ops.p, s->rows, s->said.p,
	    (struct sk_span){ s->about.buf.p, s->about.buf.n });
}

bool sk_smoke(struct sk_lambda *l, const struct sk_invocation *v)
{
	struct smoke s = { .l = l };
	struct snek_error e = { 0 };
	int rc = sk_invoke_ready(l, &e);
	bool ok;

	if (!rc)
		rc = read_chunk(&s, &e);
	if (!rc)
		rc = try_plugin(&s, v, &e);
	ok = answer(&s, rc, &e);
	sk_buf_free(&s.bytes);
	sk_buf_free(&s.ops);
	sk_buf_free(&s.said);
	sk_buf_free(&s.about.buf);
	return ok;
}
