/* SPDX-License-Identifier: MIT */
/*
 * children.c - what a child costs.
 *
 *   children worker N WORKER PLUGIN    one worker starts so many, each of
 *                                      which is confined, loads the plugin,
 *                                      answers one task and ends
 *   children bare N                    as many forks that end at once
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/worker.h"

static _Noreturn void die(const char *what, const struct snek_error *e)
{
	fprintf(stderr, "children: %s: %s\n", what, e ? e->text : "failed");
	exit(1);
}

static int sealed_copy(const char *path)
{
	struct sk_buf b = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), copy;

	if (fd < 0 || fstat(fd, &st) ||
	    !sk_channel_slurp(fd, (uint64_t)st.st_size, &b))
		die(path, NULL);
	copy = sk_channel_sealed("plugin", b.p, b.n);
	if (copy < 0)
		die("memory file", NULL);
	sk_buf_free(&b);
	close(fd);
	return copy;
}

static void by_worker(long n, const char *program, const char *plugin)
{
	struct sk_worker_options o = { .program = program, .workers = 1,
		.memory = (uint64_t)4 << 30 };
	struct sk_exec_plugin p = { sealed_copy(plugin), plugin, NULL };
	struct snek_error e = { 0 };
	struct sk_plugin *seen;
	sk_worker *w;

	if (sk_worker_open(&o, &w, &e))
		die(program, &e);
	for (long i = 0; i < n; i++) {
		if (sk_worker_describe(w, &p, true, &seen, &e))
			die(plugin, &e);
		sk_plugin_close(seen);
	}
	sk_worker_close(w);
	close(p.fd);
}

static void bare(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			die("fork", NULL);
	}
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

	if (n > 0 && argc == 5 && !strcmp(argv[1], "worker")) {
		by_worker(n, argv[3], argv[4]);
	} else if (n > 0 && argc == 3 && !strcmp(argv[1], "bare")) {
		bare(n);
	} else {
		fprintf(stderr, "usage: see the top of children.c\n");
		return 2;
	}
	return 0;
}
