/* SPDX-License-Identifier: MIT */
/* client_category.c - what there is behind a gateway. */
#include "api/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/object.h"
#include "value/pack.h"

#define MEMBERS 32u             /* of an object in an answer */

int sk_client_ask(struct sk_client *c, const struct sk_client_call *call,
    struct sk_client_reply *r, struct sk_client_object *o,
    struct snek_error *e)
{
	int rc;

	memset(o, 0, sizeof(*o));
	rc = sk_client_call(c, call, r, e);
	return rc ? rc : sk_client_parse((struct sk_span){ r->body.p, r->body.n },
	    o, e);
}

int sk_client_get(struct sk_client *c, const char *base, const char *name,
    struct sk_client_reply *r, struct sk_client_object *o,
    struct snek_error *e)
{
	struct sk_client_call call = { .method = "GET" };
	struct sk_buf path = { 0 };
	int rc;

	memset(o, 0, sizeof(*o));
	memset(r, 0, sizeof(*r));
	if (!sk_buf_printf(&path, "%s", base) ||
	    (name && !sk_client_encode(&path, name)) || !sk_buf_byte(&path, 0)) {
		sk_buf_free(&path);
		return sk_enomem(e);
	}
	call.path = path.p;
	rc = sk_client_ask(c, &call, r, o, e);
	sk_buf_free(&path);
	return rc;
}

int sk_client_info(struct sk_client *c, struct snek_cluster_info *info,
    bool *registers, struct snek_error *e)
{
	struct sk_client_object o;
	struct sk_client_reply r;
	int rc = sk_client_get(c, "/v1/cluster", NULL, &r, &o, e);

	if (!rc) {
		sk_client_text(&o.record, "uuid", info->uuid, sizeof(info->uuid));
		info->shards = (uint32_t)sk_client_number(&o.record, "shards");
		info->level = (uint32_t)sk_client_number(&o.record, "level");
		info->format = (uint32_t)sk_client_number(&o.record, "format");
		info->read_only = sk_client_flag(&o.record, "read_only");
		info->categories = sk_client_number(&o.record, "categories");
		snprintf(info->where, sizeof(info->where), "%s", sk_client_where(c));
		if (registers)
			*registers = sk_client_flag(&o.record, "registers");
	}
	sk_client_object_free(&o);
	sk_client_reply_free(&r);
	return rc;
}

/* ---- categories ---- */

static uint32_t get_shards(const struct sk_record *r, struct snek_shard_info *s,
    uint32_t most, bool *figures)
{
	struct snek_value list = sk_object_member(r, "placement"), name, value;
	struct sk_member m[8];
	struct sk_record one = { .object = true, .member = m };
	struct snek_cursor at;
	uint32_t n = 0;

	*figures = false;
	if (list.type != SNEK_ARRAY || sk_iterate(list, &at))
		return 0;
	while (n < most && sk_next(&at, &name, &value) == 1) {
		one.n = sk_client_members(value, m, 8);
		s[n].shard = (uint32_t)sk_client_number(&one, "shard");
		s[n].chunks = sk_client_number(&one, "chunks");
		s[n].records = sk_client_number(&one, "records");
		s[n].bytes = sk_client_number(&one, "bytes");
		s[n].location = "";
		*figures |= one.n > 1;
		n++;
	}
	return n;
}

static int show(const struct sk_record *r,
    int (*visit)(void *, const struct snek_category_info *), void *arg,
    struct snek_error *e)
{
	struct snek_shard_info *shard = calloc(1024, sizeof(*shard));
	struct snek_category_info i = { .size = sizeof(i) };
	char name[132];
	bool figures;
	int rc;

	if (!shard)
		return sk_enomem(e);
	sk_client_text(r, "name", name, sizeof(name));
	i.name = name;
	i.version = sk_client_number(r, "version");
	i.writes = sk_client_number(r, "writes");
	i.records = sk_client_number(r, "records");
	i.bytes = sk_client_number(r, "bytes");
	i.level = (uint32_t)sk_client_number(r, "level");
	i.shards = get_shards(r, shard, 1024, &figures);
	i.shard = shard;
	rc = visit(arg, &i);
	free(shard);
	return rc;
}

int sk_client_categories(struct sk_client *c,
    int (*visit)(void *, const struct snek_category_info *), void *arg,
    struct snek_error *e)
{
	struct sk_client_object o;
	struct sk_client_reply r;
	struct sk_member m[MEMBERS];
	struct sk_record one = { .object = true, .member = m };
	struct snek_value list, name, value;
	struct snek_cursor at;
	int rc = sk_client_get(c, "/v1/categories", NULL, &r, &o, e);

	list = rc ? sk_none() : sk_object_member(&o.record, "categories");
	if (!rc && (list.type != SNEK_ARRAY || sk_iterate(list, &at)))
		rc = sk_fail(e, SNEK_EFORMAT, "the answer has no categories");
	while (!rc && sk_next(&at, &name, &value) == 1) {
		one.n = sk_client_members(value, m, MEMBERS);
		rc = show(&one, visit, arg, e);
	}
	sk_client_object_free(&o);
	sk_client_reply_free(&r);
	return rc;
}

int sk_client_category(struct sk_client *c, const char *name,
    int (*visit)(void *, const struct snek_category_info *), void *arg,
    struct snek_error *e)
{
	struct sk_client_object o;
	struct sk_client_reply r;
	int rc = sk_client_get(c, "/v1/categories/", name, &r, &o, e);

	if (!rc)
		rc = show(&o.record, visit, arg, e);
	sk_client_object_free(&o);
	sk_client_reply_free(&r);
	return rc;
}

static int tell(struct sk_client *c, const char *method, const char *name,
    const char *tail, struct snek_error *e)
{
	struct sk_client_call call = { .method = method };
	struct sk_client_reply r = { 0 };
	struct sk_buf path = { 0 };
	int rc;

	if (!sk_buf_printf(&path, "/v1/categories/") ||
	    !sk_client_encode(&path, name) || !sk_buf_printf(&path, "%s", tail)) {
		sk_buf_free(&path);
		return sk_enomem(e);
	}
	call.path = path.p;
	rc = sk_client_call(c, &call, &r, e);
	sk_client_reply_free(&r);
	sk_buf_free(&path);
	return rc;
}

int sk_client_remove(struct sk_client *c, const char *name,
    struct snek_error *e)
{
	return tell(c, "DELETE", name, "", e);
}

int sk_client_compact(struct sk_client *c, const char *name,
    struct snek_error *e)
{
	return tell(c, "POST", name, "/compact", e);
}
