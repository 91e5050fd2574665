/* SPDX-License-Identifier: MIT */
/*
 * A task as bytes: u8 flags, u32 n, n times the u32 number of a file at the
 * worker; u32 n, n chunks to be fetched {u32 number among the attempt's, shard,
 * number, rows, u64 bytes, 16 bytes of segment}; what follows goes to the child:
 *
 *   u8 what, u32 task, u32 tasks, u32 attempt
 *   map:    files {offset, bytes}, chunks {file, offset, bytes, place,
 *           origin}, records to leave out {chunk, row}
 *   reduce: runs
 *
 * The files are the numbered ones; then, if chunks lie in none of them, one
 * that holds copies; then, if chunks are fetched, one that the worker makes: it
 * puts in where they lie there.
 */
#include "exec/request.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- where chunks lie ---- */

#define FETCHED (SK_NO_FILE - 1)

struct place {
	uint32_t file;          /* of the request, SK_NO_FILE: copies, FETCHED */
	uint64_t offset;
};

struct layout {
	const struct sk_exec_job *job;
	const struct sk_request_files *files;
	struct place *at;               /* by chunk */
	uint32_t *number;               /* of the request's files, at the worker */
	struct sk_wire_file *part;      /* that is read of each */
	uint32_t n, fetched;
	uint64_t fetched_bytes;
	struct sk_buf copies;
};

/* The job's file that holds the address, or the number of files. */
static size_t find_file(const struct sk_exec_job *j, const char *p)
{
	size_t lo = 0, hi = j->files, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (j->file[mid].map + j->file[mid].bytes <= p)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < j->files && j->file[lo].map <= p ? lo : j->files;
}

static void widen(struct sk_wire_file *f, uint64_t offset, uint64_t bytes)
{
	uint64_t end = f->offset + f->bytes;

	if (offset + bytes > end)
		end = offset + bytes;
	if (offset < f->offset)
		f->offset = offset;
	f->bytes = end - f->offset;
}

static bool place_in_file(struct layout *l, size_t file,
    const struct sk_task_chunk *c, struct place *at)
{
	uint32_t number = l->files->number[file];

	at->offset = (uint64_t)((const char *)c->bytes.p -
	    l->job->file[file].map);
	if (!l->n || l->number[l->n - 1] != number) {
		l->number[l->n] = number;
		l->part[l->n++] = (struct sk_wire_file){ at->offset, 0 };
	}
	at->file = l->n - 1;
	widen(&l->part[at->file], at->offset, c->bytes.n);
	return true;
}

/* Chunks are read at multiples of eight. */
static bool place_copy(struct layout *l, const struct sk_task_chunk *c,
    struct place *at)
{
	static const char zero[8];

	at->file = SK_NO_FILE;
	at->offset = l->copies.n;
	return sk_buf_put(&l->copies, c->bytes.p, c->bytes.n) &&
	    sk_buf_put(&l->copies, zero, -l->copies.n & 7);
}

static bool place_fetched(struct layout *l, const struct sk_task_chunk *c,
    struct place *at)
{
	at->file = FETCHED;
	l->fetched++;
	l->fetched_bytes += c->bytes.n;
	return true;
}

static bool place_chunk(struct layout *l, const struct sk_task_chunk *c,
    struct place *at)
{
	size_t file;

	if (!c->bytes.p)
		return place_fetched(l, c, at);
	file = find_file(l->job, c->bytes.p);
	return file < l->job->files && l->files->number[file] != SK_NO_FILE
	    ? place_in_file(l, file, c, at) : place_copy(l, c, at);
}

static bool lay_out(struct layout *l, const struct sk_attempt *a)
{
	size_t i;
	bool ok = true;

	l->at = calloc(a->chunks + 1, sizeof(*l->at));
	l->number = calloc(a->chunks + 1, sizeof(*l->number));
	l->part = calloc(a->chunks + 1, sizeof(*l->part));
	if (!l->at || !l->number || !l->part)
		return false;
	for (i = 0; i < a->chunks && ok; i++)
		ok = place_chunk(l, &a->chunk[i], &l->at[i]);
	return ok;
}

static void free_layout(struct layout *l)
{
	free(l->at);
	free(l->number);
	free(l->part);
	sk_buf_free(&l->copies);
}

/* ---- the message ---- */

static void put_head(struct sk_put *w, const struct sk_attempt *a, uint8_t what)
{
	sk_put_u8(w, what);
	sk_put_u32(w, a->task);
	sk_put_u32(w, a->tasks);
	sk_put_u32(w, a->number);
}

static void put_files(struct sk_put *w, const struct layout *l)
{
	uint32_t i;

	sk_put_u32(w, l->n + (l->copies.n > 0) + (l->fetched > 0));
	for (i = 0; i < l->n; i++) {
		sk_put_u64(w, l->part[i].offset);
		sk_put_u64(w, l->part[i].bytes);
	}
	if (l->copies.n) {
		sk_put_u64(w, 0);
		sk_put_u64(w, l->copies.n);
	}
	if (l->fetched) {
		sk_put_u64(w, 0);
		sk_put_u64(w, l->fetched_bytes);
	}
}

static uint32_t file_of(const struct layout *l, const struct place *at)
{
	if (at->file == FETCHED)
		return l->n + (l->copies.n > 0);
	return at->file == SK_NO_FILE ? l->n : at->file;
}

static void put_chunks(struct sk_put *w, const struct layout *l,
    const struct sk_attempt *a)
{
	const struct sk_task_chunk *c;
	size_t i;

	sk_put_u32(w, (uint32_t)a->chunks);
	for (i = 0; i < a->chunks; i++) {
		c = &a->chunk[i];
		sk_put_u32(w, file_of(l, &l->at[i]));
		sk_put_u64(w, l->at[i].offset);
		sk_put_u64(w, c->bytes.n);
		sk_put_u64(w, c->base.version);
		sk_put_u64(w, c->base.record);
		sk_put_text(w, c->origin);
	}
}

