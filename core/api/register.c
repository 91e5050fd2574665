/* SPDX-License-Identifier: MIT */
/* register.c - functions' records are told, and, where all of them run in
 * Lambdas, registered from outside: nothing that is named so is ever loaded by
 * the cluster itself. */
#include "api/parts.h"
#include "api/registry.h"
#include "base/weburl.h"
#include "handle.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST 256u               /* functions of one plugin */

static int enter(struct sk_api_call *c, bool changes, snek_cluster **cluster,
    struct snek_error *e)
{
	*cluster = NULL;
	if (changes && !c->api->o.bare)
		return sk_fail(e, SNEK_EACCES, "functions are added and removed "
		    "where the cluster itself is reached: this one loads them");
	return sk_api_take(c->api, cluster, e);
}

/* ---- telling ---- */

static int tell(void *arg, const struct sk_meta_function *m)
{
	struct sk_object *o = arg;

	sk_registry_put(o, m);
	return o->nomem ? SNEK_ENOMEM : 0;
}

static void begin(struct sk_api_call *c, struct sk_object *o)
{
	sk_object_begin(o, &c->out->body, "registry");
	sk_object_open(o, "functions", '[');
}

static void end(struct sk_object *o)
{
	sk_object_close(o, ']');
	sk_object_end(o);
}

void sk_api_registry(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_object o;
	snek_cluster *cluster;
	int rc = enter(c, false, &cluster, &e);

	begin(c, &o);
	if (!rc)
		rc = cluster->cat->meta->ops->function_list(cluster->cat->meta,
		    tell, &o, &e);
	end(&o);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}

void sk_api_registry_get(struct sk_api_call *c)
{
	struct sk_meta_function *m = malloc(sizeof(*m));
	struct snek_error e = { 0 };
	struct sk_object o;
	snek_cluster *cluster;
	int rc = enter(c, false, &cluster, &e);

	if (!rc && !m)
		rc = sk_enomem(&e);
	if (!rc)
		rc = cluster->cat->meta->ops->function_get(cluster->cat->meta,
		    c->name[0], m, &e);
	begin(c, &o);
	if (!rc)
		sk_registry_put(&o, m);
	end(&o);
	free(m);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}

/* ---- being told ---- */

struct said {
	const char *plugin;
	struct sk_meta_function *record;
	uint32_t n;
	struct snek_error *e;
};

/* PLUGIN, or PLUGIN.OP; there, a name has so much of a long plugin's. */
static bool is_name_of(const char *name, const char *plugin)
{
	size_t n = strnlen(plugin, 63);

	return !strcmp(name, plugin) ||
	    (!strncmp(name, plugin, n) && name[n] == '.');
}

/* Loopback is another machine here than where it was said. */
static int check_url(const struct said *s, const struct sk_meta_function *m)
{
	int rc = m->kind == SK_FUNCTION_URL ? sk_weburl_check(m->url, s->e) : 0;

	return rc || m->kind != SK_FUNCTION_URL ||
	    (!strncmp(m->url, "https://", 8) &&
	    !sk_weburl_is_loopback(m->url + 8)) ? rc :
	    sk_fail(s->e, SNEK_EINVAL, "%s: the cluster would call its own "
	    "machine, not yours, by %.200s", m->name, m->url);
}

static bool is_twice(const struct said *s, const struct sk_meta_function *m)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->record[i].name, m->name))
			return true;
	return false;
}

static int check(const struct said *s, const struct sk_meta_function *m)
{
	int rc = sk_name_check("function", m->name, s->e);

	if (!rc)
		rc = check_url(s, m);
	if (rc)
		return rc;
	if (is_twice(s, m))
		return sk_fail(s->e, SNEK_EINVAL, "%s is there twice", m->name);
	if (!is_name_of(m->name, s->plugin))
		return sk_fail(s->e, SNEK_EINVAL, "%s is no name of a function "
		    "of %s", m->name, s->plugin);
	if (strcmp(m->plugin, s->plugin))
		return sk_fail(s->e, SNEK_EINVAL, "%s is of %s, not of %s",
		    m->name, m->plugin, s->plugin);
	if (m->kind == SK_FUNCTION_OP && !m->about_n)
		return sk_fail(s->e, SNEK_EINVAL, "%s: its record does not "
		    "describe it", m->name);
	return 0;
}

static int take(void *arg, const struct sk_meta_function *m)
{
	struct said *s = arg;
	struct sk_meta_function *more;
	int rc = check(s, m);

	if (rc)
		return rc;
	if (s->n == MOST)
		return sk_fail(s->e, SNEK_ELIMIT, "over %u functions", MOST);
	more = reallocarray(s->record, s->n + 1, sizeof(*more));
	if (!more)
		return sk_enomem(s->e);
	s->record = more;
	s->record[s->n++] = *m;
	return 0;
}

static int put(struct sk_api_call *c, snek_cluster *cluster, bool *changed,
    struct snek_error *e)
{
	struct said s = { .plugin = c->name[0], .e = e };
	struct sk_meta *meta = cluster->cat->meta;
	sk_json_reader *json;
	struct sk_record r;
	int rc = sk_api_object(c->request, &json, &r, e);

	if (!rc)
		rc = sk_registry_get(&r, take, &s, e);
	if (!rc && !s.n)
		rc = sk_fail(e, SNEK_EINVAL, "no function of %s; DELETE removes "
		    "those that there are", s.plugin);
	if (!rc)
		rc = meta->ops->function_put(meta, s.record, s.n, s.plugin,
		    changed, e);
	sk_json_reader_free(json);
	free(s.record);
	return rc;
}

void sk_api_registry_put(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_object o;
	snek_cluster *cluster;
	bool changed = false;
	int rc = enter(c, true, &cluster, &e);

	if (!rc)
		rc = put(c, cluster, &changed, &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
	if (rc)
		return;
	sk_object_begin(&o, &c->out->body, "registered");
	sk_object_text(&o, "plugin", c->name[0]);
	sk_object_flag(&o, "changed", changed);
	sk_object_end(&o);
}

void sk_api_registry_remove(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_object o;
	snek_cluster *cluster;
	int rc = enter(c, true, &cluster, &e);

	if (!rc)
		rc = cluster->cat->meta->ops->function_remove(
		    cluster->cat->meta, c->name[0], &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
	if (rc)
		return;
	sk_object_begin(&o, &c->out->body, "removed");
	sk_object_text(&o, "name", c->name[0]);
	sk_object_end(&o);
}
