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
#include <sys/mman.h>
#include <unistd.h>

#define FIRST ((size_t)2 << 10)         /* most heads, and small chunks */

/* ---- the room ---- */

static void *map_room(int fd, int access)
{
	void *p = mmap(NULL, SK_CHUNK_MAX, access, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Two views of the same pages: to forbid writing after each read would cost as
 * much as the reading. */
int sk_chunk_room_open(struct sk_chunk_room *room, struct snek_error *e)
{
	int fd = memfd_create("snek-chunk", MFD_CLOEXEC);

	if (fd < 0)
		return sk_fail_errno(e, "memory for chunks");
	if (!ftruncate(fd, SK_CHUNK_MAX)) {
		room->to = map_room(fd, PROT_READ | PROT_WRITE);
		room->seen = map_room(fd, PROT_READ);
	}
	close(fd);
	if (room->to && room->seen)
		return 0;
	sk_chunk_room_close(room);
	return sk_enomem(e);
}

void sk_chunk_room_close(struct sk_chunk_room *room)
{
	if (room->to)
		munmap(room->to, SK_CHUNK_MAX);
	if (room->seen)
		munmap((void *)(uintptr_t)room->seen, SK_CHUNK_MAX);
	*room = (struct sk_chunk_room){ 0 };
}

/* ---- what is in it ---- */

static int load(struct sk_chunk *c, size_t from, size_t n, struct snek_error *e)
{
	char *to = c->room->to + from;
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
	const struct sk_chunk_head *h = (const void *)c->room->seen;
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

int sk_chunk_reopen_file(struct sk_chunk **out, const struct sk_chunk_room *room,
    int fd, uint64_t at, size_t n, struct snek_error *e)
{
	struct sk_chunk *c;
	int rc;

	if (!*out)
		*out = calloc(1, sizeof(**out));
	c = *out;
	if (!c)
		return sk_enomem(e);
	c->room = room;
	c->fd = fd;
	c->at = at;
	rc = load_head(c, n, e);
	return rc ? rc : sk_chunk_open_whole(c, room->seen, n, e);
}
