/* SPDX-License-Identifier: MIT */
/*
 * main.c - snek-lambda-local: Lambda on a port, until a signal.  Started by
 * "snek lambda-local", which has looked at the options; they come as
 * NAME=VALUE.
 */
#include "host/host.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct local {
	struct sk_host_options o;
	char key[256];                  /* cut in two */
	char root[PATH_MAX];
	bool json, quiet;
};

static volatile int stop;

static void on_signal(int sig)
{
	stop = sig;
}

/* What is ignored, by nohup or a shell in the background, stays so. */
static void take_signals(void)
{
	static const int all[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction a = { .sa_handler = on_signal }, old;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (sigaction(all[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(all[i], &a, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- options ---- */

static int bad(struct snek_error *e, const char *name, const char *value,
    const char *say)
{
	return sk_fail(e, SNEK_EINVAL, "--%s %s: say %s", name, value, say);
}

/* 1: it was one of these. */
static int take_number(struct local *l, const char *name, const char *value,
    struct snek_error *e)
{
	enum { HOUR = 3600000 };
	struct sk_host_options *o = &l->o;
	const struct { const char *name; uint32_t min, max, *to; } all[] = {
		{ "port", 0, 65535, &o->port },
		{ "environments", 1, SK_HOST_ENVIRONMENTS, &o->environments },
		{ "create-ms", 0, HOUR, &o->create_ms },
		{ "cold-ms", 0, HOUR, &o->cold_ms },
		{ "rtt-ms", 0, HOUR, &o->rtt_ms },
		{ "late-ms", 0, HOUR, &o->late_ms },
		{ "event-retry-ms", 0, HOUR, &o->event_retry_ms },
		{ "retry-after", 0, 3600, &o->retry_after_s },
		{ "seed", 0, UINT32_MAX, &o->seed },
	};
	unsigned long long n = strtoull(value, NULL, 10);
	char say[64];
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(name, all[i].name) != 0)
			continue;
		snprintf(say, sizeof(say), "a number from %u to %u", all[i].min,
		    all[i].max);
		if (n < all[i].min || n > all[i].max)
			return bad(e, name, value, say);
		*all[i].to = (uint32_t)n;
		return 1;
	}
	return 0;
}

static int take_chance(struct local *l, const char *name, const char *value,
    struct snek_error *e)
{
	struct sk_chances *c = &l->o.chances;
	const struct { const char *name; double *to; } all[] = {
		{ "fail", &c->fail }, { "throttle", &c->throttle },
		{ "kill", &c->kill }, { "duplicate", &c->duplicate },
		{ "lose", &c->lose }, { "late", &c->late },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (strcmp(name, all[i].name) == 0)
			return sk_chance_parse(value, all[i].to) ? 1 :
			    bad(e, name, value, "5% or 0.05");
	return 0;
}

static int take_key(struct local *l, const char *value, struct snek_error *e)
{
	char *colon;

	if (strlen(value) >= sizeof(l->key))
		return bad(e, "key", "...", "ID:SECRET");
	strcpy(l->key, value);
	colon = strchr(l->key, ':');
	if (!colon || colon == l->key || !colon[1])
		return bad(e, "key", "...", "ID:SECRET");
	*colon = '\0';
	l->o.key = l->key;
	l->o.secret = colon + 1;
	return 1;
}

/* By its full name: it is lent to environments from another directory. */
static int take_root(struct local *l, const char *value, struct snek_error *e)
{
	struct stat st;

	l->o.root = strcpy(l->root, "");
	if (!strcmp(value, "empty"))
		return 1;
	if (!strcmp(value, "none")) {
		l->o.root = NULL;
		return 1;
	}
	if (!realpath(value, l->root) || stat(l->root, &st))
		return sk_fail_errno(e, "--root %s", value);
	return S_ISDIR(st.st_mode) ? 1 : bad(e, "root", value, "empty, none or "
	    "a directory");
}

static int take(struct local *l, const char *name, const char *value,
    struct snek_error *e)
{
	int rc = take_number(l, name, value, e);

	if (!rc)
		rc = take_chance(l, name, value, e);
	if (rc)
		return rc;
	if (!strcmp(name, "key"))
		return take_key(l, value, e);
	if (!strcmp(name, "root"))
		return take_root(l, value, e);
	if (!strcmp(name, "tmp"))
		l->o.tmp = value;
	else if (!strcmp(name, "no-network"))
		l->o.no_network = true;
	else if (!strcmp(name, "freeze"))
		l->o.freeze = true;
	else if (!strcmp(name, "verbose"))
		l->o.verbose = true;
	else if (!strcmp(name, "json"))
		l->json = true;
	else if (!strcmp(name, "quiet"))
		l->quiet = true;
	else
		return 0;
	return 1;
}

static int parse(struct local *l, int argc, char **argv, struct snek_error *e)
{
	char *value;
	int i, rc;

	for (i = 1; i < argc; i++) {
		value = strchr(argv[i], '=');
		if (value)
			*value++ = '\0';
		rc = value ? take(l, argv[i], value, e) : 0;
		if (!rc)
			return sk_fail(e, SNEK_EINVAL, "%s: it is started by "
			    "\"snek lambda-local\"", argv[i]);
		if (rc < 0)
			return rc;
	}
	if (l->o.no_network && !l->o.root)
		return sk_fail(e, SNEK_EINVAL, "--no-network: not with --root none");
	return 0;
}

/* ---- running ---- */

static int exit_of(int code)
{
	switch (code) {
	case SNEK_EINVAL:  return 2;
	case SNEK_ENOENT:  return 3;
	case SNEK_EACCES:  return 6;
	default:           return 1;
	}
}

static int fail(const struct local *l, const struct snek_error *e)
{
	struct sk_buf b = { 0 };

	if (l->json && sk_json_write(&b, sk_cstring(e->text)))
		fprintf(stderr, "{\"snek\":1,\"kind\":\"error\",\"code\":"
		    "\"%s\",\"exit\":%d,\"message\":%.*s}\n",
		    sk_error_name(e->code), exit_of(e->code), (int)b.n, b.p);
	else
		fprintf(stderr, "snek lambda-local: %s\n", e->text);
	sk_buf_free(&b);
	return exit_of(e->code);
}

static int say_ready(const struct local *l, const struct sk_host *h,
    struct snek_error *e)
{
	const char *why = sk_host_rootless(h);
	unsigned port = sk_port_number(h->port);

	if (l->json)
		printf("{\"snek\":1,\"kind\":\"lambda-local\","
		    "\"url\":\"http://127.0.0.1:%u\",\"root\":%s}\n", port,
		    h->o.root ? "true" : "false");
	else
		printf("http://127.0.0.1:%u\n", port);
	if (fflush(stdout))
		return sk_fail_errno(e, "standard output");
	if (l->quiet)
		return 0;
	fputs("snek lambda-local: an emulator, for work without an account; "
	    "functions run on this machine\n", stderr);
	if (h->o.environments < l->o.environments)
		fprintf(stderr, "snek lambda-local: at most %u environments, for "
		    "want of descriptors (ulimit -n)\n", h->o.environments);
	if (!h->o.root)
		fprintf(stderr, "snek lambda-local: they have no root of their "
		    "own (%s), so they see this machine's files\n",
		    *why ? why : "--root none");
	return 0;
}

int main(int argc, char **argv)
{
	struct local l = { .o = { .port = 9000, .environments = 1000,
		.late_ms = 1000, .event_retry_ms = 60000, .retry_after_s = 1,
		.seed = 1, .root = "" } };
	struct snek_error e = { 0 };
	struct sk_host *h;
	int rc, i;

	for (i = 1; i < argc; i++)      /* even a mistake is told so */
		l.json = l.json || !strcmp(argv[i], "json=yes");
	l.o.tmp = getenv("TMPDIR");
	if (!l.o.tmp || !*l.o.tmp)
		l.o.tmp = "/tmp";
	if (parse(&l, argc, argv, &e))
		return fail(&l, &e);
	take_signals();
	if (sk_host_open(&l.o, &h, &e))
		return fail(&l, &e);
	rc = say_ready(&l, h, &e);
	if (!rc)
		rc = sk_host_run(h, &stop, &e);
	sk_host_close(h);
	return rc ? fail(&l, &e) : 0;
}
