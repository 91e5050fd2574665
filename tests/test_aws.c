/* SPDX-License-Identifier: MIT */
/* Calls through the module, as the library loads it, to servers of ours. */
#include "check_main.h"
#include "web.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aws/aws.h"
#include "base/clock.h"

static const struct sk_aws_ops *ops;
static struct web *web;

static struct sk_aws *open_aws(uint32_t connections)
{
	struct sk_aws_options o = { .region = "eu-west-1",
		.connections = connections };
	struct snek_error e = { 0 };
	struct sk_aws *a;

	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	ck_assert_int_eq(sk_aws_load(&ops, NULL), 0);
	ck_assert_msg(ops->open(&o, &a, &e) == 0, "%s", e.text);
	return a;
}

static struct sk_aws *start(web_handler *h, void *arg)
{
	web = web_start(h, arg);
	setenv("AWS_ENDPOINT_URL", web_url(web), 1);
	return open_aws(0);
}

static void stop(struct sk_aws *a)
{
	ops->close(a);
	web_stop(web);
}

/* Of a server that answers one thing. */
static void same(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)r;
	*a = *(const struct web_answer *)arg;
}

static const struct sk_aws_request get = { .service = "lambda",
	.action = "GetFunction", .method = "GET", .path = "/x" };

/* ---- answers ---- */

static void echo(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	ck_assert_str_eq(r->method, "POST");
	ck_assert_str_eq(r->target, "/2015-03-31/functions/f/invocations?Qualifier=7");
	ck_assert_str_eq(r->body, "{}");
	ck_assert_ptr_nonnull(strstr(web_header(r, "authorization"),
	    "/eu-west-1/lambda/aws4_request, SignedHeaders="));
	ck_assert_ptr_nonnull(strstr(web_header(r, "user-agent"), "snek/"));
	ck_assert_ptr_null(web_header(r, "expect"));
	ck_assert_ptr_null(web_header(r, "content-type"));
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
	ck_assert_str_eq(sk_aws_reply_header(&r, "Content-Length"), "3");
	ck_assert_ptr_null(sk_aws_reply_header(&r, "Content"));
	ck_assert_int_eq((int)r.body.n, 3);
	ck_assert_int_eq(memcmp(r.body.p, "[1]", 3), 0);
	sk_aws_reply_free(&r);
	ck_assert_str_eq(ops->region(a), "eu-west-1");
	stop(a);
}
END_TEST

static const struct {
	unsigned status;
	const char *headers, *body;
	int code;
	const char *says;
} errors[] = {
	{ 404, "X-Amzn-ErrorType: ResourceNotFoundException:http://x/\r\n"
	    "x-amzn-requestid: q1\r\n", "{\"Message\":\"Function not found: f\"}",
	    SNEK_ENOENT, "lambda GetFunction: ResourceNotFoundException: "
	    "Function not found: f (status 404, request q1)" },
	{ 400, "", "{\"__type\":\"com.amazonaws.logs#ResourceNotFoundException\","
	    "\"message\":\"no\\ngroup\"}", SNEK_ENOENT,
	    "ResourceNotFoundException: no group (status 400)" },
	{ 400, "", "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>"
	    "ValidationError</Code><Message>Stack with id x does not exist"
	    "</Message></Error><RequestId>q2</RequestId></ErrorResponse>",
	    SNEK_EINVAL, "ValidationError: Stack with id x does not exist (status "
	    "400, request q2)" },
	{ 404, "x-amz-request-id: q3\r\n", "<?xml version=\"1.0\"?><Error><Code>"
	    "NoSuchKey</Code><Message>gone</Message></Error>", SNEK_ENOENT,
	    "NoSuchKey: gone (status 404, request q3)" },
	{ 400, "", "<Response><Errors><Error><Code>UnauthorizedOperation</Code>"
	    "<Message>m</Message></Error></Errors><RequestID>q4</RequestID>"
	    "</Response>", SNEK_EACCES, "request q4); the policy needs "
	    "lambda:GetFunction" },
	{ 409, "X-Amzn-ErrorType: ResourceConflictException\r\n", "{}",
	    SNEK_ECONFLICT, "ResourceConflictException: (status 409)" },
	{ 403, "", "{\"__type\":\"AccessDeniedException\",\"Message\":\"User: x is "
	    "not authorized\"}", SNEK_EACCES, "needs lambda:GetFunction" },
	{ 403, "", "{\"__type\":\"UnrecognizedClientException\"}", SNEK_EACCES,
	    "AWS does not know this key" },
	{ 413, "X-Amzn-ErrorType: RequestTooLargeException\r\n", "", SNEK_EINVAL,
	    "it is too large" },
	{ 301, "Location: http://elsewhere/\r\n", "<Error><Code>PermanentRedirect"
	    "</Code><Message>m</Message></Error>", SNEK_EINVAL,
	    "it is in another region" },
	{ 301, "x-amz-bucket-region: us-east-2\r\n", "", SNEK_EINVAL,
	    "(status 301); the bucket is in us-east-2" },
	{ 307, "Location: http://elsewhere/\r\n", "", SNEK_EINVAL,
	    "nobody is followed there" },
	{ 400, "", "{\"__type\":[1", SNEK_EINVAL, "(status 400)" },
	{ 400, "", "<Error><Code>", SNEK_EINVAL, "(status 400)" },
};

