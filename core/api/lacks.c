/* SPDX-License-Identifier: MIT */
#include "api/lacks.h"

#include "api/client.h"
#include "base/err.h"
#include "store/meta.h"
#include "value/pack.h"

#define MEMBERS 16u

/* ---- out ---- */

static void put_places(struct sk_object *o, const struct snek_missing *m)
{
	uint32_t i;

	sk_object_open(o, "shards", '[');
	for (i = 0; i < m->shards; i++)
		sk_object_number(o, NULL, m->shard[i]);
	sk_object_close(o, ']');
	sk_object_number(o, "version", m->version);
	sk_object_number(o, "first", m->first);
	sk_object_number(o, "last_version", m->last_version);
	sk_object_number(o, "last", m->last);
	sk_object_flag(o, "exact", m->exact);
}

static int put(void *arg, const struct snek_missing *m)
{
	struct sk_object *o = arg;

	if (!o->comma)
		sk_object_open(o, NULL, '[');
	sk_object_open(o, NULL, '{');
	sk_object_number(o, "records", m->records);
	if (m->partition) {
		sk_object_number(o, "partition", m->partition);
		sk_object_number(o, "partitions", m->partitions);
	} else {
		put_places(o, m);
	}
	sk_object_text(o, "code", sk_error_name(m->code));
	sk_object_text(o, "reason", m->reason);
	sk_object_close(o, '}');
	return o->nomem ? SNEK_ENOMEM : 0;
}

int sk_lacks_write(snek_job *job, struct sk_buf *b)
{
	struct sk_object o = { b, false, false };

	snek_job_missing(job, put, &o);
	if (o.comma)
		sk_object_close(&o, ']');
	return o.nomem ? SNEK_ENOMEM : 0;
}

/* ---- in ---- */

static uint32_t get_shards(const struct sk_record *r, uint32_t *to)
{
	struct snek_value list = sk_object_member(r, "shards"), name, v;
	struct snek_cursor at;
	uint32_t n = 0;

	if (list.type != SNEK_ARRAY || sk_iterate(list, &at))
		return 0;
	while (n < SK_MAX_SHARDS && sk_next(&at, &name, &v) == 1)
		to[n++] = v.type == SNEK_INT ? (uint32_t)v.as.i : 0;
	return n;
}

static int get(struct snek_value v,
    int (*visit)(void *, const struct snek_missing *), void *arg)
{
	struct sk_member member[MEMBERS];
	struct sk_record r = { .object = true, .member = member };
	struct snek_missing m = { .size = sizeof(m) };
	uint32_t shard[SK_MAX_SHARDS];
	char code[32], reason[400];

	r.n = sk_client_members(v, member, MEMBERS);
	m.partition = (uint32_t)sk_client_number(&r, "partition");
	m.partitions = (uint32_t)sk_client_number(&r, "partitions");
	m.records = sk_client_number(&r, "records");
	m.version = sk_client_number(&r, "version");
	m.first = sk_client_number(&r, "first");
	m.last_version = sk_client_number(&r, "last_version");
	m.last = sk_client_number(&r, "last");
	m.exact = sk_client_flag(&r, "exact");
	m.shards = get_shards(&r, shard);
	m.shard = shard;
	sk_client_text(&r, "code", code, sizeof(code));
	sk_client_text(&r, "reason", reason, sizeof(reason));
	m.code = sk_error_code(code);
	m.reason = reason;
	return visit(arg, &m);
}

int sk_lacks_visit(const struct sk_record *r,
    int (*visit)(void *, const struct snek_missing *), void *arg)
{
	struct snek_value list = sk_object_member(r, "missing"), name, v;
	struct snek_cursor at;
	int rc = 0;

	if (list.type != SNEK_ARRAY || sk_iterate(list, &at))
		return 0;
	while (!rc && sk_next(&at, &name, &v) == 1)
		rc = get(v, visit, arg);
	return rc;
}
