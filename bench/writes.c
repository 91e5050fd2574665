/* SPDX-License-Identifier: MIT */
/*
 * writes.c - the same records written by the library over and over, a durable
 * write each.
 *
 *   writes CLUSTER CATEGORY JSONL SECONDS
 *
 * Prints how many writes there were and the CPU microseconds of one.
 */
#include <snek/snek.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int write_once(snek_cluster *c, const char *category, const char *path,
    struct snek_error *e)
{
	snek_writer *w = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = snek_writer_open(c, category, NULL, &w, e);
	if (!rc)
		rc = snek_writer_read(w, fd, path, SNEK_JSONL, e);
	if (!rc)
		rc = snek_writer_commit(w, NULL, e);
	snek_writer_free(w);
	close(fd);
	return rc;
}

int main(int argc, char **argv)
{
	struct snek_error e = { 0 };
	snek_cluster *c = NULL;
	double end, before;
	long n = 0;
	int rc;

	if (argc != 5)
		return 2;
	rc = snek_cluster_open(argv[1], &c, &e);
	before = cpu_us();
	end = now() + atof(argv[4]);
	for (; !rc && now() < end; n++)
		rc = write_once(c, argv[2], argv[3], &e);
	if (rc)
		fprintf(stderr, "writes: %s\n", e.text);
	else
		printf("%ld %.1f\n", n, (cpu_us() - before) / (double)n);
	snek_cluster_close(c);
	return rc != 0;
}
