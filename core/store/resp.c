/* SPDX-License-Identifier: MIT */
/*
 * hiredis parses; but it believes what it reads: it asks for memory by an
 * array's header and collects a string of any length.  (Its 0.14 has no bounds
 * to set.)  So every byte passes the scanner below before hiredis sees it: the
 * scanner follows the framing alone, refuses a header that claims more than
 * its bounds, and finds where a reply ends, so that hiredis is never given a
 * byte beyond the present one.
 */
#include "store/resp.h"
#include "base/arena.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#define KEEP (1u << 20)         /* memory that is kept for the next reply */
#define DIGITS 20

struct scan {
	char kind;              /* of the line that is being read; 0: between */
	bool cr;                /* the line's last byte was \r */
	char digits[DIGITS + 1];
	size_t digit;           /* how many */
	size_t skip;            /* bytes of a string and its end still to come */
	size_t bytes, items;    /* of the reply so far */
	size_t left[SK_RESP_DEPTH];     /* elements that arrays lack */
	size_t depth;
	bool whole;
};

struct sk_resp {
	struct scan scan;
	redisReader *reader;
	struct sk_arena arena;
	bool delivered;         /* the arena holds the last reply */
};

/* ---- the scanner ---- */

static int malformed(struct snek_error *e, const char *what)
{
	return sk_fail(e, SNEK_EFORMAT, "the answer is not of the Redis protocol "
	    "(%s)", what);
}

static int over(struct snek_error *e, const char *what, uint64_t n, size_t max)
{
	return sk_fail(e, SNEK_ELIMIT, "the reply has %llu %s or more; %zu are "
	    "allowed", (unsigned long long)n, what, max);
}

/* An element has ended; so may arrays that it was the last of. */
static void end_element(struct scan *s)
{
	s->kind = 0;
	while (s->depth && !--s->left[s->depth - 1])
		s->depth--;
	s->whole = !s->depth;
}

static int number(const struct scan *s, int64_t *out, struct snek_error *e)
{
	bool minus = s->digit && s->digits[0] == '-';
	const char *d = s->digits + minus;
	size_t n = s->digit - minus, i;
	uint64_t v = 0;

	if (!n || n > 19 || (n > 1 && *d == '0') || (minus && *d == '0'))
		return malformed(e, "a number");
	for (i = 0; i < n; i++) {
		if (d[i] < '0' || d[i] > '9')
			return malformed(e, "a number");
		v = v * 10 + (uint64_t)(d[i] - '0');
	}
	if (v > (uint64_t)INT64_MAX + minus)
		return malformed(e, "a number");
	*out = minus ? (int64_t)-v : (int64_t)v;
	return 0;
}

static int begin_string(struct scan *s, const struct sk_resp_bounds *max,
    int64_t n, struct snek_error *e)
{
	if (n > (int64_t)(max->bytes - s->bytes))
		return over(e, "bytes", s->bytes + (uint64_t)n, max->bytes);
	s->bytes += (size_t)n;
	s->skip = (size_t)n + 2;
	return 0;
}

static int begin_array(struct scan *s, const struct sk_resp_bounds *max,
    int64_t n, struct snek_error *e)
{
	if (n > (int64_t)(max->items - s->items))
		return over(e, "elements", s->items + (uint64_t)n, max->items);
	s->items += (size_t)n;
	if (!n) {
		end_element(s);
		return 0;
	}
	if (s->depth == SK_RESP_DEPTH)
		return sk_fail(e, SNEK_ELIMIT, "the reply is nested deeper than "
		    "%d levels", SK_RESP_DEPTH);
	s->left[s->depth++] = (size_t)n;
	s->kind = 0;
	return 0;
}

static int end_line(struct scan *s, const struct sk_resp_bounds *max,
    struct snek_error *e)
{
	int64_t n = 0;
	int rc = 0;

	if (s->kind != '+' && s->kind != '-')
		rc = number(s, &n, e);
	if (rc)
		return rc;
	if (s->kind != '$' && s->kind != '*') {
		end_element(s);
		return 0;
	}
	if (n == -1) {
		end_element(s);
		return 0;
	}
	if (n < 0)
		return malformed(e, "a length");
	return s->kind == '$' ? begin_string(s, max, n, e) :
	    begin_array(s, max, n, e);
}

