/* SPDX-License-Identifier: MIT */
/* A plugin's own Lambda: bundled, made or changed, and proved to work, before
 * anything is registered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/weburl.h"
#include "config.h"
#include "job/addition.h"
#include "job/smoke.h"

enum { NAME_MAX_AT_AWS = 64 };

/* ---- where, and as whom ---- */

static const char *first(const char *a, const char *b)
{
	return a && *a ? a : b && *b ? b : NULL;
}

static const char *environment(const char *name)
{
	return first(getenv(name), NULL);
}

/* Who can write to the meta store must not send our signatures elsewhere: of
 * what is recorded, only this machine itself counts. */
static const char *known_endpoint(const struct sk_meta_lambda *known)
{
	if (!known || strncmp(known->endpoint, "http://", 7) ||
	    sk_weburl_check(known->endpoint, NULL) ||
	    environment("AWS_ENDPOINT_URL_LAMBDA") ||
	    environment("AWS_ENDPOINT_URL"))
		return NULL;
	return known->endpoint;
}

int sk_function_aws(struct sk_catalog *cat, const struct sk_lambda_want *w,
    const struct sk_meta_lambda *known, const struct sk_aws_ops **ops,
    struct sk_aws **aws, struct snek_error *e)
{
	const struct sk_target *own = &w->target;
	struct sk_aws_options o = { .connections = 4 };
	struct snek_error why = { 0 };
	struct sk_target t = { 0 };
	int rc = sk_target_find(cat, &t, &why);

	if (rc == SNEK_ENOENT)
		rc = 0;
	if (rc && e)
		*e = why;
	if (!rc)
		rc = sk_aws_load(ops, e);
	o.profile = first(own->aws_profile, t.aws_profile);
	o.region = known && *known->region ? known->region
	    : first(own->region, t.region);
	o.endpoint = first(first(own->endpoint, t.endpoint),
	    known_endpoint(known));
	if (!rc)
		rc = (*ops)->open(&o, aws, e);
	sk_target_free(&t);
	return rc;
}

/* ---- the bundle ---- */

static bool speaks_tls(const struct sk_catalog *cat)
{
	uint32_t i;

	if (cat && cat->bare)           /* of a stack, whose servers all do */
		return true;
	if (!cat || !cat->servers)
		return false;
	for (i = 0; i < cat->cluster.shards; i++)
		if (!strncmp(cat->address[i].url, "rediss://", 9))
			return true;
	return cat->servers->main.tls;
}

static int check_arch(const struct sk_bundle *b, const char *arch,
    const char *path, struct snek_error *e)
{
	if (!arch || !strcmp(arch, b->arch))
		return 0;
	return sk_fail(e, SNEK_EABI, "%s is for %s, not %s; build it for the "
	    "machine that --arch names, or leave that out", path, b->arch,
	    arch);
}

int sk_addition_bundle(const struct sk_catalog *cat, const char *path,
    const struct sk_lambda_want *w, struct sk_bundle *out,
    struct snek_error *e)
{
	const struct sk_bundle_options o = { .plugin = path,
		.include = w->include, .includes = w->includes,
		.with_tls = w->with_tls || speaks_tls(cat) };
	const struct sk_aws_ops *ops;
	int rc = sk_aws_load(&ops, e);

	if (!rc)
		rc = ops->bundle(&o, out, e);
	if (rc)
		return rc;
	rc = check_arch(out, w->arch, path, e);
	if (rc)
		sk_bundle_free(out);
	return rc;
}

/* ---- its name at AWS ---- */

static void hex(const uint8_t *b, size_t n, char *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", b[i]);
}

/* snek-CLUSTER-PLUGIN, or in a stack, whose roles say it so, STACK-fn-PLUGIN;
 * where AWS does not take the plugin's name as it is, it is made so, with some
 * digits of its digest to tell it from others. */
static void name_at_aws(const struct sk_catalog *cat, const char *stack,
    const char *plugin, char out[NAME_MAX_AT_AWS + 1])
{
	char digest[65], plain[41], cluster[9], head[48], all[128], *s;
	int room;
	bool same;

	hex(cat->cluster.uuid, 4, cluster);
	if (stack)
		snprintf(head, sizeof(head), "%.32s-fn-", stack);
	else
		snprintf(head, sizeof(head), "snek-%s-", cluster);
	room = NAME_MAX_AT_AWS - 9 - (int)strlen(head);
	snprintf(plain, sizeof(plain), "%.*s", room < 40 ? room : 40, plugin);
	for (s = plain; *s; s++)
		if (*s == '.')
			*s = '_';
	same = !strcmp(plain, plugin);
	sk_sha256_hex(plugin, strlen(plugin), digest);
	snprintf(all, sizeof(all), "%s%s%s%.8s", head, plain, same ? "" : "-",
	    same ? "" : digest);
	snprintf(out, NAME_MAX_AT_AWS + 1, "%.64s", all);
}

static void cluster_name(const struct sk_catalog *cat, char out[33])
{
	hex(cat->cluster.uuid, 16, out);
}

/* ---- into AWS ---- */

struct putting {
	struct sk_catalog *cat;
	struct sk_addition *a;
	const struct sk_lambda_want *want;
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	struct sk_bundle bundle;
	struct sk_target target;        /* the cluster's */
};

