/* SPDX-License-Identifier: MIT */
/* snek_inspect.c - the front door to what looks at data, clusters and the
 * machine. */
#include "handle.h"

#include <stdlib.h>

#include "category/survey.h"
#include "category/tally.h"
#include "job/doctor.h"

#define RECORDS 10000000u
#define PATHS 1000u
#define PATHS_MAX (1u << 20)

/* ---- paths ---- */

static void copy_counts(struct snek_path_info *i,
    const struct sk_survey_node *n)
{
	i->records = n->records;
	i->nulls = n->count[SNEK_NULL];
	i->bools = n->count[SNEK_BOOL];
	i->ints = n->count[SNEK_INT];
	i->doubles = n->count[SNEK_DOUBLE];
	i->strings = n->count[SNEK_STRING];
	i->arrays = n->count[SNEK_ARRAY];
	i->objects = n->count[SNEK_OBJECT];
	i->values = i->nulls + i->bools + i->ints + i->doubles + i->strings +
	    i->arrays + i->objects;
	i->example = n->example;
}

static int visit_path(const struct sk_survey_node *n,
    int (*visit)(void *, const struct snek_path_info *), void *arg,
    struct snek_error *e)
{
	struct snek_path_info i = { .size = sizeof(i) };
	struct sk_buf path = { 0 };
	int rc;

	copy_counts(&i, n);
	/* Records that all are objects go without saying. */
	if (!i.values || (!n->parent && i.objects == i.values))
		return 0;
	if (!sk_survey_path(n, &path) || !sk_buf_byte(&path, 0)) {
		sk_buf_free(&path);
		return sk_enomem(e);
	}
	i.path = path.p;
	i.path_len = path.n - 1;
	rc = visit(arg, &i);
	sk_buf_free(&path);
	return rc;
}

static int describe_here(struct sk_catalog *cat, const char *category,
    const struct snek_describe_options *o,
    int (*visit)(void *, const struct snek_path_info *), void *arg,
    struct snek_describe_report *out, struct snek_error *e)
{
	const struct sk_survey_node *n;
	struct sk_survey *s;
	int rc = sk_survey_open(cat, category, o->records, o->paths, &s, e);

	if (rc)
		return rc;
	for (n = s->node; n && !rc; n = sk_survey_next(n))
		rc = visit_path(n, visit, arg, e);
	out->records = s->snapshot->records;
	out->looked_at = s->records;
	out->left_out = s->left_out;
	sk_survey_close(s);
	return rc;
}

static int check_describe(const snek_cluster *c, const char *category,
    struct snek_describe_options *o, const struct snek_describe_report *out,
    struct snek_error *e)
{
	int rc = sk_need(c, "cluster", e);

	if (!rc)
		rc = sk_name_check("category", category, e);
	if (!rc)
		rc = sk_report_check(out, e);
	o->records = o->records ? o->records : RECORDS;
	o->paths = o->paths ? o->paths : PATHS;
	return rc || o->paths <= PATHS_MAX ? rc : sk_fail(e, SNEK_EINVAL,
	    "%u paths: at most %u", o->paths, PATHS_MAX);
}

int snek_category_describe(snek_cluster *c, const char *category,
    const struct snek_describe_options *options,
    int (*visit)(void *, const struct snek_path_info *), void *arg,
    struct snek_describe_report *out, struct snek_error *e)
{
	struct snek_describe_report r = { 0 };
	struct snek_describe_options o;
	int rc = sk_options_copy(&o, sizeof(o), options, e);

	if (!rc)
		rc = sk_need((const void *)(uintptr_t)visit,
		    "function to visit with", e);
	if (!rc)
		rc = check_describe(c, category, &o, out, e);
	if (!rc)
		rc = c->client ? sk_client_describe(c->client, category, &o,
		    visit, arg, &r, e) : describe_here(c->cat, category, &o,
		    visit, arg, &r, e);
	if (!rc)
		sk_report(out, &r, sizeof(r));
	return rc;
}

