/* SPDX-License-Identifier: MIT */
#include "aws/outcome.h"
#include "aws/json.h"
#include "aws/retry.h"
#include "aws/xml.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what it says of itself ---- */

/* Up to any of until, made one line. */
static void copy(char *to, size_t n, const char *from, const char *until)
{
	size_t len = from ? strcspn(from, until) : 0, i;

	len = len < n - 1 ? len : n - 1;
	for (i = 0; i < len; i++)
		to[i] = (unsigned char)from[i] < ' ' ? ' ' : from[i];
	to[len] = '\0';
}

static int64_t after_of(const struct sk_aws_reply *r)
{
	const char *ms = sk_aws_reply_header(r, "x-amz-retry-after");
	const char *s = sk_aws_reply_header(r, "retry-after");
	const char *text = ms ? ms : s;
	char *end;
	long long v;

	if (!text)
		return -1;
	v = strtoll(text, &end, 10);
	if (end == text || *end || v < 0 || v > 86400000)
		return -1;
	return ms ? v : v * 1000;
}

/* "com.amazonaws.logs#ResourceNotFoundException", or with ":http://..." */
static void set_type(struct sk_aws_reply *r, const char *type)
{
	const char *hash = type ? strchr(type, '#') : NULL;

	if (!*r->type)
		copy(r->type, sizeof(r->type), hash ? hash + 1 : type, ":");
}

static void read_json(struct sk_aws_reply *r)
{
	static const char *const names[] = { "message", "Message",
		"errorMessage", NULL };
	struct sk_json *j;
	char text[512];
	int i;

	if (sk_json_open(&r->body, &j, NULL))
		return;
	if (sk_json_text(j, "__type", text, sizeof(text)) ||
	    sk_json_text(j, "code", text, sizeof(text)))
		set_type(r, text);
	for (i = 0; names[i] && !*r->message; i++) {
		struct snek_value v = sk_json_at(j, names[i]);

		if (v.type == SNEK_STRING)
			snprintf(text, sizeof(text), "%.*s",
			    v.len < 511 ? (int)v.len : 511, v.as.s);
		if (v.type == SNEK_STRING)
			copy(r->message, sizeof(r->message), text, "");
	}
	sk_json_close(j);
}

/* S3's <Error>, EC2's <Response><Errors><Error>, the others'
 * <ErrorResponse><Error>. */
static void read_xml(struct sk_aws_reply *r)
{
	const struct sk_xml_node *root, *error;
	const char *id;
	struct sk_xml *x;

	if (sk_xml_open(&r->body, &x, NULL))
		return;
	root = sk_xml_root(x);
	error = sk_xml_find(root, "Error");
	error = error ? error : sk_xml_find(root, "Errors/Error");
	error = error ? error : root;
	set_type(r, sk_xml_text(error, "Code"));
	copy(r->message, sizeof(r->message), sk_xml_text(error, "Message"), "");
	id = sk_xml_text(root, "RequestId");
	id = id ? id : sk_xml_text(root, "RequestID");
	if (!*r->request_id)
		copy(r->request_id, sizeof(r->request_id), id, "");
	sk_xml_close(x);
}

static void read_error(struct sk_aws_reply *r)
{
	size_t i = 0;

	while (i < r->body.n && (unsigned char)r->body.p[i] <= ' ')
		i++;
	if (i < r->body.n && r->body.p[i] == '{')
		read_json(r);
	else if (i < r->body.n && r->body.p[i] == '<')
		read_xml(r);
}

void sk_aws_outcome_read(struct sk_http_reply *from, struct sk_aws_reply *r)
{
	const char *id;

	memset(r, 0, sizeof(*r));
	r->code = from->code;
	r->error = from->error;
	r->sent = from->sent;
	r->status = from->status;
	r->body = from->body;
	r->headers = from->headers;
	memset(from, 0, sizeof(*from));
	id = sk_aws_reply_header(r, "x-amzn-requestid");
	id = id ? id : sk_aws_reply_header(r, "x-amz-request-id");
	copy(r->request_id, sizeof(r->request_id), id, "");
	set_type(r, sk_aws_reply_header(r, "x-amzn-errortype"));
	copy(r->function_error, sizeof(r->function_error),
	    sk_aws_reply_header(r, "x-amz-function-error"), "");
	r->retry_after_ms = after_of(r);
	if (!r->code && r->status >= 300)
		read_error(r);
}

