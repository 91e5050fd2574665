/* SPDX-License-Identifier: MIT */
/* snek.c - the front door to clusters and categories: checks arguments, calls
 * the rest. */
#include "config.h"
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include "category/cluster.h"
#include "category/compact.h"

/* No struct of ours will ever be larger: a size that was never set. */
#define MAX_STRUCT 4096u

const char *snek_version(void)
{
	return PACKAGE_VERSION;
}

const char *snek_strerror(int code)
{
	return sk_strerror(code);
}

const char *snek_error_name(int code)
{
	return sk_error_name(code);
}

static bool is_zero(const void *p, size_t n)
{
	const char *s = p;

	while (n--)
		if (*s++)
			return false;
	return true;
}

int sk_need(const void *p, const char *what, struct snek_error *e)
{
	return p ? 0 : sk_fail(e, SNEK_EINVAL, "NULL is no %s", what);
}

int sk_need_cluster(const snek_cluster *c, struct snek_error *e)
{
	int rc = sk_need(c, "cluster", e);

	if (!rc && c->client)
		rc = sk_fail(e, SNEK_EINVAL, "%s is a gateway, through which "
		    "this is not done; do it where the cluster itself is "
		    "reached", sk_client_where(c->client));
	return rc;
}

int sk_options_copy(void *own, size_t own_size, const void *theirs,
    struct snek_error *e)
{
	size_t size, n;

	memset(own, 0, own_size);
	if (!theirs)
		return 0;
	memcpy(&size, theirs, sizeof(size));
	if (size < sizeof(size) || size > MAX_STRUCT)
		return sk_fail(e, SNEK_EINVAL, "an options struct without its "
		    "size");
	n = size < own_size ? size : own_size;
	if (!is_zero((const char *)theirs + n, size - n))
		return sk_fail(e, SNEK_EINVAL, "options that this version of the "
		    "library (" PACKAGE_VERSION ") does not know");
	memcpy(own, theirs, n);
	return 0;
}

int sk_report_check(const void *theirs, struct snek_error *e)
{
	size_t size = sizeof(size);

	if (theirs)
		memcpy(&size, theirs, sizeof(size));
	return size >= sizeof(size) && size <= MAX_STRUCT ? 0 : sk_fail(e,
	    SNEK_EINVAL, "a struct for the report without its size");
}

/* The caller may be older or newer than we are: fill in what both know. */
void sk_report(void *theirs, const void *own, size_t own_size)
{
	size_t size, n;

	if (!theirs)
		return;
	memcpy(&size, theirs, sizeof(size));
	n = size < own_size ? size : own_size;
	if (n > sizeof(size))
		memcpy((char *)theirs + sizeof(size),
		    (const char *)own + sizeof(size), n - sizeof(size));
}

/* ---- clusters ---- */

static int check_shape(struct snek_cluster_options *o, struct snek_error *e)
{
	if (!o->shards)
		o->shards = o->servers ? o->servers : 4;
	if (!o->level)
		o->level = o->shards;
	if (o->shards > SK_MAX_SHARDS)
		return sk_fail(e, SNEK_EINVAL, "%u shards: at most %u", o->shards,
		    SK_MAX_SHARDS);
	if (!o->servers && o->level > o->shards)
		return sk_fail(e, SNEK_EINVAL, "level %u over %u shards: the level "
		    "is at most the number of shards", o->level, o->shards);
	if (o->servers && o->shards != o->servers)
		return sk_fail(e, SNEK_EINVAL, "%u shards on %u servers: each "
		    "server is one shard", o->shards, o->servers);
	return 0;
}

static void plan_of(const struct snek_cluster_options *o, const char *meta,
    struct sk_cluster_plan *p)
{
	*p = (struct sk_cluster_plan){
		.meta = meta, .server = o->server, .servers = o->servers,
		.level = o->level, .profile = o->profile,
		.allow_eviction = o->allow_eviction,
		.waiting = { o->waiting, o->waiting_arg, false },
		.login = { o->user, o->password, o->password_file, o->ca_file,
		    o->cert_file, o->key_file, o->server_name },
	};
}

