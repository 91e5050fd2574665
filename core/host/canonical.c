/* SPDX-License-Identifier: MIT */
/* canonical.c - the text that is signed, and its signature. */
#include "host/signature.h"
#include "host/uri.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { DIGEST = 32, PAD = 64, MEMBERS = 64 };

/* ---- HMAC (RFC 2104) over our SHA-256, which writes hex ---- */

static void unhex(const char *hex, unsigned char *to)
{
	size_t i;
	unsigned b;

	for (i = 0; i < DIGEST; i++) {
		sscanf(hex + 2 * i, "%2x", &b);
		to[i] = (unsigned char)b;
	}
}

static bool hash_two(const void *a, size_t an, const void *b, size_t bn,
    char hex[65])
{
	struct sk_buf all = { 0 };
	bool ok = sk_buf_put(&all, a, an) && sk_buf_put(&all, b, bn);

	if (ok)
		sk_sha256_hex(all.p, all.n, hex);
	sk_buf_free(&all);
	return ok;
}

/* Keys are no longer than a block here. */
static bool hmac(const void *key, size_t n, const char *text, char hex[65])
{
	unsigned char inner[PAD] = { 0 }, outer[PAD], digest[DIGEST];
	size_t i;

	if (n > PAD)
		return false;
	memcpy(inner, key, n);
	for (i = 0; i < PAD; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	if (!hash_two(inner, PAD, text, strlen(text), hex))
		return false;
	unhex(hex, digest);
	return hash_two(outer, PAD, digest, DIGEST, hex);
}

/* ---- parts of the text ---- */

static bool put_escaped(struct sk_buf *b, const char *s, size_t n, bool slash)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_.~";
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < n; i++)
		if (strchr(plain, s[i]) || (slash && s[i] == '/'))
			ok = sk_buf_byte(b, (uint8_t)s[i]);
		else
			ok = sk_buf_printf(b, "%%%02X", (unsigned char)s[i]);
	return ok;
}

/* S3 wants the path encoded once, all others what was sent encoded again. */
static bool put_path(struct sk_buf *b, const struct sk_signed *r, bool s3)
{
	char *text;
	long n;
	bool ok;

	if (!s3)
		return put_escaped(b, r->target, r->path_len, true);
	text = malloc(r->path_len + 1);
	n = text ? sk_uri_decode(r->target, r->path_len, text, r->path_len) : -1;
	ok = n >= 0 && put_escaped(b, text, (size_t)n, true);
	free(text);
	return ok;
}

/* A member is its name and its value, a NUL behind each. */
static int by_name(const void *a, const void *b)
{
	const char *s = *(char *const *)a, *t = *(char *const *)b;
	int order = strcmp(s, t);

	return order ? order : strcmp(s + strlen(s) + 1, t + strlen(t) + 1);
}

/* Decoded, and encoded again; NULL: no memory, or no such escapes. */
static char *member(const char *p, size_t n)
{
	struct sk_buf b = { 0 };
	const char *equals = memchr(p, '=', n);
	size_t name = equals ? (size_t)(equals - p) : n;
	char *text = malloc(n + 1);
	long got;
	bool ok = text != NULL;

	got = ok ? sk_uri_decode(p, name, text, n) : -1;
	ok = got >= 0 && put_escaped(&b, text, (size_t)got, false) &&
	    sk_buf_byte(&b, 0);
	if (ok && equals) {
		got = sk_uri_decode(equals + 1, n - name - 1, text, n);
		ok = got >= 0 && put_escaped(&b, text, (size_t)got, false);
	}
	ok = ok && sk_buf_byte(&b, 0);
	free(text);
	if (!ok)
		sk_buf_free(&b);
	return b.p;
}

static bool put_query(struct sk_buf *b, const char *target, size_t path_len)
{
	static const char own[] = "X-Amz-Signature=";
	const char *p = target + path_len;
	char *all[MEMBERS];
	size_t n = 0, len, i;
	bool ok = true;

	for (; ok && *p; p += len) {
		p++;
		len = strcspn(p, "&");
		if (!len || !strncmp(p, own, sizeof(own) - 1))
			continue;
		ok = n < MEMBERS && (all[n] = member(p, len)) != NULL;
		n += ok;
	}
	qsort(all, n, sizeof(*all), by_name);
	for (i = 0; i < n; i++) {
		ok = ok && sk_buf_printf(b, "%s%s=%s", i ? "&" : "", all[i],
		    all[i] + strlen(all[i]) + 1);
		free(all[i]);
	}
	return ok;
}

/* Blanks at the ends go, several become one. */
static bool put_value(struct sk_buf *b, const char *s)
{
	bool ok = true;

	s += strspn(s, " \t");
	for (; ok && *s; s++) {
		if (*s == ' ' && (s[1] == ' ' || !s[1]))
			continue;
		ok = sk_buf_byte(b, (uint8_t)*s);
	}
	return ok;
}

static bool put_header(struct sk_buf *b, const struct sk_signed *r,
    const char *name, size_t n)
{
	bool ok = sk_buf_put(b, name, n) && sk_buf_byte(b, ':'), any = false;
	size_t i;

	for (i = 0; ok && i < r->headers; i++) {
		if (strncasecmp(r->header[i].name, name, n) ||
		    r->header[i].name[n])
			continue;
		ok = (!any || sk_buf_byte(b, ',')) &&
		    put_value(b, r->header[i].value);
		any = true;
	}
	return ok && any && sk_buf_byte(b, '\n');
}

static bool put_canonical(struct sk_buf *b, const struct sk_signature *s,
    const struct sk_signed *r)
{
	bool ok = sk_buf_printf(b, "%s\n", r->method) &&
	    put_path(b, r, !strcmp(s->service, "s3")) && sk_buf_byte(b, '\n') &&
	    put_query(b, r->target, r->path_len) && sk_buf_byte(b, '\n');
	const char *p = s->headers;
	size_t n;

	for (; ok && *p; p += n + (p[n] == ';')) {
		n = strcspn(p, ";");
		ok = n && put_header(b, r, p, n);
	}
	return ok && sk_buf_printf(b, "\n%s\n%s", s->headers, r->payload);
}

/* ---- the signature ---- */

static bool chain(const char *secret, const char *const text[5], char hex[65])
{
	unsigned char key[DIGEST];
	char first[PAD + 1];
	size_t i;
	bool ok;

	if (snprintf(first, sizeof(first), "AWS4%s", secret) > PAD)
		return false;
	ok = hmac(first, strlen(first), text[0], hex);
	for (i = 1; ok && i < 5; i++) {
		unhex(hex, key);
		ok = hmac(key, DIGEST, text[i], hex);
	}
	return ok;
}

bool sk_signature_make(const struct sk_signature *s, const struct sk_signed *r,
    const char *secret, char out[65])
{
	struct sk_buf canonical = { 0 };
	char text[512], hash[65];
	const char *const links[5] = { s->day, s->region, s->service,
		"aws4_request", text };
	bool ok = put_canonical(&canonical, s, r);

	if (ok) {
		sk_sha256_hex(canonical.p, canonical.n, hash);
		snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n"
		    "%s/%s/%s/aws4_request\n%s", s->time, s->day, s->region,
		    s->service, hash);
		ok = chain(secret, links, out);
	}
	sk_buf_free(&canonical);
	return ok;
}
