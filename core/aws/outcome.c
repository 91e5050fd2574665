/* SPDX-License-Identifier: MIT */
#include "aws/outcome.h"

#include <stdio.h>
#include <stdlib.h>

static void copy(char *to, size_t n, const char *from, const char *until)
{
	size_t len = from ? strcspn(from, until) : 0;

	len = len < n - 1 ? len : n - 1;
	if (len)
		memcpy(to, from, len);
	to[len] = '\0';
}

static int64_t after_of(const struct sk_aws_reply *r)
{
	const char *ms = sk_aws_reply_header(r, "x-amz-retry-after");
	const char *s = sk_aws_reply_header(r, "retry-after");
	const char *text = ms ? ms : s;
	char *end;
	long long v;

	if (!text)
		return -1;
	v = strtoll(text, &end, 10);
	if (end == text || *end || v < 0 || v > 86400000)
		return -1;
	return ms ? v : v * 1000;
}

void sk_aws_outcome_read(struct sk_http_reply *from, struct sk_aws_reply *r)
{
	const char *id;

	memset(r, 0, sizeof(*r));
	r->code = from->code;
	r->error = from->error;
	r->sent = from->sent;
	r->status = from->status;
	r->body = from->body;
	r->headers = from->headers;
	memset(from, 0, sizeof(*from));
	id = sk_aws_reply_header(r, "x-amzn-requestid");
	id = id ? id : sk_aws_reply_header(r, "x-amz-request-id");
	copy(r->request_id, sizeof(r->request_id), id, "");
	copy(r->type, sizeof(r->type),
	    sk_aws_reply_header(r, "x-amzn-errortype"), ":");
	copy(r->function_error, sizeof(r->function_error),
	    sk_aws_reply_header(r, "x-amz-function-error"), "");
	r->retry_after_ms = after_of(r);
}

static int code_of(uint32_t status)
{
	switch (status) {
	case 404:
		return SNEK_ENOENT;
	case 409:
		return SNEK_ECONFLICT;
	case 401:
	case 403:
		return SNEK_EACCES;
	case 429:
		return SNEK_EAGAIN;
	default:
		return status >= 500 ? SNEK_EAGAIN : SNEK_EINVAL;
	}
}

int sk_aws_outcome_judge(const struct sk_aws_request *q,
    const struct sk_aws_reply *r, struct snek_error *e)
{
	if (r->code) {
		if (e)
			*e = r->error;
		return r->code;
	}
	if (r->status >= 200 && r->status < 300)
		return 0;
	return sk_fail(e, code_of(r->status), "%s %s: %u %s%s%s%s",
	    q->service ? q->service : q->method, q->action ? q->action : q->path,
	    r->status, r->type, *r->request_id ? " (request " : "",
	    r->request_id, *r->request_id ? ")" : "");
}
