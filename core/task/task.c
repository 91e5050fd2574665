/* SPDX-License-Identifier: MIT */
#include "task/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task/fpmode.h"
#include "task/host.h"

void sk_outcome_drop_runs(struct sk_outcome *o)
{
	for (uint32_t i = 0; i < o->parts; i++)
		sk_runs_free(&o->part[i]);
	free(o->part);
	o->part = NULL;
	o->parts = 0;
	sk_run_free(&o->run);
}

void sk_outcome_free(struct sk_outcome *o)
{
	for (uint32_t i = 0; i < o->counters; i++)
		free(o->counter[i].name);
	free(o->counter);
	sk_outcome_drop_runs(o);
	free(o->trace);
	memset(o, 0, sizeof(*o));
}

/* ---- how an attempt ends ---- */

static bool is_ours(int code)
{
	return code == SNEK_ECORRUPT || code == SNEK_EVERSION ||
	    code == SNEK_EIO || code == SNEK_EINTERNAL;
}

/* An op that hands its host what is nothing has no bad arguments: those were
 * looked at when it was opened. */
static int blame(int code)
{
	return code == SNEK_EINVAL || code == SNEK_EFORMAT ? SNEK_EPLUGIN : code;
}

/* Say which op failed and where; the machine's failures are not the op's. */
static void say_failed(sk_instance *in, const char *what, struct sk_outcome *out)
{
	const char *why = in->failure.text;
	char where[256];
	int code = in->failure.code;

	sk_feed_where(in, where, sizeof(where));
	out->code = code;
	out->placed = in->by_row && in->at;
	out->chunk = in->mark->chunk;
	out->row = in->row;
	if (!*why)
		why = sk_strerror(code);
	if (code == SNEK_ECANCELED || code == SNEK_ETIMEDOUT)
		sk_fail(&out->error, code, "%s stopped at %s: %s", what, where,
		    why);
	else if (is_ours(code))
		sk_fail(&out->error, code, "%s: %s", where, why);
	else
		out->code = sk_fail(&out->error, blame(code),
		    "%s failed at %s: %s", what, where, why);
	out->error.sys = in->failure.sys;
}

static void fail_outcome(struct sk_outcome *out, int code)
{
	out->code = code;
	if (!out->error.text[0])
		sk_fail(&out->error, code, "%s", sk_strerror(code));
}

/* The op left another mode than it found: sums since then may be wrong. */
static int check_mode(struct sk_fpmode before, const char *op,
    struct sk_outcome *out)
{
	bool same = sk_fpmode_same(sk_fpmode_get(), before);

	sk_fpmode_set(before);
	if (same || out->code)
		return out->code;
	out->code = sk_fail(&out->error, SNEK_EPLUGIN, "%s changed the "
	    "floating-point mode of its thread and left it so; sums would not "
	    "be exact", op);
	return out->code;
}

/* Counters of the reducing instance go with those of the mapping one. */
static void take_counters(sk_instance *in, struct sk_outcome *out)
{
	struct sk_counters all = {0};
	int rc = out->code;

	for (uint32_t i = 0; !rc && i < out->counters; i++)
		rc = sk_counters_add(&all, out->counter[i].name,
		    out->counter[i].value, &out->error);
	for (uint32_t i = 0; !rc && i < in->counters.n; i++)
		rc = sk_counters_add(&all, in->counters.counter[i].name,
		    in->counters.counter[i].value, &out->error);
	for (uint32_t i = 0; i < out->counters; i++)
		free(out->counter[i].name);
	free(out->counter);
	sk_counters_free(&in->counters);
	out->counter = all.counter;
	out->counters = all.n;
	out->code = rc;
}

static int begin(sk_instance *in, struct sk_outcome *out,
    struct snek_task_info info, struct sk_control *control)
{
	int rc = sk_instance_renew(in, &out->error);

	if (rc < 0) {
		fail_outcome(out, rc);
		return rc;
	}
	sk_counters_free(&in->counters);
	info.size = sizeof(info);
	info.category = in->category;
	in->info = info;
	in->control = control;
	in->out = out;
	in->at = NULL;
	in->next = in->skip = 0;
	in->view.rows = 0;
	return 0;
}

