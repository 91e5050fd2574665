/* SPDX-License-Identifier: MIT */
#include "exec/parcel.h"

#include <sys/stat.h>

#include "base/hash.h"

#define MAX_FILES 65536u

/* ---- putting ---- */

static int put_file(struct sk_put *w, int fd, struct snek_error *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return sk_fail_errno(e, "a file of a message");
	if (st.st_size < 0)
		return sk_fail(e, SNEK_EIO, "a file of a message has no size");
	sk_put_u64(w, (uint64_t)st.st_size);
	if (w->nomem || !sk_buf_reserve(&w->buf, (size_t)st.st_size))
		return sk_enomem(e);
	if (!sk_channel_slurp(fd, (uint64_t)st.st_size, &w->buf))
		return sk_fail(e, SNEK_EIO, "a file of a message cannot be read");
	return 0;
}

static int put_all(struct sk_put *w, const struct sk_message *m,
    struct sk_span more, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	sk_put_u32(w, SK_PARCEL_VERSION);
	sk_put_u32(w, m->kind);
	sk_put_u64(w, m->id);
	sk_put_bytes(w, m->body.p, m->body.n);
	sk_put_u32(w, (uint32_t)m->fds + (more.n > 0));
	for (i = 0; i < m->fds && !rc; i++)
		rc = put_file(w, m->fd[i], e);
	if (!rc && more.n) {
		sk_put_u64(w, more.n);
		sk_put_raw(w, more.p, more.n);
	}
	return rc;
}

int sk_parcel_put(struct sk_buf *b, const struct sk_message *m,
    struct snek_error *e)
{
	return sk_parcel_put_with(b, m, (struct sk_span){ NULL, 0 }, e);
}

int sk_parcel_put_with(struct sk_buf *b, const struct sk_message *m,
    struct sk_span more, struct snek_error *e)
{
	struct sk_put w = { *b, false };
	size_t start = b->n;
	int rc = m->fds > MAX_FILES ? sk_fail(e, SNEK_ELIMIT, "a message of %zu "
	    "files", m->fds) : put_all(&w, m, more, e);

	if (!rc)
		sk_put_u32(&w, sk_crc32c(0, w.buf.p + start, w.buf.n - start));
	*b = w.buf;
	if (!rc && w.nomem)
		rc = sk_enomem(e);
	if (rc)
		b->n = start;
	return rc;
}

/* ---- getting ---- */

static int malformed(struct snek_error *e)
{
	return sk_fail(e, SNEK_EFORMAT, "a parcel that is cut or damaged");
}

static int get_file(struct sk_get *r, struct sk_message *m,
    struct snek_error *e)
{
	struct sk_span s = sk_get_bytes(r);
	int fd;

	if (r->bad)
		return malformed(e);
	fd = sk_channel_sealed("snek-parcel", s.p, s.n);
	return fd >= 0 && sk_message_take(m, fd) ? 0 : sk_enomem(e);
}

static int get_all(struct sk_get *r, struct sk_message *m, struct snek_error *e)
{
	struct sk_span body;
	uint32_t files;
	int rc = 0;

	m->kind = sk_get_u32(r);
	m->id = sk_get_u64(r);
	body = sk_get_bytes(r);
	files = sk_get_count(r, 8);
	if (r->bad || files > MAX_FILES)
		return malformed(e);
	if (!sk_buf_put(&m->body, body.p, body.n))
		return sk_enomem(e);
	while (files-- && !rc)
		rc = get_file(r, m, e);
	return rc ? rc : sk_get_end(r) ? 0 : malformed(e);
}

/* The version is read before anything that depends on it, the check included. */
static int check(struct sk_span s, struct sk_get *r, struct snek_error *e)
{
	uint32_t version, crc;

	*r = (struct sk_get){ s.p, s.n, false };
	version = sk_get_u32(r);
	if (r->bad)
		return malformed(e);
	if (version != SK_PARCEL_VERSION)
		return sk_fail(e, SNEK_EVERSION, "a parcel of version %u, where "
		    "%u is spoken", version, SK_PARCEL_VERSION);
	if (r->n < sizeof(crc))
		return malformed(e);
	r->n -= sizeof(crc);
	memcpy(&crc, r->p + r->n, sizeof(crc));
	return crc == sk_crc32c(0, s.p, s.n - sizeof(crc)) ? 0 : malformed(e);
}

int sk_parcel_get(struct sk_span s, struct sk_message *out,
    struct snek_error *e)
{
	struct sk_message m = { .parcel = true };
	struct sk_get r;
	int rc = check(s, &r, e);

	if (!rc)
		rc = get_all(&r, &m, e);
	if (rc)
		sk_message_free(&m);
	else
		*out = m;
	return rc;
}
