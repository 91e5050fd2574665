/* SPDX-License-Identifier: MIT */
/* prepare.c - from a description to what can run; finds what is wrong. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/job.h"
#include "task/tmp.h"

/* combine often: so much that a few pairs fill it. */
#define OFTEN_MEMORY ((size_t)80)

/* ---- functions and reducer ---- */

void sk_job_log(void *arg, int level, const char *text)
{
	struct snek_job *j = arg;

	if (!j->log)
		return;
	pthread_mutex_lock(&j->log_lock);
	j->log(j->log_arg, level, text);
	pthread_mutex_unlock(&j->log_lock);
}

/* What the name means may decide how the worker is started. */
static int look(struct snek_job *j, struct snek_error *e)
{
	if (!j->function)
		return sk_fail(e, SNEK_EINVAL, "the job maps no function");
	return j->call.lib ? 0
	    : sk_function_look(j->cat, j->function, &j->map_fn, e);
}

const struct sk_call *sk_job_called(const struct snek_job *j)
{
	if (j->call.lib)
		return &j->call;
	return j->map_fn.call.lib ? &j->map_fn.call : NULL;
}

static int open_call(struct snek_job *j, struct snek_error *e)
{
	int rc = j->worker ? sk_call_describe(&j->call, &j->map_fn.plugin, e)
	    : sk_call_open(&j->call, &j->map_fn.plugin, e);

	if (!rc)
		j->map_fn.op = &j->map_fn.plugin->op[0];
	return rc;
}

static int find_map(struct snek_job *j, struct snek_error *e)
{
	int rc = j->call.lib ? open_call(j, e)
	    : sk_function_load(j->cat, j->worker, j->function, &j->map_fn, e);

	if (!rc)
		rc = sk_job_away_check(j, e);
	if (rc)
		return rc;
	if (!j->map_fn.op->op.map && !j->map_fn.op->op.map_shard)
		return sk_fail(e, SNEK_EINVAL, "%s cannot map; it only reduces",
		    j->function);
	return sk_args_parse(&j->map_args, j->map_fn.op, j->args_json, j->arg,
	    j->args, e);
}

/* Open the op once here: it says which aggregates it declares, and what it
 * does not like about its arguments. */
static int ask_here(struct snek_job *j, bool *aggregates, struct snek_error *e)
{
	struct sk_instance_options o = {
		.plugin = j->map_fn.plugin, .op = j->map_fn.op,
		.args = &j->map_args, .category = j->exec_job.category,
		.side = j->sides.input, .sides = j->sides.n,
		.log = sk_job_log, .log_arg = j,
	};
	sk_instance *in;
	int rc = sk_instance_open(&o, &in, e);

	if (rc)
		return rc;
	rc = sk_instance_aggregates(in, &j->reducer);
	*aggregates = rc > 0;
	rc = rc < 0 ? sk_enomem(e) : sk_fields_note(&j->fields, in, e);
	sk_instance_close(in);
	return rc;
}

/* It is sent whole records, and nobody here knows more of it. */
static int ask_nobody(struct snek_job *j, bool *aggregates)
{
	*aggregates = false;
	j->fields.name = calloc(1, sizeof(*j->fields.name));
	j->fields.n = j->fields.name != NULL;
	return j->fields.name ? 0 : SNEK_ENOMEM;
}

static int ask_map(struct snek_job *j, bool *aggregates, struct snek_error *e)
{
	struct sk_exec_plugin p = { j->map_fn.file, j->map_fn.path,
		sk_job_called(j) };
	struct sk_opened o;
	int rc;

	if (j->on == SK_ON_HTTP)
		return ask_nobody(j, aggregates) ? sk_enomem(e) : 0;
	if (!j->worker && j->on != SK_ON_LAMBDA)
		return ask_here(j, aggregates, e);
	rc = j->worker ? sk_worker_open_op(j->worker, &p, j->map_fn.op,
	    &j->map_args, j->exec_job.category, &j->exec_job.sides, &o, e) :
	    sk_job_away_ask(j, &o, e);
	if (rc)
		return rc;
	*aggregates = o.aggregates;
	if (o.aggregates) {
		j->reducer = o.reducer;
		memset(&o.reducer, 0, sizeof(o.reducer));
	}
	j->fields.name = o.field;
	j->fields.n = o.fields;
	o.field = NULL;
	o.fields = 0;
	sk_opened_free(&o);
	return 0;
}

