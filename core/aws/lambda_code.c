/* SPDX-License-Identifier: MIT */
/*
 * lambda_code.c - how a zip gets there: in the request, or, when it is over
 * 50 MB, through a bucket.
 *
 * A bucket of our own is called snek-code-ACCOUNT-REGION.  Anybody could have
 * made one of that name, so S3 is told whose it must be.
 */
#include "aws/lambda.h"

#include <stdio.h>

#include "base/base64.h"

enum { UPLOAD_MS = 1800000 };

struct place {
	char bucket[64], account[16], path[256], key[128];
	bool own;
};

/* arn:aws:iam::123456789012:role/NAME */
static void account_of(const char *role, char out[16])
{
	const char *s = role;
	size_t n;
	int i;

	for (i = 0; s && i < 4; i++) {
		s = strchr(s, ':');
		s = s ? s + 1 : NULL;
	}
	n = s ? strspn(s, "0123456789") : 0;
	snprintf(out, 16, "%.*s", n == 12 ? 12 : 0, s ? s : "");
}

static int find_place(const struct sk_lambda *l, struct place *p,
    struct snek_error *e)
{
	const struct sk_lambda_spec *s = l->spec;
	const char *region = sk_aws_region(l->aws), *c;
	char sha[45], *t = sha;

	account_of(s->role ? s->role : l->f.role, p->account);
	p->own = !s->bucket;
	if (p->own && (!*p->account || !region))
		return sk_fail(e, SNEK_EINVAL, "the zip is over 50 MB and goes "
		    "through S3: name a bucket with --bucket");
	if (p->own)
		snprintf(p->bucket, sizeof(p->bucket), "snek-code-%s-%s",
		    p->account, region);
	else
		snprintf(p->bucket, sizeof(p->bucket), "%s", s->bucket);
	if (strlen(p->bucket) < 3 || p->bucket[strspn(p->bucket,
	    "abcdefghijklmnopqrstuvwxyz0123456789.-")])
		return sk_fail(e, SNEK_EINVAL, "\"%s\" is no name of a bucket",
		    p->bucket);
	for (c = s->bundle->code_sha256; *c && *c != '='; c++)
		*t++ = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	*t = '\0';
	snprintf(p->key, sizeof(p->key), "snek/%s/%s.zip", l->name, sha);
	snprintf(p->path, sizeof(p->path), "/%s/%s", p->bucket, p->key);
	return 0;
}

/* ---- S3 ---- */

static int call(struct sk_lambda *l, const struct place *p,
    struct sk_aws_request *r, struct snek_error *e)
{
	struct sk_aws_header owner = { "x-amz-expected-bucket-owner",
		p->account };
	struct sk_aws_reply reply;
	int rc;

	r->service = "s3";
	r->timeout_ms = UPLOAD_MS;
	if (p->own && r->path == p->path) {
		r->header = &owner;
		r->headers = 1;
	}
	rc = sk_aws_call(l->aws, r, &reply, e);
	memcpy(l->type, reply.type, sizeof(l->type));
	sk_aws_reply_free(&reply);
	return rc;
}

static int make_bucket(struct sk_lambda *l, const struct place *p,
    struct snek_error *e)
{
	const char *region = sk_aws_region(l->aws);
	char path[80], body[256];
	struct sk_aws_request r = { .action = "CreateBucket", .method = "PUT",
		.path = path };
	struct snek_error why = { 0 };
	int n, rc;

	snprintf(path, sizeof(path), "/%s", p->bucket);
	n = snprintf(body, sizeof(body), "<CreateBucketConfiguration xmlns="
	    "\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>"
	    "%s</LocationConstraint></CreateBucketConfiguration>", region);
	if (strcmp(region, "us-east-1"))
		r.body = (struct sk_span){ body, (size_t)n };
	rc = call(l, p, &r, &why);
	if (rc == SNEK_ECONFLICT && !strcmp(l->type, "BucketAlreadyOwnedByYou"))
		rc = 0;
	if (rc == SNEK_ECONFLICT)
		return sk_fail(e, rc, "the bucket %s is somebody else's; name "
		    "another with --bucket", p->bucket);
	if (rc && e)
		*e = why;
	if (!rc)
		sk_lambda_say(l, "bucket %s is made", p->bucket);
	return rc;
}

static int put_object(struct sk_lambda *l, const struct place *p,
    struct snek_error *e)
{
	struct sk_aws_request r = { .action = "PutObject", .method = "PUT",
		.path = p->path, .body = { l->spec->bundle->zip.p,
		l->spec->bundle->zip.n } };

	return call(l, p, &r, e);
}

static int upload(struct sk_lambda *l, const struct place *p,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	int rc = put_object(l, p, &why);

	if (rc == SNEK_ENOENT && p->own) {
		rc = make_bucket(l, p, &why);
		if (!rc)
			rc = put_object(l, p, &why);
	} else if (rc == SNEK_ENOENT) {
		rc = sk_fail(&why, rc, "there is no bucket %s; name one that "
		    "is in %s", p->bucket, sk_aws_region(l->aws));
	}
	if (rc && e)
		*e = why;
	l->stored |= !rc;
	if (!rc)
		sk_lambda_say(l, "%.1f MB are in the bucket %s",
		    (double)l->spec->bundle->zip.n / 1e6, p->bucket);
	return rc;
}

/* ---- either way ---- */

static bool put_zip(const struct sk_buf *zip, struct sk_buf *b)
{
	return sk_lambda_put_name(b, "ZipFile") && sk_buf_byte(b, '"') &&
	    sk_base64_put(b, zip->p, zip->n) && sk_buf_byte(b, '"');
}

int sk_lambda_put_code(struct sk_lambda *l, struct sk_buf *b,
    struct snek_error *e)
{
	const struct sk_buf *zip = &l->spec->bundle->zip;
	struct place p;
	int rc;

	if (!l->spec->bundle->by_s3)
		return put_zip(zip, b) ? 0 : sk_enomem(e);
	rc = find_place(l, &p, e);
	if (!rc)
		rc = upload(l, &p, e);
	if (rc)
		return rc;
	return sk_lambda_put_text(b, "S3Bucket", p.bucket) &&
	    sk_lambda_put_text(b, "S3Key", p.key) ? 0 : sk_enomem(e);
}

/* Lambda has a copy.  Also what a run that was killed left there. */
void sk_lambda_drop_code(struct sk_lambda *l)
{
	struct place p;
	struct sk_aws_request r = { .action = "DeleteObject",
		.method = "DELETE", .path = p.path };

	if (l->spec->bundle->by_s3 && !find_place(l, &p, NULL))
		call(l, &p, &r, NULL);
}
