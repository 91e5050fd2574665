/* SPDX-License-Identifier: MIT */
/* Signatures that AWS has published, with the example's own key. */
#include "check_main.h"

#include <stdio.h>
#include <string.h>

#include "aws/sign.h"

#define KEY "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

#define S3_KEY "AKIAIOSFODNN7EXAMPLE"
#define S3_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

enum {
	AT = 1440938160,                /* 20150830T123600Z */
	S3_AT = 1369353600,             /* 20130524T000000Z */
};

static const struct sk_aws_header plain[] = {
	{ "Host", "example.amazonaws.com" },
};
static const struct sk_aws_header repeated[] = {
	{ "Host", "example.amazonaws.com" },
	{ "My-Header1", "value4" }, { "My-Header1", "value1" },
	{ "My-Header1", "value3" }, { "My-Header1", "value2" },
};
static const struct sk_aws_header blanks[] = {
	{ "Host", "example.amazonaws.com" },
	{ "My-Header1", " value1" }, { "My-Header2", " \"a   b   c\"" },
};
static const struct sk_aws_header form[] = {
	{ "Content-Type", "application/x-www-form-urlencoded" },
	{ "Host", "example.amazonaws.com" },
};

static const struct vector {
	const char *method, *path, *query;
	const struct sk_aws_header *header;
	size_t headers;
	const char *body, *signature;
} vectors[] = {
	{ "GET", "/", NULL, plain, 1, "",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "POST", "/", NULL, plain, 1, "",
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "GET", "/", "Param2=value2&Param1=value1", plain, 1, "",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "GET", "/example1/example2/../..", NULL, plain, 1, "",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "GET", "/./", NULL, plain, 1, "",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "GET", "//", NULL, plain, 1, "",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "GET", "//example//", NULL, plain, 1, "",
	    "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84" },
	{ "GET", "/", NULL, repeated, 5, "",
	    "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
	{ "GET", "/", NULL, blanks, 3, "",
	    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ "GET", "/\xe1\x88\xb4", NULL, plain, 1, "",
	    "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
	    "wxyz", NULL, plain, 1, "",
	    "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
	{ "POST", "/", NULL, form, 2, "Param1=value1",
	    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
};

static void set(struct sk_sign *s, const struct vector *v, char *hash)
{
	*s = (struct sk_sign){
		.key_id = KEY, .secret = SECRET, .region = "us-east-1",
		.service = "service", .time = AT, .method = v->method,
		.path = v->path, .query = v->query, .header = v->header,
		.headers = v->headers, .body_hash = hash,
	};
	ck_assert_int_eq(sk_sign_hash(v->body, strlen(v->body), hash, NULL), 0);
}

START_TEST(a_published_request_has_the_published_signature)
{
	const struct vector *v = &vectors[_i];
	char hash[SK_SIGN_HASH];
	struct sk_buf b = { 0 };
	struct sk_sign s;

	set(&s, v, hash);
	ck_assert_int_eq(sk_sign_headers(&s, &b, NULL), 0);
	ck_assert_ptr_nonnull(memmem(b.p, b.n, v->signature, 64));
	sk_buf_free(&b);
}
END_TEST

/* ---- examples of the services' own pages ---- */

#define UNSIGNED "UNSIGNED-PAYLOAD"

static const struct sk_aws_header ranged[] = {
	{ "Host", "examplebucket.s3.amazonaws.com" },
	{ "Range", "bytes=0-9" }, { "x-amz-content-sha256", SK_SIGN_EMPTY },
};
static const struct sk_aws_header bucket[] = {
	{ "Host", "examplebucket.s3.amazonaws.com" },
	{ "x-amz-content-sha256", SK_SIGN_EMPTY },
};
static const struct sk_aws_header stored[] = {
	{ "Host", "examplebucket.s3.amazonaws.com" },
	{ "Date", "Fri, 24 May 2013 00:00:00 GMT" },
	{ "x-amz-storage-class", "REDUCED_REDUNDANCY" },
	{ "x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99"
	    "e42034a8b803f8b072" },
};
static const struct sk_aws_header users[] = {
	{ "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
	{ "Host", "iam.amazonaws.com" },
};

static const struct example {
	const char *key_id, *secret, *service;
	int64_t time;
	const char *method, *path, *query;
	const struct sk_aws_header *header;
	size_t headers;
	const char *hash, *signature;
} examples[] = {
	{ KEY, SECRET, "iam", AT, "GET", "/",
	    "Action=ListUsers&Version=2010-05-08", users, 2, SK_SIGN_EMPTY,
	    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7" },
	{ S3_KEY, S3_SECRET, "s3", S3_AT, "GET", "/test.txt", NULL, ranged, 3,
	    SK_SIGN_EMPTY,
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ S3_KEY, S3_SECRET, "s3", S3_AT, "PUT", "/test%24file.text", NULL,
	    stored, 4, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99"
	    "e42034a8b803f8b072",
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ S3_KEY, S3_SECRET, "s3", S3_AT, "GET", "/", "lifecycle", bucket, 2,
	    SK_SIGN_EMPTY,
	    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ S3_KEY, S3_SECRET, "s3", S3_AT, "GET", "/", "max-keys=2&prefix=J",
	    bucket, 2, SK_SIGN_EMPTY,
	    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

static void is_signed(const struct example *x, struct sk_sign_key *kept)
{
	struct sk_sign s = { .kept = kept, .key_id = x->key_id, .secret = x->secret,
		.region = "us-east-1", .service = x->service, .time = x->time,
		.method = x->method, .path = x->path, .query = x->query,
		.header = x->header, .headers = x->headers,
		.body_hash = x->hash, .s3 = !strcmp(x->service, "s3") };
	struct sk_buf b = { 0 };

	ck_assert_int_eq(sk_sign_headers(&s, &b, NULL), 0);
	ck_assert_msg(memmem(b.p, b.n, x->signature, 64) != NULL, "%.*s",
	    (int)b.n, b.p);
	sk_buf_free(&b);
}

START_TEST(an_example_has_the_signature_on_its_page)
{
	is_signed(&examples[_i], NULL);
}
END_TEST

/* Of a secret; another day or service has another. */
START_TEST(a_key_that_is_kept_signs_as_a_new_one)
{
	struct sk_sign_key kept = { .scope = "20130523/us-east-1/s3/"
	    "aws4_request" };
	size_t i, round;

	for (round = 0; round < 2; round++)
		for (i = 1; i < sizeof(examples) / sizeof(*examples); i++)
			is_signed(&examples[i], &kept);
	ck_assert_str_eq(kept.scope, "20130524/us-east-1/s3/aws4_request");
}
END_TEST

START_TEST(a_presigned_url_has_the_signature_on_its_page)
{
	struct sk_sign s = { .key_id = S3_KEY, .secret = S3_SECRET,
		.region = "us-east-1", .service = "s3", .time = S3_AT,
		.method = "GET", .path = "/test.txt", .header = bucket,
		.headers = 1, .body_hash = UNSIGNED, .s3 = true };
	struct sk_buf b = { 0 };

	ck_assert_int_eq(sk_sign_query(&s, 86400, &b, NULL), 0);
	ck_assert(sk_buf_byte(&b, 0));
	ck_assert_str_eq(b.p, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
	    "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&"
	    "X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
	    "X-Amz-SignedHeaders=host&X-Amz-Signature="
	    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
	sk_buf_free(&b);
}
END_TEST

/* ---- bounds ---- */

START_TEST(more_than_can_be_signed_is_refused)
{
	static struct sk_aws_header many[63];
	struct sk_sign s = { .key_id = KEY, .secret = SECRET,
		.region = "us-east-1", .service = "s3", .method = "GET",
		.path = "/", .header = many, .headers = 63, .body_hash = UNSIGNED };
	struct sk_buf b = { 0 }, query = { 0 };
	struct snek_error e;
	char name[200];
	int i;

	for (i = 0; i < 63; i++)
		many[i] = (struct sk_aws_header){ "x", "y" };
	ck_assert_int_eq(sk_sign_headers(&s, &b, &e), SNEK_ELIMIT);
	s.headers = 62;
	ck_assert_int_eq(sk_sign_headers(&s, &b, &e), 0);
	for (i = 0; i < 600; i++)
		ck_assert(sk_buf_printf(&query, "a=%d&", i));
	s.query = query.p;
	ck_assert_int_eq(sk_sign_headers(&s, &b, &e), SNEK_ELIMIT);
	s.query = NULL;
	memset(name, 'r', sizeof(name));
	name[199] = '\0';
	s.region = name;
	ck_assert_int_eq(sk_sign_headers(&s, &b, &e), SNEK_EINVAL);
	sk_buf_free(&b);
	sk_buf_free(&query);
}
END_TEST

START_TEST(any_time_has_a_date)
{
	char date[17];

	sk_sign_date(1795435200, date);
	ck_assert_str_eq(date, "20261123T120000Z");
	sk_sign_date(INT64_MAX, date);
	ck_assert_str_eq(date, "19700101T000000Z");
	sk_sign_date(INT64_MIN, date);
	ck_assert_str_eq(date, "19700101T000000Z");
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, a_published_request_has_the_published_signature,
	    0, sizeof(vectors) / sizeof(*vectors));
	tcase_add_loop_test(t, an_example_has_the_signature_on_its_page, 0,
	    sizeof(examples) / sizeof(*examples));
	tcase_add_test(t, a_key_that_is_kept_signs_as_a_new_one);
	tcase_add_test(t, a_presigned_url_has_the_signature_on_its_page);
	tcase_add_test(t, more_than_can_be_signed_is_refused);
	tcase_add_test(t, any_time_has_a_date);
}

int main(void)
{
	return check_main("sign", setup);
}