int snek_cluster_create(const char *where,
    const struct snek_cluster_options *options, struct snek_error *e)
{
	struct snek_cluster_options o;
	struct sk_cluster_plan plan;
	int rc = sk_options_copy(&o, sizeof(o), options, e);

	if (rc)
		return rc;
	if (!where && o.servers)
		where = o.server[0];
	if (!where || !*where)
		return sk_fail(e, SNEK_EINVAL, "a cluster needs a directory");
	rc = check_shape(&o, e);
	if (rc)
		return rc;
	if (!o.servers && strstr(where, "://"))
		return sk_fail(e, SNEK_EINVAL, "%s: a cluster on servers needs "
		    "their URLs", where);
	if (!o.servers)
		return sk_catalog_create(where, o.shards, o.level, e);
	plan_of(&o, where, &plan);
	return sk_cluster_create(&plan, e);
}

int snek_cluster_grow(const char *where,
    const struct snek_cluster_options *options, uint32_t *added,
    struct snek_error *e)
{
	struct snek_cluster_options o;
	struct sk_cluster_plan plan;
	uint32_t n = 0;
	int rc = sk_options_copy(&o, sizeof(o), options, e);

	if (!rc)
		rc = sk_need(where, "cluster", e);
	if (rc)
		return rc;
	plan_of(&o, NULL, &plan);
	rc = sk_cluster_grow(where, &plan, &n, e);
	if (!rc && added)
		*added = n;
	return rc;
}

int snek_cluster_destroy(const char *where, struct snek_error *e)
{
	int rc = sk_need(where, "cluster", e);

	return rc ? rc : sk_cluster_destroy(where, e);
}

int sk_cluster_default(struct sk_buf *b, bool *named, struct snek_error *e)
{
	const char *v;
	bool ok;

	*named = (v = getenv("SNEK_CLUSTER")) && *v;
	if (*named)
		ok = sk_buf_printf(b, "%s", v);
	else if ((v = getenv("XDG_DATA_HOME")) && *v == '/')
		ok = sk_buf_printf(b, "%s/snek", v);
	else if ((v = getenv("HOME")) && *v)
		ok = sk_buf_printf(b, "%s/.local/share/snek", v);
	else
		return sk_fail(e, SNEK_EINVAL, "no cluster is named and HOME is "
		    "not set; set SNEK_CLUSTER to a directory");
	return ok ? 0 : sk_enomem(e);
}

/* What a name means may be behind a gateway. */
static int open_named(struct snek_cluster *c, const char *name,
    const struct sk_waiting *waiting, struct snek_error *e)
{
	struct sk_client_login login = { 0 };
	struct sk_where w;
	int rc = sk_where_find(&w, name, e);

	if (rc)
		return rc;
	if (w.url && sk_client_is_url(w.url)) {
		login.token_file = w.profile.token_file;
		login.aws_profile = w.profile.aws_profile;
		login.sign = w.profile.lambda_stack;
		if (w.profile.cluster && !(c->profile = strdup(name)))
			rc = sk_enomem(e);
		if (!rc)
			rc = sk_client_open(w.url, &login, &c->client, e);
	} else {
		rc = sk_cluster_open(name, waiting, &c->cat, e);
	}
	sk_where_free(&w);
	return rc;
}

int snek_cluster_open_with(const char *where,
    const struct snek_open_options *options, snek_cluster **out,
    struct snek_error *e)
{
	struct snek_open_options o;
	struct sk_waiting waiting;
	struct sk_buf b = { 0 };
	struct snek_cluster *c;
	bool named = true;
	int rc = sk_need(out, "place for the cluster", e);

