/* SPDX-License-Identifier: MIT */
#include "aws/stack.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_PAUSE_MS 250      /* of a wait; doubled up to */
#define LAST_PAUSE 16           /* times that */
#define TICK_MS 100             /* how often somebody may say stop */

void sk_form_put(struct sk_form *f, const char *name, const char *value)
{
	unsigned char ch;
	bool ok = sk_buf_printf(&f->b, "%s%s=", f->b.n ? "&" : "", name);

	for (; ok && (ch = (unsigned char)*value); value++)
		ok = (ch < 0x80 && isalnum(ch)) || strchr("-._~", ch) ?
		    sk_buf_byte(&f->b, ch) : sk_buf_printf(&f->b, "%%%02X", ch);
	if (!ok)
		f->nomem = true;
}

int sk_aws_form(struct sk_aws *aws, const char *service, const char *version,
    const char *action, struct sk_form *f, struct sk_aws_reply *reply,
    struct sk_xml **xml, struct snek_error *e)
{
	struct sk_aws_header head = { "Content-Type",
		"application/x-www-form-urlencoded; charset=utf-8" };
	struct sk_aws_request r = { .service = service,
		.action = action, .method = "POST", .path = "/", .header = &head,
		.headers = 1 };
	int rc;

	memset(reply, 0, sizeof(*reply));
	sk_form_put(f, "Action", action);
	sk_form_put(f, "Version", version);
	r.body = (struct sk_span){ f->b.p, f->b.n };
	rc = f->nomem ? sk_enomem(e) : sk_aws_call(aws, &r, reply, e);
	if (!rc && xml)
		rc = sk_xml_open(&reply->body, xml, e);
	sk_buf_free(&f->b);
	return rc;
}

int sk_stack_call(struct sk_aws *aws, const char *action, struct sk_form *f,
    struct sk_xml **xml, char type[64], struct snek_error *e)
{
	struct sk_aws_reply reply;
	int rc = sk_aws_form(aws, "cloudformation", "2010-05-15", action, f,
	    &reply, xml, e);

	if (type)
		snprintf(type, 64, "%s", reply.type);
	sk_aws_reply_free(&reply);
	return rc;
}

int sk_stack_resource(struct sk_aws *aws, const char *stack,
    const char *logical, struct sk_stack_resource *out, struct snek_error *e)
{
	const struct sk_xml_node *n;
	struct sk_form f = { .nomem = false };
	struct snek_error why = { 0 };
	struct sk_xml *xml = NULL;
	char type[64];
	int rc;

	sk_form_put(&f, "StackName", stack);
	sk_form_put(&f, "LogicalResourceId", logical);
	rc = sk_stack_call(aws, "DescribeStackResource", &f, &xml, type, &why);
	if (rc && !strcmp(type, "ValidationError"))
		return SNEK_ENOENT;
	if (rc && e)
		*e = why;
	if (rc)
		return rc;
	n = sk_xml_find(sk_xml_root(xml), "DescribeStackResourceResult/"
	    "StackResourceDetail");
	sk_stack_text(n, "PhysicalResourceId", out->id, sizeof(out->id));
	sk_stack_text(n, "ResourceStatus", out->status, sizeof(out->status));
	sk_xml_close(xml);
	return *out->id ? 0 : SNEK_ENOENT;
}

int sk_stack_token(char token[64], struct snek_error *e)
{
	unsigned char b[16];
	size_t i;

	if (getentropy(b, sizeof(b)))
		return sk_fail_errno(e, "random numbers");
	memcpy(token, "snek-", 5);
	for (i = 0; i < sizeof(b); i++)
		snprintf(token + 5 + 2 * i, 3, "%02x", b[i]);
	return 0;
}

int sk_stack_pause(const struct sk_stack_watch *w, const char *what, unsigned *n)
{
	const struct timespec tick = { 0, TICK_MS * 1000000L };
	const struct timespec short_tick = { 0, 1000000L };
	int64_t first = w && w->pause_ms ? w->pause_ms : FIRST_PAUSE_MS;
	int64_t ms = first << (*n < 5 ? *n : 5), until;
	int rc = 0;

	++*n;
	ms = ms < first * LAST_PAUSE ? ms : first * LAST_PAUSE;
	until = sk_clock_ms() + ms;
	do {
		if (w && w->waits)
			rc = w->waits(w->arg, what);
		if (!rc)
			nanosleep(ms < TICK_MS ? &short_tick : &tick, NULL);
	} while (!rc && sk_clock_ms() < until);
	return rc;
}

void sk_stack_say(const struct sk_stack_watch *w, const char *fmt, ...)
{
	char text[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w->said)
		w->said(w->arg, text);
}

void sk_stack_text(const struct sk_xml_node *n, const char *path, char *to,
    size_t room)
{
	const char *s = sk_xml_text(n, path);

	snprintf(to, room, "%s", s ? s : "");
}
