/* SPDX-License-Identifier: MIT */
/*
 * lambda.c - a plugin's function at AWS, brought step by step to what it is to
 * be: each step looks at what is there and does the next thing that differs.
 *
 *   nothing -> CreateFunction -> Active -> code, configuration, tags as asked
 *     -> proved -> version published -> alias moved -> old versions removed
 *
 * So a run that was killed anywhere is finished by the next, one with nothing
 * to do does nothing, and two at once end with what one of them asked.  Changes
 * name the revision that they were decided on (RevisionId): AWS refuses those
 * of who looked too early, who then looks again.
 */
#include "aws/lambda.h"

#include <stdio.h>

#include "aws/logs.h"
#include "base/clock.h"

enum { MEMORY_MB = 1769, TIMEOUT_S = 900 };     /* a whole processor */
enum { CHANGES = 20 };

#define RUNTIME "provided.al2023"
#define HANDLER "snek"

/* ---- what is wrong, and the cure ---- */

static bool says(const struct sk_lambda *l, const char *words)
{
	return strstr(l->said, words);
}

static const char *role_of(const struct sk_lambda *l)
{
	return l->spec->role ? l->spec->role : l->f.role;
}

/* A role that was made a moment ago is not known everywhere; one that is wrong
 * looks the same. */
static int on_role(struct sk_lambda *l, struct snek_error *e)
{
	if (sk_clock_ms() >= l->role_until)
		return sk_fail(e, SNEK_EACCES, "lambda function %s: Lambda "
		    "cannot assume the role %s; is it there, and does its trust "
		    "policy name lambda.amazonaws.com?", l->name, role_of(l));
	if (!l->waits_for_role)
		sk_lambda_say(l, "waiting until Lambda knows the role");
	l->waits_for_role = true;
	return sk_lambda_pause(l, "without the role", e);
}

static int explain(const struct sk_lambda *l, int rc, struct snek_error *e)
{
	if (!strcmp(l->type, "CodeStorageExceededException"))
		return sk_fail(e, SNEK_ELIMIT, "AWS keeps no more code in this "
		    "region (75 GB); remove functions or versions there");
	if (!strcmp(l->type, "RequestEntityTooLargeException") ||
	    !strcmp(l->type, "RequestTooLargeException"))
		return sk_fail(e, SNEK_ELIMIT, "lambda function %s: the zip is "
		    "too large for AWS; leave --include out, or link less",
		    l->name);
	if (says(l, "Unzipped size must be smaller"))
		return sk_fail(e, SNEK_ELIMIT, "lambda function %s: over 250 MB "
		    "unzipped; leave --include out, or link less", l->name);
	return rc;
}

/* After a change that was refused: 0 to look and try again, or why not. */
static int after(struct sk_lambda *l, int rc, struct snek_error *why,
    struct snek_error *e)
{
	if (rc == SNEK_ECONFLICT || l->status == 412)
		return sk_lambda_pause(l, "busy with another change", e);
	if (says(l, "cannot be assumed"))
		return on_role(l, e);
	if (rc == SNEK_ENOENT && l->f.there)
		rc = sk_fail(why, rc, "lambda function %s: somebody deleted it "
		    "meanwhile; the same command makes it anew", l->name);
	else
		rc = explain(l, rc, why);
	if (e)
		*e = *why;
	return rc;
}

/* One change: 0 when it was taken, or is worth another look. */
static int change(struct sk_lambda *l, const struct sk_lambda_ask *q,
    bool *taken, struct snek_error *e)
{
	struct snek_error why = { 0 };
	int rc = sk_lambda_ask(l, q, NULL, &why);

	*taken = !rc;
	if (rc)
		return after(l, rc, &why, e);
	sk_lambda_patient(l);
	return ++l->changes <= CHANGES ? 0 : sk_fail(e, SNEK_EIO, "lambda "
	    "function %s: after %d changes AWS still says that it is "
	    "otherwise", l->name, CHANGES);
}

/* ---- what it is to be ---- */

static uint32_t memory_of(const struct sk_lambda *l)
{
	const struct sk_lambda_spec *s = l->spec;

	return s->memory_mb ? s->memory_mb : l->f.memory_mb ? l->f.memory_mb
	    : MEMORY_MB;
}

static uint32_t timeout_of(const struct sk_lambda *l)
{
	const struct sk_lambda_spec *s = l->spec;

	return s->timeout_s ? s->timeout_s : l->f.timeout_s ? l->f.timeout_s
	    : TIMEOUT_S;
}