static int reduce_with_op(struct snek_job *j, struct snek_error *e)
{
	int rc = sk_function_find(j->cat, j->worker, j->reduce, &j->reduce_fn,
	    e);

	if (rc == SNEK_ENOENT && !strchr(j->reduce, '/'))
		return sk_fail(e, SNEK_ENOENT, "no reducer %s; there are %s, and "
		    "functions that reduce", j->reduce, sk_reducer_names());
	if (rc)
		return rc;
	if (j->reduce_fn.record && j->cat->bare)
		return sk_fail(e, SNEK_EINVAL, "here a function reduces what it "
		    "maps itself, and else what ships or is built in; not %s",
		    j->reduce);
	if (!j->reduce_fn.op->op.reduce)
		return sk_fail(e, SNEK_EINVAL, "%s does not reduce", j->reduce);
	j->reducer.kind = SK_GROUPED;
	j->reducer.group = SK_GROUP_OP;
	return sk_args_parse(&j->reduce_args, j->reduce_fn.op, NULL, NULL, 0, e);
}

static int reduce_as_asked(struct snek_job *j, bool aggregates,
    struct snek_error *e)
{
	int rc;

	if (aggregates)
		return sk_fail(e, SNEK_EINVAL, "%s reduces by itself; leave out "
		    "the reducer %s", j->function, j->reduce);
	rc = sk_reducer_parse(&j->reducer, j->reduce, e);
	return rc == SNEK_ENOENT ? reduce_with_op(j, e) : rc;
}

static int find_reduce(struct snek_job *j, struct snek_error *e)
{
	const struct snek_op *op = &j->map_fn.op->op;
	bool aggregates;
	int rc = ask_map(j, &aggregates, e);

	if (rc)
		return rc;
	if (j->reduce)
		return reduce_as_asked(j, aggregates, e);
	if (aggregates)
		return 0;
	if (op->reduce) {
		j->reducer.kind = SK_GROUPED;
		j->reducer.group = SK_GROUP_OP;
		j->reduces_itself = true;
		return 0;
	}
	rc = sk_reducer_parse(&j->reducer, op->reducer ? op->reducer : "none", e);
	if (rc == SNEK_ENOENT)
		return sk_fail(e, SNEK_EABI, "%s asks for a reducer %s; there are %s",
		    j->function, op->reducer, sk_reducer_names());
	return rc;
}

/* ---- input ---- */

static bool set_chunks(struct snek_job *j, size_t n)
{
	j->chunk = calloc(n ? n : 1, sizeof(*j->chunk));
	j->chunks = n;
	return j->chunk;
}

static int open_snapshot(struct snek_job *j, struct snek_error *e)
{
	struct sk_snapshot *s;
	int rc;

	if (!j->set.keep_going)
		return sk_snapshot_open(j->cat, j->category, &j->snap, e);
	rc = sk_snapshot_open_rest(j->cat, j->category, &j->snap, e);
	s = j->snap;
	if (rc || !s->lost || s->lost < s->records)
		return rc;
	if (e)                          /* nothing is left of it */
		*e = s->loss[0].why;
	return s->loss[0].why.code;
}

