/* SPDX-License-Identifier: MIT */
/*
 * frame.h - a stream of bytes cut into the texts of single records, memory
 * bounded by one record.  It looks at quotes, backslashes, brackets and blanks
 * only; whether a text is JSON is the parser's to say.
 */
#ifndef SK_FRAME_H
#define SK_FRAME_H
#include "base/err.h"
#include "base/buf.h"
#include <snek/snek.h>          /* enum snek_format */

/* Where the bytes come from: up to n of them into p, 0 at the end, or SNEK_E*
 * with the error filled in. */
typedef long sk_read_fn(void *arg, void *p, size_t n, struct snek_error *);

#define SK_FRAME_PADDING 64

struct sk_frame {               /* one record's text */
	const char *p;          /* valid until the next call */
	size_t n;
	uint64_t line, column;  /* of its first byte, from 1; columns in bytes */
	uint64_t offset;        /* of its first byte, from 0 */
};

typedef struct sk_framer sk_framer;

/* max_record in bytes.  name is for messages and copied. */
int sk_framer_new(sk_read_fn *, void *arg, const char *name, enum snek_format,
    uint64_t max_record, sk_framer **, struct snek_error *);
void sk_framer_free(sk_framer *);
/* Before the first next: the first byte stands so far in the file, at the
 * start of this line.  So it is no byte order mark. */
void sk_framer_start(sk_framer *, uint64_t offset, uint64_t line);

/*
 * 1 and a record's text, 0 at the end, or SNEK_E* with "name:line:column: ".
 * SNEK_ELIMIT: a record over max_record; next may be called again and goes on
 * behind it (out is filled with its place and its first bytes).
 * A text that ends within a value is given out as it is: the parser then says
 * what is missing.  After SNEK_EFORMAT (an array's frame is broken) there is
 * no next.
 *   JSONL: values follow one another, blanks (also none) between them.  A line
 *          end within a string and a bracket that closes one of the other kind
 *          end the text there: it is no JSON, and the next line may be good.
 *   ARRAY: [ value , value ... ] and only blanks after it.
 *   VALUE: everything is one record; an empty text is given out as such.
 *   TEXT:  lines, without \n or \r\n.
 * A leading UTF-8 byte order mark is passed over, and not a column.  After
 * every text SK_FRAME_PADDING more bytes may be read, whatever they are: fast
 * parsers do so, and need no copy.
 */
int sk_framer_next(sk_framer *, struct sk_frame *out, struct snek_error *);

/*
 * The parser refused the text that next gave out last, at this offset.  When
 * the text is JSONL and had no end, a bracket may be missing, and good records
 * may have been taken for parts of it: next goes on with the line of the
 * error (or the one after the text's first).  Returns how many bytes of the
 * text are passed over.
 */
size_t sk_framer_refuse(sk_framer *, size_t at);
/* The SNEK_ELIMIT just returned is for a JSONL text without an end so far; out
 * holds all that was read of it, so that a parser may tell whether it is only
 * long or broken, and refuse. */
bool sk_framer_is_cut(const sk_framer *);
/* The source failed, or an array's frame is no such: there is no next. */
bool sk_framer_is_broken(const sk_framer *);

/* Turn an offset within the frame's text into line and column. */
void sk_frame_where(const struct sk_frame *, size_t at, uint64_t *line,
    uint64_t *column);
uint64_t sk_framer_bytes(const sk_framer *);    /* read so far */
#endif
