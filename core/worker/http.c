/* SPDX-License-Identifier: MIT */
#include "worker/http.h"

#include <strings.h>

#define READ 16384u             /* at least, at a time */
#define KEPT (1u << 20)         /* memory that stays between answers */
#define SIZE_LINE 1024u         /* a chunk's size with its extensions */

void sk_http_free(struct sk_http *h)
{
	sk_buf_free(&h->in);
}

void sk_http_begin(struct sk_http *h)
{
	if (h->in.cap > KEPT)
		sk_buf_free(&h->in);
	h->in.n = 0;
	h->at = SK_HTTP_IN_HEAD;
	h->taken = h->head = h->body = 0;
	h->left = 0;
	h->status = 0;
	h->close = false;
}

int sk_http_room(struct sk_http *h, size_t *n)
{
	uint64_t left = h->taken + h->left > h->in.n
	    ? h->taken + h->left - h->in.n : 0;

	*n = h->at == SK_HTTP_IN_BODY ? (size_t)left : READ;
	if (h->at == SK_HTTP_IN_CHUNK && left > READ)
		*n = (size_t)left;
	return sk_buf_reserve(&h->in, *n) ? 0 : SNEK_ENOMEM;
}

struct sk_span sk_http_body(const struct sk_http *h)
{
	return (struct sk_span){ h->in.p + h->head, h->body - h->head };
}

/* ---- the head ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct sk_span trim(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	return (struct sk_span){ p, (size_t)(end - p) };
}

struct sk_span sk_http_header(const struct sk_http *h, const char *name)
{
	const char *p = h->in.p, *end = p + h->head, *line;
	size_t n = strlen(name);

	while (p < end && (line = memchr(p, '\n', (size_t)(end - p)))) {
		p = line + 1;           /* the first line is none */
		if ((size_t)(end - p) <= n || p[n] != ':' ||
		    strncasecmp(p, name, n))
			continue;
		line = memchr(p, '\n', (size_t)(end - p));
		if (!line)
			break;
		if (line[-1] == '\r')
			line--;
		return trim(p + n + 1, line);
	}
	return (struct sk_span){ NULL, 0 };
}

static bool equals(struct sk_span s, const char *word)
{
	return s.p && s.n == strlen(word) && !strncasecmp(s.p, word, s.n);
}

static bool number_in(struct sk_span s, uint64_t *out)
{
	const char *p = s.p;
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s.n; i++)
		if (p[i] < '0' || p[i] > '9' ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(p[i] - '0'), &v))
			return false;
	*out = v;
	return s.n > 0;
}

static int malformed(struct snek_error *e, const char *what)
{
	return sk_fail(e, SNEK_EFORMAT, "an HTTP answer with %s", what);
}

static int over(const struct sk_http *h, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "an HTTP answer of over %zu bytes",
	    h->max);
}

/* "HTTP/1.1 200 ..." */
static int read_status(struct sk_http *h, struct snek_error *e)
{
	struct sk_span digits = { h->in.p + 9, 3 };
	uint64_t status;

	if (h->head < 13 || strncmp(h->in.p, "HTTP/1.", 7) ||
	    h->in.p[8] != ' ' || !number_in(digits, &status) ||
	    status < 100 || (h->in.p[12] != ' ' && h->in.p[12] != '\r' &&
	    h->in.p[12] != '\n'))
		return malformed(e, "no status");
	h->status = (unsigned)status;
	h->close = h->in.p[7] == '0';
	return 0;
}

static int read_length(struct sk_http *h, struct snek_error *e)
{
	struct sk_span s = sk_http_header(h, "content-length");

	if (!s.p) {
		h->at = SK_HTTP_TO_CLOSE;
		h->close = true;
		return 0;
	}
	if (!number_in(s, &h->left))
		return malformed(e, "a strange Content-Length");
	if (h->left > h->max)
		return over(h, e);
	h->at = SK_HTTP_IN_BODY;
	return 0;
}

/* What comes behind the head. */
static int read_head(struct sk_http *h, struct snek_error *e)
{
	struct sk_span coding;
	int rc = read_status(h, e);

	if (rc)
		return rc;
	h->body = h->taken = h->head;
	if (equals(sk_http_header(h, "connection"), "close"))
		h->close = true;
	if (h->status < 200 || h->status == 204 || h->status == 304) {
		h->at = SK_HTTP_WHOLE;
		return 0;
	}
	coding = sk_http_header(h, "transfer-encoding");
	if (!coding.p)
		return read_length(h, e);
	if (!equals(coding, "chunked"))
		return malformed(e, "a strange Transfer-Encoding");
	h->at = SK_HTTP_IN_SIZE;
	return 0;
}

/* An interim answer, 100 and the like, is passed over. */
static void skip_interim(struct sk_http *h)
{
	size_t n = h->head;

	memmove(h->in.p, h->in.p + n, h->in.n - n);
	h->in.n -= n;
	h->at = SK_HTTP_IN_HEAD;
	h->taken = h->head = h->body = 0;
}

