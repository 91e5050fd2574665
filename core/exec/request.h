/* SPDX-License-Identifier: MIT */
/* request.h - an attempt as the message that starts it elsewhere. */
#ifndef SK_REQUEST_H
#define SK_REQUEST_H
#include "exec/wire.h"

#define SK_NO_FILE UINT32_MAX

struct sk_request_files {
	uint32_t *number;       /* of each of the job's files at the worker */
};
int sk_request_map(const struct sk_exec_job *, const struct sk_request_files *,
    const struct sk_attempt *, struct sk_message *);
/* The same where there are no files: copies, which is used again, is the one
 * that goes with it, if it has any bytes. */
int sk_request_map_flat(const struct sk_exec_job *, const struct sk_attempt *,
    struct sk_message *, struct sk_buf *copies);
int sk_request_reduce(const struct sk_attempt *, struct sk_message *);
/* Where a record of an attempt lies, in words; false: there is none such, and
 * the words are of the chunk. */
bool sk_request_where(const struct sk_exec_job *, const struct sk_attempt *,
    uint32_t chunk, uint32_t row,
    char *text, size_t size);
#endif