START_TEST(an_error_says_what_who_and_what_to_do)
{
	struct web_answer answer = { .status = errors[_i].status,
		.headers = errors[_i].headers, .body = errors[_i].body };
	struct sk_aws *a = start(same, &answer);
	struct sk_aws_reply r;
	struct snek_error e;

	ck_assert_int_eq(ops->call(a, &get, &r, &e), errors[_i].code);
	ck_assert_msg(strstr(e.text, errors[_i].says) != NULL, "%s", e.text);
	ck_assert(!strncmp(e.text, "lambda GetFunction: ", 20));
	ck_assert_int_eq(r.code, 0);
	ck_assert_uint_eq(r.status, errors[_i].status);
	ck_assert_uint_eq(web_requests(web), 1);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

static const struct {
	struct sk_aws_request q;
	const char *message, *right;
} denials[] = {
	{ { .service = "tagging", .action = "GetResources" }, "",
	    "tag:GetResources" },
	{ { .service = "lambda", .action = "Invoke" }, "no",
	    "lambda:InvokeFunction" },
	{ { .service = "lambda", .action = "GetFunction" }, "no",
	    "lambda:GetFunction" },
	{ { .service = "s3", .action = "ListObjectVersions" }, "no",
	    "s3:ListBucketVersions" },
	{ { .service = "s3", .action = "DeleteObject",
	    .query = "versionId=3" }, "no", "s3:DeleteObjectVersion" },
	{ { .service = "s3", .action = "DeleteObject" }, "no",
	    "s3:DeleteObject" },
	{ { .service = "s3", .action = "HeadObject", .method = "HEAD" }, "",
	    "s3:GetObject and s3:ListBucket" },
	{ { .service = "lambda", .action = "CreateFunction" }, "User: arn:x:y is "
	    "not authorized to perform: iam:PassRole on resource: arn:x:role",
	    "iam:PassRole" },
	{ { .service = "lambda", .action = "CreateFunction" }, "User: arn:x:y is "
	    "not authorized to perform: this on", "lambda:CreateFunction" },
};

START_TEST(a_denial_names_the_right_as_policies_call_it)
{
	struct sk_aws_request q = denials[_i].q;
	struct sk_aws_reply r;
	struct snek_error e;
	char body[300], says[100];
	struct web_answer answer = { .status = 403, .body = body };
	struct sk_aws *a = start(same, &answer);

	q.path = "/x";
	q.method = q.method ? q.method : "GET";
	snprintf(body, sizeof(body), "<Error><Code>AccessDenied</Code><Message>%s"
	    "</Message></Error>", denials[_i].message);
	if (!strcmp(q.method, "HEAD"))
		*body = '\0';
	snprintf(says, sizeof(says), "; the policy needs %s", denials[_i].right);
	ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_EACCES);
	ck_assert_ptr_nonnull(strstr(e.text, says));
	ck_assert_str_eq(strstr(e.text, says), says);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

/* ---- tries ---- */

struct flaky {
	unsigned failures;
	struct web_answer how;
};

static void fail_first(void *arg, const struct web_request *r,
    struct web_answer *a)
{
	const struct flaky *f = arg;

	if (r->number < f->failures)
		*a = f->how;
	else
		a->body = "good";
}

static const struct flaky flaky[] = {
	{ 2, { .status = 500 } },
	{ 1, { .status = 503, .body = "<Error><Code>SlowDown</Code></Error>" } },
	{ 2, { .status = 502, .body = "not ours" } },
	{ 1, { .status = 429, .headers = "Retry-After: 0\r\n" } },
	{ 2, { .drop = true } },
	{ 1, { .drop = true, .body = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
	    "half" } },
	{ 1, { .status = 400, .body = "{\"__type\":\"ThrottlingException\"}" } },
};

START_TEST(what_may_go_better_is_tried_again)
{
	struct flaky f = flaky[_i];
	struct sk_aws *a = start(fail_first, &f);
	struct sk_aws_reply r;
	struct snek_error e = { 0 };

	ck_assert_msg(ops->call(a, &get, &r, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(r.tries, f.failures + 1);
	ck_assert_uint_eq(web_requests(web), f.failures + 1);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

START_TEST(tries_end)
{
	struct web_answer bad = { .status = 500, .headers = "x-amz-retry-after: "
	    "1\r\n" };
	struct sk_aws *a = start(same, &bad);
	struct sk_aws_request once = get;
	struct sk_aws_reply r;
	struct snek_error e;

	ck_assert_int_eq(ops->call(a, &get, &r, &e), SNEK_EAGAIN);
	ck_assert_uint_eq(r.tries, 3);
	ck_assert_int_eq(r.retry_after_ms, 1);
	ck_assert_ptr_nonnull(strstr(e.text, "(status 500); try again later"));
	sk_aws_reply_free(&r);
	once.tries = 1;
	ck_assert_int_eq(ops->call(a, &once, &r, &e), SNEK_EAGAIN);
	ck_assert_uint_eq(web_requests(web), 4);
	sk_aws_reply_free(&r);
	ops->close(a);
	setenv("AWS_MAX_ATTEMPTS", "2", 1);
	a = open_aws(0);
	ck_assert_int_eq(ops->call(a, &get, &r, &e), SNEK_EAGAIN);
	ck_assert_uint_eq(r.tries, 2);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

START_TEST(a_retry_mode_that_is_none_is_refused)
{
	struct sk_aws_options o = { 0 };
	struct snek_error e;
	struct sk_aws *a;

	ck_assert_int_eq(sk_aws_load(&ops, NULL), 0);
	setenv("AWS_RETRY_MODE", "often", 1);
	ck_assert_int_eq(ops->open(&o, &a, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "AWS_RETRY_MODE"));
}
END_TEST

/* ---- signed anew ---- */

/* AWS's clock is an hour ahead. */
static void ahead(void *arg, const struct web_request *r, struct web_answer *a)
{
	static char headers[100];
	time_t now = time(NULL) + 3600;
	char hour[20];

	(void)arg;
	strftime(headers, sizeof(headers), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
	    gmtime(&now));
	strftime(hour, sizeof(hour), "%Y%m%dT%H", gmtime(&now));
	a->headers = headers;
	if (strncmp(web_header(r, "x-amz-date"), hour, strlen(hour))) {
		a->status = 403;
		a->body = "{\"__type\":\"InvalidSignatureException\",\"message\":"
		    "\"Signature expired\"}";
	}
}

START_TEST(a_clock_that_is_wrong_is_corrected_for)
{
	struct sk_aws *a = start(ahead, NULL);
	struct sk_aws_request once = get;
	struct sk_aws_reply r;
	struct snek_error e = { 0 };

	once.tries = 1;
	ck_assert_msg(ops->call(a, &once, &r, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(r.tries, 1);
	sk_aws_reply_free(&r);
	ck_assert_uint_eq(web_requests(web), 2);
	ck_assert_int_eq(ops->call(a, &once, &r, &e), 0);
	ck_assert_uint_eq(web_requests(web), 3);        /* and remembered */
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

/* Anybody whose key is not NEW has expired. */
static void expire(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	if (strstr(web_header(r, "authorization"), "Credential=NEW/"))
		return;
	a->status = 403;
	a->body = "{\"__type\":\"ExpiredTokenException\"}";
}

START_TEST(keys_that_have_expired_are_looked_for_again_once)
{
	struct sk_aws *a = start(expire, NULL);
	struct sk_aws_reply r;
	struct snek_error e;

	ck_assert_int_eq(ops->call(a, &get, &r, &e), SNEK_EACCES);
	ck_assert_ptr_nonnull(strstr(e.text, "renew the credentials"));
	ck_assert_uint_eq(web_requests(web), 1);        /* no others are there */
	sk_aws_reply_free(&r);
	setenv("AWS_ACCESS_KEY_ID", "NEW", 1);
	ck_assert_int_eq(ops->call(a, &get, &r, &e), 0);
	ck_assert_uint_eq(web_requests(web), 3);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

/* An agent whose keys are good for ten more minutes, until it fails. */
static void agent(void *arg, const struct web_request *r, struct web_answer *a)
{
	static char text[300];
	time_t soon = time(NULL) + 600;
	char when[40];

	(void)arg;
	if (r->number) {
		a->status = 400;
		return;
	}
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime(&soon));
	snprintf(text, sizeof(text), "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":"
	    "\"s\",\"Token\":\"t\",\"Expiration\":\"%s\"}", when);
	a->body = text;
}

START_TEST(keys_are_used_until_they_end_when_there_are_no_others)
{
	struct web_answer good = { 0 };
	struct web *keys = web_start(agent, NULL);
	struct sk_aws *a = start(same, &good);
	struct sk_aws_identity who;
	struct sk_aws_reply r;
	struct snek_error e = { 0 };
	int i;

	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", web_url(keys), 1);
	for (i = 0; i < 3; i++) {
		ck_assert_msg(ops->call(a, &get, &r, &e) == 0, "%s", e.text);
		sk_aws_reply_free(&r);
	}
	ck_assert_uint_eq(web_requests(keys), 1);
	ck_assert_int_eq(ops->who(a, &who, &e), 0);
	ck_assert_str_eq(who.source, "container");
	ck_assert_str_eq(who.key_id, "A");
	ck_assert_str_eq(who.profile, "default");
	ck_assert_int_gt(who.expires, time(NULL));
	web_stop(keys);
	stop(a);
}
END_TEST

/* ---- bounds ---- */

static void flood(void *arg, const struct web_request *r, struct web_answer *a)
{
	static char head[200000];
	size_t n;

	(void)arg;
	a->raw = a->drop = true;
	if (strstr(r->target, "chunked")) {
		a->body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "400\r\n";
	} else if (strstr(r->target, "long")) {
		a->body = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
	} else if (strstr(r->target, "head")) {
		n = (size_t)sprintf(head, "HTTP/1.1 200 OK\r\n");
		while (n < sizeof(head) - 100)
			n += (size_t)sprintf(head + n, "X-Pad: %060zu\r\n", n);
		a->body = head;
	} else if (strstr(r->target, "old")) {
		a->body = "<html>hello</html>";
	} else {
		a->body = "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n";
	}
}

static const struct {
	const char *path;
	int code;
	const char *says;
} floods[] = {
	{ "/long", SNEK_ELIMIT, "more than 1000 bytes of body" },
	{ "/head", SNEK_ELIMIT, "more than 65536 bytes of headers" },
	{ "/old", SNEK_EFORMAT, "HTTP/0.9" },
};

START_TEST(answers_that_are_too_large_or_none_are_refused)
{
	struct sk_aws *a = start(flood, NULL);
	struct sk_aws_request q = { .service = "lambda", .method = "GET",
		.path = floods[_i].path, .max_reply = 1000, .tries = 1 };
	struct sk_aws_reply r;
	struct snek_error e;

	ck_assert_int_eq(ops->call(a, &q, &r, &e), floods[_i].code);
	ck_assert_msg(strstr(e.text, floods[_i].says) != NULL, "%s", e.text);
	ck_assert(!strncmp(e.text, "lambda /", 8));
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

static void chunks(void *arg, const struct web_request *r, struct web_answer *a)
{
	static char text[70000];
	size_t n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	int i;

	(void)arg;
	(void)r;
	for (i = 0; i < 60; i++)
		n += (size_t)sprintf(text + n, "3e8\r\n%01000d\r\n", i);
	sprintf(text + n, "0\r\n\r\n");
	a->raw = true;
	a->body = text;
}

START_TEST(an_answer_of_unknown_length_is_bounded_as_it_comes)
{
	struct sk_aws *a = start(chunks, NULL);
	struct sk_aws_request q = get;
	struct sk_aws_reply r;
	struct snek_error e;

	q.max_reply = 60000;
	ck_assert_int_eq(ops->call(a, &q, &r, &e), 0);
	ck_assert_uint_eq(r.body.n, 60000);
	sk_aws_reply_free(&r);
	q.max_reply = 59999;
	ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_ELIMIT);
	ck_assert_ptr_nonnull(strstr(e.text, "more than 59999 bytes of body"));
	ck_assert_uint_lt(r.body.cap, 120000);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

START_TEST(headers_that_are_none_are_not_sent)
{
	static const struct sk_aws_header bad[] = { { "a", "b\r\nc: d" },
		{ "a: b", "c" }, { "a\n", "b" } };
	struct web_answer good = { 0 };
	struct sk_aws *a = start(same, &good);
	struct sk_aws_request q = get;
	struct sk_aws_reply r;
	struct snek_error e;
	int i;

	q.headers = 1;
	for (i = 0; i < 3; i++) {
		q.header = &bad[i];
		ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_EINVAL);
		ck_assert_ptr_nonnull(strstr(e.text, "a header that is none"));
		sk_aws_reply_free(&r);
	}
	ck_assert_uint_eq(web_requests(web), 0);
	stop(a);
}
END_TEST

START_TEST(a_service_nobody_knows_is_refused)
{
	struct sk_aws *a = open_aws(0);
	struct sk_aws_request q = { .service = "lamda", .method = "GET",
		.path = "/" };
	struct sk_aws_reply r;
	struct snek_error e;

	ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "no AWS service \"lamda\""));
	q.service = NULL;
	ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "is no http://"));
	ops->close(a);
}
END_TEST

/* ---- nobody there ---- */

START_TEST(a_port_where_nobody_listens_is_said)
{
	struct sk_aws *a;
	struct sk_aws_request q = get;
	struct sk_aws_reply r;
	struct snek_error e;

	setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1", 1);
	a = open_aws(0);
	q.tries = 1;
	ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_EAGAIN);
	ck_assert_ptr_nonnull(strstr(e.text, "http://127.0.0.1:1: "));
	ck_assert_ptr_nonnull(strstr(e.text, "does something listen there?"));
	ck_assert(!r.sent);
	sk_aws_reply_free(&r);
	ops->close(a);
}
END_TEST

START_TEST(a_call_that_takes_too_long_may_have_been_done)
{
	struct web_answer never = { .delay_ms = 600000 };
	struct sk_aws *a = start(same, &never);
	struct sk_aws_request q = get;
	struct sk_aws_reply r;
	struct snek_error e;

	q.tries = 1;
	q.timeout_ms = 300;
	ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_ETIMEDOUT);
	ck_assert_int_eq(r.code, SNEK_ETIMEDOUT);
	ck_assert(r.sent);
	ck_assert_uint_eq(r.status, 0);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

/* A listener whose queue is full, so that nobody gets through to it. */
START_TEST(a_call_that_did_not_get_through_was_not_done)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0), own[2];
	struct sk_aws_request q = get;
	struct sk_aws_reply r;
	struct snek_error e;
	struct sk_aws *a;
	char url[60];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, n), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	getsockname(fd, (struct sockaddr *)&in, &n);
	own[0] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(own[0], (struct sockaddr *)&in, n), 0);
	own[1] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	connect(own[1], (struct sockaddr *)&in, n);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(in.sin_port));
	setenv("AWS_ENDPOINT_URL", url, 1);
	a = open_aws(0);
	q.tries = 1;
	q.timeout_ms = 500;
	ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_ETIMEDOUT);
	ck_assert(!r.sent);
	sk_aws_reply_free(&r);
	ops->close(a);
	close(own[0]);
	close(own[1]);
	close(fd);
}
END_TEST

