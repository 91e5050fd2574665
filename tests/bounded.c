/* SPDX-License-Identifier: MIT */
/*
 * bounded [-k DIR] KIB COMMAND...: run a command and see what memory it and
 * all that it starts take together, over KIB of which is a failure; 0: it is
 * only told.  Pages of files are apart: the system takes them back.
 *
 * -k DIR: kill it once it, or what it started, has two temporary files in DIR
 * (one may be its input); then nothing may be left, neither process nor file.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "watch.h"

#define MOST_CHILDREN 64
#define PATIENCE_MS 60000

struct look {
	const char *dir;                /* -k */
	long kib;                       /* now */
	ino_t file;                     /* the first that was seen */
	bool spilled;                   /* there is another */
};

static long take(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncmp(line, name, n) ? 0 : strtol(line + n, NULL, 10);
}

static long memory_of(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		kib += take(line, "RssAnon:") + take(line, "RssShmem:");
	if (f)
		fclose(f);
	return kib;
}

static void look_at_file(const char *path, struct look *l)
{
	char to[4096];
	struct stat st;
	ssize_t n = readlink(path, to, sizeof(to) - 1);

	to[n > 0 ? n : 0] = '\0';
	if (strncmp(to, l->dir, strlen(l->dir)) || !strstr(to, "(deleted)") ||
	    stat(path, &st))
		return;
	l->spilled |= l->file && l->file != st.st_ino;
	l->file = st.st_ino;
}

static void look_at_files(pid_t pid, struct look *l)
{
	char path[300];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%.200s", (int)pid,
		    e->d_name);
		look_at_file(path, l);
	}
	if (d)
		closedir(d);
}

static void look_at(pid_t pid, struct look *l)
{
	pid_t child[MOST_CHILDREN];
	unsigned n = watch_children(pid, child, MOST_CHILDREN), i;

	l->kib += memory_of(pid);
	if (l->dir)
		look_at_files(pid, l);
	for (i = 0; i < n; i++)
		look_at(child[i], l);
}

static int ended(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status)
	    : 128 + WTERMSIG(status);
}

/* How it ended. */
static int watch(pid_t pid, const char *dir, long *most)
{
	const struct timespec pause = { 0, 3000000 };
	struct look l;
	int rc;

	while ((rc = ended(pid)) < 0) {
		l = (struct look){ .dir = dir };
		look_at(pid, &l);
		if (l.kib > *most)
			*most = l.kib;
		if (l.spilled)
			kill(pid, SIGKILL);
		nanosleep(&pause, NULL);
	}
	return rc;
}

static int check_killed(int rc, const char *dir)
{
	unsigned left = watch_leftovers(PATIENCE_MS);
	int files = watch_entries(dir);

	if (rc == 128 + SIGKILL && !left && !files)
		return 0;
	fprintf(stderr, "it ended with %d; %u processes and %d files are "
	    "left\n", rc, left, files);
	return 1;
}

int main(int argc, char **argv)
{
	const char *dir = NULL;
	long bound, most = 0;
	pid_t pid;
	int rc;

	if (argc > 2 && !strcmp(argv[1], "-k")) {
		dir = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < 3)
		return 99;
	bound = strtol(argv[1], NULL, 10);
	watch_begin();
	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	rc = pid < 0 ? 99 : watch(pid, dir, &most);
	if (dir)
		return check_killed(rc, dir);
	fprintf(stderr, "peak: %ld KiB\n", most);
	if (!rc && bound && most > bound) {
		fprintf(stderr, "that is more than %ld KiB\n", bound);
		return 98;
	}
	return rc;
}
