/* SPDX-License-Identifier: MIT */
/*
 * main.c - snek-worker: started by a coordinator with a socket as descriptor
 * 3, ends with it.  It runs nothing of others: it starts the children that
 * do, hands tasks to them and answers back, and buries them.  Started by AWS
 * Lambda, it is a function's runtime (lambda.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/lambda.h"
#include "worker/noproc.h"
#include "worker/tend.h"

#define GRACE_MS 250            /* from being told to stop to being killed */
#define LOOK_MS 50              /* how often processor time is looked at */
#define MAX_REQUEST ((uint64_t)1 << 30)
#define MAX_SLOTS 1024u

/* ---- from the coordinator ---- */

static int greet(struct sk_tend *w, struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };

	if (m->kind != SK_MSG_HELLO || w->greeted)
		return SNEK_EFORMAT;
	sk_get_hello(&r, &w->hello);
	if (r.bad || w->hello.version != SK_CHANNEL_VERSION ||
	    !w->hello.workers || w->hello.workers > MAX_SLOTS)
		return SNEK_EFORMAT;
	w->slots = w->hello.workers;
	w->slot = calloc(w->slots, sizeof(*w->slot));
	w->poll = calloc(2 + SK_TEND_POLLS * (size_t)w->slots, sizeof(*w->poll));
	w->greeted = true;
	return w->slot && w->poll ? 0 : SNEK_ENOMEM;
}

static int take_files(struct sk_tend *w, struct sk_message *m)
{
	size_t i;

	for (i = 0; i < m->fds; i++) {
		if (!sk_message_take(&w->files, m->fd[i])) {
			m->fd[i] = -1;
			return SNEK_ENOMEM;
		}
		m->fd[i] = -1;
	}
	return 0;
}

static int wait_turn(struct sk_tend *w, struct sk_worker_task *t)
{
	*w->tail = t;
	w->tail = &t->next;
	return 0;
}

static int fetch_first(struct sk_tend *w, struct sk_worker_task *t)
{
	struct sk_wire_death d = { .end = SK_END_FETCH, .chunk = UINT32_MAX,
		.row = SK_NO_ROW };
	struct snek_error e = { 0 };
	uint64_t id = t->request.id;
	int rc = sk_fetcher_give(&w->fetcher, t, &e);

	if (!rc)
		return 0;
	sk_worker_task_free(t);
	d.status = rc == SNEK_EIO ? SNEK_EAGAIN : rc;
	snprintf(d.text, sizeof(d.text), "%.255s", e.text);
	return sk_tend_tell_death(id, &d);
}

static int take_task(struct sk_tend *w, struct sk_message *m)
{
	struct sk_wire_death d = { .end = SK_END_START, .row = SK_NO_ROW };
	struct sk_worker_task *t = calloc(1, sizeof(*t));
	int rc = t ? sk_worker_task_take(t, &w->files, m) : SNEK_ENOMEM;

	if (!rc)
		return t->fetch.n ? fetch_first(w, t) : wait_turn(w, t);
	sk_worker_task_free(t);
	if (rc != SNEK_ENOMEM)
		return rc;
	snprintf(d.text, sizeof(d.text), "out of memory or descriptors");
	return sk_tend_tell_death(m->id, &d);
}

static int cancel(struct sk_tend *w, uint64_t id)
{
	struct sk_wire_death d = { .end = SK_END_CANCELLED, .row = SK_NO_ROW };
	struct sk_worker_task **p, *t;
	struct sk_slot *s;

	for (s = w->slot; s < w->slot + w->slots; s++)
		if (s->task && s->task->request.id == id && !s->kill_at) {
			__atomic_store_n(&s->shared->control.cancelled, 1,
			    __ATOMIC_RELAXED);
			s->kill_at = sk_clock_ms() + GRACE_MS;
		} else if (s->death && s->task->request.id == id) {
			s->kill_at = sk_clock_ms();
		}
	for (p = &w->todo; (t = *p); p = &t->next)
		if (t->request.id == id)
			break;
	if (t && !(*p = t->next))
		w->tail = p;
	if (!t)
		t = sk_fetcher_cancel(&w->fetcher, id);
	if (!t)
		return 0;
	sk_worker_task_free(t);
	return sk_tend_tell_death(id, &d);
}

static int take(struct sk_tend *w, struct sk_message *m)
{
	if (!w->greeted)
		return greet(w, m);
	switch (m->kind) {
	case SK_MSG_FILES:
		return take_files(w, m);
	case SK_MSG_SOURCE:
		return sk_fetcher_source(&w->fetcher, m);
	case SK_MSG_INIT:
		sk_message_free(&w->init);
		w->init = *m;
		memset(m, 0, sizeof(*m));
		return 0;
	case SK_MSG_TASK:
		return take_task(w, m);
	case SK_MSG_CANCEL:
		return cancel(w, m->id);
	default:
		return SNEK_EFORMAT;
	}
}