static int chunks_of_snapshot(struct snek_job *j, struct snek_error *e)
{
	const struct sk_snapshot_chunk *c;
	char hex[33];
	size_t i;
	int rc = open_snapshot(j, e);

	if (rc)
		return rc;
	if (!set_chunks(j, j->snap->n))
		return sk_enomem(e);
	for (i = 0; i < j->chunks; i++) {
		c = &j->snap->chunk[i];
		j->chunk[i].bytes = c->bytes;
		j->chunk[i].base = c->base;
		j->chunk[i].ref = (struct sk_chunk_ref){ .shard = c->shard,
		    .number = c->number, .rows = c->rows };
		memcpy(j->chunk[i].ref.segment, c->write.b, sizeof(c->write.b));
		sk_write_id_hex(c->write, hex);
		snprintf(j->chunk[i].origin, sizeof(j->chunk[i].origin),
		    "shard %u, segment %.8s, chunk %u", c->shard, hex, c->number);
	}
	return 0;
}

static int chunks_of_spool(struct snek_job *j, struct snek_error *e)
{
	const struct sk_spool_chunk *c;
	size_t i;
	int rc;

	if (!j->spool)
		return set_chunks(j, 0) ? 0 : sk_enomem(e);
	rc = sk_spool_end(j->spool, e);
	if (rc)
		return rc;
	if (!set_chunks(j, j->spool->own.list.n))
		return sk_enomem(e);
	for (i = 0; i < j->chunks; i++) {
		c = &j->spool->own.list.chunk[i];
		j->chunk[i].bytes.p = (char *)j->spool->map + c->offset;
		j->chunk[i].bytes.n = c->bytes;
		j->chunk[i].base = (struct sk_place){ 1, c->first };
		snprintf(j->chunk[i].origin, sizeof(j->chunk[i].origin),
		    "the input, chunk %zu", i);
	}
	return 0;
}

static void plan_input(const struct snek_job *j, struct sk_plan_chunk *in)
{
	size_t i;

	for (i = 0; i < j->chunks; i++) {
		in[i].bytes = sk_job_away_weight(j, j->chunk[i].bytes.n);
		in[i].shard = j->snap ? j->snap->chunk[i].shard : 0;
		in[i].rows = j->snap ? j->snap->chunk[i].rows
		    : j->spool->own.list.chunk[i].rows;
	}
}

static int make_plan(struct snek_job *j, struct snek_error *e)
{
	struct sk_plan_limits limits = {
		.workers = j->budget.workers, .partitions = j->set.partitions,
		.max_bytes = sk_job_fetch_any(j) ? j->budget.fetch : 0,
		.reduces = j->reducer.kind != SK_LISTED,
		.min_bytes = j->set.chunk_records ? 1 : 0,
	};
	struct sk_plan_chunk *in = calloc(j->chunks + 1, sizeof(*in));
	int rc;

	if (!in)
		return sk_enomem(e);
	if (sk_job_away_is(j))
		sk_job_away_limit_plan(j, &limits);
	plan_input(j, in);
	rc = sk_plan_make(in, j->chunks, &limits, &j->plan, e);
	free(in);
	return rc ? rc : sk_split_open(j, e);
}

/* ---- what runs it ---- */

/* What is spilled is combined before, and what is not is combined once. */
static size_t attempt_memory(const struct snek_job *j)
{
	if (j->set.combine == SK_COMBINE_OFTEN)
		return OFTEN_MEMORY;
	if (j->set.combine == SK_COMBINE_ONCE)
		return SIZE_MAX / 4;
	return j->budget.attempt;
}

static int open_file(void *arg, size_t i)
{
	const struct snek_job *j = arg;

	return j->snap ? sk_snapshot_segment_fd(j->snap, j->file[i].number)
	    : sk_tmp_read_only(j->spool->fd);
}