static bool has_code(const struct sk_lambda *l)
{
	const struct sk_bundle *b = l->spec->bundle;

	return !strcmp(l->f.code_sha256, b->code_sha256) &&
	    !strcmp(l->f.arch, b->arch);
}

static int has_configuration(const struct sk_lambda *l, bool *has,
    struct snek_error *e)
{
	const struct sk_lambda_function *f = &l->f;
	struct sk_buf env = { 0 };
	int rc = sk_lambda_env(l, &env, e);

	*has = !rc && sk_lambda_has_network(l) && f->memory_mb == memory_of(l) &&
	    f->timeout_s == timeout_of(l) && !strcmp(f->role, role_of(l)) &&
	    !strcmp(f->runtime, RUNTIME) && env.n == f->env.n &&
	    !memcmp(env.p, f->env.p, env.n);
	sk_buf_free(&env);
	return rc;
}

static bool has_tags(const struct sk_lambda *l)
{
	const struct sk_lambda_function *f = &l->f;

	return !f->tagged || (!strcmp(f->tag_version, l->spec->release) &&
	    !strcmp(f->tag_cluster, l->spec->cluster) &&
	    (!l->spec->stack || !strcmp(f->tag_stack, l->spec->stack)));
}

/* ---- the changes ---- */

static bool put_tags(const struct sk_lambda *l, struct sk_buf *b)
{
	return sk_lambda_put_name(b, "Tags") && sk_buf_byte(b, '{') &&
	    sk_lambda_put_text(b, "snek:version", l->spec->release) &&
	    sk_lambda_put_text(b, "snek:cluster", l->spec->cluster) &&
	    (!l->spec->stack || sk_lambda_put_text(b, "snek:stack",
	    l->spec->stack)) && sk_buf_byte(b, '}');
}

static bool put_arch(const struct sk_lambda *l, struct sk_buf *b)
{
	return sk_lambda_put_name(b, "Architectures") &&
	    sk_buf_byte(b, '[') && sk_json_write(b,
	    sk_cstring(l->spec->bundle->arch)) && sk_buf_byte(b, ']');
}

static int put_settings(struct sk_lambda *l, struct sk_buf *b,
    struct snek_error *e)
{
	char text[128];
	int rc;

	snprintf(text, sizeof(text), SK_LAMBDA_MARK "of the cluster %.64s",
	    l->spec->cluster);
	if (!sk_lambda_put_text(b, "Runtime", RUNTIME) ||
	    !sk_lambda_put_text(b, "Handler", HANDLER) ||
	    !sk_lambda_put_text(b, "Role", role_of(l)) ||
	    !sk_lambda_put_text(b, "Description", text) ||
	    !sk_lambda_put_number(b, "MemorySize", memory_of(l)) ||
	    !sk_lambda_put_number(b, "Timeout", timeout_of(l)) ||
	    !sk_lambda_put_network(l, b) ||
	    !sk_lambda_put_name(b, "Environment") ||
	    !sk_buf_byte(b, '{') || !sk_lambda_put_name(b, "Variables"))
		return sk_enomem(e);
	rc = sk_lambda_env(l, b, e);
	return rc ? rc : sk_buf_byte(b, '}') ? 0 : sk_enomem(e);
}

static int create(struct sk_lambda *l, struct snek_error *e)
{
	struct sk_lambda_ask q = { .action = "CreateFunction",
		.method = "POST", .tail = "/2015-03-31/functions",
		.bare = true };
	struct sk_buf b = { 0 };
	bool taken = false;
	int rc = sk_buf_byte(&b, '{') && sk_lambda_put_text(&b,
	    "FunctionName", l->name) && sk_lambda_put_text(&b, "PackageType",
	    "Zip") && put_arch(l, &b) && put_tags(l, &b) ? 0 : sk_enomem(e);

	if (!rc)
		rc = put_settings(l, &b, e);
	if (!rc && (!sk_lambda_put_name(&b, "Code") || !sk_buf_byte(&b, '{')))
		rc = sk_enomem(e);
	if (!rc)
		rc = sk_lambda_put_code(l, &b, e);
	if (!rc && (!sk_buf_put(&b, "}}", 2)))
		rc = sk_enomem(e);
	q.body = (struct sk_span){ b.p, b.n };
	if (!rc)
		rc = change(l, &q, &taken, e);
	if (taken)
		sk_lambda_say(l, "function %s is created in %s, %.1f MB",
		    l->name, sk_aws_region(l->aws),
		    (double)l->spec->bundle->zip.n / 1e6);
	l->pushed |= taken;
	sk_buf_free(&b);
	return rc;
}

