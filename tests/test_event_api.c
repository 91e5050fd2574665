/* SPDX-License-Identifier: MIT */
/* test_event_api.c - API Gateway's events into requests, and responses back. */
#include "api/event.h"
#include "base/base64.h"
#include "check_main.h"

static int parse(const char *json, struct sk_event_call *c)
{
	struct snek_error e = { 0 };

	return sk_event_parse((struct sk_span){ json, strlen(json) }, c, &e);
}

#define HEAD "{\"version\":\"2.0\",\"routeKey\":\"$default\",\"rawPath\":"
#define CONTEXT "\"requestContext\":{\"accountId\":\"1\",\"stage\":\"$default\"," \
	"\"requestId\":\"id-1=\",\"http\":{\"method\":\"POST\",\"path\":\"/x\"}}"

START_TEST(an_event_is_a_request)
{
	struct sk_event_call c;

	ck_assert_int_eq(parse(HEAD "\"/v1/categories/a%20b/records\","
	    "\"rawQueryString\":\"request_id=r%2F1&format=text\","
	    "\"headers\":{\"accept\":\"*/*\",\"content-type\":\"text/plain\","
	    "\"content-encoding\":\"br\"},"
	    CONTEXT ",\"body\":\"a\\nb\\n\",\"isBase64Encoded\":false}", &c), 0);
	ck_assert_str_eq(c.request.method, "POST");
	ck_assert_str_eq(c.request.path, "/v1/categories/a%20b/records");
	ck_assert_str_eq(c.request.query, "request_id=r%2F1&format=text");
	ck_assert_str_eq(c.request.type, "text/plain");
	ck_assert_str_eq(c.coding, "br");
	ck_assert_str_eq(c.id, "id-1=");
	ck_assert_uint_eq(c.request.body.n, 4);
	ck_assert_mem_eq(c.request.body.p, "a\nb\n", 4);
	sk_event_free(&c);
}
END_TEST

START_TEST(a_binary_body_comes_in_base64)
{
	struct sk_event_call c;

	ck_assert_int_eq(parse(HEAD "\"/write\"," CONTEXT
	    ",\"body\":\"AAECAw==\",\"isBase64Encoded\":true}", &c), 0);
	ck_assert_uint_eq(c.request.body.n, 4);
	ck_assert_mem_eq(c.request.body.p, "\0\1\2\3", 4);
	ck_assert_str_eq(c.request.query, "");
	ck_assert_str_eq(c.request.type, "");
	sk_event_free(&c);
	ck_assert_int_eq(parse(HEAD "\"/write\"," CONTEXT
	    ",\"body\":\"AAEC*\",\"isBase64Encoded\":true}", &c), SNEK_EFORMAT);
	sk_event_free(&c);
	ck_assert_int_eq(parse(HEAD "\"/write\"," CONTEXT ",\"body\":{\"a\":1}}",
	    &c), SNEK_EFORMAT);
	sk_event_free(&c);
	ck_assert_int_eq(parse(HEAD "\"/write\"," CONTEXT ",\"body\":null}", &c),
	    0);
	sk_event_free(&c);
}
END_TEST

START_TEST(a_body_of_the_most_bytes_fits_into_an_event)
{
	struct sk_event_call c;
	struct sk_buf b = { 0 };
	char *body = malloc(SK_EVENT_BODY);

	memset(body, '"', SK_EVENT_BODY);
	ck_assert(sk_buf_printf(&b, HEAD "\"/write\"," CONTEXT ",\"body\":\"") &&
	    sk_base64_put(&b, body, SK_EVENT_BODY) &&
	    sk_buf_printf(&b, "\",\"isBase64Encoded\":true}"));
	/* An HTTP API's heads have 10240 bytes at most, which escapes double. */
	ck_assert_uint_le(b.n + 2 * 10240, SK_EVENT_BYTES);
	ck_assert_int_eq(sk_event_parse((struct sk_span){ b.p, b.n }, &c, NULL),
	    0);
	ck_assert_uint_eq(c.request.body.n, SK_EVENT_BODY);
	ck_assert_mem_eq(c.request.body.p, body, SK_EVENT_BODY);
	sk_event_free(&c);
	sk_buf_free(&b);
	free(body);
}
END_TEST

