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
	char token[520];
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
		g->server.max_body = strtoull(v, NULL, 10);
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

/* Its first line, of a file that is nobody else's to read. */
static int read_token(struct gateway *g, struct snek_error *e)
{
	ssize_t n;
	int fd = open(g->token_file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return sk_fail_errno(e, "%s", g->token_file);
	n = read(fd, g->token, sizeof(g->token) - 1);
	close(fd);
	if (n < 0)
		return sk_fail_errno(e, "%s", g->token_file);
	g->token[n] = '\0';
	g->token[strcspn(g->token, "\r\n")] = '\0';
	n = (ssize_t)strlen(g->token);
	if (n < 16 || n > 512)
		return sk_fail(e, SNEK_EINVAL, "%s: a token has 16 to 512 "
		    "characters; openssl rand -hex 32 makes one", g->token_file);
	g->server.token = g->token;
	return 0;
}

static int token(struct gateway *g, struct snek_error *e)
{
	const char *v = getenv("SNEK_GATEWAY_TOKEN");

	if (g->token_file)
		return read_token(g, e);
	if (v && *v) {
		if (strlen(v) < 16 || strlen(v) >= sizeof(g->token))
			return sk_fail(e, SNEK_EINVAL, "SNEK_GATEWAY_TOKEN: a "
			    "token has 16 to 512 characters");
		snprintf(g->token, sizeof(g->token), "%s", v);
		unsetenv("SNEK_GATEWAY_TOKEN"); /* no child is to see it */
		g->server.token = g->token;
		return 0;
	}
	return g->tokenless ? 0 : sk_fail(e, SNEK_EINVAL, "no token: give "
	    "--token-file (openssl rand -hex 32 makes one), or --no-token on "
	    "this machine alone");
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

static int fail(const struct snek_error *e)
{
	fprintf(stderr, "snek gateway: %s\n", e->text);
	switch (e->code) {
	case SNEK_EINVAL:  return 2;
	case SNEK_ENOENT:  return 3;
	case SNEK_EAGAIN:  return 5;
	case SNEK_EACCES:  return 6;
	case SNEK_EVERSION:
	case SNEK_ECORRUPT: return 9;
	default:           return 1;
	}
}

static void say_ready(const struct gateway *g, const struct sk_listen *l)
{
	if (g->json)
		printf("{\"snek\":1,\"kind\":\"gateway\",\"listen\":\"%s\"}\n",
		    l->where);
	else
		printf("snek gateway: %s\n", l->where);
	fflush(stdout);
	sk_listen_notify("READY=1");
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
		return fail(&e);
	}
	say_ready(g, l);
	while (sigwait(ends, &sig))
		;
	sk_listen_notify("STOPPING=1");
	left = sk_server_stop(server, g->drain_s);
	sk_api_close(api);
	if (left)
		fprintf(stderr, "snek gateway: %u request%s cut off\n", left,
		    left == 1 ? " was" : "s were");
	return 0;
}

static int begin(struct gateway *g, struct sk_listen *l, struct snek_error *e)
{
	int rc = token(g, e);

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
	struct sk_listen l;
	struct snek_error e = { 0 };
	sigset_t ends;
	int rc;

	if (parse(&g, argc, argv)) {
		fputs("snek-gateway is started by snek gateway\n", stderr);
		return 2;
	}
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	mallopt(M_TRIM_THRESHOLD, KEPT_FREE);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	if (begin(&g, &l, &e))
		return fail(&e);
	rc = serve(&g, &l, &ends);
	if (*l.path)
		unlink(l.path);
	return rc;
}
