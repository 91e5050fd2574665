/* SPDX-License-Identifier: MIT */
/*
 * lambda_version.c - published versions and the alias that names one of them.
 *
 * A job invokes a version by its number, so moving the alias disturbs none.  The
 * description of a version says which plugin is in it: "snek: " and its SHA-256.
 */
#include "aws/lambda.h"

#include <stdio.h>
#include <stdlib.h>

#include "value/pack.h"

enum { KEEP = 3, VERSIONS_MAX = 10000 };

/* ---- the alias ---- */

int sk_lambda_alias(struct sk_lambda *l, char version[24],
    struct snek_error *e)
{
	const struct sk_lambda_ask q = { .action = "GetAlias", .method = "GET",
		.tail = "/aliases/" SK_LAMBDA_ALIAS };
	struct snek_error why = { 0 };
	struct snek_value v;
	int rc = sk_lambda_ask(l, &q, &v, &why);

	version[0] = '\0';
	if (rc == SNEK_ENOENT && !strcmp(l->type, "ResourceNotFoundException"))
		return 0;
	if (rc) {
		if (e)
			*e = why;
		return rc;
	}
	sk_lambda_text(v, "FunctionVersion", version, 24);
	if (*version && !version[strspn(version, "0123456789")])
		return 0;
	return sk_fail(e, SNEK_EFORMAT, "lambda GetAlias: an answer without a "
	    "version; is the endpoint right?");
}

static int move_once(struct sk_lambda *l, bool there, struct sk_span body,
    struct snek_error *e)
{
	const struct sk_lambda_ask make = { .action = "CreateAlias",
		.method = "POST", .tail = "/aliases", .body = body };
	const struct sk_lambda_ask change = { .action = "UpdateAlias",
		.method = "PUT", .tail = "/aliases/" SK_LAMBDA_ALIAS,
		.body = body };

	return sk_lambda_ask(l, there ? &change : &make, NULL, e);
}

int sk_lambda_move(struct sk_lambda *l, const char *was, const char *version,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	char now[24];
	int rc;

	if (!strcmp(was, version))
		return 0;
	if (!sk_buf_byte(&b, '{') || (!*was && !sk_lambda_put_text(&b, "Name",
	    SK_LAMBDA_ALIAS)) || !sk_lambda_put_text(&b, "FunctionVersion",
	    version) || !sk_buf_byte(&b, '}')) {
		sk_buf_free(&b);
		return sk_enomem(e);
	}
	rc = move_once(l, *was, (struct sk_span){ b.p, b.n }, e);
	sk_buf_free(&b);
	/* Somebody made it meanwhile. */
	if (rc == SNEK_ECONFLICT && !sk_lambda_alias(l, now, NULL) &&
	    !strcmp(now, version))
		rc = 0;
	if (!rc)
		sk_lambda_say(l, "alias %s: version %s%s%s", SK_LAMBDA_ALIAS,
		    version, *was ? ", before that " : "", was);
	return rc;
}

/* ---- publishing ---- */

static bool describe(const struct sk_lambda *l, struct sk_buf *b)
{
	char text[128];

	snprintf(text, sizeof(text), SK_LAMBDA_MARK "%s",
	    l->spec->bundle->plugin_sha256);
	return sk_buf_byte(b, '{') && sk_lambda_put_text(b, "CodeSha256",
	    l->spec->bundle->code_sha256) && sk_lambda_put_text(b,
	    "Description", text) && sk_lambda_put_revision(l, b) &&
	    sk_buf_byte(b, '}');
}

int sk_lambda_publish(struct sk_lambda *l, char version[24],
    struct snek_error *e)
{
	struct sk_lambda_ask q = { .action = "PublishVersion",
		.method = "POST", .tail = "/versions" };
	struct sk_lambda_function f = { 0 };
	struct snek_value v;
	struct sk_buf b = { 0 };
	int rc = describe(l, &b) ? 0 : sk_enomem(e);

	q.body = (struct sk_span){ b.p, b.n };
	if (!rc)
		rc = sk_lambda_ask(l, &q, &v, e);
	if (!rc)
		sk_lambda_text(v, "Version", version, 24);
	sk_buf_free(&b);
	if (rc == SNEK_ECONFLICT || (rc == SNEK_EINVAL && (l->status == 412 ||
	    strstr(l->said, "CodeSHA256"))))
		rc = sk_fail(e, SNEK_ECONFLICT, "lambda function %s: somebody "
		    "else changed it meanwhile; run the same command again",
		    l->name);
	if (!rc && (!*version || version[strspn(version, "0123456789")]))
		rc = sk_fail(e, SNEK_EFORMAT, "lambda PublishVersion: an answer "
		    "without a version; is the endpoint right?");
	if (!rc)
		rc = sk_lambda_wait(l, version, &f, e);
	if (!rc)
		sk_lambda_say(l, "version %s is published", version);
	sk_lambda_function_free(&f);
	return rc;
}

/* ---- which there are ---- */

struct versions {
	uint32_t *v;
	size_t n;
};

static int note(struct versions *all, struct snek_value item)
{
	char text[24];
	unsigned long n;
	uint32_t *p;

	sk_lambda_text(item, "Version", text, sizeof(text));
	if (!*text || text[strspn(text, "0123456789")])
		return 0;               /* $LATEST */
	n = strtoul(text, NULL, 10);
	if (!n || n > UINT32_MAX || all->n == VERSIONS_MAX)
		return 0;
	p = reallocarray(all->v, all->n + 1, sizeof(*p));
	if (!p)
		return SNEK_ENOMEM;
	all->v = p;
	all->v[all->n++] = (uint32_t)n;
	return 0;
}

