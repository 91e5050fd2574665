/* SPDX-License-Identifier: MIT */
/* The examples of AWS's own documents: https is not needed to know them. */
#include "host/signature.h"
#include "check_main.h"

#include <string.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define S3_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define IAM_SIGNATURE \
	"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
#define START "AWS4-HMAC-SHA256 "
#define REST "SignedHeaders=host, Signature="
#define IAM "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/" \
	"aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=" \
	IAM_SIGNATURE

static size_t path_of(const char *target)
{
	return strcspn(target, "?");
}

START_TEST(a_query_to_iam_has_the_signature_of_the_guide)
{
	static const char target[] = "/?Version=2010-05-08&Action=ListUsers";
	static const struct sk_signed_header headers[] = {
		{ "Host", "iam.amazonaws.com" },
		{ "Content-Type",
		    "  application/x-www-form-urlencoded;   charset=utf-8 " },
		{ "X-Amz-Date", "20150830T123600Z" }, { "Other", "x" },
	};
	struct sk_signed r = { .method = "GET", .target = target,
		.path_len = path_of(target), .payload = EMPTY, .header = headers,
		.headers = 4 };
	struct sk_signature s;
	char out[65];

	ck_assert(sk_signature_parse(&s, IAM, "20150830T123600Z", target));
	ck_assert_str_eq(s.key, "AKIDEXAMPLE");
	ck_assert_str_eq(s.region, "us-east-1");
	ck_assert(sk_signature_make(&s, &r, SECRET, out));
	ck_assert_str_eq(out, s.signature);
	ck_assert(sk_signature_make(&s, &r, "other", out));
	ck_assert_str_ne(out, s.signature);
	r.headers = 2;          /* one that is signed is not there */
	ck_assert(!sk_signature_make(&s, &r, SECRET, out));
}
END_TEST

START_TEST(an_object_that_is_read_in_part_has_the_signature_of_the_guide)
{
	static const char text[] = "AWS4-HMAC-SHA256 "
	    "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
	    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
	static const struct sk_signed_header headers[] = {
		{ "Host", "examplebucket.s3.amazonaws.com" },
		{ "Range", "bytes=0-9" }, { "x-amz-content-sha256", EMPTY },
		{ "x-amz-date", "20130524T000000Z" },
	};
	struct sk_signed r = { .method = "GET", .target = "/test.txt",
		.path_len = 9, .payload = EMPTY, .header = headers,
		.headers = 4 };
	struct sk_signature s;
	char out[65];

	ck_assert(sk_signature_parse(&s, text, "20130524T000000Z", r.target));
	ck_assert(sk_signature_make(&s, &r, S3_SECRET, out));
	ck_assert_str_eq(out, s.signature);
}
END_TEST

START_TEST(a_presigned_object_has_the_signature_of_the_guide)
{
	static const char target[] = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
	    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3"
	    "%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
	    "&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86"
	    "d86835f995330da4c265957d157751f604d404";
	static const struct sk_signed_header host = { "Host",
		"examplebucket.s3.amazonaws.com" };
	struct sk_signed r = { .method = "GET", .target = target,
		.path_len = path_of(target), .payload = "UNSIGNED-PAYLOAD",
		.header = &host, .headers = 1 };
	struct sk_signature s;
	char out[65];

	ck_assert(sk_signature_parse(&s, NULL, NULL, target));
	ck_assert(s.presigned);
	ck_assert(sk_signature_make(&s, &r, S3_SECRET, out));
	ck_assert_str_eq(out, s.signature);
}
END_TEST

START_TEST(the_order_of_the_query_is_that_of_its_names)
{
	static const struct sk_signed_header host = { "host", "h" };
	struct sk_signed r = { .method = "GET", .target = "/?a=1&a-b=2&a1=3&A=%7e",
		.path_len = 1, .payload = EMPTY, .header = &host, .headers = 1 };
	struct sk_signature s = { .day = "20260101", .region = "r",
		.service = "lambda", .time = "20260101T000000Z",
		.headers = "host" };
	char one[65], other[65];

	ck_assert(sk_signature_make(&s, &r, "secret", one));
	r.target = "/?A=~&a=1&a-b=2&a1=3";
	ck_assert(sk_signature_make(&s, &r, "secret", other));
	ck_assert_str_eq(one, other);
	r.target = "/?a1=3&a-b=2&A=~&a=1";
	ck_assert(sk_signature_make(&s, &r, "secret", other));
	ck_assert_str_eq(one, other);
}
END_TEST

START_TEST(what_is_no_signature_is_refused)
{
	static const char *const bad[] = { "", "Basic eDp5", START,
		START "Credential=A/20150830/r/s/aws4_request",
		START "Credential=A/20150830/r/s/other, " REST IAM_SIGNATURE,
		START "Credential=A/2015083x/r/s/aws4_request, " REST
		    IAM_SIGNATURE,
		START "Credential=A/20150830/r\"/s/aws4_request, " REST
		    IAM_SIGNATURE,
		START "Credential=A/20150830/r/s/aws4_request, " REST
		    IAM_SIGNATURE "0",
		START "Credential=A/20150830/r/s/aws4_request, " REST "nonsense" };
	struct sk_signature s;

	ck_assert(!sk_signature_parse(&s, bad[_i], "20150830T123600Z", "/"));
}
END_TEST

START_TEST(its_date_is_that_of_the_request)
{
	struct sk_signature s;

	ck_assert(!sk_signature_parse(&s, IAM, NULL, "/"));
	ck_assert(!sk_signature_parse(&s, IAM, "20150831T123600Z", "/"));
	ck_assert(!sk_signature_parse(&s, IAM, "20150830", "/"));
	ck_assert(!sk_signature_parse(&s, NULL, NULL, "/?X-Amz-Signature=1"));
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, a_query_to_iam_has_the_signature_of_the_guide);
	tcase_add_test(t,
	    an_object_that_is_read_in_part_has_the_signature_of_the_guide);
	tcase_add_test(t, a_presigned_object_has_the_signature_of_the_guide);
	tcase_add_test(t, the_order_of_the_query_is_that_of_its_names);
	tcase_add_loop_test(t, what_is_no_signature_is_refused, 0, 9);
	tcase_add_test(t, its_date_is_that_of_the_request);
}

int main(void)
{
	return check_main("signature", setup);
}
