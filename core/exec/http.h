/* SPDX-License-Identifier: MIT */
/*
 * http.h - an attempt is records as JSON, {"data":[...]}, sent to an endpoint
 * that answers with a JSON list; or with an object whose body is one, as such
 * or as JSON text: {"statusCode":200,"body":"[...]"}.
 *
 * The values of the list are what was emitted.  As many as records that were
 * sent: each is of its record.  Else they are of the first of them, in the
 * order of the list.
 */
#ifndef SK_EXEC_HTTP_H
#define SK_EXEC_HTTP_H
#include "aws/aws.h"
#include "exec/exec.h"

#define SK_HTTP_BATCH ((size_t)1 << 20) /* bytes of JSON; a record more: alone */
#define SK_HTTP_ROOM 32u                /* calls at once, where nobody says */
#define SK_HTTP_CALL_MS 60000           /* that a call may take, likewise */

struct sk_exec_http {                   /* texts are copied */
	const struct sk_aws_ops *aws;
	struct sk_aws *caller;          /* taken over, also on failure */
	struct sk_exec *local;          /* of the reduce stage; taken over, too */
	const char *name, *url;
	uint32_t batch;                 /* records in a call; 0: by bytes alone */
	int64_t call_ms;                /* 0: SK_HTTP_CALL_MS */
};
int sk_exec_http(const struct sk_exec_job *, const struct sk_exec_http *,
    struct sk_exec **, struct snek_error *);
#endif