static int update_code(struct sk_lambda *l, struct snek_error *e)
{
	struct sk_lambda_ask q = { .action = "UpdateFunctionCode",
		.method = "PUT", .tail = "/code" };
	struct sk_buf b = { 0 };
	bool taken = false;
	int rc = sk_buf_byte(&b, '{') && put_arch(l, &b) &&
	    sk_lambda_put_revision(l, &b) ? 0 : sk_enomem(e);

	if (!rc)
		rc = sk_lambda_put_code(l, &b, e);
	if (!rc && !sk_buf_byte(&b, '}'))
		rc = sk_enomem(e);
	q.body = (struct sk_span){ b.p, b.n };
	if (!rc)
		rc = change(l, &q, &taken, e);
	if (taken)
		sk_lambda_say(l, "its code is changed, %.1f MB",
		    (double)l->spec->bundle->zip.n / 1e6);
	l->pushed |= taken;
	sk_buf_free(&b);
	return rc;
}

static int update_settings(struct sk_lambda *l, struct snek_error *e)
{
	struct sk_lambda_ask q = { .action = "UpdateFunctionConfiguration",
		.method = "PUT", .tail = "/configuration" };
	struct sk_buf b = { 0 };
	bool taken = false;
	int rc = sk_buf_byte(&b, '{') && sk_lambda_put_revision(l, &b) ? 0 :
	    sk_enomem(e);

	if (!rc)
		rc = put_settings(l, &b, e);
	if (!rc && !sk_buf_byte(&b, '}'))
		rc = sk_enomem(e);
	q.body = (struct sk_span){ b.p, b.n };
	if (!rc)
		rc = change(l, &q, &taken, e);
	if (taken)
		sk_lambda_say(l, "its configuration is changed: %u MB, %u s",
		    memory_of(l), timeout_of(l));
	sk_buf_free(&b);
	return rc;
}

/* ARNs have colons, which a path does not. */
static bool tag_path(const char *arn, struct sk_buf *b)
{
	bool ok = sk_buf_printf(b, "/2017-03-31/tags/");

	for (; *arn && ok; arn++)
		ok = *arn == ':' ? sk_buf_put(b, "%3A", 3)
		    : sk_buf_byte(b, (uint8_t)*arn);
	return ok && sk_buf_byte(b, 0);
}

static int update_tags(struct sk_lambda *l, struct snek_error *e)
{
	struct sk_lambda_ask q = { .action = "TagResource", .method = "POST",
		.bare = true };
	struct sk_buf b = { 0 }, path = { 0 };
	bool taken;
	int rc = sk_buf_byte(&b, '{') && put_tags(l, &b) &&
	    sk_buf_byte(&b, '}') && tag_path(l->f.arn, &path) ? 0 :
	    sk_enomem(e);

	q.body = (struct sk_span){ b.p, b.n };
	q.tail = path.p;
	if (!rc)
		rc = change(l, &q, &taken, e);
	sk_buf_free(&b);
	sk_buf_free(&path);
	return rc;
}

/* ---- step by step ---- */

static int check_owner(const struct sk_lambda *l, struct snek_error *e)
{
	if (!l->f.there || !strncmp(l->f.description, SK_LAMBDA_MARK,
	    strlen(SK_LAMBDA_MARK)))
		return 0;
	return sk_fail(e, SNEK_EEXIST, "there is a function %s in %s that snek "
	    "did not make; remove it, or give the plugin another name", l->name,
	    sk_aws_region(l->aws));
}

static int check_role(const struct sk_lambda *l, struct snek_error *e)
{
	if (*role_of(l))
		return 0;
	return sk_fail(e, SNEK_EINVAL, "a new function needs a role; name it "
	    "with --role, or with snek-deploy --role once and for all");
}

/* What failed once is pushed once more. */
static int settle(struct sk_lambda *l, bool *again, struct snek_error *e)
{
	bool failed = !strcmp(l->f.state, "Failed") ||
	    !strcmp(l->f.update, "Failed");
	int rc;

	*again = failed && !l->pushed;
	if (*again)
		return update_code(l, e);
	rc = sk_lambda_is_ready(l, &l->f, e);
	if (rc)
		return rc < 0 ? rc : 0;
	*again = true;
	rc = sk_lambda_wait(l, NULL, &l->f, e);
	return rc;
}

