/* SPDX-License-Identifier: MIT */
#include "value/gzip.h"

#include <stdlib.h>
#include <zlib.h>

#define ROOM 65536

enum state {
	MEMBER,         /* within one */
	AFTER,          /* one has ended */
	ZEROES,         /* only padding may follow */
};

struct sk_gzip {
	sk_read_fn *read;
	void *arg;
	const char *name;
	uint64_t max, out;      /* bytes that may come, and that came */
	z_stream z;
	enum state state;
	bool eof;
	uint8_t in[ROOM];
};

bool sk_gzip_is_built_in(void)
{
	return true;
}

int sk_gzip_open(sk_read_fn *read, void *arg, const char *name, uint64_t max,
    struct sk_gzip **out, struct snek_error *e)
{
	struct sk_gzip *g = calloc(1, sizeof(*g));

	if (!g)
		return sk_enomem(e);
	g->read = read;
	g->arg = arg;
	g->name = name;
	g->max = max;
	if (inflateInit2(&g->z, 15 + 16) != Z_OK) {
		free(g);
		return sk_enomem(e);
	}
	*out = g;
	return 0;
}

void sk_gzip_close(struct sk_gzip *g)
{
	if (!g)
		return;
	inflateEnd(&g->z);
	free(g);
}

/* 1: there is input.  0: its end. */
static int feed(struct sk_gzip *g, struct snek_error *e)
{
	long got;

	if (g->z.avail_in || g->eof)
		return g->z.avail_in > 0;
	got = g->read(g->arg, g->in, sizeof(g->in), e);
	if (got < 0)
		return (int)got;
	g->eof = got == 0;
	g->z.next_in = g->in;
	g->z.avail_in = (unsigned)got;
	return got > 0;
}

/* At a byte behind a member: the next one begins, or padding. */
static int after(struct sk_gzip *g, struct snek_error *e)
{
	uint8_t c = *g->z.next_in;

	if (c == 0) {
		g->state = ZEROES;
		g->z.next_in++;
		g->z.avail_in--;
		return 0;
	}
	if (g->state == ZEROES || c != 0x1f)
		return sk_fail(e, SNEK_EFORMAT,
		    "%s: bytes that are no gzip after the gzip data", g->name);
	g->state = MEMBER;
	return inflateReset(&g->z) == Z_OK ? 0 : sk_enomem(e);
}

static int inflate_some(struct sk_gzip *g, struct snek_error *e)
{
	switch (inflate(&g->z, Z_NO_FLUSH)) {
	case Z_OK:
	case Z_BUF_ERROR:
		return 0;
	case Z_STREAM_END:
		g->state = AFTER;
		return 0;
	case Z_MEM_ERROR:
		return sk_enomem(e);
	default:
		return sk_fail(e, SNEK_EFORMAT, "%s: damaged gzip data: %s",
		    g->name, g->z.msg ? g->z.msg : "no reason given");
	}
}

static long count(struct sk_gzip *g, unsigned n, struct snek_error *e)
{
	g->out += n;
	return g->max && g->out > g->max ? sk_fail(e, SNEK_ELIMIT, "%s: it "
	    "unpacks to more than %llu bytes", g->name,
	    (unsigned long long)g->max) : (long)n;
}

long sk_gzip_read(void *arg, void *p, size_t n, struct snek_error *e)
{
	struct sk_gzip *g = arg;
	unsigned room = n < 1u << 30 ? (unsigned)n : 1u << 30;
	int rc;

	g->z.next_out = p;
	g->z.avail_out = room;
	while (g->z.avail_out == room) {
		rc = feed(g, e);
		if (rc < 0)
			return rc;
		if (rc == 0 && g->state == MEMBER)
			return sk_fail(e, SNEK_EFORMAT,
			    "%s: the gzip data is cut off", g->name);
		if (rc == 0)
			break;
		rc = g->state == MEMBER ? inflate_some(g, e) : after(g, e);
		if (rc < 0)
			return rc;
	}
	return count(g, room - g->z.avail_out, e);
}
