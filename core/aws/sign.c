/* SPDX-License-Identifier: MIT */
/*
 * sign.c - a canonical form of the request is hashed, and the hash is signed
 * with a key that is derived from the secret, the day, region and service:
 *
 *   canonical: METHOD \n PATH \n QUERY \n name:value \n ... \n \n names \n HASH
 *   to sign:   AWS4-HMAC-SHA256 \n TIME \n SCOPE \n hash(canonical)
 *   scope:     DAY/REGION/SERVICE/aws4_request
 *
 * Paths are normalised and encoded once more, but for S3; parameters are
 * sorted as they are encoded; of values blanks are trimmed and folded.
 */
#include "aws/sign.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { HASH = 32, HEADERS_MAX = 64, PARAMETERS_MAX = 512 };

struct part {                   /* a header or a parameter */
	const char *name, *value;
	size_t name_n, value_n;
};

struct scope {
	char date[17], day[9], text[160];
};

static int crypto(struct snek_error *e)
{
	return sk_fail(e, SNEK_EINTERNAL, "OpenSSL has no SHA-256");
}

static void hex_of(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

int sk_sign_hash(const void *p, size_t n, char out[SK_SIGN_HASH],
    struct snek_error *e)
{
	uint8_t hash[HASH];

	if (!EVP_Digest(p ? p : "", n, hash, NULL, EVP_sha256(), NULL))
		return crypto(e);
	hex_of(hash, HASH, out);
	return 0;
}

static bool mac(const void *key, size_t key_n, const void *p, size_t n,
    uint8_t out[HASH])
{
	size_t got;

	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_n, p, n,
	    out, HASH, &got) && got == HASH;
}

void sk_sign_date(int64_t seconds, char out[17])
{
	time_t t = seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || tm.tm_year < -900 || tm.tm_year > 8099 ||
	    !strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm))
		memcpy(out, "19700101T000000Z", 17);
}

static int scope_of(const struct sk_sign *s, struct scope *c,
    struct snek_error *e)
{
	int n;

	sk_sign_date(s->time, c->date);
	memcpy(c->day, c->date, 8);
	c->day[8] = '\0';
	n = snprintf(c->text, sizeof(c->text), "%s/%s/%s/aws4_request", c->day,
	    s->region, s->service);
	if (n < 0 || (size_t)n >= sizeof(c->text))
		return sk_fail(e, SNEK_EINVAL, "region or service is too long");
	return 0;
}

/* ---- paths ---- */

static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

bool sk_sign_encode(struct sk_buf *b, const char *p, size_t n, bool keep_slash)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char c;
	size_t i;

	if (!sk_buf_reserve(b, 3 * n))
		return false;
	for (i = 0; i < n; i++) {
		c = (unsigned char)p[i];
		if (is_plain(c) || (c == '/' && keep_slash)) {
			b->p[b->n++] = (char)c;
			continue;
		}
		b->p[b->n++] = '%';
		b->p[b->n++] = digits[c >> 4];
		b->p[b->n++] = digits[c & 15];
	}
	return true;
}

/* Back to behind the last '/' but one. */
static void drop_last(struct sk_buf *b, size_t from)
{
	if (b->n > from + 1)
		b->n--;
	while (b->n > from && b->p[b->n - 1] != '/')
		b->n--;
}

/* Without empty steps, "." and "..", and with a '/' at the end where the path
 * has one. */
static bool put_normal_path(struct sk_buf *b, const char *p)
{
	size_t from = b->n, n;
	bool ok = sk_buf_byte(b, '/');

	for (; ok && *p; p += n) {
		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 2 && !memcmp(p, "..", 2))
			drop_last(b, from);
		else if (n && !(n == 1 && *p == '.'))
			ok = sk_sign_encode(b, p, n, false) && sk_buf_byte(b, '/');
	}
	if (ok && b->n > from + 1 && p[-1] != '/')
		b->n--;
	return ok;
}

static bool put_path(const struct sk_sign *s, struct sk_buf *b)
{
	if (!s->path || !*s->path)
		return sk_buf_byte(b, '/');
	return s->s3 ? sk_buf_put(b, s->path, strlen(s->path)) :
	    put_normal_path(b, s->path);
}

