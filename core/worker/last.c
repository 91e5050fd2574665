/* SPDX-License-Identifier: MIT */
/*
 * Whoever calls in here may be a signal handler on a small stack, with a heap
 * in ruins: nothing is allocated, no lock is taken, and all there is to say
 * but where it was is made beforehand.
 */
#include "config.h"

#include "worker/last.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "task/sandbox_parts.h"

struct words {
	char p[16384];
	size_t n;
};

/* A signal handler gets no argument of ours. */
static struct {
	struct sk_last of;
	int armed;                      /* with __atomic */
	int late_s;
	timer_t timer;
	char request[SK_RUNTIME_ID];
	char op[160], ids[512];
} now;

/* ---- words ---- */

static void put(struct words *w, const char *s)
{
	while (*s && w->n + 1 < sizeof(w->p))
		w->p[w->n++] = *s++;
}

/* Of a memory that others write: fit for a JSON string. */
static void put_tame(struct words *w, const char *s, size_t most)
{
	char c[2] = "";

	for (; *s && most; s++, most--) {
		c[0] = *s >= ' ' && *s < 0x7f && *s != '"' && *s != '\\' ? *s : '?';
		put(w, c);
	}
}

static void put_number(struct words *w, uint64_t v, unsigned base)
{
	char digits[24], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = "0123456789abcdef"[v % base];
	while (v /= base);
	put(w, p);
}

static void put_member(struct words *w, const char *name, uint64_t v)
{
	put(w, ",\"");
	put(w, name);
	put(w, "\":");
	put_number(w, v, 10);
}

/* ---- where ---- */

static const struct sk_crash_module *module_of(uint64_t pc)
{
	const struct sk_crash *c = now.of.crash;
	uint32_t i;

	for (i = 0; i < c->modules && i < SK_CRASH_MODULES; i++)
		if (pc >= c->module[i].from && pc < c->module[i].to)
			return &c->module[i];
	return NULL;
}

static void put_place(struct words *w, const struct sk_crash_module *m,
    uint64_t pc)
{
	const char *name = m && m->path[0] ? m->path : "snek-worker", *p;

	for (p = name; *p; p++)
		if (*p == '/')
			name = p + 1;
	if (m) {
		put_tame(w, name, 60);
		put(w, "+");
	}
	put(w, "0x");
	put_number(w, m ? pc - m->base : pc, 16);
}

static void put_trace(struct words *w)
{
	const struct sk_crash *c = now.of.crash;
	uint32_t i, n = c->frames < SK_CRASH_FRAMES ? c->frames : SK_CRASH_FRAMES;
	const struct sk_crash_module *m;

	put(w, ",\"trace\":\"");
	for (i = 0; i < n; i++) {
		put(w, "#");
		put_number(w, i, 10);
		put(w, i < 10 ? "  (" : " (");
		put_place(w, module_of(c->pc[i]), c->pc[i]);
		put(w, ")\\n");
	}
	put(w, "\"");
	for (i = 0; i < n; i++) {
		m = module_of(c->pc[i]);
		if (!m || m->file < 0)
			continue;
		put(w, ",\"at\":\"");
		put_place(w, m, c->pc[i]);
		put(w, "\"");
		return;
	}
}

/* ---- the message ---- */

static void put_message(struct words *w, uint32_t end, int status)
{
	const char *name = end == SK_END_SIGNAL ? sigabbrev_np(status) : NULL;

	put(w, "{\"errorType\":\"Snek.Died\",\"errorMessage\":\"");
	put(w, now.op);
	if (end == SK_END_SIGNAL) {
		put(w, " crashed: SIG");
		put(w, name ? name : "?");
	} else if (end == SK_END_EXIT) {
		put(w, " ended its process with exit status ");
		put_number(w, (unsigned)status, 10);
	} else {
		put(w, " did not end in time");
	}
	put(w, "\",\"stackTrace\":[],\"snek\":");
	put_number(w, SK_EVENT_VERSION, 10);
	put(w, now.ids);
}