/* ---- many ---- */

struct many {
	unsigned good, bad;
	struct sk_aws *aws;
};

static void count(void *arg, struct sk_aws_reply *r)
{
	struct many *m = arg;

	if (!r->code && r->status == 200)
		m->good++;
	else
		m->bad++;
	sk_aws_reply_free(r);
}

static void drain(struct many *m, unsigned n)
{
	struct snek_error e;

	while (m->good + m->bad < n)
		ck_assert_int_ge(ops->step(m->aws, 60000, &e), 0);
}

static void begin(struct many *m, const struct sk_aws_request *q, unsigned n)
{
	struct sk_aws_call *c;
	struct snek_error e = { 0 };
	unsigned i;

	for (i = 0; i < n; i++)
		ck_assert_msg(ops->begin(m->aws, q, count, m, &c, &e) == 0, "%s",
		    e.text);
}

/* A thousand, where the limit on descriptors lets client and server be here. */
static unsigned raise_limit(void)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max < 4096 ? l.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &l);
	return l.rlim_cur >= 2500 ? 1000 : 100;
}

START_TEST(a_thousand_calls_are_under_way_at_once)
{
	unsigned n = raise_limit();
	struct web_answer held = { .hold = n };
	struct many m = { .aws = start(same, &held) };

	begin(&m, &get, n);
	drain(&m, n);
	ck_assert_uint_eq(m.good, n);
	ck_assert_uint_eq(web_peak(web), n);
	m.good = 0;
	begin(&m, &get, n);
	drain(&m, n);
	ck_assert_uint_eq(web_connections(web), n);     /* kept */
	stop(m.aws);
}
END_TEST

