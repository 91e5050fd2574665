/* SPDX-License-Identifier: MIT */
/* Signatures that AWS has published, with the example's own key. */
#include "check_main.h"

#include <stdio.h>
#include <string.h>

#include "aws/sign.h"

#define KEY "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

enum { AT = 1440938160 };               /* 20150830T123600Z */

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

static void setup(TCase *t)
{
	tcase_add_loop_test(t, a_published_request_has_the_published_signature,
	    0, sizeof(vectors) / sizeof(*vectors));
}

int main(void)
{
	return check_main("sign", setup);
}
