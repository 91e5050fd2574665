/* SPDX-License-Identifier: MIT */
#include "job/pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "value/utf8.h"

#define LEAST ((uint64_t)1 << 20)       /* bytes that are worth a thread */
#define MOST_PIECE ((uint64_t)4 << 20)
#define PIECES 16u                      /* of a file that is not large */
#define BLOCK ((size_t)1 << 20)         /* of text that is read at once */
#define LOOK 4096u                      /* bytes in which a line end is sought */

struct piece {
	bool whole;
	uint64_t at, lines;             /* of it, when it is whole: its start */
	uint64_t end;
	struct sk_spool_list made;
};

/* What threads share. */
struct reading {
	const struct sk_pieces *p;
	struct sk_spool *spool;
	uint64_t size;                  /* of a piece */
	uint64_t from;                  /* without a byte order mark */
	uint64_t max;                   /* bytes of a record */
	struct piece *piece;
	uint64_t n;
	uint64_t next;                  /* with __atomic, as what follows */
	uint64_t broken;                /* the first that is not whole */
	pthread_mutex_t lock;
	struct snek_error why;          /* what ended it all */
};

/* What a thread has of its own. */
struct reader {
	struct reading *r;
	struct sk_spool_fill fill;
	sk_json_reader *json;
	struct sk_buf text;             /* lines */
	pthread_t thread;
	bool runs;
};

enum { WHOLE, BROKEN };                 /* or SNEK_E*, which ends it */

bool sk_pieces_are_many(uint64_t bytes)
{
	return bytes >= LEAST;
}

