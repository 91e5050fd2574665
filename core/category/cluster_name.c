/* SPDX-License-Identifier: MIT */
/* The profile by whose name a cluster on servers is called. */
#include "category/cluster.h"

#include <stdlib.h>

static int same_address(const char *a, const char *b, bool *same,
    struct snek_error *e)
{
	char *x = NULL, *y = NULL;
	int rc = sk_servers_address(a, &x, e);

	if (!rc)
		rc = sk_servers_address(b, &y, e);
	*same = !rc && !strcmp(x, y);
	free(x);
	free(y);
	return rc;
}

int sk_cluster_same(const char *a, const char *b, bool *same,
    struct snek_error *e)
{
	struct sk_redis_url x, y;
	int rc = same_address(a, b, same, e);

	if (rc || !*same)
		return rc;
	rc = sk_redis_url_parse(&x, a, e);
	if (rc)
		return rc;
	rc = sk_redis_url_parse(&y, b, e);
	*same = !rc && !strcmp(x.prefix, y.prefix);
	sk_redis_url_free(&x);
	if (!rc)
		sk_redis_url_free(&y);
	return rc;
}

static int find(const char *name, struct sk_profile *p, struct snek_error *e)
{
	int rc = sk_profile_find(name, p, NULL);

	if (rc == SNEK_ENOENT)
		return 0;
	return rc ? sk_profile_find(name, p, e) : 0;
}

static int is_other(const struct sk_cluster_plan *plan,
    const struct sk_profile *p, struct snek_error *e)
{
	bool same = false;
	int rc = strstr(p->cluster, "://") ?
	    sk_cluster_same(p->cluster, plan->meta, &same, e) : 0;

	if (rc || same)
		return rc;
	rc = same_address(plan->server[0], plan->meta, &same, e);
	if (rc)
		return rc;
	return sk_fail(e, same && strstr(p->cluster, "://") ? SNEK_EEXIST :
	    SNEK_EINVAL, "the profile %s is of another cluster (%s, line %u): "
	    "choose another name", plan->profile, p->file, p->line);
}

int sk_cluster_named(const struct sk_cluster_plan *plan, struct sk_profile *p,
    struct snek_error *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	if (!plan->profile)
		return 0;
	if (!sk_profile_is_name(plan->profile))
		return sk_fail(e, SNEK_EINVAL, "\"%s\" is no name for a profile",
		    plan->profile);
	rc = find(plan->profile, p, e);
	if (!rc && p->file)
		rc = is_other(plan, p, e);
	if (rc)
		sk_profile_free(p);
	return rc;
}

/* ---- what is new ---- */

struct naming {
	struct sk_profile old, p;       /* p: of texts of old and the plan */
	bool changed;
};

static void take(struct naming *n, char **to, const char *text)
{
	if (!text || (*to && !strcmp(*to, text)))
		return;
	*to = (char *)(uintptr_t)text;
	n->changed = true;
}

static void take_login(struct naming *n, const struct sk_login *l)
{
	take(n, &n->p.user, l->user);
	take(n, &n->p.password, l->password);
	take(n, &n->p.password_file, l->password_file);
	if (l->password)
		n->p.password_file = NULL;
	else if (l->password_file)
		n->p.password = NULL;
	take(n, &n->p.ca_file, l->ca_file);
	take(n, &n->p.cert_file, l->cert_file);
	take(n, &n->p.key_file, l->key_file);
	take(n, &n->p.server_name, l->server_name);
}

static bool has_server(const struct sk_profile *p, const char *url)
{
	size_t i;

	for (i = 0; i < p->servers; i++)
		if (!strcmp(p->server[i], url))
			return true;
	return false;
}

/* Servers are named only for what they ask for themselves. */
static int take_servers(struct naming *n, const struct sk_cluster_plan *plan,
    struct snek_error *e)
{
	char **all = calloc(n->old.servers + plan->servers + 1, sizeof(*all));
	uint32_t i;

	if (!all)
		return sk_enomem(e);
	if (n->old.servers)
		memcpy(all, n->old.server, n->old.servers * sizeof(*all));
	n->p.server = all;
	for (i = 0; i < plan->servers; i++)
		if (strchr(plan->server[i], '@') &&
		    !has_server(&n->p, plan->server[i]))
			take(n, &all[n->p.servers++], plan->server[i]);
	return 0;
}

static int save(struct naming *n, const char *name, struct snek_error *e)
{
	struct sk_buf path = { 0 };
	int rc = sk_profile_path(&path, e);

	if (!rc && n->old.file && strcmp(n->old.file, path.p))
		rc = sk_fail(e, SNEK_EINVAL, "the profile %s is in %s: change it "
		    "there", name, n->old.file);
	if (!rc)
		rc = sk_profile_save(name, &n->p, e);
	sk_buf_free(&path);
	return rc;
}

int sk_cluster_name(const struct sk_cluster_plan *plan, struct snek_error *e)
{
	struct naming n = { .changed = false };
	int rc;

	if (!plan->profile)
		return 0;
	rc = find(plan->profile, &n.old, e);
	if (rc)
		return rc;
	n.p = n.old;
	if (!n.p.cluster)
		take(&n, &n.p.cluster, plan->meta);
	take_login(&n, &plan->login);
	if (plan->allow_eviction)
		take(&n, &n.p.allow_eviction, "yes");
	rc = take_servers(&n, plan, e);
	if (!rc && n.changed)
		rc = save(&n, plan->profile, e);
	free(n.p.server);
	sk_profile_free(&n.old);
	return rc;
}
