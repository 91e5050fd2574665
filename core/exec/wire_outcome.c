/* SPDX-License-Identifier: MIT */
/* wire_outcome.c - what an attempt came to, as bytes and descriptors. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/wire.h"

/* ---- runs ---- */

enum { HERE, IN_FILE, KEPT };

static void put_kept(struct sk_put *w, const struct sk_kept *k)
{
	sk_put_u32(w, k->shard);
	sk_put_u32(w, k->stage);
	sk_put_u32(w, k->task);
	sk_put_u32(w, k->attempt);
	sk_put_u32(w, k->number);
	sk_put_u64(w, k->nonce);
}

static int get_kept(struct sk_get *g, struct sk_run *r)
{
	struct sk_kept *k = &r->kept;

	k->shard = sk_get_u32(g);
	k->stage = sk_get_u32(g);
	k->task = sk_get_u32(g);
	k->attempt = sk_get_u32(g);
	k->number = sk_get_u32(g);
	k->nonce = sk_get_u64(g);
	if (g->bad)
		return SNEK_EFORMAT;
	r->fd = SK_RUN_KEPT;
	return 0;
}

bool sk_put_run(struct sk_put *w, const struct sk_run *r, struct sk_message *m)
{
	int fd;

	sk_put_u64(w, r->entries);
	sk_put_u64(w, r->bytes);
	sk_put_u64(w, r->largest);
	sk_put_u8(w, r->fd == SK_RUN_KEPT ? KEPT : r->fd ? IN_FILE : HERE);
	if (r->fd == SK_RUN_KEPT) {
		put_kept(w, &r->kept);
		return true;
	}
	if (!r->fd) {
		sk_put_bytes(w, r->mem.p, r->mem.n);
		return true;
	}
	fd = dup(r->fd);
	return fd >= 0 && sk_message_take(m, fd);
}

static bool is_file_of(int fd, uint64_t bytes)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size >= 0 &&
	    (uint64_t)st.st_size >= bytes;
}

/* Files that can be sealed are: no disk has them. */
static bool is_in_memory(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK;
}

static int get_file(struct sk_run *r, struct sk_message *m, size_t *at)
{
	if (*at >= m->fds || !is_file_of(m->fd[*at], r->bytes))
		return SNEK_EFORMAT;
	r->in_memory = r->in_memory || is_in_memory(m->fd[*at]);
	r->dir = strdup("another process");
	if (!r->dir)
		return SNEK_ENOMEM;
	r->fd = m->fd[*at];
	m->fd[(*at)++] = -1;
	return 0;
}

int sk_get_run(struct sk_get *g, struct sk_run *r, struct sk_message *m, size_t *at)
{
	struct sk_span s;
	uint8_t where;

	memset(r, 0, sizeof(*r));
	r->entries = sk_get_u64(g);
	r->bytes = sk_get_u64(g);
	r->largest = sk_get_u64(g);
	where = sk_get_u8(g);
	r->in_memory = where == IN_FILE && m->parcel;
	if (g->bad || r->largest > r->bytes || where > KEPT ||
	    (where == KEPT && !m->parcel))
		return SNEK_EFORMAT;
	if (where == IN_FILE)
		return get_file(r, m, at);
	if (where == KEPT)
		return get_kept(g, r);
	s = sk_get_bytes(g);
	if (g->bad || s.n != r->bytes)
		return SNEK_EFORMAT;
	return sk_pages_put(&r->mem, s.p, s.n) ? 0 : SNEK_ENOMEM;
}

static bool put_runs(struct sk_put *w, const struct sk_runs *s,
    struct sk_message *m)
{
	size_t i;

	sk_put_u32(w, (uint32_t)s->n);
	for (i = 0; i < s->n; i++)
		if (!sk_put_run(w, &s->run[i], m))
			return false;
	return true;
}

#define RUN_BYTES 25u           /* at least, of a run */

static int get_runs(struct sk_get *g, struct sk_runs *s, struct sk_message *m,
    size_t *at)
{
	uint32_t n = sk_get_count(g, RUN_BYTES);
	int rc = g->bad ? SNEK_EFORMAT : 0;

	s->run = n ? calloc(n, sizeof(*s->run)) : NULL;
	if (n && !s->run)
		return SNEK_ENOMEM;
	for (s->cap = n; s->n < n && !rc; s->n++)
		rc = sk_get_run(g, &s->run[s->n], m, at);
	return rc;
}

