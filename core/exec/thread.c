/* SPDX-License-Identifier: MIT */
/* thread.c - the op runs in this process: fast, and trusting. */
#include "exec/exec.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/thread.h"

/* An attempt on its way: waiting in todo, running, or ended in done. */
struct item {
	struct item *next;
	struct sk_attempt attempt;
	struct sk_control control;
	struct sk_outcome outcome;
};
struct queue {
	struct item *head, **tail;
};

struct thread_exec {
	struct sk_exec exec;
	struct sk_exec_job job;
	pthread_mutex_t lock;
	pthread_cond_t more;            /* todo has one, or closing */
	struct queue todo, done;
	struct item **running;          /* by worker */
	bool closing;
	int event;                      /* eventfd: done has one, or a wake */
	uint32_t workers;
	pthread_t *thread;
};

struct worker {
	struct thread_exec *x;
	uint32_t n;
	sk_instance *map, *reduce;      /* opened when first needed */
};

static void queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_put(struct queue *q, struct item *it)
{
	it->next = NULL;
	*q->tail = it;
	q->tail = &it->next;
}

static struct item *queue_take(struct queue *q)
{
	struct item *it = q->head;

	if (it && !(q->head = it->next))
		q->tail = &q->head;
	return it;
}

/* A signal handler may do this: errno stays. */
static void ring(struct thread_exec *x)
{
	uint64_t one = 1;
	int sys = errno;
	ssize_t n;

	do
		n = write(x->event, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	errno = sys;
}

/* ---- the worker's side ---- */

static int open_instance(const struct sk_exec_job *j, const struct sk_plugin *p,
    const struct sk_op *op, const struct sk_args *args, sk_instance **out,
    struct snek_error *e)
{
	struct sk_instance_options o = {
		.plugin = p, .op = op, .args = args, .category = j->category,
		.side = j->sides.input, .sides = j->sides.n,
		.log = j->log, .log_arg = j->log_arg,
	};

	return *out || !op ? 0 : sk_instance_open(&o, out, e);
}

static bool one_instance(const struct sk_exec_job *j)
{
	return j->reduce_op == j->op && j->reduce_args == j->args;
}

static int open_instances(struct worker *w, bool map, struct snek_error *e)
{
	const struct sk_exec_job *j = &w->x->job;
	int rc = 0;

	if (map || (j->reduce_op && one_instance(j)))
		rc = open_instance(j, j->plugin, j->op, j->args, &w->map, e);
	if (!rc && !one_instance(j))
		rc = open_instance(j, j->reduce_plugin, j->reduce_op,
		    j->reduce_args, &w->reduce, e);
	return rc;
}

static sk_instance *reducing(struct worker *w)
{
	if (!w->x->job.reduce_op)
		return NULL;
	return one_instance(&w->x->job) ? w->map : w->reduce;
}

/* ---- chunks that have to be fetched ---- */

struct fetched {                        /* zeroed: none */
	struct sk_task_chunk *chunk;
	struct sk_span *bytes;
	void *held;
};

static bool all_here(const struct sk_attempt *a)
{
	size_t i = 0;

	while (i < a->chunks && a->chunk[i].bytes.p)
		i++;
	return i == a->chunks;
}

static int fetch(const struct sk_exec_job *j, struct item *it,
    struct fetched *f)
{
	const struct sk_attempt *a = &it->attempt;
	struct snek_error *e = &it->outcome.error;
	size_t i;
	int rc;

	f->chunk = calloc(a->chunks, sizeof(*f->chunk));
	f->bytes = calloc(a->chunks, sizeof(*f->bytes));
	if (!f->chunk || !f->bytes)
		return sk_enomem(e);
	if (!j->fetch)
		return sk_fail(e, SNEK_EINTERNAL, "a chunk without bytes");
	rc = j->fetch(j->fetch_arg, a->chunk, a->chunks, j->whole, &it->control,
	    f->bytes, &f->held, e);
	for (i = 0; i < a->chunks && !rc; i++) {
		f->chunk[i] = a->chunk[i];
		f->chunk[i].bytes = f->bytes[i];
	}
	return rc;
}

static void drop_fetched(const struct sk_exec_job *j, struct fetched *f)
{
	if (f->held)
		j->release(f->held);
	free(f->chunk);
	free(f->bytes);
}

/* ---- an attempt ---- */

static void run_map_on(struct worker *w, struct item *it,
    const struct sk_task_chunk *chunk)
{
	const struct sk_exec_job *j = &w->x->job;
	struct sk_map_task t = {
		.task = it->attempt.task, .tasks = it->attempt.tasks,
		.attempt = it->attempt.number, .chunk = chunk,
		.chunks = it->attempt.chunks, .skip = it->attempt.skip,
		.skips = it->attempt.skips, .reducer = j->reducer,
		.reduce = reducing(w), .partitions = j->partitions,
		.memory = j->memory, .tmp = j->tmp, .control = &it->control,
	};

	sk_task_map(w->map, &t, &it->outcome);
}

static void run_map(struct worker *w, struct item *it)
{
	struct fetched f = { 0 };

	if (all_here(&it->attempt)) {
		run_map_on(w, it, it->attempt.chunk);
		return;
	}
	it->outcome.code = fetch(&w->x->job, it, &f);
	if (!it->outcome.code)
		run_map_on(w, it, f.chunk);
	drop_fetched(&w->x->job, &f);
}

static void run_reduce(struct worker *w, struct item *it)
{
	const struct sk_exec_job *j = &w->x->job;
	struct sk_reduce_task t = {
		.task = it->attempt.task, .tasks = it->attempt.tasks,
		.attempt = it->attempt.number, .run = it->attempt.run,
		.runs = it->attempt.runs, .reducer = j->reducer,
		.memory = j->memory, .tmp = j->tmp, .control = &it->control,
	};

	sk_task_reduce(reducing(w), &t, &it->outcome);
}

static void run(struct worker *w, struct item *it)
{
	bool map = it->attempt.stage == 0;

	it->outcome.code = open_instances(w, map, &it->outcome.error);
	if (it->outcome.code)
		return;
	if (map)
		run_map(w, it);
	else
		run_reduce(w, it);
}

/* NULL: closing. */
static struct item *take(struct worker *w)
{
	struct thread_exec *x = w->x;
	struct item *it;

	pthread_mutex_lock(&x->lock);
	while (!(it = queue_take(&x->todo)) && !x->closing)
		pthread_cond_wait(&x->more, &x->lock);
	x->running[w->n] = it;
	pthread_mutex_unlock(&x->lock);
	return it;
}

static void give(struct worker *w, struct item *it)
{
	struct thread_exec *x = w->x;

	pthread_mutex_lock(&x->lock);
	x->running[w->n] = NULL;
	queue_put(&x->done, it);
	pthread_mutex_unlock(&x->lock);
	ring(x);
}

static void *work(void *arg)
{
	struct worker w = *(struct worker *)arg;
	struct item *it;

	free(arg);
	while ((it = take(&w))) {
		run(&w, it);
		give(&w, it);
	}
	sk_instance_close(w.reduce);
	sk_instance_close(w.map);
	return NULL;
}

/* ---- the coordinator's side ---- */

static int start(struct sk_exec *exec, const struct sk_attempt *a,
    struct snek_error *e)
{
	struct thread_exec *x = (struct thread_exec *)exec;
	struct item *it = calloc(1, sizeof(*it));

	if (!it)
		return sk_enomem(e);
	it->attempt = *a;
	it->control.deadline_ms = x->job.deadline_ms;
	pthread_mutex_lock(&x->lock);
	queue_put(&x->todo, it);
	pthread_cond_signal(&x->more);
	pthread_mutex_unlock(&x->lock);
	return 0;
}

static struct item *take_done(struct thread_exec *x)
{
	struct item *it;

	pthread_mutex_lock(&x->lock);
	it = queue_take(&x->done);
	pthread_mutex_unlock(&x->lock);
	return it;
}

static int wait_event(struct sk_exec *exec, int timeout_ms,
    struct sk_exec_event *out)
{
	struct thread_exec *x = (struct thread_exec *)exec;
	struct item *it = take_done(x);
	struct pollfd p = { .fd = x->event, .events = POLLIN };
	uint64_t count;

	if (!it && poll(&p, 1, timeout_ms) > 0 &&
	    read(x->event, &count, sizeof(count)) > 0)
		it = take_done(x);
	if (!it)
		return 0;
	out->id = it->attempt.id;
	out->number = it->attempt.number;
	out->attempt = it->attempt;
	out->outcome = it->outcome;
	free(it);
	return 1;
}

/* A waiting attempt ends at once, a running one when it next looks. */
static void cancel(struct sk_exec *exec, uint64_t id)
{
	struct thread_exec *x = (struct thread_exec *)exec;
	struct item **p, *it;
	uint32_t i;

	pthread_mutex_lock(&x->lock);
	for (i = 0; i < x->workers; i++)
		if (x->running[i] && x->running[i]->attempt.id == id)
			__atomic_store_n(&x->running[i]->control.cancelled, 1,
			    __ATOMIC_RELAXED);
	for (p = &x->todo.head; (it = *p); p = &it->next)
		if (it->attempt.id == id)
			break;
	if (it) {
		if (!(*p = it->next))
			x->todo.tail = p;
		it->outcome.code = sk_fail(&it->outcome.error, SNEK_ECANCELED,
		    "cancelled");
		queue_put(&x->done, it);
		ring(x);
	}
	pthread_mutex_unlock(&x->lock);
}

static void wake(struct sk_exec *exec)
{
	ring((struct thread_exec *)exec);
}

static void free_queue(struct queue *q)
{
	struct item *it;

	while ((it = queue_take(q))) {
		sk_outcome_free(&it->outcome);
		free(it);
	}
}

static void close_exec(struct sk_exec *exec)
{
	struct thread_exec *x = (struct thread_exec *)exec;
	uint32_t i;

	pthread_mutex_lock(&x->lock);
	x->closing = true;
	free_queue(&x->todo);
	for (i = 0; i < x->workers; i++)
		if (x->running[i])
			__atomic_store_n(&x->running[i]->control.cancelled, 1,
			    __ATOMIC_RELAXED);
	pthread_cond_broadcast(&x->more);
	pthread_mutex_unlock(&x->lock);
	for (i = 0; i < x->workers; i++)
		pthread_join(x->thread[i], NULL);
	free_queue(&x->done);
	if (x->event >= 0)
		close(x->event);
	pthread_cond_destroy(&x->more);
	pthread_mutex_destroy(&x->lock);
	free(x->running);
	free(x->thread);
	free(x);
}

static const struct sk_exec_ops thread_ops = {
	start, wait_event, cancel, wake, close_exec, NULL,
};

static int spawn(struct thread_exec *x)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return ENOMEM;
	w->x = x;
	w->n = x->workers;
	rc = sk_thread_start(&x->thread[x->workers], work, w);
	if (rc)
		free(w);
	else
		x->workers++;
	return rc;
}

static int start_workers(struct thread_exec *x, uint32_t n, struct snek_error *e)
{
	int rc = 0;

	x->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (x->event < 0)
		return sk_fail_errno(e, "eventfd");
	while (!rc && n--) {
		pthread_mutex_lock(&x->lock);
		rc = spawn(x);
		pthread_mutex_unlock(&x->lock);
	}
	if (rc && !x->workers) {
		errno = rc;
		return sk_fail_errno(e, "cannot start a thread");
	}
	return 0;
}

int sk_exec_threads(const struct sk_exec_job *job, uint32_t workers,
    struct sk_exec **out, struct snek_error *e)
{
	struct thread_exec *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return sk_enomem(e);
	if (!workers)
		workers = 1;
	x->exec.ops = &thread_ops;
	x->job = *job;
	x->event = -1;
	queue_init(&x->todo);
	queue_init(&x->done);
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->more, NULL);
	x->running = calloc(workers, sizeof(struct item *));
	x->thread = calloc(workers, sizeof(pthread_t));
	rc = x->running && x->thread ? start_workers(x, workers, e) : sk_enomem(e);
	if (rc) {
		close_exec(&x->exec);
		return rc;
	}
	*out = &x->exec;
	return 0;
}
