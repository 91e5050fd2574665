/* SPDX-License-Identifier: MIT */
/* add_function.c - snek-add-function: put a plugin into the cluster. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

struct add {
	struct cli c;
	bool replace, trust, changed;
	const char *path;
};

static const struct cli_option options[] = {
	{ "replace", 0, CLI_FLAG, CLI_AT(add, replace), NULL,
	  "take names that ship, or of another plugin" },
	{ "trust", 0, CLI_FLAG, CLI_AT(add, trust), NULL,
	  "look at the plugin without the sandbox" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static bool same_bytes(FILE *f, FILE *g)
{
	int c;

	do {
		c = getc(f);
		if (c != getc(g))
			return false;
	} while (c != EOF);
	return !ferror(f) && !ferror(g);
}

static bool same_file(const char *a, const char *b)
{
	FILE *f = fopen(a, "r"), *g = fopen(b, "r");
	bool same = f && g && same_bytes(f, g);

	if (f)
		fclose(f);
	if (g)
		fclose(g);
	return same;
}

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

/* A plugin has one function or several: those that hold its very bytes. */
static int visit(void *arg, const struct snek_function_info *i)
{
	const struct add *a = arg;

	if (!i->generation || !i->path || !same_file(i->path, a->path))
		return 0;
	if (a->c.json)
		put_json(a, i);
	else
		cli_error_say(&a->c, "%s%s%s: sha256 %.12s, %s", i->name,
		    i->version ? " " : "", i->version ? i->version : "",
		    i->sha256, a->changed ? "added" : "unchanged");
	return 0;
}

static int add(struct add *a, snek_cluster *cluster)
{
	struct snek_error e = { 0 };
	const struct snek_function_options o = { .size = sizeof(o),
		.replace = a->replace, .trust = a->trust };
	int rc = snek_function_put(cluster, a->path, &o, &a->changed, &e);

	if (rc >= 0)
		rc = snek_function_visit(cluster, NULL, &o, visit, a, &e);
	if (rc < 0)
		return cli_error_of(&a->c, rc, &e, a->path,
		    rc == SNEK_EEXIST ? "--replace takes the name" : NULL);
	return cli_out_end(&a->c, 0);
}

/* A name with a slash is a file. */
static char *path_of(const char *name)
{
	char *path;

	return asprintf(&path, "%s%s", strchr(name, '/') ? "" : "./", name) < 0 ?
	    NULL : path;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct add a = { .c.command = cmd };
	snek_cluster *cluster = NULL;
	char *path = NULL;
	int rc = cli_option_parse(&a.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if ((rc = cli_cluster_make(&a.c, &cluster)))
		return rc;
	a.path = path = path_of(argv[0]);
	rc = path ? add(&a, cluster) :
	    cli_error(&a.c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	free(path);
	snek_cluster_close(cluster);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct cli_command cmd = {
		"snek-add-function", NULL, "./PLUGIN.so",
		"Put a plugin into the cluster, its functions by their names",
		NULL, 1, 1, options, run
	};

	cli_main_begin();
	return run(&cmd, argc, argv);
}
