/* SPDX-License-Identifier: MIT */
/*
 * function.h - a bundle in a directory, and the worker at work in it, with the
 * test as its Runtime API.
 *
 *	struct function f;
 *	function_start(&f, "plugins/wordcount", NULL);
 *	function_invoke(&f, event, 30000);      ... f.answer, f.failed ...
 *	function_stop(&f);
 */
#ifndef TESTS_FUNCTION_H
#define TESTS_FUNCTION_H
#include <sys/types.h>

#include "exec/event.h"
#include "task_tool.h"

struct function {
	char root[64], sha256[65], api[32];
	pid_t pid;                      /* 0: it has ended: */
	int status;
	int listener, conn;             /* conn -1: none */
	int log;                        /* a file: what it writes */
	unsigned served, connections;
	struct sk_buf request;          /* the last: head and body */
	struct sk_span head, body;
	struct sk_answer_got answer;    /* of the last invocation */
	struct sk_buf text;             /* the same as it came */
	bool failed;                    /* posted as an error */
	sk_json_reader *json;
};

/* plugin: as task_tool_path, NULL: it is missing; env: "NAME=value" ..., ended by NULL, or NULL. */
void function_start(struct function *, const char *plugin,
    const char *const *env);
void function_stop(struct function *);
/* Reads one request; false: it ended, or closed its connection. */
bool function_hear(struct function *);
void function_reply(struct function *, const char *status, const char *headers,
    struct sk_span body);
/* An event, as the answer to its next; then its answer, which is accepted;
 * left_ms: until its deadline. */
void function_invoke(struct function *, struct sk_span event, int64_t left_ms);
/* The two halves of it. */
void function_give(struct function *, struct sk_span event, int64_t left_ms);
void function_take(struct function *);
/* ---- what to ask it ---- */

/* A job of the tool's op. */
void function_job(struct sk_exec_job *, struct task_tool *, const char *plugin);
/* In place of what was in the buffer. */
void function_event(const struct function *, const struct sk_exec_job *,
    const char *id, const struct sk_attempt *, const struct sk_event_keep *,
    struct sk_buf *);
/* The answer's outcome becomes the tool's, as if it had mapped itself. */
void function_outcome(struct function *, struct task_tool *, uint32_t parts);

/* It has ended, or does: the wait status. */
int function_wait(struct function *);
/* All it has written; for free(). */
char *function_log(const struct function *);
#endif