/* A status or error: bytes up to \r\n.  Returns how many it took. */
static int text_line(struct scan *s, const struct sk_resp_bounds *max,
    const char *p, size_t n, size_t *used, struct snek_error *e)
{
	const char *cr = s->cr ? p : memchr(p, '\r', n);
	size_t text = cr ? (size_t)(cr - p) : n;

	if (memchr(p, '\n', text))
		return malformed(e, "a line");
	if (text > max->bytes - s->bytes)
		return over(e, "bytes", s->bytes + text, max->bytes);
	s->bytes += text;
	*used = text;
	if (s->cr) {
		if (*p != '\n')
			return malformed(e, "a line");
		*used = 1;
		return end_line(s, max, e);
	}
	if (cr) {
		s->cr = true;
		++*used;
	}
	return 0;
}

static int number_byte(struct scan *s, const struct sk_resp_bounds *max, char c,
    struct snek_error *e)
{
	if (s->cr)
		return c == '\n' ? end_line(s, max, e) : malformed(e, "a line");
	s->cr = c == '\r';
	if (s->cr)
		return 0;
	if (s->digit == DIGITS)
		return malformed(e, "a number");
	s->digits[s->digit++] = c;
	return 0;
}

static int begin_line(struct scan *s, char c, struct snek_error *e)
{
	if (!c || !strchr("+-:$*", c))
		return malformed(e, "its first byte");
	s->kind = c;
	s->cr = false;
	s->digit = 0;
	return 0;
}

/* The end of a string is checked too: hiredis takes any two bytes. */
static int pass_string(struct scan *s, const char *p, size_t n, size_t *used,
    struct snek_error *e)
{
	size_t take = n < s->skip ? n : s->skip;
	size_t i = s->skip > 2 ? s->skip - 2 : 0;

	for (; i < take; i++)
		if (p[i] != (s->skip - i == 2 ? '\r' : '\n'))
			return malformed(e, "the end of a string");
	s->skip -= take;
	*used = take;
	if (!s->skip)
		end_element(s);
	return 0;
}

/* Follow the framing up to the end of the reply or of the bytes. */
static int scan(struct scan *s, const struct sk_resp_bounds *max, const char *p,
    size_t n, size_t *used, struct snek_error *e)
{
	size_t at = 0, took;
	int rc = 0;

	while (!rc && at < n && !s->whole) {
		took = 1;
		if (s->skip)
			rc = pass_string(s, p + at, n - at, &took, e);
		else if (!s->kind)
			rc = begin_line(s, p[at], e);
		else if (s->kind == '+' || s->kind == '-')
			rc = text_line(s, max, p + at, n - at, &took, e);
		else
			rc = number_byte(s, max, p[at], e);
		at += took;
	}
	*used = at;
	return rc;
}

/* ---- hiredis' objects are ours ---- */

static struct sk_reply *place(const redisReadTask *t, enum sk_reply_type type)
{
	struct sk_resp *r = t->privdata;
	struct sk_reply *parent = t->parent ? t->parent->obj : NULL;
	struct sk_reply *it = parent ? (struct sk_reply *)parent->item + t->idx :
	    sk_arena_alloc(&r->arena, sizeof(*it));

	if (it) {
		memset(it, 0, sizeof(*it));
		it->type = type;
	}
	return it;
}

static void *make_text(const redisReadTask *t, char *s, size_t n)
{
	struct sk_resp *r = t->privdata;
	struct sk_reply *it = place(t, t->type == REDIS_REPLY_STRING ?
	    SK_REPLY_STRING : t->type == REDIS_REPLY_ERROR ? SK_REPLY_ERROR :
	    SK_REPLY_STATUS);
	char *copy = it ? sk_arena_copy(&r->arena, s, n) : NULL;

	if (!copy)
		return NULL;
	it->text = (struct sk_span){ copy, n };
	return it;
}

/* Counted so since its 1.0. */
#if HIREDIS_MAJOR >= 1
typedef size_t item_count;
#else
typedef int item_count;
#endif

static void *make_array(const redisReadTask *t, item_count n)
{
	struct sk_resp *r = t->privdata;
	struct sk_reply *it = place(t, SK_REPLY_ARRAY);

	if (!it)
		return NULL;
	it->items = (size_t)n;
	it->item = sk_arena_alloc(&r->arena, (size_t)n * sizeof(*it));
	return it->item ? it : NULL;
}

static void *make_integer(const redisReadTask *t, long long v)
{
	struct sk_reply *it = place(t, SK_REPLY_INTEGER);

	if (it)
		it->integer = v;
	return it;
}

static void *make_nil(const redisReadTask *t)
{
	return place(t, SK_REPLY_NIL);
}

static void free_nothing(void *object)
{
	(void)object;           /* the arena's */
}

