/* SPDX-License-Identifier: MIT */
#include "store/redis_parts.h"

#include <stdlib.h>

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void free_context(const sk_redis_loop *l, struct sk_redis_context *c)
{
	if (c->context)
		l->tls->context_free(c->context);
	free(c->ca);
	free(c->cert);
	free(c->key);
	free(c);
}

static bool copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static int add_context(struct sk_redis *r, struct sk_redis_context **out,
    struct snek_error *e)
{
	sk_redis_loop *l = r->loop;
	struct sk_tls_files files = { r->ca_file, r->cert_file, r->key_file };
	struct sk_redis_context *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	rc = copy(&c->ca, files.ca) && copy(&c->cert, files.cert) &&
	    copy(&c->key, files.key) ? 0 : sk_enomem(e);
	if (!rc)
		rc = l->tls->context_new(&files, &c->context, e);
	if (rc) {
		free_context(l, c);
		return rc;
	}
	c->next = l->contexts;
	l->contexts = *out = c;
	return 0;
}

static struct sk_redis_context *find_context(struct sk_redis *r)
{
	struct sk_redis_context *c;

	for (c = r->loop->contexts; c; c = c->next)
		if (same(c->ca, r->ca_file) && same(c->cert, r->cert_file) &&
		    same(c->key, r->key_file))
			return c;
	return NULL;
}

int sk_redis_tls(struct sk_redis *r, struct snek_error *e)
{
	sk_redis_loop *l = r->loop;
	struct sk_redis_context *c;
	int rc = 0;

	if (!r->url.tls || r->wire.tls_context)
		return 0;
	if (!l->tls)
		rc = sk_tls_load(&l->tls, e);
	if (rc)
		return rc;
	c = find_context(r);
	if (!c)
		rc = add_context(r, &c, e);
	if (rc)
		return rc;
	r->wire.tls = l->tls;
	r->wire.tls_context = c->context;
	return 0;
}

void sk_redis_tls_free(sk_redis_loop *l)
{
	struct sk_redis_context *c;

	while ((c = l->contexts)) {
		l->contexts = c->next;
		free_context(l, c);
	}
}
