/* SPDX-License-Identifier: MIT */
#include "aws/request.h"
#include "aws/sign.h"

#include <stdio.h>

void sk_wired_free(struct sk_wired *w)
{
	sk_arena_free(&w->mem);
	memset(w, 0, sizeof(*w));
}

static int add(struct sk_wired *w, const char *name, const char *value,
    struct snek_error *e)
{
	if (w->headers == SK_WIRED_HEADERS)
		return sk_fail(e, SNEK_ELIMIT, "more than %d headers",
		    SK_WIRED_HEADERS);
	if (!value)
		return sk_enomem(e);
	w->header[w->headers++] = (struct sk_aws_header){ name, value };
	return 0;
}

/* ---- the URL ---- */

static int put_url(struct sk_wired *w, const struct sk_aws_request *r,
    const char *base, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	bool ok = sk_buf_printf(&b, "%s%s", base, r->path) && (!r->query ||
	    !*r->query || sk_buf_printf(&b, "?%s", r->query));

	w->url = ok ? sk_arena_copy(&w->mem, b.p, b.n) : NULL;
	sk_buf_free(&b);
	return w->url ? 0 : sk_enomem(e);
}

static const char *authority_of(const char *url, size_t *n)
{
	const char *p = strstr(url, "://"), *at;

	p = p ? p + 3 : url;
	*n = strcspn(p, "/?#");
	at = memrchr(p, '@', *n);
	if (at) {
		*n -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	return p;
}

/* As libcurl would say it: without the port that goes without saying. */
static char *host_of(struct sk_wired *w)
{
	size_t n;
	const char *p = authority_of(w->url, &n);

	if (n > 4 && !memcmp(p + n - 4, ":443", 4) && !strncmp(w->url, "https:", 6))
		n -= 4;
	else if (n > 3 && !memcmp(p + n - 3, ":80", 3) &&
	    !strncmp(w->url, "http:", 5))
		n -= 3;
	return sk_arena_copy(&w->mem, p, n);
}

static char *path_of(struct sk_wired *w)
{
	size_t n;
	const char *p = authority_of(w->url, &n);

	p += n;
	n = strcspn(p, "?");
	return n ? sk_arena_copy(&w->mem, p, n) : sk_arena_copy(&w->mem, "/", 1);
}

/* ---- the signature ---- */

static int describe(struct sk_wired *w, const struct sk_aws_request *r,
    const struct sk_endpoint *where, const struct sk_cred *who, int64_t time,
    struct sk_sign *s, struct snek_error *e)
{
	*s = (struct sk_sign){
		.key_id = who->key_id, .secret = who->secret,
		.token = who->token, .region = where->region,
		.service = where->signing, .time = time, .method = r->method,
		.path = path_of(w), .query = r->query,
		.s3 = !strcmp(where->signing, "s3"),
	};
	return s->path ? 0 : sk_enomem(e);
}

static int hash_body(struct sk_wired *w, const struct sk_aws_request *r,
    struct sk_sign *s, struct snek_error *e)
{
	char hash[SK_SIGN_HASH];
	int rc = sk_sign_hash(r->body.p, r->body.n, hash, e);

	if (rc)
		return rc;
	s->body_hash = sk_arena_copy(&w->mem, hash, SK_SIGN_HASH - 1);
	if (!s->body_hash)
		return sk_enomem(e);
	return s->s3 ? add(w, "x-amz-content-sha256", s->body_hash, e) : 0;
}

static int sign(struct sk_wired *w, const struct sk_sign *s, struct snek_error *e)
{
	struct sk_buf value = { 0 };
	char date[17];
	int rc = sk_sign_headers(s, &value, e);

	sk_sign_date(s->time, date);
	if (!rc)
		rc = add(w, "x-amz-date", sk_arena_copy(&w->mem, date, 16), e);
	if (!rc && s->token)
		rc = add(w, "x-amz-security-token", s->token, e);
	if (!rc)
		rc = add(w, "authorization",
		    sk_arena_copy(&w->mem, value.p, value.n), e);
	sk_buf_free(&value);
	return rc;
}

static int put_headers(struct sk_wired *w, const struct sk_aws_request *r,
    struct snek_error *e)
{
	int rc = add(w, "host", host_of(w), e);
	size_t i;

	for (i = 0; !rc && i < r->headers; i++)
		rc = add(w, r->header[i].name, r->header[i].value, e);
	return rc;
}

int sk_wired_make(const struct sk_aws_request *r, const struct sk_endpoint *where,
    struct sk_cred *who, int64_t time, struct sk_wired *w,
    struct snek_error *e)
{
	struct sk_sign s;
	int rc;

	memset(w, 0, sizeof(*w));
	rc = put_url(w, r, where->url, e);
	if (!rc)
		rc = put_headers(w, r, e);
	if (!rc && who)
		rc = describe(w, r, where, who, time, &s, e);
	if (!rc && who)
		rc = hash_body(w, r, &s, e);
	s.header = w->header;
	s.headers = w->headers;
	s.kept = who ? &who->signing : NULL;
	if (!rc && who)
		rc = sign(w, &s, e);
	if (rc)
		sk_wired_free(w);
	return rc;
}

int sk_wired_presign(const struct sk_aws_request *r,
    const struct sk_endpoint *where, const struct sk_cred *who, int64_t time,
    uint32_t seconds, struct sk_buf *out, struct snek_error *e)
{
	struct sk_wired w = { 0 };
	struct sk_sign s;
	int rc = put_url(&w, r, where->url, e);

	if (!rc)
		rc = put_headers(&w, r, e);
	if (!rc)
		rc = describe(&w, r, where, who, time, &s, e);
	if (!rc) {
		s.body_hash = s.s3 ? "UNSIGNED-PAYLOAD" : SK_SIGN_EMPTY;
		s.header = w.header;
		s.headers = w.headers;
		rc = sk_buf_printf(out, "%.*s?", (int)strcspn(w.url, "?"),
		    w.url) ? sk_sign_query(&s, seconds, out, e) : sk_enomem(e);
	}
	if (!rc && !sk_buf_byte(out, 0))
		rc = sk_enomem(e);
	sk_wired_free(&w);
	return rc;
}
