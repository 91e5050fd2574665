/* SPDX-License-Identifier: MIT */
/* task_tool.h - an op over chunks made of JSON texts, for tests. */
#ifndef TASK_TOOL_H
#define TASK_TOOL_H
#include "task/task.h"
#include "value/chunk.h"

struct task_tool {
	struct sk_plugin *plugin;
	const struct sk_op *op;
	struct sk_args args;
	sk_instance *instance;
	struct sk_reducer reducer;
	struct sk_task_chunk *chunk;
	size_t chunks;
	struct sk_control control;
	struct sk_outcome map;
	struct snek_error error;
	struct sk_buf result;           /* "key value\n" in JSON */
	struct sk_buf log;
	uint32_t partitions;
	size_t memory;
	uint32_t failed_reduces;
};

/* where: "plugins/wordcount", "tests/plugins/echo" ...: below the build; or a
 * file NAME.so below the sources. */
void task_tool_path(char *path, size_t size, const char *where);
/* Load, parse arguments and open; failures are in error. */
int task_tool_open(struct task_tool *, const char *where, const char *op,
    const char *json_args);
void task_tool_close(struct task_tool *);
/* Chunks of so many rows of the texts. */
void task_tool_chunks(struct task_tool *, const char *const *text, size_t n,
    size_t rows);
/* Map everything as one task; the outcome is in map. */
int task_tool_map(struct task_tool *);
/* Reduce what was mapped; result is the text of all of it. */
const char *task_tool_reduce(struct task_tool *);
/* Map and reduce; what failed is the text. */
const char *task_tool_run(struct task_tool *);
int64_t task_tool_counter(const struct task_tool *, const char *name);
#endif
