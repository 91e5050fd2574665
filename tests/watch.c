/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t watch_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void watch_begin(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		perror("PR_SET_CHILD_SUBREAPER");
		exit(99);
	}
}

static void become(const struct watched *w, char *const argv[])
{
	int null = open("/dev/null", O_RDONLY);

	/* A signal to the whole group must reach no one else. */
	setsid();
	if (dup2(null, 0) < 0 || dup2(w->out, 1) < 0 || dup2(w->err, 2) < 0)
		_exit(127);
	close(null);
	execv(argv[0], argv);
	_exit(127);
}

bool watch_start(struct watched *w, char *const argv[])
{
	memset(w, 0, sizeof(*w));
	w->out = memfd_create("out", MFD_CLOEXEC);
	w->err = memfd_create("err", MFD_CLOEXEC);
	w->pid = w->out < 0 || w->err < 0 ? -1 : fork();
	if (!w->pid)
		become(w, argv);
	return w->pid > 0;
}

void watch_wait(struct watched *w, int timeout_ms)
{
	struct pollfd p = { .events = POLLIN };
	struct rusage ru = { 0 };

	p.fd = (int)syscall(SYS_pidfd_open, w->pid, 0);
	if (p.fd < 0 || poll(&p, 1, timeout_ms) != 1) {
		w->hung = true;
		kill(w->pid, SIGKILL);
	}
	wait4(w->pid, &w->status, 0, &ru);
	w->max_rss_kib = ru.ru_maxrss;
	if (p.fd >= 0)
		close(p.fd);
}

size_t watch_text(int fd, char *out, size_t size)
{
	ssize_t n = pread(fd, out, size - 1, 0);

	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

void watch_free(struct watched *w)
{
	close(w->out);
	close(w->err);
}

int watch_exit(const struct watched *w)
{
	return WIFEXITED(w->status) ? WEXITSTATUS(w->status) : -1;
}

/* ---- what is left ---- */

static unsigned children_of_thread(const char *task, const char *tid,
    pid_t *out, unsigned max)
{
	char path[300];
	unsigned n = 0;
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "%s/%.20s/children", task, tid);
	f = fopen(path, "r");
	while (f && n < max && fscanf(f, "%d", &pid) == 1)
		out[n++] = pid;
	if (f)
		fclose(f);
	return n;
}

unsigned watch_children(pid_t pid, pid_t *out, unsigned max)
{
	char path[64];
	struct dirent *t;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (t = readdir(d)))
		if (t->d_name[0] != '.')
			n += children_of_thread(path, t->d_name, out + n,
			    max - n);
	if (d)
		closedir(d);
	return n;
}

bool watch_is_program(pid_t pid, const char *name)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	watch_text(fd, text, sizeof(text));
	close(fd);
	text[strcspn(text, "\n")] = '\0';
	return !strcmp(text, name);
}

static bool reap(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG | __WALL);
	while (pid > 0);
	return pid == 0;        /* some are alive */
}

static void tell_of(pid_t pid)
{
	char path[64], text[200] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f && fgets(text, sizeof(text), f))
		fprintf(stderr, "    left: %.60s\n", text);
	if (f)
		fclose(f);
}

unsigned watch_leftovers(int timeout_ms)
{
	const struct timespec pause = { 0, 1000000 };
	int64_t until = watch_clock_ms() + timeout_ms;
	pid_t child[64];
	unsigned left = 0, n, i;

	while (reap()) {
		nanosleep(&pause, NULL);
		if (watch_clock_ms() < until)
			continue;
		n = watch_children(getpid(), child, 64);
		for (i = 0; i < n; i++) {
			tell_of(child[i]);
			kill(child[i], SIGKILL);
		}
		left += n;
	}
	return left;
}

/* ---- files ---- */

int watch_entries(const char *dir)
{
	struct dirent *f;
	DIR *d = opendir(dir);
	int n = 0;

	if (!d)
		return -1;
	while ((f = readdir(d)))
		n += strcmp(f->d_name, ".") && strcmp(f->d_name, "..");
	closedir(d);
	return n;
}

static void take_report(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = strlen(path);

	if (n > 6 && !strcmp(path + n - 6, ".jsonl"))
		watch_text(fd, out, size);
	close(fd);
	unlink(path);
}

/* A program with the thread sanitizer has such a file for an instant as it
 * starts (MapRodata of compiler-rt's tsan_platform_linux.cpp), and a kill may
 * meet it there: it is none of ours. */
static bool is_sanitizers(const char *name)
{
	return !strncmp(name, "tsan.rodata.", 12);
}

int watch_take_reports(const char *dir, const char *message, char *out,
    size_t size)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	char path[4096];
	bool report;

	*out = '\0';
	while (d && (f = readdir(d))) {
		report = !strncmp(f->d_name, "snek-crash-", 11) &&
		    strstr(message, f->d_name);
		if ((report || is_sanitizers(f->d_name)) &&
		    snprintf(path, sizeof(path), "%s/%s", dir, f->d_name) <
		    (int)sizeof(path))
			take_report(path, out, size);
	}
	if (d)
		closedir(d);
	return watch_entries(dir);
}

void watch_tell_entries(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;

	while (d && (f = readdir(d)))
		if (strcmp(f->d_name, ".") && strcmp(f->d_name, ".."))
			fprintf(stderr, "    left: %s\n", f->d_name);
	if (d)
		closedir(d);
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;

	while (n--)
		h = (h ^ *s++) * 0x100000001b3u;
	return h;
}

static uint64_t file_mark(const char *path)
{
	uint64_t h = mix(0xcbf29ce484222325u, path, strlen(path));
	struct stat st;

	if (lstat(path, &st))
		return h;
	h = mix(h, &st.st_mode, sizeof(st.st_mode));
	if (S_ISDIR(st.st_mode))
		return h ^ watch_tree(path);
	h = mix(h, &st.st_size, sizeof(st.st_size));
	return mix(h, &st.st_mtim, sizeof(st.st_mtim));
}

static bool is_data(const char *name)
{
	return strcmp(name, ".") && strcmp(name, "..") && !strstr(name, "lock");
}

/* In whatever order readdir gives them. */
uint64_t watch_tree(const char *dir)
{
	struct dirent *f;
	DIR *d = opendir(dir);
	uint64_t sum = 0;
	char path[4096];

	while (d && (f = readdir(d))) {
		if (!is_data(f->d_name) || snprintf(path, sizeof(path), "%s/%s",
		    dir, f->d_name) >= (int)sizeof(path))
			continue;
		sum += file_mark(path);
	}
	if (d)
		closedir(d);
	return sum;
}