static void describe(struct snek_job *j)
{
	struct sk_exec_job *x = &j->exec_job;

	x->call = sk_job_called(j);
	x->plugin = j->map_fn.plugin;
	x->op = j->map_fn.op;
	x->args = &j->map_args;
	if (j->reduces_itself || (!j->reduce_fn.op &&
	    (x->op->op.partition || (x->op->op.combine && x->op->op.reduce)))) {
		x->reduce_plugin = x->plugin;
		x->reduce_op = x->op;
		x->reduce_args = x->args;
	} else if (j->reduce_fn.op) {
		x->reduce_plugin = j->reduce_fn.plugin;
		x->reduce_op = j->reduce_fn.op;
		x->reduce_args = &j->reduce_args;
	}
	x->reducer = &j->reducer;
	x->tmp = j->set.tmp;
	x->partitions = j->plan.partitions;
	x->memory = attempt_memory(j);
	x->deadline_ms = j->deadline_ms;
	x->log = sk_job_log;
	x->log_arg = j;
	x->map_file = (struct sk_exec_plugin){ j->map_fn.file,
	    j->map_fn.path ? j->map_fn.path : SK_AWAY_PLUGIN, x->call };
	x->reduce_file = (struct sk_exec_plugin){ j->reduce_fn.file,
	    j->reduce_fn.path, NULL };
	x->open_file = open_file;
	x->open_arg = j;
}

static int by_address(const void *a, const void *b)
{
	const struct sk_exec_file *x = a, *y = b;

	return x->map < y->map ? -1 : x->map > y->map;
}

/* The files that chunks lie in.  The order is that of their addresses, so the
 * number of a file is found again by where it is mapped. */
static int list_files(struct snek_job *j, struct snek_error *e)
{
	size_t n = j->snap ? sk_snapshot_segments(j->snap) : 0, i, k = 0;
	bool spooled = !j->snap && j->spool && j->spool->map;
	struct sk_span s;

	j->file = calloc(n + 1, sizeof(*j->file));
	if (!j->file)
		return sk_enomem(e);
	for (i = 0; i < n; i++) {
		s = sk_snapshot_segment(j->snap, i);
		if (s.p)
			j->file[k++] = (struct sk_exec_file){ s.p, s.n, i };
	}
	n = k;
	if (spooled)
		j->file[n++] = (struct sk_exec_file){ j->spool->map,
		    j->spool->bytes, 0 };
	qsort(j->file, n, sizeof(*j->file), by_address);
	j->exec_job.file = j->file;
	j->exec_job.files = n;
	return 0;
}

/* A worker, if the job wants one: before anything else, for it looks at the
 * plugins. */
static int open_worker(struct snek_job *j, struct snek_error *e)
{
	const struct sk_call *call = sk_job_called(j);
	struct sk_worker_options o = {
		.program = j->set.worker, .tmp = j->set.tmp,
		.lib = call ? call->lib : NULL,
		.workers = j->budget.workers, .trust = j->set.trust,
		.memory = j->set.worker_memory,
		.cpu_ms = (uint64_t)j->set.worker_cpu_ms,
		.deadline_ms = j->deadline_ms, .cancelled = &j->cancelled,
		.log = sk_job_log, .log_arg = j,
	};

	return sk_job_away_wants_worker(j) ? sk_worker_open(&o, &j->worker, e)
	    : 0;
}

/* What is sent away is fetched there; the rest has no chunks. */
static int open_away(struct snek_job *j, struct sk_exec **out,
    struct snek_error *e)
{
	struct sk_exec_job x = j->exec_job;
	struct sk_exec *local = NULL;
	int rc;

	if (sk_job_away_reduces(j))
		return sk_job_away_exec(j, NULL, out, e);
	x.source = (struct sk_span){ NULL, 0 };
	rc = j->worker ? sk_exec_processes(&x, j->worker, &local, e)
	    : sk_exec_threads(&x, j->budget.workers, &local, e);
	return rc ? rc : sk_job_away_exec(j, local, out, e);
}

static int open_exec(struct snek_job *j, struct sk_exec **out,
    struct snek_error *e)
{
	int rc;