	if (!rc)
		rc = sk_options_copy(&o, sizeof(o), options, e);
	if (!rc && !where)
		rc = sk_cluster_default(&b, &named, e);
	if (rc) {
		sk_buf_free(&b);
		return rc;
	}
	waiting = (struct sk_waiting){ o.waiting, o.waiting_arg, false };
	c = calloc(1, sizeof(*c));
	rc = !c ? sk_enomem(e) : named ? open_named(c, where ? where : b.p,
	    &waiting, e) : sk_catalog_open(b.p, &c->cat, e);
	sk_buf_free(&b);
	if (rc) {
		snek_cluster_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

int snek_cluster_open(const char *where, snek_cluster **out,
    struct snek_error *e)
{
	return snek_cluster_open_with(where, NULL, out, e);
}

void snek_cluster_close(snek_cluster *c)
{
	if (!c)
		return;
	sk_catalog_close(c->cat);
	sk_client_close(c->client);
	free(c->profile);
	free(c);
}

static int need_cluster(snek_cluster *c, struct snek_error *e)
{
	return sk_need(c, "cluster", e);
}

static int remote_info(snek_cluster *c, struct snek_cluster_info *out,
    struct snek_error *e)
{
	struct snek_cluster_info info = { 0 };
	int rc = sk_client_info(c->client, &info, NULL, e);

	if (!rc)
		sk_report(out, &info, sizeof(info));
	return rc;
}

static int count_category(void *arg, const struct sk_meta_category *m)
{
	(void)m;
	++*(uint64_t *)arg;
	return 0;
}

static void uuid_text(const uint8_t b[16], char out[37])
{
	static const char hex[] = "0123456789abcdef";
	int i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[b[i] >> 4];
		*out++ = hex[b[i] & 15];
	}
	*out = '\0';
}

int snek_cluster_info(snek_cluster *c, struct snek_cluster_info *out,
    struct snek_error *e)
{
	struct snek_cluster_info info = { 0 };
	struct sk_meta *m;
	int rc = need_cluster(c, e);

	if (!rc)
		rc = sk_report_check(out, e);
	if (rc)
		return rc;
	if (c->client)
		return remote_info(c, out, e);
	m = c->cat->meta;
	rc = m->ops->category_list(m, count_category, &info.categories, e);
	if (rc)
		return rc;
	info.shards = c->cat->cluster.shards;
	info.level = c->cat->cluster.level;
	info.format = c->cat->cluster.format;
	info.read_only = m->ops->read_only(m);
	uuid_text(c->cat->cluster.uuid, info.uuid);
	snprintf(info.where, sizeof(info.where), "%s", c->cat->where);
	sk_report(out, &info, sizeof(info));
	return 0;
}

static int gc_here(struct sk_catalog *cat, uint32_t grace,
    struct snek_gc_report *out, struct snek_error *e)
{
	struct sk_gc_report r = { 0 };
	int rc = sk_gc(cat, grace, &r, e);

	out->writes = r.writes;
	out->segments = r.segments;
	out->bytes = r.bytes;
	out->waiting = r.waiting;
	return rc;
}

int snek_cluster_gc(snek_cluster *c, uint32_t grace,
    struct snek_gc_report *out, struct snek_error *e)
{
	struct snek_gc_report report = { 0 };
	int rc = need_cluster(c, e);

	grace = grace ? grace : 3600;
	if (!rc)
		rc = sk_report_check(out, e);
	if (!rc)
		rc = c->client ? sk_client_gc(c->client, grace, &report, e) :
		    gc_here(c->cat, grace, &report, e);
	if (!rc)
		sk_report(out, &report, sizeof(report));
	return rc;
}

/* ---- categories ---- */

static int check_visit(snek_cluster *c, const void *visit, struct snek_error *e)
{
	int rc = need_cluster(c, e);

	return rc ? rc : sk_need(visit, "function to visit with", e);
}

struct visit {
	struct sk_catalog *cat;
	int (*visit)(void *, const struct snek_category_info *);
	void *arg;
	struct snek_shard_info *shard;  /* filled in by parts, for find */
};

static int show(struct visit *v, const struct sk_meta_category *m)
{
	struct snek_category_info info = {
		.size = sizeof(info), .name = m->name, .version = m->version,
		.writes = m->writes, .records = m->records, .bytes = m->bytes,
		.level = m->shards, .shards = m->shards, .shard = v->shard,
	};

	return v->visit(v->arg, &info);
}

static void name_shards(struct visit *v, const struct sk_meta_category *m)
{
	struct sk_shard *s;
	uint32_t i;

	for (i = 0; i < m->shards; i++) {
		s = v->cat->shard[m->shard[i]];
		v->shard[i].shard = m->shard[i];
		v->shard[i].location = s->ops->location(s);
	}
}

static int list_one(void *arg, const struct sk_meta_category *m)
{
	struct visit *v = arg;

	memset(v->shard, 0, SK_MAX_SHARDS * sizeof(*v->shard));
	name_shards(v, m);
	return show(v, m);
}

int snek_category_list(snek_cluster *c,
    int (*visit)(void *, const struct snek_category_info *), void *arg,
    struct snek_error *e)
{
	struct visit v = { NULL, visit, arg, NULL };
	int rc = check_visit(c, (const void *)(uintptr_t)visit, e);

