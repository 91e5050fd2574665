/* SPDX-License-Identifier: MIT */
/* lambda_call.c - one call to Lambda, until AWS has time for it. */
#include "aws/lambda.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum { PATIENCE_MS = 300000, PAUSE_MS = 50, PAUSE_MAX_MS = 1000,
	UPLOAD_MS = 600000 };

int sk_lambda_open(struct sk_lambda *l, struct sk_aws *aws, const char *name,
    const struct sk_lambda_spec *spec, struct snek_error *e)
{
	const struct sk_json_options plain = { .plain = true };

	memset(l, 0, sizeof(*l));
	l->aws = aws;
	l->spec = spec;
	l->name = name;
	l->patience_ms = spec && spec->patience_ms ? spec->patience_ms
	    : PATIENCE_MS;
	l->role_until = sk_clock_ms() + l->patience_ms / 8;
	sk_lambda_patient(l);
	return sk_json_reader_new(&plain, &l->json) ? sk_enomem(e) : 0;
}

void sk_lambda_close(struct sk_lambda *l)
{
	sk_lambda_function_free(&l->f);
	sk_json_reader_free(l->json);
	sk_buf_free(&l->body);
}

void sk_lambda_say(const struct sk_lambda *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!l->spec || !l->spec->said)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->spec->said(l->spec->said_arg, text);
}

/* ---- patience ---- */

void sk_lambda_patient(struct sk_lambda *l)
{
	l->until = sk_clock_ms() + l->patience_ms;
	l->pauses = 0;
}

static int64_t next_pause(struct sk_lambda *l)
{
	int64_t ms = PAUSE_MS << (l->pauses < 5 ? l->pauses : 5);

	l->pauses++;
	return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

int sk_lambda_pause(struct sk_lambda *l, const char *what,
    struct snek_error *e)
{
	int64_t ms = next_pause(l), left = l->until - sk_clock_ms();
	struct timespec t;

	if (left <= 0)
		return sk_fail(e, SNEK_ETIMEDOUT, "lambda function %s: after "
		    "%lld s still %s; the same command goes on from here",
		    l->name, (long long)(l->patience_ms / 1000), what);
	ms = ms < left ? ms : left;
	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	nanosleep(&t, NULL);
	return 0;
}

/* ---- answers ---- */

struct snek_value sk_lambda_at(struct snek_value v, const char *text)
{
	struct snek_value found = sk_none();
	struct sk_path path;

	if (v.type == SNEK_NONE || sk_path_parse(&path, text, NULL))
		return found;
	found = sk_path_walk(&path, 0, v);
	sk_path_free(&path);
	return found;
}

/* Ours to print, whoever sent it. */
static void tame(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
}

void sk_lambda_text(struct snek_value v, const char *path, char *out, size_t n)
{
	struct snek_value t = sk_lambda_at(v, path);
	size_t len = t.type == SNEK_STRING ? t.len : 0;

	len = len < n - 1 ? len : n - 1;
	if (len)
		memcpy(out, t.as.s, len);
	out[len] = '\0';
	tame(out);
}

uint32_t sk_lambda_number(struct snek_value v, const char *path)
{
	struct snek_value n = sk_lambda_at(v, path);

	return n.type == SNEK_INT && n.as.i > 0 && n.as.i <= UINT32_MAX ?
	    (uint32_t)n.as.i : 0;
}

/* The answer's bytes stay until the next one. */
static int read_answer(struct sk_lambda *l, struct sk_aws_reply *r,
    struct snek_value *v, struct snek_error *e)
{
	*v = sk_none();
	sk_buf_free(&l->body);
	l->body = r->body;
	memset(&r->body, 0, sizeof(r->body));
	return l->body.n ? sk_json_value(l->json, l->body.p, l->body.n, v, e)
	    : 0;
}

static void note_answer(struct sk_lambda *l, const struct sk_aws_reply *r)
{
	l->status = r->status;
	memcpy(l->type, r->type, sizeof(l->type));
	snprintf(l->said, sizeof(l->said), "%s", r->message);
}

static int not_ours(const struct sk_lambda_ask *q, const struct sk_buf *b,
    struct snek_error *e)
{
	char begins[41];
	size_t n = b->n < 40 ? b->n : 40;

	memcpy(begins, b->p, n);
	begins[n] = '\0';
	tame(begins);
	return sk_fail(e, SNEK_EFORMAT, "lambda %s: an answer that is not AWS "
	    "Lambda's (\"%s\"); is the endpoint right?", q->action, begins);
}

/* ---- calls ---- */

static int make_path(const struct sk_lambda *l, const struct sk_lambda_ask *q,
    struct sk_buf *b, struct snek_error *e)
{
	bool ok = q->bare ? sk_buf_printf(b, "%s", q->tail)
	    : sk_buf_printf(b, "/2015-03-31/functions/%s%s", l->name, q->tail ?
	    q->tail : "");

	return ok && sk_buf_byte(b, 0) ? 0 : sk_enomem(e);
}

static int call(struct sk_lambda *l, const struct sk_lambda_ask *q,
    const char *path, struct snek_value *out, struct snek_error *e)
{
	static const struct sk_aws_header json = { "Content-Type",
		"application/json" };
	const struct sk_aws_request r = {
		.service = "lambda", .action = q->action, .method = q->method,
		.path = path, .query = q->query, .body = q->body,
		.header = &json, .headers = q->body.n ? 1 : 0,
		.timeout_ms = q->body.n > 1 << 20 ? UPLOAD_MS : 0,
	};
	struct snek_value v;
	struct sk_aws_reply reply;
	int rc = sk_aws_call(l->aws, &r, &reply, e);

	note_answer(l, &reply);
	if (rc == SNEK_ENOENT && !*l->type)
		rc = not_ours(q, &reply.body, e);
	else if (!rc && read_answer(l, &reply, &v, NULL))
		rc = not_ours(q, &l->body, e);
	else if (!rc && out)
		*out = v;
	sk_aws_reply_free(&reply);
	return rc;
}

int sk_lambda_ask(struct sk_lambda *l, const struct sk_lambda_ask *q,
    struct snek_value *out, struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_buf path = { 0 };
	int rc = make_path(l, q, &path, e);

	if (rc)
		return rc;
	do {
		rc = call(l, q, path.p, out, &why);
	} while (rc == SNEK_EAGAIN && l->status &&
	    !sk_lambda_pause(l, "refused", NULL));
	if (rc && e)
		*e = why;
	sk_buf_free(&path);
	return rc;
}

/* ---- requests ---- */

bool sk_lambda_put_name(struct sk_buf *b, const char *name)
{
	return (!b->n || b->p[b->n - 1] == '{' || sk_buf_byte(b, ',')) &&
	    sk_json_write(b, sk_cstring(name)) && sk_buf_byte(b, ':');
}

bool sk_lambda_put_text(struct sk_buf *b, const char *name, const char *text)
{
	return sk_lambda_put_name(b, name) &&
	    sk_json_write(b, sk_cstring(text));
}

bool sk_lambda_put_revision(const struct sk_lambda *l, struct sk_buf *b)
{
	return !*l->f.revision ||
	    sk_lambda_put_text(b, "RevisionId", l->f.revision);
}

bool sk_lambda_put_number(struct sk_buf *b, const char *name, uint64_t n)
{
	return sk_lambda_put_name(b, name) && sk_json_write(b, sk_uint(n));
}
