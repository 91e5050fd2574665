/* SPDX-License-Identifier: MIT */
/* Calls through the module, as the library loads it, to a server of ours. */
#include "check_main.h"
#include "web.h"

#include <string.h>

#include "aws/aws.h"

static const struct sk_aws_ops *ops;
static struct web *web;

static struct sk_aws *start(web_handler *h, void *arg)
{
	struct sk_aws_options o = { .region = "eu-west-1" };
	struct sk_aws *a;

	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	web = web_start(h, arg);
	setenv("AWS_ENDPOINT_URL", web_url(web), 1);
	ck_assert_int_eq(sk_aws_load(&ops, NULL), 0);
	ck_assert_int_eq(ops->open(&o, &a, NULL), 0);
	return a;
}

static void stop(struct sk_aws *a)
{
	ops->close(a);
	web_stop(web);
}

static void echo(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	ck_assert_str_eq(r->method, "POST");
	ck_assert_str_eq(r->target, "/2015-03-31/functions/f/invocations?Qualifier=7");
	ck_assert_str_eq(r->body, "{}");
	ck_assert_ptr_nonnull(strstr(web_header(r, "authorization"),
	    "/eu-west-1/lambda/aws4_request, SignedHeaders="));
	a->headers = "x-amzn-RequestId: abc\r\nX-Amz-Function-Error: Unhandled\r\n";
	a->body = "[1]";
}

START_TEST(an_answer_comes_whole)
{
	struct sk_aws *a = start(echo, NULL);
	struct sk_aws_request q = { .service = "lambda", .method = "POST",
		.path = "/2015-03-31/functions/f/invocations",
		.query = "Qualifier=7", .body = { "{}", 2 } };
	struct sk_aws_reply r;

	ck_assert_int_eq(ops->call(a, &q, &r, NULL), 0);
	ck_assert_uint_eq(r.status, 200);
	ck_assert_uint_eq(r.tries, 1);
	ck_assert(r.sent);
	ck_assert_str_eq(r.request_id, "abc");
	ck_assert_str_eq(r.function_error, "Unhandled");
	ck_assert_int_eq((int)r.body.n, 3);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, an_answer_comes_whole);
}

int main(void)
{
	return check_main("aws", setup);
}