static redisReplyObjectFunctions functions = {
	.createString = make_text,
	.createArray = make_array,
	.createInteger = make_integer,
	.createNil = make_nil,
	.freeObject = free_nothing,
};

int sk_resp_new(struct sk_resp **out, struct snek_error *e)
{
	struct sk_resp *r = calloc(1, sizeof(*r));

	if (r)
		r->reader = redisReaderCreateWithFunctions(&functions);
	if (!r || !r->reader) {
		free(r);
		return sk_enomem(e);
	}
	r->reader->privdata = r;
	r->reader->maxbuf = KEEP;
	*out = r;
	return 0;
}

void sk_resp_free(struct sk_resp *r)
{
	if (!r)
		return;
	redisReaderFree(r->reader);
	sk_arena_free(&r->arena);
	free(r);
}

static int refused(const redisReader *r, struct snek_error *e)
{
	return r->err == REDIS_ERR_OOM ? sk_enomem(e) : malformed(e, r->errstr);
}

static void forget(struct sk_resp *r)
{
	if (r->arena.total > KEEP)
		sk_arena_free(&r->arena);
	else
		sk_arena_reset(&r->arena);
	memset(&r->scan, 0, sizeof(r->scan));
	r->delivered = false;
}

int sk_resp_feed(struct sk_resp *r, const struct sk_resp_bounds *max, const void *p,
    size_t n, size_t *used, const struct sk_reply **out, struct snek_error *e)
{
	void *reply = NULL;
	int rc;

	if (r->delivered)
		forget(r);
	rc = scan(&r->scan, max, p, n, used, e);
	if (rc)
		return rc;
	if (redisReaderFeed(r->reader, p, *used) != 0 ||
	    redisReaderGetReply(r->reader, &reply) != 0)
		return refused(r->reader, e);
	if (!r->scan.whole != !reply)
		return malformed(e, "its end");
	if (!reply)
		return 0;
	r->delivered = true;
	*out = reply;
	return 1;
}

/* ---- commands ---- */

static size_t decimal(char *end, size_t v)
{
	char *p = end;

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	return (size_t)(end - p);
}

static char *header(char *p, char kind, size_t v)
{
	char text[DIGITS];
	size_t n = decimal(text + sizeof(text), v);

	*p++ = kind;
	memcpy(p, text + sizeof(text) - n, n);
	p += n;
	*p++ = '\r';
	*p++ = '\n';
	return p;
}

static size_t header_size(size_t v)
{
	char text[DIGITS];

	return 3 + decimal(text + sizeof(text), v);
}

size_t sk_resp_size(const struct sk_span *arg, size_t args)
{
	size_t n = header_size(args), i;

	for (i = 0; i < args; i++)
		n += header_size(arg[i].n) + arg[i].n + 2;
	return n;
}

char *sk_resp_write(char *p, const struct sk_span *arg, size_t args)
{
	size_t i;

	p = header(p, '*', args);
	for (i = 0; i < args; i++) {
		p = header(p, '$', arg[i].n);
		if (arg[i].n)
			memcpy(p, arg[i].p, arg[i].n);
		p += arg[i].n;
		*p++ = '\r';
		*p++ = '\n';
	}
	return p;
}

/* ---- copies ---- */

/* Items stand in front, texts behind them. */
struct room {
	struct sk_reply *item;
	char *text;
};

static void measure(const struct sk_reply *r, size_t *items, size_t *bytes)
{
	size_t i;

	*items += r->items;
	*bytes += r->text.p ? r->text.n + 1 : 0;
	for (i = 0; i < r->items; i++)
		measure(&r->item[i], items, bytes);
}

/* No deeper than SK_RESP_DEPTH. */
static void copy(struct room *room, const struct sk_reply *from, struct sk_reply *to)
{
	struct sk_reply *item = room->item;
	size_t i;

	*to = *from;
	if (from->text.p) {
		memcpy(room->text, from->text.p, from->text.n);
		room->text[from->text.n] = '\0';
		to->text.p = room->text;
		room->text += from->text.n + 1;
	}
	to->item = item;
	room->item += from->items;
	for (i = 0; i < from->items; i++)
		copy(room, &from->item[i], &item[i]);
}

void *sk_resp_copy(const struct sk_reply *r, struct sk_reply *out)
{
	size_t items = 0, bytes = 0;
	struct room room;
	char *p;

	measure(r, &items, &bytes);
	p = malloc(items * sizeof(*r) + bytes + 1);
	if (!p)
		return NULL;
	room.item = (struct sk_reply *)p;
	room.text = p + items * sizeof(*r);
	copy(&room, r, out);
	return p;
}
