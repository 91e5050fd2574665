/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { EXAMPLE = 60 };          /* bytes of one in a table */

struct describe {
	struct cli c;
	const char *limit, *records;
	bool all;
	struct cli_grid *grid;
	/* Shares are of the records looked at, known at the end only. */
	struct path *path;
	size_t n;
};

struct path {
	struct snek_path_info i;
	char *text, *example;
};

static const struct cli_option options[] = {
	{ "all", 'a', CLI_FLAG, CLI_AT(describe, all), NULL,
	  "look at all records, however many" },
	{ "limit", 0, CLI_COUNT, CLI_AT(describe, limit), "N",
	  "tell at most so many paths; default: 1000" },
	{ "records", 0, CLI_COUNT, CLI_AT(describe, records), "N",
	  "look at about so many records; default: 10000000" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static const struct type {
	const char *name;
	size_t at;
} types[] = {
	{ "null", offsetof(struct snek_path_info, nulls) },
	{ "bool", offsetof(struct snek_path_info, bools) },
	{ "int", offsetof(struct snek_path_info, ints) },
	{ "double", offsetof(struct snek_path_info, doubles) },
	{ "string", offsetof(struct snek_path_info, strings) },
	{ "array", offsetof(struct snek_path_info, arrays) },
	{ "object", offsetof(struct snek_path_info, objects) },
};
enum { TYPES = sizeof(types) / sizeof(*types) };

static uint64_t count_of(const struct snek_path_info *i, size_t type)
{
	return *(const uint64_t *)(const void *)((const char *)i +
	    types[type].at);
}

/* ---- gathering ---- */

static char *json_of(struct snek_value v)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc = f ? snek_value_json(v, f) : SNEK_ENOMEM;

	if (f && fclose(f))
		rc = SNEK_ENOMEM;
	if (!rc)
		return text;
	free(text);
	return NULL;
}

static int gather(void *arg, const struct snek_path_info *i)
{
	struct describe *d = arg;
	struct path *p = realloc(d->path, (d->n + 1) * sizeof(*p));

	if (!p)
		return SNEK_ENOMEM;
	d->path = p;
	p += d->n;
	p->i = *i;
	p->text = malloc(i->path_len + 1);
	p->example = i->example.type ? json_of(i->example) : strdup("");
	d->n++;
	if (!p->text || !p->example)
		return SNEK_ENOMEM;
	memcpy(p->text, i->path, i->path_len + 1);
	return 0;
}

/* ---- as JSON ---- */

static void put_share(const char *name, uint64_t some, uint64_t all)
{
	printf(",\"%s\":%.6f", name, all ? (double)some / (double)all : 0.0);
}

static void put_json(const struct path *p, uint64_t looked_at)
{
	const char *comma = "";
	size_t t;

	cli_out_begin(stdout, "path");
	fputs(",\"path\":", stdout);
	cli_out_string(stdout, p->text, p->i.path_len);
	cli_out_number(stdout, "records", p->i.records);
	cli_out_number(stdout, "values", p->i.values);
	put_share("present", p->i.records, looked_at);
	put_share("null", p->i.nulls, p->i.values);
	fputs(",\"types\":{", stdout);
	for (t = 0; t < TYPES; t++)
		if (count_of(&p->i, t)) {
			printf("%s\"%s\":%llu", comma, types[t].name,
			    (unsigned long long)count_of(&p->i, t));
			comma = ",";
		}
	printf("},\"example\":%s", *p->example ? p->example : "null");
	cli_out_close(stdout);
}

static void put_summary(const char *category,
    const struct snek_describe_report *r)
{
	cli_out_begin(stdout, "description");
	cli_out_text(stdout, "category", category);
	cli_out_number(stdout, "records", r->records);
	cli_out_number(stdout, "looked_at", r->looked_at);
	cli_out_number(stdout, "left_out", r->left_out);
	cli_out_close(stdout);
}

/* ---- for people ---- */

/* No share is 0 or 100 % unless it is all or nothing. */
static struct cli_text percent(uint64_t some, uint64_t all)
{
	double share = all ? 100 * (double)some / (double)all : 0;
	struct cli_text t;

	if (some && share < 0.1)
		share = 0.1;
	if (some < all && share > 99.9)
		share = 99.9;
	snprintf(t.s, sizeof(t.s), "%.1f %%", share);
	return t;
}

/* "string", or "int 75.0 %, string 25.0 %": of what is not null; in a pipe
 * "int:3,string:1". */
static void put_types(struct cli_grid *g, const struct snek_path_info *i)
{
	uint64_t rest = i->values - i->nulls, n;
	bool table = cli_grid_is_aligned(g);
	struct cli_text share = { "" };
	char text[256] = "";
	size_t t, at = 0;

	for (t = 1; t < TYPES; t++) {
		n = count_of(i, t);
		if (!n)
			continue;
		if (!table)
			snprintf(share.s, sizeof(share.s), ":%llu",
			    (unsigned long long)n);
		else if (n < rest)
			snprintf(share.s, sizeof(share.s), " %.40s",
			    percent(n, rest).s);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s%s",
		    !at ? "" : table ? ", " : ",", types[t].name, share.s);
	}
	cli_grid_text(g, at || !table ? text : "null");
}

