/* SPDX-License-Identifier: MIT */
/* client_look.c - what looks at much, behind a gateway: how much there is, what
 * is in records, what nobody needs any more. */
#include "api/client.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/counts.h"
#include "value/pack.h"

#define LOOK_MS 600000          /* who runs the gateway says how long it may
				 * take; nobody waits for ever */
#define MEMBERS 32u             /* of an object in an answer */

/* A list of the answer, element by element as records. */
static int each(const struct sk_record *r, const char *list,
    int (*visit)(void *, const struct sk_record *, struct snek_error *),
    void *arg, struct snek_error *e)
{
	struct snek_value v = sk_object_member(r, list), name;
	struct sk_member m[MEMBERS];
	struct sk_record one = { .object = true, .member = m };
	struct snek_cursor at;
	int rc = 0;

	if (v.type != SNEK_ARRAY || sk_iterate(v, &at))
		return sk_fail(e, SNEK_EFORMAT, "the gateway's answer has no %s",
		    list);
	while (!rc && sk_next(&at, &name, &v) == 1) {
		one.n = sk_client_members(v, m, MEMBERS);
		rc = visit(arg, &one, e);
	}
	return rc;
}

/* What is answered is handed over. */
static int ask(struct sk_client *c, const char *method, const char *path,
    int (*take)(void *, const struct sk_record *, struct snek_error *),
    void *arg, struct snek_error *e)
{
	const struct sk_client_call call = { .method = method, .path = path,
		.timeout_ms = LOOK_MS };
	struct sk_client_object o;
	struct sk_client_reply r;
	int rc = sk_client_ask(c, &call, &r, &o, e);

	if (!rc)
		rc = take(arg, &o.record, e);
	sk_client_object_free(&o);
	sk_client_reply_free(&r);
	return rc;
}

/* /v1/categories/NAME and what follows. */
static bool put_path(struct sk_buf *b, const char *category, const char *tail)
{
	return sk_buf_printf(b, "/v1/categories/") &&
	    sk_client_encode(b, category) && sk_buf_printf(b, "%s", tail);
}

/* ---- how much ---- */

struct shards {
	int (*visit)(void *, const struct snek_shard_stat *);
	void *arg;
	struct snek_cluster_stat *all;
};

static int show_shard(void *arg, const struct sk_record *r, struct snek_error *e)
{
	struct shards *s = arg;
	struct snek_shard_stat i = { .size = sizeof(i), .location = "" };

	(void)e;
	i.shard = (uint32_t)sk_client_number(r, "shard");
	sk_counts_get(r, sk_count_shard, &i);
	return s->visit(s->arg, &i);
}

static int take_stat(void *arg, const struct sk_record *r, struct snek_error *e)
{
	struct shards *s = arg;
	int rc = s->visit ? each(r, "shards", show_shard, s, e) : 0;

	if (!rc)
		sk_counts_get(r, sk_count_stat, s->all);
	return rc;
}

int sk_client_stat(struct sk_client *c, const char *category,
    int (*visit)(void *, const struct snek_shard_stat *), void *arg,
    struct snek_cluster_stat *out, struct snek_error *e)
{
	struct shards s = { visit, arg, out };
	struct sk_buf path = { 0 };
	bool ok = category ? put_path(&path, category, "/stat") :
	    sk_buf_printf(&path, "/v1/stat");
	int rc = ok ? ask(c, "GET", path.p, take_stat, &s, e) : sk_enomem(e);

	sk_buf_free(&path);
	return rc;
}

/* ---- what is in records ---- */

struct paths {
	int (*visit)(void *, const struct snek_path_info *);
	void *arg;
	struct snek_describe_report *all;
	struct sk_buf path;             /* with a NUL */
};

static void get_types(const struct sk_record *r, struct snek_path_info *i)
{
	struct sk_member m[MEMBERS];
	struct sk_record types = { .object = true, .member = m };

	types.n = sk_client_members(sk_object_member(r, "types"), m, MEMBERS);
	sk_counts_get(&types, sk_count_types, i);
}

static int show_path(void *arg, const struct sk_record *r, struct snek_error *e)
{
	struct paths *p = arg;
	struct snek_value path = sk_object_member(r, "path");
	struct snek_path_info i = { .size = sizeof(i) };

	if (path.type != SNEK_STRING)
		return sk_fail(e, SNEK_EFORMAT, "the gateway's answer has a path "
		    "without its name");
	p->path.n = 0;
	if (!sk_buf_put(&p->path, path.as.s, path.len) ||
	    !sk_buf_byte(&p->path, 0))
		return sk_enomem(e);
	i.path = p->path.p;
	i.path_len = path.len;
	sk_counts_get(r, sk_count_path, &i);
	get_types(r, &i);
	i.example = sk_object_member(r, "example");
	return p->visit(p->arg, &i);
}

/* A number of the API has 19 digits at most. */
static bool put_question(struct sk_buf *b, const char *category,
    const struct snek_describe_options *o)
{
	uint64_t records = o->records < INT64_MAX ? o->records : INT64_MAX;

	return put_path(b, category, "/paths") && sk_buf_printf(b,
	    "?records=%" PRIu64 "&paths=%" PRIu32, records, o->paths);
}

static int take_paths(void *arg, const struct sk_record *r, struct snek_error *e)
{
	struct paths *p = arg;
	int rc = each(r, "paths", show_path, p, e);

	if (!rc)
		sk_counts_get(r, sk_count_described, p->all);
	return rc;
}

int sk_client_describe(struct sk_client *c, const char *category,
    const struct snek_describe_options *how,
    int (*visit)(void *, const struct snek_path_info *), void *arg,
    struct snek_describe_report *out, struct snek_error *e)
{
	struct paths p = { .visit = visit, .arg = arg, .all = out };
	struct sk_buf path = { 0 };
	int rc = put_question(&path, category, how) ?
	    ask(c, "GET", path.p, take_paths, &p, e) : sk_enomem(e);

	sk_buf_free(&path);
	sk_buf_free(&p.path);
	return rc;
}

/* ---- what nobody needs ---- */

static int take_swept(void *out, const struct sk_record *r, struct snek_error *e)
{
	(void)e;
	sk_counts_get(r, sk_count_swept, out);
	return 0;
}

/* Once more does no harm: what is gone is not found again. */
int sk_client_gc(struct sk_client *c, uint32_t grace,
    struct snek_gc_report *out, struct snek_error *e)
{
	char path[40];

	snprintf(path, sizeof(path), "/v1/gc?grace=%" PRIu32, grace);
	return ask(c, "POST", path, take_swept, out, e);
}
