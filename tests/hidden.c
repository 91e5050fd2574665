/* SPDX-License-Identifier: MIT */
#include "hidden.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

struct asked {
	struct asked *next;
	struct sk_fetch fetch;
	int64_t at;
};

struct hidden {
	struct sk_shard shard;
	struct sk_shard *under;
	pthread_mutex_t lock;
	struct asked *queue;
	uint32_t prefetched;
};

struct bare {                   /* a segment without its bytes */
	struct sk_segment segment;
	struct sk_segment *under;
	struct sk_shard *shard;
};

static struct hidden *of(const struct sk_shard *s)
{
	return (struct hidden *)(uintptr_t)s;
}

static struct sk_shard *under(struct sk_shard *s)
{
	return of(s)->under;
}

/* ---- files beside it ---- */

static void beside(const struct hidden *h, const char *what, char path[512])
{
	snprintf(path, 512, "%.480s.%s", h->under->ops->location(h->under), what);
}

static void fault_of(const struct hidden *h, char *word, char arg[256])
{
	char path[512], text[300] = "";
	FILE *f;

	*word = *arg = '\0';
	beside(h, "fault", path);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fgets(text, sizeof(text), f) && sscanf(text, "%15s %255s", word,
	    arg) < 1)
		*word = '\0';
	fclose(f);
}