	if (rc)
		return rc;
	if (c->client)
		return sk_client_categories(c->client, visit, arg, e);
	v.cat = c->cat;
	v.shard = calloc(SK_MAX_SHARDS, sizeof(*v.shard));
	if (!v.shard)
		return sk_enomem(e);
	rc = c->cat->meta->ops->category_list(c->cat->meta, list_one, &v, e);
	free(v.shard);
	return rc;
}

struct weigh {
	struct sk_meta_category m;
	struct snek_shard_info *by_id;
	uint32_t shards;                /* of the cluster, as it was opened */
};

static int weigh_entry(void *arg, const struct sk_meta_entry *en)
{
	struct weigh *w = arg;
	struct snek_shard_info *s;
	uint32_t i;

	for (i = 0; i < en->parts; i++) {
		if (en->part[i].shard >= w->shards)
			return SNEK_EAGAIN;     /* it has grown since */
		s = &w->by_id[en->part[i].shard];
		s->chunks += en->part[i].chunks;
		s->records += en->part[i].records;
		s->bytes += en->part[i].bytes;
	}
	return 0;
}

static int find(struct visit *v, struct weigh *w, const char *name,
    struct snek_error *e)
{
	struct sk_meta *m = v->cat->meta;
	uint32_t i;
	int rc = m->ops->snapshot(m, name, 0, &w->m, weigh_entry, w, e);

	for (i = 0; i < w->m.shards && !rc; i++)
		if (w->m.shard[i] >= w->shards)
			rc = SNEK_EAGAIN;
	if (rc == SNEK_EAGAIN)
		return sk_fail(e, rc, "%s has grown since it was opened: open it "
		    "again", v->cat->where);
	if (rc)
		return rc;
	for (i = 0; i < w->m.shards; i++)
		v->shard[i] = w->by_id[w->m.shard[i]];
	name_shards(v, &w->m);
	return show(v, &w->m);
}

int snek_category_find(snek_cluster *c, const char *name,
    int (*visit)(void *, const struct snek_category_info *), void *arg,
    struct snek_error *e)
{
	struct visit v = { NULL, visit, arg, NULL };
	struct weigh w = { .by_id = NULL };
	int rc = check_visit(c, (const void *)(uintptr_t)visit, e);

	if (!rc)
		rc = sk_name_check("category", name, e);
	if (rc)
		return rc;
	if (c->client)
		return sk_client_category(c->client, name, visit, arg, e);
	v.cat = c->cat;
	w.shards = c->cat->cluster.shards;
	v.shard = calloc(w.shards, sizeof(*v.shard));
	w.by_id = calloc(w.shards, sizeof(*w.by_id));
	rc = v.shard && w.by_id ? find(&v, &w, name, e) : sk_enomem(e);
	free(w.by_id);
	free(v.shard);
	return rc;
}

int snek_category_remove(snek_cluster *c, const char *name,
    struct snek_error *e)
{
	int rc = need_cluster(c, e);

	if (!rc)
		rc = sk_name_check("category", name, e);
	if (!rc && c->client)
		return sk_client_remove(c->client, name, e);
	return rc ? rc : c->cat->meta->ops->category_remove(c->cat->meta, name, e);
}

int snek_category_compact(snek_cluster *c, const char *name,
    struct snek_error *e)
{
	int rc = need_cluster(c, e);

	if (!rc)
		rc = sk_name_check("category", name, e);
	if (!rc && c->client)
		return sk_client_compact(c->client, name, e);
	return rc ? rc : sk_compact(c->cat, name, true, e);
}
