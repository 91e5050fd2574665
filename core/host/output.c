/* SPDX-License-Identifier: MIT */
/* output.c - what an environment prints, and the memory that it takes. */
#include "host/invoke.h"
#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	LINE = 16384,                   /* of output, at most */
	LOOKS = 64,                     /* at memory, in a row */
	LOOK_US = 50000,
	FRESH_US = 20000
};

/* A terminal must not be steered by it. */
static void show(const struct sk_environment *v, const char *p, size_t n)
{
	size_t i;

	fprintf(stderr, "%s: ", v->version->function->name);
	for (i = 0; i < n; i++)
		putc((unsigned char)p[i] < 0x20 && p[i] != '\t' ? '?' : p[i],
		    stderr);
	putc('\n', stderr);
}

void sk_environment_log(struct sk_environment *v, const char *p, size_t n)
{
	struct timeval t;

	gettimeofday(&t, NULL);
	sk_log_put(&v->version->function->log, t.tv_sec * (int64_t)1000 +
	    t.tv_usec / 1000, v->stream, p, n);
	if (v->invocation)
		sk_invocation_log(v->invocation, p, n);
	if (v->host->o.verbose)
		show(v, p, n);
}

static void cut_lines(struct sk_environment *v)
{
	char *p = v->line.p, *end = p + v->line.n, *newline;

	while (p < end && (newline = memchr(p, '\n', (size_t)(end - p)))) {
		sk_environment_log(v, p, (size_t)(newline - p));
		p = newline + 1;
	}
	if (end - p >= LINE) {
		sk_environment_log(v, p, (size_t)(end - p));
		p = end;
	}
	v->line.n = (size_t)(end - p);
	if (v->line.n && p != v->line.p)
		memmove(v->line.p, p, v->line.n);
}

static void read_all(struct sk_environment *v)
{
	ssize_t n;

	while (v->out.fd >= 0 && sk_buf_reserve(&v->line, LINE)) {
		n = read(v->out.fd, v->line.p + v->line.n, LINE);
		if (n <= 0)
			break;
		v->line.n += (size_t)n;
		cut_lines(v);
	}
}

void sk_environment_drain(struct sk_environment *v)
{
	read_all(v);
	if (v->line.n)
		sk_environment_log(v, v->line.p, v->line.n);
	v->line.n = 0;
}

void sk_environment_output(void *arg, uint32_t events)
{
	struct sk_environment *v = arg;

	read_all(v);
	if (events & (EPOLLHUP | EPOLLERR))
		sk_loop_remove(v->host->loop, &v->out);
}

uint64_t sk_environment_rss_kb(struct sk_environment *v)
{
	char path[48], text[128];
	unsigned long size, pages;
	int64_t now = sk_clock_us();
	ssize_t n = -1;
	int fd;

	if (now - v->looked_us < FRESH_US)
		return v->max_rss_kb;
	v->looked_us = now;
	snprintf(path, sizeof(path), "/proc/%d/statm", v->pid);
	fd = v->pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return v->max_rss_kb;
	text[n] = '\0';
	if (sscanf(text, "%lu %lu", &size, &pages) == 2 &&
	    pages * 4 > v->max_rss_kb)
		v->max_rss_kb = pages * 4;
	return v->max_rss_kb;
}


/* ---- memory ---- */

static void look_at(struct sk_environment *v)
{
	uint64_t most = (uint64_t)v->version->config.memory_mb << 10;

	if (sk_environment_rss_kb(v) > most)
		sk_environment_kill(v, "Runtime.ExitError",
		    "Runtime exited with error: signal: killed");
}

/* Some of those that are at work; the next ones the next time. */
static void look(void *arg)
{
	struct sk_host *h = arg;
	struct sk_environment *v = h->look_next ? h->look_next : h->environments;
	bool any = h->look_next != NULL;
	int n;

	for (n = 0; v && n < LOOKS; v = h->look_next) {
		h->look_next = v->next;
		if (v->pid <= 0 || (v->state != SK_BUSY &&
		    v->state != SK_STARTING))
			continue;
		any = true;
		n++;
		look_at(v);
	}
	if (any)
		sk_environment_watch(h);
}

void sk_environment_watch(struct sk_host *h)
{
	if (h->look.place)
		return;
	h->look.fire = look;
	h->look.arg = h;
	/* Without memory for a timer, the next invocation sets it. */
	if (sk_loop_set(h->loop, &h->look, sk_clock_us() + LOOK_US))
		return;
}
