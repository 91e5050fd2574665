/* SPDX-License-Identifier: MIT */
/*
 * aws_requests - send what standard input lists, one request a line:
 *   NAME \t SERVICE \t METHOD \t PATH \t QUERY \t HEADER-VALUE \t BODY
 * NAME goes along as x-case, and HEADER-VALUE as x-amz-Test unless empty.
 * METHOD "presign" sends a GET to a presigned URL.  METHOD "token" prints what
 * ElastiCache takes from PATH (the user) at SERVICE (the cache).
 * How each ended is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws.h"
#include "aws/sign.h"

struct line {
	const char *name, *service, *method, *path, *query, *value, *body;
};

static const struct sk_aws_ops *ops;

static bool split(char *text, struct line *l)
{
	const char **field[] = { &l->name, &l->service, &l->method, &l->path,
		&l->query, &l->value, &l->body };
	size_t i;

	text[strcspn(text, "\n")] = '\0';
	for (i = 0; i < 7; i++) {
		*field[i] = strsep(&text, "\t");
		if (!*field[i])
			return false;
	}
	return true;
}

static int send_line(struct sk_aws *a, const struct line *l,
    struct snek_error *e)
{
	struct sk_aws_header h[2] = { { "x-case", l->name },
		{ "x-amz-Test", l->value } };
	struct sk_aws_request q = { .service = l->service, .method = l->method,
		.path = l->path, .query = l->query, .header = h,
		.headers = *l->value ? 2 : 1,
		.body = { l->body, strlen(l->body) } };
	struct sk_aws_reply r;
	int rc = ops->call(a, &q, &r, e);

	sk_aws_reply_free(&r);
	return rc;
}

/* By whoever was given the URL: nothing is signed again. */
static int send_presigned(struct sk_aws *a, const struct line *l,
    struct snek_error *e)
{
	struct sk_aws_request q = { .service = l->service, .method = "GET",
		.path = l->path, .query = l->query };
	struct sk_aws_header h = { "x-case", l->name };
	struct sk_buf url = { 0 };
	struct sk_aws_reply r = { 0 };
	int rc = ops->presign(a, &q, 3600, &url, e);

	if (!rc) {
		q = (struct sk_aws_request){ .method = "GET", .path = url.p,
			.header = &h, .headers = 1 };
		rc = ops->call(a, &q, &r, e);
	}
	sk_aws_reply_free(&r);
	sk_buf_free(&url);
	return rc;
}

static int print_token(const struct line *l, struct snek_error *e)
{
	struct sk_sign s = { .key_id = getenv("AWS_ACCESS_KEY_ID"),
		.secret = getenv("AWS_SECRET_ACCESS_KEY"),
		.token = getenv("AWS_SESSION_TOKEN"),
		.region = getenv("AWS_REGION"), .time = 1795435200 };
	struct sk_buf b = { 0 };
	int rc = sk_sign_cache_token(&s, l->service, l->path, *l->query, &b, e);

	if (!rc)
		printf("token %.*s\n", (int)b.n, b.p);
	sk_buf_free(&b);
	return rc;
}

int main(void)
{
	struct sk_aws_options o = { 0 };
	struct snek_error e = { 0 };
	char text[16384];
	struct sk_aws *a;
	struct line l;
	int rc = sk_aws_load(&ops, &e);

	if (!rc)
		rc = ops->open(&o, &a, &e);
	if (rc) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	while (fgets(text, sizeof(text), stdin) && split(text, &l)) {
		if (!strcmp(l.method, "presign"))
			rc = send_presigned(a, &l, &e);
		else if (!strcmp(l.method, "token"))
			rc = print_token(&l, &e);
		else
			rc = send_line(a, &l, &e);
		printf("%s\t%d\t%s\n", l.name, rc, rc ? e.text : "");
	}
	ops->close(a);
	return 0;
}