static int other_code(const struct sk_lambda *l, struct snek_error *e)
{
	return sk_fail(e, SNEK_ECONFLICT, "lambda function %s: AWS has other "
	    "code than was sent: somebody else changed it meanwhile; run the "
	    "same command again", l->name);
}

/* Do the first thing that differs; *done: nothing does. */
static int step(struct sk_lambda *l, bool *done, struct snek_error *e)
{
	bool again = false, has = false;
	int rc = l->f.there ? settle(l, &again, e) : create(l, e);

	if (rc || again || !l->f.there)
		return rc;
	if (!has_code(l))
		return l->pushed ? other_code(l, e) : update_code(l, e);
	rc = has_configuration(l, &has, e);
	if (rc || !has)
		return rc ? rc : update_settings(l, e);
	if (!has_tags(l))
		return update_tags(l, e);
	*done = true;
	return 0;
}

/* Nothing of it was taken, nor will be. */
static bool is_refused(int rc)
{
	return rc == SNEK_EINVAL || rc == SNEK_EACCES || rc == SNEK_ENOENT ||
	    rc == SNEK_ELIMIT;
}

static int reconcile(struct sk_lambda *l, struct snek_error *e)
{
	bool done = false;
	int rc = 0;

	sk_lambda_patient(l);
	while (!rc && !done) {
		rc = step(l, &done, e);
		if (!rc && !done)
			rc = sk_lambda_look(l, NULL, &l->f, e);
	}
	if (!rc || (l->stored && is_refused(rc)))
		sk_lambda_drop_code(l);
	return rc;
}

/* Was it the function's fault, and not the day's? */
static bool is_its_own(int rc)
{
	return rc == SNEK_EPLUGIN || rc == SNEK_EABI || rc == SNEK_EFORMAT ||
	    rc == SNEK_EVERSION || rc == SNEK_EINVAL || rc == SNEK_ELIMIT;
}

/* One that never worked is not left behind. */
static int prove(struct sk_lambda *l, const char *alias, struct snek_error *e)
{
	const struct sk_lambda_spec *s = l->spec;
	const struct sk_lambda_ask q = { .action = "DeleteFunction",
		.method = "DELETE" };
	int rc = s->prove ? s->prove(s->prove_arg, l->aws, l->name, e) : 0;

	if (is_its_own(rc) && !*alias && !sk_lambda_ask(l, &q, NULL, NULL))
		sk_lambda_say(l, "function %s is removed again", l->name);
	return rc;
}

/* Is what the alias names all that was asked for? */
static int is_there(struct sk_lambda *l, const char *alias, bool *there,
    struct snek_error *e)
{
	struct sk_lambda_function latest = l->f;
	int rc;

	*there = false;
	if (!*alias || !has_tags(l))
		return 0;
	memset(&l->f, 0, sizeof(l->f));
	rc = sk_lambda_look(l, alias, &l->f, e);
	if (!rc && l->f.there && has_code(l) && sk_lambda_is_ready(l, &l->f,
	    NULL) == 1)
		rc = has_configuration(l, there, e);
	sk_lambda_function_free(&l->f);
	l->f = latest;
	return rc;
}

static int put_version(struct sk_lambda *l, const char *alias,
    struct sk_lambda_state *out, struct snek_error *e)
{
	char version[24] = "";
	int rc = prove(l, alias, e);

	if (!rc)
		rc = sk_lambda_look(l, NULL, &l->f, e);
	if (!rc)
		rc = sk_lambda_publish(l, version, e);
	if (!rc)
		rc = sk_lambda_move(l, alias, version, e);
	if (!rc)
		rc = sk_lambda_fill(l, version, out, e);
	if (!rc)
		sk_lambda_prune(l, version);
	out->changed = true;
	snprintf(out->previous, sizeof(out->previous), "%s", alias);
	return rc;
}

static int foretell(struct sk_lambda *l, const char *alias,
    struct sk_lambda_state *out, struct snek_error *e)
{
	double mb = (double)l->spec->bundle->zip.n / 1e6;
	bool has = false;
	int rc = l->f.there ? has_configuration(l, &has, e) : 0;

	if (rc)
		return rc;
	out->changed = true;
	out->memory_mb = memory_of(l);
	out->timeout_s = timeout_of(l);
	snprintf(out->role, sizeof(out->role), "%s", role_of(l));
	snprintf(out->previous, sizeof(out->previous), "%s", alias);
	if (!l->f.there)
		sk_lambda_say(l, "would create the function %s in %s, %.1f MB",
		    l->name, sk_aws_region(l->aws), mb);
	else if (!has_code(l))
		sk_lambda_say(l, "would change its code, %.1f MB", mb);
	if (l->f.there && !has)
		sk_lambda_say(l, "would change its configuration: %u MB, %u s",
		    memory_of(l), timeout_of(l));
	sk_lambda_say(l, "would try it, publish a version, and move the alias "
	    "%s to it", SK_LAMBDA_ALIAS);
	return 0;
}

