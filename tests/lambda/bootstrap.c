/* SPDX-License-Identifier: MIT */
/*
 * bootstrap.c - a small custom runtime for tests of the local Lambda host:
 * static, so that it needs nothing of its root.  It answers with the event,
 * unless the event's text begins with a word in quotes that says otherwise.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 8 << 20 };

struct reply {
	int status;
	char id[64], *body;
	size_t n;
	bool chunked;
};

static char *room, *out;
static char head[4096];
static int sock = -1;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bootstrap: %s: %s\n", what, strerror(errno));
	exit(70);
}

static void dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	const char *api = getenv("AWS_LAMBDA_RUNTIME_API"), *colon;
	char host[64];
	int one = 1;

	colon = api ? strchr(api, ':') : NULL;
	if (!colon)
		die("AWS_LAMBDA_RUNTIME_API");
	snprintf(host, sizeof(host), "%.*s", (int)(colon - api), api);
	a.sin_port = htons((uint16_t)atoi(colon + 1));
	inet_pton(AF_INET, host, &a.sin_addr);
	sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("connect");
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void send_all(const char *p, size_t n)
{
	ssize_t put;

	for (; n; p += put, n -= (size_t)put)
		if ((put = send(sock, p, n, MSG_NOSIGNAL)) <= 0)
			die("send");
}

static size_t more(size_t have)
{
	ssize_t got = recv(sock, room + have, ROOM - have, 0);

	if (got <= 0)
		die("recv");
	return have + (size_t)got;
}

static void unchunk(struct reply *r, size_t in, size_t have)
{
	size_t to = in, size;
	char *end;

	for (;;) {
		while (!(end = memmem(room + in, have - in, "\r\n", 2)))
			have = more(have);
		size = strtoul(room + in, NULL, 16);
		in = (size_t)(end + 2 - room);
		while (have < in + size + 2)
			have = more(have);
		if (!size)
			break;
		memmove(room + to, room + in, size);
		to += size;
		in += size + 2;
	}
	r->n = to - (size_t)(r->body - room);
}

static void field(struct reply *r, const char *line, size_t *length)
{
	if (!strncasecmp(line, "content-length:", 15))
		*length = strtoul(line + 15, NULL, 10);
	if (!strncasecmp(line, "transfer-encoding: chunked", 26))
		r->chunked = true;
	if (!strncasecmp(line, "lambda-runtime-aws-request-id: ", 31))
		snprintf(r->id, sizeof(r->id), "%.*s",
		    (int)strcspn(line + 31, "\r"), line + 31);
}

static void read_reply(struct reply *r)
{
	size_t have = 0, length = 0;
	char *end, *line;

	memset(r, 0, sizeof(*r));
	do
		have = more(have);
	while (!(end = memmem(room, have, "\r\n\r\n", 4)));
	snprintf(head, sizeof(head), "%.*s", (int)(end + 2 - room), room);
	r->status = atoi(room + 9);
	for (line = room; line < end; line = strstr(line, "\r\n") + 2)
		field(r, line, &length);
	r->body = end + 4;
	if (r->chunked) {
		unchunk(r, (size_t)(r->body - room), have);
		return;
	}
	while (have < (size_t)(r->body - room) + length)
		have = more(have);
	r->n = length;
}

static void get_next(struct reply *r)
{
	static const char text[] = "GET /2018-06-01/runtime/invocation/next "
	    "HTTP/1.1\r\nHost: localhost\r\n\r\n";

	send_all(text, sizeof(text) - 1);
	read_reply(r);
}

/* Status of the answer to an answer. */
static int post(const char *path, const char *extra, const char *body, size_t n)
{
	char request[512];
	struct reply r;
	int len;

	len = snprintf(request, sizeof(request), "POST /2018-06-01/runtime/%s "
	    "HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n", path,
	    extra, n);
	send_all(request, (size_t)len);
	send_all(body, n);
	read_reply(&r);
	return r.status;
}

static int respond(const char *id, const char *kind, const char *extra,
    const char *body, size_t n)
{
	char path[128];

	snprintf(path, sizeof(path), "invocation/%s/%s", id, kind);
	return post(path, extra, body, n);
}

/* ---- what an event may ask for ---- */

static bool asks(const struct reply *r, const char *word)
{
	size_t n = strlen(word);

	return r->n > n + 1 && *r->body == '"' && !memcmp(r->body + 1, word, n);
}

static size_t put_text(size_t n, const char *s)
{
	for (out[n++] = '"'; *s; s++) {
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		out[n++] = *s == '\r' || *s == '\n' ? ' ' : *s;
	}
	out[n++] = '"';
	return n;
}

static size_t put_env(void)
{
	extern char **environ;
	size_t n = 0, i;

	out[n++] = '[';
	for (i = 0; environ[i]; i++) {
		if (i)
			out[n++] = ',';
		n = put_text(n, environ[i]);
	}
	out[n++] = ']';
	return n;
}

/* What there is to see in a directory. */
static size_t put_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	size_t n = 0;

	out[n++] = '[';
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (n > 1)
			out[n++] = ',';
		n = put_text(n, e->d_name);
	}
	if (d)
		closedir(d);
	out[n++] = ']';
	return n;
}

