/* SPDX-License-Identifier: MIT */
#include "host/invoke.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/disk.h"
#include "host/variables.h"

enum { LINE = 16384 };                  /* of output, at most */

/* ---- lists ---- */

static void link_all(struct sk_host *h, struct sk_environment *v)
{
	v->next = h->environments;
	if (v->next)
		v->next->previous = v;
	h->environments = v;
}

static void unlink_all(struct sk_host *h, struct sk_environment *v)
{
	if (v->previous)
		v->previous->next = v->next;
	else
		h->environments = v->next;
	if (v->next)
		v->next->previous = v->previous;
}

/* The one that was used last is the first to be used again. */
static void link_idle(struct sk_environment *v)
{
	struct sk_host *h = v->host;

	v->idle_previous = NULL;
	v->idle_next = h->idle;
	if (v->idle_next)
		v->idle_next->idle_previous = v;
	h->idle = v;
}

static void unlink_idle(struct sk_environment *v)
{
	struct sk_host *h = v->host;

	if (v->idle_previous)
		v->idle_previous->idle_next = v->idle_next;
	else if (h->idle == v)
		h->idle = v->idle_next;
	else
		return;
	if (v->idle_next)
		v->idle_next->idle_previous = v->idle_previous;
	v->idle_next = v->idle_previous = NULL;
}

struct sk_environment *sk_environment_idle(struct sk_host *h,
    struct sk_version *version)
{
	struct sk_environment *v;

	for (v = h->idle; v && v->version != version; v = v->idle_next)
		;
	return v;
}

/* ---- output ---- */

/* A terminal must not be steered by it. */
static void show(const struct sk_environment *v, const char *p, size_t n)
{
	size_t i;

	fprintf(stderr, "%s: ", v->version->function->name);
	for (i = 0; i < n; i++)
		putc((unsigned char)p[i] < 0x20 && p[i] != '\t' ? '?' : p[i],
		    stderr);
	putc('\n', stderr);
}

void sk_environment_log(struct sk_environment *v, const char *p, size_t n)
{
	struct timeval t;

	gettimeofday(&t, NULL);
	sk_log_put(&v->version->function->log, t.tv_sec * (int64_t)1000 +
	    t.tv_usec / 1000, v->stream, p, n);
	if (v->invocation)
		sk_invocation_log(v->invocation, p, n);
	if (v->host->o.verbose)
		show(v, p, n);
}

static void cut_lines(struct sk_environment *v)
{
	char *p = v->line.p, *end = p + v->line.n, *newline;

	while (p < end && (newline = memchr(p, '\n', (size_t)(end - p)))) {
		sk_environment_log(v, p, (size_t)(newline - p));
		p = newline + 1;
	}
	if (end - p >= LINE) {
		sk_environment_log(v, p, (size_t)(end - p));
		p = end;
	}
	v->line.n = (size_t)(end - p);
	if (v->line.n && p != v->line.p)
		memmove(v->line.p, p, v->line.n);
}

void sk_environment_drain(struct sk_environment *v)
{
	ssize_t n;

	while (v->out.fd >= 0 && sk_buf_reserve(&v->line, LINE)) {
		n = read(v->out.fd, v->line.p + v->line.n, LINE);
		if (n <= 0)
			break;
		v->line.n += (size_t)n;
		cut_lines(v);
	}
}

static void on_output(void *arg, uint32_t events)
{
	struct sk_environment *v = arg;

	sk_environment_drain(v);
	if (events & (EPOLLHUP | EPOLLERR))
		sk_loop_remove(v->host->loop, &v->out);
}

uint64_t sk_environment_rss_kb(struct sk_environment *v)
{
	char path[48], text[128];
	unsigned long size, pages;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/statm", v->pid);
	fd = v->pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return v->max_rss_kb;
	text[n] = '\0';
	if (sscanf(text, "%lu %lu", &size, &pages) == 2 &&
	    pages * 4 > v->max_rss_kb)
		v->max_rss_kb = pages * 4;
	return v->max_rss_kb;
}

/* ---- the end ---- */

static void environment_free(struct sk_environment *v)
{
	unlink_all(v->host, v);
	sk_loop_unset(v->host->loop, &v->timer);
	sk_loop_remove(v->host->loop, &v->control);
	sk_loop_remove(v->host->loop, &v->out);
	if (v->control.fd >= 0)
		close(v->control.fd);
	if (v->out.fd >= 0)
		close(v->out.fd);
	if (v->dir) {
		sk_remove_tree(v->dir);
		free(v->dir);
	}
	sk_port_close(v->port);
	sk_buf_free(&v->line);
	sk_version_unref(v->version);
	free(v);
}

/* Closing our side of the socket ends its init, and that all the others. */
static void begin_to_die(struct sk_environment *v)
{
	v->state = SK_DYING;
	v->host->alive--;
	unlink_idle(v);
	sk_loop_unset(v->host->loop, &v->timer);
	sk_port_close(v->port);
	v->port = NULL;
	if (v->asking)
		sk_request_drop(v->asking);
	v->asking = NULL;
	if (v->control.fd >= 0)
		shutdown(v->control.fd, SHUT_WR);
}