/* ---- counters ---- */

static void put_counters(struct sk_put *w, const struct sk_outcome *o)
{
	uint32_t i;

	sk_put_u32(w, o->counters);
	for (i = 0; i < o->counters; i++) {
		sk_put_text(w, o->counter[i].name);
		sk_put_u64(w, (uint64_t)o->counter[i].value);
	}
}

static int get_counters(struct sk_get *g, struct sk_outcome *o)
{
	struct sk_counters all = { 0 };
	uint32_t n = sk_get_count(g, 13);
	const char *name;
	int rc = n > SK_MAX_COUNTERS ? SNEK_EFORMAT : 0;

	while (!rc && n--) {
		name = sk_get_text(g);
		if (!name)
			rc = SNEK_EFORMAT;
		else
			rc = sk_counters_add(&all, name, (int64_t)sk_get_u64(g), NULL);
	}
	o->counter = all.counter;
	o->counters = all.n;
	return rc == SNEK_ENOMEM ? rc : rc || g->bad ? SNEK_EFORMAT : 0;
}

/* ---- outcomes ---- */

bool sk_put_outcome(struct sk_put *w, const struct sk_outcome *o,
    struct sk_message *m)
{
	uint32_t i;

	sk_put_error(w, o->code, &o->error);
	sk_put_u8(w, o->placed);
	sk_put_u32(w, o->chunk);
	sk_put_u32(w, o->row);
	sk_put_u64(w, o->records_in);
	sk_put_u64(w, o->skipped);
	sk_put_u64(w, o->emitted);
	sk_put_u64(w, o->bytes_in);
	for (i = 0; i < SK_SEEN_PATHS / 64; i++)
		sk_put_u64(w, o->seen[i]);
	put_counters(w, o);
	sk_put_u32(w, o->parts);
	for (i = 0; i < o->parts; i++)
		if (!put_runs(w, &o->part[i], m))
			return false;
	return sk_put_run(w, &o->run, m);
}

static int get_parts(struct sk_get *g, struct sk_message *m, uint32_t parts,
    struct sk_outcome *o, size_t *at)
{
	uint32_t n = sk_get_u32(g);
	int rc = 0;

	if (g->bad || (n && n != parts) || (!o->code && n != parts))
		return SNEK_EFORMAT;
	o->part = n ? calloc(n, sizeof(*o->part)) : NULL;
	if (n && !o->part)
		return SNEK_ENOMEM;
	for (; o->parts < n && !rc; o->parts++)
		rc = get_runs(g, &o->part[o->parts], m, at);
	return rc;
}

static int get_outcome(struct sk_get *g, struct sk_message *m, uint32_t parts,
    struct sk_outcome *o)
{
	size_t at = 0, i;
	int rc;

	o->code = sk_get_error(g, &o->error);
	if (g->bad)
		return SNEK_EFORMAT;
	o->placed = sk_get_u8(g);
	o->chunk = sk_get_u32(g);
	o->row = sk_get_u32(g);
	o->records_in = sk_get_u64(g);
	o->skipped = sk_get_u64(g);
	o->emitted = sk_get_u64(g);
	o->bytes_in = sk_get_u64(g);
	for (i = 0; i < SK_SEEN_PATHS / 64; i++)
		o->seen[i] = sk_get_u64(g);
	rc = get_counters(g, o);
	if (!rc)
		rc = get_parts(g, m, parts, o, &at);
	if (!rc)
		rc = sk_get_run(g, &o->run, m, &at);
	return rc ? rc : sk_get_end(g) ? 0 : SNEK_EFORMAT;
}

int sk_get_outcome(struct sk_get *g, struct sk_message *m, uint32_t parts,
    struct sk_outcome *o, struct snek_error *e)
{
	int rc;

	memset(o, 0, sizeof(*o));
	rc = get_outcome(g, m, parts, o);
	if (!rc)
		return 0;
	sk_outcome_free(o);
	return sk_fail(e, rc == SNEK_ENOMEM ? rc : SNEK_EPLUGIN,
	    rc == SNEK_ENOMEM ? "out of memory" :
	    "its process answered with bytes that make no sense");
}
