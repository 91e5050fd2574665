/* SPDX-License-Identifier: MIT */
/*
 * local.c - what an invocation costs through the local Lambda host.
 *
 *   local PORT ZIP: make the function "bench" of it
 *   local PORT CALLS AT_ONCE: invoke it so often, so many in flight, each over
 *	a connection of its own; prints milliseconds for all, and microseconds
 *	for each
 *
 * The first AT_ONCE calls are made before, so that environments are there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"

#define SIGNED "Host: localhost\r\nX-Amz-Date: 20260101T000000Z\r\n" \
	"Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/eu-central-1/" \
	"lambda/aws4_request, SignedHeaders=host, Signature=" \
	"0000000000000000000000000000000000000000000000000000000000000000\r\n"

static const char event[] = "{\"key\":\"value\",\"n\":1234567}";

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "local: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int dial(const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void put(int fd, const char *path, const char *body, size_t n)
{
	struct sk_buf b = { 0 };
	size_t at;
	ssize_t k;

	if (!sk_buf_printf(&b, "POST /2015-03-31/functions%s HTTP/1.1\r\n" SIGNED
	    "Content-Length: %zu\r\n\r\n", path, n) || !sk_buf_put(&b, body, n))
		die("memory");
	for (at = 0; at < b.n; at += (size_t)k)
		if ((k = write(fd, b.p + at, b.n - at)) <= 0)
			die("write");
	sk_buf_free(&b);
}

/* Answers are small and come whole. */
static void get(int fd, const char *status)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		die("read");
	text[n] = '\0';
	if (strncmp(text + 9, status, 3) || strstr(text, "Function-Error")) {
		fprintf(stderr, "local: %s\n", text);
		exit(1);
	}
}

static void make(const char *port, const char *path)
{
	struct sk_buf zip = { 0 }, body = { 0 };
	FILE *f = fopen(path, "rb");
	int fd = dial(port);
	size_t n;

	if (!f)
		die(path);
	do {
		if (!sk_buf_reserve(&zip, 1 << 16))
			die("memory");
		n = fread(zip.p + zip.n, 1, 1 << 16, f);
		zip.n += n;
	} while (n);
	fclose(f);
	if (!sk_buf_printf(&body, "{\"FunctionName\":\"bench\",\"Runtime\":"
	    "\"provided.al2023\",\"Handler\":\"h\",\"Timeout\":60,\"Role\":"
	    "\"arn:aws:iam::123456789012:role/r\",\"Code\":{\"ZipFile\":\"") ||
	    !sk_base64_put(&body, zip.p, zip.n) ||
	    !sk_buf_printf(&body, "\"}}"))
		die("memory");
	put(fd, "", body.p, body.n);
	get(fd, "201");
	sk_buf_free(&zip);
	sk_buf_free(&body);
	close(fd);
}

/* How long it took, in microseconds. */
static int64_t run(const int *fd, int epoll, long calls, long at_once)
{
	struct epoll_event e[256];
	long sent = 0, done = 0;
	int64_t begin = sk_clock_us();
	int i, n;

	for (; sent < calls && sent < at_once; sent++)
		put(fd[sent], "/bench/invocations", event, sizeof(event) - 1);
	while (done < calls) {
		n = epoll_wait(epoll, e, 256, 60000);
		if (n <= 0)
			die("no answer");
		for (i = 0; i < n; i++, done++) {
			get(e[i].data.fd, "200");
			if (sent < calls && ++sent)
				put(e[i].data.fd, "/bench/invocations", event,
				    sizeof(event) - 1);
		}
	}
	return sk_clock_us() - begin;
}

static void measure(const char *port, long calls, long at_once)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), *fd;
	struct epoll_event e = { .events = EPOLLIN };
	struct rlimit r;
	int64_t us;
	long i;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	fd = calloc((size_t)at_once, sizeof(*fd));
	if (!fd || epoll < 0)
		die("memory");
	for (i = 0; i < at_once; i++) {
		e.data.fd = fd[i] = dial(port);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd[i], &e) < 0)
			die("epoll_ctl");
	}
	run(fd, epoll, at_once, at_once);
	us = run(fd, epoll, calls, at_once);
	printf("%.2f %.1f\n", (double)us / 1000, (double)us / (double)calls);
	for (i = 0; i < at_once; i++)
		close(fd[i]);
	free(fd);
	close(epoll);
}

int main(int argc, char **argv)
{
	if (argc == 3)
		make(argv[1], argv[2]);
	else if (argc == 4)
		measure(argv[1], atol(argv[2]), atol(argv[3]));
	else
		return 2;
	return 0;
}
