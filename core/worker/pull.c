/* SPDX-License-Identifier: MIT */
#include "worker/pull.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNDER_WAY 256u          /* chunks of a task */
#define SLACK 4096u             /* more than a chunk has, of a chunk of its columns */

/* ---- a file in memory ---- */

/* Only what is written takes memory. */
static int make_room(struct sk_pull *p)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		if (__builtin_add_overflow(p->cap, p->chunk[i].from.bytes +
		    8 + SLACK, &p->cap))
			return SNEK_EFORMAT;
	p->fd = memfd_create("snek-fetched", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (p->fd < 0 || ftruncate(p->fd, (off_t)p->cap))
		return SNEK_ENOMEM;
	p->map = mmap(NULL, p->cap, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd,
	    0);
	if (p->map != MAP_FAILED)
		return 0;
	p->map = NULL;
	return SNEK_ENOMEM;
}

static bool seal(struct sk_pull *p)
{
	munmap(p->map, p->cap);
	p->map = NULL;
	return !ftruncate(p->fd, (off_t)p->used) && !fcntl(p->fd, F_ADD_SEALS,
	    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
}

/* ---- requests ---- */

static int read_request(struct sk_pull *p, struct sk_get *r)
{
	uint32_t i;

	p->n = sk_get_count(r, SK_WIRE_FETCH_BYTES);
	p->chunk = calloc(p->n + 1, sizeof(*p->chunk));
	if (!p->chunk)
		return SNEK_ENOMEM;
	for (i = 0; i < p->n; i++) {
		p->chunk[i].pull = p;
		sk_get_fetch(r, &p->chunk[i].from);
	}
	return sk_get_end(r) && p->n ? make_room(p) : SNEK_EFORMAT;
}

int sk_pull_new(uint64_t id, struct sk_get *r, const struct sk_want *want,
    struct sk_pull **out)
{
	struct sk_pull *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return SNEK_ENOMEM;
	p->id = id;
	p->want = want;
	p->fd = -1;
	rc = read_request(p, r);
	if (rc)
		sk_pull_free(p);
	else
		*out = p;
	return rc;
}

void sk_pull_free(struct sk_pull *p)
{
	if (!p)
		return;
	if (p->map)
		munmap(p->map, p->cap);
	if (p->fd >= 0)
		close(p->fd);
	free(p->chunk);
	free(p);
}

/* ---- chunks ---- */

static void fail(struct sk_pulled *c, int rc, const struct snek_error *e)
{
	struct sk_pull *p = c->pull;

	if (p->rc)
		return;
	p->rc = rc;
	p->failed = c->from.at;
	if (e)
		p->error = *e;
}

static void *room(void *arg, size_t n)
{
	struct sk_pulled *c = arg;
	struct sk_pull *p = c->pull;

	if (n > c->from.bytes + SLACK || n + 7 > p->cap - p->used || p->rc ||
	    p->cancelled)
		return NULL;
	c->offset = p->used;
	p->used += (n + 7) & ~(size_t)7;
	return p->map + c->offset;
}

static void done(void *arg, int rc, size_t n, const struct snek_error *e)
{
	struct sk_pulled *c = arg;

	c->pull->pending--;
	c->bytes = n;
	if (rc)
		fail(c, rc, e);
}

static void begin(struct sk_pulled *c, struct sk_source *s)
{
	struct sk_fetch f = { .number = c->from.ref.number,
	    .rows = c->from.ref.rows,
		.bytes = (uint32_t)c->from.bytes, .want = c->pull->want, .room = room,
	    .done = done, .arg = c };
	struct snek_error e = { 0 };
	struct sk_shard *shard = NULL;
	int rc = sk_source_shard(s, c->from.ref.shard, &shard, &e);

	memcpy(f.write.b, c->from.ref.segment, sizeof(f.write.b));
	if (!rc && !shard->ops->fetch)
		rc = sk_fail(&e, SNEK_EINTERNAL, "a shard that fetches nothing");
	c->pull->pending++;
	if (!rc)
		rc = shard->ops->fetch(shard, &f, &e);
	if (!rc)
		return;
	c->pull->pending--;
	fail(c, rc, &e);
}

void sk_pull_more(struct sk_pull *p, struct sk_source *s)
{
	while (p->begun < p->n && p->pending < UNDER_WAY && !p->rc &&
	    !p->cancelled)
		begin(&p->chunk[p->begun++], s);
}

bool sk_pull_ended(const struct sk_pull *p)
{
	return !p->pending && (p->begun == p->n || p->rc || p->cancelled);
}

/* ---- answers ---- */

static int put_failure(const struct sk_pull *p, struct sk_put *w)
{
	struct sk_wire_death d = { .end = SK_END_FETCH, .status = p->rc,
		.chunk = p->failed, .row = SK_NO_ROW };

	snprintf(d.text, sizeof(d.text), "%.255s", p->error.text[0] ?
	    p->error.text : sk_strerror(p->rc));
	sk_put_death(w, &d);
	return SK_MSG_DIED;
}

int sk_pull_answer(struct sk_pull *p, struct sk_message *m)
{
	struct sk_put w = { { 0 }, false };
	uint32_t i;

	m->id = p->id;
	if (!p->rc && !seal(p)) {
		p->rc = sk_fail_errno(&p->error, "a file in memory");
		p->failed = UINT32_MAX;
	}
	m->kind = p->rc ? put_failure(p, &w) : SK_MSG_DONE;
	for (i = 0; i < p->n && !p->rc; i++) {
		sk_put_u64(&w, p->chunk[i].offset);
		sk_put_u64(&w, p->chunk[i].bytes);
	}
	m->body = w.buf;
	if (!p->rc) {
		i = (uint32_t)p->fd;
		p->fd = -1;
		if (!sk_message_take(m, (int)i))
			return SNEK_ENOMEM;
	}
	return w.nomem ? SNEK_ENOMEM : 0;
}
