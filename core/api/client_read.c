/* SPDX-License-Identifier: MIT */
/* client_read.c - records behind a gateway, a page at a time. */
#include "api/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "value/json_read.h"
#include "value/pack.h"

struct sk_client_reader {
	struct sk_client *client;
	char *category;
	struct sk_client_reply page;
	size_t at;                      /* in the page */
	bool last;                      /* no page follows */
	sk_json_reader *json;
	struct sk_buf packed;
};

static int get_page(struct sk_client_reader *r, const char *from,
    struct snek_error *e)
{
	struct sk_client_call call = { .method = "GET" };
	struct sk_buf path = { 0 };
	int rc;

	sk_client_reply_free(&r->page);
	memset(&r->page, 0, sizeof(r->page));
	if (!sk_buf_printf(&path, "/v1/categories/") ||
	    !sk_client_encode(&path, r->category) ||
	    !sk_buf_printf(&path, *from ? "/records?from=%s" : "/records%s",
	    from)) {
		sk_buf_free(&path);
		return sk_enomem(e);
	}
	call.path = path.p;
	rc = sk_client_call(r->client, &call, &r->page, e);
	sk_buf_free(&path);
	r->at = 0;
	r->last = !*r->page.next;
	return rc;
}

int sk_client_reader_open(struct sk_client *c, const char *category,
    uint64_t version, uint64_t record, struct sk_client_reader **out,
    struct snek_error *e)
{
	struct sk_json_options o = { .last_duplicate = false };
	struct sk_client_reader *r = calloc(1, sizeof(*r));
	char from[48] = "";
	int rc;

	if (!r)
		return sk_enomem(e);
	r->client = c;
	r->category = strdup(category);
	if (version)
		snprintf(from, sizeof(from), "%" PRIu64 ".%" PRIu64, version, record);
	rc = r->category && !sk_json_reader_new(&o, &r->json) ?
	    get_page(r, from, e) : sk_enomem(e);
	if (rc) {
		sk_client_reader_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

/* A record in place of the reader's own copy of it. */
static int give(struct sk_client_reader *r, const struct sk_record *record,
    struct snek_value *out, struct snek_error *e)
{
	uint32_t i;
	bool ok;

	if (!record->object) {
		*out = record->member[0].value;
		return 1;
	}
	r->packed.n = 0;
	ok = sk_pack_map(&r->packed, record->n);
	for (i = 0; i < record->n && ok; i++)
		ok = sk_pack_string(&r->packed, record->member[i].name,
		    record->member[i].name_len) &&
		    sk_pack_value(&r->packed, record->member[i].value);
	if (!ok)
		return sk_enomem(e);
	*out = (struct snek_value){ .type = SNEK_OBJECT,
	    .len = (uint32_t)r->packed.n, .as.p = r->packed.p };
	return 1;
}

int sk_client_reader_next(struct sk_client_reader *r, struct snek_value *out,
    struct snek_error *e)
{
	struct sk_record record;
	const char *line, *end;
	char from[sizeof(r->page.next)];
	int rc = 0;

	while (r->at >= r->page.body.n && !r->last && !rc) {
		snprintf(from, sizeof(from), "%s", r->page.next);
		rc = get_page(r, from, e);
	}
	if (rc || r->at >= r->page.body.n)
		return rc;
	line = r->page.body.p + r->at;
	end = memchr(line, '\n', r->page.body.n - r->at);
	if (!end)
		return sk_fail(e, SNEK_EFORMAT, "the gateway's page ends within "
		    "a record");
	rc = sk_json_read(r->json, line, (size_t)(end - line), &record, NULL, e);
	if (rc)
		return sk_fail_in(e, rc, "what the gateway answered");
	r->at = (size_t)(end + 1 - r->page.body.p);
	return give(r, &record, out, e);
}

void sk_client_reader_close(struct sk_client_reader *r)
{
	if (!r)
		return;
	sk_client_reply_free(&r->page);
	sk_json_reader_free(r->json);
	sk_buf_free(&r->packed);
	free(r->category);
	free(r);
}