static int listen_up(struct sk_tend *w)
{
	struct sk_message m = { 0 };
	int rc;

	while ((rc = sk_channel_recv(&w->channel, &m)) == 1) {
		rc = take(w, &m);
		sk_message_free(&m);
		if (rc)
			return rc;
	}
	return rc;
}

/* Tasks whose chunks have come, or never will. */
static int hear_fetched(struct sk_tend *w)
{
	struct sk_wire_death d;
	struct sk_worker_task *t;
	uint64_t id;
	int rc = 0;

	while (!rc && sk_fetcher_hear(&w->fetcher, &t, &d)) {
		if (!d.end) {
			wait_turn(w, t);
			continue;
		}
		id = t->request.id;
		sk_worker_task_free(t);
		rc = sk_tend_tell_death(id, &d);
	}
	return rc;
}

/* ---- children ---- */

static void enforce(struct sk_tend *w, struct sk_slot *s, int64_t now)
{
	if (!s->pid || !s->task)
		return;
	if (s->kill_at && now >= s->kill_at)
		sk_slot_kill(s, SK_END_CANCELLED);
	if (w->hello.cpu_ms &&
	    sk_slot_cpu_ms(s) > (int64_t)w->hello.cpu_ms)
		sk_slot_kill(s, SK_END_CPU);
}

/* ---- handing out ---- */

/* One that is idle and there, or else room for one. */
static struct sk_slot *find_slot(struct sk_tend *w, bool fresh)
{
	struct sk_slot *s, *empty = NULL, *idle = NULL;

	for (s = w->slot; s < w->slot + w->slots; s++) {
		if (!s->pid && !empty)
			empty = s;
		else if (s->pid && !s->task && (!idle || !s->used))
			idle = s;
	}
	if (!fresh || (idle && !idle->used))
		return idle ? idle : empty;
	if (!empty && idle) {
		sk_slot_kill(idle, 0);
		sk_tend_bury(w, idle, true);
		empty = idle;
	}
	return empty;
}

static int start_failed(struct sk_worker_task *t, const struct snek_error *e)
{
	struct sk_wire_death d = { .end = SK_END_START, .row = SK_NO_ROW };
	uint64_t id = t->request.id;

	snprintf(d.text, sizeof(d.text), "%.255s", e->text);
	sk_worker_task_free(t);
	return sk_tend_tell_death(id, &d);
}

static int hand_out(struct sk_tend *w)
{
	struct snek_error e = { 0 };
	struct sk_worker_task *t;
	struct sk_slot *s;
	int rc = 0;

	while (!rc && (t = w->todo) && (s = find_slot(w, t->once))) {
		if (!(w->todo = t->next))
			w->tail = &w->todo;
		t->next = NULL;
		if (!s->pid && sk_tend_start(w, s, t, &e)) {
			rc = start_failed(t, &e);
			continue;
		}
		if (sk_slot_give(s, &w->init, t) == SNEK_EIO) {
			sk_slot_kill(s, 0);
			rc = sk_tend_bury(w, s, true);
		}
	}
	return rc;
}

/* The first is started ahead of the first task, while the coordinator is
 * still busy with other things.  If that fails, the task says why. */
static void start_early(struct sk_tend *w)
{
	struct snek_error e = { 0 };

	if (!sk_noproc())
		sk_tend_start(w, &w->slot[0], NULL, &e);
}

/* ---- the loop ---- */

static int timeout(const struct sk_tend *w)
{
	const struct sk_slot *s;
	int64_t now = sk_clock_ms(), least = -1, ms;

	for (s = w->slot; s < w->slot + w->slots; s++) {
		if (!s->pid || !s->task)
			continue;
		ms = s->kill_at ? s->kill_at - now : -1;
		if (s->kill_at && ms < 0)
			ms = 0;
		if (w->hello.cpu_ms && (ms < 0 || ms > LOOK_MS))
			ms = LOOK_MS;
		if (ms >= 0 && (least < 0 || ms < least))
			least = ms;
	}
	return (int)least;
}

static void set_poll(struct pollfd *p, bool want, int fd)
{
	*p = (struct pollfd){ .fd = want ? fd : -1, .events = POLLIN };
}

static int wait_all(struct sk_tend *w)
{
	struct sk_slot *s = w->slot;
	uint32_t i;

	set_poll(&w->poll[0], true, SK_COORDINATOR);
	for (i = 0; i < w->slots; i++, s++) {
		set_poll(&w->poll[1 + SK_TEND_POLLS * i], s->pid, s->channel.fd);
		set_poll(&w->poll[2 + SK_TEND_POLLS * i], s->pid, s->tmp);
		set_poll(&w->poll[3 + SK_TEND_POLLS * i], s->pid, s->pidfd);
		set_poll(&w->poll[4 + SK_TEND_POLLS * i], s->pid, s->prints.fd);
	}
	i = 1 + SK_TEND_POLLS * w->slots;
	set_poll(&w->poll[i], true, sk_fetcher_fd(&w->fetcher));
	return poll(w->poll, 1 + (nfds_t)i, timeout(w));
}