/* ---- what it means ---- */

static bool has(const char *type, const char *part)
{
	return strstr(type, part);
}

/* Services that speak forms or JSON say 400 for nearly everything. */
static int code_of_type(const char *t)
{
	if (has(t, "AccessDenied") || has(t, "ExpiredToken") ||
	    has(t, "UnrecognizedClient") || has(t, "InvalidClientTokenId") ||
	    has(t, "Signature") || has(t, "AuthFailure") ||
	    has(t, "NotAuthorized") || has(t, "UnauthorizedOperation"))
		return SNEK_EACCES;
	if (has(t, "NotFound") || has(t, "NoSuch"))
		return SNEK_ENOENT;
	if (has(t, "AlreadyExists") || has(t, "Conflict"))
		return SNEK_ECONFLICT;
	return SNEK_EINVAL;
}

static int code_of(const struct sk_aws_reply *r)
{
	if (sk_retry_kind(r) != SK_RETRY_NO)
		return SNEK_EAGAIN;
	switch (r->status) {
	case 401:
	case 403:
		return SNEK_EACCES;
	case 404:
		return SNEK_ENOENT;
	case 409:
	case 412:
		return SNEK_ECONFLICT;
	default:
		return r->status >= 500 ? SNEK_EAGAIN : code_of_type(r->type);
	}
}

static const struct {
	const char *type, *cure;
} cures[] = {
	{ "ExpiredToken", "the session has ended: renew the credentials" },
	{ "RequestExpired", "the session has ended, or this machine's clock is "
	    "wrong" },
	{ "UnrecognizedClient", "AWS does not know this key: is it of this "
	    "partition, and still active?" },
	{ "InvalidClientTokenId", "AWS does not know this key: is it of this "
	    "partition, and still active?" },
	{ "InvalidAccessKeyId", "AWS does not know this key: is it still "
	    "active?" },
	{ "RequestTimeTooSkewed", "set this machine's clock" },
	{ "SignatureDoesNotMatch", "is the secret that of the key?" },
	{ "InvalidSignature", "is the secret that of the key, and this machine's "
	    "clock right?" },
	{ "OptInRequired", "switch the region on in the account" },
	{ "SubscriptionRequired", "the account cannot use this service" },
	{ "PermanentRedirect", "it is in another region" },
	{ "AuthorizationHeaderMalformed", "it is in another region" },
};

const char *sk_aws_outcome_cure(const struct sk_aws_reply *r)
{
	size_t i;

	for (i = 0; i < sizeof(cures) / sizeof(*cures); i++)
		if (has(r->type, cures[i].type))
			return cures[i].cure;
	return NULL;
}

static const char *cure_of(const struct sk_aws_reply *r)
{
	const char *cure = sk_aws_outcome_cure(r);

	if (cure)
		return cure;
	if (r->status >= 300 && r->status < 400)
		return "it is elsewhere, and nobody is followed there: is the "
		    "region or the URL right?";
	if (r->status == 413)
		return "it is too large";
	if (sk_retry_kind(r) == SK_RETRY_THROTTLED)
		return "too much was asked at once: try again later";
	if (r->status >= 500)
		return "try again later";
	return NULL;
}