/* ---- how much ---- */

static void add_up(const struct sk_tally *t, uint32_t shards,
    struct snek_cluster_stat *s)
{
	uint32_t i;

	s->categories = t->categories;
	s->writes = t->writes;
	s->records = t->records;
	s->bytes = t->bytes;
	s->inlined = t->inlined;
	s->inlined_bytes = t->inlined_bytes;
	s->meta_bytes = t->meta_bytes;
	s->free_bytes = t->free;
	s->used_memory = t->server.used_memory;
	s->max_memory = t->server.max_memory;
	s->clients = t->server.clients;
	for (i = 0; i < shards; i++) {
		s->garbage += t->shard[i].garbage;
		s->garbage_bytes += t->shard[i].garbage_bytes;
		s->writing += t->shard[i].writing;
		s->writing_bytes += t->shard[i].writing_bytes;
	}
}

static int visit_shard(const struct sk_catalog *cat, const struct sk_tally *t,
    uint32_t i, int (*visit)(void *, const struct snek_shard_stat *), void *arg)
{
	const struct sk_tally_shard *s = &t->shard[i];
	struct snek_shard_stat stat = {
		.size = sizeof(stat), .shard = i,
		.location = cat->shard[i]->ops->location(cat->shard[i]),
		.chunks = s->chunks, .records = s->records, .bytes = s->bytes,
		.segments = s->segments, .garbage = s->garbage,
		.garbage_bytes = s->garbage_bytes, .writing = s->writing,
		.writing_bytes = s->writing_bytes, .free_bytes = s->free,
		.used_memory = s->server.used_memory,
		.max_memory = s->server.max_memory,
		.clients = s->server.clients,
	};

	return visit(arg, &stat);
}

static int stat_all(const struct sk_catalog *cat, const struct sk_tally *t,
    bool placed, int (*visit)(void *, const struct snek_shard_stat *),
    void *arg)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; visit && i < cat->cluster.shards && !rc; i++)
		if (!placed || t->shard[i].placed)
			rc = visit_shard(cat, t, i, visit, arg);
	return rc;
}

static int stat_here(const snek_cluster *c, const char *category,
    int (*visit)(void *, const struct snek_shard_stat *), void *arg,
    struct snek_cluster_stat *out, struct snek_error *e)
{
	struct sk_tally *t = malloc(sizeof(*t));
	int rc = t ? sk_tally(c->cat, category, t, e) : sk_enomem(e);

	if (!rc)
		rc = stat_all(c->cat, t, category != NULL, visit, arg);
	if (!rc) {
		add_up(t, c->cat->cluster.shards, out);
		out->servers = c->cat->servers ? c->cat->cluster.shards : 0;
	}
	free(t);
	return rc;
}

int snek_cluster_stat(snek_cluster *c, const char *category,
    int (*visit)(void *, const struct snek_shard_stat *), void *arg,
    struct snek_cluster_stat *out, struct snek_error *e)
{
	struct snek_cluster_stat s = { 0 };
	int rc = sk_need(c, "cluster", e);

	if (!rc && category)
		rc = sk_name_check("category", category, e);
	if (!rc)
		rc = sk_report_check(out, e);
	if (!rc)
		rc = c->client ? sk_client_stat(c->client, category, visit, arg,
		    &s, e) : stat_here(c, category, visit, arg, &s, e);
	if (!rc)
		sk_report(out, &s, sizeof(s));
	return rc;
}

/* ---- is all well? ---- */

int snek_doctor(const char *where,
    int (*visit)(void *, const struct snek_check *), void *arg,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	bool named = true;
	int rc = sk_need((const void *)(uintptr_t)visit,
	    "function to visit with", e);

	if (!rc && !where)
		rc = sk_cluster_default(&b, &named, e);
	if (!rc)
		rc = sk_doctor(where ? where : b.p, named, visit, arg, e);
	sk_buf_free(&b);
	return rc;
}