START_TEST(more_calls_than_connections_wait_their_turn)
{
	struct web_answer good = { 0 };
	struct many m = { 0 };

	ops = NULL;
	web = web_start(same, &good);
	setenv("AWS_ENDPOINT_URL", web_url(web), 1);
	m.aws = open_aws(5);
	begin(&m, &get, 200);
	drain(&m, 200);
	ck_assert_uint_eq(m.good, 200);
	ck_assert_uint_le(web_connections(web), 5);
	stop(m.aws);
}
END_TEST

/* The limit is that of when it is opened; the server lives here, too. */
START_TEST(descriptors_limit_connections)
{
	struct web_answer held = { .hold = 136 };
	struct rlimit was, l;
	struct many m = { 0 };

	web = web_start(same, &held);
	setenv("AWS_ENDPOINT_URL", web_url(web), 1);
	getrlimit(RLIMIT_NOFILE, &was);
	l = was;
	l.rlim_cur = 200;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
	m.aws = open_aws(1000);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	begin(&m, &get, 5 * 136);
	drain(&m, 5 * 136);
	ck_assert_uint_eq(m.bad, 0);
	ck_assert_uint_eq(web_connections(web), 136);
	stop(m.aws);
}
END_TEST

/* A name takes a thread to look up: one call goes first. */
START_TEST(calls_to_a_name_wait_until_it_is_known)
{
	struct web_answer held = { .hold = 50 };
	struct many m = { 0 };
	char url[60];

	web = web_start(same, &held);
	/* What looks like a name, and needs no name server. */
	snprintf(url, sizeof(url), "http://127.1:%s",
	    strrchr(web_url(web), ':') + 1);
	setenv("AWS_ENDPOINT_URL", url, 1);
	m.aws = open_aws(0);
	begin(&m, &get, 50);
	drain(&m, 50);
	ck_assert_uint_eq(m.good, 50);
	stop(m.aws);
}
END_TEST

