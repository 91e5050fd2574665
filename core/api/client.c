/* SPDX-License-Identifier: MIT */
#include "api/client.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/object.h"
#include "aws/aws.h"
#include "base/weburl.h"
#include "value/json_read.h"
#include "value/pack.h"

#define MAX_REPLY ((size_t)64 << 20)
#define TOKEN_MAX 520

struct sk_client {
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	pthread_mutex_t lock;
	char *url;                      /* without a slash at its end */
	char authorization[TOKEN_MAX + 8];      /* "": none */
	bool sign;                      /* with SigV4, for API Gateway */
	uint64_t most;                  /* bytes of a body; 0: not said */
};

bool sk_client_is_url(const char *s)
{
	return !strncmp(s, "http://", 7) || !strncmp(s, "https://", 8);
}

const char *sk_client_where(const struct sk_client *c)
{
	return c->url;
}

uint64_t sk_client_most(const struct sk_client *c)
{
	return c->most ? c->most : UINT64_MAX;
}

/* ---- errors that the other end says ---- */

static int code_of(const char *name, int status)
{
	int code = sk_error_code(name);

	if (code)
		return code;
	switch (status) {
	case 401:
	case 403: return SNEK_EACCES;
	case 404: return SNEK_ENOENT;
	case 413: return SNEK_ELIMIT;
	case 429:
	case 502:
	case 503: return SNEK_EAGAIN;
	case 504: return SNEK_ETIMEDOUT;
	default:  return status < 500 ? SNEK_EINVAL : SNEK_EIO;
	}
}

static int refused(const struct sk_client *c, const struct sk_aws_reply *r,
    struct sk_client_reply *out, struct snek_error *e)
{
	struct sk_client_object o;
	char name[32] = "", text[400] = "";
	int status = (int)r->status;

	if (!sk_client_parse((struct sk_span){ r->body.p, r->body.n }, &o, NULL)) {
		sk_client_text(&o.record, "code", name, sizeof(name));
		sk_client_text(&o.record, "message", text, sizeof(text));
	}
	sk_client_object_free(&o);
	out->said = sk_error_code(name) != 0;
	if (*text)
		return sk_fail(e, code_of(name, status), "%s", text);
	return sk_fail(e, code_of(name, status), "%s answered with status %d, "
	    "which is no answer of snek's", c->url, status);
}

/* ---- requests ---- */

static void fill_request(const struct sk_client *c,
    const struct sk_client_call *call, const char *url,
    struct sk_aws_header header[2], struct sk_aws_request *r)
{
	*r = (struct sk_aws_request){ .service = c->sign ? "execute-api" : NULL,
	    .method = call->method, .path = url, .header = header,
	    .body = call->body, .max_reply = MAX_REPLY,
	    .timeout_ms = call->timeout_ms, .tries = call->once ? 1 : 0 };
	header[0] = (struct sk_aws_header){ "Content-Type", call->type ?
	    call->type : "application/json" };
	header[1] = (struct sk_aws_header){ "Authorization", c->authorization };
	r->headers = *c->authorization ? 2 : 1;
}

static void copy_header(const struct sk_aws_reply *r, const char *name,
    char *to, size_t room)
{
	const char *v = sk_aws_reply_header(r, name);

	snprintf(to, room, "%s", v ? v : "");
}

static int ended(struct sk_client *c, const struct sk_client_call *call,
    struct sk_aws_reply *r, struct sk_client_reply *out, struct snek_error *e)
{
	char after[8];                  /* of seconds; a date is cut, and is 0 */

	if (r->code) {
		if (call->once && r->sent)
			return sk_fail(e, SNEK_EUNKNOWN, "%s: %s", c->url,
			    r->error.text);
		return sk_fail(e, r->code, "%s: %s", c->url, r->error.text);
	}
	out->status = (int)r->status;
	copy_header(r, "retry-after", after, sizeof(after));
	out->retry_after_s = (unsigned)strtoul(after, NULL, 10);
	if (r->status < 200 || r->status > 299)
		return refused(c, r, out, e);
	copy_header(r, "snek-next", out->next, sizeof(out->next));
	copy_header(r, "location", out->location, sizeof(out->location));
	out->body = r->body;
	r->body = (struct sk_buf){ 0 };
	return 0;
}

