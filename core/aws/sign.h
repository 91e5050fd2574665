/* SPDX-License-Identifier: MIT */
/*
 * sign.h - AWS Signature Version 4: who asks, proven over every byte that is
 * asked.  Pure: the time is an argument, nothing is sent.
 */
#ifndef SK_SIGN_H
#define SK_SIGN_H
#include "aws/header.h"
#include "base/buf.h"
#include "base/err.h"

#define SK_SIGN_HASH 65         /* bytes of a SHA-256 in hex, and a NUL */
#define SK_SIGN_EMPTY \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* What a secret comes to for a day, a region and a service; zeroed: nothing
 * yet.  It is as secret. */
struct sk_sign_key {
	char scope[160];
	uint8_t key[32];
};

struct sk_sign {
	const char *key_id, *secret;
	struct sk_sign_key *kept;       /* of the secret, for the next; or NULL */
	const char *token;              /* of a session, or NULL */
	const char *region, *service;   /* service: as it is signed */
	int64_t time;                   /* seconds since 1970 */
	const char *method;
	const char *path, *query;       /* as sent: percent-encoded */
	/* What is signed, "host" among it; for the headers' form all but
	 * x-amz-date and x-amz-security-token, which are signed unasked. */
	const struct sk_aws_header *header;
	size_t headers;
	const char *body_hash;          /* hex, or "UNSIGNED-PAYLOAD" */
	bool s3;                        /* the path is encoded once */
};

/* The value of the header x-amz-date. */
void sk_sign_date(int64_t time, char out[17]);
int sk_sign_hash(const void *, size_t n, char out[SK_SIGN_HASH],
    struct snek_error *);

/* Append the value of the header authorization. */
int sk_sign_headers(const struct sk_sign *, struct sk_buf *, struct snek_error *);

/* Append the query of a URL that is good for so many seconds: what the request
 * has and what signs it. */
int sk_sign_query(const struct sk_sign *, uint32_t seconds, struct sk_buf *,
    struct snek_error *);

/* Append bytes as a path or a query has them: all but letters, digits and
 * "-._~" (and '/', if kept) as %XX.  False: memory is out. */
bool sk_sign_encode(struct sk_buf *, const char *, size_t n, bool keep_slash);

/* Append the password with which a user is let in by ElastiCache: a presigned
 * URL without its scheme, good for 15 minutes (key, token, region and time of
 * the sk_sign alone are looked at). */
int sk_sign_cache_token(const struct sk_sign *, const char *cache,
    const char *user, bool serverless, struct sk_buf *, struct snek_error *);
#endif
