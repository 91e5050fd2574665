/* SPDX-License-Identifier: MIT */
/* log.h - what functions print and what the host says of their runs: the newest
 * lines of each function. */
#ifndef SK_LOG_H
#define SK_LOG_H
#include "base/buf.h"

struct sk_log_line {
	int64_t ms;                     /* since 1970 */
	uint64_t number;                /* of its log, from 1 */
	const char *stream;             /* ended by a NUL; shared by lines */
	const char *text;
	size_t n;
};

struct sk_log;
void sk_log_free(struct sk_log *);

/* Append a line, to a log that is made when it is missing.  What there is no
 * memory for is lost. */
void sk_log_put(struct sk_log **, int64_t ms, const char *stream,
    const char *text, size_t n);
/* The i-th of those that are kept, oldest first; false: there are no more. */
bool sk_log_line(const struct sk_log *, size_t i, struct sk_log_line *);
#endif