/* What was asked for: of a URL not what may be a secret. */
static bool put_asked(const struct sk_aws_request *q, struct sk_buf *b)
{
	const char *host = q->service ? NULL : strstr(q->path, "://"), *at;
	size_t n;

	if (q->action || !host)
		return sk_buf_printf(b, "%s %s", q->service ? q->service :
		    q->method, q->action ? q->action : q->path);
	host += 3;
	n = strcspn(host, "?#");
	at = memrchr(host, '@', strcspn(host, "/?#"));
	if (at) {
		n -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	return sk_buf_printf(b, "%s %.*s", q->method, (int)n, host);
}

/* An answer to HEAD has no body, and so no type. */
static bool is_denied(const struct sk_aws_reply *r)
{
	return has(r->type, "AccessDenied") ||
	    has(r->type, "UnauthorizedOperation") ||
	    (r->status == 403 && !*r->type && !r->body.n);
}

/* Whose right is called otherwise than the call, by AWS's service authorization
 * reference.  action NULL: whichever. */
static const struct {
	const char *service, *action, *right;
} rights[] = {
	{ "execute-api", NULL, "execute-api:Invoke" },
	{ "lambda", "Invoke", "lambda:InvokeFunction" },
	{ "s3", "HeadObject", "s3:GetObject and s3:ListBucket" },
	{ "s3", "ListObjectVersions", "s3:ListBucketVersions" },
	{ "tagging", "GetResources", "tag:GetResources" },
};

/* As the answer has it: "... is not authorized to perform: s3:PutObject on". */
static bool put_told_right(const struct sk_aws_reply *r, struct sk_buf *b,
    bool *told)
{
	const char *before = "not authorized to perform: ";
	const char *at = strstr(r->message, before), *colon;
	size_t n;

	*told = false;
	if (!at)
		return true;
	at += strlen(before);
	n = strcspn(at, " ,;");
	colon = memchr(at, ':', n);
	if (!colon || colon == at || colon + 1 == at + n || !at[n])
		return true;            /* it may be cut */
	*told = true;
	return sk_buf_printf(b, "%.*s", (int)n, at);
}

static bool put_right(const struct sk_aws_request *q,
    const struct sk_aws_reply *r, struct sk_buf *b)
{
	bool told, ok = put_told_right(r, b, &told);
	size_t i;

	if (!ok || told)
		return ok;
	if (!strcmp(q->action, "DeleteObject") && q->query &&
	    strstr(q->query, "versionId="))
		return sk_buf_printf(b, "s3:DeleteObjectVersion");
	for (i = 0; i < sizeof(rights) / sizeof(*rights); i++)
		if (!strcmp(rights[i].service, q->service) &&
		    (!rights[i].action || !strcmp(rights[i].action, q->action)))
			return sk_buf_printf(b, "%s", rights[i].right);
	return sk_buf_printf(b, "%s:%s", q->service, q->action);
}

static bool put_cure(const struct sk_aws_request *q,
    const struct sk_aws_reply *r, struct sk_buf *b)
{
	const char *region = sk_aws_reply_header(r, "x-amz-bucket-region");
	const char *cure = cure_of(r);

	if (r->status < 400 && region)
		return sk_buf_printf(b, "; the bucket is in %.31s", region);
	if (is_denied(r) && q->service && q->action)
		return sk_buf_printf(b, "; the policy needs ") &&
		    put_right(q, r, b);
	if (is_denied(r))
		return sk_buf_printf(b, "; ask for the permission");
	return !cure || sk_buf_printf(b, "; %s", cure);
}

static int explain(const struct sk_aws_request *q, const struct sk_aws_reply *r,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int code = code_of(r);
	bool ok = put_asked(q, &b) && sk_buf_printf(&b, ": ") &&
	    (!*r->type || sk_buf_printf(&b, "%s: ", r->type)) &&
	    (!*r->message || sk_buf_printf(&b, "%s ", r->message)) &&
	    (*r->type || *r->message ||
	    sk_buf_printf(&b, "an answer without a reason ")) &&
	    sk_buf_printf(&b, "(status %u%s%s)", r->status,
	    *r->request_id ? ", request " : "", r->request_id) && put_cure(q, r, &b);

	if (ok)
		sk_fail(e, code, "%s", b.p);
	else
		code = sk_enomem(e);
	sk_buf_free(&b);
	return code;
}

int sk_aws_outcome_judge(const struct sk_aws_request *q,
    const struct sk_aws_reply *r, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = r->code;

	if (!rc)
		return r->status >= 200 && r->status < 300 ? 0 :
		    explain(q, r, e);
	if (e)
		*e = r->error;
	rc = put_asked(q, &b) ? sk_fail_in(e, rc, "%s", b.p) : sk_enomem(e);
	sk_buf_free(&b);
	return rc;
}
