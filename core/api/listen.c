/* SPDX-License-Identifier: MIT */
#include "api/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 512
#define FIRST_FD 3              /* sd_listen_fds(3) */

static bool is_loopback(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	if (a->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	return a->ss_family == AF_UNIX;
}

/* What it is bound to, whoever bound it. */
static int look(struct sk_listen *l, struct snek_error *e)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	char host[64], port[16];

	memset(&a, 0, sizeof(a));
	if (getsockname(l->fd, (struct sockaddr *)&a, &n))
		return sk_fail_errno(e, "a socket to listen on");
	l->loopback = is_loopback(&a);
	l->local = a.ss_family == AF_UNIX;
	if (l->local)
		snprintf(l->where, sizeof(l->where), "unix:%s",
		    ((const struct sockaddr_un *)&a)->sun_path);
	else if (!getnameinfo((struct sockaddr *)&a, n, host, sizeof(host), port,
	    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(l->where, sizeof(l->where), a.ss_family == AF_INET6 ?
		    "http://[%s]:%s" : "http://%s:%s", host, port);
	return 0;
}

/* 1: one was passed; 0: none was. */
static int inherit(struct sk_listen *l, struct snek_error *e)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	if (!pid || !fds || strtol(pid, NULL, 10) != getpid())
		return 0;
	if (strcmp(fds, "1"))
		return sk_fail(e, SNEK_EINVAL, "LISTEN_FDS is %.20s: one socket "
		    "is listened on, and not several; start a gateway for each",
		    fds);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	/* Workers are not to hold it open. */
	fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
	l->fd = FIRST_FD;
	l->shared = true;
	return 1;
}

/* A socket that nobody listens on any more is in the way, and no file. */
static void clear_stale(const struct sockaddr_un *a)
{
	struct stat st;
	int fd;

	if (lstat(a->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) &&
	    errno == ECONNREFUSED)
		unlink(a->sun_path);
	if (fd >= 0)
		close(fd);
}

/* Of digits, getaddrinfo takes what does not fit modulo 65536. */
static bool is_port(const char *s)
{
	return *s && (strspn(s, "0123456789") < strlen(s) ||
	    (strlen(s) <= 5 && strtoul(s, NULL, 10) <= 65535));
}

static int open_unix(const char *path, struct sk_listen *l, struct snek_error *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t mask;
	int rc;

	if (!*path || strlen(path) >= sizeof(a.sun_path))
		return sk_fail(e, SNEK_EINVAL, "%s: a socket's path has 1 to "
		    "%zu bytes", path, sizeof(a.sun_path) - 1);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	clear_stale(&a);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return sk_fail_errno(e, "a socket");
	mask = umask(0077);     /* its user's alone */
	rc = bind(l->fd, (struct sockaddr *)&a, sizeof(a));
	umask(mask);
	if (rc)
		return sk_fail_errno(e, "%s", path);
	snprintf(l->path, sizeof(l->path), "%s", path);
	return listen(l->fd, BACKLOG) ? sk_fail_errno(e, "%s", path) : 0;
}

static int bind_one(const struct addrinfo *a, struct sk_listen *l)
{
	int one = 1;

	l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -1;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(l->fd, a->ai_addr, a->ai_addrlen) && !listen(l->fd, BACKLOG))
		return 0;
	close(l->fd);
	l->fd = -1;
	return -1;
}

static int open_tcp(const char *address, struct sk_listen *l,
    struct snek_error *e)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE }, *list = NULL, *a;
	const char *colon = strrchr(address, ':');
	char host[256];
	size_t n;
	int rc;

	n = colon ? (size_t)(colon - address) : 0;
	if (!colon || n >= sizeof(host) || !is_port(colon + 1))
		return sk_fail(e, SNEK_EINVAL, "%s: where to listen is HOST:PORT "
		    "or unix:PATH", address);
	memcpy(host, address, n);
	host[n] = '\0';
	if (n > 2 && *host == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		memmove(host, host + 1, n - 1);
	}
	rc = getaddrinfo(*host ? host : "127.0.0.1", colon + 1, &hint, &list);
	if (rc)
		return sk_fail(e, SNEK_EINVAL, "%s: %s", address, gai_strerror(rc));
	for (a = list, rc = -1; a && rc; a = a->ai_next)
		rc = bind_one(a, l);
	freeaddrinfo(list);
	return rc ? sk_fail_errno(e, "%s", address) : 0;
}

int sk_listen_open(const char *address, struct sk_listen *l,
    struct snek_error *e)
{
	int rc = 0;

	*l = (struct sk_listen){ .fd = -1 };
	if (address && !strncmp(address, "unix:", 5))
		rc = open_unix(address + 5, l, e);
	else if (address || !(rc = inherit(l, e)))
		rc = open_tcp(address ? address : "127.0.0.1:8470", l, e);
	if (rc == 1)
		rc = 0;
	if (!rc)
		rc = look(l, e);
	if (rc && l->fd >= 0)
		close(l->fd);
	return rc;
}

void sk_listen_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (!path || (*path != '/' && *path != '@') ||
	    strlen(path) >= sizeof(a.sun_path))
		return;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (*path == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	close(fd);
}
