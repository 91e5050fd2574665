/* SPDX-License-Identifier: MIT */
#include "worker/side.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int malformed(struct snek_error *e)
{
	return sk_fail(e, SNEK_EINTERNAL, "malformed request");
}

/* Bytes beyond a file's end would end the process when they are touched. */
static int map_file(struct sk_span *map, int fd, uint64_t bytes,
    struct snek_error *e)
{
	struct stat st;
	void *p;

	if (!bytes)
		return 0;
	if (fstat(fd, &st) || (uint64_t)st.st_size < bytes)
		return sk_fail(e, SNEK_ECORRUPT, "a side input has become "
		    "shorter");
	p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return sk_fail_errno(e, "map a side input");
	*map = (struct sk_span){ p, bytes };
	return 0;
}

static bool get_chunk(struct sk_get *r, struct sk_span map, const char *name,
    uint32_t number, struct sk_task_chunk *c)
{
	uint64_t offset = sk_get_u64(r), bytes = sk_get_u64(r);

	c->base.version = sk_get_u64(r);
	c->base.record = sk_get_u64(r);
	snprintf(c->origin, sizeof(c->origin), "side input %.40s, chunk %u",
	    name, number);
	if (r->bad || offset > map.n || bytes > map.n - offset)
		return false;
	c->bytes = (struct sk_span){ (const char *)map.p + offset, bytes };
	return true;
}

static int get_side(struct sk_sides *s, struct sk_get *r, int fd,
    struct snek_error *e)
{
	struct sk_side_input *in = &s->input[s->n];
	struct sk_span *map = &s->map[s->n++];
	const char *name = sk_get_text(r);
	uint64_t bytes = sk_get_u64(r);
	uint32_t n = sk_get_count(r, SK_WIRE_SIDE_CHUNK), i;
	struct sk_task_chunk *c;
	int rc;

	if (r->bad || !name)
		return malformed(e);
	rc = map_file(map, fd, bytes, e);
	if (rc)
		return rc;
	in->name = name;
	in->chunk = c = calloc((size_t)n + 1, sizeof(*c));
	if (!c)
		return sk_enomem(e);
	in->chunks = n;
	for (i = 0; i < n; i++)
		if (!get_chunk(r, *map, name, i, &c[i]))
			return malformed(e);
	return 0;
}

int sk_sides_open(struct sk_sides *s, struct sk_span said,
    const struct sk_message *m, struct snek_error *e)
{
	struct sk_get r = { said.p, said.n, false };
	uint32_t n = sk_get_count(&r, 16), i;
	int rc = 0;

	if (r.bad || n > m->fds)
		return malformed(e);
	s->input = calloc((size_t)n + 1, sizeof(*s->input));
	s->map = calloc((size_t)n + 1, sizeof(*s->map));
	if (!s->input || !s->map)
		rc = sk_enomem(e);
	for (i = 0; i < n && !rc; i++)
		rc = get_side(s, &r, m->fd[m->fds - n + i], e);
	if (!rc && !sk_get_end(&r))
		rc = malformed(e);
	if (rc)
		sk_sides_close(s);
	return rc;
}

void sk_sides_close(struct sk_sides *s)
{
	while (s->n) {
		s->n--;
		free((void *)s->input[s->n].chunk);
		if (s->map[s->n].p)
			munmap((void *)s->map[s->n].p, s->map[s->n].n);
	}
	free(s->input);
	free(s->map);
	memset(s, 0, sizeof(*s));
}