/* Which of a few things that should not be possible are. */
static size_t put_reach(void)
{
	int fd = open("/var/task/mine", O_WRONLY | O_CREAT, 0600), n;
	int other = open("/mine", O_WRONLY | O_CREAT, 0600);
	int tmp = open("/tmp/mine", O_WRONLY | O_CREAT, 0600);
	struct stat st;

	n = sprintf(out, "{\"task\":%s,\"root\":%s,\"tmp\":%s,\"home\":%s,"
	    "\"uid\":%s}", fd < 0 ? "false" : "true",
	    other < 0 ? "false" : "true", tmp < 0 ? "false" : "true",
	    stat("/root", &st) < 0 && stat("/home", &st) < 0 ? "false" : "true",
	    geteuid() ? "true" : "false");
	return (size_t)n;
}

static bool can_connect(long port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool can = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	close(fd);
	return can;
}

static long number(const struct reply *r)
{
	return strtol(r->body + 1 + strcspn(r->body + 1, "0123456789\""), NULL, 10);
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static size_t fill(long n)
{
	if (n > ROOM)
		n = ROOM;
	memset(out, 'x', (size_t)n);
	out[0] = out[n - 1] = '"';
	return (size_t)n;
}

/* A child that outlives an ordinary parent. */
static void leave_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (fork() == 0)
			for (;;)
				pause();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void eat(long mb)
{
	size_t n = (size_t)mb << 20, i;
	volatile char *p = malloc(n);

	for (i = 0; p && i < n; i += 4096)
		p[i] = 1;
	pause_ms(600000);
}

static size_t answer(const struct reply *r)
{
	static long calls;

	calls++;
	if (asks(r, "calls"))
		return (size_t)sprintf(out, "[%d,%ld]", (int)getpid(), calls);
	if (asks(r, "env"))
		return put_env();
	if (asks(r, "head"))
		return put_text(0, head);
	if (asks(r, "root"))
		return put_files("/");
	if (asks(r, "connect"))
		return (size_t)sprintf(out, can_connect(number(r)) ? "true" :
		    "false");
	if (asks(r, "reach"))
		return put_reach();
	if (asks(r, "large"))
		return fill(number(r));
	if (asks(r, "size"))
		return (size_t)sprintf(out, "{\"n\":%zu,\"chunked\":%s}", r->n,
		    r->chunked ? "true" : "false");
	if (asks(r, "exit"))
		exit((int)number(r));
	if (asks(r, "kill"))
		raise((int)number(r));
	if (asks(r, "sleep"))
		pause_ms(number(r));
	if (asks(r, "child"))
		leave_child();
	if (asks(r, "eat"))
		eat(number(r));
	if (asks(r, "print"))
		printf("hello of %s\nwithout an end", r->id);
	fflush(stdout);
	memcpy(out, r->body, r->n);
	return r->n;
}

/* In pieces; when it is to fail, it says so behind them. */
static void stream(const struct reply *r, bool fails)
{
	char request[1024];
	struct reply told;
	int n;

	n = snprintf(request, sizeof(request), "POST /2018-06-01/runtime/"
	    "invocation/%s/response HTTP/1.1\r\nHost: localhost\r\n"
	    "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
	    "Transfer-Encoding: chunked\r\n"
	    "Trailer: Lambda-Runtime-Function-Error-Type\r\n"
	    "Trailer: Lambda-Runtime-Function-Error-Body\r\n\r\n"
	    "3\r\n\"ab\r\n", r->id);
	send_all(request, (size_t)n);
	pause_ms(1);
	n = snprintf(request, sizeof(request), "3\r\ncd\"\r\n0\r\n%s\r\n",
	    fails ? "Lambda-Runtime-Function-Error-Type: Late.Error\r\n"
	    "Lambda-Runtime-Function-Error-Body: eyJsYXRlIjp0cnVlfQ==\r\n" : "");
	send_all(request, (size_t)n);
	read_reply(&told);
}

static bool answer_oddly(const struct reply *r)
{
	static const char error[] =
	    "{\"errorType\":\"Oh.No\",\"errorMessage\":\"as asked\"}";
	int n;

	if (asks(r, "error"))
		respond(r->id, "error", "", error, sizeof(error) - 1);
	else if (asks(r, "handled"))
		respond(r->id, "error", "Lambda-Runtime-Function-Error-Type: "
		    "Handled\r\n", error, sizeof(error) - 1);
	else if (asks(r, "stream"))
		stream(r, asks(r, "stream error"));
	else if (asks(r, "twice")) {
		n = respond("of-nobody", "response", "", "1", 1);
		n = sprintf(out, "[%d]", n);
		respond(r->id, "response", "", out, (size_t)n);
		n = respond(r->id, "response", "", out, (size_t)n);
		fprintf(stderr, "the second answer: %d\n", n);
	} else
		return false;
	return true;
}

int main(void)
{
	static const char error[] =
	    "{\"errorType\":\"Not.Today\",\"errorMessage\":\"init failed\"}";
	const char *init = getenv("INIT");
	struct reply r;
	size_t n;

	room = malloc(ROOM + 1);
	out = malloc(ROOM + (1 << 16));
	if (!room || !out)
		die("malloc");
	if (init && !strcmp(init, "exit"))
		return 7;
	if (init && !strcmp(init, "hang"))
		pause_ms(600000);
	dial();
	if (init && !strcmp(init, "error")) {
		post("init/error", "", error, sizeof(error) - 1);
		return 1;
	}
	for (;;) {
		get_next(&r);
		if (r.status != 200)
			return 71;
		if (answer_oddly(&r))
			continue;
		n = answer(&r);
		respond(r.id, "response", "", out, n);
	}
}
