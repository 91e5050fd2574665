/* SPDX-License-Identifier: MIT */
/* add_function.c - snek-add-function: put a plugin, a C function or a URL into
 * the cluster. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

struct add {
	struct cli c;
	bool replace, trust, changed;
	const char *url, *call, *sig, *fields;
	const char *name;               /* of what is no plugin; or NULL */
	char *path;                     /* plugin, library or URL */
	const char *function;           /* of the library */
};

static const struct cli_option options[] = {
	{ "replace", 0, CLI_FLAG, CLI_AT(add, replace), NULL,
	  "take names that ship, or of another plugin" },
	{ "trust", 0, CLI_FLAG, CLI_AT(add, trust), NULL,
	  "look at the plugin without the sandbox" },
	{ "call", 0, CLI_TEXT, CLI_AT(add, call), "LIBRARY:FUNCTION",
	  "register a plain C function" },
	{ "sig", 0, CLI_TEXT, CLI_AT(add, sig), "SIGNATURE",
	  "of it, such as d(dd)" },
	{ "fields", 0, CLI_TEXT, CLI_AT(add, fields), "PATH,...",
	  "that it is called with" },
	{ "url", 0, CLI_TEXT, CLI_AT(add, url), "URL",
	  "register an HTTP endpoint" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static void put_json(const struct add *a, const struct snek_function_info *i)
{
	cli_out_begin(stdout, "added");
	cli_out_text(stdout, "name", i->name);
	cli_out_text(stdout, "version", i->version);
	cli_out_text(stdout, "summary", i->summary);
	cli_out_text(stdout, "sha256", i->sha256);
	cli_out_number(stdout, "generation", i->generation);
	cli_out_bool(stdout, "changed", a->changed);
	cli_out_close(stdout);
}

/* A plugin has one function or several. */
static int visit(void *arg, const struct snek_function_info *i)
{
	const struct add *a = arg;

	if (a->c.json)
		put_json(a, i);
	else
		cli_error_say(&a->c, "%s%s%s: %s%.12s, %s", i->name,
		    i->version && *i->version ? " " : "",
		    i->version ? i->version : "", *i->sha256 ? "sha256 " : "",
		    *i->sha256 ? i->sha256 : i->url ? i->url : i->library,
		    a->changed ? "added" : "unchanged");
	return 0;
}

static int add(struct add *a, snek_cluster *cluster)
{
	struct snek_error e = { 0 };
	const struct snek_function_options o = { .size = sizeof(o),
		.replace = a->replace, .trust = a->trust, .name = a->name,
		.function = a->function, .signature = a->sig,
		.fields = a->fields, .added = visit, .added_arg = a };
	int rc = snek_function_put(cluster, a->path, &o, &a->changed, &e);

	if (rc < 0)
		return cli_error_of(&a->c, rc, &e, a->path,
		    rc == SNEK_EEXIST ? "--replace takes the name" : NULL);
	return cli_out_end(&a->c, 0);
}

/* ---- arguments ---- */

static int check_call(const struct add *a)
{
	const char *colon = a->call ? strrchr(a->call, ':') : NULL;

	if (a->call && a->url)
		return cli_error_usage(&a->c, "--call and --url: one of them");
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

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct add a = { .c.command = cmd };
	snek_cluster *cluster = NULL;
	int rc = cli_option_parse(&a.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if ((rc = check_call(&a)) || (rc = path_of(&a, argv[0])))
		return rc;
	rc = cli_cluster_make(&a.c, &cluster);
	if (!rc)
		rc = add(&a, cluster);
	free(a.path);
	snek_cluster_close(cluster);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct cli_command cmd = {
		"snek-add-function", NULL, "./PLUGIN.so|NAME",
		"Put a plugin into the cluster, its functions by their names",
		NULL, 1, 1, options, run
	};

	cli_main_begin();
	return run(&cmd, argc, argv);
}
