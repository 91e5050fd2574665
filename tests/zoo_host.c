/* SPDX-License-Identifier: MIT */
/*
 * One host process meets the whole zoo: zoo_host CLUSTER SPARE [NAME].
 *
 * CLUSTER holds the category "zoo", SPARE is for functions that are added;
 * ZOO_PLUGINS and ZOO_CANARY name directory and file.  After each job the host
 * has as many descriptors, threads and children as before, its signals are
 * its own, and at last a good job gives the right answer.
 */
#include "watch.h"
#include "zoo_kinds.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <snek/snek.h>

enum { PATH = 4096 };

struct host {
	snek_cluster *cluster, *spare;
	int fds, threads;
	unsigned failed, kinds;
};

static void on_signal(int s)
{
	(void)s;
}

static unsigned exit_of(int code)
{
	switch (code) {
	case SNEK_EPLUGIN: case SNEK_EABI:      return ZOO_EXIT(7);
	case SNEK_EACCES:                       return ZOO_EXIT(6);
	case SNEK_EAGAIN:                       return ZOO_EXIT(5);
	case SNEK_ETIMEDOUT: case SNEK_ELIMIT:  return ZOO_EXIT(8);
	default:                                return ZOO_EXIT(code ? 1 : 0);
	}
}

static int set(snek_job *j, const char *name, const char *value,
    struct snek_error *e)
{
	return value ? snek_job_set(j, name, value, e) : 0;
}

static int set_up(snek_job *j, const struct zoo_kind *k, const char *function,
    struct snek_error *e)
{
	char at[16];
	int rc = snek_job_map(j, function, NULL, e);

	snprintf(at, sizeof(at), "%d", ZOO_AT);
	if (rc >= 0 && k->op)
		rc = snek_job_arg(j, "at", at, e);
	if (rc >= 0 && k->op)
		rc = snek_job_arg(j, "what", k->what ? k->what : "", e);
	if (rc >= 0 && k->op)
		rc = snek_job_arg(j, "path", getenv("ZOO_CANARY"), e);
	if (rc >= 0 && k->reduce)
		rc = snek_job_reduce(j, k->reduce, e);
	if (rc >= 0)
		rc = set(j, "executor", "processes", e);
	if (rc >= 0)
		rc = set(j, "workers", "2", e);
	if (rc >= 0)
		rc = set(j, "timeout", k->timeout ? k->timeout : ZOO_TIMEOUT,
		    e);
	if (rc >= 0)
		rc = set(j, "worker-cpu", k->cpu, e);
	return rc >= 0 ? set(j, "worker-memory", k->memory, e) : rc;
}

/* The one pair that all the counting ops give. */
static int count_of(snek_job *j, int64_t *n, struct snek_error *e)
{
	struct snek_value key, value;
	snek_result *r;
	int rc = snek_result_open(j, &r, e);

	if (rc < 0)
		return rc;
	rc = snek_result_next(r, &key, &value, e);
	*n = rc == 1 && value.type == SNEK_INT ? value.as.i : -1;
	snek_result_close(r);
	return rc < 0 ? rc : 0;
}

static int run_job(struct host *h, const struct zoo_kind *k,
    const char *function, struct snek_error *e)
{
	int64_t n = 0;
	snek_job *j;
	int rc = snek_job_new(h->cluster, "zoo", &j, e);

	if (rc < 0)
		return rc;
	rc = set_up(j, k, function, e);
	if (rc >= 0)
		rc = snek_job_start(j, e);
	if (rc >= 0)
		rc = count_of(j, &n, e);
	snek_job_free(j);
	if (rc >= 0 && n != ZOO_RECORDS) {
		snprintf(e->text, sizeof(e->text), "a result of %lld",
		    (long long)n);
		return SNEK_EINTERNAL;
	}
	return rc < 0 ? rc : 0;
}

static int run_kind(struct host *h, const struct zoo_kind *k,
    struct snek_error *e)
{
	char function[PATH];

	zoo_kind_function(k, getenv("ZOO_PLUGINS"), function, PATH);
	if (k->flags & ZOO_ADD)
		return snek_function_add(h->spare, function, true, NULL, e);
	return run_job(h, k, function, e);
}

/* ---- the host itself ---- */

static void wrong(struct host *h, const struct zoo_kind *k, const char *what,
    const char *text)
{
	h->failed++;
	fprintf(stderr, "FAIL: %s: %s: %s\n", k->name, what, text);
}

static bool is_mine(int s)
{
	struct sigaction sa;

	return !sigaction(s, NULL, &sa) && sa.sa_handler == on_signal;
}

static void check_host(struct host *h, const struct zoo_kind *k)
{
	char text[64];

	snprintf(text, sizeof(text), "%d, not %d",
	    watch_entries("/proc/self/fd"), h->fds);
	if (watch_entries("/proc/self/fd") != h->fds)
		wrong(h, k, "descriptors", text);
	if (watch_entries("/proc/self/task") != h->threads)
		wrong(h, k, "threads", "more or less than before");
	if (waitpid(-1, NULL, WNOHANG | __WALL) != -1 || errno != ECHILD)
		wrong(h, k, "children", "there are some");
	if (!is_mine(SIGSEGV) || !is_mine(SIGCHLD) || !is_mine(SIGPIPE))
		wrong(h, k, "signals", "not its own any more");
}

static void meet(struct host *h, const struct zoo_kind *k)
{
	struct snek_error e = { 0 };
	int rc = run_kind(h, k, &e);

	h->kinds++;
	if (!(exit_of(rc) & k->exits)) {
		char what[24];

		snprintf(what, sizeof(what), "code %d", rc);
		wrong(h, k, what, e.text);
	}
	check_host(h, k);
}

static int open_host(struct host *h, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct snek_error e = { 0 };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGCHLD, &sa, NULL);
	sigaction(SIGPIPE, &sa, NULL);
	if (snek_cluster_open(argv[1], &h->cluster, &e) < 0 ||
	    snek_cluster_open(argv[2], &h->spare, &e) < 0) {
		fprintf(stderr, "zoo_host: %s\n", e.text);
		return 99;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct zoo_kind *k, *good = &zoo_kinds[0];
	struct host h = { 0 };

	if (argc < 3 || open_host(&h, argv))
		return 99;
	/* What the first job opens for good may stay. */
	h.fds = h.threads = -1;
	if (run_kind(&h, good, &(struct snek_error){ 0 }) < 0)
		return 99;
	h.fds = watch_entries("/proc/self/fd");
	h.threads = watch_entries("/proc/self/task");
	for (k = zoo_kinds; k->name; k++) {
		if (!zoo_kind_skip(k) && (argc < 4 || !strcmp(argv[3], k->name)))
			meet(&h, k);
	}
	meet(&h, good);
	snek_cluster_close(h.spare);
	snek_cluster_close(h.cluster);
	printf("zoo_host: %u jobs, %u failures\n", h.kinds, h.failed);
	return h.failed != 0;
}
