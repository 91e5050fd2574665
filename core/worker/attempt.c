/* SPDX-License-Identifier: MIT */
#include "worker/attempt.h"

#include <stdlib.h>

#include "worker/input.h"

/* ---- jobs ---- */

int sk_attempts_begin(struct sk_attempts *a, struct sk_message *init)
{
	struct sk_get r;

	a->init = *init;
	memset(init, 0, sizeof(*init));
	r = (struct sk_get){ a->init.body.p, a->init.body.n, false };
	return sk_get_job(&r, &a->job);
}

void sk_attempts_end(struct sk_attempts *a)
{
	sk_instance_close(a->reduce);
	sk_instance_close(a->map);
	a->map = a->reduce = NULL;
	sk_sides_close(&a->sides);
	sk_plugin_close(a->reduce_fn.plugin);
	sk_plugin_close(a->map_fn.plugin);
	a->map_fn = a->reduce_fn = (struct sk_loaded){ NULL, NULL };
	if (a->init.kind)
		sk_wire_job_free(&a->job);
	sk_message_free(&a->init);
}

/* ---- ops ---- */

int sk_attempts_load(struct sk_attempts *a, const struct sk_wire_op *o,
    const struct sk_message *m, size_t at, struct sk_loaded *l,
    struct snek_error *e)
{
	int rc = l->plugin ? 0 : a->load(a->arg, o, m, at, &l->plugin, e);

	if (rc)
		return rc;
	if (o->call.lib) {
		l->op = &l->plugin->op[0];
		return 0;
	}
	l->op = sk_plugin_op(l->plugin, o->op, e);
	return l->op ? 0 : SNEK_ENOENT;
}

int sk_attempts_open(struct sk_attempts *a, const struct sk_loaded *l,
    const struct sk_args *args, const char *category, bool logs,
    const struct sk_sides *sides, sk_instance **out, struct snek_error *e)
{
	struct sk_instance_options o = {
		.plugin = l->plugin, .op = l->op, .args = args,
		.category = category, .side = sides->input, .sides = sides->n,
		.log = logs ? a->log : NULL,
		.log_arg = a->arg, .mark = a->mark, .room = a->room,
	};

	return sk_instance_open(&o, out, e);
}

static int open_sides(struct sk_attempts *a, struct snek_error *e)
{
	return a->sides.input ? 0 : sk_sides_open(&a->sides, a->job.sides,
	    &a->init, e);
}

static int open_map(struct sk_attempts *a, struct snek_error *e)
{
	int rc;

	if (a->map)
		return 0;
	rc = open_sides(a, e);
	if (!rc)
		rc = sk_attempts_load(a, &a->job.map, &a->init, 0, &a->map_fn, e);
	return rc ? rc : sk_attempts_open(a, &a->map_fn, &a->job.map.args,
	    a->job.category, a->job.logs, &a->sides, &a->map, e);
}

static int open_reduce(struct sk_attempts *a, struct snek_error *e)
{
	int rc;

	if (a->job.same)
		return open_map(a, e);
	if (a->reduce || !a->job.reduce.op)
		return 0;
	rc = open_sides(a, e);
	if (!rc)
		rc = sk_attempts_load(a, &a->job.reduce, &a->init,
		    a->job.map.call.lib ? 0 : 1, &a->reduce_fn, e);
	return rc ? rc : sk_attempts_open(a, &a->reduce_fn,
	    &a->job.reduce.args, a->job.category, a->job.logs, &a->sides,
	    &a->reduce, e);
}

static sk_instance *reducing(const struct sk_attempts *a)
{
	return a->job.same ? a->map : a->reduce;
}

static void put_fields(struct sk_put *w, const sk_instance *in)
{
	const struct sk_path *path;
	uint32_t i, n = sk_instance_paths(in, &path);
	struct sk_buf b;

	n = n < SK_SEEN_PATHS ? n : SK_SEEN_PATHS;
	sk_put_u32(w, n);
	for (i = 0; i < n; i++) {
		b = (struct sk_buf){ 0 };
		if (path[i].n && (!sk_path_text(&path[i], &b) ||
		    !sk_buf_byte(&b, 0)))
			w->nomem = true;
		sk_put_text(w, b.p);
		sk_buf_free(&b);
	}
}

