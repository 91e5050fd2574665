/* SPDX-License-Identifier: MIT */
/*
 * main.c - snek-gateway: the API on a socket, until a signal.  Started by
 * "snek gateway", which has looked at the options; they come as NAME=VALUE.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/listen.h"
#include "api/object.h"
#include "api/server.h"
#include "base/buf.h"

/* Answers come and go: what they take is not given back to the system and asked
 * of it again for each, which costs all threads an interrupt. */
#define MMAP_FROM (1 << 20)             /* bytes of one */
#define KEPT_FREE (4 << 20)             /* at the end of a thread's heap */

struct gateway {
	struct sk_api_options api;
	struct sk_server_options server;
	const char *listen, *token_file, *log;
	bool public, tokenless, json;
	unsigned drain_s;
	char token[513];
};

/* ---- options ---- */

static unsigned number(const char *s)
{
	return (unsigned)strtoul(s, NULL, 10);
}

static bool set_api(struct gateway *g, const char *name, const char *v)
{
	if (!strcmp(name, "cluster"))
		g->api.cluster = v;
	else if (!strcmp(name, "on"))
		g->api.on = v;
	else if (!strcmp(name, "tmp"))
		g->api.tmp = v;
	else if (!strcmp(name, "wait"))
		g->api.wait_ms = (unsigned)(strtod(v, NULL) * 1000);
	else if (!strcmp(name, "jobs"))
		g->api.jobs = number(v);
	else if (!strcmp(name, "keep"))
		g->api.keep_s = number(v);
	else
		return false;
	return true;
}

static bool set_server(struct gateway *g, const char *name, const char *v)
{
	if (!strcmp(name, "listen"))
		g->listen = v;
	else if (!strcmp(name, "token-file"))
		g->token_file = v;
	else if (!strcmp(name, "no-token"))
		g->tokenless = true;
	else if (!strcmp(name, "behind-tls-proxy"))
		g->public = true;
	else if (!strcmp(name, "connections"))
		g->server.connections = number(v);
	else if (!strcmp(name, "workers"))
		g->server.workers = number(v);
	else if (!strcmp(name, "max-body"))
		g->api.max_body = g->server.max_body = strtoull(v, NULL, 10);
	else if (!strcmp(name, "patience"))
		g->server.patience_s = number(v);
	else if (!strcmp(name, "drain"))
		g->drain_s = number(v);
	else if (!strcmp(name, "log"))
		g->log = v;
	else if (!strcmp(name, "json"))
		g->json = true;
	else
		return false;
	return true;
}

static int parse(struct gateway *g, int argc, char **argv)
{
	char *v;
	int i;

	for (i = 1; i < argc; i++) {
		v = strchr(argv[i], '=');
		if (!v)
			return -1;
		*v++ = '\0';
		if (!set_api(g, argv[i], v) && !set_server(g, argv[i], v))
			return -1;
	}
	return argc > 1 ? 0 : -1;
}

/* As it can stand in a header, whole. */
static int take_token(struct gateway *g, const char *from, const char *text,
    struct snek_error *e)
{
	size_t n = strlen(text), i;

