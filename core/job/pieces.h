/* SPDX-License-Identifier: MIT */
/*
 * pieces.h - a file of lines, cut at line ends into pieces that several
 * threads read at once.
 *
 * A line of text is a record.  A line that is one JSON value is one, too, if
 * nothing is open that began before; so a piece counts only if all before it
 * were such lines, and where one is not (an error, a value over several lines,
 * several on one, a line as long as a piece), reading goes on from its start as
 * for a pipe: one record after the other, which is also what says what is wrong,
 * and in which line.
 */
#ifndef SK_PIECES_H
#define SK_PIECES_H
#include "job/spool.h"
#include "value/input.h"

struct sk_pieces {
	int fd;                         /* a file; where it stands is no matter */
	const char *name;               /* for messages */
	enum snek_format format;        /* SNEK_JSONL or SNEK_TEXT */
	const struct sk_input_options *o;
	uint64_t from, to;              /* the bytes to read */
	uint64_t piece;                 /* bytes of one; 0: by their number */
	uint32_t threads;
	const int *cancelled;           /* with __atomic */
};

struct sk_pieces_rest {
	uint64_t at, line;              /* where what was not read begins */
};

/* Whether there are enough bytes for it to be worth while. */
bool sk_pieces_are_many(uint64_t bytes);
/* Read pieces into the spool, all or as many as go.  An unended last line is
 * always left. */
int sk_pieces_read(const struct sk_pieces *, struct sk_spool *,
    struct sk_pieces_rest *, struct snek_error *);
/* A sk_read_fn: what stands at that place of a file, and so on until its end or
 * this one. */
struct sk_piece {
	int fd;
	const char *name;
	uint64_t at, end;
};
long sk_piece_read(void *piece, void *, size_t, struct snek_error *);
#endif
