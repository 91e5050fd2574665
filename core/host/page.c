/* SPDX-License-Identifier: MIT */
/* page.c - lists in pages: a marker is the number of what was told before. */
#include "host/rest.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 10000 };

static bool take(struct sk_call *c, const char *name, size_t *out)
{
	char text[16];
	int rc = sk_uri_query(c->request->target, name, text, sizeof(text));

	if (rc == 0 || (rc == 1 && !*text))
		return true;
	if (rc == 1 && sk_name_is_number(text)) {
		*out = strtoul(text, NULL, 10);
		return true;
	}
	sk_answer_invalid(c->host, c->request, "%s is no number", name);
	return false;
}

bool sk_page_begin(struct sk_call *c, struct sk_page *p, const char *name)
{
	memset(p, 0, sizeof(*p));
	p->most = 50;
	if (!take(c, "Marker", &p->skip) || !take(c, "MaxItems", &p->most))
		return false;
	if (!p->most || p->most > MOST) {
		sk_answer_invalid(c->host, c->request,
		    "MaxItems is from 1 to %d", MOST);
		return false;
	}
	p->ok = sk_buf_printf(&p->body, "{\"%s\":[", name);
	return true;
}

bool sk_page_wants(struct sk_page *p)
{
	size_t at = p->seen++;

	if (!p->ok || at < p->skip)
		return false;
	if (p->put == p->most) {
		p->more = true;
		return false;
	}
	if (p->put++)
		p->ok = sk_buf_byte(&p->body, ',');
	return p->ok;
}

void sk_page_end(struct sk_call *c, struct sk_page *p, bool ok)
{
	ok = ok && p->ok && sk_buf_byte(&p->body, ']');
	if (p->more)
		ok = ok && sk_buf_printf(&p->body, ",\"NextMarker\":\"%zu\"",
		    p->skip + p->put);
	ok = ok && sk_buf_byte(&p->body, '}');
	sk_answer_json(c->host, c->request, 200, &p->body, ok);
}
