/* SPDX-License-Identifier: MIT */
/* categories.c - what there is: categories and their records, the cluster. */
#include "api/parts.h"
#include "category/reader.h"
#include "handle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- categories ---- */

static void put_shards(struct sk_object *j, const struct snek_category_info *i,
    bool figures)
{
	uint32_t k;

	sk_object_open(j, "placement", '[');
	for (k = 0; i->shard && k < i->shards; k++) {
		sk_object_open(j, NULL, '{');
		sk_object_number(j, "shard", i->shard[k].shard);
		if (!figures) {
			sk_object_close(j, '}');
			continue;
		}
		sk_object_number(j, "chunks", i->shard[k].chunks);
		sk_object_number(j, "records", i->shard[k].records);
		sk_object_number(j, "bytes", i->shard[k].bytes);
		sk_object_close(j, '}');
	}
	sk_object_close(j, ']');
}

static void put_category(struct sk_object *j, const struct snek_category_info *i,
    bool figures)
{
	sk_object_text(j, "name", i->name);
	sk_object_number(j, "version", i->version);
	sk_object_number(j, "writes", i->writes);
	sk_object_number(j, "records", i->records);
	sk_object_number(j, "bytes", i->bytes);
	sk_object_number(j, "level", i->level);
	put_shards(j, i, figures);
}

static int visit_listed(void *arg, const struct snek_category_info *i)
{
	struct sk_object *j = arg;

	sk_object_open(j, NULL, '{');
	put_category(j, i, false);
	sk_object_close(j, '}');
	return j->nomem ? SNEK_ENOMEM : 0;
}

void sk_api_categories(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_object j;
	snek_cluster *cluster;
	int rc = sk_api_take(c->api, &cluster, &e);

	if (!rc) {
		sk_object_begin(&j, &c->out->body, "categories");
		sk_object_open(&j, "categories", '[');
		rc = snek_category_list(cluster, visit_listed, &j, &e);
		sk_object_close(&j, ']');
		sk_object_end(&j);
	}
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}

static int visit_one(void *arg, const struct snek_category_info *i)
{
	struct sk_api_call *c = arg;
	struct sk_object j;

	sk_object_begin(&j, &c->out->body, "category");
	put_category(&j, i, true);
	sk_object_end(&j);
	return j.nomem ? SNEK_ENOMEM : 0;
}

