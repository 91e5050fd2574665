/* SPDX-License-Identifier: MIT */
#include "worker/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int malformed(struct snek_error *e)
{
	return sk_fail(e, SNEK_EINTERNAL, "malformed request");
}

/* Bytes beyond a file's end would end the process when they are touched. */
static bool holds(int fd, const struct sk_wire_file *f)
{
	struct stat st;

	return !fstat(fd, &st) && f->offset <= UINT64_MAX - f->bytes &&
	    (uint64_t)st.st_size >= f->offset + f->bytes;
}

static int map_file(struct sk_input_map *in, uint32_t i, int fd,
    struct snek_error *e)
{
	const struct sk_wire_file *f = &in->file[i];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t first = f->offset / page * page;
	size_t n = f->offset - first + f->bytes;
	char *p;

	if (!f->bytes)
		return 0;
	if (!holds(fd, f))
		return sk_fail(e, SNEK_ECORRUPT, "a file of the input has "
		    "become shorter");
	p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, (off_t)first);
	if (p == MAP_FAILED)
		return sk_fail_errno(e, "map a file of the input");
	in->map[i] = (struct sk_span){ p, n };
	in->from[i] = p - first;
	return 0;
}

static int map_files(struct sk_input_map *in, struct sk_get *r,
    struct sk_message *m, struct snek_error *e)
{
	uint32_t n = sk_get_count(r, 16), i;
	int rc = 0;

	if (r->bad || n != m->fds)
		return malformed(e);
	in->map = calloc(n + 1, sizeof(*in->map));
	in->from = calloc(n + 1, sizeof(*in->from));
	in->file = calloc(n + 1, sizeof(*in->file));
	in->fd = calloc(n + 1, sizeof(*in->fd));
	if (!in->map || !in->from || !in->file || !in->fd)
		return sk_enomem(e);
	in->maps = n;
	for (i = 0; i < n && !rc; i++) {
		in->file[i].offset = sk_get_u64(r);
		in->file[i].bytes = sk_get_u64(r);
		rc = map_file(in, i, m->fd[i], e);
		in->fd[i] = m->fd[i];
		m->fd[i] = -1;
	}
	return rc;
}

static int get_chunk(struct sk_input_map *in, struct sk_get *r,
    struct sk_task_chunk *c)
{
	uint32_t file = sk_get_u32(r);
	uint64_t offset = sk_get_u64(r), bytes = sk_get_u64(r);
	const struct sk_wire_file *f;
	const char *origin;

	c->base.version = sk_get_u64(r);
	c->base.record = sk_get_u64(r);
	origin = sk_get_text(r);
	if (r->bad || !origin || file >= in->maps)
		return SNEK_EFORMAT;
	f = &in->file[file];
	if (offset < f->offset || offset - f->offset > f->bytes ||
	    bytes > f->bytes - (offset - f->offset))
		return SNEK_EFORMAT;
	c->bytes = (struct sk_span){ in->from[file] + offset, bytes };
	c->fd = in->fd[file];
	c->at = offset;
	snprintf(c->origin, sizeof(c->origin), "%s", origin);
	return 0;
}

static int get_chunks(struct sk_input_map *in, struct sk_get *r,
    struct snek_error *e)
{
	uint32_t n = sk_get_count(r, 40), i;

	in->chunk = calloc(n + 1, sizeof(*in->chunk));
	if (!in->chunk)
		return sk_enomem(e);
	in->chunks = n;
	for (i = 0; i < n; i++)
		if (get_chunk(in, r, &in->chunk[i]))
			return malformed(e);
	return 0;
}

static int get_skips(struct sk_input_map *in, struct sk_get *r,
    struct snek_error *e)
{
	uint32_t n = sk_get_count(r, 8), i;

	in->skip = calloc(n + 1, sizeof(*in->skip));
	if (!in->skip)
		return sk_enomem(e);
	in->skips = n;
	for (i = 0; i < n; i++) {
		in->skip[i].chunk = sk_get_u32(r);
		in->skip[i].row = sk_get_u32(r);
	}
	return sk_get_end(r) ? 0 : malformed(e);
}

int sk_input_map_open(struct sk_input_map *in, struct sk_get *r,
    struct sk_message *m, struct snek_error *e)
{
	int rc = map_files(in, r, m, e);

	if (!rc)
		rc = get_chunks(in, r, e);
	return rc ? rc : get_skips(in, r, e);
}

void sk_input_map_close(struct sk_input_map *in)
{
	uint32_t i;

	for (i = 0; i < in->maps; i++) {
		if (in->map[i].p)
			munmap((void *)in->map[i].p, in->map[i].n);
		if (in->fd[i] > 0)
			close(in->fd[i]);
	}
	free(in->fd);
	free(in->map);
	free(in->from);
	free(in->file);
	free(in->chunk);
	free(in->skip);
	memset(in, 0, sizeof(*in));
}