static void give_back(struct sk_environment *v, const char *type,
    const char *text)
{
	struct sk_invocation *i = v->invocation;

	v->invocation = NULL;
	if (!i)
		return;
	if (v->initialised && !i->given_us && !v->host->closing)
		sk_invocation_again(i);
	else
		sk_invocation_failed(i, type, text);
}

void sk_environment_kill(struct sk_environment *v, const char *type,
    const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (v->state == SK_DYING)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sk_environment_drain(v);
	begin_to_die(v);
	give_back(v, type, text);
	if (v->control.fd < 0)
		environment_free(v);
}

static void end_with_status(struct sk_environment *v, int status)
{
	char name[64];

	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		sk_environment_kill(v, "Runtime.ExitError", "Runtime exited with "
		    "error: exit status %d", WEXITSTATUS(status));
		return;
	}
	if (!WIFSIGNALED(status) || !sigdescr_np(WTERMSIG(status))) {
		sk_environment_kill(v, "Runtime.ExitError",
		    "Runtime exited without providing a reason");
		return;
	}
	snprintf(name, sizeof(name), "%s", sigdescr_np(WTERMSIG(status)));
	name[0] |= 0x20;
	sk_environment_kill(v, "Runtime.ExitError",
	    "Runtime exited with error: signal: %s", name);
}