/* ---- parameters ---- */

static int compare(const char *a, size_t a_n, const char *b, size_t b_n)
{
	int d = memcmp(a, b, a_n < b_n ? a_n : b_n);

	return d ? d : (a_n > b_n) - (a_n < b_n);
}

static int by_name(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int d = compare(x->name, x->name_n, y->name, y->name_n);

	return d ? d : compare(x->value, x->value_n, y->value, y->value_n);
}

/* The query's parameters, views of it; -1: there are too many. */
static int split_query(const char *q, struct part *part)
{
	size_t n, name;
	int count = 0;

	for (; q && *q; q += n + (q[n] == '&')) {
		n = strcspn(q, "&");
		if (!n)
			continue;
		if (count == PARAMETERS_MAX)
			return -1;
		name = strcspn(q, "=&");
		part[count++] = (struct part){ q, q + name + (name < n), name,
		    n - name - (name < n) };
	}
	return count;
}

static int put_query(const char *query, struct sk_buf *b, struct snek_error *e)
{
	struct part *part = malloc(PARAMETERS_MAX * sizeof(*part));
	int n, i;
	bool ok = part;

	n = ok ? split_query(query, part) : 0;
	if (n > 0)
		qsort(part, (size_t)n, sizeof(*part), by_name);
	for (i = 0; ok && i < n; i++)
		ok = (!i || sk_buf_byte(b, '&')) &&
		    sk_buf_put(b, part[i].name, part[i].name_n) &&
		    sk_buf_byte(b, '=') &&
		    sk_buf_put(b, part[i].value, part[i].value_n);
	free(part);
	if (n < 0)
		return sk_fail(e, SNEK_ELIMIT, "a query of more than %d "
		    "parameters", PARAMETERS_MAX);
	return ok ? 0 : sk_enomem(e);
}

/* ---- headers ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int compare_names(const char *a, const char *b)
{
	for (; *a && lower(*a) == lower(*b); a++)
		b++;
	return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

/* Those of one name stay in their order. */
static void sort_by_name(struct sk_aws_header *h, size_t n)
{
	struct sk_aws_header it;
	size_t i, j;

	for (i = 1; i < n; i++) {
		it = h[i];
		for (j = i; j && compare_names(h[j - 1].name, it.name) > 0; j--)
			h[j] = h[j - 1];
		h[j] = it;
	}
}

static bool put_lower(struct sk_buf *b, const char *s)
{
	bool ok = true;

	for (; ok && *s; s++)
		ok = sk_buf_byte(b, (uint8_t)lower(*s));
	return ok;
}

/* Trimmed, with blanks inside as one. */
static bool put_value(struct sk_buf *b, const char *s)
{
	size_t n;
	bool ok = true, first = true;

	for (; ok; s += n) {
		s += strspn(s, " \t");
		n = strcspn(s, " \t");
		if (!n)
			break;
		ok = (first || sk_buf_byte(b, ' ')) && sk_buf_put(b, s, n);
		first = false;
	}
	return ok;
}

/* Headers and their names; of equal names the values follow each other. */
static bool put_headers(const struct sk_aws_header *h, size_t n,
    struct sk_buf *b, struct sk_buf *names)
{
	size_t i;
	bool ok = true, again;

	for (i = 0; ok && i < n; i++) {
		again = i && !compare_names(h[i - 1].name, h[i].name);
		if (again)
			ok = sk_buf_byte(b, ',');
		else
			ok = (!i || (sk_buf_byte(b, '\n') &&
			    sk_buf_byte(names, ';'))) &&
			    put_lower(names, h[i].name) &&
			    put_lower(b, h[i].name) && sk_buf_byte(b, ':');
		ok = ok && put_value(b, h[i].value);
	}
	return ok && sk_buf_byte(b, '\n') && sk_buf_byte(names, 0);
}