static void must_not(void *arg, struct sk_aws_reply *r)
{
	(void)arg;
	(void)r;
	ck_abort_msg("a call that was cancelled ended");
}

struct killer {
	struct sk_aws *aws;
	struct sk_aws_call *victim[3];
	bool done;
};

static void kill_others(void *arg, struct sk_aws_reply *r)
{
	struct killer *k = arg;
	int i;

	for (i = 0; i < 3; i++)
		ops->cancel(k->aws, k->victim[i]);
	k->done = true;
	sk_aws_reply_free(r);
}

static void by_path(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	if (strstr(r->target, "never"))
		a->delay_ms = 600000;
	if (strstr(r->target, "again"))
		a->status = 500;
	if (strstr(r->target, "late"))
		a->delay_ms = 200;
}

/* One on its way, one that waits for its next try, one whose turn is to come. */
START_TEST(a_call_that_is_cancelled_does_not_end)
{
	struct killer k = { .aws = start(by_path, NULL) };
	struct sk_aws_request q = get;
	struct sk_aws_call *c;
	struct snek_error e;

	q.path = "/never";
	ck_assert_int_eq(ops->begin(k.aws, &q, must_not, NULL, &k.victim[0], &e), 0);
	q.path = "/again";
	q.tries = 1000;
	ck_assert_int_eq(ops->begin(k.aws, &q, must_not, NULL, &k.victim[1], &e), 0);
	q.path = "/late";
	ck_assert_int_eq(ops->begin(k.aws, &q, kill_others, &k, &c, &e), 0);
	q.path = "/never";
	ck_assert_int_eq(ops->begin(k.aws, &q, must_not, NULL, &k.victim[2], &e), 0);
	while (!k.done)
		ck_assert_int_ge(ops->step(k.aws, 60000, &e), 0);
	ck_assert_int_eq(ops->step(k.aws, 50, &e), 0);
	ck_assert_int_eq(ops->begin(k.aws, &q, must_not, NULL, &c, &e), 0);
	stop(k.aws);                    /* with one under way */
}
END_TEST