static void put_fetched(struct sk_put *w, const struct layout *l,
    const struct sk_attempt *a)
{
	const struct sk_chunk_ref *r;
	size_t i;

	sk_put_u32(w, l->fetched);
	for (i = 0; i < a->chunks; i++) {
		if (l->at[i].file != FETCHED)
			continue;
		r = &a->chunk[i].ref;
		sk_put_u32(w, (uint32_t)i);
		sk_put_u32(w, r->shard);
		sk_put_u32(w, r->number);
		sk_put_u32(w, r->rows);
		sk_put_u64(w, a->chunk[i].bytes.n);
		sk_put_raw(w, r->segment, sizeof(r->segment));
	}
}

static void put_map(struct sk_put *w, const struct layout *l,
    const struct sk_attempt *a)
{
	size_t i;

	sk_put_u8(w, 0);
	sk_put_u32(w, l->n);
	for (i = 0; i < l->n; i++)
		sk_put_u32(w, l->number[i]);
	put_fetched(w, l, a);
	put_head(w, a, SK_ASK_MAP);
	put_files(w, l);
	put_chunks(w, l, a);
	sk_put_u32(w, (uint32_t)a->skips);
	for (i = 0; i < a->skips; i++) {
		sk_put_u32(w, a->skip[i].chunk);
		sk_put_u32(w, a->skip[i].row);
	}
}

static bool take_copies(struct sk_message *m, const struct layout *l)
{
	int fd;

	if (!l->copies.n)
		return true;
	fd = sk_channel_sealed("snek-chunks", l->copies.p, l->copies.n);
	return fd >= 0 && sk_message_take(m, fd);
}

static bool put_task(struct sk_message *m, const struct layout *l,
    const struct sk_attempt *a)
{
	struct sk_put w = { { 0 }, false };

	put_map(&w, l, a);
	m->kind = SK_MSG_TASK;
	m->id = a->id;
	m->body = w.buf;
	return !w.nomem;
}

int sk_request_map(const struct sk_exec_job *j,
    const struct sk_request_files *files, const struct sk_attempt *a,
    struct sk_message *m)
{
	struct layout l = { .job = j, .files = files };
	bool ok = lay_out(&l, a) && take_copies(m, &l) && put_task(m, &l, a);

	free_layout(&l);
	return ok ? 0 : SNEK_ENOMEM;
}

int sk_request_map_flat(const struct sk_exec_job *j, const struct sk_attempt *a,
    struct sk_message *m, struct sk_buf *copies)
{
	struct sk_exec_job none = *j;
	struct layout l = { .job = &none, .copies = *copies };
	bool ok;

	none.files = 0;
	l.copies.n = 0;
	ok = lay_out(&l, a) && put_task(m, &l, a);
	*copies = l.copies;
	memset(&l.copies, 0, sizeof(l.copies));
	free_layout(&l);
	return ok ? 0 : SNEK_ENOMEM;
}

int sk_request_reduce(const struct sk_attempt *a, struct sk_message *m)
{
	struct sk_put w = { { 0 }, false };
	bool ok = true;
	size_t i;

	sk_put_u8(&w, 0);
	sk_put_u32(&w, 0);
	sk_put_u32(&w, 0);
	put_head(&w, a, SK_ASK_REDUCE);
	sk_put_u32(&w, (uint32_t)a->runs);
	for (i = 0; i < a->runs && ok; i++)
		ok = sk_put_run(&w, a->run[i], m);
	m->kind = SK_MSG_TASK;
	m->id = a->id;
	m->body = w.buf;
	return ok && !w.nomem ? 0 : SNEK_ENOMEM;
}

/* ---- words ---- */

static bool find_place_in(const struct sk_task_chunk *c, struct sk_span b,
    uint32_t row, struct sk_place *place)
{
	struct sk_chunk *k;
	bool found;

	if (sk_chunk_open(b.p, b.n, &k, NULL))
		return false;
	found = row < sk_chunk_rows(k) &&
	    !sk_chunk_place(k, c->base, row, place, NULL);
	sk_chunk_close(k);
	return found;
}

static bool find_place(const struct sk_exec_job *j,
    const struct sk_task_chunk *c, uint32_t row, struct sk_place *place)
{
	const struct sk_control control = { .deadline_ms = j->deadline_ms };
	struct sk_span bytes = c->bytes;
	void *held = NULL;
	bool found;

	if (row == SK_NO_ROW || (!bytes.p && (!j->fetch ||
	    j->fetch(j->fetch_arg, c, 1, j->whole, &control, &bytes, &held,
	    NULL))))
		return false;
	found = find_place_in(c, bytes, row, place);
	if (held)
		j->release(held);
	return found;
}

bool sk_request_where(const struct sk_exec_job *j, const struct sk_attempt *a,
    uint32_t chunk, uint32_t row, char *text, size_t size)
{
	const struct sk_task_chunk *c = &a->chunk[chunk];
	struct sk_place place;

	if (!find_place(j, c, row, &place)) {
		snprintf(text, size, "%s", c->origin);
		return false;
	}
	if (place.version == c->base.version)
		snprintf(text, size, "%s, record %llu", c->origin,
		    (unsigned long long)place.record + 1);
	else
		snprintf(text, size, "%s, record %llu of write %llu", c->origin,
		    (unsigned long long)place.record + 1,
		    (unsigned long long)place.version);
	return true;
}