static int sort_headers(const struct sk_sign *s, const char *date,
    struct sk_aws_header h[HEADERS_MAX], size_t *n, struct snek_error *e)
{
	if (s->headers > HEADERS_MAX - 2)
		return sk_fail(e, SNEK_ELIMIT, "more than %d headers",
		    HEADERS_MAX - 2);
	*n = s->headers;
	if (*n)
		memcpy(h, s->header, *n * sizeof(*h));
	if (date)
		h[(*n)++] = (struct sk_aws_header){ "x-amz-date", date };
	if (date && s->token)
		h[(*n)++] = (struct sk_aws_header){ "x-amz-security-token",
		    s->token };
	sort_by_name(h, *n);
	return 0;
}

/* ---- the signature ---- */

static bool put_canonical(const struct sk_sign *s, const struct sk_buf *query,
    const struct sk_buf *headers, const char *names, struct sk_buf *b)
{
	return sk_buf_printf(b, "%s\n", s->method) && put_path(s, b) &&
	    sk_buf_byte(b, '\n') && sk_buf_put(b, query->p, query->n) &&
	    sk_buf_byte(b, '\n') && sk_buf_put(b, headers->p, headers->n) &&
	    sk_buf_printf(b, "\n%s\n%s", names, s->body_hash);
}

static bool derive(const struct sk_sign *s, const struct scope *c,
    uint8_t key[HASH])
{
	struct sk_buf secret = { 0 };
	bool ok = sk_buf_printf(&secret, "AWS4%s", s->secret) &&
	    mac(secret.p, secret.n, c->day, 8, key) &&
	    mac(key, HASH, s->region, strlen(s->region), key) &&
	    mac(key, HASH, s->service, strlen(s->service), key) &&
	    mac(key, HASH, "aws4_request", 12, key);

	if (secret.p)
		explicit_bzero(secret.p, secret.cap);
	sk_buf_free(&secret);
	return ok;
}

/* A day's signatures have the key in common. */
static bool key_of(const struct sk_sign *s, const struct scope *c,
    uint8_t key[HASH])
{
	struct sk_sign_key *k = s->kept;
	bool ok = true;

	_Static_assert(sizeof(k->scope) == sizeof(c->text) &&
	    sizeof(k->key) == HASH, "one scope, one key");
	if (k && !strcmp(k->scope, c->text)) {
		memcpy(key, k->key, HASH);
		return true;
	}
	ok = derive(s, c, key);
	if (ok && k) {
		memcpy(k->scope, c->text, sizeof(k->scope));
		memcpy(k->key, key, HASH);
	}
	return ok;
}

static int seal(const struct sk_sign *s, const struct scope *c,
    const struct sk_buf *canonical, char out[SK_SIGN_HASH],
    struct snek_error *e)
{
	char text[320], hash[SK_SIGN_HASH];
	uint8_t key[HASH], signature[HASH];
	int n, rc = sk_sign_hash(canonical->p, canonical->n, hash, e);

	if (rc)
		return rc;
	n = snprintf(text, sizeof(text), ALGORITHM "\n%s\n%s\n%s", c->date,
	    c->text, hash);
	if (key_of(s, c, key) && mac(key, HASH, text, (size_t)n, signature))
		hex_of(signature, HASH, out);
	else
		rc = crypto(e);
	explicit_bzero(key, sizeof(key));
	return rc;
}

/* query: canonical; names: as signed, to be freed in any case. */
static int sign(const struct sk_sign *s, const struct scope *c, bool in_headers,
    const struct sk_buf *query, struct sk_buf *names, char out[SK_SIGN_HASH],
    struct snek_error *e)
{
	struct sk_aws_header h[HEADERS_MAX];
	struct sk_buf headers = { 0 }, canonical = { 0 };
	size_t n = 0;
	int rc = sort_headers(s, in_headers ? c->date : NULL, h, &n, e);

	if (!rc && (!put_headers(h, n, &headers, names) ||
	    !put_canonical(s, query, &headers, names->p, &canonical)))
		rc = sk_enomem(e);
	if (!rc)
		rc = seal(s, c, &canonical, out, e);
	sk_buf_free(&headers);
	sk_buf_free(&canonical);
	return rc;
}

int sk_sign_headers(const struct sk_sign *s, struct sk_buf *out,
    struct snek_error *e)
{
	struct sk_buf query = { 0 }, names = { 0 };
	struct scope c;
	char signature[SK_SIGN_HASH];
	int rc = scope_of(s, &c, e);

