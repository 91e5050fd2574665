/* SPDX-License-Identifier: MIT */
/* paths.c - what lies at which path of a category's records: a description, as
 * snek_category_describe gives it, in one answer. */
#include "api/counts.h"
#include "api/parts.h"

#include <inttypes.h>

struct description {
	struct sk_object o;
	size_t most;                    /* bytes of the answer */
	uint64_t paths;
	struct snek_error *error;
};

static void put_types(struct sk_object *o, const struct snek_path_info *i)
{
	sk_object_open(o, "types", '{');
	sk_counts_put(o, sk_count_types, i);
	sk_object_close(o, '}');
}

/* What does not fit is refused whole: a part of it would look like all. */
static int put_path(void *arg, const struct snek_path_info *i)
{
	struct description *d = arg;
	struct sk_object *o = &d->o;

	sk_object_open(o, NULL, '{');
	sk_object_any(o, "path", sk_string(i->path, i->path_len));
	sk_counts_put(o, sk_count_path, i);
	put_types(o, i);
	if (i->example.type)
		sk_object_any(o, "example", i->example);
	sk_object_close(o, '}');
	if (!o->nomem && o->b->n > d->most)
		return sk_fail(d->error, SNEK_ELIMIT, "%" PRIu64 " paths with "
		    "their examples fill the %zu bytes of an answer; ask for "
		    "fewer (--limit)", d->paths, d->most);
	d->paths++;
	return o->nomem ? SNEK_ENOMEM : 0;
}

static int describe(struct sk_api_call *c, snek_cluster *cluster,
    const struct snek_describe_options *how, struct snek_error *e)
{
	struct snek_describe_report r = { .size = sizeof(r) };
	struct description d = { .most = c->api->o.max_reply, .error = e };
	int rc;

	sk_object_begin(&d.o, &c->out->body, "description");
	sk_object_text(&d.o, "category", c->name[0]);
	sk_object_open(&d.o, "paths", '[');
	rc = snek_category_describe(cluster, c->name[0], how, put_path, &d, &r, e);
	sk_object_close(&d.o, ']');
	sk_counts_put(&d.o, sk_count_described, &r);
	sk_object_end(&d.o);
	return !rc && d.o.nomem ? sk_enomem(e) : rc;
}

static int asked(struct sk_api_call *c, struct snek_describe_options *how,
    struct snek_error *e)
{
	uint64_t paths;
	int rc = sk_api_number(c->request, "records", 0, &how->records, e);

	if (!rc)
		rc = sk_api_number(c->request, "paths", 0, &paths, e);
	if (!rc && paths > UINT32_MAX)
		rc = sk_fail(e, SNEK_EINVAL, "%" PRIu64 " paths: they are too "
		    "many", paths);
	how->paths = rc ? 0 : (uint32_t)paths;
	return rc;
}

void sk_api_paths(struct sk_api_call *c)
{
	struct snek_describe_options how = { .size = sizeof(how) };
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	int rc = asked(c, &how, &e);

	if (!rc)
		rc = sk_api_take_for_a_while(c->api, &cluster, &e);
	if (!rc)
		rc = describe(c, cluster, &how, &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}
