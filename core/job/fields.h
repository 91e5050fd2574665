/* SPDX-License-Identifier: MIT */
/*
 * fields.h - does anything have the fields that an op reads?  A misspelt field
 * would give an empty answer that looks like a true one.
 */
#ifndef SK_FIELDS_H
#define SK_FIELDS_H
#include "task/task.h"

struct sk_fields {
	char **name;                    /* of the watched paths; NULL: not watched
	                                 * (the whole record) */
	uint32_t n;
	uint64_t seen[SK_SEEN_PATHS / 64];
};

int sk_fields_note(struct sk_fields *, const sk_instance *, struct snek_error *);
void sk_fields_see(struct sk_fields *, const struct sk_outcome *);
/* After the map stage over at least one record.  SNEK_ENOENT when no record
 * has any of the fields; one that is missing beside others is a line in the
 * log.  where: what was read, for messages. */
int sk_fields_check(const struct sk_fields *, const char *where,
    void (*log)(void *, int level, const char *text), void *log_arg,
    struct snek_error *);
void sk_fields_free(struct sk_fields *);
#endif
