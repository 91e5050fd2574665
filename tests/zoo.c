/* SPDX-License-Identifier: MIT */
/*
 * Every bad plugin through the commands: zoo DIR ROUNDS [NAME].
 *
 * DIR holds a cluster "c" with the category "zoo"; SNEK, SNEK_ADD,
 * SNEK_DEPLOY and ZOO_PLUGINS name programs and plugins.  After each run: the
 * right exit code and message, nothing on standard output but a result, no
 * process and no file left, nothing touched, memory within bounds.
 */
#include "watch.h"
#include "zoo_kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sanitizers have a shadow, and end by themselves what would be a signal. */
#ifdef ZOO_SANITIZED
#define MOST_RSS_MIB 4000
#define OR_REPORTED "|exit status"
#else
#define MOST_RSS_MIB 900
#define OR_REPORTED ""
#endif
enum { AT_ONCE = 4, HANG_MS = 60000, LEFT_MS = 2000,
	PATH = 4096, TEXT = 65536, MOST_ARGS = 28 };

static const char canary[] = "sings\n";

struct cage {                           /* one kind's own place */
	const struct zoo_kind *kind;
	char dir[PATH], canary[PATH], escaped[PATH], tmp[PATH], cwd[PATH],
	    cluster[PATH], function[PATH], at[32], what[64], path[PATH + 8];
	struct stat before;
	uint64_t data;
	unsigned round, failed;
	char out[TEXT], err[TEXT];
};

__attribute__((format(printf, 2, 3)))
static void wrong(struct cage *g, const char *fmt, ...)
{
	va_list ap;

	g->failed++;
	va_start(ap, fmt);
	fprintf(stderr, "FAIL: %s (round %u): ", g->kind->name, g->round);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n    err: %.600s\n    out: %.200s\n", g->err, g->out);
	va_end(ap);
}

static const char *program(const char *name)
{
	const char *p = getenv(name);

	if (!p) {
		fprintf(stderr, "zoo: %s is not set\n", name);
		exit(99);
	}
	return p;
}

/* ---- the cage ---- */

static void join(char *out, const char *dir, const char *name)
{
	if (snprintf(out, PATH, "%s/%s", dir, name) >= PATH)
		exit(99);
}