int sk_attempts_say_opened(const sk_instance *in, struct sk_put *w)
{
	struct sk_reducer d = { 0 };
	int rc = sk_instance_aggregates(in, &d);

	sk_put_error(w, 0, &(struct snek_error){ 0 });
	sk_put_u8(w, rc > 0);
	sk_put_reducer(w, &d);
	put_fields(w, in);
	sk_reducer_free(&d);
	return rc < 0 ? rc : 0;
}

int sk_attempts_open_map(struct sk_attempts *a, struct sk_put *w,
    struct snek_error *e)
{
	int rc = open_map(a, e);

	if (!rc && (rc = sk_attempts_say_opened(a->map, w)))
		sk_fail(e, rc, "%s", sk_strerror(rc));
	return rc;
}

/* ---- map ---- */

static void map(struct sk_attempts *a, struct sk_get *r, struct sk_message *m,
    struct sk_outcome *o)
{
	struct sk_map_task t = {
		.reducer = &a->job.reducer, .partitions = a->job.partitions,
		.memory = a->job.memory, .tmp = a->tmp, .control = a->control,
	};
	struct sk_input_map in = { 0 };

	t.task = sk_get_u32(r);
	t.tasks = sk_get_u32(r);
	t.attempt = sk_get_u32(r);
	o->code = open_map(a, &o->error);
	if (!o->code)
		o->code = open_reduce(a, &o->error);
	if (!o->code)
		o->code = sk_input_map_open(&in, r, m, &o->error);
	if (!o->code) {
		t.chunk = in.chunk;
		t.chunks = in.chunks;
		t.skip = in.skip;
		t.skips = in.skips;
		t.reduce = reducing(a);
		sk_task_map(a->map, &t, o);
	}
	sk_input_map_close(&in);
}

/* ---- reduce ---- */

static int get_runs(struct sk_get *r, struct sk_message *m, struct sk_runs *s)
{
	uint32_t n = sk_get_count(r, 25), i;
	struct sk_run run;
	size_t at = 0;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		rc = sk_get_run(r, &run, m, &at);
		if (!rc && !sk_runs_add(s, &run))
			rc = SNEK_ENOMEM;
		if (rc)
			sk_run_free(&run);
	}
	return rc ? rc : sk_get_end(r) ? 0 : SNEK_EFORMAT;
}

static void reduce_runs(struct sk_attempts *a, const struct sk_runs *s,
    struct sk_reduce_task *t, struct sk_outcome *o)
{
	const struct sk_run **run = calloc(s->n + 1, sizeof(*run));
	size_t i;

	if (!run) {
		o->code = sk_enomem(&o->error);
		return;
	}
	for (i = 0; i < s->n; i++)
		run[i] = &s->run[i];
	t->run = run;
	t->runs = s->n;
	sk_task_reduce(reducing(a), t, o);
	free(run);
}

static void reduce(struct sk_attempts *a, struct sk_get *r,
    struct sk_message *m, struct sk_outcome *o)
{
	struct sk_reduce_task t = {
		.reducer = &a->job.reducer, .memory = a->job.memory,
		.tmp = a->tmp, .control = a->control,
	};
	struct sk_runs s = { 0 };
	int rc;

	t.task = sk_get_u32(r);
	t.tasks = sk_get_u32(r);
	t.attempt = sk_get_u32(r);
	o->code = open_reduce(a, &o->error);
	if (!o->code && (rc = get_runs(r, m, &s)))
		o->code = sk_fail(&o->error, rc, "malformed request");
	if (!o->code && a->gather)
		o->code = a->gather(a->arg, &s, &o->error);
	if (!o->code)
		reduce_runs(a, &s, &t, o);
	sk_runs_free(&s);
}

void sk_attempts_run(struct sk_attempts *a, uint8_t what, struct sk_get *r,
    struct sk_message *m, struct sk_outcome *o)
{
	if (!a->init.kind)
		o->code = sk_fail(&o->error, SNEK_EINTERNAL, "a task without a "
		    "job");
	else if (what == SK_ASK_MAP)
		map(a, r, m, o);
	else
		reduce(a, r, m, o);
}
