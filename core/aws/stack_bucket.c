/* SPDX-License-Identifier: MIT */
/* stack_bucket.c - the artifacts' bucket, which is versioned. */
#include "aws/stack.h"

#include <ctype.h>
#include <stdio.h>

enum { UPLOAD_MS = 1800000 };

/* ---- which ---- */

int sk_stack_bucket(struct sk_aws *aws, const struct sk_stack_info *i,
    char bucket[256], struct snek_error *e)
{
	const char *said = sk_stack_output(i, "Bucket");
	struct sk_stack_resource r;
	int rc;

	if (!said && (!i->there || !strcmp(i->status, "REVIEW_IN_PROGRESS")))
		return SNEK_ENOENT;
	rc = said ? 0 : sk_stack_resource(aws, i->id, "Artifacts", &r, e);
	if (!rc)
		snprintf(bucket, 256, "%.255s", said ? said : r.id);
	return rc;
}

/* ---- what is in it ---- */

static bool encode(struct sk_buf *b, const char *s, bool slash)
{
	unsigned char ch;
	bool ok = true;

	for (; ok && (ch = (unsigned char)*s); s++)
		ok = (ch < 0x80 && isalnum(ch)) || strchr("-._~", ch) ||
		    (ch == '/' && slash) ? sk_buf_byte(b, ch) :
		    sk_buf_printf(b, "%%%02X", ch);
	return ok;
}

static int ask(struct sk_aws *aws, struct sk_aws_request *r,
    const char *bucket, const char *key, struct sk_aws_reply *reply,
    struct snek_error *e)
{
	struct sk_buf path = { 0 };
	int rc;

	if (!sk_buf_printf(&path, "/%s%s", bucket, key ? "/" : "") ||
	    (key && !encode(&path, key, true)) || !sk_buf_byte(&path, 0)) {
		sk_buf_free(&path);
		return sk_enomem(e);
	}
	r->service = "s3";
	r->path = path.p;
	r->timeout_ms = UPLOAD_MS;
	rc = sk_aws_call(aws, r, reply, e);
	sk_buf_free(&path);
	return rc;
}

static void take_version(const struct sk_aws_reply *r, char version[128])
{
	const char *v = sk_aws_reply_header(r, "x-amz-version-id");

	snprintf(version, 128, "%s", v && strcmp(v, "null") ? v : "");
}

int sk_bucket_has(struct sk_aws *aws, const char *bucket, const char *key,
    char version[128], struct snek_error *e)
{
	struct sk_aws_request r = { .action = "HeadObject", .method = "HEAD" };
	struct sk_aws_reply reply = { 0 };
	struct snek_error why = { 0 };
	int rc = ask(aws, &r, bucket, key, &reply, &why);

	if (!rc)
		take_version(&reply, version);
	if (rc && rc != SNEK_ENOENT && e)
		*e = why;
	sk_aws_reply_free(&reply);
	return rc;
}

int sk_bucket_put(struct sk_aws *aws, const char *bucket, const char *key,
    struct sk_span body, const char *type, char version[128],
    struct snek_error *e)
{
	struct sk_aws_header head = { "Content-Type", type };
	struct sk_aws_request r = { .action = "PutObject", .method = "PUT",
		.header = &head, .headers = 1, .body = body };
	struct sk_aws_reply reply = { 0 };
	int rc = ask(aws, &r, bucket, key, &reply, e);

	if (!rc)
		take_version(&reply, version);
	sk_aws_reply_free(&reply);
	return rc;
}

/* ---- emptying ---- */

static int remove_one(struct sk_aws *aws, const char *bucket,
    const struct sk_xml_node *m, struct snek_error *e)
{
	struct sk_aws_request r = { .action = "DeleteObject", .method = "DELETE" };
	const char *key = sk_xml_text(m, "Key"), *v = sk_xml_text(m, "VersionId");
	struct sk_aws_reply reply = { 0 };
	struct sk_buf query = { 0 };
	int rc;

	if (!key)
		return sk_fail(e, SNEK_EFORMAT, "S3 listed an object without a key");
	if (v && (!sk_buf_printf(&query, "versionId=") ||
	    !encode(&query, v, false) || !sk_buf_byte(&query, 0))) {
		sk_buf_free(&query);
		return sk_enomem(e);
	}
	r.query = query.p;
	rc = ask(aws, &r, bucket, key, &reply, e);
	sk_aws_reply_free(&reply);
	sk_buf_free(&query);
	return rc == SNEK_ENOENT ? 0 : rc;
}

static int remove_each(struct sk_aws *aws, const char *bucket,
    const struct sk_xml_node *m, uint64_t *removed, struct snek_error *e)
{
	int rc = 0;

	for (; m && !rc; m = sk_xml_next(m)) {
		rc = remove_one(aws, bucket, m, e);
		*removed += !rc;
	}
	return rc;
}

/* Each page anew from the beginning: what was listed is gone. */
static int empty_page(struct sk_aws *aws, const char *bucket,
    uint64_t *removed, struct snek_error *e)
{
	struct sk_aws_request r = { .action = "ListObjectVersions",
		.method = "GET", .query = "max-keys=500&versions=" };
	struct sk_aws_reply reply = { 0 };
	struct snek_error why = { 0 };
	struct sk_xml *xml = NULL;
	int rc = ask(aws, &r, bucket, NULL, &reply, &why);

	if (rc == SNEK_ENOENT) {
		sk_aws_reply_free(&reply);
		return 0;               /* the bucket is gone already */
	}
	if (!rc)
		rc = sk_xml_open(&reply.body, &xml, &why);
	sk_aws_reply_free(&reply);
	if (!rc)
		rc = remove_each(aws, bucket, sk_xml_find(sk_xml_root(xml),
		    "Version"), removed, &why);
	if (!rc)
		rc = remove_each(aws, bucket, sk_xml_find(sk_xml_root(xml),
		    "DeleteMarker"), removed, &why);
	sk_xml_close(xml);
	if (rc && e)
		*e = why;
	return rc;
}

int sk_bucket_empty(struct sk_aws *aws, const char *bucket, uint64_t *removed,
    const struct sk_stack_watch *w, struct snek_error *e)
{
	uint64_t before;
	int rc;

	do {
		before = *removed;
		rc = w && w->waits ? w->waits(w->arg, "the bucket") : 0;
		if (!rc)
			rc = empty_page(aws, bucket, removed, e);
	} while (!rc && *removed > before);
	return rc;
}