static void end(sk_instance *in, struct sk_outcome *out)
{
	take_counters(in, out);
	in->map = NULL;
	in->sink = NULL;
	in->control = NULL;
	in->at = NULL;
	if (out->code)
		in->stale = true;
}

/* ---- map ---- */

/* After a callback that did more than return 0. */
static int look_after(sk_instance *in, int rc)
{
	rc = sk_host_settle(in, rc, true);
	sk_arena_reset(&in->arena[0]);
	in->attention = 0;
	if (rc == SNEK_SKIP)
		in->out->skipped++;
	if (rc >= 0 && in->control &&
	    __atomic_load_n(&in->control->cancelled, __ATOMIC_RELAXED))
		return sk_host_check(in);
	return rc < 0 ? rc : 0;
}

/* The next row of the chunk that is left out, or its end. */
static uint32_t next_skip(sk_instance *in)
{
	const struct sk_map_task *t = in->map;
	const struct sk_skip *s;

	for (; in->skip < t->skips; in->skip++) {
		s = &t->skip[in->skip];
		if (s->chunk == in->mark->chunk && s->row < in->view.rows)
			return s->row;
		if (s->chunk > in->mark->chunk)
			break;
	}
	return in->view.rows;
}

static int map_until(sk_instance *in, uint32_t row, uint32_t end)
{
	int (*map)(snek_ctx *, void *, struct snek_record) = in->o.op->op.map;
	static const int never;
	const int *cancelled = in->control ? &in->control->cancelled : &never;
	struct snek_record r = { &in->view, row };
	struct sk_mark *mark = in->mark;
	int rc;

	for (; r.row < end; r.row++) {
		in->row = r.row;
		__atomic_store_n(&mark->row, r.row, __ATOMIC_RELAXED);
		if (in->unordered)
			in->placed = r.row;
		rc = map(&in->ctx, in->self, r);
		if (__builtin_expect(rc | in->attention |
		    __atomic_load_n(cancelled, __ATOMIC_RELAXED), 0)) {
			rc = look_after(in, rc);
			if (rc < 0) {
				in->out->records_in += r.row + 1;
				return rc;
			}
		}
	}
	return 0;
}

static int map_rows(sk_instance *in)
{
	uint32_t rows = in->view.rows, row = 0, end;
	int rc;

	in->by_row = true;
	for (; row < rows; row = end + 1) {
		end = next_skip(in);
		rc = map_until(in, row, end);
		if (rc < 0)
			return rc;
		if (end < rows) {
			in->skip++;
			in->out->skipped++;
		}
	}
	in->by_row = false;
	in->row = rows ? rows - 1 : 0;
	in->mark->row = SK_NO_ROW;
	in->out->records_in += rows;
	return 0;
}

