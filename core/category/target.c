/* SPDX-License-Identifier: MIT */
#include "category/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void sk_target_free(struct sk_target *t)
{
	free(t->profile);
	free(t->file);
	free(t->region);
	free(t->role);
	free(t->endpoint);
	free(t->bucket);
	free(t->aws_profile);
	free(t->subnets);
	free(t->security_groups);
	free(t->stack);
	memset(t, 0, sizeof(*t));
}

/* ---- what a profile says ---- */

static int number(const struct sk_profile *p, const char *name,
    const char *text, uint32_t least, uint32_t most, uint32_t *out,
    struct snek_error *e)
{
	char *end = NULL;
	unsigned long n = text && *text >= '0' && *text <= '9' ?
	    strtoul(text, &end, 10) : 0;

	*out = 0;
	if (!text)
		return 0;
	if (!end || *end || n < least || n > most)
		return sk_fail(e, SNEK_EFORMAT, "%s: profile at line %u: %s is "
		    "from %u to %u, not \"%.40s\"", p->file, p->line, name,
		    least, most, text);
	*out = (uint32_t)n;
	return 0;
}

static bool copy(char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return *to || !text;
}

static int take(struct sk_target *t, const char *name,
    const struct sk_profile *p, struct snek_error *e)
{
	int rc = number(p, "lambda-memory", p->lambda_memory, 128, 10240,
	    &t->memory_mb, e);

	if (!rc)
		rc = number(p, "lambda-timeout", p->lambda_timeout, 1, 900,
		    &t->timeout_s, e);
	if (!rc)
		rc = number(p, "lambda-log-retention", p->lambda_log_retention,
		    1, 3653, &t->log_days, e);
	if (!rc && (!copy(&t->profile, name) || !copy(&t->file, p->file) ||
	    !copy(&t->region, p->lambda_region) ||
	    !copy(&t->role, p->lambda_role) ||
	    !copy(&t->endpoint, p->lambda_endpoint) ||
	    !copy(&t->bucket, p->lambda_bucket) ||
	    !copy(&t->aws_profile, p->aws_profile) ||
	    !copy(&t->subnets, p->lambda_subnets) ||
	    !copy(&t->security_groups, p->lambda_security_groups) ||
	    !copy(&t->stack, p->lambda_stack)))
		rc = sk_enomem(e);
	return rc;
}

/* ---- which profile ---- */

static bool same_directory(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

static int same_servers(const struct sk_catalog *c, const char *url,
    bool *same, struct snek_error *e)
{
	struct sk_buf own = { 0 };
	int rc = sk_redis_url_print(&c->servers->main, &own);

	rc = rc ? sk_enomem(e) : sk_cluster_same(own.p, url, same, e);
	sk_buf_free(&own);
	return rc;
}

static int is_of(const struct sk_catalog *c, const struct sk_profile *p,
    bool *same, struct snek_error *e)
{
	bool url = strstr(p->cluster, "://");

	if (!strncmp(p->cluster, "http", 4)) {  /* it is behind a gateway */
		*same = !c->dir && !c->servers && !strcmp(c->where, p->cluster);
		return 0;
	}
	*same = c->dir && !url && same_directory(c->dir, p->cluster);
	return !c->servers || !url ? 0 : same_servers(c, p->cluster, same, e);
}

struct search {
	const struct sk_catalog *c;
	bool any;                       /* one without a region will do */
	struct sk_target *out;
	struct snek_error *e;
};

/* 1: this is it. */
static int look_at(void *arg, const char *name, const struct sk_profile *p)
{
	struct search *s = arg;
	bool same = false;
	int rc = p->lambda_region || s->any ? is_of(s->c, p, &same, s->e) : 0;

	if (rc || !same)
		return rc;
	rc = take(s->out, name, p, s->e);
	return rc ? rc : 1;
}

static int by_cluster(const struct sk_catalog *c, bool any,
    struct sk_target *out, struct snek_error *e)
{
	struct search s = { c, any, out, e };
	int rc = sk_profile_visit(look_at, &s, e);

	return rc < 0 ? rc : rc ? 0 : SNEK_ENOENT;
}

static int by_name(const char *name, struct sk_target *out,
    struct snek_error *e)
{
	struct sk_profile p;
	int rc = sk_profile_find(name, &p, e);

	if (rc)
		return rc;
	rc = take(out, name, &p, e);
	sk_profile_free(&p);
	return rc;
}

int sk_target_find(const struct sk_catalog *c, struct sk_target *out,
    struct snek_error *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = c->profile ? by_name(c->profile, out, e)
	    : by_cluster(c, false, out, e);
	if (!rc && !out->region)
		rc = SNEK_ENOENT;
	if (rc)
		sk_target_free(out);
	return rc;
}

/* ---- saving ---- */

static int check(const struct sk_target *t, struct snek_error *e)
{
	const char *s = t->region;

	if (s && (!*s || strlen(s) > 31 || s[strspn(s,
	    "abcdefghijklmnopqrstuvwxyz0123456789-")]))
		return sk_fail(e, SNEK_EINVAL, "\"%.40s\" is no region such as "
		    "eu-west-1", s);
	if (t->role && (strncmp(t->role, "arn:", 4) ||
	    !strstr(t->role, ":role/")))
		return sk_fail(e, SNEK_EINVAL, "\"%.80s\" is no ARN of a role, "
		    "such as arn:aws:iam::123456789012:role/snek", t->role);
	if (t->endpoint && strpbrk(t->endpoint, "@?#"))
		return sk_fail(e, SNEK_EINVAL, "an endpoint's URL has no user, "
		    "query or fragment");
	if (t->endpoint && strncmp(t->endpoint, "https://", 8) &&
	    strncmp(t->endpoint, "http://", 7))
		return sk_fail(e, SNEK_EINVAL, "\"%.80s\" is no URL of an "
		    "endpoint, such as http://127.0.0.1:9001", t->endpoint);
	if (t->memory_mb && (t->memory_mb < 128 || t->memory_mb > 10240))
		return sk_fail(e, SNEK_EINVAL, "%u MB: the memory of a function "
		    "is from 128 to 10240", t->memory_mb);
	if (t->timeout_s > 900)
		return sk_fail(e, SNEK_EINVAL, "%u s: a function may take 900 at "
		    "most", t->timeout_s);
	return 0;
}

static int base_name(const char *dir, char **out, struct snek_error *e)
{
	char *path = realpath(dir, NULL), *slash;

	if (!path)
		return sk_fail_errno(e, "%s", dir);
	slash = strrchr(path, '/');
	*out = strdup(slash[1] ? slash + 1 : "root");
	free(path);
	if (!*out)
		return sk_enomem(e);
	if (sk_profile_is_name(*out) && !strpbrk(*out, "[]\r\n"))
		return 0;
	return sk_fail(e, SNEK_EINVAL, "%s is no name for a profile: give "
	    "another", *out);
}

static int name_it(const struct sk_catalog *c, const struct sk_target *t,
    char **name, struct snek_error *e)
{
	const char *given = t->profile ? t->profile : c->profile;
	struct sk_target found = { 0 };
	int rc;

	if (given)
		return (*name = strdup(given)) ? 0 : sk_enomem(e);
	rc = by_cluster(c, true, &found, e);
	*name = found.profile;
	found.profile = NULL;
	sk_target_free(&found);
	if (rc != SNEK_ENOENT)
		return rc;
	if (!c->dir)
		return sk_fail(e, SNEK_EINVAL, "no profile names %s: say what "
		    "it is to be called", c->where);
	return base_name(c->dir, name, e);
}

static int cluster_of(const struct sk_catalog *c, char **out,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };

	if (c->dir) {
		*out = realpath(c->dir, NULL);
		return *out ? 0 : sk_fail_errno(e, "%s", c->dir);
	}
	if (sk_redis_url_print(&c->servers->main, &b)) {
		sk_buf_free(&b);
		return sk_enomem(e);
	}
	*out = b.p;
	return 0;
}

