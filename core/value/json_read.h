/* SPDX-License-Identifier: MIT */
/*
 * json_read.h - one JSON text into one record.
 *
 * Three parsers behind one door: one of flat records (json_quick.c), simdjson
 * (json_fast.cc) when built in, and a strict one in C, which is the oracle of
 * the others in tests and says where and what an error is.  They give the same
 * record, or the strict one's verdict stands.
 */
#ifndef SK_JSON_READ_H
#define SK_JSON_READ_H
#include "base/err.h"
#include "value/utf8.h"         /* sk_utf8_check */
#include "value/value.h"

struct sk_json_options {
	bool last_duplicate;    /* keep the last of equal names (at the place of
	                         * the first) instead of refusing */
	bool plain;             /* do not use the fast parsers */
	bool padded;            /* every text has SK_JSON_PADDING readable bytes
	                         * behind it, as frames do; else it is copied */
};

#define SK_JSON_PADDING 64      /* at most SK_FRAME_PADDING */

typedef struct sk_json_reader sk_json_reader;

int sk_json_reader_new(const struct sk_json_options *, sk_json_reader **);
void sk_json_reader_free(sk_json_reader *);

/*
 * Read exactly one value (blanks around it allowed) of n bytes at text.  The
 * record lives until the next call, and as long as a padded text does.  On failure: SNEK_EFORMAT or SNEK_ELIMIT
 * (depth, a number out of range), text is what was found, and at, if not
 * NULL, gets the byte offset of it.
 */
int sk_json_read(sk_json_reader *, const char *text, size_t n,
    struct sk_record *out, size_t *at, struct snek_error *);

/* The same for any value as a snek_value (nested ones packed): arguments. */
int sk_json_value(sk_json_reader *, const char *text, size_t n,
    struct snek_value *out, struct snek_error *);

bool sk_json_is_fast(void);     /* simdjson is built in */
#endif
