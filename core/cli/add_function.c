/* SPDX-License-Identifier: MIT */
/* add_function.c - snek-add-function: put a plugin, a C function or a URL into
 * the cluster, and into a Lambda of its own. */
#include "cli/lambda.h"

#include <stdlib.h>
#include <string.h>

struct add {
	struct cli c;
	struct cli_lambda at;
	bool replace, trust, tls, dry_run, rollback, changed;
	const char *why;                /* it stays here, if nobody asked */
	const char *url, *call, *sig, *fields;
	const char *on, *bundle, *memory, *timeout, *arch, *role, *bucket;
	struct cli_list include, env;
	const char *name;               /* of what is no plugin; or NULL */
	char *path;                     /* plugin, library or URL */
	const char *function;           /* of the library */
};

#define AT(field) CLI_AT(add, field)

static const struct cli_option options[] = {
	{ "on", 0, CLI_CHOICE, AT(on), "local|lambda",
	  "where it shall run; default: as far as it can" },
	{ "replace", 0, CLI_FLAG, AT(replace), NULL,
	  "take names that ship, or of something else" },
	{ "trust", 0, CLI_FLAG, AT(trust), NULL,
	  "look at the plugin without the sandbox" },
	{ "call", 0, CLI_TEXT, AT(call), "LIBRARY:FUNCTION",
	  "register a plain C function" },
	{ "sig", 0, CLI_TEXT, AT(sig), "SIGNATURE",
	  "of it, such as d(dd)" },
	{ "fields", 0, CLI_TEXT, AT(fields), "PATH,...",
	  "that it is called with" },
	{ "url", 0, CLI_TEXT, AT(url), "URL",
	  "register an HTTP endpoint" },
	{ "include", 0, CLI_LIST, AT(include), "FILE",
	  "put it beside the plugin; may be repeated" },
	{ "env", 0, CLI_LIST, AT(env), "NAME=VALUE",
	  "a variable of its environment; may be repeated" },
	{ "memory", 0, CLI_COUNT, AT(memory), "MB",
	  "of the function, 128 to 10240; default: 1769" },
	{ "timeout", 0, CLI_COUNT, AT(timeout), "SECONDS",
	  "of an invocation, 1 to 900; default: 900" },
	{ "arch", 0, CLI_CHOICE, AT(arch), "x86_64|arm64",
	  "that the plugin must be for" },
	{ "role", 0, CLI_TEXT, AT(role), "ARN",
	  "of the role that the function has" },
	{ "bucket", 0, CLI_TEXT, AT(bucket), "NAME",
	  "in S3, for what is over 50 MB" },
	CLI_OPTIONS_LAMBDA(add),
	{ "bundle", 0, CLI_TEXT, AT(bundle), "FILE.zip",
	  "write the zip and do nothing else" },
	{ "tls", 0, CLI_FLAG, AT(tls), NULL,
	  "put what TLS needs into the zip" },
	{ "dry-run", 0, CLI_FLAG, AT(dry_run), NULL,
	  "say what would be done at AWS, change nothing" },
	{ "rollback", 0, CLI_FLAG, AT(rollback), NULL,
	  "go back to the Lambda's version before" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

/* ---- what was done ---- */

static void put_json(const struct add *a, const struct snek_function_info *i)
{
	cli_out_begin(stdout, "added");
	cli_out_text(stdout, "name", i->name);
	cli_out_text(stdout, "version", i->version);
	cli_out_text(stdout, "summary", i->summary);
	cli_out_text(stdout, "sha256", i->sha256);
	cli_out_number(stdout, "generation", i->generation);
	cli_out_bool(stdout, "changed", a->changed);
	if (i->lambda)
		cli_lambda_json(i->lambda);
	cli_out_close(stdout);
}

/* A plugin has one function or several. */
static int visit(void *arg, const struct snek_function_info *i)
{
	const struct add *a = arg;
	const char *differs = cli_lambda_differs(i);

	if (a->c.json) {
		put_json(a, i);
		return 0;
	}
	cli_error_say(&a->c, "%s%s%s: %s%.*s, %s%s%s%s%s", i->name,
	    i->version && *i->version ? " " : "",
	    i->version ? i->version : "", *i->sha256 ? "sha256 " : "",
	    *i->sha256 ? 12 : 2048,
	    *i->sha256 ? i->sha256 : i->url ? i->url : i->library,
	    a->rollback ? "rolled back" : a->changed ? "added" :
	    "unchanged", i->lambda ? "; lambda " : "",
	    i->lambda ? cli_lambda_words(i->lambda, true).s : "",
	    differs ? ": " : "", differs ? differs : "");
	return 0;
}

static int failed(const struct add *a, int rc, const struct snek_error *e,
    const char *subject)
{
	return cli_error_of(&a->c, rc, e, subject, rc == SNEK_EEXIST ?
	    "--replace takes the name" : NULL);
}

/* ---- the Lambda ---- */

static void lambda_options(struct add *a, struct snek_lambda_options *o)
{
	*o = (struct snek_lambda_options){
		.role = a->role, .bucket = a->bucket, .arch = a->arch,
		.memory_mb = (uint32_t)cli_option_count(a->memory, 0),
		.timeout_s = (uint32_t)cli_option_count(a->timeout, 0),
		.include = a->include.v, .includes = (uint32_t)a->include.n,
		.env = a->env.v, .envs = (uint32_t)a->env.n,
		.tls = a->tls, .dry_run = a->dry_run,
		.said = cli_lambda_said, .said_arg = &a->c,
	};
	cli_lambda_options(&a->at, o);
}

static int seen(void *arg, const struct snek_target *t)
{
	(void)t;
	*(bool *)arg = true;
	return 0;
}

/* As it was asked for, or where the cluster's functions go. */
static int choose(struct add *a, snek_cluster *cluster, bool *lambda)
{
	struct snek_error e = { 0 };
	int rc;

	*lambda = a->on && !strcmp(a->on, "lambda");
	if (a->on || a->url)
		return 0;
	rc = snek_target_get(cluster, seen, lambda, &e);
	if (rc < 0 && rc != SNEK_ENOENT)
		return cli_error_of(&a->c, rc, &e, NULL, NULL);
	if (!*lambda)
		a->why = "the cluster has no target at AWS (snek-deploy "
		    "--lambda-region)";
	else if (a->call && !strchr(a->path, '/'))
		a->why = "a Lambda holds libraries that are named by their file";
	*lambda = !a->why;
	return 0;
}

static int add_to(struct add *a, snek_cluster *cluster, bool lambda)
{
	struct snek_lambda_options l;
	struct snek_error e = { 0 };
	const struct snek_function_options o = { .size = sizeof(o),
		.replace = a->replace, .trust = a->trust, .name = a->name,
		.function = a->function, .signature = a->sig,
		.fields = a->fields, .added = visit, .added_arg = a,
		.lambda = lambda ? &l : NULL };
	int rc;

	lambda_options(a, &l);
	rc = snek_function_put(cluster, a->path, &o, &a->changed, &e);
	if (rc < 0)
		return failed(a, rc, &e, a->path);
	if (a->why && !a->c.json)
		cli_error_say(&a->c, "it stays here: %s", a->why);
	if (a->dry_run && !a->c.json)
		cli_error_say(&a->c, a->changed ? "nothing was changed" :
		    "there is nothing to change");
	return cli_out_end(&a->c, 0);
}

static int only_lambda(const struct add *a)
{
	const char *what = a->include.n ? "include" : a->env.n ? "env" :
	    a->memory ? "memory" : a->timeout ? "timeout" : a->arch ? "arch" :
	    a->role ? "role" : a->bucket ? "bucket" : a->tls ? "tls" :
	    a->dry_run ? "dry-run" : NULL;

	return what ? cli_error_usage(&a->c, "--%s is for a Lambda: say --on "
	    "lambda, too", what) : 0;
}

static int add(struct add *a, snek_cluster *cluster)
{
	bool lambda = false;
	int rc = choose(a, cluster, &lambda);

	if (!rc && !lambda)
		rc = only_lambda(a);
	return rc ? rc : add_to(a, cluster, lambda);
}

static int rollback(struct add *a, snek_cluster *cluster, const char *name)
{
	struct snek_lambda_options l;
	struct snek_error e = { 0 };
	int rc;

	lambda_options(a, &l);
	a->changed = true;
	rc = snek_lambda_rollback(cluster, name, &l, visit, a, &e);
	return rc < 0 ? cli_error_of(&a->c, rc, &e, name, NULL) :
	    cli_out_end(&a->c, 0);
}

/* ---- the zip alone ---- */

static void bundle_json(const struct add *a,
    const struct snek_bundle_report *r)
{
	cli_out_begin(stdout, "bundle");
	cli_out_text(stdout, "file", a->bundle);
	cli_out_text(stdout, "arch", r->arch);
	cli_out_text(stdout, "code_sha256", r->code_sha256);
	cli_out_text(stdout, "plugin_sha256", r->plugin_sha256);
	cli_out_number(stdout, "bytes", r->bytes);
	cli_out_number(stdout, "unzipped", r->unzipped);
	cli_out_close(stdout);
}

static int bundle(struct add *a)
{
	struct snek_bundle_report r = { .size = sizeof(r) };
	struct snek_lambda_options l;
	struct snek_error e = { 0 };
	int rc;

	lambda_options(a, &l);
	rc = snek_function_bundle(NULL, a->path, &l, a->bundle, &r, &e);
	if (rc < 0)
		return failed(a, rc, &e, a->path);
	if (a->c.json)
		bundle_json(a, &r);
	else
		cli_error_say(&a->c, "%s: %.2f MB, %.2f MB unzipped, for %s%s",
		    a->bundle, (double)r.bytes / 1e6, (double)r.unzipped / 1e6,
		    r.arch, r.by_s3 ? "; over 50 MB: it goes through S3" : "");
	return cli_out_end(&a->c, 0);
}

/* ---- arguments ---- */

static int check_call(const struct add *a)
{
	const char *colon = a->call ? strrchr(a->call, ':') : NULL;

	if (!!a->call + !!a->url + a->rollback > 1)
		return cli_error_usage(&a->c, "--call, --url and --rollback: one "
		    "of them");
	if (!a->call && (a->sig || a->fields))
		return cli_error_usage(&a->c, "--%s goes with --call", a->sig ?
		    "sig" : "fields");
	if (a->call && (!colon || colon == a->call || !colon[1]))
		return cli_error_usage(&a->c, "--call %s: give LIBRARY:FUNCTION, "
		    "such as libm.so.6:hypot", a->call);
	if (a->call && !a->sig)
		return cli_error_usage(&a->c, "--call needs the function's "
		    "signature, such as --sig 'd(dd)'");
	return 0;
}

static int check_where(const struct add *a)
{
	bool lambda = a->on && !strcmp(a->on, "lambda");

	if (a->url && (lambda || a->bundle))
		return cli_error_usage(&a->c, "--url: it is where it is; no "
		    "Lambda holds it");
	if (a->bundle && (a->on || a->dry_run || a->rollback))
		return cli_error_usage(&a->c, "--bundle does nothing but write "
		    "the zip: leave --%s out", a->on ? "on" : a->dry_run ?
		    "dry-run" : "rollback");
	if (a->on && !lambda)
		return only_lambda(a);
	return 0;
}

/* The name of a plugin's file; with a slash, for else it is none. */
static int path_of(struct add *a, const char *arg)
{
	const char *colon = a->call ? strrchr(a->call, ':') : NULL;
	int n;

	if (a->call || a->url)
		a->name = arg;
	if (a->call) {
		a->function = colon + 1;
		n = asprintf(&a->path, "%.*s", (int)(colon - a->call), a->call);
	} else if (a->url) {
		n = asprintf(&a->path, "%s", a->url);
	} else {
		n = asprintf(&a->path, "%s%s", strchr(arg, '/') ? "" : "./",
		    arg);
	}
	return n < 0 ? cli_error(&a->c, SNEK_ENOMEM, NULL, NULL,
	    "out of memory") : 0;
}

static int with_cluster(struct add *a, const char *arg)
{
	snek_cluster *cluster = NULL;
	int rc = cli_cluster_make(&a->c, &cluster);

	if (!rc)
		rc = a->rollback ? rollback(a, cluster, arg) : add(a, cluster);
	snek_cluster_close(cluster);
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct add a = { .c.command = cmd };
	int rc = cli_option_parse(&a.c, &argc, &argv);

	if (rc == CLI_GO)
		rc = check_call(&a);
	else
		argc = 0;
	if (argc && !rc)
		rc = check_where(&a);
	if (argc && !rc)
		rc = path_of(&a, argv[0]);
	if (argc && !rc)
		rc = a.bundle ? bundle(&a) : with_cluster(&a, argv[0]);
	free(a.path);
	free(a.include.v);
	free(a.env.v);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct cli_command cmd = {
		"snek-add-function", NULL, "./PLUGIN.so|NAME",
		"Put a plugin into the cluster, and into a Lambda of its own",
		NULL, 1, 1, options, run
	};

	cli_main_begin();
	return run(&cmd, argc, argv);
}
