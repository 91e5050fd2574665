/* SPDX-License-Identifier: MIT */
/* scan.h - where a JSON value ends, by quotes, backslashes and brackets. */
#ifndef SK_SCAN_H
#define SK_SCAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_SCAN_PADDING 64      /* readable behind the bytes to scan */

/* A value that has begun; zeroed before its first byte. */
struct sk_scan {
	uint64_t string;        /* all ones within a string */
	uint64_t kinds;         /* of the open brackets: 1 is '{'; innermost lowest */
	uint64_t depth;
	bool escaped;           /* the next byte is, by a backslash */
};

enum sk_scan_end {
	SK_SCAN_MORE,           /* all was taken, and the value goes on */
	SK_SCAN_WHOLE,          /* its last byte was taken */
	SK_SCAN_BROKEN,         /* no JSON: a line end in a string (not taken), or
	                         * a bracket closed by another kind (taken) */
};

/* A value that starts with a bracket; goes on where it stopped. */
enum sk_scan_end sk_scan_brackets(struct sk_scan *, const char *, size_t n,
    size_t *used);
/* One that starts with a quote. */
enum sk_scan_end sk_scan_string(struct sk_scan *, const char *, size_t n,
    size_t *used);
/* Any other: ends before a blank or anything that begins or ends a value; never
 * MORE once it has taken less than n. */
enum sk_scan_end sk_scan_word(const char *, size_t n, size_t *used);
#endif
