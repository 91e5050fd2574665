/* SPDX-License-Identifier: MIT */
#include "worker/prints.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define A_PIPE ((size_t)64 << 10)

struct out {
	struct sk_prints *p;
	struct sk_prints_all *all;
	sk_prints_line *line;
	void *arg;
};

static int give(struct out *o)
{
	struct sk_prints *p = o->p;

	p->line[p->n] = '\0';
	p->n = 0;
	return o->line(o->arg, p->line);
}

/* A NUL would end the line early for everybody who comes after. */
static int take_byte(struct out *o, char c)
{
	struct sk_prints *p = o->p;

	if (c == '\n')
		return give(o);
	p->line[p->n++] = c ? c : '?';
	return p->n + 1 == sizeof(p->line) ? give(o) : 0;
}

static int take(struct out *o, const char *s, size_t n)
{
	struct sk_prints *p = o->p;
	uint64_t most = SK_PRINTS_TASK - p->taken;
	size_t keep, i;
	int rc = 0;

	if (SK_PRINTS_ALL - o->all->taken < most)
		most = SK_PRINTS_ALL - o->all->taken;
	keep = n < most ? n : most;
	p->taken += keep;
	o->all->taken += keep;
	p->dropped += n - keep;
	for (i = 0; i < keep && !rc; i++)
		rc = take_byte(o, s[i]);
	return rc;
}

int sk_prints_read(struct sk_prints *p, struct sk_prints_all *all, sk_prints_line *line,
    void *arg)
{
	struct out o = { p, all, line, arg };
	char room[4096];
	size_t done = 0;
	ssize_t n;
	int rc = 0;

	while (p->fd >= 0 && done < A_PIPE && !rc) {
		n = read(p->fd, room, sizeof(room));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {           /* nobody writes any more */
			sk_prints_close(p);
			break;
		}
		done += (size_t)n;
		rc = take(&o, room, (size_t)n);
	}
	return rc;
}

/* The job's end is not known here, so that what it drops is not summed up. */
static int tell_dropped(struct out *o)
{
	struct sk_prints *p = o->p;

	o->all->told = o->all->taken == SK_PRINTS_ALL;
	snprintf(p->line, sizeof(p->line), "(printed %" PRIu64 " bytes more, "
	    "which are not shown%s)", p->dropped, o->all->told ?
	    "; nor is what comes: the job has printed 1 MiB" : "");
	return o->line(o->arg, p->line);
}

int sk_prints_end(struct sk_prints *p, struct sk_prints_all *all, sk_prints_line *line,
    void *arg)
{
	struct out o = { p, all, line, arg };
	int rc = sk_prints_read(p, all, line, arg);

	if (!rc && p->n)
		rc = give(&o);
	if (!rc && p->dropped && !all->told)
		rc = tell_dropped(&o);
	p->taken = p->dropped = 0;
	return rc;
}

void sk_prints_close(struct sk_prints *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}