static void as_proxy(void *arg, const struct web_request *r,
    struct web_answer *a)
{
	(void)arg;
	ck_assert_str_eq(r->target, "http://far.example/x");
	ck_assert_str_eq(web_header(r, "host"), "far.example");
	a->body = "by proxy";
}

START_TEST(what_is_far_goes_through_the_proxy)
{
	struct sk_aws *a = start(as_proxy, NULL);
	struct sk_aws_reply r;
	struct snek_error e = { 0 };

	setenv("http_proxy", web_url(web), 1);
	setenv("AWS_ENDPOINT_URL", "http://far.example:80", 1);
	ck_assert_msg(ops->call(a, &get, &r, &e) == 0, "%s", e.text);
	ck_assert_int_eq(memcmp(r.body.p, "by proxy", 8), 0);
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

static void *wake_soon(void *arg)
{
	usleep(50000);
	ops->wake(arg);
	return NULL;
}

START_TEST(a_step_ends_by_a_wake_or_in_time)
{
	struct sk_aws *a = start(by_path, NULL);
	int64_t began = sk_clock_ms();
	struct snek_error e;
	pthread_t t;

	ck_assert_int_eq(ops->step(a, 30, &e), 0);
	ck_assert_int_ge(sk_clock_ms() - began, 30);
	ck_assert_int_eq(ops->step(a, 0, &e), 0);
	pthread_create(&t, NULL, wake_soon, a);
	ck_assert_int_eq(ops->step(a, -1, &e), 0);
	pthread_join(t, NULL);
	stop(a);
}
END_TEST

/* Failing calls use up what there is for tries; then each is tried once. */
START_TEST(a_service_in_need_is_not_trampled)
{
	struct web_answer bad = { .status = 500 };
	struct many m = { .aws = start(same, &bad) };

	begin(&m, &get, 100);
	drain(&m, 100);
	ck_assert_uint_eq(m.bad, 100);
	ck_assert_uint_eq(web_requests(web), 135);
	stop(m.aws);
}
END_TEST

/* ---- plain HTTP ---- */

static void plain(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	ck_assert_ptr_null(web_header(r, "authorization"));
	ck_assert_ptr_null(web_header(r, "x-amz-date"));
	a->status = strstr(r->target, "bad") ? 418 : 200;
	a->body = r->body_n ? "posted" : "got";
}

START_TEST(a_url_of_no_service_is_not_signed)
{
	struct sk_aws *a = start(plain, NULL);
	char url[80];
	struct sk_aws_request q = { .method = "POST", .path = url,
		.body = { "x", 1 } };
	struct sk_aws_reply r;
	struct snek_error e;

	snprintf(url, sizeof(url), "%s/f?token=hidden", web_url(web));
	ck_assert_int_eq(ops->call(a, &q, &r, &e), 0);
	ck_assert_int_eq(memcmp(r.body.p, "posted", 6), 0);
	sk_aws_reply_free(&r);
	snprintf(url, sizeof(url), "%s/bad?token=hidden", web_url(web));
	ck_assert_int_eq(ops->call(a, &q, &r, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "POST 127.0.0.1:"));
	ck_assert_ptr_nonnull(strstr(e.text, "/bad: an answer without a reason (status 418)"));
	ck_assert_ptr_null(strstr(e.text, "hidden"));
	sk_aws_reply_free(&r);
	stop(a);
}
END_TEST

/* Who calls URLs alone need not have ~/.aws in order. */
START_TEST(plain_urls_need_no_profile)
{
	struct sk_aws_options o = { .plain = true };
	struct sk_aws *a = start(plain, NULL);
	char url[80];
	struct sk_aws_request q = { .method = "GET", .path = url };
	struct sk_aws_reply r;
	struct snek_error e = { 0 };

	ops->close(a);
	setenv("AWS_PROFILE", "nobody", 1);
	ck_assert_msg(ops->open(&o, &a, &e) == 0, "%s", e.text);
	snprintf(url, sizeof(url), "%s/f", web_url(web));
	ck_assert_int_eq(ops->call(a, &q, &r, &e), 0);
	sk_aws_reply_free(&r);
	ck_assert_int_eq(ops->call(a, &get, &r, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "plain URLs"));
	stop(a);
}
END_TEST

START_TEST(a_module_that_is_not_there_is_named)
{
	const struct sk_aws_ops *o;
	struct snek_error e;

	setenv("SNEK_AWS", "/no/such/snek-aws.so", 1);
	ck_assert_int_eq(sk_aws_load(&o, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "/no/such/snek-aws.so"));
	setenv("SNEK_AWS", getenv("SNEK_TLS"), 1);
	ck_assert_int_eq(sk_aws_load(&o, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "snek_aws_ops"));
}
END_TEST

static void setup_many(TCase *t)
{
	tcase_add_test(t, a_thousand_calls_are_under_way_at_once);
	tcase_add_test(t, more_calls_than_connections_wait_their_turn);
	tcase_add_test(t, descriptors_limit_connections);
	tcase_add_test(t, calls_to_a_name_wait_until_it_is_known);
	tcase_add_test(t, a_call_that_is_cancelled_does_not_end);
	tcase_add_test(t, what_is_far_goes_through_the_proxy);
	tcase_add_test(t, a_step_ends_by_a_wake_or_in_time);
	tcase_add_test(t, a_service_in_need_is_not_trampled);
}

static void setup(TCase *t)
{
	tcase_add_test(t, an_answer_comes_whole);
	tcase_add_loop_test(t, a_denial_names_the_right_as_policies_call_it, 0,
	    sizeof(denials) / sizeof(*denials));
	tcase_add_loop_test(t, an_error_says_what_who_and_what_to_do, 0,
	    sizeof(errors) / sizeof(*errors));
	tcase_add_loop_test(t, what_may_go_better_is_tried_again, 0,
	    sizeof(flaky) / sizeof(*flaky));
	tcase_add_test(t, tries_end);
	tcase_add_test(t, a_retry_mode_that_is_none_is_refused);
	tcase_add_test(t, a_clock_that_is_wrong_is_corrected_for);
	tcase_add_test(t, keys_that_have_expired_are_looked_for_again_once);
	tcase_add_test(t,
	    keys_are_used_until_they_end_when_there_are_no_others);
	tcase_add_loop_test(t, answers_that_are_too_large_or_none_are_refused, 0,
	    sizeof(floods) / sizeof(*floods));
	tcase_add_test(t, an_answer_of_unknown_length_is_bounded_as_it_comes);
	tcase_add_test(t, headers_that_are_none_are_not_sent);
	tcase_add_test(t, a_service_nobody_knows_is_refused);
	tcase_add_test(t, a_port_where_nobody_listens_is_said);
	tcase_add_test(t, a_call_that_takes_too_long_may_have_been_done);
	tcase_add_test(t, a_call_that_did_not_get_through_was_not_done);
	tcase_add_test(t, a_url_of_no_service_is_not_signed);
	tcase_add_test(t, plain_urls_need_no_profile);
	tcase_add_test(t, a_module_that_is_not_there_is_named);
	setup_many(t);
}

int main(void)
{
	return check_main("aws", setup);
}
