/* SPDX-License-Identifier: MIT */
/* snek_lambda.c - the front door to functions' own Lambdas. */
#include "snek_lambda.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/function_lambda.h"
#include "store/file.h"

/* ---- options ---- */

static bool is_variable(const char *s, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t i;

	if (n < 2 || !memchr(letters, *s, sizeof(letters) - 1))
		return false;
	for (i = 0; i < n; i++)
		if (!memchr(letters, s[i], sizeof(letters) - 1) &&
		    s[i] != '_' && (s[i] < '0' || s[i] > '9'))
			return false;
	return true;
}

static int take_variable(struct sk_aws_header *to, const char *text,
    struct snek_error *e)
{
	const char *is = strchr(text, '=');
	char *name;

	if (!is || !is_variable(text, (size_t)(is - text)))
		return sk_fail(e, SNEK_EINVAL, "\"%.40s\" is no NAME=VALUE with a "
		    "name of two or more letters, digits and _", text);
	name = strndup(text, (size_t)(is - text));
	if (!name)
		return sk_enomem(e);
	to->name = name;
	to->value = is + 1;
	return 0;
}

void sk_lambda_want_free(struct sk_lambda_want *w)
{
	size_t i;

	for (i = 0; i < w->envs; i++)
		free((char *)(uintptr_t)w->env[i].name);
	free((void *)(uintptr_t)w->env);
	memset(w, 0, sizeof(*w));
}

static int take_env(const struct snek_lambda_options *o,
    struct sk_lambda_want *w, struct snek_error *e)
{
	struct sk_aws_header *env = calloc(o->envs + 1, sizeof(*env));
	int rc = env ? 0 : sk_enomem(e);

	w->env = env;
	while (!rc && w->envs < o->envs) {
		rc = take_variable(&env[w->envs], o->env[w->envs], e);
		w->envs += !rc;
	}
	return rc;
}

static int check(const struct snek_lambda_options *o, struct snek_error *e)
{
	if (o->memory_mb && (o->memory_mb < 128 || o->memory_mb > 10240))
		return sk_fail(e, SNEK_EINVAL, "%u MB: the memory of a function "
		    "is from 128 to 10240", o->memory_mb);
	if (o->timeout_s > 900)
		return sk_fail(e, SNEK_EINVAL, "%u s: a function may take 900 at "
		    "most", o->timeout_s);
	if (o->role && (strncmp(o->role, "arn:", 4) || !strstr(o->role,
	    ":role/")))
		return sk_fail(e, SNEK_EINVAL, "\"%.80s\" is no ARN of a role, "
		    "such as arn:aws:iam::123456789012:role/snek", o->role);
	return 0;
}

int sk_lambda_want_make(const struct snek_lambda_options *options,
    struct sk_lambda_want *w, struct snek_error *e)
{
	struct snek_lambda_options o;
	int rc = sk_options_copy(&o, sizeof(o), options, e);

	memset(w, 0, sizeof(*w));
	if (!rc)
		rc = check(&o, e);
	if (rc)
		return rc;
	w->target = (struct sk_target){
		.region = (char *)(uintptr_t)o.region,
		.role = (char *)(uintptr_t)o.role,
		.endpoint = (char *)(uintptr_t)o.endpoint,
		.bucket = (char *)(uintptr_t)o.bucket,
		.aws_profile = (char *)(uintptr_t)o.aws_profile,
		.memory_mb = o.memory_mb, .timeout_s = o.timeout_s,
	};
	w->arch = o.arch;
	w->include = o.include;
	w->includes = o.includes;
	w->with_tls = o.tls;
	w->dry_run = o.dry_run;
	w->said = o.said;
	w->said_arg = o.said_arg;
	rc = take_env(&o, w, e);
	if (rc)
		sk_lambda_want_free(w);
	return rc;
}

void sk_lambda_tell(const struct sk_meta_lambda *l,
    struct snek_lambda_info *out)
{
	*out = (struct snek_lambda_info){
		.size = sizeof(*out), .name = l->name, .arn = l->arn,
		.version = l->version, .region = l->region, .arch = l->arch,
		.code_sha256 = l->code_sha256,
		.plugin_sha256 = l->plugin_sha256,
		.endpoint = *l->endpoint ? l->endpoint : NULL,
		.memory_mb = l->memory_mb, .timeout_s = l->timeout_s,
	};
}

/* ---- the zip ---- */

