/* SPDX-License-Identifier: MIT */
/*
 * init.c - the first process of an environment: it starts the bootstrap,
 * buries what is left behind, tells how the bootstrap ended, and goes when
 * the host's end of the socket is closed.
 *
 * With a root of its own it is number 1 of its processes, and the kernel ends
 * them with it.  Without, they are found as its descendants.
 */
#include "host/spawn_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES = 1024 };          /* that Lambda lets a process open */

static void tell(const struct sk_spawn_order *o, const struct sk_tale *t)
{
	send(o->control, t, sizeof(*t), MSG_NOSIGNAL);
}

void sk_init_fail(const struct sk_spawn_order *o, const char *what)
{
	struct sk_tale t = { .kind = SK_TOLD_FAILED, .sys = errno };

	snprintf(t.what, sizeof(t.what), "%s", what);
	tell(o, &t);
	_exit(1);
}

/* The Runtime API listens in this network, and the host answers. */
static void open_port(const struct sk_spawn_order *o)
{
	struct sk_tale t = { .kind = SK_TOLD_PORT };
	const char *what;
	int fd = sk_root_listen(&what);
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(fd))]; } c;
	struct iovec v = { &t, sizeof(t) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
		.msg_controllen = sizeof(c.room) };

	if (fd < 0)
		sk_init_fail(o, what);
	memset(&c, 0, sizeof(c));
	c.head.cmsg_level = SOL_SOCKET;
	c.head.cmsg_type = SCM_RIGHTS;
	c.head.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&c.head), &fd, sizeof(fd));
	if (sendmsg(o->control, &m, MSG_NOSIGNAL) < 0)
		_exit(1);
	close(fd);
}

/* ---- the bootstrap ---- */

static void make_env(const struct sk_spawn_order *o, char **env, size_t room)
{
	const char *p = o->s.env.p, *end = p + o->s.env.n;
	size_t n = 0;

	for (; p < end && n + 1 < room; p += strlen(p) + 1)
		env[n++] = (char *)(uintptr_t)p;
	env[n] = NULL;
}

static int take_streams(const struct sk_spawn_order *o)
{
	int null = open("/dev/null", O_RDONLY);

	if (null > 0) {
		dup2(null, 0);
		close(null);
	} else if (null < 0) {
		close(0);
	}
	return dup2(o->s.out, 1) < 0 || dup2(o->s.out, 2) < 0 ? -1 : 0;
}

/* Root is left where there is a root of its own; nothing is gained later. */
static int drop_rights(const struct sk_spawn_order *o)
{
	const struct rlimit none = { 0, 0 }, files = { FILES, FILES };

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NOFILE, &files);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (o->has_root && geteuid() == 0 && (setgroups(0, NULL) < 0 ||
	    setresgid(SK_SPAWN_USER, SK_SPAWN_USER, SK_SPAWN_USER) < 0 ||
	    setresuid(SK_SPAWN_USER, SK_SPAWN_USER, SK_SPAWN_USER) < 0))
		return -1;
	return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static _Noreturn void become_bootstrap(const struct sk_spawn_order *o)
{
	struct sk_tale born = { .kind = SK_TOLD_BORN };
	char *env[SK_SPAWN_ENVS];
	char path[4096], *argv[] = { path, NULL };
	sigset_t none;

	make_env(o, env, SK_SPAWN_ENVS);
	snprintf(path, sizeof(path), "%s/bootstrap", o->s.task);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (chdir(o->s.task) < 0)
		sk_init_fail(o, "its directory");
	if (take_streams(o) < 0)
		sk_init_fail(o, "its standard output");
	if (drop_rights(o) < 0)
		sk_init_fail(o, "another user");
	tell(o, &born);
	execve(path, argv, env);
	sk_init_fail(o, "bootstrap");
}

/* ---- its end ---- */

/* All that descend from this process; what forks meanwhile is found in the
 * next round. */
static bool kill_children(int sig)
{
	char path[64], *p, line[4096];
	bool any = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f))
		for (p = strtok(line, " "); p; p = strtok(NULL, " "))
			any = kill(atoi(p), sig) == 0 || any;
	if (f)
		fclose(f);
	return any;
}

static _Noreturn void end(const struct sk_spawn_order *o, pid_t group)
{
	int rounds;

	if (!o->has_root) {
		if (group > 0)
			kill(-group, SIGKILL);
		for (rounds = 0; rounds < 1000 && kill_children(SIGKILL);
		    rounds++)
			while (waitpid(-1, NULL, 0) > 0)
				kill_children(SIGKILL);
	}
	_exit(0);
}

static void bury(const struct sk_spawn_order *o, pid_t bootstrap)
{
	struct sk_tale t = { .kind = SK_TOLD_ENDED };
	struct rusage used;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0)
		if (pid == bootstrap) {
			t.status = status;
			t.max_rss_kb = (uint64_t)used.ru_maxrss;
			tell(o, &t);
			end(o, bootstrap);
		}
}

static void freeze(const struct sk_spawn_order *o, pid_t bootstrap, bool frozen)
{
	int sig = frozen ? SIGSTOP : SIGCONT;

	kill(o->has_root ? -1 : -bootstrap, sig);
}

static _Noreturn void watch(const struct sk_spawn_order *o, pid_t bootstrap,
    const sigset_t *children)
{
	struct signalfd_siginfo info;
	struct pollfd p[2] = { { .fd = o->control, .events = POLLIN },
		{ .fd = signalfd(-1, children, SFD_CLOEXEC), .events = POLLIN } };
	char c;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents & POLLIN &&
		    read(p[1].fd, &info, sizeof(info)) > 0)
			bury(o, bootstrap);
		if (!p[0].revents)
			continue;
		if (recv(o->control, &c, 1, 0) <= 0)
			break;
		freeze(o, bootstrap, c == 'F');
	}
	end(o, bootstrap);
}

void sk_init_run(const struct sk_spawn_order *o)
{
	struct sk_spawn_order in = *o;
	const char *what = "fork";
	sigset_t children;
	pid_t pid;

	if (o->has_root && sk_root_enter(o, &what))
		sk_init_fail(o, what);
	if (o->has_root)
		in.s.task = "/var/task";
	if (o->no_network)
		open_port(o);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	if (!o->has_root)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid)
		become_bootstrap(&in);
	if (pid < 0)
		sk_init_fail(o, what);
	close(o->s.out);
	watch(&in, pid, &children);
}
