/* SPDX-License-Identifier: MIT */
#include "cli/lambda.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct functions {
	struct cli c;
	struct cli_lambda at;
	struct cli_grid *grid;
	snek_cluster *cluster;
	bool trust, cloud;
	const struct snek_function_info *now;   /* in a visit */
	char asked[65];                 /* the Lambda that was asked last, */
	struct cli_lambda_words answer; /* and what came of it */
};

static const struct cli_option options[] = {
	{ "trust", 0, CLI_FLAG, CLI_AT(functions, trust), NULL,
	  "look at plugins without the sandbox" },
	{ "cloud", 0, CLI_FLAG, CLI_AT(functions, cloud), NULL,
	  "ask AWS what their Lambdas are like" },
	CLI_OPTIONS_LAMBDA(functions),
	CLI_OPTION_JSON,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

/* ---- AWS ---- */

/* Not to be reached is told, and no failure: answer says why, then. */
static int ask(struct functions *f, const struct snek_function_info *i,
    int (*visit)(void *, const struct snek_lambda_info *))
{
	struct snek_lambda_options o = { 0 };
	struct snek_error e = { 0 };
	int rc;

	cli_lambda_options(&f->at, &o);
	f->now = i;
	rc = snek_lambda_get(f->cluster, i->name, &o, visit, f, &e);
	if (rc < 0)
		snprintf(f->answer.s, sizeof(f->answer.s), "cannot be asked: "
		    "%.230s", *e.text ? e.text : snek_strerror(rc));
	return rc;
}

static int note_state(void *arg, const struct snek_lambda_info *l)
{
	struct functions *f = arg;

	snprintf(f->answer.s, sizeof(f->answer.s), "%.100s, %s%s%.120s",
	    cli_lambda_words(l, !f->grid).s, l->state, l->differs ? "; differs: " : "",
	    l->differs ? l->differs : "");
	return 0;
}

/* The functions of one plugin stand together, and share one. */
static const char *tell(struct functions *f, const struct snek_function_info *i)
{
	const char *differs = cli_lambda_differs(i);

	if (!i->lambda)
		return "";
	if (!f->cloud) {
		snprintf(f->answer.s, sizeof(f->answer.s), "%.120s%s%.100s",
		    cli_lambda_words(i->lambda, !f->grid).s, differs ? "; differs: " : "",
		    differs ? differs : "");
		return f->answer.s;
	}
	if (strcmp(f->asked, i->lambda->name) != 0)
		ask(f, i, note_state);
	snprintf(f->asked, sizeof(f->asked), "%.64s", i->lambda->name);
	return f->answer.s;
}

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

static void put_json(const struct snek_function_info *i,
    const struct snek_lambda_info *l)
{
	size_t k;

	cli_out_begin(stdout, "function");
	cli_out_text(stdout, "name", i->name);
	cli_out_text(stdout, "summary", i->summary);
	cli_out_text(stdout, "version", i->version);
	cli_out_text(stdout, "origin", i->origin);
	cli_out_text(stdout, "path", i->path);
	cli_out_text(stdout, "sha256", *i->sha256 ? i->sha256 : NULL);
	cli_out_number(stdout, "generation", i->generation);
	cli_out_text(stdout, "reducer", i->reducer);
	cli_out_text(stdout, "function_kind", i->kind);
	if (i->url)
		cli_out_text(stdout, "url", i->url);
	if (i->function)
		put_call(i);
	if (l)
		cli_lambda_json(l);
	fputs(",\"args\":[", stdout);
	for (k = 0; k < i->args; k++) {
		if (k)
			putchar(',');
		put_arg(&i->arg[k]);
	}
	putchar(']');
	cli_out_close(stdout);
}

static int visit_cloud_json(void *arg, const struct snek_lambda_info *l)
{
	const struct functions *f = arg;

	put_json(f->now, l);
	return 0;
}

static int visit_json(void *arg, const struct snek_function_info *i)
{
	struct functions *f = arg;
	struct snek_lambda_info l;

	if (i->lambda && f->cloud && !ask(f, i, visit_cloud_json))
		return 0;
	if (i->lambda) {
		l = *i->lambda;
		l.differs = f->cloud ? f->answer.s : cli_lambda_differs(i);
	}
	put_json(i, i->lambda ? &l : NULL);
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
	struct functions *f = arg;
	struct cli_grid *g;
	bool ok;

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
	if (i->lambda) {
		cli_grid_field(g, "lambda", tell(f, i));
		cli_grid_field(g, "arn", i->lambda->arn);
		cli_grid_count(g, "memory", i->lambda->memory_mb);
		cli_grid_count(g, "timeout", i->lambda->timeout_s);
	}
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
	cli_grid_text(f->grid, tell(f, i));
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
	cli_grid_head(f->grid, "lambda", 6);
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
	f.cluster = cluster;
	rc = argc ? show(&f, cluster, argv[0]) : list(&f, cluster);
	snek_cluster_close(cluster);
	return cli_out_end(&f.c, rc);
}

const struct cli_command cli_functions = {
	"snek", "functions", "[NAME]",
	"List the functions, or tell what one does and takes",
	NULL, 0, 1, options, run
};
