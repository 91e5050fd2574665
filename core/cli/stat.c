/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <time.h>

enum { FOLLOW_SECONDS = 2, FOLLOW_MOST = 86400 };

struct stat_cli {
	struct cli c;
	const char *follow;             /* seconds; "": as usual */
	struct snek_cluster_stat all;
	struct snek_shard_stat *shard;  /* locations are the cluster's */
	size_t n;
};

static const struct cli_option options[] = {
	{ "follow", 0, CLI_MAYBE_SECONDS, CLI_AT(stat_cli, follow), "SECONDS",
	  "repeat it, every 2 seconds, until interrupted" },
	CLI_OPTION_JSON,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int gather(void *arg, const struct snek_shard_stat *i)
{
	struct stat_cli *s = arg;
	struct snek_shard_stat *p = realloc(s->shard,
	    (s->n + 1) * sizeof(*p));

	if (!p)
		return SNEK_ENOMEM;
	s->shard = p;
	p[s->n++] = *i;
	return 0;
}

/* The fullest shard against the average: 1 is even. */
static double balance(const struct stat_cli *s)
{
	double most = 0, sum = 0;
	size_t i;

	for (i = 0; i < s->n; i++) {
		sum += (double)s->shard[i].bytes;
		if ((double)s->shard[i].bytes > most)
			most = (double)s->shard[i].bytes;
	}
	return sum > 0 ? most * (double)s->n / sum : 1;
}

/* ---- as JSON ---- */

static void put_json_memory(uint64_t used, uint64_t max, uint64_t clients)
{
	cli_out_number(stdout, "used_memory", used);
	if (max) {
		cli_out_number(stdout, "max_memory", max);
		cli_out_number(stdout, "headroom", used < max ? max - used : 0);
	} else {
		cli_out_text(stdout, "max_memory", NULL);
		cli_out_text(stdout, "headroom", NULL);
	}
	cli_out_number(stdout, "clients", clients);
}

static void put_json_shard(const struct snek_shard_stat *i, bool server)
{
	printf("{\"shard\":%u", i->shard);
	cli_out_number(stdout, "chunks", i->chunks);
	cli_out_number(stdout, "records", i->records);
	cli_out_number(stdout, "bytes", i->bytes);
	cli_out_number(stdout, "segments", i->segments);
	cli_out_number(stdout, "garbage", i->garbage);
	cli_out_number(stdout, "garbage_bytes", i->garbage_bytes);
	cli_out_number(stdout, "writing", i->writing);
	cli_out_number(stdout, "writing_bytes", i->writing_bytes);
	if (server)
		put_json_memory(i->used_memory, i->max_memory, i->clients);
	else
		cli_out_number(stdout, "free", i->free_bytes);
	cli_out_text(stdout, "location", i->location);
	putchar('}');
}

static void put_json(const struct stat_cli *s, const char *category)
{
	const struct snek_cluster_stat *a = &s->all;
	size_t i;

	cli_out_begin(stdout, "stat");
	cli_out_text(stdout, "category", category);
	cli_out_number(stdout, "categories", a->categories);
	cli_out_number(stdout, "writes", a->writes);
	cli_out_number(stdout, "records", a->records);
	cli_out_number(stdout, "bytes", a->bytes);
	cli_out_number(stdout, "inlined", a->inlined);
	cli_out_number(stdout, "inlined_bytes", a->inlined_bytes);
	if (!a->servers)
		cli_out_number(stdout, "meta_bytes", a->meta_bytes);
	cli_out_number(stdout, "garbage", a->garbage);
	cli_out_number(stdout, "garbage_bytes", a->garbage_bytes);
	cli_out_number(stdout, "writing", a->writing);
	cli_out_number(stdout, "writing_bytes", a->writing_bytes);
	if (a->servers)
		put_json_memory(a->used_memory, a->max_memory, a->clients);
	else
		cli_out_number(stdout, "free", a->free_bytes);
	cli_out_real(stdout, "balance", balance(s));
	fputs(",\"shards\":[", stdout);
	for (i = 0; i < s->n; i++) {
		if (i)
			putchar(',');
		put_json_shard(&s->shard[i], a->servers);
	}
	putchar(']');
	cli_out_close(stdout);
}

/* ---- for people ---- */

/* The server that has the meta store. */
static void put_meta(struct cli_grid *g, const struct snek_cluster_stat *a)
{
	cli_grid_count(g, "meta memory", a->used_memory);
	if (a->max_memory)
		cli_grid_count(g, "meta headroom", a->used_memory <
		    a->max_memory ? a->max_memory - a->used_memory : 0);
	cli_grid_count(g, "meta clients", a->clients);
}

static void put_all(struct cli_grid *g, const struct stat_cli *s,
    const char *category)
{
	const struct snek_cluster_stat *a = &s->all;
	char text[16];

	cli_grid_field(g, "category", category);
	if (!category)
		cli_grid_count(g, "categories", a->categories);
	cli_grid_count(g, "writes", a->writes);
	cli_grid_count(g, "records", a->records);
	cli_grid_count(g, "bytes", a->bytes);
	cli_grid_count(g, "inline chunks", a->inlined);
	cli_grid_count(g, "inline bytes", a->inlined_bytes);
	snprintf(text, sizeof(text), "%.2f", balance(s));
	cli_grid_field(g, "balance", text);
	if (!category) {
		if (!a->servers)
			cli_grid_count(g, "meta bytes", a->meta_bytes);
		cli_grid_count(g, "garbage segments", a->garbage);
		cli_grid_count(g, "garbage bytes", a->garbage_bytes);
		cli_grid_count(g, "open segments", a->writing);
		cli_grid_count(g, "open bytes", a->writing_bytes);
		if (!a->servers)
			cli_grid_count(g, "free bytes", a->free_bytes);
	}
	if (a->servers && !category)
		put_meta(g, a);
}

static void put_server(struct cli_grid *g, const struct snek_shard_stat *i)
{
	cli_grid_number(g, i->used_memory);
	if (i->max_memory)
		cli_grid_number(g, i->used_memory < i->max_memory ?
		    i->max_memory - i->used_memory : 0);
	else
		cli_grid_put(g, CLI_CELL_NUMBER, "-", 1);
	cli_grid_number(g, i->clients);
}

static void put_shard(struct cli_grid *g, const struct snek_shard_stat *i,
    bool garbage, bool server)
{
	if (!cli_grid_is_aligned(g))
		cli_grid_text(g, "shard");
	cli_grid_number(g, i->shard);
	cli_grid_number(g, i->segments);
	cli_grid_number(g, i->chunks);
	cli_grid_number(g, i->records);
	cli_grid_number(g, i->bytes);
	if (garbage)
		cli_grid_number(g, i->garbage_bytes);
	if (server)
		put_server(g, i);
	else
		cli_grid_number(g, i->free_bytes);
	cli_grid_text(g, i->location);
	cli_grid_row(g);
}

static void put_shards(struct cli_grid *g, const struct stat_cli *s,
    bool garbage)
{
	size_t i;

	cli_grid_head(g, "shard", 5);
	cli_grid_head(g, "segments", 8);
	cli_grid_head(g, "chunks", 6);
	cli_grid_head(g, "records", 7);
	cli_grid_head(g, "bytes", 5);
	if (garbage)
		cli_grid_head(g, "garbage", 7);
	if (s->all.servers) {
		cli_grid_head(g, "memory", 6);
		cli_grid_head(g, "headroom", 8);
		cli_grid_head(g, "clients", 7);
	} else {
		cli_grid_head(g, "free", 4);
	}
	cli_grid_head(g, "location", 8);
	for (i = 0; i < s->n; i++)
		put_shard(g, &s->shard[i], garbage, s->all.servers);
}

static int print(const struct stat_cli *s, const char *category)
{
	struct cli_grid *g;
	bool ok;

	if (s->c.json) {
		put_json(s, category);
		return 0;
	}
	g = cli_grid_of_stdout();
	if (!g)
		return SNEK_ENOMEM;
	put_all(g, s, category);
	cli_grid_again(g);
	put_shards(g, s, !category);
	ok = cli_grid_end(g);
	cli_grid_free(g);
	return ok ? 0 : SNEK_ENOMEM;
}

static int once(struct stat_cli *s, snek_cluster *cluster,
    const char *category)
{
	struct snek_error e = { 0 };
	int rc;

	s->n = 0;
	rc = snek_cluster_stat(cluster, category, gather, s, &s->all, &e);
	if (!rc)
		rc = print(s, category);
	if (rc < 0)
		rc = cli_error_of(&s->c, rc, &e, category,
		    rc == SNEK_ENOENT ? "snek ls lists what there is" : NULL);
	return cli_out_end(&s->c, rc);
}

/* A signal ends it. */
static int follow(struct stat_cli *s, snek_cluster *cluster,
    const char *category)
{
	double seconds = *s->follow ? strtod(s->follow, NULL) : FOLLOW_SECONDS;
	struct timespec pause = { (time_t)seconds, (long)((seconds -
	    (double)(time_t)seconds) * 1e9) };
	int rc;

	while (!(rc = once(s, cluster, category))) {
		nanosleep(&pause, NULL);
		if (!s->c.json)
			putchar('\n');
	}
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct stat_cli s = { .c.command = cmd, .all.size = sizeof(s.all) };
	snek_cluster *cluster = NULL;
	int rc = cli_option_parse(&s.c, &argc, &argv);
	const char *category = argc ? argv[0] : NULL;

	if (rc != CLI_GO)
		return rc;
	if (s.follow && *s.follow && (strtod(s.follow, NULL) < 0.1 ||
	    strtod(s.follow, NULL) > FOLLOW_MOST))
		return cli_error_usage(&s.c, "--follow=%s: from 0.1 to 86400 "
		    "seconds", s.follow);
	if ((rc = cli_cluster_open(&s.c, &cluster)))
		return rc;
	rc = s.follow ? follow(&s, cluster, category) :
	    once(&s, cluster, category);
	free(s.shard);
	snek_cluster_close(cluster);
	return rc;
}

const struct cli_command cli_stat = {
	"snek", "stat", "[CATEGORY]",
	"Tell how much there is, where, and what is garbage",
	NULL, 0, 1, options, run
};
