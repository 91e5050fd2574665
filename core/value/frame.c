/* SPDX-License-Identifier: MIT */
#include "value/frame.h"

#include <stdlib.h>

#include "value/scan.h"
#include "value/utf8.h"

#define FIRST_ROOM ((size_t)128 << 10)
#define HEAD 128                /* bytes kept of a text over the limit */

enum place { START, OPENED, BETWEEN, AFTER_COMMA, DONE };

/* A text that is being looked for. */
struct text {
	struct sk_scan scan;
	char first;
	size_t n;               /* bytes of it that lie at f->at */
	bool over;              /* longer than allowed: only its head is kept */
	bool ended;             /* by itself, not by the end of the input */
	struct sk_frame where;
};

struct sk_framer {
	sk_read_fn *read;
	void *arg;
	char *name;
	enum snek_format format;
	uint64_t max;
	char *buf;              /* room bytes and SK_FRAME_PADDING */
	size_t room;
	size_t at, end;         /* what was read and not passed over */
	size_t given;           /* of it, what the caller has in hand */
	uint64_t base;          /* offset of buf in the stream */
	uint64_t line, line_at; /* where at is: line, offset of its start */
	bool eof, broken;
	bool within;            /* it does not begin where the file does */
	bool cut;               /* text is too long, and its end not yet found */
	struct text text;
	enum place place;
	char head[HEAD + SK_FRAME_PADDING];
};

int sk_framer_new(sk_read_fn *read, void *arg, const char *name,
    enum snek_format format, uint64_t max_record, sk_framer **out,
    struct snek_error *e)
{
	sk_framer *f = calloc(1, sizeof(*f));

	if (!f)
		return sk_enomem(e);
	f->read = read;
	f->arg = arg;
	f->format = format;
	f->max = max_record;
	f->line = 1;
	f->room = FIRST_ROOM;
	f->name = strdup(name);
	f->buf = calloc(1, f->room + SK_FRAME_PADDING);
	if (!f->name || !f->buf) {
		sk_framer_free(f);
		return sk_enomem(e);
	}
	*out = f;
	return 0;
}

void sk_framer_free(sk_framer *f)
{
	if (!f)
		return;
	free(f->name);
	free(f->buf);
	free(f);
}

void sk_framer_start(sk_framer *f, uint64_t offset, uint64_t line)
{
	f->base = f->line_at = offset;
	f->line = line;
	f->within = true;
}

uint64_t sk_framer_bytes(const sk_framer *f)
{
	return f->base + f->end;
}

void sk_frame_where(const struct sk_frame *r, size_t at, uint64_t *line,
    uint64_t *column)
{
	const char *p = r->p, *end = r->p + (at < r->n ? at : r->n), *nl;

	*line = r->line;
	*column = r->column;
	while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
		p = nl + 1;
		++*line;
		*column = 1;
	}
	*column += (uint64_t)(end - p);
}

/* ---- the buffer ---- */

static int make_room(sk_framer *f, struct snek_error *e)
{
	size_t room;
	char *p;

	if (f->at) {
		memmove(f->buf, f->buf + f->at, f->end - f->at);
		f->base += f->at;
		f->end -= f->at;
		f->at = 0;
	}
	if (f->end < f->room)
		return 0;
	room = f->room * 2;
	if (room > f->max && room - f->max > FIRST_ROOM)
		room = (size_t)f->max + FIRST_ROOM;
	if (room <= f->room)
		room = f->room * 2;
	p = realloc(f->buf, room + SK_FRAME_PADDING);
	if (!p)
		return sk_enomem(e);
	f->buf = p;
	f->room = room;
	return 0;
}

/* 1: there is more.  0: the end. */
static int fill(sk_framer *f, struct snek_error *e)
{
	long got;
	int rc;

	if (f->eof)
		return 0;
	rc = make_room(f, e);
	if (rc < 0)
		return rc;
	got = f->read(f->arg, f->buf + f->end, f->room - f->end, e);
	if (got < 0) {
		f->broken = true;
		return (int)got;
	}
	f->eof = got == 0;
	f->end += (size_t)got;
	memset(f->buf + f->end, 0, SK_FRAME_PADDING);
	return got > 0;
}

/* Pass over n bytes, counting lines. */
static void pass(sk_framer *f, size_t n)
{
	const char *p = f->buf + f->at, *end = p + n, *nl;

	while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
		p = nl + 1;
		f->line++;
		f->line_at = f->base + (uint64_t)(p - f->buf);
	}
	f->at += n;
}