int sk_client_call(struct sk_client *c, const struct sk_client_call *call,
    struct sk_client_reply *out, struct snek_error *e)
{
	struct sk_aws_header header[2];
	struct sk_aws_request request;
	struct sk_aws_reply reply = { 0 };
	struct snek_error why = { 0 };
	struct sk_buf url = { 0 };
	char *query;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!sk_buf_printf(&url, "%s%s", c->url, call->path))
		return sk_enomem(e);
	query = strchr(url.p, '?');
	if (query)                      /* it is signed by itself */
		*query++ = '\0';
	fill_request(c, call, url.p, header, &request);
	request.query = query;
	pthread_mutex_lock(&c->lock);
	rc = c->ops->call(c->aws, &request, &reply, &why);
	pthread_mutex_unlock(&c->lock);
	if (rc && !reply.code && !reply.status)
		rc = sk_fail(e, rc, "%s: %s", c->url, why.text);
	else
		rc = ended(c, call, &reply, out, e);
	sk_aws_reply_free(&reply);
	sk_buf_free(&url);
	return rc;
}

void sk_client_reply_free(struct sk_client_reply *r)
{
	sk_buf_free(&r->body);
}

bool sk_client_encode(struct sk_buf *b, const char *s)
{
	unsigned char ch;

	for (; (ch = (unsigned char)*s); s++)
		if (isalnum(ch) && ch < 0x80 ? !sk_buf_byte(b, ch) :
		    strchr("-._~", ch) ? !sk_buf_byte(b, ch) :
		    !sk_buf_printf(b, "%%%02X", ch))
			return false;
	return true;
}

/* ---- open and close ---- */

static int check_url(struct sk_client *c, struct snek_error *e)
{
	size_t n = strlen(c->url);

	while (n && c->url[n - 1] == '/')
		c->url[--n] = '\0';
	if (strpbrk(c->url, "?#@ "))
		return sk_fail(e, SNEK_EINVAL, "a gateway's URL has no user, "
		    "query or fragment, and this one has; a token comes by "
		    "SNEK_TOKEN_FILE");
	if (!strncmp(c->url, "http://", 7) && !sk_weburl_is_loopback(c->url + 7))
		return sk_fail(e, SNEK_EINVAL, "%s: plain http can be read on "
		    "the way: use https", c->url);
	return 0;
}

static int read_token(struct sk_client *c, const char *path,
    struct snek_error *e)
{
	char line[TOKEN_MAX + 2];
	FILE *f = fopen(path, "re");
	bool got = f && fgets(line, sizeof(line), f);

	if (!f)
		return sk_fail_errno(e, "%s", path);
	fclose(f);
	if (got)
		line[strcspn(line, "\r\n")] = '\0';
	if (!got || !*line || strlen(line) > TOKEN_MAX - 8)
		return sk_fail(e, SNEK_EINVAL, "%s: its first line is no token",
		    path);
	snprintf(c->authorization, sizeof(c->authorization), "Bearer %.*s",
	    TOKEN_MAX - 8, line);
	return 0;
}

static int log_in(struct sk_client *c, const struct sk_client_login *l,
    struct snek_error *e)
{
	const char *token = l ? l->token : NULL, *file = l ? l->token_file : NULL;

	if (!token && !file) {
		token = getenv("SNEK_TOKEN");
		file = getenv("SNEK_TOKEN_FILE");
	}
	if (token && *token) {
		if (strlen(token) > TOKEN_MAX - 8 || strpbrk(token, "\r\n"))
			return sk_fail(e, SNEK_EINVAL, "this is no token");
		snprintf(c->authorization, sizeof(c->authorization),
		    "Bearer %s", token);
		return 0;
	}
	if (file && *file)
		return read_token(c, file, e);
	c->sign = (l && l->sign) || strstr(c->url, ".execute-api.");
	return 0;
}