static void end_unstarted(struct sk_environment *v, const struct sk_tale *t)
{
	static const char invalid[] = "Runtime.InvalidEntrypoint";
	char *path = sk_disk_path(v->version->code->dir, "task/bootstrap");
	bool there = path && access(path, F_OK) == 0;

	free(path);
	if (strcmp(t->what, "bootstrap") != 0)
		sk_environment_kill(v, "ServiceException", "the environment "
		    "cannot have %s: %s", t->what, strerror(t->sys));
	else if (!there)
		sk_environment_kill(v, invalid, "Couldn't find valid "
		    "bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
	else if (t->sys == ENOENT)
		sk_environment_kill(v, invalid, "fork/exec /var/task/bootstrap: "
		    "its loader or interpreter is not in the environment; "
		    "bundle it, or see --root");
	else if (t->sys == ENOEXEC)
		sk_environment_kill(v, invalid,
		    "fork/exec /var/task/bootstrap: exec format error");
	else if (t->sys == EACCES)
		sk_environment_kill(v, invalid,
		    "fork/exec /var/task/bootstrap: permission denied");
	else
		sk_environment_kill(v, invalid, "fork/exec "
		    "/var/task/bootstrap: %s", strerror(t->sys));
}

static void on_control(void *arg, uint32_t events)
{
	struct sk_environment *v = arg;
	struct sk_tale t;

	(void)events;
	for (;;) {
		sk_spawn_hear(v->control.fd, &t);
		switch (t.kind) {
		case SK_TOLD_NOTHING:
			return;
		case SK_TOLD_BORN:
			v->pid = t.pid;
			break;
		case SK_TOLD_FAILED:
			end_unstarted(v, &t);
			break;
		case SK_TOLD_ENDED:
			v->pid = 0;
			if (t.max_rss_kb > v->max_rss_kb)
				v->max_rss_kb = t.max_rss_kb;
			end_with_status(v, t.status);
			break;
		default:
			sk_environment_kill(v, "Runtime.ExitError", "Runtime "
			    "exited without providing a reason");
			environment_free(v);
			return;
		}
	}
}

/* ---- the beginning ---- */

static void on_init_timeout(void *arg)
{
	sk_environment_kill(arg, "Sandbox.Timedout",
	    "Task timed out after %d.00 seconds", SK_HOST_INIT_MS / 1000);
}

static int give_birth(struct sk_environment *v, struct snek_error *e)
{
	struct sk_host *h = v->host;
	struct sk_buf env = { 0 };
	struct sk_spawn s = { .root = h->o.root, .tmp = v->dir,
		.tmp_mb = v->version->config.tmp_mb };
	char *task = sk_disk_path(v->version->code->dir, "task");
	int rc = task ? 0 : sk_enomem(e), ends[2] = { -1, -1 };

	if (!rc && pipe2(ends, O_CLOEXEC) < 0)
		rc = sk_fail_errno(e, "a pipe");
	s.task = task;
	s.out = ends[1];
	v->out.fd = ends[0];
	if (!rc && !sk_variables_write(&env, v, task))
		rc = sk_enomem(e);
	s.env = (struct sk_span){ env.p, env.n };
	if (!rc)
		rc = sk_spawn(h->spawner, &s, &v->control.fd, e);
	if (ends[1] >= 0)
		close(ends[1]);
	sk_buf_free(&env);
	free(task);
	return rc;
}

static void launch(void *arg)
{
	struct sk_environment *v = arg;
	struct sk_host *h = v->host;
	struct snek_error e = { 0 };
	int rc = give_birth(v, &e);

	v->state = SK_STARTING;
	v->started_us = sk_clock_us();
	if (!rc && fcntl(v->out.fd, F_SETFL, O_NONBLOCK) < 0)
		rc = sk_fail_errno(&e, "a pipe");
	if (!rc)
		rc = sk_loop_add(h->loop, &v->control, EPOLLIN, &e);
	if (!rc)
		rc = sk_loop_add(h->loop, &v->out, EPOLLIN, &e);
	v->timer.fire = on_init_timeout;
	if (!rc)
		rc = sk_loop_set(h->loop, &v->timer,
		    v->started_us + SK_HOST_INIT_MS * (int64_t)1000);
	if (rc)
		sk_environment_kill(v, "ServiceException", "%s", *e.text ?
		    e.text : sk_strerror(rc));
}

/* As Lambda calls them: 2026/01/31/[$LATEST]0123456789abcdef... */
static void name_stream(struct sk_environment *v)
{
	char version[16], id[37], date[16];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y/%m/%d", &tm);
	sk_version_text(v->version, version);
	sk_uuid(id);
	snprintf(v->stream, sizeof(v->stream), "%s/[%s]%.8s%.4s%.4s%.4s%.12s",
	    date, version, id, id + 9, id + 14, id + 19, id + 24);
}

static int make_dir(struct sk_environment *v, struct snek_error *e)
{
	char name[48];

	if (v->host->o.root)
		return 0;
	snprintf(name, sizeof(name), "tmp-%llu",
	    (unsigned long long)++v->host->numbers);
	v->dir = sk_disk_path(v->host->dir, name);
	if (!v->dir)
		return sk_enomem(e);
	return mkdir(v->dir, 0700) < 0 ? sk_fail_errno(e, "%s", v->dir) : 0;
}

static int make(struct sk_host *h, struct sk_version *version,
    struct sk_environment **out, struct snek_error *e)
{
	struct sk_environment *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return sk_enomem(e);
	v->host = h;
	v->version = sk_version_ref(version);
	v->state = SK_COLD;
	v->was_cold = true;
	v->control = (struct sk_watch){ .fd = -1, .ready = on_control, .arg = v };
	v->out = (struct sk_watch){ .fd = -1, .ready = on_output, .arg = v };
	v->timer = (struct sk_timer){ .fire = launch, .arg = v };
	name_stream(v);
	link_all(h, v);
	rc = make_dir(v, e);
	if (!rc)
		rc = sk_port_open(h->server, 0, &sk_runtime_ops, v, &v->port, e);
	if (rc)
		environment_free(v);
	else
		*out = v;
	return rc;
}

/* One that is idle and was used longest ago makes room. */
static bool make_room(struct sk_host *h)
{
	struct sk_environment *v = h->idle;

	if (h->alive < h->o.environments)
		return true;
	while (v && v->idle_next)
		v = v->idle_next;
	if (!v)
		return false;
	sk_environment_kill(v, "", "idle");
	return true;
}

int sk_environment_start(struct sk_host *h, struct sk_invocation *i,
    struct snek_error *e)
{
	struct sk_environment *v = NULL;
	int rc;

	if (!make_room(h))
		return SNEK_EAGAIN;
	rc = make(h, i->version, &v, e);
	if (rc)
		return rc == SNEK_EAGAIN ? SNEK_EIO : rc;
	h->alive++;
	v->invocation = i;
	i->environment = v;
	if (!h->o.cold_ms || sk_loop_set(h->loop, &v->timer, sk_clock_us() +
	    h->o.cold_ms * (int64_t)1000))
		launch(v);
	return 0;
}

/* ---- one after another ---- */

static void on_timeout(void *arg)
{
	struct sk_environment *v = arg;

	sk_environment_kill(v, "Sandbox.Timedout", "Task timed out after %u.00 "
	    "seconds", v->version->config.timeout_s);
}

void sk_environment_give(struct sk_environment *v, struct sk_invocation *i)
{
	unlink_idle(v);
	v->state = SK_BUSY;
	v->invocation = i;
	i->environment = v;
	v->timer.fire = on_timeout;
	if (sk_loop_set(v->host->loop, &v->timer, sk_clock_us() +
	    v->version->config.timeout_s * (int64_t)1000000)) {
		sk_environment_kill(v, "ServiceException", "out of memory");
		return;
	}
	if (v->asking)
		sk_runtime_deliver(v);
}

void sk_environment_done(struct sk_environment *v)
{
	v->invocation = NULL;
	sk_loop_unset(v->host->loop, &v->timer);
	if (v->version->retired || v->host->closing) {
		sk_environment_kill(v, "", "retired");
		return;
	}
	v->state = SK_IDLE;
	v->used_us = sk_clock_us();
	link_idle(v);
}

void sk_environment_retire(struct sk_host *h)
{
	struct sk_environment *v, *next;

	for (v = h->environments; v; v = next) {
		next = v->next;
		if (v->version->retired && !v->invocation)
			sk_environment_kill(v, "", "retired");
	}
}

bool sk_environment_end_all(struct sk_host *h)
{
	struct sk_environment *v, *next;

	for (v = h->environments; v; v = next) {
		next = v->next;
		sk_environment_kill(v, "ServiceException", "the host ends");
	}
	return !h->environments;
}
