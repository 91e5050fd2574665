/* SPDX-License-Identifier: MIT */
#include "task_tool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/json_read.h"
#include "value/key.h"
#include "value/pack.h"
#include "value/value.h"

void task_tool_path(char *path, size_t size, const char *where)
{
	const char *name = strrchr(where, '/') + 1, *src = getenv("srcdir");

	if (strstr(name, ".so")) {
		snprintf(path, size, "%s/%s", src ? src : ".", where);
		return;
	}
	snprintf(path, size, "%.*s.libs/%s.so", (int)(name - where), where, name);
}

static void keep_log(void *arg, int level, const char *text)
{
	sk_buf_printf(arg, "%d %s\n", level, text);
}

static void choose_reducer(struct task_tool *t)
{
	const struct snek_op *op = &t->op->op;

	if (sk_instance_aggregates(t->instance, &t->reducer))
		return;
	if (op->reduce)
		t->reducer = (struct sk_reducer){ .kind = SK_GROUPED,
		    .group = SK_GROUP_OP };
	else
		ck_assert_int_eq(sk_reducer_parse(&t->reducer,
		    op->reducer ? op->reducer : "none", NULL), 0);
}

int task_tool_open(struct task_tool *t, const char *where, const char *op,
    const char *json_args)
{
	struct sk_instance_options o = { .category = "things",
	    .log = keep_log, .log_arg = &t->log };
	char path[256];
	int rc;

	memset(t, 0, sizeof(*t));
	t->partitions = 1;
	t->memory = 64 << 20;
	task_tool_path(path, sizeof(path), where);
	ck_assert_msg(sk_plugin_open(path, &t->plugin, &t->error) == 0, "%s",
	    t->error.text);
	t->op = sk_plugin_op(t->plugin, op, &t->error);
	ck_assert_msg(t->op, "%s", t->error.text);
	rc = sk_args_parse(&t->args, t->op, json_args, NULL, 0, &t->error);
	if (rc < 0)
		return rc;
	o.plugin = t->plugin;
	o.op = t->op;
	o.args = &t->args;
	rc = sk_instance_open(&o, &t->instance, &t->error);
	if (rc >= 0)
		choose_reducer(t);
	return rc;
}

static void drop_chunks(struct task_tool *t)
{
	for (size_t i = 0; i < t->chunks; i++)
		free((void *)t->chunk[i].bytes.p);
	free(t->chunk);
	t->chunk = NULL;
	t->chunks = 0;
}

void task_tool_close(struct task_tool *t)
{
	drop_chunks(t);
	sk_outcome_free(&t->map);
	sk_instance_close(t->instance);
	sk_args_free(&t->args);
	sk_reducer_free(&t->reducer);
	sk_plugin_close(t->plugin);
	sk_buf_free(&t->result);
	sk_buf_free(&t->log);
}

static void add_chunk(struct task_tool *t, struct sk_buf *bytes, uint64_t first)
{
	struct sk_task_chunk *c;

	t->chunk = realloc(t->chunk, (t->chunks + 1) * sizeof(*t->chunk));
	c = &t->chunk[t->chunks];
	memset(c, 0, sizeof(*c));
	c->bytes = (struct sk_span){ bytes->p, bytes->n };
	c->base = (struct sk_place){ .version = 5, .record = first };
	snprintf(c->origin, sizeof(c->origin), "category things, write 5, "
	    "chunk %zu", t->chunks++);
}

void task_tool_chunks(struct task_tool *t, const char *const *text, size_t n,
    size_t rows)
{
	sk_chunk_builder *b;
	sk_json_reader *json;
	struct sk_record r;
	struct snek_error e;

	drop_chunks(t);
	ck_assert_int_eq(sk_chunk_builder_new(SK_CHUNK_MAX, &b), 0);
	ck_assert_int_eq(sk_json_reader_new(NULL, &json), 0);
	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(sk_json_read(json, text[i], strlen(text[i]), &r,
		    NULL, &e) == 0, "%s: %s", text[i], e.text);
		ck_assert_int_eq(sk_chunk_builder_add(b, &r, &e), 1);
		if (i + 1 == n || (i + 1) % rows == 0) {
			struct sk_buf out = {0};

			ck_assert_int_eq(sk_chunk_builder_seal(b, &out, &e), 0);
			add_chunk(t, &out, i - i % rows);
		}
	}
	sk_json_reader_free(json);
	sk_chunk_builder_free(b);
}

int task_tool_map(struct task_tool *t)
{
	struct sk_map_task m = { .task = 2, .tasks = 9, .attempt = 1,
	    .chunk = t->chunk, .chunks = t->chunks, .reducer = &t->reducer,
	    .partitions = t->partitions, .memory = t->memory, .tmp = "/tmp",
	    .control = &t->control };

	if (t->op->op.reduce || t->op->op.partition)
		m.reduce = t->instance;
	sk_outcome_free(&t->map);
	sk_task_map(t->instance, &m, &t->map);
	return t->map.code;
}

static void add_result(struct task_tool *t, const struct sk_entry *x)
{
	struct sk_buf scratch = {0};
	struct snek_value key, value;
	size_t used;

	ck_assert_int_eq(sk_key_get(x->key.p, x->key.n, &scratch, &key), 0);
	ck_assert_int_eq(sk_unpack(x->value.p, x->value.n, &value, &used), 0);
	ck_assert(sk_json_write(&t->result, key));
	sk_buf_byte(&t->result, ' ');
	ck_assert(sk_json_write(&t->result, value));
	sk_buf_byte(&t->result, '\n');
	sk_buf_free(&scratch);
}

static void reduce_part(struct task_tool *t, uint32_t part)
{
	const struct sk_run *run[64];
	struct sk_outcome o = {0};
	struct sk_reduce_task r = { .task = part, .tasks = t->partitions,
	    .attempt = 1, .run = run, .runs = t->map.part[part].n,
	    .reducer = &t->reducer, .memory = t->memory, .tmp = "/tmp",
	    .control = &t->control };
	sk_run_reader *reader;
	struct sk_entry x;

	for (size_t i = 0; i < r.runs; i++)
		run[i] = &t->map.part[part].run[i];
	sk_task_reduce(t->op->op.reduce ? t->instance : NULL, &r, &o);
	if (o.code) {
		sk_buf_printf(&t->result, "%s", o.error.text);
		t->failed_reduces++;
		sk_outcome_free(&o);
		return;
	}
	ck_assert_int_eq(sk_run_reader_new(&o.run, &reader, NULL), 0);
	while (sk_run_reader_next(reader, &x, NULL) > 0)
		add_result(t, &x);
	sk_run_reader_free(reader);
	sk_outcome_free(&o);
}

const char *task_tool_reduce(struct task_tool *t)
{
	t->result.n = 0;
	for (uint32_t i = 0; i < t->partitions; i++)
		reduce_part(t, i);
	sk_buf_byte(&t->result, '\0');
	return t->result.p;
}

const char *task_tool_run(struct task_tool *t)
{
	return task_tool_map(t) < 0 ? t->map.error.text : task_tool_reduce(t);
}

int64_t task_tool_counter(const struct task_tool *t, const char *name)
{
	for (uint32_t i = 0; i < t->map.counters; i++)
		if (!strcmp(t->map.counter[i].name, name))
			return t->map.counter[i].value;
	return INT64_MIN;
}
