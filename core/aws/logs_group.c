/* SPDX-License-Identifier: MIT */
/* logs_group.c - a function's log group, which its role may not make itself. */
#include "aws/logs.h"

#include <stdio.h>

#include "value/value.h"

enum { LOG_DAYS = 14 };

static int tell(struct sk_aws *aws, const char *action, const struct sk_buf *b,
    const char *passed_over, struct snek_error *e)
{
	char target[64];
	const struct sk_aws_header head[] = {
		{ "Content-Type", "application/x-amz-json-1.1" },
		{ "X-Amz-Target", target },
	};
	const struct sk_aws_request r = { .service = "logs", .action = action,
		.method = "POST", .path = "/", .header = head, .headers = 2,
		.body = { b->p, b->n } };
	struct sk_aws_reply reply = { 0 };
	struct snek_error why = { 0 };
	int rc;

	snprintf(target, sizeof(target), "Logs_20140328.%s", action);
	rc = sk_aws_call(aws, &r, &reply, &why);
	if (rc && passed_over && !strcmp(reply.type, passed_over))
		rc = 0;
	if (rc && e)
		*e = why;
	sk_aws_reply_free(&reply);
	return rc;
}

static bool begin(struct sk_buf *b, const char *function)
{
	char name[96];

	snprintf(name, sizeof(name), "/aws/lambda/%.64s", function);
	b->n = 0;
	return sk_buf_printf(b, "{\"logGroupName\":") &&
	    sk_json_write(b, sk_cstring(name));
}

int sk_logs_group_make(struct sk_aws *aws, const char *function, const char *stack,
    uint32_t days, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = begin(&b, function) && sk_buf_printf(&b,
	    ",\"tags\":{\"snek:stack\":") && sk_json_write(&b, sk_cstring(stack)) &&
	    sk_buf_printf(&b, "}}") ? 0 : sk_enomem(e);

	if (!rc)
		rc = tell(aws, "CreateLogGroup", &b,
		    "ResourceAlreadyExistsException", e);
	if (!rc && (!begin(&b, function) || !sk_buf_printf(&b,
	    ",\"retentionInDays\":%u}", days ? days : LOG_DAYS)))
		rc = sk_enomem(e);
	if (!rc)
		rc = tell(aws, "PutRetentionPolicy", &b, NULL, e);
	sk_buf_free(&b);
	return rc;
}

int sk_logs_group_remove(struct sk_aws *aws, const char *function,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = begin(&b, function) && sk_buf_byte(&b, '}') ? tell(aws,
	    "DeleteLogGroup", &b, "ResourceNotFoundException", e) : sk_enomem(e);

	sk_buf_free(&b);
	return rc;
}