void sk_api_category(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	snek_cluster *cluster;
	int rc = sk_api_take(c->api, &cluster, &e);

	if (!rc)
		rc = snek_category_find(cluster, c->name[0], visit_one, c, &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}

static void do_to(struct sk_api_call *c, const char *kind,
    int (*act)(snek_cluster *, const char *, struct snek_error *))
{
	struct snek_error e = { 0 };
	struct sk_object j;
	snek_cluster *cluster;
	int rc = sk_api_take(c->api, &cluster, &e);

	if (!rc)
		rc = act(cluster, c->name[0], &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
	if (rc)
		return;
	sk_object_begin(&j, &c->out->body, kind);
	sk_object_text(&j, "name", c->name[0]);
	sk_object_end(&j);
}

void sk_api_category_remove(struct sk_api_call *c)
{
	do_to(c, "removed", snek_category_remove);
}

void sk_api_category_compact(struct sk_api_call *c)
{
	do_to(c, "compacted", snek_category_compact);
}

/* ---- the cluster ---- */

/* Not where it is: that is for who runs it. */
void sk_api_cluster(struct sk_api_call *c)
{
	struct snek_cluster_info i = { .size = sizeof(i) };
	struct snek_error e = { 0 };
	struct sk_object j;
	snek_cluster *cluster;
	int rc = sk_api_take(c->api, &cluster, &e);

	if (!rc)
		rc = snek_cluster_info(cluster, &i, &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
	if (rc)
		return;
	sk_object_begin(&j, &c->out->body, "cluster");
	sk_object_text(&j, "uuid", i.uuid);
	sk_object_number(&j, "shards", i.shards);
	sk_object_number(&j, "level", i.level);
	sk_object_number(&j, "format", i.format);
	sk_object_flag(&j, "read_only", i.read_only);
	sk_object_number(&j, "categories", i.categories);
	sk_object_flag(&j, "registers", c->api->o.bare);
	sk_object_end(&j);
}

/* ---- records, a page ---- */

struct from {
	uint64_t category;              /* its id; 0: whichever it is */
	struct sk_place place;
};

/* A whole number, up to a dot or the end. */
static bool take_number(const char **text, uint64_t *out)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*out = strtoull(*text, &end, 10);
	*text = *end == '.' ? end + 1 : end;
	return !errno && (!*end || (*end == '.' && end[1]));
}

/* "CATEGORY.VERSION.RECORD", or without the category; "": from the first. */
static int parse_from(const char *text, struct from *out, struct snek_error *e)
{
	uint64_t n[3];
	unsigned i = 0;

	*out = (struct from){ .category = 0 };
	if (!*text)
		return 0;
	while (i < 3 && take_number(&text, &n[i]))
		i++;
	if (i < 2 || *text || !n[i - 2])
		return sk_fail(e, SNEK_EINVAL, "from is what the last page said "
		    "comes next");
	out->category = i == 3 ? n[0] : 0;
	out->place = (struct sk_place){ n[i - 2], n[i - 1] };
	return 0;
}

static int check_category(const char *name, const struct from *from,
    const sk_reader *r, struct snek_error *e)
{
	return !from->category || from->category == sk_reader_category(r) ? 0 :
	    sk_fail(e, SNEK_ECONFLICT, "category '%s' was removed and made again "
	    "since the last page; begin again", name);
}

static int fill_page(struct sk_api_call *c, sk_reader *r, uint64_t limit,
    struct snek_error *e)
{
	struct sk_api_response *out = c->out;
	struct sk_record record;
	struct sk_place at;
	size_t before;
	uint64_t n;
	int rc;

	for (n = 0; (rc = sk_reader_next(r, &record, &at, e)) == 1; n++) {
		before = out->body.n;
		if (!sk_json_write_record(&out->body, &record) ||
		    !sk_buf_byte(&out->body, '\n'))
			return sk_enomem(e);
		if (n && (n >= limit || out->body.n > c->api->o.max_reply)) {
			out->body.n = before;   /* it begins the next page */
			snprintf(out->next, sizeof(out->next), "%" PRIu64
			    ".%" PRIu64 ".%" PRIu64, sk_reader_category(r),
			    at.version, at.record);
			return 0;
		}
	}
	return rc;
}

static int read_page(struct sk_api_call *c, snek_cluster *cluster,
    const struct from *from, uint64_t limit, struct snek_error *e)
{
	sk_reader *r = NULL;
	int rc = sk_need_cluster(cluster, e);

	if (!rc)
		rc = sk_name_check("category", c->name[0], e);
	if (!rc)
		rc = sk_reader_open_at(cluster->cat, c->name[0], from->place, &r,
		    e);
	if (!rc)
		rc = check_category(c->name[0], from, r, e);
	if (!rc)
		rc = fill_page(c, r, limit, e);
	sk_reader_close(r);
	return rc;
}

void sk_api_records(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	struct from from;
	uint64_t limit;
	char text[SK_API_FROM];
	int rc;

	rc = sk_api_parameter(c->request, "from", text, sizeof(text), &e);
	if (rc >= 0)
		rc = parse_from(text, &from, &e);
	if (!rc)
		rc = sk_api_number(c->request, "limit", UINT64_MAX, &limit, &e);
	if (!rc && !limit)
		rc = sk_fail(&e, SNEK_EINVAL, "a page has at least one record");
	if (!rc)
		rc = sk_api_take(c->api, &cluster, &e);
	if (!rc)
		rc = read_page(c, cluster, &from, limit, &e);
	c->out->type = "application/x-ndjson";
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}
