/* SPDX-License-Identifier: MIT */
#include "value/input.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "value/gzip.h"

#define TEXT_KEPT 128u          /* bytes shown of a text over the limit */
#define PEEK 4096u              /* blanks that SNEK_AUTO looks through */

/* Bytes that were read to see what the stream is, then the stream. */
struct peek {
	sk_read_fn *read;
	void *arg;
	size_t at, n;
	char p[PEEK];
};

struct sk_input {
	int fd;
	char *name;
	enum snek_format format;
	struct peek raw, plain;         /* before and after gzip */
	struct sk_gzip *gzip;
	sk_framer *framer;
	sk_json_reader *reader;
	struct sk_member line;          /* the record of a line of text */
};

static long read_fd(void *arg, void *p, size_t n, struct snek_error *e)
{
	sk_input *in = arg;
	ssize_t got;

	do
		got = read(in->fd, p, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? sk_fail_errno(e, "%s: read", in->name) : (long)got;
}

static long read_peek(void *arg, void *p, size_t n, struct snek_error *e)
{
	struct peek *k = arg;

	if (k->at == k->n)
		return k->read(k->arg, p, n, e);
	if (n > k->n - k->at)
		n = k->n - k->at;
	memcpy(p, k->p + k->at, n);
	k->at += n;
	return (long)n;
}

/* Look further ahead: 1, or 0 at the end (of the stream or the room). */
static int peek_more(struct peek *k, struct snek_error *e)
{
	long got;

	if (k->n == sizeof(k->p))
		return 0;
	got = k->read(k->arg, k->p + k->n, sizeof(k->p) - k->n, e);
	if (got < 0)
		return (int)got;
	k->n += (size_t)got;
	return got > 0;
}

/* ---- what is it? ---- */

static int open_gzip(sk_input *in, uint64_t max, struct snek_error *e)
{
	int rc = 1;

	in->raw.read = read_fd;
	in->raw.arg = in;
	in->plain.read = read_peek;
	in->plain.arg = &in->raw;
	while (rc > 0 && in->raw.n < 2)
		rc = peek_more(&in->raw, e);
	if (rc < 0)
		return rc;
	if (in->raw.n < 2 || memcmp(in->raw.p, "\x1f\x8b", 2))
		return 0;
	rc = sk_gzip_open(read_peek, &in->raw, in->name, max, &in->gzip, e);
	in->plain.read = sk_gzip_read;
	in->plain.arg = in->gzip;
	return rc;
}

static bool ends_in(const char *s, size_t n, const char *end)
{
	size_t k = strlen(end);

	return n >= k && !memcmp(s + n - k, end, k);
}

static bool is_json_name(const char *name)
{
	size_t n = strlen(name);

	if (ends_in(name, n, ".gz"))
		n -= 3;
	return ends_in(name, n, ".json");
}

/* The first byte that is no blank, or 0 when there is none to be seen. */
static int first_byte(struct peek *k, char *out, struct snek_error *e)
{
	size_t i = 0;
	int rc = 1;

	*out = '\0';
	while (rc > 0 && k->n < 4)
		rc = peek_more(k, e);
	if (k->n >= 3 && !memcmp(k->p, "\xef\xbb\xbf", 3))
		i = 3;
	for (rc = rc < 0 ? rc : 1; rc > 0; rc = peek_more(k, e))
		for (; i < k->n; i++)
			if (!strchr(" \t\r\n", k->p[i]) || !k->p[i]) {
				*out = k->p[i];
				return 0;
			}
	return rc;
}

static int choose(sk_input *in, enum snek_format *format, struct snek_error *e)
{
	char c;
	int rc;

	if (*format != SNEK_AUTO)
		return 0;
	*format = SNEK_JSONL;
	if (!is_json_name(in->name))
		return 0;
	rc = first_byte(&in->plain, &c, e);
	if (rc == 0 && c == '[')
		*format = SNEK_JSON_ARRAY;
	return rc;
}

/* ---- opening ---- */

static int open_framer(sk_input *in, sk_read_fn *read, void *arg,
    const struct sk_input_options *o, struct snek_error *e)
{
	struct sk_json_options json = { .last_duplicate = o->last_duplicate,
	    .plain = o->plain, .padded = true };

	if (sk_json_reader_new(&json, &in->reader) < 0)
		return sk_enomem(e);
	return sk_framer_new(read, arg, in->name, in->format,
	    o->max_record ? o->max_record : SK_MAX_RECORD, &in->framer, e);
}

static int open_input(sk_input *in, const struct sk_input_options *o,
    struct snek_error *e)
{
	int rc = open_gzip(in, o->max_unpacked, e);

	if (rc == 0)
		rc = choose(in, &in->format, e);
	return rc < 0 ? rc : open_framer(in, read_peek, &in->plain, o, e);
}

static sk_input *new_input(const char *name, enum snek_format format)
{
	sk_input *in = calloc(1, sizeof(*in));

	if (in)
		in->name = strdup(name);
	if (!in || !in->name) {
		free(in);
		return NULL;
	}
	in->format = format;
	return in;
}

static int give(sk_input *in, int rc, sk_input **out)
{
	if (rc < 0)
		sk_input_close(in);
	else
		*out = in;
	return rc < 0 ? rc : 0;
}

int sk_input_open(int fd, const char *name, enum snek_format format,
    const struct sk_input_options *o, sk_input **out, struct snek_error *e)
{
	static const struct sk_input_options none;
	sk_input *in = new_input(name, format);

	if (!in)
		return sk_enomem(e);
	in->fd = fd;
	return give(in, open_input(in, o ? o : &none, e), out);
}

int sk_input_open_part(sk_read_fn *read, void *arg, uint64_t offset,
    uint64_t line, const char *name, enum snek_format format,
    const struct sk_input_options *o, sk_input **out, struct snek_error *e)
{
	sk_input *in = new_input(name, format);
	int rc;

	if (!in)
		return sk_enomem(e);
	in->fd = -1;
	rc = open_framer(in, read, arg, o, e);
	if (rc >= 0)
		sk_framer_start(in->framer, offset, line);
	return give(in, rc, out);
}

void sk_input_close(sk_input *in)
{
	if (!in)
		return;
	sk_framer_free(in->framer);
	sk_json_reader_free(in->reader);
	sk_gzip_close(in->gzip);
	free(in->name);
	free(in);
}

uint64_t sk_input_bytes(const sk_input *in)
{
	return sk_framer_bytes(in->framer);
}

enum snek_format sk_input_format(const sk_input *in, bool *gzip)
{
	if (gzip)
		*gzip = in->gzip != NULL;
	return in->format;
}

/* ---- records ---- */

static int fail_at(const sk_input *in, const struct sk_frame *f, size_t at,
    int code, struct snek_error *e)
{
	uint64_t line, column;

	sk_frame_where(f, at, &line, &column);
	return sk_fail_in(e, code, "%s:%llu:%llu", in->name,
	    (unsigned long long)line, (unsigned long long)column);
}

static int read_line(sk_input *in, const struct sk_frame *f,
    struct sk_record *out, struct snek_error *e)
{
	size_t at = sk_utf8_check(f->p, f->n);

	if (at < f->n) {
		sk_fail(e, SNEK_EFORMAT, "invalid UTF-8 byte 0x%02x",
		    (uint8_t)f->p[at]);
		return fail_at(in, f, at, SNEK_EFORMAT, e);
	}
	in->line.value = sk_string(f->p, f->n);
	*out = (struct sk_record){ .n = 1, .member = &in->line };
	return 0;
}

static int read_record(sk_input *in, const struct sk_frame *f,
    struct sk_record *out, struct sk_span *text, struct snek_error *e)
{
	size_t at;
	int rc;

	if (in->format == SNEK_TEXT)
		return read_line(in, f, out, e);
	rc = sk_json_read(in->reader, f->p, f->n, out, &at, e);
	if (rc == SNEK_EFORMAT || rc == SNEK_ELIMIT) {
		fail_at(in, f, at, rc, e);
		text->n = sk_framer_refuse(in->framer, at);
	}
	return rc;
}

/* A text that is over the limit and goes on: if it is broken, and not within
 * its last line, which the limit cut, that is the error. */
static void look_into(sk_input *in, const struct sk_frame *f,
    struct sk_span *text, int *rc, struct snek_error *e)
{
	struct snek_error broken;
	struct sk_record r;
	size_t at;
	int found = sk_json_read(in->reader, f->p, f->n, &r, &at, &broken);

	if ((found == SNEK_EFORMAT || found == SNEK_ELIMIT) &&
	    memchr(f->p + at, '\n', f->n - at)) {
		*rc = fail_at(in, f, at, found, &broken);
		text->n = sk_framer_refuse(in->framer, at);
		if (e)
			*e = broken;
	}
	if (text->n > TEXT_KEPT)
		text->n = TEXT_KEPT;
}

int sk_input_next(sk_input *in, struct sk_record *out, struct sk_span *text,
    bool *again, struct snek_error *e)
{
	struct sk_frame f;
	int rc = sk_framer_next(in->framer, &f, e);

	*again = rc == SNEK_ELIMIT && !sk_framer_is_broken(in->framer);
	if (rc < 0 && !*again)
		return rc;
	if (rc > 0 || rc == SNEK_ELIMIT)
		*text = (struct sk_span){ f.p, f.n };
	if (rc == SNEK_ELIMIT && sk_framer_is_cut(in->framer))
		look_into(in, &f, text, &rc, e);
	if (rc <= 0)
		return rc;
	rc = read_record(in, &f, out, text, e);
	*again = rc == SNEK_EFORMAT || rc == SNEK_ELIMIT;
	return rc < 0 ? rc : 1;
}