static int note_page(struct versions *all, struct snek_value page)
{
	struct snek_value name, item = sk_lambda_at(page, "Versions");
	struct snek_cursor c;
	int rc = 0;

	if (item.type != SNEK_ARRAY || sk_iterate(item, &c))
		return SNEK_EFORMAT;
	while (!rc && sk_next(&c, &name, &item) == 1)
		rc = note(all, item);
	return rc;
}

/* Percent-encode what is no plain character: markers are anything. */
static bool encode(const char *s, struct sk_buf *b)
{
	bool ok = true;

	for (; *s && ok; s++)
		ok = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
		    "xyz0123456789-._~", *s) ? sk_buf_byte(b, (uint8_t)*s)
		    : sk_buf_printf(b, "%%%02X", (unsigned char)*s);
	return ok;
}

static int get_page(struct sk_lambda *l, char *marker, size_t n,
    struct versions *all, struct snek_error *e)
{
	struct sk_lambda_ask q = { .action = "ListVersionsByFunction",
		.method = "GET", .tail = "/versions" };
	struct sk_buf query = { 0 };
	struct snek_value page = sk_none();
	bool ok = sk_buf_printf(&query, "%s", *marker ? "Marker=" : "") &&
	    encode(marker, &query) && sk_buf_printf(&query, "%sMaxItems=50",
	    *marker ? "&" : "") && sk_buf_byte(&query, 0);
	int rc;

	q.query = query.p;
	rc = ok ? sk_lambda_ask(l, &q, &page, e) : sk_enomem(e);
	sk_buf_free(&query);
	if (rc)
		return rc;
	rc = note_page(all, page);
	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) : sk_fail(e, rc,
		    "lambda ListVersionsByFunction: an answer without versions; "
		    "is the endpoint right?");
	sk_lambda_text(page, "NextMarker", marker, n);
	return 0;
}

static int highest_first(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static int list(struct sk_lambda *l, struct versions *all,
    struct snek_error *e)
{
	char marker[1024] = "", last[1024];
	int rc;

	do {
		memcpy(last, marker, sizeof(last));
		rc = get_page(l, marker, sizeof(marker), all, e);
	} while (!rc && *marker && strcmp(marker, last));
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), highest_first);
	return rc;
}

int sk_lambda_before(struct sk_lambda *l, const char *version, char out[24],
    struct snek_error *e)
{
	uint32_t is = (uint32_t)strtoul(version, NULL, 10);
	struct versions all = { 0 };
	size_t i = 0;
	int rc = list(l, &all, e);

	while (!rc && i < all.n && all.v[i] >= is)
		i++;
	if (!rc && i == all.n)
		rc = sk_fail(e, SNEK_ENOENT, "lambda function %s: there is no "
		    "version before %s", l->name, version);
	if (!rc)
		snprintf(out, 24, "%u", all.v[i]);
	free(all.v);
	return rc;
}

/* What cannot be removed stays, and costs nothing. */
void sk_lambda_prune(struct sk_lambda *l, const char *keep)
{
	uint32_t is = (uint32_t)strtoul(keep, NULL, 10);
	struct versions all = { 0 };
	char query[32];
	const struct sk_lambda_ask q = { .action = "DeleteFunction",
		.method = "DELETE", .query = query };
	size_t i;

	if (list(l, &all, NULL))
		all.n = 0;
	for (i = KEEP; i < all.n; i++) {
		snprintf(query, sizeof(query), "Qualifier=%u", all.v[i]);
		if (all.v[i] != is && !sk_lambda_ask(l, &q, NULL, NULL))
			sk_lambda_say(l, "version %u is removed", all.v[i]);
	}
	free(all.v);
}

/* ---- telling ---- */

static bool is_arn(const char *arn, const char *version)
{
	size_t n = strlen(arn), v = strlen(version);

	return n > v + 1 && !strcmp(arn + n - v, version) &&
	    arn[n - v - 1] == ':' && !arn[strspn(arn, "abcdefghijklmnopqrst"
	    "uvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-")];
}

int sk_lambda_fill(struct sk_lambda *l, const char *version,
    struct sk_lambda_state *out, struct snek_error *e)
{
	struct sk_lambda_function f = { 0 };
	const char *sha = f.description + strlen(SK_LAMBDA_MARK);
	int rc = sk_lambda_look(l, version, &f, e);

	if (!rc && !f.there)
		rc = sk_fail(e, SNEK_ENOENT, "lambda function %s: version %s "
		    "is gone", l->name, version);
	if (!rc && !is_arn(f.arn, version))
		rc = sk_fail(e, SNEK_EFORMAT, "lambda GetFunction: \"%.100s\" is "
		    "no ARN of version %s; is the endpoint right?", f.arn,
		    version);
	if (!rc) {
		memcpy(out->arn, f.arn, sizeof(out->arn));
		snprintf(out->version, sizeof(out->version), "%s", version);
		memcpy(out->code_sha256, f.code_sha256,
		    sizeof(out->code_sha256));
		memcpy(out->arch, f.arch, sizeof(out->arch));
		memcpy(out->state, f.state, sizeof(out->state));
		memcpy(out->role, f.role, sizeof(out->role));
		if (!strncmp(f.description, SK_LAMBDA_MARK,
		    strlen(SK_LAMBDA_MARK)) && strlen(sha) == 64)
			memcpy(out->plugin_sha256, sha,
			    sizeof(out->plugin_sha256));
		out->memory_mb = f.memory_mb;
		out->timeout_s = f.timeout_s;
	}
	sk_lambda_function_free(&f);
	return rc;
}