static int greet(struct sk_client *c, struct snek_error *e)
{
	const struct sk_client_call call = { .method = "GET", .path = "/v1" };
	struct sk_client_object o = { 0 };
	struct sk_client_reply r;
	char kind[16] = "";
	int rc = sk_client_call(c, &call, &r, e);

	if (!rc)
		rc = sk_client_parse((struct sk_span){ r.body.p, r.body.n }, &o, e);
	if (!rc)
		sk_client_text(&o.record, "kind", kind, sizeof(kind));
	if (!rc && strcmp(kind, "api"))
		rc = sk_fail(e, SNEK_EINVAL, "%s: no API of snek answers there",
		    c->url);
	c->most = rc ? 0 : sk_client_number(&o.record, "most_bytes");
	sk_client_object_free(&o);
	sk_client_reply_free(&r);
	return rc;
}

int sk_client_open(const char *url, const struct sk_client_login *login,
    struct sk_client **out, struct snek_error *e)
{
	struct sk_aws_options o = { .profile = login ? login->aws_profile : NULL,
		.connections = 8 };
	struct sk_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	pthread_mutex_init(&c->lock, NULL);
	c->url = strdup(url);
	rc = c->url ? check_url(c, e) : sk_enomem(e);
	if (!rc)
		rc = log_in(c, login, e);
	if (!rc)
		rc = sk_aws_load(&c->ops, e);
	if (!rc)
		rc = c->ops->open(&o, &c->aws, e);
	if (!rc)
		rc = greet(c, e);
	if (rc) {
		sk_client_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void sk_client_close(struct sk_client *c)
{
	if (!c)
		return;
	if (c->aws)
		c->ops->close(c->aws);
	pthread_mutex_destroy(&c->lock);
	explicit_bzero(c->authorization, sizeof(c->authorization));
	free(c->url);
	free(c);
}

/* ---- answers ---- */

int sk_client_parse(struct sk_span b, struct sk_client_object *o,
    struct snek_error *e)
{
	struct sk_json_options options = { 0 };
	sk_json_reader *json;
	int rc;

	memset(o, 0, sizeof(*o));
	if (sk_json_reader_new(&options, &json))
		return sk_enomem(e);
	o->reader = json;
	rc = sk_json_read(json, b.p ? b.p : "", b.n, &o->record, NULL, e);
	if (!rc && !o->record.object)
		rc = sk_fail(e, SNEK_EFORMAT, "the answer is no object");
	return rc ? sk_fail_in(e, rc == SNEK_ENOMEM ? rc : SNEK_EFORMAT, "what "
	    "the gateway answered") : 0;
}

void sk_client_object_free(struct sk_client_object *o)
{
	sk_json_reader_free(o->reader);
	memset(o, 0, sizeof(*o));
}

uint64_t sk_client_number(const struct sk_record *r, const char *name)
{
	struct snek_value v = sk_object_member(r, name);

	if (v.type == SNEK_UINT)
		return v.as.u;
	return v.type == SNEK_INT && v.as.i > 0 ? (uint64_t)v.as.i : 0;
}

bool sk_client_flag(const struct sk_record *r, const char *name)
{
	struct snek_value v = sk_object_member(r, name);

	return v.type == SNEK_BOOL && v.as.b;
}

void sk_client_text(const struct sk_record *r, const char *name, char *to,
    size_t room)
{
	struct snek_value v = sk_object_member(r, name);
	size_t n = v.type != SNEK_STRING ? 0 : v.len < room ? v.len : room - 1;

	if (n)
		memcpy(to, v.as.s, n);
	to[n] = '\0';
}

uint32_t sk_client_members(struct snek_value v, struct sk_member *m,
    uint32_t most)
{
	struct snek_cursor at;
	struct snek_value name, value;
	uint32_t n = 0;

	if (v.type != SNEK_OBJECT || sk_iterate(v, &at))
		return 0;
	while (n < most && sk_next(&at, &name, &value) == 1)
		m[n++] = (struct sk_member){ name.as.s, name.len, value };
	return n;
}