	if (!rc)
		rc = put_query(s->query, &query, e);
	if (!rc)
		rc = sign(s, &c, true, &query, &names, signature, e);
	if (!rc && !sk_buf_printf(out, ALGORITHM " Credential=%s/%s, "
	    "SignedHeaders=%s, Signature=%s", s->key_id, c.text, names.p,
	    signature))
		rc = sk_enomem(e);
	sk_buf_free(&query);
	sk_buf_free(&names);
	return rc;
}

/* ---- presigned ---- */

static bool put_parameter(struct sk_buf *b, const char *name, const char *value)
{
	return (!b->n || sk_buf_byte(b, '&')) && sk_buf_printf(b, "%s=", name) &&
	    sk_sign_encode(b, value, strlen(value), false);
}

static bool put_names(const struct sk_sign *s, struct sk_buf *b)
{
	struct sk_aws_header h[HEADERS_MAX];
	struct sk_buf ignored = { 0 };
	size_t n = 0;
	bool ok = !sort_headers(s, NULL, h, &n, NULL) &&
	    put_headers(h, n, &ignored, b);

	sk_buf_free(&ignored);
	return ok;
}

static bool put_asked(const struct sk_sign *s, const struct scope *c,
    uint32_t seconds, const char *names, struct sk_buf *b)
{
	struct sk_buf who = { 0 };
	char age[12];
	bool ok;

	snprintf(age, sizeof(age), "%u", seconds);
	ok = sk_buf_printf(&who, "%s/%s", s->key_id, c->text) &&
	    (!s->query || sk_buf_put(b, s->query, strlen(s->query))) &&
	    put_parameter(b, "X-Amz-Algorithm", ALGORITHM) &&
	    put_parameter(b, "X-Amz-Credential", who.p) &&
	    put_parameter(b, "X-Amz-Date", c->date) &&
	    put_parameter(b, "X-Amz-Expires", age) &&
	    (!s->token || put_parameter(b, "X-Amz-Security-Token", s->token)) &&
	    put_parameter(b, "X-Amz-SignedHeaders", names) &&
	    sk_buf_byte(b, 0);
	sk_buf_free(&who);
	return ok;
}

int sk_sign_query(const struct sk_sign *s, uint32_t seconds, struct sk_buf *out,
    struct snek_error *e)
{
	struct sk_buf asked = { 0 }, query = { 0 }, names = { 0 }, again = { 0 };
	struct scope c;
	char signature[SK_SIGN_HASH];
	int rc = scope_of(s, &c, e);

	if (!rc && (!put_names(s, &names) ||
	    !put_asked(s, &c, seconds, names.p, &asked)))
		rc = sk_enomem(e);
	if (!rc)
		rc = put_query(asked.p, &query, e);
	if (!rc)
		rc = sign(s, &c, false, &query, &again, signature, e);
	if (!rc && !sk_buf_printf(out, "%s&X-Amz-Signature=%s", asked.p,
	    signature))
		rc = sk_enomem(e);
	sk_buf_free(&asked);
	sk_buf_free(&query);
	sk_buf_free(&names);
	sk_buf_free(&again);
	return rc;
}

int sk_sign_cache_token(const struct sk_sign *who, const char *cache,
    const char *user, bool serverless, struct sk_buf *out, struct snek_error *e)
{
	const struct sk_aws_header host = { "host", cache };
	struct sk_buf query = { 0 };
	struct sk_sign s = *who;
	int rc;

	s.service = "elasticache";
	s.method = "GET";
	s.path = "/";
	s.header = &host;
	s.headers = 1;
	s.body_hash = SK_SIGN_EMPTY;
	s.s3 = false;
	if (!put_parameter(&query, "Action", "connect") ||
	    !put_parameter(&query, "User", user) ||
	    (serverless && !put_parameter(&query, "ResourceType",
	    "ServerlessCache")) || !sk_buf_byte(&query, 0) ||
	    !sk_buf_printf(out, "%s/?", cache)) {
		sk_buf_free(&query);
		return sk_enomem(e);
	}
	s.query = query.p;
	rc = sk_sign_query(&s, 900, out, e);
	sk_buf_free(&query);
	return rc;
}
