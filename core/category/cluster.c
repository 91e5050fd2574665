/* SPDX-License-Identifier: MIT */
#include "category/cluster.h"

#include <stdlib.h>

void sk_where_free(struct sk_where *w)
{
	free(w->dir);
	free(w->url);
	sk_profile_free(&w->profile);
	memset(w, 0, sizeof(*w));
}

static int set(struct sk_where *w, const char *text, struct snek_error *e)
{
	char *copy = strdup(text);

	if (!copy)
		return sk_enomem(e);
	if (strstr(text, "://"))
		w->url = copy;
	else
		w->dir = copy;
	return 0;
}

int sk_where_find(struct sk_where *w, const char *name, struct snek_error *e)
{
	int rc;

	memset(w, 0, sizeof(*w));
	if (!sk_profile_is_name(name))
		return set(w, name, e);
	rc = sk_profile_find(name, &w->profile, e);
	if (!rc)
		rc = set(w, w->profile.cluster, e);
	if (rc)
		sk_where_free(w);
	return rc;
}

static int note_profile(struct sk_catalog *c, const char *name,
    struct snek_error *e)
{
	if (!sk_profile_is_name(name))
		return 0;
	c->profile = strdup(name);
	return c->profile ? 0 : sk_enomem(e);
}

int sk_cluster_open(const char *name, const struct sk_waiting *waiting,
    struct sk_catalog **out, struct snek_error *e)
{
	struct sk_catalog *c = NULL;
	struct sk_where w;
	int rc = sk_where_find(&w, name, e);

	if (rc)
		return rc;
	rc = w.dir ? sk_catalog_open(w.dir, &c, e)
	    : sk_catalog_open_servers(w.url, &w.profile, waiting, &c, e);
	sk_where_free(&w);
	if (!rc)
		rc = note_profile(c, name, e);
	if (rc)
		sk_catalog_close(c);
	else
		*out = c;
	return rc;
}