static void make_canary(struct cage *g)
{
	int fd = open(g->canary, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (fd < 0 || write(fd, canary, sizeof(canary) - 1) < 0 ||
	    fstat(fd, &g->before))
		exit(99);
	close(fd);
}

static void cluster_of_its_own(struct cage *g)
{
	char *argv[] = { (char *)program("SNEK_DEPLOY"), "--local", g->cluster,
	    "-q", NULL };
	struct watched w;

	join(g->cluster, g->dir, "own");
	if (!watch_start(&w, argv))
		exit(99);
	watch_wait(&w, HANG_MS);
	if (watch_exit(&w))
		exit(99);
	watch_free(&w);
}

static void build(struct cage *g, const char *dir, unsigned number)
{
	char name[32];

	snprintf(name, sizeof(name), "cage%u", number);
	join(g->dir, dir, name);
	join(g->canary, g->dir, "canary");
	join(g->escaped, g->dir, "canary-escaped");
	join(g->tmp, g->dir, "tmp");
	join(g->cwd, g->dir, "cwd");
	join(g->cluster, dir, "c");
	if (mkdir(g->dir, 0700) || mkdir(g->tmp, 0700) || mkdir(g->cwd, 0700) ||
	    chdir(g->cwd) || setenv("TMPDIR", g->tmp, 1))
		exit(99);
	zoo_kind_function(g->kind, program("ZOO_PLUGINS"), g->function, PATH);
	snprintf(g->at, sizeof(g->at), "at=%d", ZOO_AT);
	snprintf(g->what, sizeof(g->what), "what=%s", g->kind->what ?: "");
	snprintf(g->path, sizeof(g->path), "path=%s", g->canary);
	make_canary(g);
	if (g->kind->flags & ZOO_ADD)
		cluster_of_its_own(g);
}

/* ---- one run ---- */

static char **option(char **to, const char *name, const char *value)
{
	if (value) {
		*to++ = (char *)name;
		*to++ = (char *)value;
	}
	return to;
}

static void command(struct cage *g, char **argv)
{
	const struct zoo_kind *k = g->kind;
	bool add = k->flags & ZOO_ADD;

	if (k->flags & ZOO_ROUND)
		snprintf(g->what, sizeof(g->what), "what=%u", g->round);
	*argv++ = (char *)program(add ? "SNEK_ADD" : "SNEK");
	if (!add) {
		*argv++ = "query";
		*argv++ = "zoo";
	}
	*argv++ = g->function;
	argv = option(argv, "--cluster", g->cluster);
	if (add) {
		*argv = NULL;
		return;
	}
	if (k->op) {
		*argv++ = g->at;
		*argv++ = g->what;
		*argv++ = g->path;
	}
	argv = option(argv, "--on", "processes");
	argv = option(argv, "--workers", "2");
	argv = option(argv, "--reduce", k->reduce);
	argv = option(argv, "--timeout", k->timeout ? k->timeout :
	    ZOO_TIMEOUT);
	argv = option(argv, "--worker-memory", k->memory);
	argv = option(argv, "--worker-cpu", k->cpu);
	*argv = NULL;
}

static bool matches(const char *text, const char *pattern)
{
	char all[200];
	regex_t re;
	bool yes;

	snprintf(all, sizeof(all), "%s" OR_REPORTED, pattern);
	if (regcomp(&re, all, REG_EXTENDED | REG_NOSUB | REG_ICASE))
		exit(99);
	yes = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return yes;
}

static void check_end(struct cage *g, const struct watched *w)
{
	const struct zoo_kind *k = g->kind;
	int code = watch_exit(w);

	if (w->hung)
		wrong(g, "it hangs");
	else if (code < 0)
		wrong(g, "the command died: status %x", (unsigned)w->status);
	else if (!(k->exits & ZOO_EXIT(code)))
		wrong(g, "exit %d", code);
	else if (strstr(g->out, "escaped") || strstr(g->out, "unknown"))
		wrong(g, "it got away");
	else if (code && *g->out)
		wrong(g, "failed, but printed a result");
	else if (code && !matches(g->err, k->says))
		wrong(g, "no %s in the message", k->says);
	if (w->max_rss_kib > MOST_RSS_MIB * 1024L)
		wrong(g, "%ld MiB", w->max_rss_kib >> 10);
}

/* Of a job that ended well, all records are counted. */
static void check_result(struct cage *g, const struct watched *w)
{
	char want[96];

	if (watch_exit(w) || g->kind->flags & ZOO_ADD)
		return;
	snprintf(want, sizeof(want), "{\"key\":\"records\",\"value\":%d}\n",
	    ZOO_RECORDS);
	if (strcmp(g->out, want))
		wrong(g, "exit 0 with another result");
}

static void check_message(struct cage *g, const struct watched *w)
{
	const struct zoo_kind *k = g->kind;
	char record[32];

	if (watch_exit(w) <= 0)
		return;
	snprintf(record, sizeof(record), "record %d", ZOO_AT);
	if (k->flags & ZOO_RECORD && !strstr(g->err, record))
		wrong(g, "does not name the record");
	if (k->op && !strstr(g->err, k->op) && watch_exit(w) == 7)
		wrong(g, "does not name the op");
}

static void check_untouched(struct cage *g)
{
	char report[512], id[24];
	struct stat now;

	if (stat(g->canary, &now) || now.st_size != g->before.st_size ||
	    now.st_mode != g->before.st_mode ||
	    now.st_mtim.tv_sec != g->before.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != g->before.st_mtim.tv_nsec)
		wrong(g, "it touched a file");
	if (watch_entries(g->dir) != 3 + !!(g->kind->flags & ZOO_ADD) ||
	    !access("/tmp/zoo-escaped", F_OK) || watch_entries(g->cwd))
		wrong(g, "it made a file");
	if (watch_take_reports(g->tmp, g->err, report, sizeof(report)))
		wrong(g, "a temporary file is left");
	snprintf(id, sizeof(id), "\"id\":%d,", ZOO_AT);
	if (*report && g->kind->flags & ZOO_RECORD && !strstr(report, id))
		wrong(g, "the crash report is of another record");
	if (!(g->kind->flags & ZOO_ADD) && watch_tree(g->cluster) != g->data)
		wrong(g, "it changed the cluster");
}

static void once(struct cage *g)
{
	char *argv[MOST_ARGS];
	struct watched w;
	unsigned left;

	command(g, argv);
	if (!watch_start(&w, argv))
		exit(99);
	watch_wait(&w, HANG_MS);
	left = watch_leftovers(LEFT_MS);
	watch_text(w.out, g->out, TEXT);
	watch_text(w.err, g->err, TEXT);
	check_end(g, &w);
	check_result(g, &w);
	check_message(g, &w);
	check_untouched(g);
	if (left)
		wrong(g, "%u processes are left", left);
	if (getenv("ZOO_VERBOSE") && g->round == 1)
		fprintf(stderr, "%s: %d: %s%s", g->kind->name, watch_exit(&w),
		    g->err, g->out);
	watch_free(&w);
}

/* ---- all of them ---- */

static int one_kind(const struct zoo_kind *k, const char *dir, unsigned rounds)
{
	static struct cage g;

	g.kind = k;
	if (k->flags & ZOO_SLOW)
		rounds = (rounds + 19) / 20;
	watch_begin();
	build(&g, dir, (unsigned)(k - zoo_kinds));
	g.data = watch_tree(g.cluster);
	for (g.round = 1; g.round <= rounds && g.failed < 3; g.round++)
		once(&g);
	return g.failed != 0;
}

static bool is_left_out(const struct zoo_kind *k, const char *only)
{
	const char *why = zoo_kind_skip(k);

	if (only && strcmp(only, k->name))
		return true;
	if (!why)
		return false;
	printf("SKIP: %s: %s\n", k->name, why);
	return true;
}

static unsigned wait_one(void)
{
	int status;

	if (wait(&status) < 0)
		exit(99);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	unsigned running = 0, failed = 0, kinds = 0, rounds;
	const struct zoo_kind *k;

	if (argc < 3)
		return 99;
	rounds = (unsigned)strtoul(argv[2], NULL, 10);
	for (k = zoo_kinds; k->name; k++) {
		if (is_left_out(k, argc > 3 ? argv[3] : NULL))
			continue;
		fflush(NULL);
		if (running == AT_ONCE)
			failed += wait_one();
		else
			running++;
		kinds++;
		if (!fork())
			exit(one_kind(k, argv[1], rounds));
	}
	while (running--)
		failed += wait_one();
	printf("zoo: %u kinds %u times, %u failed\n", kinds, rounds, failed);
	return failed || !kinds;
}