static int turn(struct sk_tend *w)
{
	int64_t now;
	uint32_t i;
	int rc = hand_out(w);

	if (rc)
		return rc;
	if (wait_all(w) < 0 && errno != EINTR)
		return SNEK_EIO;
	now = sk_clock_ms();
	for (i = 0; i < w->slots && !rc; i++) {
		if (w->slot[i].pid)
			rc = sk_tend_look(w, &w->slot[i], &w->poll[1 + SK_TEND_POLLS * i]);
		enforce(w, &w->slot[i], now);
	}
	if (!rc && w->poll[1 + SK_TEND_POLLS * w->slots].revents)
		rc = hear_fetched(w);
	if (!rc && w->poll[0].revents)
		rc = listen_up(w);
	return rc;
}

static int begin(struct sk_tend *w)
{
	struct pollfd p = { .fd = SK_COORDINATOR, .events = POLLIN };
	struct sk_put hello = { { 0 }, false };
	struct sk_wire_hello mine = { .version = SK_CHANNEL_VERSION };
	int rc;

	sk_put_hello(&hello, &mine);
	rc = sk_tend_tell(SK_MSG_HELLO, 0, &hello);
	while (!rc && !w->greeted) {
		poll(&p, 1, -1);
		rc = listen_up(w);
	}
	return rc;
}

static void end_all(struct sk_tend *w)
{
	struct sk_wire_death d;
	uint32_t i;

	for (i = 0; i < w->slots; i++)
		sk_slot_kill(&w->slot[i], 0);
	for (i = 0; i < w->slots; i++) {
		sk_slot_reap(&w->slot[i], true, &d);
		sk_tend_drop(&w->slot[i]);
	}
}

/* It ends anyway; but what is left then is a leak, and told from this. */
static void free_all(struct sk_tend *w)
{
	struct sk_worker_task *t;

	while ((t = w->todo)) {
		w->todo = t->next;
		sk_worker_task_free(t);
	}
	sk_fetcher_end(&w->fetcher);
	sk_sandbox_filter_free(w->filter);
	sk_message_free(&w->files);
	sk_message_free(&w->init);
	sk_channel_free(&w->channel);
	free(w->slot);
	free(w->poll);
}

/* A bare root has no devices: what gives nothing and takes nothing does. */
static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return fd >= 0 ? fd : sk_channel_sealed("snek-null", "", 0);
}

/* The standard descriptors are nobody's data. */
static int set_descriptors(void)
{
	int null = open_null(), fd;

	if (null < 0)
		return -1;
	if (fcntl(2, F_GETFD) < 0 && dup2(null, 2) < 0)
		return -1;
	if (dup2(null, 0) < 0 || dup2(2, 1) < 0)
		return -1;
	closefrom(SK_COORDINATOR + 1);
	fd = open_null();       /* number 4 */
	return fd < 0 || fcntl(SK_COORDINATOR, F_SETFD, FD_CLOEXEC) ? -1 : 0;
}

static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* Asked in sanitizer builds alone: a crash is to look like one, and the leak
 * check starts a tracer, which a confined child may not. */
#define CRASH "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:" \
	"handle_abort=0"
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return CRASH;
}

__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:" CRASH;
}

/* A coordinator may itself run in a function, whose environment it hands on:
 * its socket tells more than that. */
static bool has_coordinator(void)
{
	int type;
	socklen_t n = sizeof(type);

	return !getsockopt(SK_COORDINATOR, SOL_SOCKET, SO_TYPE, &type, &n) &&
	    type == SOCK_SEQPACKET;
}

static int work(void)
{
	struct sk_tend w = { .channel = { .fd = SK_COORDINATOR,
		.max = MAX_REQUEST, .max_fds = 1u << 20 } };
	int rc;

	setsid();               /* a terminal's signals are the coordinator's */
	if (set_descriptors())
		return 1;
	w.tail = &w.todo;
	rc = begin(&w);
	if (!rc)
		start_early(&w);
	while (!rc)
		rc = turn(&w);
	end_all(&w);
	free_all(&w);
	return rc == SNEK_EIO ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *api = getenv("AWS_LAMBDA_RUNTIME_API");

	raise_limit();
	if (has_coordinator())
		return work();
	if (api && *api)
		return sk_lambda_run(argc ? argv[0] : "", api);
	fputs("snek-worker is started by snek, or by AWS Lambda; it does "
	    "nothing by itself\n", stderr);
	return 2;
}