static void put_example(struct cli_grid *g, const char *text)
{
	size_t n = strlen(text);
	char cut[EXAMPLE + 4];

	if (n <= EXAMPLE) {
		cli_grid_text(g, text);
		return;
	}
	for (n = EXAMPLE - 3; n && (text[n] & 0xc0) == 0x80; n--)
		;
	snprintf(cut, sizeof(cut), "%.*s...", (int)n, text);
	cli_grid_text(g, cut);
}

static void put_part(struct cli_grid *g, uint64_t some, uint64_t all)
{
	struct cli_text t = percent(some, all);

	if (!cli_grid_is_aligned(g))
		snprintf(t.s, sizeof(t.s), "%.6f",
		    all ? (double)some / (double)all : 0.0);
	cli_grid_put(g, CLI_CELL_NUMBER, t.s, strlen(t.s));
}

static void put_row(struct cli_grid *g, const struct path *p, uint64_t looked_at)
{
	cli_grid_put(g, CLI_CELL_TEXT, p->text, p->i.path_len);
	put_types(g, &p->i);
	put_part(g, p->i.records, looked_at);
	put_part(g, p->i.nulls, p->i.values);
	put_example(g, p->example);
	cli_grid_row(g);
}

static void put_head(struct cli_grid *g)
{
	cli_grid_head(g, "path", 4);
	cli_grid_head(g, "type", 4);
	cli_grid_head(g, "present", 7);
	cli_grid_head(g, "null", 4);
	cli_grid_head(g, "example", 7);
}

static void put_notes(const struct cli *c, const struct snek_describe_report *r)
{
	if (r->looked_at < r->records)
		cli_error_say(c, "looked at %s of %s records; --all looks at "
		    "every one", cli_number_grouped(r->looked_at).s,
		    cli_number_grouped(r->records).s);
	if (r->left_out)
		cli_error_say(c, "values at paths that are not shown: %s; "
		    "--limit N shows more",
		    cli_number_grouped(r->left_out).s);
}

/* ---- the command ---- */

static int print(struct describe *d, const char *category,
    const struct snek_describe_report *r)
{
	size_t i;

	for (i = 0; i < d->n && d->c.json; i++)
		put_json(&d->path[i], r->looked_at);
	if (d->c.json) {
		put_summary(category, r);
		return 0;
	}
	d->grid = cli_grid_of_stdout();
	if (!d->grid)
		return SNEK_ENOMEM;
	put_head(d->grid);
	for (i = 0; i < d->n; i++)
		put_row(d->grid, &d->path[i], r->looked_at);
	if (!cli_grid_end(d->grid))
		return SNEK_ENOMEM;
	put_notes(&d->c, r);
	return 0;
}

static int describe(struct describe *d, snek_cluster *cluster,
    const char *category)
{
	struct snek_describe_options o = { .size = sizeof(o) };
	struct snek_describe_report r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	int rc;

	o.records = d->all ? UINT64_MAX : cli_option_count(d->records, 0);
	o.paths = (uint32_t)cli_option_count(d->limit, 0);
	rc = snek_category_describe(cluster, category, &o, gather, d, &r, &e);
	if (!rc)
		rc = print(d, category, &r);
	if (rc < 0)
		return cli_error_of(&d->c, rc, &e, category,
		    rc == SNEK_ENOENT ? "snek ls lists what there is" : NULL);
	return 0;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct describe d = { .c.command = cmd };
	snek_cluster *cluster = NULL;
	uint64_t limit;
	int rc = cli_option_parse(&d.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	limit = cli_option_count(d.limit, 1);
	if (limit < 1 || limit > 1 << 20)
		return cli_error_usage(&d.c, "--limit %s: at least 1 and at "
		    "most %d", d.limit, 1 << 20);
	if (d.records && (d.all || !cli_option_count(d.records, 0)))
		return cli_error_usage(&d.c, "--records %s: at least 1, and not "
		    "with --all", d.records);
	if ((rc = cli_cluster_open(&d.c, &cluster)))
		return rc;
	rc = describe(&d, cluster, argv[0]);
	cli_grid_free(d.grid);
	while (d.n) {
		free(d.path[--d.n].text);
		free(d.path[d.n].example);
	}
	free(d.path);
	snek_cluster_close(cluster);
	return cli_out_end(&d.c, rc);
}

const struct cli_command cli_describe = {
	"snek", "describe", "CATEGORY",
	"Tell what is in a category's records",
	NULL, 1, 1, options, run
};
