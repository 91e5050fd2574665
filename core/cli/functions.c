/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct functions {
	struct cli c;
	struct cli_grid *grid;
	bool trust;
};

static const struct cli_option options[] = {
	{ "trust", 0, CLI_FLAG, CLI_AT(functions, trust), NULL,
	  "look at plugins without the sandbox" },
	CLI_OPTION_JSON,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

/* ---- as JSON ---- */

static void put_arg(const struct snek_arg_info *a)
{
	fputs("{\"name\":", stdout);
	cli_out_string(stdout, a->name, a->name ? strlen(a->name) : 0);
	cli_out_text(stdout, "type", a->type);
	cli_out_bool(stdout, "required", a->required);
	cli_out_text(stdout, "default", a->value);
	cli_out_text(stdout, "choices", a->choices);
	cli_out_text(stdout, "help", a->help);
	putchar('}');
}

static void put_call(const struct snek_function_info *i)
{
	cli_out_text(stdout, "library", i->library);
	cli_out_text(stdout, "function", i->function);
	cli_out_text(stdout, "signature", i->signature);
	cli_out_text(stdout, "fields", i->fields);
}

static int visit_json(void *arg, const struct snek_function_info *i)
{
	size_t k;

	(void)arg;
	cli_out_begin(stdout, "function");
	cli_out_text(stdout, "name", i->name);
	cli_out_text(stdout, "summary", i->summary);
	cli_out_text(stdout, "version", i->version);
	cli_out_text(stdout, "origin", i->origin);
	cli_out_text(stdout, "path", i->path);
	cli_out_text(stdout, "sha256", *i->sha256 ? i->sha256 : NULL);
	cli_out_number(stdout, "generation", i->generation);
	cli_out_text(stdout, "reducer", i->reducer);
	cli_out_text(stdout, "kind", i->kind);
	if (i->url)
		cli_out_text(stdout, "url", i->url);
	if (i->function)
		put_call(i);
	fputs(",\"args\":[", stdout);
	for (k = 0; k < i->args; k++) {
		if (k)
			putchar(',');
		put_arg(&i->arg[k]);
	}
	putchar(']');
	cli_out_close(stdout);
	return 0;
}

/* ---- for people ---- */

static void put_args(struct cli_grid *g, const struct snek_function_info *i)
{
	size_t k;

	cli_grid_head(g, "argument", 8);
	cli_grid_head(g, "type", 4);
	cli_grid_head(g, "default", 7);
	cli_grid_head(g, "help", 4);
	for (k = 0; k < i->args; k++) {
		const struct snek_arg_info *a = &i->arg[k];

		if (!cli_grid_is_aligned(g))
			cli_grid_text(g, "argument");
		cli_grid_text(g, a->name);
		cli_grid_text(g, a->choices ? a->choices : a->type);
		cli_grid_text(g, a->required ? "required" : a->value);
		cli_grid_text(g, a->help);
		cli_grid_row(g);
	}
}

static int visit_one(void *arg, const struct snek_function_info *i)
{
	struct cli_grid *g;
	bool ok;

	(void)arg;
	g = cli_grid_of_stdout();
	if (!g)
		return SNEK_ENOMEM;
	cli_grid_field(g, "function", i->name);
	cli_grid_field(g, "summary", i->summary);
	cli_grid_field(g, "version", i->version);
	cli_grid_field(g, "origin", i->origin);
	cli_grid_field(g, "path", i->path);
	cli_grid_field(g, "url", i->url);
	cli_grid_field(g, "library", i->library);
	cli_grid_field(g, "calls", i->function);
	cli_grid_field(g, "signature", i->signature);
	cli_grid_field(g, "fields", i->fields);
	cli_grid_field(g, "sha256", i->sha256);
	if (i->generation)
		cli_grid_count(g, "generation", i->generation);
	cli_grid_field(g, "reducer", i->reducer);
	cli_grid_again(g);
	put_args(g, i);
	ok = cli_grid_end(g);
	cli_grid_free(g);
	return ok ? 0 : SNEK_ENOMEM;
}

static int visit_row(void *arg, const struct snek_function_info *i)
{
	struct functions *f = arg;

	cli_grid_text(f->grid, i->name);
	cli_grid_text(f->grid, i->version);
	cli_grid_text(f->grid, i->origin);
	cli_grid_text(f->grid, i->summary);
	cli_grid_row(f->grid);
	return 0;
}

static int look(struct functions *f, snek_cluster *cluster, const char *name,
    int (*visit)(void *, const struct snek_function_info *),
    struct snek_error *e)
{
	const struct snek_function_options o = { .size = sizeof(o),
		.trust = f->trust };

	return snek_function_visit(cluster, name, &o, visit, f, e);
}

static int list(struct functions *f, snek_cluster *cluster)
{
	struct snek_error e = { 0 };
	int rc;

	f->grid = cli_grid_of_stdout();
	if (!f->grid)
		return cli_error(&f->c, SNEK_ENOMEM, NULL, NULL,
		    "out of memory");
	cli_grid_head(f->grid, "function", 8);
	cli_grid_head(f->grid, "version", 7);
	cli_grid_head(f->grid, "origin", 6);
	cli_grid_head(f->grid, "summary", 7);
	rc = look(f, cluster, NULL, f->c.json ? visit_json : visit_row, &e);
	if (rc >= 0 && !cli_grid_end(f->grid))
		rc = SNEK_ENOMEM;
	cli_grid_free(f->grid);
	return rc < 0 ? cli_error_of(&f->c, rc, &e, NULL, NULL) : 0;
}

static int show(struct functions *f, snek_cluster *cluster, const char *name)
{
	struct snek_error e = { 0 };
	int rc = look(f, cluster, name, f->c.json ? visit_json : visit_one,
	    &e);

	return rc < 0 ? cli_error_of(&f->c, rc, &e, name, rc == SNEK_ENOENT ?
	    "snek functions lists what there is" : NULL) : 0;
}

/* Without the user's own cluster there still are the shipped functions. */
static int open_cluster(const struct cli *c, snek_cluster **out)
{
	char *where = NULL;
	bool named, there;
	int rc = cli_cluster_where(c, &where, &named);

	there = !rc && (named || access(where, F_OK) == 0);
	free(where);
	return rc || !there ? rc : cli_cluster_open(c, out);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct functions f = { .c.command = cmd };
	snek_cluster *cluster = NULL;
	int rc = cli_option_parse(&f.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if ((rc = open_cluster(&f.c, &cluster)))
		return rc;
	rc = argc ? show(&f, cluster, argv[0]) : list(&f, cluster);
	snek_cluster_close(cluster);
	return cli_out_end(&f.c, rc);
}

const struct cli_command cli_functions = {
	"snek", "functions", "[NAME]",
	"List the functions, or tell what one does and takes",
	NULL, 0, 1, options, run
};