static int map_records(sk_instance *in)
{
	int rc;

	while ((rc = sk_feed_next(in)) > 0) {
		rc = map_rows(in);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int map_shard(sk_instance *in)
{
	int rc = in->o.op->op.map_shard(&in->ctx, in->self, (snek_chunks *)in);
	uint64_t left;

	rc = sk_host_settle(in, rc, false);
	if (rc < 0 || in->next == in->map->chunks)
		return rc;
	left = sk_feed_left(in);
	return sk_host_fail(in, SNEK_EPLUGIN, "map_shard left %llu records "
	    "unread: it must take every chunk", (unsigned long long)left);
}

static int call(sk_instance *in, const char *name, uint32_t more,
    int (*function)(sk_instance *))
{
	struct sk_frame outer;
	int rc;

	sk_host_enter(in, &outer, name, SK_MAY_EMIT | SK_MAY_ROWS | more);
	rc = function(in);
	sk_host_leave(in, &outer);
	return rc;
}

static int finish(sk_instance *in)
{
	return sk_host_settle(in, in->o.op->op.finish(&in->ctx, in->self), false);
}

static int run_map(sk_instance *in)
{
	const struct snek_op *op = &in->o.op->op;
	int rc;

	if (op->map_shard)
		rc = call(in, "map_shard", SK_MAY_CHUNKS, map_shard);
	else if (op->map)
		rc = call(in, "map", 0, map_records);
	else
		rc = sk_host_fail(in, SNEK_EINVAL, "it has no map");
	if (rc >= 0 && op->finish)
		rc = call(in, "finish", 0, finish);
	return rc;
}

static int give_out(sk_instance *in, const struct sk_map_task *t,
    struct sk_outcome *out)
{
	int rc;

	out->part = calloc(t->partitions, sizeof(*out->part));
	if (!out->part)
		return sk_host_fail(in, SNEK_ENOMEM, "out of memory");
	out->parts = t->partitions;
	out->emitted = sk_sink_emitted(in->sink);
	rc = sk_sink_finish(in->sink, out->part, &in->failure);
	return rc < 0 ? sk_host_stick(in, rc) : 0;
}

static int open_sink(sk_instance *in, const struct sk_map_task *t)
{
	const struct snek_op *r = t->reduce ? &t->reduce->o.op->op : NULL;
	struct sk_sink_options o = { .reducer = t->reducer,
	    .partitions = t->partitions, .memory = t->memory / 2,
	    .tmp = t->tmp, .past = &in->past };
	int rc;

	if (r && r->combine && t->reducer->kind == SK_GROUPED &&
	    t->reducer->group == SK_GROUP_OP)
		o.combine = sk_grouper_combine(t->reduce);
	if (r && r->partition) {
		o.partition = sk_grouper_partition;
		o.partition_arg = t->reduce;
	}
	rc = sk_sink_new(&o, &in->sink, &in->failure);
	return rc < 0 ? sk_host_stick(in, rc) : 0;
}

static void map_all(sk_instance *in, const struct sk_map_task *t,
    struct sk_outcome *out)
{
	struct sk_fpmode mode = sk_fpmode_get();
	int rc;

	in->map = t;
	in->unordered = t->reducer->kind == SK_AGGREGATED;
	rc = open_sink(in, t);
	if (rc >= 0)
		rc = run_map(in);
	if (rc >= 0)
		rc = give_out(in, t, out);
	/* partition fails apart from the emits that asked it */
	if (rc >= 0 && t->reduce && t->reduce->failure.code) {
		in->failure = t->reduce->failure;
		rc = in->failure.code;
	}
	if (rc < 0)
		say_failed(in, in->o.op->op.name, out);
	check_mode(mode, in->o.op->op.name, out);
	sk_sink_free(in->sink);
	in->sink = NULL;
}

void sk_task_map(sk_instance *in, const struct sk_map_task *t,
    struct sk_outcome *out)
{
	struct snek_task_info info = { .attempt = t->attempt, .task = t->task,
	    .tasks = t->tasks };
	sk_instance *other = t->reduce != in ? t->reduce : NULL;

	if (begin(in, out, info, t->control) < 0)
		return;
	if (other && begin(other, out, info, t->control) < 0)
		return;
	map_all(in, t, out);
	if (other)
		end(other, out);
	end(in, out);
	if (out->code)
		sk_outcome_drop_runs(out);
}

/* ---- reduce ---- */

static int check_reduce(void *arg)
{
	return sk_host_check(arg);
}

static int check_control(void *arg)
{
	return sk_control_check(arg, NULL);
}

static void reduce_all(sk_instance *in, const struct sk_reduce_task *t,
    struct sk_outcome *out)
{
	struct sk_reduce_options o = { .reducer = t->reducer,
	    .memory = t->memory / 2, .tmp = t->tmp,
	    .check = in ? check_reduce : check_control,
	    .check_arg = in ? (void *)in : t->control };
	struct sk_fpmode mode = sk_fpmode_get();
	int rc;

	if (in)
		o.reduce = sk_grouper_reduce(in);
	rc = sk_reduce(&o, t->run, t->runs, &out->run, &out->error);
	if (rc < 0)
		fail_outcome(out, rc);
	out->emitted = out->run.entries;
	check_mode(mode, in ? in->o.op->op.name : "a reducer", out);
	if (out->code) {
		sk_run_free(&out->run);
		memset(&out->run, 0, sizeof(out->run));
	}
}

void sk_task_reduce(sk_instance *in, const struct sk_reduce_task *t,
    struct sk_outcome *out)
{
	struct snek_task_info info = { .attempt = t->attempt, .task = t->task,
	    .tasks = t->tasks };

	if (in && begin(in, out, info, t->control) < 0)
		return;
	reduce_all(in, t, out);
	if (in)
		end(in, out);
}
