/* SPDX-License-Identifier: MIT */
/* lambda_log.c - the end of an invocation's log, which comes with its answer:
 * what a message about a failed attempt ends with. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "exec/lambda.h"
#include "exec/wire.h"
#include "value/json_read.h"
#include "value/value.h"

#define LEAST_ROOM 24u          /* bytes; less of a line says nothing */

/* Lines that AWS writes round every invocation. */
static bool is_frame(const char *p, size_t n)
{
	static const char *const heads[] = { "START RequestId:",
		"END RequestId:", "REPORT RequestId:", "INIT_START ", "XRAY ",
		"EXTENSION\t" };
	size_t i;

	while (n && (*p == ' ' || *p == '\t' || *p == '\r')) {
		p++;
		n--;
	}
	for (i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		if (n >= strlen(heads[i]) && !memcmp(p, heads[i],
		    strlen(heads[i])))
			return true;
	return !n;
}

/* Of an object, as the worker writes them, its message. */
static void say(struct sk_span line, char *to, size_t room)
{
	const struct sk_json_options o = { .last_duplicate = true };
	struct snek_value all, v = sk_none();
	sk_json_reader *json = NULL;
	struct sk_path path;

	if (*(const char *)line.p == '{' && !sk_json_reader_new(&o, &json) &&
	    !sk_json_value(json, line.p, line.n, &all, NULL) &&
	    !sk_path_parse(&path, "message", NULL)) {
		v = sk_path_walk(&path, 0, all);
		sk_path_free(&path);
	}
	if (v.type == SNEK_STRING)
		line = (struct sk_span){ v.as.s, v.len };
	snprintf(to, room, "%.*s", (int)line.n, (const char *)line.p);
	sk_json_reader_free(json);
	sk_wire_tame(to, false);
}

/* The last line that is none of those, and that the text does not hold yet; "":
 * there is none. */
static void last_line(const char *p, size_t n, const char *text, char *to,
    size_t room)
{
	const char *end = p + n, *nl;
	char line[sizeof(((struct snek_error *)0)->text)];

	*to = '\0';
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		if (is_frame(p, (size_t)(nl - p)))
			continue;
		say((struct sk_span){ p, (size_t)(nl - p) }, line,
		    sizeof(line));
		if (*line && !strstr(text, line))
			snprintf(to, room, "%s", line);
	}
}

void sk_lambda_log(const struct sk_aws_reply *r, struct snek_error *e)
{
	const char *text = sk_aws_reply_header(r, "X-Amz-Log-Result");
	size_t n = strlen(e->text), room = sizeof(e->text) - n;
	char line[sizeof(e->text)];
	struct sk_buf log = { 0 };

	if (text && room >= LEAST_ROOM &&
	    !sk_base64_get(&log, text, strlen(text))) {
		last_line(log.n ? log.p : "", log.n, e->text, line, sizeof(line));
		if (*line)
			snprintf(e->text + n, room, "; its log ends: %s", line);
	}
	sk_buf_free(&log);
}