static void put_mark(struct words *w)
{
	const struct sk_mark *m = now.of.mark;

	put(w, ",\"callback\":\"");
	put_tame(w, m->callback, sizeof(m->callback) - 1);
	put(w, "\"");
	put_member(w, "chunk", m->chunk);
	put_member(w, "row", m->row);
}

/* Once, whoever comes first. */
static void say(uint32_t end, int status)
{
	static struct words w;

	if (!__atomic_exchange_n(&now.armed, 0, __ATOMIC_SEQ_CST))
		return;
	w.n = 0;
	put_message(&w, end, status);
	put_member(&w, "end", end);
	put_member(&w, "status", (unsigned)status);
	put_mark(&w);
	if (end == SK_END_SIGNAL)
		put_trace(&w);
	put(&w, "}\n");
	sk_runtime_last(now.of.runtime, now.request,
	    (struct sk_span){ w.p, w.n - 1 });
	if (now.of.say->log > 0 && write(now.of.say->log, w.p, w.n) < 0)
		return;
	sk_say_last(now.of.say);
}

/* ---- the three ends ---- */

static void on_crash(int sig)
{
	say(SK_END_SIGNAL, sig);
}

static void on_leave(int status, void *arg)
{
	(void)arg;
	say(SK_END_EXIT, status & 0xff);
}

static void on_late(int sig)
{
	(void)sig;
	if (!__atomic_load_n(&now.armed, __ATOMIC_SEQ_CST))
		return;
	say(SK_END_LATE, now.late_s);
	_exit(1);
}

/* A signal that hardly anybody uses, for plugins use SIGALRM. */
static int make_timer(struct snek_error *e)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGRTMAX - 2 };
	struct sigaction sa = { .sa_handler = on_late,
		.sa_flags = SA_ONSTACK | SA_RESTART };

	sigfillset(&sa.sa_mask);
	if (sigaction(SIGRTMAX - 2, &sa, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &ev, &now.timer))
		return sk_fail_errno(e, "a timer");
	return 0;
}

int sk_last_open(const struct sk_last *of, struct snek_error *e)
{
	int rc;

	now.of = *of;
	rc = make_timer(e);
	if (rc)
		return rc;
	if (on_exit(on_leave, NULL))
		return sk_fail(e, SNEK_ENOMEM, "a handler of the exit");
	if (SK_SANITIZED)               /* they report by themselves */
		return 0;
	sk_crash_watch(of->crash);
	sk_crash_last(on_crash);
	return 0;
}

static void set_timer(int64_t ms)
{
	struct itimerspec t = { .it_value = { ms / 1000, ms % 1000 * 1000000 } };

	timer_settime(now.timer, 0, &t, NULL);
}

void sk_last_begin(const char *request, const struct sk_event_id *id,
    const char *op, int64_t late_ms)
{
	char *p;
	int n;

	snprintf(now.request, sizeof(now.request), "%s", request);
	snprintf(now.op, sizeof(now.op), "%s", op);
	for (p = now.op; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			*p = '?';
	n = snprintf(now.ids, sizeof(now.ids), ",\"release\":\""
	    PACKAGE_VERSION "\",\"requestId\":\"%s\"", now.request);
	if (id->job[0])
		snprintf(now.ids + n, sizeof(now.ids) - (size_t)n,
		    ",\"job\":\"%s\",\"stage\":%u,\"task\":%u,\"attempt\":%u",
		    id->job, id->stage, id->task, id->attempt);
	now.late_s = (int)((late_ms + 999) / 1000);
	__atomic_store_n(&now.armed, 1, __ATOMIC_SEQ_CST);
	set_timer(late_ms > 0 ? late_ms : 1);
}

/* Who is at its last words has the connection, and ends the process. */
void sk_last_end(void)
{
	set_timer(0);
	while (!__atomic_exchange_n(&now.armed, 0, __ATOMIC_SEQ_CST))
		pause();
}