long sk_piece_read(void *piece, void *to, size_t n, struct snek_error *e)
{
	struct sk_piece *p = piece;
	ssize_t got;

	if (n > p->end - p->at)
		n = (size_t)(p->end - p->at);
	do
		got = pread(p->fd, to, n, (off_t)p->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return sk_fail_errno(e, "%s: read", p->name);
	p->at += (uint64_t)got;
	return (long)got;
}

/* ---- where pieces begin ---- */

/* Behind the first line end from at on; false: there is none before end. */
static bool line_behind(int fd, uint64_t at, uint64_t end, uint64_t *out)
{
	struct sk_piece p = { fd, "", at, end };
	char look[LOOK], *nl;
	long got;

	while ((got = sk_piece_read(&p, look, sizeof(look), NULL)) > 0) {
		nl = memchr(look, '\n', (size_t)got);
		if (nl) {
			*out = p.at - (uint64_t)got + (uint64_t)(nl + 1 - look);
			return true;
		}
	}
	return false;
}

/* Behind the last line end before end. */
static bool line_before(int fd, uint64_t from, uint64_t end, uint64_t *out)
{
	char look[LOOK], *nl;
	struct sk_piece p = { .fd = fd, .name = "" };
	size_t n;

	for (; end > from; end -= n) {
		n = end - from < LOOK ? (size_t)(end - from) : LOOK;
		p.at = end - n;
		p.end = end;
		if (sk_piece_read(&p, look, n, NULL) != (long)n)
			return false;
		nl = memrchr(look, '\n', n);
		if (nl) {
			*out = end - n + (uint64_t)(nl + 1 - look);
			return true;
		}
	}
	return false;
}

/* Piece i has the lines that begin in its bytes. */
static bool find_start(const struct reading *r, uint64_t i, uint64_t *out)
{
	uint64_t at = r->from + i * r->size;

	*out = at;
	if (!i)
		return true;
	if (i == r->n)
		return line_before(r->p->fd, at - r->size, r->p->to, out);
	return line_behind(r->p->fd, at - 1, at + r->size, out);
}

/* ---- reading one ---- */

static bool cancelled(const struct reading *r)
{
	return __atomic_load_n(r->p->cancelled, __ATOMIC_RELAXED);
}

/* Chunks of the text's lines, until less than a chunk is left or none. */
static int put_text(struct reader *d, size_t *at, size_t n, bool last,
    struct snek_error *e)
{
	const char *p = d->text.p;
	size_t used;
	int rc;

	while (*at < n && (last || n - *at >= SK_CHUNK_TARGET)) {
		rc = sk_spool_fill_lines(&d->fill,
		    (struct sk_span){ p + *at, n - *at }, &used, e);
		if (rc)
			return rc;
		*at += used;
	}
	return WHOLE;
}

static bool is_blank(const char *p, size_t n)
{
	while (n && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++, n--;
	return !n;
}

static int put_record(struct reader *d, const char *p, size_t n,
    struct snek_error *e)
{
	struct sk_record record;
	int rc;

	if (is_blank(p, n))
		return WHOLE;
	if (n > d->r->max)
		return BROKEN;
	rc = sk_json_read(d->json, p, n, &record, NULL, e);
	if (rc)
		return rc == SNEK_ENOMEM ? rc : BROKEN;
	return sk_spool_fill_add(&d->fill, &record, e);
}

/* A record each, from whole lines. */
static int put_json(struct reader *d, size_t *at, size_t n, struct piece *p,
    struct snek_error *e)
{
	const char *line = d->text.p + *at, *end = d->text.p + n, *nl;
	int rc;

	for (*at = n; line < end; line = nl + 1, p->lines++) {
		nl = memchr(line, '\n', (size_t)(end - line));
		rc = put_record(d, line, (size_t)(nl - line), e);
		if (rc)
			return rc;
	}
	return WHOLE;
}

static bool lines_are_short(const char *p, size_t n, uint64_t max)
{
	const char *end = p + n, *nl;

	for (; n > max && p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if ((uint64_t)(nl - p) > max)
			return false;
	}
	return true;
}

/* Lines that are there and were not looked at. */
static bool are_good(const struct reader *d, size_t from, size_t to)
{
	const char *p = d->text.p + from;

	return sk_utf8_check(p, to - from) == to - from &&
	    lines_are_short(p, to - from, d->r->max);
}

static int put_lines(struct reader *d, struct piece *p, size_t *at, size_t good,
    size_t n, bool last, struct snek_error *e)
{
	int rc;

	if (d->r->p->format != SNEK_TEXT)
		rc = put_json(d, at, n, p, e);
	else
		rc = are_good(d, good, n) ? put_text(d, at, n, last, e) : BROKEN;
	return rc ? rc : cancelled(d->r) ? SNEK_ECANCELED : WHOLE;
}

/* Read some more behind what is there, and how much of it is whole lines. */
static int read_more(struct reader *d, struct sk_piece *from, size_t good,
    size_t *whole, struct snek_error *e)
{
	struct sk_buf *b = &d->text;
	char *nl;
	long got;

	if (!sk_buf_reserve(b, BLOCK + SK_JSON_PADDING))
		return sk_enomem(e);
	got = sk_piece_read(from, b->p + b->n, BLOCK, NULL);
	if (got <= 0)
		return BROKEN;
	b->n += (size_t)got;
	memset(b->p + b->n, 0, SK_JSON_PADDING);
	nl = memrchr(b->p + good, '\n', b->n - good);
	*whole = nl ? (size_t)(nl + 1 - b->p) : good;
	return WHOLE;
}

static int read_lines(struct reader *d, struct piece *p, struct sk_piece *from,
    struct snek_error *e)
{
	struct sk_buf *b = &d->text;
	size_t good = 0, whole = 0, at;
	int rc;

	for (b->n = 0; from->at < from->end; b->n -= at, good = whole - at) {
		at = 0;
		rc = read_more(d, from, good, &whole, e);
		if (!rc)
			rc = put_lines(d, p, &at, good, whole,
			    from->at == from->end, e);
		if (rc)
			return rc;
		memmove(b->p, b->p + at, b->n - at);
	}
	rc = sk_spool_fill_flush(&d->fill, e);
	if (d->r->p->format == SNEK_TEXT)
		p->lines = d->fill.list.records;
	return rc;
}

/* A builder that was left in the middle of a chunk starts afresh. */
static int empty_fill(struct reader *d, struct snek_error *e)
{
	struct sk_spool *s = d->r->spool;

	sk_spool_fill_close(&d->fill);
	return sk_spool_fill_open(&d->fill, s, e);
}

static int read_piece(struct reader *d, uint64_t i, struct snek_error *e)
{
	const struct reading *r = d->r;
	struct piece *p = &r->piece[i];
	struct sk_piece from = { .fd = r->p->fd, .name = r->p->name };
	int rc;

	if (!find_start(r, i, &from.at) || !find_start(r, i + 1, &from.end) ||
	    from.end < from.at)
		return BROKEN;
	p->at = from.at;
	p->end = from.end;
	rc = read_lines(d, p, &from, e);
	if (rc == WHOLE) {
		p->made = d->fill.list;
		memset(&d->fill.list, 0, sizeof(d->fill.list));
		p->whole = true;
	}
	return rc;
}

/* ---- threads ---- */

static void stop_at(struct reading *r, uint64_t i)
{
	uint64_t old = __atomic_load_n(&r->broken, __ATOMIC_RELAXED);

	while (i < old && !__atomic_compare_exchange_n(&r->broken, &old, i,
	    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static void fail(struct reading *r, int rc, const struct snek_error *e)
{
	pthread_mutex_lock(&r->lock);
	if (!r->why.code) {
		r->why = *e;
		r->why.code = rc;
	}
	pthread_mutex_unlock(&r->lock);
	stop_at(r, 0);
}

static void *read_pieces(void *arg)
{
	struct reader *d = arg;
	struct reading *r = d->r;
	struct snek_error e = { 0 };
	uint64_t i;
	int rc = 0;

	while ((i = __atomic_fetch_add(&r->next, 1, __ATOMIC_RELAXED)) < r->n &&
	    i < __atomic_load_n(&r->broken, __ATOMIC_RELAXED)) {
		rc = read_piece(d, i, &e);
		if (rc == BROKEN) {
			stop_at(r, i);
			rc = empty_fill(d, &e);
		}
		if (rc) {
			fail(r, rc, &e);
			break;
		}
	}
	return NULL;
}

static int open_reader(struct reader *d, struct reading *r,
    struct snek_error *e)
{
	struct sk_json_options o = { .padded = true,
		.last_duplicate = r->p->o->last_duplicate,
		.plain = r->p->o->plain };

	d->r = r;
	if (r->p->format != SNEK_TEXT && sk_json_reader_new(&o, &d->json))
		return sk_enomem(e);
	return sk_spool_fill_open(&d->fill, r->spool, e);
}

/* As many threads as can be had; the caller is one of them. */
static int run_readers(struct reading *r, struct reader *d, uint32_t n,
    struct snek_error *e)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		rc = open_reader(&d[i], r, e);
		if (!rc && i)
			d[i].runs = !sk_thread_start(&d[i].thread, read_pieces,
			    &d[i]);
	}
	if (rc)
		stop_at(r, 0);
	else
		read_pieces(&d[0]);
	for (i = 0; i < n; i++) {
		if (d[i].runs)
			pthread_join(d[i].thread, NULL);
		sk_spool_fill_close(&d[i].fill);
		sk_json_reader_free(d[i].json);
		sk_buf_free(&d[i].text);
	}
	return rc;
}

/* ---- all of them ---- */

static int join_pieces(struct reading *r, struct sk_pieces_rest *rest,
    struct snek_error *e)
{
	uint64_t i;
	int rc = 0;

	*rest = (struct sk_pieces_rest){ r->from, 1 };
	for (i = 0; i < r->broken && !rc; i++) {
		rest->at = r->piece[i].end;
		rest->line += r->piece[i].lines;
		rc = sk_spool_join(r->spool, &r->piece[i].made, e);
	}
	return rc;
}

static int read_them(struct reading *r, struct sk_pieces_rest *rest,
    struct snek_error *e)
{
	uint64_t n = r->p->threads < r->n ? r->p->threads : r->n;
	struct reader *d = calloc(n ? n : 1, sizeof(*d));
	int rc;

	if (!d)
		return sk_enomem(e);
	rc = run_readers(r, d, n ? (uint32_t)n : 1, e);
	free(d);
	if (r->why.code == SNEK_ECANCELED)
		return sk_fail(e, SNEK_ECANCELED, "cancelled");
	if (!rc && r->why.code) {
		if (e)
			*e = r->why;
		rc = r->why.code;
	}
	return rc ? rc : join_pieces(r, rest, e);
}

/* A byte order mark is no part of the first line. */
static uint64_t behind_mark(const struct sk_pieces *p)
{
	char mark[3];
	struct sk_piece from = { p->fd, p->name, p->from, p->to };
	long got = sk_piece_read(&from, mark, sizeof(mark), NULL);

	return got == 3 && !memcmp(mark, "\xef\xbb\xbf", 3) ? p->from + 3
	    : p->from;
}

static uint64_t size_of(const struct sk_pieces *p)
{
	uint64_t n = p->piece ? p->piece : (p->to - p->from) / PIECES + 1;

	return n < MOST_PIECE ? n : MOST_PIECE;
}

int sk_pieces_read(const struct sk_pieces *p, struct sk_spool *s,
    struct sk_pieces_rest *rest, struct snek_error *e)
{
	struct reading r = { .p = p, .spool = s, .size = size_of(p),
		.from = behind_mark(p), .lock = PTHREAD_MUTEX_INITIALIZER,
		.max = p->o->max_record ? p->o->max_record : SK_MAX_RECORD };
	uint64_t i;
	int rc;

	r.n = r.broken = (p->to - r.from + r.size - 1) / r.size;
	r.piece = calloc(r.n + 1, sizeof(*r.piece));
	if (!r.piece)
		return sk_enomem(e);
	rc = read_them(&r, rest, e);
	for (i = 0; i < r.n; i++)
		sk_spool_list_free(&r.piece[i].made);
	free(r.piece);
	pthread_mutex_destroy(&r.lock);
	return rc;
}