START_TEST(a_stage_of_a_name_is_no_part_of_the_path)
{
	struct sk_event_call c;

#define STAGE "\"requestContext\":{\"stage\":\"prod\",\"http\":{\"method\":\"GET\"}}}"
	ck_assert_int_eq(parse(HEAD "\"/prod/v1\"," STAGE, &c), 0);
	ck_assert_str_eq(c.request.path, "/v1");
	sk_event_free(&c);
	ck_assert_int_eq(parse(HEAD "\"/prod\"," STAGE, &c), 0);
	ck_assert_str_eq(c.request.path, "/");
	sk_event_free(&c);
	ck_assert_int_eq(parse(HEAD "\"/production\"," STAGE, &c), 0);
	ck_assert_str_eq(c.request.path, "/production");
	sk_event_free(&c);
}
END_TEST

START_TEST(what_is_no_such_event_is_refused)
{
	static const char *const bad[] = { "", "{", "[]", "1", "{}",
		"{\"rawPath\":\"/\"}", "{\"rawPath\":1," CONTEXT "}",
		"{\"rawPath\":\"/\",\"requestContext\":{\"http\":[]}}",
		"{\"httpMethod\":\"GET\",\"path\":\"/v1\"}" };
	struct sk_event_call c;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(parse(bad[i], &c) == SNEK_EFORMAT, "%s", bad[i]);
		sk_event_free(&c);
	}
}
END_TEST

static void fill(struct sk_api_response *r, size_t n)
{
	*r = (struct sk_api_response){ .status = 202, .type = "application/json",
	    .location = "/v1/jobs/1", .next = "2.3", .retry_after_s = 4 };
	while (r->body.n < n)
		ck_assert(sk_buf_put(&r->body, "\"\n", 2));
}

START_TEST(a_response_has_its_headers_and_its_body_as_text)
{
	struct sk_api_response r;
	struct sk_buf b = { 0 };

	fill(&r, 2);
	ck_assert(sk_event_answer(&b, &r) && sk_buf_byte(&b, 0));
	ck_assert_str_eq(b.p, "{\"statusCode\":202,\"headers\":{\"content-type\":"
	    "\"application/json\",\"cache-control\":\"no-store\",\"location\":"
	    "\"/v1/jobs/1\",\"snek-next\":\"2.3\",\"retry-after\":\"4\"},"
	    "\"isBase64Encoded\":false,\"body\":\"\\\"\\n\"}");
	sk_buf_free(&b);
	sk_api_response_free(&r);
}
END_TEST

START_TEST(a_large_body_keeps_under_the_limit_of_lambda)
{
	struct sk_api_response r;
	struct sk_buf b = { 0 };

	fill(&r, 4u << 20);
	ck_assert(sk_event_answer(&b, &r));
	ck_assert_uint_lt(b.n, 6291456);
	ck_assert(memmem(b.p, b.n, "\"isBase64Encoded\":true", 22));
	sk_buf_free(&b);
	sk_api_response_free(&r);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, an_event_is_a_request);
	tcase_add_test(t, a_binary_body_comes_in_base64);
	tcase_add_test(t, a_body_of_the_most_bytes_fits_into_an_event);
	tcase_add_test(t, a_stage_of_a_name_is_no_part_of_the_path);
	tcase_add_test(t, what_is_no_such_event_is_refused);
	tcase_add_test(t, a_response_has_its_headers_and_its_body_as_text);
	tcase_add_test(t, a_large_body_keeps_under_the_limit_of_lambda);
}

int main(void)
{
	return check_main("event", setup);
}