/* Its end is an empty line; lines end in LF, with a CR before or without. */
static size_t find_end(const struct sk_http *h)
{
	const char *p = h->in.p + (h->taken > 3 ? h->taken - 3 : 0);
	const char *end = h->in.p + h->in.n;

	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		p++;
		if (p < end && *p == '\n')
			return (size_t)(p + 1 - h->in.p);
		if (end - p > 1 && p[0] == '\r' && p[1] == '\n')
			return (size_t)(p + 2 - h->in.p);
	}
	return 0;
}

static int take_head(struct sk_http *h, struct snek_error *e)
{
	int rc;

	h->head = find_end(h);
	if ((h->head ? h->head : h->in.n) > SK_HTTP_HEAD)
		return sk_fail(e, SNEK_EFORMAT, "an HTTP answer with a head of "
		    "over %u bytes", SK_HTTP_HEAD);
	if (!h->head) {
		h->taken = h->in.n;
		return 0;
	}
	rc = read_head(h, e);
	if (!rc && h->status < 200 && h->status != 101)
		skip_interim(h);
	return rc ? rc : 1;
}

/* ---- bodies ---- */

static int take_body(struct sk_http *h)
{
	if (h->in.n - h->taken < h->left)
		return 0;
	h->body = h->taken = h->taken + (size_t)h->left;
	h->left = 0;
	h->at = SK_HTTP_WHOLE;
	return 1;
}

static int take_to_close(struct sk_http *h, struct snek_error *e)
{
	h->body = h->taken = h->in.n;
	return h->body - h->head > h->max ? over(h, e) : 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A line of its own, of which only the number counts. */
static int take_size(struct sk_http *h, struct snek_error *e)
{
	const char *p = h->in.p + h->taken, *end = h->in.p + h->in.n, *line;
	const char *first = p;

	line = memchr(p, '\n', (size_t)(end - p));
	if (!line)
		return end - p > (ptrdiff_t)SIZE_LINE ? malformed(e, "a strange "
		    "chunk") : 0;
	for (h->left = 0; hex(*p) >= 0; p++) {
		if (h->left > h->max)
			return over(h, e);
		h->left = h->left << 4 | (unsigned)hex(*p);
	}
	if (p == first || (*p != ';' && *p != '\r' && *p != '\n' &&
	    !is_blank(*p)))
		return malformed(e, "a strange chunk");
	if (h->left > h->max - (h->body - h->head))
		return over(h, e);
	h->taken = (size_t)(line + 1 - h->in.p);
	h->at = h->left ? SK_HTTP_IN_CHUNK : SK_HTTP_IN_TRAILER;
	return 1;
}

/* What is left of line ends and sizes is not kept for long. */
static void close_gap(struct sk_http *h)
{
	size_t gap = h->taken - h->body;

	if (gap < READ)
		return;
	memmove(h->in.p + h->body, h->in.p + h->taken, h->in.n - h->taken);
	h->in.n -= gap;
	h->taken = h->body;
}

/* Data, and the line end behind them. */
static int take_chunk(struct sk_http *h, struct snek_error *e)
{
	size_t n = (size_t)h->left;
	const char *p = h->in.p + h->taken + n;
	size_t rest = h->in.n - h->taken;

	if (rest < n + 1 || (p[0] == '\r' && rest < n + 2))
		return 0;
	if (p[0] != '\n' && (p[0] != '\r' || p[1] != '\n'))
		return malformed(e, "a chunk without an end");
	memmove(h->in.p + h->body, h->in.p + h->taken, n);
	h->body += n;
	h->taken += n + 1 + (p[0] == '\r');
	h->left = 0;
	h->at = SK_HTTP_IN_SIZE;
	close_gap(h);
	return 1;
}

static int take_trailer(struct sk_http *h, struct snek_error *e)
{
	const char *p = h->in.p + h->taken;
	const char *line = memchr(p, '\n', h->in.n - h->taken);
	size_t n = line ? (size_t)(line - p) : 0;

	if (!line)
		return h->in.n - h->taken > SK_HTTP_HEAD ? malformed(e,
		    "a trailer without an end") : 0;
	h->taken += n + 1;
	if (n == 0 || (n == 1 && *p == '\r'))
		h->at = SK_HTTP_WHOLE;
	return 1;
}

static int step(struct sk_http *h, struct snek_error *e)
{
	switch (h->at) {
	case SK_HTTP_IN_HEAD:    return take_head(h, e);
	case SK_HTTP_IN_BODY:    return take_body(h);
	case SK_HTTP_TO_CLOSE:   return take_to_close(h, e);
	case SK_HTTP_IN_SIZE:    return take_size(h, e);
	case SK_HTTP_IN_CHUNK:   return take_chunk(h, e);
	case SK_HTTP_IN_TRAILER: return take_trailer(h, e);
	default:                 return 0;
	}
}

int sk_http_take(struct sk_http *h, struct snek_error *e)
{
	int rc;

	do
		rc = step(h, e);
	while (rc == 1 && h->at != SK_HTTP_WHOLE);
	if (rc < 0 || h->at != SK_HTTP_WHOLE)
		return rc < 0 ? rc : 0;
	if (h->taken < h->in.n)         /* nobody asked for that */
		h->close = true;
	return 1;
}

int sk_http_end(struct sk_http *h)
{
	if (h->at != SK_HTTP_TO_CLOSE)
		return SNEK_EIO;
	h->at = SK_HTTP_WHOLE;
	return 1;
}