static bool set_text(char **to, const char *text)
{
	char *own = text ? strdup(text) : NULL;

	if (!text)
		return true;
	free(*to);
	*to = own;
	return own;
}

static bool set_number(char **to, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	return !n || set_text(to, text);
}

static int change(struct sk_profile *p, const struct sk_target *t,
    struct snek_error *e)
{
	return set_text(&p->lambda_region, t->region) &&
	    set_text(&p->lambda_role, t->role) &&
	    set_text(&p->lambda_endpoint, t->endpoint) &&
	    set_text(&p->lambda_bucket, t->bucket) &&
	    set_text(&p->aws_profile, t->aws_profile) &&
	    set_text(&p->lambda_subnets, t->subnets) &&
	    set_text(&p->lambda_security_groups, t->security_groups) &&
	    set_text(&p->lambda_stack, t->stack) &&
	    set_number(&p->lambda_memory, t->memory_mb) &&
	    set_number(&p->lambda_timeout, t->timeout_s) ? 0 : sk_enomem(e);
}

static int load(const struct sk_catalog *c, const char *name,
    struct sk_profile *p, struct snek_error *e)
{
	struct snek_error why = { 0 };
	bool same = false;
	int rc = sk_profile_find(name, p, &why);

	if (rc == SNEK_ENOENT)
		return cluster_of(c, &p->cluster, e);
	if (rc) {
		if (e)
			*e = why;
		return rc;
	}
	rc = is_of(c, p, &same, e);
	if (!rc && !same)
		rc = sk_fail(e, SNEK_EEXIST, "the profile %s is of another "
		    "cluster (%s, line %u): choose another name", name, p->file,
		    p->line);
	return rc;
}

static int save(const char *name, const struct sk_profile *p,
    struct snek_error *e)
{
	struct sk_buf path = { 0 };
	int rc = sk_profile_path(&path, e);

	if (!rc && p->file && strcmp(p->file, path.p))
		rc = sk_fail(e, SNEK_EINVAL, "the profile %s is in %s: change it "
		    "there", name, p->file);
	if (!rc)
		rc = sk_profile_save(name, p, e);
	sk_buf_free(&path);
	return rc;
}

int sk_target_save(const struct sk_catalog *c, const struct sk_target *t,
    char **out, struct snek_error *e)
{
	struct sk_profile p = { 0 };
	char *name = NULL;
	int rc = check(t, e);

	if (!rc)
		rc = name_it(c, t, &name, e);
	if (!rc)
		rc = load(c, name, &p, e);
	if (!rc)
		rc = change(&p, t, e);
	if (!rc)
		rc = save(name, &p, e);
	sk_profile_free(&p);
	if (rc)
		free(name);
	else
		*out = name;
	return rc;
}
