/* SPDX-License-Identifier: MIT */
/*
 * pair.c - run two programs in turn and print how they compare.
 *
 *   pair [-m] [-e COUNT | -d COUNT] NAME PAIRS JSON A_OUT B_OUT BEFORE
 *       -- A ... -- B ...
 *
 * After a warm-up of each, A B A B ...; a pair's ratio is A's seconds over B's.
 * CPU seconds are user and system time of the whole process and of what it
 * waited for.  BEFORE is a shell command that goes before each A, uncounted.
 * What the programs print goes to A_OUT and B_OUT.  One line is appended to
 * JSON.
 *
 *   -e   A does COUNT things: print the time of one, too
 *   -d   the same of what A takes beyond B
 *   -m   A prints a time on the monotonic clock in nanoseconds, and its wall
 *        time ends then
 */
#include <fcntl.h>
#include <stdbool.h>
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
	bool marks;
	double seconds[KINDS][PAIRS];
};

struct counting {
	double count;                   /* 0: nothing is counted */
	bool differs;                   /* it is what A takes beyond B */
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

/* The first number of eight digits or more that it printed. */
static double marked(const struct side *s)
{
	FILE *f = fopen(s->out, "r");
	long long ns = 0;
	int c;

	while (f && (c = getc(f)) != EOF) {
		if (c >= '0' && c <= '9')
			ns = ns * 10 + (c - '0');
		else if (ns >= 10000000)
			break;
		else
			ns = 0;
	}
	if (f)
		fclose(f);
	return (double)ns / 1e9;
}

static void run(struct side *s, int pair)
{
	double start = now(), end;
	struct rusage used;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (!pid)
		become(s);
	if (wait4(pid, &status, 0, &used) != pid)
		die("wait4");
	end = s->marks ? marked(s) : now();
	if (status) {
		fprintf(stderr, "pair: %s failed\n", s->argv[0]);
		exit(1);
	}
	if (pair < 0)
		return;
	s->seconds[WALL][pair] = end - start;
	s->seconds[CPU][pair] = seconds_of(used.ru_utime) +
	    seconds_of(used.ru_stime);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the sorted values. */
static double middle(const double *v, int n)
{
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double median(const double *v, int n)
{
	double sorted[PAIRS];

	memcpy(sorted, v, (size_t)n * sizeof(*v));
	qsort(sorted, (size_t)n, sizeof(*v), compare);
	return middle(sorted, n);
}

static void spread(FILE *json, const char *kind, double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	printf("  %5.2f %5.2f %5.2f", v[0], middle(v, n), v[n - 1]);
	fprintf(json, ",\"%s\":{\"min\":%.3f,\"median\":%.3f,\"max\":%.3f",
	    kind, v[0], middle(v, n), v[n - 1]);
}

/* The seconds of one of them, in a unit that reads well. */
static void report_each(FILE *json, const struct side *a, const struct side *b,
    const struct counting *c, int n)
{
	double scale = c->count > 1e5 ? 1e9 : 1e3, v[PAIRS];
	const char *unit = c->count > 1e5 ? "ns" : "ms";

	printf("\n  %-18s", c->differs ? "each, beyond it" : "each");
	fprintf(json, ",\"each\":{\"unit\":\"%s\",\"beyond\":%s", unit,
	    c->differs ? "true" : "false");
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < n; i++)
			v[i] = (a->seconds[k][i] - (c->differs ?
			    b->seconds[k][i] : 0)) / c->count * scale;
		spread(json, kinds[k], v, n);
		fprintf(json, "}");
	}
	printf("  %s", unit);
	fprintf(json, "}");
}

static void report(const char *name, const char *path, const struct side *a,
    const struct side *b, const struct counting *c, int n)
{
	FILE *json = fopen(path, "a");
	double ratio[PAIRS];

	if (!json)
		die(path);
	fprintf(json, "{\"row\":\"%s\",\"pairs\":%d", name, n);
	printf("%-20s", name);
	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < n; i++)
			ratio[i] = a->seconds[k][i] / b->seconds[k][i];
		spread(json, kinds[k], ratio, n);
		fprintf(json, ",\"seconds\":[%.4f,%.4f]}",
		    median(a->seconds[k], n), median(b->seconds[k], n));
	}
	if (c->count > 0)
		report_each(json, a, b, c, n);
	putchar('\n');
	fprintf(json, "}\n");
	if (fclose(json))
		die(path);
}

static int usage(void)
{
	fprintf(stderr, "usage: see the top of pair.c; 3 pairs or more\n");
	return 2;
}

static void run_pairs(struct side *a, struct side *b, const char *before, int n)
{
	for (int i = -1; i < n; i++) {
		if (*before && system(before))
			die(before);
		run(a, i);
		run(b, i);
	}
}

int main(int argc, char **argv)
{
	static struct side a, b;
	struct counting c = { 0, false };
	int pairs, at = 7, option;

	while ((option = getopt(argc, argv, "+md:e:")) != -1) {
		if (option == '?')
			return usage();
		a.marks |= option == 'm';
		c.differs |= option == 'd';
		if (option != 'm')
			c.count = strtod(optarg, NULL);
	}
	argc -= optind;
	argv += optind;
	pairs = argc > 7 ? (int)strtol(argv[1], NULL, 10) : 0;
	while (at < argc && strcmp(argv[at], "--"))
		at++;
	if (pairs < 3 || pairs > PAIRS || at + 1 >= argc)
		return usage();
	argv[at] = NULL;
	a.argv = argv + 7;
	b.argv = argv + at + 1;
	a.out = argv[3];
	b.out = argv[4];
	run_pairs(&a, &b, argv[5], pairs);
	report(argv[0], argv[2], &a, &b, &c, pairs);
	return 0;
}
