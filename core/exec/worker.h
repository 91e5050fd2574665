/* SPDX-License-Identifier: MIT */
/*
 * worker.h - a snek-worker of our own: found, started, asked, ended.
 *
 * One thread at a time.  Nothing of the host is touched: no signal handler,
 * no wait for any child but this one, which may be reaped by others.
 */
#ifndef SK_WORKER_H
#define SK_WORKER_H
#include "exec/wire.h"

struct sk_worker_options {
	const char *program;            /* NULL: $SNEK_WORKER, the installed one */
	const char *tmp;
	const char *lib;                /* a file that children may read; or NULL */
	uint32_t workers;               /* children at most; 0: 1 */
	bool trust;                     /* no sandbox */
	uint64_t memory, cpu_ms;        /* 0: the default; none */
	int64_t deadline_ms;            /* of what is asked below; 0: none */
	const int *cancelled;           /* looked at with __atomic; or NULL */
	/* What a plugin prints while it is asked; NULL: nobody wants to know. */
	void (*log)(void *, int level, const char *text);
	void *log_arg;
};

typedef struct sk_worker sk_worker;
/* SNEK_ENOENT: no such program, naming what to set.  Texts are copied. */
int sk_worker_open(const struct sk_worker_options *, sk_worker **,
    struct snek_error *);
/* It and all its children are gone then. */
void sk_worker_close(sk_worker *);
const struct sk_worker_options *sk_worker_set(const sk_worker *);

/* ---- asking of a plugin what it is ---- */

/* alone: in a child that saw no other plugin. */
int sk_worker_describe(sk_worker *, const struct sk_exec_plugin *, bool alone,
    struct sk_plugin **, struct snek_error *);

/* What an op says of itself when it is opened with arguments. */
struct sk_opened {
	bool aggregates;
	struct sk_reducer reducer;      /* of them, if any */
	char **field;                   /* it reads; NULL: the whole record */
	uint32_t fields;
};
int sk_worker_open_op(sk_worker *, const struct sk_exec_plugin *,
    const struct sk_op *, const struct sk_args *, const char *category,
    const struct sk_exec_sides *, struct sk_opened *, struct snek_error *);
void sk_opened_free(struct sk_opened *);
/* What a worker answered: of the op of this name.  SNEK_EPLUGIN. */
int sk_opened_get(struct sk_get *, const char *op, struct sk_opened *,
    struct snek_error *);

/* ---- for the executor ---- */

int sk_worker_fd(const sk_worker *);
/* For what is asked; attempts have others. */
uint64_t sk_worker_next_id(sk_worker *);
/* SNEK_EIO: it is lost, or reads nothing; SNEK_ECANCELED, SNEK_ETIMEDOUT: by
 * what the options say, while it read nothing. */
int sk_worker_send(sk_worker *, const struct sk_message *);
/* 1 and a message, from before or new; 0: none now; less: it is lost. */
int sk_worker_recv(sk_worker *, struct sk_message *);
/* In place of one that was lost, a new one; SNEK_EAGAIN: that one ended at
 * once; SNEK_EPLUGIN: too often. */
int sk_worker_again(sk_worker *, struct snek_error *);
/* The words for a death: the code of the failure; where it was at work, in
 * words, or "". */
int sk_worker_say_death(const struct sk_wire_death *, const char *op,
    const char *where, struct snek_error *);

/* exec/process.c: the op runs in children of a worker, which it uses but does
 * not close. */
int sk_exec_processes(const struct sk_exec_job *, sk_worker *,
    struct sk_exec **, struct snek_error *);
#endif
