/* SPDX-License-Identifier: MIT */
/*
 * tls_start.c - what the first shard that wants TLS waits for before a word is
 * said to it: the module and its libraries are loaded, and a context is made
 * with the system's CA certificates.
 *
 *   tls_start       prints milliseconds of both, and the memory they take
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/tls.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long memory(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmRSS:", 6))
			kib = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

int main(void)
{
	const struct sk_tls_files system_s = { NULL, NULL, NULL };
	const struct sk_tls_ops *ops;
	struct snek_error e = { 0 };
	double start = now(), loaded;
	long before = memory();
	void *context;

	if (sk_tls_load(&ops, &e) ||
	    (loaded = now(), ops->context_new(&system_s, &context, &e))) {
		fprintf(stderr, "tls_start: %s\n", e.text);
		return 1;
	}
	printf("%.3f %.3f %ld\n", loaded - start, now() - loaded,
	    memory() - before);
	return 0;
}
