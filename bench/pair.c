/* SPDX-License-Identifier: MIT */
/*
 * pair.c - run two programs in turn and print how they compare.
 *
 *   pair NAME PAIRS JSON A_OUT B_OUT BEFORE -- A ... -- B ...
 *
 * After a warm-up of each, A B A B ...; a pair's ratio is A's seconds over B's.
 * CPU seconds are user and system time of the whole process and of what it
 * waited for.  BEFORE is a shell command that goes before each A, uncounted.
 * What the programs print goes to A_OUT and B_OUT.  One line is appended to
 * JSON.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 1000

enum { CPU, WALL, KINDS };
static const char *const kinds[KINDS] = { "cpu", "wall" };

struct side {
	char **argv;
	const char *out;
	double seconds[KINDS][PAIRS];
};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void become(const struct side *s)
{
	int fd = open(s->out, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (fd < 0 || dup2(fd, 1) < 0)
		die(s->out);
	execv(s->argv[0], s->argv);
	die(s->argv[0]);
}

static void run(struct side *s, int pair)
{
	double start = now();
	struct rusage used;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (!pid)
		become(s);
	if (wait4(pid, &status, 0, &used) != pid)
		die("wait4");
	if (status) {
		fprintf(stderr, "pair: %s failed\n", s->argv[0]);
		exit(1);
	}
	if (pair < 0)
		return;
	s->seconds[WALL][pair] = now() - start;
	s->seconds[CPU][pair] = seconds_of(used.ru_utime) +
	    seconds_of(used.ru_stime);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void report(const char *name, const char *path, struct side *a,
    struct side *b, int n)
{
	FILE *json = fopen(path, "a");
	double ratio[PAIRS], mid;

	if (!json)
		die(path);
	fprintf(json, "{\"row\":\"%s\",\"pairs\":%d", name, n);
	printf("%-20s", name);
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < n; i++)
			ratio[i] = a->seconds[k][i] / b->seconds[k][i];
		mid = median(ratio, n);
		printf("  %5.2f %5.2f %5.2f", ratio[0], mid, ratio[n - 1]);
		fprintf(json, ",\"%s\":{\"min\":%.3f,\"median\":%.3f,\"max\":%.3f,"
		    "\"seconds\":[%.4f,%.4f]}", kinds[k], ratio[0], mid,
		    ratio[n - 1], median(a->seconds[k], n),
		    median(b->seconds[k], n));
	}
	putchar('\n');
	fprintf(json, "}\n");
	if (fclose(json))
		die(path);
}

int main(int argc, char **argv)
{
	static struct side a, b;
	int pairs = argc > 8 ? (int)strtol(argv[2], NULL, 10) : 0, at = 8;

	while (at < argc && strcmp(argv[at], "--"))
		at++;
	if (pairs < 3 || pairs > PAIRS || at + 1 >= argc) {
		fprintf(stderr, "usage: see the top of pair.c; 3 pairs or more\n");
		return 2;
	}
	argv[at] = NULL;
	a.argv = argv + 8;
	b.argv = argv + at + 1;
	a.out = argv[4];
	b.out = argv[5];
	for (int i = -1; i < pairs; i++) {
		if (*argv[6] && system(argv[6]))
			die(argv[6]);
		run(&a, i);
		run(&b, i);
	}
	report(argv[1], argv[3], &a, &b, pairs);
	return 0;
}
