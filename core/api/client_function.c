/* SPDX-License-Identifier: MIT */
/* client_function.c - the functions of a cluster behind an API, as if its meta
 * store were here; of that nothing else is. */
#include "api/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/registry.h"
#include "category/catalog.h"

struct remote {
	struct sk_meta meta;
	struct sk_client *client;
	bool registers;
};

static struct sk_client *client_of(struct sk_meta *m)
{
	return ((struct remote *)m)->client;
}

/* ---- calls ---- */

static int call(struct sk_client *c, const char *method, const char *name,
    struct sk_span body, struct sk_client_object *o, struct sk_client_reply *r,
    struct snek_error *e)
{
	struct sk_client_call q = { .method = method, .body = body };
	struct sk_buf path = { 0 };
	int rc = sk_buf_printf(&path, "/v1/registry%s", name ? "/" : "") &&
	    (!name || sk_client_encode(&path, name)) &&
	    sk_buf_byte(&path, 0) ? 0 : sk_enomem(e);

	memset(o, 0, sizeof(*o));
	memset(r, 0, sizeof(*r));
	q.path = path.p;
	if (!rc)
		rc = sk_client_call(c, &q, r, e);
	if (!rc)
		rc = sk_client_parse((struct sk_span){ r->body.p, r->body.n }, o,
		    e);
	sk_buf_free(&path);
	return rc;
}

static void end(struct sk_client_object *o, struct sk_client_reply *r)
{
	sk_client_object_free(o);
	sk_client_reply_free(r);
}

/* ---- the store's functions ---- */

static int function_put(struct sk_meta *m, const struct sk_meta_function *f,
    uint32_t n, const char *plugin, bool *changed, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct sk_object j = { &b, false, false };
	struct sk_client_object o = { 0 };
	struct sk_client_reply r = { 0 };
	uint32_t i;
	int rc;

	sk_object_open(&j, NULL, '{');
	sk_object_open(&j, "functions", '[');
	for (i = 0; i < n; i++)
		sk_registry_put(&j, &f[i]);
	sk_object_close(&j, ']');
	sk_object_close(&j, '}');
	rc = j.nomem ? sk_enomem(e) : call(client_of(m), "PUT", plugin,
	    (struct sk_span){ b.p, b.n }, &o, &r, e);
	if (!rc && changed)
		*changed = sk_client_flag(&o.record, "changed");
	end(&o, &r);
	sk_buf_free(&b);
	return rc;
}

static int copy(void *out, const struct sk_meta_function *f)
{
	memcpy(out, f, sizeof(*f));
	return 1;
}

static int function_get(struct sk_meta *m, const char *name,
    struct sk_meta_function *out, struct snek_error *e)
{
	struct sk_client_object o;
	struct sk_client_reply r;
	struct snek_error why = { 0 };
	int rc = call(client_of(m), "GET", name, (struct sk_span){ NULL, 0 }, &o,
	    &r, &why);

	if (!rc)
		rc = sk_registry_get(&o.record, copy, out, &why);
	if (rc == 1 && strcmp(out->name, name))
		rc = sk_fail(&why, SNEK_EFORMAT, "%s was asked for %s and "
		    "answers %s", sk_client_where(client_of(m)), name, out->name);
	end(&o, &r);
	if (rc < 0 && rc != SNEK_ENOENT && e)
		*e = why;
	return rc == 1 ? 0 : rc ? rc : SNEK_ENOENT;
}

static int function_list(struct sk_meta *m,
    int (*visit)(void *, const struct sk_meta_function *), void *arg,
    struct snek_error *e)
{
	struct sk_client_object o;
	struct sk_client_reply r;
	int rc = call(client_of(m), "GET", NULL, (struct sk_span){ NULL, 0 }, &o,
	    &r, e);

	if (!rc)
		rc = sk_registry_get(&o.record, visit, arg, e);
	end(&o, &r);
	return rc;
}

/* Of a function's name, or its plugin's. */
static int is_called(void *name, const struct sk_meta_function *f)
{
	return !strcmp(f->name, name) || !strcmp(f->plugin, name);
}

/* One that was there and is there no more was removed, maybe by a request whose
 * reply was lost. */
static int function_remove(struct sk_meta *m, const char *name,
    struct snek_error *e)
{
	struct sk_client_object o;
	struct sk_client_reply r;
	int rc = function_list(m, is_called, (void *)(uintptr_t)name, e);

	if (rc != 1)
		return rc ? rc : SNEK_ENOENT;
	rc = call(client_of(m), "DELETE", name, (struct sk_span){ NULL, 0 }, &o,
	    &r, e);
	end(&o, &r);
	return rc == SNEK_ENOENT ? 0 : rc;
}

/* Its bytes are in its Lambda, and nobody asks for them elsewhere. */
static int plugin_put(struct sk_meta *m, const char *sha256, struct sk_span b,
    struct snek_error *e)
{
	(void)m;
	(void)sha256;
	(void)b;
	(void)e;
	return 0;
}

static int plugin_get(struct sk_meta *m, const char *sha256, struct sk_buf *b,
    struct snek_error *e)
{
	(void)m;
	(void)sha256;
	(void)b;
	(void)e;
	return SNEK_ENOENT;
}

static bool read_only(const struct sk_meta *m)
{
	return !((const struct remote *)m)->registers;
}

static void shut(struct sk_meta *m)
{
	free(m);
}

static const struct sk_meta_ops remote_ops = {
	.function_put = function_put, .function_get = function_get,
	.function_list = function_list, .function_remove = function_remove,
	.plugin_put = plugin_put, .plugin_get = plugin_get,
	.read_only = read_only, .shut = shut,
};

/* ---- a catalog of them ---- */

static int take_uuid(struct sk_client *c, uint8_t out[16], bool *registers,
    struct snek_error *e)
{
	struct snek_cluster_info i = { .size = sizeof(i) };
	unsigned byte;
	const char *p = i.uuid;
	size_t n;
	int rc = sk_client_info(c, &i, registers, e);

	for (n = 0; !rc && n < 16; p += *p == '-') {
		if (sscanf(p, "%2x", &byte) != 1 || !p[1])
			return sk_fail(e, SNEK_EFORMAT, "%s says no uuid",
			    sk_client_where(c));
		out[n++] = (uint8_t)byte;
		p += 2;
	}
	return rc;
}

int sk_client_catalog(struct sk_client *c, const char *profile,
    struct sk_catalog **out, struct snek_error *e)
{
	struct sk_catalog *cat = calloc(1, sizeof(*cat));
	struct remote *r = calloc(1, sizeof(*r));
	int rc = cat && r ? take_uuid(c, cat->cluster.uuid, &r->registers, e) : sk_enomem(e);

	if (!rc) {
		r->meta.ops = &remote_ops;
		r->client = c;
		cat->meta = &r->meta;
		cat->bare = true;
		cat->where = strdup(sk_client_where(c));
		cat->profile = profile ? strdup(profile) : NULL;
		if (!cat->where || (profile && !cat->profile))
			rc = sk_enomem(e);
	}
	if (rc && !(cat && cat->meta))
		free(r);
	if (rc)
		sk_catalog_close(cat);
	else
		*out = cat;
	return rc;
}