	if (n < 16 || n >= sizeof(g->token))
		return sk_fail(e, SNEK_EINVAL, "%s: a token has 16 to %zu "
		    "characters; openssl rand -hex 32 makes one", from,
		    sizeof(g->token) - 1);
	for (i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return sk_fail(e, SNEK_EINVAL, "%s: a token is of "
			    "printable ASCII characters without blanks; openssl "
			    "rand -hex 32 makes one", from);
	memcpy(g->token, text, n + 1);
	g->server.token = g->token;
	return 0;
}

/* The first line of a file that is nobody else's to read. */
static int read_token(struct gateway *g, struct snek_error *e)
{
	char text[sizeof(g->token) + 2];
	ssize_t n;
	int fd = open(g->token_file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return sk_fail_errno(e, "%s", g->token_file);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return sk_fail_errno(e, "%s", g->token_file);
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return take_token(g, g->token_file, text, e);
}

static int token(struct gateway *g, struct snek_error *e)
{
	const char *v = getenv("SNEK_GATEWAY_TOKEN");

	if (g->token_file)
		return read_token(g, e);
	if (g->tokenless)
		return 0;
	if (!v || !*v)
		return sk_fail(e, SNEK_EINVAL, "no token: give --token-file "
		    "(openssl rand -hex 32 makes one), or --no-token on this "
		    "machine alone");
	return take_token(g, "SNEK_GATEWAY_TOKEN", v, e);
}

static int check_bind(const struct gateway *g, const struct sk_listen *l,
    struct snek_error *e)
{
	if (l->loopback)
		return 0;
	if (!g->server.token)
		return sk_fail(e, SNEK_EINVAL, "%s: others reach this address; "
		    "not without a token", l->where);
	return g->public ? 0 : sk_fail(e, SNEK_EINVAL, "%s: others reach this "
	    "address, and what is said there can be read on the way; listen on "
	    "loopback, or say --behind-tls-proxy if one stands in front",
	    l->where);
}

static int open_log(struct gateway *g, struct snek_error *e)
{
	g->server.log = -1;
	if (!g->log)
		return 0;
	g->server.log = strcmp(g->log, "-") ? open(g->log, O_WRONLY | O_CREAT |
	    O_APPEND | O_CLOEXEC, 0640) : 2;
	return g->server.log < 0 ? sk_fail_errno(e, "%s", g->log) : 0;
}

/* ---- running ---- */

static int exit_of(int code)
{
	switch (code) {
	case SNEK_EINVAL:  return 2;
	case SNEK_ENOENT:  return 3;
	case SNEK_EAGAIN:  return 5;
	case SNEK_EACCES:  return 6;
	case SNEK_EVERSION:
	case SNEK_ECORRUPT: return 9;
	default:           return 1;
	}
}

/* A line, or where JSON is wanted that. */
static void say(const struct gateway *g, FILE *to, struct sk_object *o,
    const char *text)
{
	sk_object_end(o);
	if (g->json)
		fprintf(to, "%.*s", (int)o->b->n, o->b->p ? o->b->p : "");
	else
		fprintf(to, "snek gateway: %s\n", text);
	fflush(to);
	sk_buf_free(o->b);
}

static int fail(const struct gateway *g, const struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct sk_object o;

	sk_object_begin(&o, &b, "error");
	sk_object_text(&o, "code", sk_error_name(e->code));
	sk_object_number(&o, "exit", (uint64_t)exit_of(e->code));
	sk_object_text(&o, "message", e->text);
	say(g, stderr, &o, e->text);
	return exit_of(e->code);
}

static void say_ready(const struct gateway *g, const struct sk_listen *l)
{
	struct sk_buf b = { 0 };
	struct sk_object o;

	sk_object_begin(&o, &b, "gateway");
	sk_object_text(&o, "listen", l->where);
	say(g, stdout, &o, l->where);
	sk_listen_notify("READY=1");
}

static void say_cut(const struct gateway *g, unsigned n)
{
	struct sk_buf b = { 0 };
	struct sk_object o;
	char text[64];

	snprintf(text, sizeof(text), "%u request%s cut off", n, n == 1 ?
	    " was" : "s were");
	sk_object_begin(&o, &b, "cut_off");
	sk_object_number(&o, "requests", n);
	say(g, stderr, &o, text);
}

/* While somebody listens there, no other gateway takes the name. */
static void remove_socket(struct sk_listen *l)
{
	if (*l->path)
		unlink(l->path);
	*l->path = '\0';
}

static int serve(struct gateway *g, struct sk_listen *l, const sigset_t *ends)
{
	struct snek_error e = { 0 };
	struct sk_api *api = NULL;
	struct sk_server *server = NULL;
	unsigned left;
	int sig, rc = sk_api_open(&g->api, &api, &e);

	g->server.fd = l->fd;
	g->server.local = l->local;
	g->server.shared = l->shared;
	if (!rc)
		rc = sk_server_start(api, &g->server, &server, &e);
	if (rc) {
		sk_api_close(api);
		return fail(g, &e);
	}
	say_ready(g, l);
	while (sigwait(ends, &sig))
		;
	sk_listen_notify("STOPPING=1");
	remove_socket(l);
	left = sk_server_stop(server, g->drain_s);
	sk_api_close(api);
	if (left)
		say_cut(g, left);
	return 0;
}

static int begin(struct gateway *g, struct sk_listen *l, struct snek_error *e)
{
	int rc = token(g, e);

	unsetenv("SNEK_GATEWAY_TOKEN"); /* no child is to see it */
	if (!rc)
		rc = open_log(g, e);
	if (!rc)
		rc = sk_listen_open(g->listen, l, e);
	if (!rc)
		rc = check_bind(g, l, e);
	return rc;
}

int main(int argc, char **argv)
{
	struct gateway g = { .drain_s = 30 };
	struct sk_listen l = { .fd = -1 };
	struct snek_error e = { 0 };
	sigset_t ends;
	int rc;

	if (parse(&g, argc, argv)) {
		fputs("snek-gateway is started by snek gateway\n", stderr);
		return 2;
	}
	g.api.waits = (g.server.workers + 1) / 2;       /* others are free */
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	mallopt(M_TRIM_THRESHOLD, KEPT_FREE);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	rc = begin(&g, &l, &e) ? fail(&g, &e) : serve(&g, &l, &ends);
	remove_socket(&l);
	return rc;
}