static int prove(void *arg, struct sk_aws *aws, const char *name,
    struct snek_error *e)
{
	const struct putting *p = arg;
	const struct sk_smoke s = { p->ops, aws, name, p->bundle.plugin_sha256,
		p->a->record, p->want->said, p->want->said_arg, NULL, NULL };

	return sk_smoke_run(&s, e);
}

static void note_lambda(const struct putting *p, const char *name,
    const struct sk_lambda_state *s, struct sk_meta_lambda *l)
{
	const char *endpoint = first(first(p->want->target.endpoint,
	    p->target.endpoint), first(environment("AWS_ENDPOINT_URL_LAMBDA"),
	    environment("AWS_ENDPOINT_URL")));

	memset(l, 0, sizeof(*l));
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->arn, sizeof(l->arn), "%s", s->arn);
	snprintf(l->version, sizeof(l->version), "%s", s->version);
	snprintf(l->region, sizeof(l->region), "%s",
	    p->ops->region(p->aws) ? p->ops->region(p->aws) : "");
	snprintf(l->arch, sizeof(l->arch), "%s", s->arch);
	snprintf(l->code_sha256, sizeof(l->code_sha256), "%s", s->code_sha256);
	snprintf(l->plugin_sha256, sizeof(l->plugin_sha256), "%s",
	    p->bundle.plugin_sha256);
	if (endpoint && !strncmp(endpoint, "http://", 7) &&
	    !sk_weburl_check(endpoint, NULL))
		snprintf(l->endpoint, sizeof(l->endpoint), "%s", endpoint);
	l->memory_mb = s->memory_mb;
	l->timeout_s = s->timeout_s;
}

/* An answer that does not fit the record is none of AWS's. */
static int check_state(const struct putting *p,
    const struct sk_lambda_state *s, struct snek_error *e)
{
	if (p->want->dry_run || !strcmp(s->code_sha256, p->bundle.code_sha256))
		return 0;
	return sk_fail(e, SNEK_ECONFLICT, "the function has other code than was "
	    "put: somebody else changed it meanwhile; run the same command "
	    "again");
}

static int put(struct putting *p, struct snek_error *e)
{
	const struct sk_lambda_want *w = p->want;
	const struct sk_target *t = &p->target;
	char name[NAME_MAX_AT_AWS + 1], cluster[33];
	struct sk_lambda_state state;
	const struct sk_lambda_spec spec = {
		.name = name, .role = first(w->target.role, t->role),
		.memory_mb = w->target.memory_mb ? w->target.memory_mb
		    : t->memory_mb,
		.timeout_s = w->target.timeout_s ? w->target.timeout_s
		    : t->timeout_s,
		.env = w->env, .envs = w->envs, .bundle = &p->bundle,
		.bucket = first(w->target.bucket, t->bucket),
		.subnets = t->subnets, .security_groups = t->security_groups,
		.stack = t->stack, .log_days = t->log_days,
		.cluster = cluster, .release = PACKAGE_VERSION,
		.dry_run = w->dry_run, .prove = prove, .prove_arg = p,
		.said = w->said, .said_arg = w->said_arg,
	};
	uint32_t i;
	int rc;

	name_at_aws(p->cat, t->stack, p->a->name, name);
	cluster_name(p->cat, cluster);
	rc = p->ops->lambda_put(p->aws, &spec, &state, e);
	if (!rc)
		rc = check_state(p, &state, e);
	for (i = 0; i < p->a->records && !rc; i++)
		note_lambda(p, name, &state, &p->a->record[i].lambda);
	if (!rc && w->state)
		*w->state = state;
	return rc;
}

/* The bundle was made from the file, which may have changed meanwhile. */
static int bundle(struct putting *p, struct snek_error *e)
{
	int rc = sk_addition_bundle(p->cat, p->a->file.path, p->want,
	    &p->bundle, e);

	if (rc || !strcmp(p->bundle.plugin_sha256, p->a->file.sha256))
		return rc;
	sk_bundle_free(&p->bundle);
	return sk_fail(e, SNEK_EAGAIN, "%s: somebody changed it just now; run "
	    "the same command again", p->a->file.path);
}

static int check_kind(const struct sk_addition *a, struct snek_error *e)
{
	if (a->file.path)
		return 0;
	if (a->record->kind == SK_FUNCTION_URL)
		return sk_fail(e, SNEK_EINVAL, "%s is a URL, which no Lambda "
		    "holds", a->name);
	return sk_fail(e, SNEK_EINVAL, "%s: to have it in a Lambda, name its "
	    "file, such as /usr/lib/%s", a->record->lib, a->record->lib);
}

static int load_target(struct putting *p, struct snek_error *e)
{
	struct snek_error why = { 0 };
	int rc = sk_target_find(p->cat, &p->target, &why);

	if (rc == SNEK_ENOENT)
		return 0;
	if (rc && e)
		*e = why;
	return rc;
}

int sk_addition_lambda(struct sk_catalog *cat, struct sk_addition *a,
    const struct sk_lambda_want *want, struct snek_error *e)
{
	struct putting p = { .cat = cat, .a = a, .want = want };
	int rc = check_kind(a, e);

	if (!rc)
		rc = load_target(&p, e);
	if (!rc)
		rc = bundle(&p, e);
	if (!rc)
		rc = sk_function_aws(cat, want, NULL, &p.ops, &p.aws, e);
	if (!rc) {
		rc = put(&p, e);
		p.ops->close(p.aws);
	}
	sk_bundle_free(&p.bundle);
	sk_target_free(&p.target);
	return rc;
}
