/* SPDX-License-Identifier: MIT */
/*
 * A chunk in a file, of which no more is read than is touched: its head, and
 * blocks as they are asked for, each to its place in memory that is used for
 * one chunk after another.
 *
 * Where the file is in the system's cache, a copy into memory that the
 * processor has at hand costs less than half of having pages mapped, which come
 * sixteen at a time, and unmapped again.
 */
#include "value/chunk_view.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST ((size_t)2 << 10)         /* most heads, and small chunks */

static int load(struct sk_chunk *c, size_t from, size_t n, struct snek_error *e)
{
	char *to = c->room.p + from;
	ssize_t got;

	for (; n; to += got, from += (size_t)got, n -= (size_t)got) {
		got = pread(c->fd, to, n, (off_t)(c->at + from));
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got < 0)
			return sk_fail_errno(e, "read a chunk");
		else if (!got)
			return sk_chunk_corrupt(e, "its file has become shorter");
	}
	return 0;
}

int sk_chunk_load(const struct sk_chunk *c, const struct sk_chunk_block *b,
    struct snek_error *e)
{
	if (!c->fd || b->offset + (uint64_t)b->bytes <= c->loaded)
		return 0;
	return load((struct sk_chunk *)c, b->offset, b->bytes, e);
}

static int load_head(struct sk_chunk *c, size_t n, struct snek_error *e)
{
	const struct sk_chunk_head *h = (const void *)c->room.p;
	size_t bytes;
	int rc;

	c->loaded = n < FIRST ? n : FIRST;
	rc = load(c, 0, c->loaded, e);
	if (rc || n < sizeof(*h))
		return rc;
	bytes = h->head_bytes;
	if (bytes <= c->loaded || bytes > n)
		return 0;
	rc = load(c, c->loaded, bytes - c->loaded, e);
	c->loaded = bytes;
	return rc;
}

static int reopen(struct sk_chunk *c, int fd, uint64_t at, size_t n,
    struct snek_error *e)
{
	int rc;

	c->room.n = 0;
	if (!sk_buf_reserve(&c->room, n ? n : 1))
		return sk_enomem(e);
	c->fd = fd;
	c->at = at;
	rc = load_head(c, n, e);
	return rc ? rc : sk_chunk_open_whole(c, c->room.p, n, e);
}

int sk_chunk_reopen_file(struct sk_chunk **out, int fd, uint64_t at, size_t n,
    struct snek_error *e)
{
	if (!*out)
		*out = calloc(1, sizeof(**out));
	return *out ? reopen(*out, fd, at, n, e) : sk_enomem(e);
}