static int write_zip(const char *path, const struct sk_buf *zip,
    struct snek_error *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == path ? strdup("/") : slash ?
	    strndup(path, (size_t)(slash - path)) : strdup(".");
	int fd, rc;

	if (!dir)
		return sk_enomem(e);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? sk_fail_errno(e, "%s", dir) : sk_file_replace(fd, dir,
	    slash ? slash + 1 : path, (struct sk_span){ zip->p, zip->n }, e);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

static void report(const struct sk_bundle *b, struct snek_bundle_report *out)
{
	struct snek_bundle_report r = { .bytes = b->zip.n,
		.unzipped = b->unzipped, .by_s3 = b->by_s3 };

	memcpy(r.arch, b->arch, sizeof(r.arch));
	memcpy(r.code_sha256, b->code_sha256, sizeof(r.code_sha256));
	memcpy(r.plugin_sha256, b->plugin_sha256, sizeof(r.plugin_sha256));
	sk_report(out, &r, sizeof(r));
}

int sk_bundle_write(const struct sk_bundle *b, const char *zip,
    struct snek_bundle_report *out, struct snek_error *e)
{
	int rc = write_zip(zip, &b->zip, e);

	if (!rc)
		report(b, out);
	return rc;
}

int snek_function_bundle(snek_cluster *c, const char *path,
    const struct snek_lambda_options *options, const char *zip,
    struct snek_bundle_report *out, struct snek_error *e)
{
	struct sk_bundle b = { 0 };
	struct sk_lambda_want w;
	int rc = sk_need(path, "plugin file", e);

	if (!rc)
		rc = sk_need(zip, "zip file", e);
	if (!rc)
		rc = sk_report_check(out, e);
	if (!rc)
		rc = sk_lambda_want_make(options, &w, e);
	if (rc)
		return rc;
	rc = sk_addition_bundle(c ? c->cat : NULL, path, &w, &b, e);
	if (!rc)
		rc = sk_bundle_write(&b, zip, out, e);
	sk_bundle_free(&b);
	sk_lambda_want_free(&w);
	return rc;
}

/* ---- one that is there ---- */

struct there {                          /* of a cluster, what is asked for */
	struct sk_catalog *cat, *own;
	struct sk_lambda_want w;
};

static int begin(snek_cluster *c, const char *name, bool changes,
    const struct snek_lambda_options *options, struct there *t,
    struct snek_error *e)
{
	int rc = sk_need(name, "function", e);

	if (!rc)
		rc = changes ? sk_function_catalog_to_change(c, &t->cat,
		    &t->own, e) : sk_function_catalog(c, &t->cat, &t->own, e);
	if (rc)
		return rc;
	rc = sk_lambda_want_make(options, &t->w, e);
	if (rc)
		sk_catalog_close(t->own);
	return rc;
}

static void end(struct there *t)
{
	sk_lambda_want_free(&t->w);
	sk_catalog_close(t->own);
}

int snek_lambda_get(snek_cluster *c, const char *name,
    const struct snek_lambda_options *options,
    int (*visit)(void *, const struct snek_lambda_info *), void *arg,
    struct snek_error *e)
{
	struct sk_lambda_there *t;
	struct snek_lambda_info i;
	struct there at;
	int rc = sk_need((const void *)(uintptr_t)visit,
	    "function to visit with", e);

	if (!rc)
		rc = begin(c, name, false, options, &at, e);
	if (rc)
		return rc;
	t = malloc(sizeof(*t));
	rc = t ? sk_function_lambda_look(at.cat, name, &at.w, t,
	    e) : sk_enomem(e);
	if (!rc) {
		sk_lambda_tell(&t->record.lambda, &i);
		i.state = *t->state.version ? t->state.state : "gone";
		i.role = *t->state.version ? t->state.role : NULL;
		i.differs = *t->differs ? t->differs : NULL;
		rc = visit(arg, &i);
	}
	free(t);
	end(&at);
	return rc;
}

int snek_lambda_rollback(snek_cluster *c, const char *name,
    const struct snek_lambda_options *options,
    int (*added)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	const struct sk_worker_options one = { .workers = 1 };
	const struct snek_function_options o = { .size = sizeof(o),
		.added = added, .added_arg = arg };
	struct there at;
	struct sk_addition a;
	sk_worker *worker = NULL;
	int rc = begin(c, name, true, options, &at, e);

	if (rc)
		return rc;
	rc = at.cat->bare ? 0 : sk_worker_open(&one, &worker, e);
	if (!rc)
		rc = sk_function_lambda_back(at.cat, worker, name, &at.w, &a,
		    e);
	if (!rc) {
		rc = added ? sk_function_tell(at.cat, &a, &o, e) : 0;
		sk_addition_free(&a);
	}
	sk_worker_close(worker);
	end(&at);
	return rc;
}

int snek_lambda_remove(snek_cluster *c, const char *name,
    const struct snek_lambda_options *options, struct snek_error *e)
{
	struct there at;
	int rc = begin(c, name, true, options, &at, e);

	if (rc)
		return rc;
	rc = sk_function_lambda_remove(at.cat, name, &at.w, e);
	end(&at);
	return rc;
}
