/* SPDX-License-Identifier: MIT */
#include "job/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task/tmp.h"

int sk_spool_open(struct sk_spool *s, const char *tmp, uint32_t records,
    struct snek_error *e)
{
	memset(s, 0, sizeof(*s));
	s->most = records;
	s->fd = sk_tmp_open(tmp, e);
	if (s->fd < 0)
		return s->fd;
	s->tmp = strdup(tmp);
	if (s->tmp && !sk_spool_fill_open(&s->own, s, NULL))
		return 0;
	sk_spool_close(s);
	return sk_enomem(e);
}

int sk_spool_fill_open(struct sk_spool_fill *f, struct sk_spool *s,
    struct snek_error *e)
{
	memset(f, 0, sizeof(*f));
	f->spool = s;
	return sk_chunk_builder_new(SK_CHUNK_TARGET, &f->builder) ? sk_enomem(e)
	    : 0;
}

/* ---- chunks into the file ---- */

static int write_all(const struct sk_spool *s, const struct sk_buf *b,
    uint64_t at, struct snek_error *e)
{
	const char *p = b->p;
	size_t n = b->n;
	ssize_t done;

	for (; n; p += done, n -= (size_t)done) {
		done = pwrite(s->fd, p, n, (off_t)(at + (b->n - n)));
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return sk_tmp_fail(s->tmp, at + (b->n - n), e);
	}
	return 0;
}

static bool make_room(struct sk_spool_list *l, size_t n)
{
	size_t cap = l->cap ? l->cap : 64;
	struct sk_spool_chunk *p;

	while (cap < l->n + n)
		cap *= 2;
	if (cap == l->cap)
		return true;
	p = realloc(l->chunk, cap * sizeof(*p));
	if (!p)
		return false;
	l->chunk = p;
	l->cap = cap;
	return true;
}

/* The chunk in buf, padded, to the end of the file. */
static int put(struct sk_spool_fill *f, uint32_t rows, struct snek_error *e)
{
	static const char zero[8];
	struct sk_spool_list *l = &f->list;
	uint64_t at;

	if (!sk_buf_put(&f->buf, zero, -f->buf.n & 7) || !make_room(l, 1))
		return sk_enomem(e);
	at = __atomic_fetch_add(&f->spool->bytes, f->buf.n, __ATOMIC_RELAXED);
	l->chunk[l->n++] = (struct sk_spool_chunk){ at, l->records, f->buf.n,
		rows };
	l->records += rows;
	return write_all(f->spool, &f->buf, at, e);
}

int sk_spool_fill_flush(struct sk_spool_fill *f, struct snek_error *e)
{
	uint32_t rows = sk_chunk_builder_rows(f->builder);
	int rc;

	if (!rows)
		return 0;
	f->buf.n = 0;
	rc = sk_chunk_builder_seal(f->builder, &f->buf, e);
	return rc ? rc : put(f, rows, e);
}

int sk_spool_fill_add(struct sk_spool_fill *f, const struct sk_record *r,
    struct snek_error *e)
{
	uint32_t most = f->spool->most;
	int rc = 0;

	if (most && sk_chunk_builder_rows(f->builder) == most)
		rc = sk_spool_fill_flush(f, e);
	if (!rc)
		rc = sk_chunk_builder_add(f->builder, r, e);
	if (!rc && !(rc = sk_spool_fill_flush(f, e)))
		rc = sk_chunk_builder_add(f->builder, r, e);
	if (rc < 0)
		return rc;
	if (!rc)
		return sk_fail(e, SNEK_EINTERNAL, "a record that fits in no chunk");
	return 0;
}

int sk_spool_fill_lines(struct sk_spool_fill *f, struct sk_span text,
    size_t *used, struct snek_error *e)
{
	uint32_t rows;
	int rc;

	f->buf.n = 0;
	rc = sk_chunk_lines(SK_CHUNK_TARGET, text, &f->buf, used, &rows, e);
	return rc ? rc : put(f, rows, e);
}

void sk_spool_list_free(struct sk_spool_list *l)
{
	free(l->chunk);
	memset(l, 0, sizeof(*l));
}

void sk_spool_fill_close(struct sk_spool_fill *f)
{
	sk_chunk_builder_free(f->builder);
	sk_buf_free(&f->buf);
	sk_spool_list_free(&f->list);
	memset(f, 0, sizeof(*f));
}

/* ---- the input ---- */

int sk_spool_add(struct sk_spool *s, const struct sk_record *r,
    struct snek_error *e)
{
	return sk_spool_fill_add(&s->own, r, e);
}

int sk_spool_copy(struct sk_spool *s, struct sk_span chunk, uint32_t rows,
    struct snek_error *e)
{
	int rc = sk_spool_fill_flush(&s->own, e);

	if (rc)
		return rc;
	s->own.buf.n = 0;
	if (!sk_buf_put(&s->own.buf, chunk.p, chunk.n))
		return sk_enomem(e);
	return put(&s->own, rows, e);
}

int sk_spool_join(struct sk_spool *s, struct sk_spool_list *from,
    struct snek_error *e)
{
	struct sk_spool_list *to = &s->own.list;
	int rc = sk_spool_fill_flush(&s->own, e);
	size_t i;

	if (rc)
		return rc;
	if (!make_room(to, from->n))
		return sk_enomem(e);
	for (i = 0; i < from->n; i++) {
		to->chunk[to->n] = from->chunk[i];
		to->chunk[to->n++].first += to->records;
	}
	to->records += from->records;
	sk_spool_list_free(from);
	return 0;
}

int sk_spool_end(struct sk_spool *s, struct snek_error *e)
{
	int rc = sk_spool_fill_flush(&s->own, e);

	if (rc || !s->bytes || s->map)
		return rc;
	s->map = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, s->fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return sk_fail_errno(e, "temporary file");
	}
	return 0;
}

void sk_spool_close(struct sk_spool *s)
{
	if (s->map)
		munmap(s->map, s->bytes);
	if (s->fd > 0)
		close(s->fd);
	sk_spool_fill_close(&s->own);
	free(s->tmp);
	memset(s, 0, sizeof(*s));
}
