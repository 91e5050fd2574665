/* SPDX-License-Identifier: MIT */
/* birth.c - an environment's beginning, and what its init tells. */
#include "host/invoke.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/disk.h"
#include "host/variables.h"

/* ---- what its init tells ---- */

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

static void open_port(struct sk_environment *v, int fd)
{
	struct snek_error e = { 0 };

	if (fd < 0)
		return;
	if (!v->port)           /* it is dying */
		close(fd);
	else if (sk_port_listen(v->port, fd, &e))
		sk_environment_kill(v, "ServiceException", "%s", e.text);
}

/* Its init is gone: if it was never there, for want of processes or memory. */
static void end_untold(struct sk_environment *v)
{
	if (v->was_born)
		sk_environment_kill(v, "Runtime.ExitError",
		    "Runtime exited without providing a reason");
	else
		sk_environment_kill(v, "ServiceException", "no process could be "
		    "started for an environment");
	sk_environment_free(v);
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
		case SK_TOLD_PORT:
			open_port(v, t.fd);
			break;
		case SK_TOLD_BORN:
			v->pid = t.pid;
			v->was_born = true;
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
			end_untold(v);
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
	struct sk_spawn s = { .tmp_mb = v->version->config.tmp_mb };
	char *task = sk_disk_path(v->version->code->dir, "task");
	int rc = task ? 0 : sk_enomem(e), ends[2] = { -1, -1 };

	if (!rc && pipe2(ends, O_CLOEXEC) < 0)
		rc = sk_fail_errno(e, "a pipe");
	/* The spawner with a root sees the host's directory elsewhere. */
	s.task = task && h->o.root ? task + strlen(h->dir) + 1 : task;
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
	sk_environment_watch(h);
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
	v->out = (struct sk_watch){ .fd = -1, .ready = sk_environment_output,
		.arg = v };
	v->timer = (struct sk_timer){ .fire = launch, .arg = v };
	name_stream(v);
	sk_environment_link(v);
	rc = make_dir(v, e);
	if (!rc)
		rc = h->o.no_network ? sk_port_expect(h->server,
		    &sk_runtime_ops, v, &v->port, e) : sk_port_open(h->server,
		    0, &sk_runtime_ops, v, &v->port, e);
	if (rc)
		sk_environment_free(v);
	else
		*out = v;
	return rc;
}

int sk_environment_start(struct sk_host *h, struct sk_invocation *i,
    struct snek_error *e)
{
	struct sk_environment *v = NULL;
	int rc;

	if (!sk_environment_room(h))
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