static int put(struct sk_lambda *l, struct sk_lambda_state *out,
    struct snek_error *e)
{
	char alias[24] = "";
	bool there = false;
	int rc = sk_lambda_look(l, NULL, &l->f, e);

	if (!rc)
		rc = check_owner(l, e);
	if (!rc)
		rc = check_role(l, e);
	if (!rc && l->f.there)
		rc = sk_lambda_alias(l, alias, e);
	if (!rc)
		rc = is_there(l, alias, &there, e);
	if (rc)
		return rc;
	if (there)
		return sk_lambda_fill(l, alias, out, e);
	if (l->spec->dry_run)
		return foretell(l, alias, out, e);
	if (l->spec->stack)             /* where no role may make one */
		rc = sk_logs_group_make(l->aws, l->name, l->spec->stack,
		    l->spec->log_days, e);
	if (!rc)
		rc = reconcile(l, e);
	return rc ? rc : put_version(l, alias, out, e);
}

int sk_lambda_put(struct sk_aws *aws, const struct sk_lambda_spec *spec,
    struct sk_lambda_state *out, struct snek_error *e)
{
	struct sk_lambda_state state = { 0 };
	struct sk_lambda l;
	int rc = sk_lambda_open(&l, aws, spec->name, spec, e);

	if (!rc)
		rc = put(&l, &state, e);
	sk_lambda_close(&l);
	if (!rc)
		*out = state;
	return rc;
}

/* ---- one that is there ---- */

static int need_alias(struct sk_lambda *l, char alias[24],
    struct snek_error *e)
{
	int rc = sk_lambda_alias(l, alias, e);

	if (!rc && !*alias)
		rc = sk_fail(e, SNEK_ENOENT, "there is no function %s in %s, or "
		    "none that was proved", l->name, sk_aws_region(l->aws));
	return rc;
}

int sk_lambda_get(struct sk_aws *aws, const char *name,
    struct sk_lambda_state *out, struct snek_error *e)
{
	struct sk_lambda_state state = { 0 };
	struct sk_lambda l;
	char alias[24];
	int rc = sk_lambda_open(&l, aws, name, NULL, e);

	if (!rc)
		rc = need_alias(&l, alias, e);
	if (!rc)
		rc = sk_lambda_fill(&l, alias, &state, e);
	sk_lambda_close(&l);
	if (!rc)
		*out = state;
	return rc;
}

/* Repeated for the same version it does nothing more. */
int sk_lambda_rollback(struct sk_aws *aws, const char *name, const char *from,
    struct sk_lambda_state *out, struct snek_error *e)
{
	struct sk_lambda_state state = { .changed = true };
	char version[24] = "";
	struct sk_lambda l;
	int rc = sk_lambda_open(&l, aws, name, NULL, e);

	if (!rc)
		rc = need_alias(&l, state.previous, e);
	if (!rc)
		rc = sk_lambda_before(&l, from, version, e);
	if (!rc)
		rc = sk_lambda_fill(&l, version, &state, e);
	if (!rc)
		rc = sk_lambda_move(&l, state.previous, version, e);
	sk_lambda_close(&l);
	if (!rc)
		*out = state;
	return rc;
}

int sk_lambda_remove(struct sk_aws *aws, const char *name,
    struct snek_error *e)
{
	const struct sk_lambda_ask q = { .action = "DeleteFunction",
		.method = "DELETE" };
	struct snek_error why = { 0 };
	struct sk_lambda l;
	int rc = sk_lambda_open(&l, aws, name, NULL, e);

	if (!rc)
		rc = sk_lambda_look(&l, NULL, &l.f, e);
	if (!rc && l.f.there)
		rc = check_owner(&l, e);
	/* The log first: without the function nobody would look for it, and none
	 * of a stack may make one. */
	if (!rc && strstr(name, "-fn-"))
		rc = sk_logs_group_remove(aws, name, e);
	if (!rc && l.f.there) {
		rc = sk_lambda_ask(&l, &q, NULL, &why);
		if (rc == SNEK_ENOENT)
			rc = 0;
		if (rc && e)
			*e = why;
	}
	sk_lambda_close(&l);
	return rc;
}
