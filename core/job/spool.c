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
	if (s->tmp && !sk_chunk_builder_new(SK_CHUNK_TARGET, &s->builder))
		return 0;
	sk_spool_close(s);
	return sk_enomem(e);
}

static int write_all(struct sk_spool *s, struct snek_error *e)
{
	const char *p = s->buf.p;
	size_t n = s->buf.n;
	ssize_t done;

	for (; n; p += done, n -= (size_t)done) {
		done = write(s->fd, p, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return sk_tmp_fail(s->tmp, s->bytes - n, e);
	}
	return 0;
}

static int note(struct sk_spool *s, uint32_t rows)
{
	size_t cap = s->cap ? 2 * s->cap : 64;
	struct sk_spool_chunk *p = s->chunk;

	if (s->n == s->cap) {
		p = realloc(p, cap * sizeof(*p));
		if (!p)
			return SNEK_ENOMEM;
		s->chunk = p;
		s->cap = cap;
	}
	p[s->n++] = (struct sk_spool_chunk){ s->bytes, s->sealed, s->buf.n, rows };
	s->bytes += s->buf.n;
	s->sealed += rows;
	return 0;
}

static int flush(struct sk_spool *s, struct snek_error *e)
{
	uint32_t rows = sk_chunk_builder_rows(s->builder);
	static const char zero[8];
	int rc;

	if (!rows)
		return 0;
	s->buf.n = 0;
	rc = sk_chunk_builder_seal(s->builder, &s->buf, e);
	if (rc)
		return rc;
	if (!sk_buf_put(&s->buf, zero, -s->buf.n & 7) || note(s, rows))
		return sk_enomem(e);
	return write_all(s, e);
}

int sk_spool_add(struct sk_spool *s, const struct sk_record *r,
    struct snek_error *e)
{
	int rc = 0;

	if (s->most && sk_chunk_builder_rows(s->builder) == s->most)
		rc = flush(s, e);
	if (!rc)
		rc = sk_chunk_builder_add(s->builder, r, e);
	if (!rc && !(rc = flush(s, e)))
		rc = sk_chunk_builder_add(s->builder, r, e);
	if (rc < 0)
		return rc;
	if (!rc)
		return sk_fail(e, SNEK_EINTERNAL, "a record that fits in no chunk");
	s->records++;
	return 0;
}

int sk_spool_copy(struct sk_spool *s, struct sk_span chunk, uint32_t rows,
    struct snek_error *e)
{
	static const char zero[8];
	int rc = flush(s, e);

	if (rc)
		return rc;
	s->buf.n = 0;
	if (!sk_buf_put(&s->buf, chunk.p, chunk.n) ||
	    !sk_buf_put(&s->buf, zero, -s->buf.n & 7) || note(s, rows))
		return sk_enomem(e);
	s->records += rows;
	return write_all(s, e);
}

int sk_spool_end(struct sk_spool *s, struct snek_error *e)
{
	int rc = flush(s, e);

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
	sk_chunk_builder_free(s->builder);
	sk_buf_free(&s->buf);
	free(s->chunk);
	free(s->tmp);
	memset(s, 0, sizeof(*s));
}