	if (sk_job_away_is(j))
		return open_away(j, out, e);
	if (!j->worker)
		return sk_exec_threads(&j->exec_job, j->budget.workers, out, e);
	rc = list_files(j, e);
	return rc ? rc : sk_exec_processes(&j->exec_job, j->worker, out, e);
}

/* While a child is at work, another attempt's chunks may come. */
static uint32_t slots_of(const struct snek_job *j)
{
	return j->worker && sk_job_fetch_any(j) ? 2 * j->budget.workers
	    : j->budget.workers;
}

static int open_hold(struct snek_job *j)
{
	j->hold = (struct sk_hold){ .budget = j->budget.hold,
		.weight = j->budget.weight,
		.memory = j->budget.result / 2, .tmp = j->set.tmp,
		.sorted = j->reducer.kind != SK_AGGREGATED };
	return sk_hold_open(&j->hold, j->plan.partitions);
}

static int make_engine(struct snek_job *j, struct snek_error *e)
{
	bool reduces = j->reducer.kind != SK_LISTED;
	struct sk_sched_config config = {
		.map_tasks = j->plan.tasks, .most_map_tasks = sk_split_most(j),
		.reduce_tasks = reduces ? j->plan.partitions : 0,
		.slots = slots_of(j), .attempts = j->set.attempts,
		.keep_going = j->set.keep_going,
		.deadline = j->deadline_ms, .seed = (uint64_t)j->started_us,
	};
	struct sk_exec *exec;
	int rc;

	if (sk_job_away_is(j))
		sk_job_away_limit_sched(j, &config);
	j->map_out = calloc((size_t)sk_split_most(j) + 1, sizeof(*j->map_out));
	j->reduce_out = calloc(j->plan.partitions + 1, sizeof(*j->reduce_out));
	if (!j->map_out || !j->reduce_out || sk_sched_new(&config, &j->sched))
		return sk_enomem(e);
	rc = sk_bad_open(j, e);
	if (!rc)
		rc = sk_missing_open(j, e);
	if (rc)
		return rc;
	if (open_hold(j))
		return sk_enomem(e);
	describe(j);
	rc = sk_job_fetch_open(j, e);
	if (rc)
		return rc;
	sk_sched_stat(j->sched, &j->stat);
	rc = open_exec(j, &exec, e);
	if (!rc)                /* last, for a cancel may use it from here on */
		__atomic_store_n(&j->exec, exec, __ATOMIC_SEQ_CST);
	return rc;
}

static int open_sides(struct snek_job *j, struct snek_error *e)
{
	if (j->on == SK_ON_HTTP && j->sides.n)
		return sk_fail(e, SNEK_EINVAL, "what a URL is called with are "
		    "records alone: it gets no side input");
	return sk_job_side_open(j, e);
}

int sk_job_prepare(struct snek_job *j, struct snek_error *e)
{
	int rc;

	j->started_us = sk_clock_us();
	if (j->set.timeout_ms)
		j->deadline_ms = j->started_us / 1000 + j->set.timeout_ms;
	j->exec_job.category = j->category ? j->category : "";
	rc = look(j, e);
	sk_job_away_choose(j);
	sk_job_budget(j, &j->budget);
	if (!rc)
		rc = open_sides(j, e);
	if (!rc)
		rc = open_worker(j, e);
	if (!rc)
		rc = sk_job_away_begin(j, e);
	if (!rc)
		rc = find_map(j, e);
	if (!rc)
		rc = find_reduce(j, e);
	if (!rc && j->set.combine == SK_COMBINE_NEVER &&
	    j->reducer.kind == SK_GROUPED && j->reducer.group == SK_GROUP_OP)
		j->reducer.group = SK_GROUP_OP_ALONE;
	if (!rc)
		rc = j->category ? chunks_of_snapshot(j, e) : chunks_of_spool(j, e);
	if (!rc && sk_job_away_is(j))
		rc = sk_job_away_open(j, e);
	if (!rc)
		rc = make_plan(j, e);
	return rc ? rc : make_engine(j, e);
}