/* 1: at a byte that is no blank.  0: the end. */
static int skip_blanks(sk_framer *f, struct snek_error *e)
{
	size_t n;
	int rc;

	do {
		for (n = f->at; n < f->end && (f->buf[n] == ' ' ||
		    f->buf[n] == '\n' || f->buf[n] == '\r' ||
		    f->buf[n] == '\t'); n++)
			;
		pass(f, n - f->at);
		if (f->at < f->end)
			return 1;
		rc = fill(f, e);
	} while (rc > 0);
	return rc;
}

static int skip_mark(sk_framer *f, struct snek_error *e)
{
	int rc = 1;

	while (rc > 0 && f->end < 3)
		rc = fill(f, e);
	if (rc < 0)
		return rc;
	if (f->end >= 3 && !memcmp(f->buf, "\xef\xbb\xbf", 3))
		f->at = f->line_at = 3;
	return 0;
}

/* ---- one text ---- */

static void begin(sk_framer *f, struct text *t)
{
	memset(t, 0, sizeof(*t));
	t->first = f->buf[f->at];
	t->where.offset = f->base + f->at;
	t->where.line = f->line;
	t->where.column = t->where.offset - f->line_at + 1;
}

static enum sk_scan_end scan_line(const char *p, size_t n, size_t *used)
{
	const char *nl = n ? memchr(p, '\n', n) : NULL;

	*used = nl ? (size_t)(nl - p) : n;
	return nl ? SK_SCAN_WHOLE : SK_SCAN_MORE;
}

static enum sk_scan_end scan(sk_framer *f, struct text *t, size_t *used)
{
	const char *p = f->buf + f->at + t->n;
	size_t n = f->end - f->at - t->n;

	if (f->format == SNEK_TEXT)
		return scan_line(p, n, used);
	*used = n;
	if (f->format == SNEK_JSON_VALUE)
		return SK_SCAN_MORE;
	if (t->first == '{' || t->first == '[')
		return sk_scan_brackets(&t->scan, p, n, used);
	if (t->first == '"')
		return sk_scan_string(&t->scan, p, n, used);
	return sk_scan_word(p, n, used);
}

/* Too long: keep its first bytes, let go of the rest as it comes. */
static void drop(sk_framer *f, struct text *t)
{
	if (!t->over) {
		t->where.n = t->n < HEAD ? t->n : HEAD;
		memcpy(f->head, f->buf + f->at, t->where.n);
	}
	t->over = true;
	pass(f, t->n);
	t->n = 0;
}

/* Go on looking for the text's end.  1: it ends here, or with the input.  0: it
 * is longer than allowed, and not over yet. */
static int find_end(sk_framer *f, struct text *t, struct snek_error *e)
{
	enum sk_scan_end end;
	size_t used;
	int rc;

	for (;;) {
		end = scan(f, t, &used);
		t->n += used;
		t->ended = end != SK_SCAN_MORE;
		if (t->ended)
			return 1;
		if (t->over)
			drop(f, t);
		else if (t->n > f->max)
			return 0;
		rc = fill(f, e);
		if (rc <= 0)
			return rc < 0 ? rc : 1;
	}
}

static int too_long(sk_framer *f, struct sk_frame *out, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "%s:%llu:%llu: a record of more than "
	    "%llu bytes", f->name, (unsigned long long)out->line,
	    (unsigned long long)out->column, (unsigned long long)f->max);
}

/* Let go of the text, to its end. */
static int drop_all(sk_framer *f, struct text *t, struct snek_error *e)
{
	int rc;

	drop(f, t);
	rc = t->ended ? 1 : find_end(f, t, e);
	drop(f, t);
	return rc < 0 ? rc : 0;
}

/* The text that starts at f->at, to its end or that of the input. */
static int take(sk_framer *f, struct sk_frame *out, struct snek_error *e)
{
	struct text *t = &f->text;
	int rc;

	begin(f, t);
	rc = find_end(f, t, e);
	if (rc < 0)
		return rc;
	/* What begins no value is a text of its own, for the parser to refuse. */
	if (!t->n && f->format != SNEK_TEXT && f->at < f->end)
		t->n = 1;
	f->cut = rc == 0 && f->format == SNEK_JSONL;
	if (t->n > f->max && !f->cut) {
		rc = drop_all(f, t, e);
		if (rc < 0)
			return rc;
		*out = t->where;
		out->p = f->head;
		return too_long(f, out, e);
	}
	*out = t->where;
	out->p = f->buf + f->at;
	out->n = t->n;
	if (f->cut)
		return too_long(f, out, e);
	f->given = t->n;
	return 1;
}

bool sk_framer_is_cut(const sk_framer *f)
{
	return f->cut;
}

bool sk_framer_is_broken(const sk_framer *f)
{
	return f->broken;
}

