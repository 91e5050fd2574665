/* SPDX-License-Identifier: MIT */
/* log.c - a ring of lines, bounded in number and in bytes. */
#include "host/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINES = 1 << 14 };
#define BYTES ((size_t)16 << 20)

struct line {
	int64_t ms;
	size_t n, stream_n;             /* stream_n: with its NUL */
	char text[];                    /* the stream, then the line */
};

struct sk_log {
	struct line *ring[LINES];
	uint64_t first, end;            /* numbers, from 0 */
	size_t bytes;
};

static void drop_first(struct sk_log *l)
{
	struct line **p = &l->ring[l->first++ % LINES];

	l->bytes -= (*p)->n + (*p)->stream_n;
	free(*p);
	*p = NULL;
}

void sk_log_free(struct sk_log *l)
{
	if (!l)
		return;
	while (l->first < l->end)
		drop_first(l);
	free(l);
}

void sk_log_put(struct sk_log **log, int64_t ms, const char *stream,
    const char *text, size_t n)
{
	size_t stream_n = strlen(stream) + 1;
	struct sk_log *l = *log;
	struct line *line;

	if (!l)
		l = *log = calloc(1, sizeof(*l));
	line = l ? malloc(sizeof(*line) + stream_n + n) : NULL;
	if (!line)
		return;
	line->ms = ms;
	line->n = n;
	line->stream_n = stream_n;
	memcpy(line->text, stream, stream_n);
	memcpy(line->text + stream_n, text, n);
	while (l->first < l->end && (l->end - l->first == LINES ||
	    l->bytes + n + stream_n > BYTES))
		drop_first(l);
	l->ring[l->end++ % LINES] = line;
	l->bytes += n + stream_n;
}

bool sk_log_line(const struct sk_log *l, size_t i, struct sk_log_line *out)
{
	const struct line *line;

	if (!l || i >= l->end - l->first)
		return false;
	line = l->ring[(l->first + i) % LINES];
	out->ms = line->ms;
	out->number = l->first + i + 1;
	out->stream = line->text;
	out->text = line->text + line->stream_n;
	out->n = line->n;
	return true;
}
