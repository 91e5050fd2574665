/* SPDX-License-Identifier: MIT */
/*
 * Many small jobs in one host process: flat CLUSTER JOBS.  Memory after all of
 * them is within a tenth of what it was after the first fifth, descriptors and
 * threads are the same.  Every tenth job fails, for failing must be flat too.
 */
#include "watch.h"
#include "zoo_kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <snek/snek.h>

struct level {
	long rss_kib;
	int fds, threads;
};

static struct level level_now(void)
{
	struct level l = { 0, watch_entries("/proc/self/fd"),
	    watch_entries("/proc/self/task") };
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &l.rss_kib) != 1)
		exit(99);
	fclose(f);
	l.rss_kib *= sysconf(_SC_PAGESIZE) / 1024;
	return l;
}

static int run(snek_job *j, const char *op, int64_t *n, struct snek_error *e)
{
	struct snek_value key, value;
	snek_result *r = NULL;
	char function[4096];
	int rc;

	snprintf(function, sizeof(function), "%s/die.so:%s",
	    getenv("ZOO_PLUGINS"), op);
	rc = snek_job_map(j, function, NULL, e);
	if (rc >= 0)
		rc = snek_job_set(j, "executor", "processes", e);
	if (rc >= 0)
		rc = snek_job_set(j, "workers", "2", e);
	if (rc >= 0)
		rc = snek_job_start(j, e);
	if (rc >= 0)
		rc = snek_result_open(j, &r, e);
	if (rc >= 0)
		rc = snek_result_next(r, &key, &value, e);
	*n = rc == 1 ? value.as.i : 0;
	snek_result_close(r);
	return rc;
}

static int one_job(snek_cluster *c, bool good)
{
	struct snek_error e = { 0 };
	snek_job *j = NULL;
	int64_t n = 0;
	int rc = snek_job_new(c, "zoo", &j, &e);

	if (rc >= 0)
		rc = run(j, good ? "good" : "segfault", &n, &e);
	snek_job_free(j);
	if (good ? rc == 1 && n == ZOO_RECORDS : rc == SNEK_EPLUGIN)
		return 0;
	fprintf(stderr, "FAIL: a %s job: %d, %lld records: %s\n",
	    good ? "good" : "bad", rc, (long long)n, e.text);
	return 1;
}

/* Sanitizers keep what was freed for a while. */
#ifdef ZOO_SANITIZED
#define MAY_GROW 100
#else
#define MAY_GROW 10
#endif

static int compare(struct level a, struct level b)
{
	printf("flat: %ld KiB, %d descriptors, %d threads; then %ld KiB, %d, "
	    "%d\n", a.rss_kib, a.fds, a.threads, b.rss_kib, b.fds, b.threads);
	return a.fds != b.fds || a.threads != b.threads ||
	    b.rss_kib > a.rss_kib + a.rss_kib * MAY_GROW / 100;
}

int main(int argc, char **argv)
{
	struct snek_error e = { 0 };
	struct level early = { 0 };
	snek_cluster *c = NULL;
	unsigned i, jobs;
	int rc = 0;

	if (argc < 3 || snek_cluster_open(argv[1], &c, &e) < 0) {
		fprintf(stderr, "flat: %s\n", e.text);
		return 99;
	}
	jobs = (unsigned)strtoul(argv[2], NULL, 10);
	for (i = 1; i <= jobs && !rc; i++) {
		rc = one_job(c, i % 10);
		if (i == jobs / 5)
			early = level_now();
	}
	if (!rc)
		rc = compare(early, level_now());
	snek_cluster_close(c);
	return rc;
}