static bool first_time(const char *file)
{
	int fd = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void note(const struct hidden *h, const struct sk_fetch *f)
{
	struct sk_buf b = { 0 };
	char path[512];
	size_t i;
	int fd;

	beside(h, "asked", path);
	fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	sk_buf_printf(&b, "%u", f->number);
	if (f->want->all || !f->want->name)
		sk_buf_printf(&b, " *");
	else
		for (i = 0; i < f->want->names; i++)
			sk_buf_printf(&b, " %.*s", (int)f->want->name[i].n,
			    (const char *)f->want->name[i].p);
	sk_buf_byte(&b, '\n');
	if (fd < 0 || write(fd, b.p, b.n) < 0)
		abort();
	close(fd);
	sk_buf_free(&b);
}

/* ---- segments ---- */

static int open_bare(struct sk_shard *s, struct sk_write_id id,
    struct sk_segment **out, struct snek_error *e)
{
	struct bare *b = calloc(1, sizeof(*b));
	int rc = b ? under(s)->ops->open(under(s), id, &b->under, e)
	    : sk_enomem(e);

	if (rc) {
		free(b);
		return rc;
	}
	b->shard = under(s);
	b->segment = *b->under;
	b->segment.bytes = NULL;
	*out = &b->segment;
	return 0;
}

static void close_bare(struct sk_segment *s)
{
	struct bare *b = (struct bare *)s;

	b->shard->ops->close(b->under);
	free(b);
}

static void prefetch(struct sk_shard *s, struct sk_write_id id)
{
	(void)id;
	of(s)->prefetched++;
}

/* ---- chunks ---- */

static int give(struct hidden *h, const struct sk_fetch *f, size_t *n,
    const char *fault, uint32_t which)
{
	struct sk_segment *g;
	const struct sk_chunk_entry *c;
	char *to;
	int rc = h->under->ops->open(h->under, f->write, &g, NULL);

	if (rc)
		return rc;
	c = &g->entry[f->number];
	*n = c->bytes;
	to = f->number < g->chunks && c->rows == f->rows
	    ? f->room(f->arg, *n) : NULL;
	if (to) {
		memcpy(to, g->bytes + c->offset, *n);
		if (!strcmp(fault, "damage") && f->number == which)
			to[9] ^= 4;
		if (!strcmp(fault, "short") && f->number == which)
			*n -= 8;
	}
	h->under->ops->close(g);
	return to ? 0 : SNEK_ENOMEM;
}

static void answer(struct hidden *h, const struct sk_fetch *f)
{
	struct snek_error e = { 0 };
	char fault[16], arg[256];
	size_t n = 0;
	int rc;

	fault_of(h, fault, arg);
	if (!strcmp(fault, "gone") && f->number == (uint32_t)atol(arg))
		rc = SNEK_ENOENT;
	else if (!strcmp(fault, "denied"))
		rc = sk_fail(&e, SNEK_EACCES, "the server says no");
	else if (!strcmp(fault, "again") && first_time(arg))
		rc = sk_fail(&e, SNEK_EAGAIN, "the server is loading");
	else if (!strcmp(fault, "die") && first_time(arg))
		_exit(7);
	else
		rc = give(h, f, &n, fault, (uint32_t)atol(arg));
	f->done(f->arg, rc, n, rc ? &e : NULL);
}

static int fetch(struct sk_shard *s, const struct sk_fetch *f,
    struct snek_error *e)
{
	struct hidden *h = of(s);
	struct asked *a = calloc(1, sizeof(*a)), **p = &h->queue;
	char fault[16], arg[256];

	if (!a)
		return sk_enomem(e);
	fault_of(h, fault, arg);
	a->fetch = *f;
	a->at = sk_clock_ms();
	if (!strcmp(fault, "slow"))
		a->at += atol(arg);
	if (!strcmp(fault, "stuck"))
		a->at = INT64_MAX;
	pthread_mutex_lock(&h->lock);
	note(h, f);
	while (*p && strcmp(fault, "reverse"))
		p = &(*p)->next;
	a->next = *p;
	*p = a;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static struct asked *take_due(struct hidden *h)
{
	struct asked **p, *a;

	for (p = &h->queue; (a = *p); p = &a->next)
		if (a->at <= sk_clock_ms()) {
			*p = a->next;
			return a;
		}
	return NULL;
}

static bool step_one(struct hidden *h)
{
	struct asked *a;

	pthread_mutex_lock(&h->lock);
	a = take_due(h);
	if (a)
		answer(h, &a->fetch);
	pthread_mutex_unlock(&h->lock);
	free(a);
	return a;
}

void hidden_step(struct sk_shard *s)
{
	while (step_one(of(s)))
		;
}

int64_t hidden_due(const struct sk_shard *s)
{
	const struct asked *a;
	int64_t least = INT64_MAX;

	for (a = of(s)->queue; a; a = a->next)
		least = a->at < least ? a->at : least;
	return least;
}

static bool is_idle(struct hidden *h)
{
	bool idle;

	pthread_mutex_lock(&h->lock);
	idle = !h->queue;
	pthread_mutex_unlock(&h->lock);
	return idle;
}

static int settle(struct sk_shard *s, bool (*until)(void *), void *arg,
    int timeout_ms, struct snek_error *e)
{
	const struct timespec pause = { 0, 1000000 };
	int64_t end = sk_clock_ms() + timeout_ms;

	while (until ? !until(arg) : !is_idle(of(s))) {
		if (step_one(of(s)))
			continue;
		if (timeout_ms >= 0 && sk_clock_ms() >= end)
			return sk_fail(e, SNEK_ETIMEDOUT, "not yet");
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* ---- the rest ---- */

static int begin(struct sk_shard *s, struct sk_write_id id,
    struct sk_segment_writer **w, struct snek_error *e)
{
	return under(s)->ops->begin(under(s), id, w, e);
}

static int list(struct sk_shard *s, int (*visit)(void *, struct sk_write_id,
    uint64_t, int64_t, bool), void *arg, struct snek_error *e)
{
	return under(s)->ops->list(under(s), visit, arg, e);
}

static int sweep(struct sk_shard *s, struct sk_write_id id, struct snek_error *e)
{
	return under(s)->ops->sweep(under(s), id, e);
}

static const char *location(const struct sk_shard *s)
{
	return of(s)->under->ops->location(of(s)->under);
}

static void shut(struct sk_shard *s)
{
	struct hidden *h = of(s);
	struct asked *a;

	while ((a = h->queue)) {
		h->queue = a->next;
		a->fetch.done(a->fetch.arg, SNEK_EIO, 0, NULL);
		free(a);
	}
	h->under->ops->shut(h->under);
	pthread_mutex_destroy(&h->lock);
	free((void *)(uintptr_t)s->ops);
	free(h);
}

struct sk_shard *hidden_new(struct sk_shard *from)
{
	struct hidden *h = calloc(1, sizeof(*h));
	struct sk_shard_ops *ops = malloc(sizeof(*ops));

	if (!h || !ops)
		abort();
	*ops = *from->ops;
	ops->begin = begin;
	ops->open = open_bare;
	ops->close = close_bare;
	ops->prefetch = prefetch;
	ops->fetch = fetch;
	ops->settle = settle;
	ops->list = list;
	ops->sweep = sweep;
	ops->location = location;
	ops->shut = shut;
	h->shard.ops = ops;
	h->under = from;
	pthread_mutex_init(&h->lock, NULL);
	return &h->shard;
}

/* ---- a catalog of them ---- */

void hidden_all(struct sk_catalog *c)
{
	struct sk_address *a = calloc(c->cluster.shards, sizeof(*a));
	uint32_t i;

	for (i = 0; i < c->cluster.shards; i++) {
		c->shard[i] = hidden_new(c->shard[i]);
		a[i].url = strdup(c->shard[i]->ops->location(c->shard[i]));
		a[i].password = strdup("the test's password");
		a[i].stamp.shard = i;
		a[i].stamp.format = c->cluster.format;
		memcpy(a[i].stamp.cluster, c->cluster.uuid, 16);
	}
	c->address = a;
}

void hidden_fault(const struct sk_catalog *c, const char *text)
{
	char path[512];
	uint32_t i;
	FILE *f;

	for (i = 0; i < c->cluster.shards; i++) {
		beside(of(c->shard[i]), "fault", path);
		f = fopen(path, "w");
		if (!f || fprintf(f, "%s\n", text ? text : "") < 0 || fclose(f))
			abort();
	}
}

char *hidden_asked(const struct sk_catalog *c)
{
	struct sk_buf b = { 0 };
	char path[512], line[512];
	uint32_t i;
	FILE *f;

	for (i = 0; i < c->cluster.shards; i++) {
		beside(of(c->shard[i]), "asked", path);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			sk_buf_put(&b, line, strlen(line));
		if (f)
			fclose(f);
		unlink(path);
	}
	sk_buf_byte(&b, 0);
	return b.p;
}

uint32_t hidden_prefetched(const struct sk_catalog *c)
{
	uint32_t i, n = 0;

	for (i = 0; i < c->cluster.shards; i++)
		n += of(c->shard[i])->prefetched;
	return n;
}