size_t sk_framer_refuse(sk_framer *f, size_t at)
{
	const char *p = f->buf + f->at, *line;
	size_t n = f->text.n;

	if (f->format != SNEK_JSONL || f->text.ended || at > n)
		return f->given;
	line = memrchr(p, '\n', at);
	if (!line)
		line = memchr(p + at, '\n', n - at);
	if (!line && f->cut)
		return n;
	f->cut = false;
	f->given = line ? (size_t)(line + 1 - p) : n;
	return f->given;
}

/* ---- formats ---- */

static int next_jsonl(sk_framer *f, struct sk_frame *out, struct snek_error *e)
{
	int rc = skip_blanks(f, e);

	return rc > 0 ? take(f, out, e) : rc;
}

static int next_value(sk_framer *f, struct sk_frame *out, struct snek_error *e)
{
	if (f->place == DONE)
		return 0;
	f->place = DONE;
	return take(f, out, e);
}

/* The line end is passed over too, and a \r before it. */
static int next_text(sk_framer *f, struct sk_frame *out, struct snek_error *e)
{
	int rc = f->at < f->end ? 1 : fill(f, e);

	if (rc <= 0)
		return rc;
	rc = take(f, out, e);
	if (rc == SNEK_ELIMIT && f->at < f->end)
		pass(f, 1);
	if (rc <= 0 || f->at + f->given == f->end)
		return rc;
	f->given++;
	if (out->n && out->p[out->n - 1] == '\r')
		out->n--;
	return 1;
}

static int expected(sk_framer *f, const char *what, struct snek_error *e)
{
	unsigned long long line = f->line, column = f->base + f->at - f->line_at + 1;
	const char *p = f->buf + f->at;
	unsigned n = sk_utf8_length(p, f->end - f->at);

	f->broken = true;
	if (f->at == f->end)
		return sk_fail(e, SNEK_EFORMAT, "%s:%llu:%llu: expected %s but "
		    "found the end", f->name, line, column, what);
	if (!n || (uint8_t)*p < 0x20 || *p == 0x7f)
		return sk_fail(e, SNEK_EFORMAT, "%s:%llu:%llu: expected %s but "
		    "found byte 0x%02x", f->name, line, column, what, (uint8_t)*p);
	return sk_fail(e, SNEK_EFORMAT, "%s:%llu:%llu: expected %s but found "
	    "'%.*s'", f->name, line, column, what, (int)n, p);
}

/* Pass over what may stand here beside values: 1 when a value must follow, 0
 * at the end of the array. */
static int array_mark(sk_framer *f, char c, struct snek_error *e)
{
	switch (f->place) {
	case START:
		if (c != '[')
			return expected(f, "'['", e);
		f->place = OPENED;
		break;
	case BETWEEN:
		if (c != ',' && c != ']')
			return expected(f, "',' or ']'", e);
		f->place = c == ',' ? AFTER_COMMA : DONE;
		break;
	case OPENED:
		if (c != ']')
			return 1;
		f->place = DONE;
		break;
	case AFTER_COMMA:
		return 1;
	case DONE:
		return expected(f, "nothing after the array", e);
	}
	f->at++;
	return 0;
}

static int next_element(sk_framer *f, struct sk_frame *out,
    struct snek_error *e)
{
	int rc;
	char c;

	for (;;) {
		rc = skip_blanks(f, e);
		if (rc < 0 || (rc == 0 && f->place == DONE))
			return rc;
		c = rc ? f->buf[f->at] : '\0';
		if (rc == 0 && (f->place == OPENED || f->place == AFTER_COMMA))
			return expected(f, "a value", e);
		rc = array_mark(f, c, e);
		if (rc < 0)
			return rc;
		if (rc > 0)
			break;
	}
	if (strchr("]},:", c))
		return expected(f, "a value", e);
	f->place = BETWEEN;
	return take(f, out, e);
}

int sk_framer_next(sk_framer *f, struct sk_frame *out, struct snek_error *e)
{
	int rc;

	if (f->broken)
		return sk_fail(e, SNEK_EINVAL, "%s: nothing can be read any more",
		    f->name);
	if (!f->base && !f->end && !f->within) {
		rc = skip_mark(f, e);
		if (rc < 0)
			return rc;
	}
	if (f->cut) {
		f->cut = false;
		rc = drop_all(f, &f->text, e);
		if (rc < 0)
			return rc;
	}
	pass(f, f->given);
	f->given = 0;
	switch (f->format) {
	case SNEK_JSON_ARRAY: return next_element(f, out, e);
	case SNEK_JSON_VALUE: return next_value(f, out, e);
	case SNEK_TEXT:       return next_text(f, out, e);
	default:              return next_jsonl(f, out, e);
	}
}
