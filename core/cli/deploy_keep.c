/* SPDX-License-Identifier: MIT */
/* deploy_keep.c - before a stack goes: what it holds, and a copy of it. */
#include "cli/deploy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMED = 8, SHARDS = 4 };

struct keep {
	const struct deploy *d;
	const char *stack;
	char **name;                    /* of categories */
	size_t n;
	uint64_t records;
	bool nomem;
};

/* ---- what there is ---- */

static int take(void *arg, const struct snek_category_info *i)
{
	struct keep *k = arg;
	char **more = realloc(k->name, (k->n + 1) * sizeof(*more));

	if (more)
		k->name = more;
	if (!more || !(k->name[k->n] = strdup(i->name))) {
		k->nomem = true;
		return 1;
	}
	k->n++;
	k->records += i->records;
	return 0;
}

static void tell(const struct keep *k)
{
	size_t i;

	if (k->d->c.quiet)
		return;
	fprintf(stderr, "%s holds %s record%s in %zu categor%s:", k->stack,
	    cli_number_grouped(k->records).s, k->records == 1 ? "" : "s", k->n,
	    k->n == 1 ? "y" : "ies");
	for (i = 0; i < k->n && i < NAMED; i++)
		fprintf(stderr, "%s %s", i ? "," : "", k->name[i]);
	fputs(i < k->n ? " ...\n" : "\n", stderr);
}

/* ---- where to ---- */

/* An empty line is NULL, too. */
static char *ask(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return NULL;
	fputs("copy them first, as snek copy does?  Into which cluster: a "
	    "directory with a \"/\",\na URL or a profile; an empty line copies "
	    "nothing: ", stderr);
	fflush(stderr);
	n = getline(&line, &size, stdin);
	if (n > 0 && line[n - 1] == '\n')
		line[--n] = '\0';
	if (n > 0)
		return line;
	free(line);
	return NULL;
}

/* A directory that is not there yet is made. */
static int open_to(const struct keep *k, const char *to, snek_cluster **out)
{
	struct snek_cluster_options o = { .size = sizeof(o), .shards = SHARDS,
		.level = SHARDS };
	struct snek_error e = { 0 };
	int rc = cli_cluster_at(&k->d->c, to, out, &e);

	if (rc == SNEK_ENOENT && !strstr(to, "://") && (strchr(to, '/') ||
	    *to == '.')) {
		rc = snek_cluster_create(to, &o, &e);
		if (!rc)
			rc = cli_cluster_at(&k->d->c, to, out, &e);
	}
	return rc < 0 ? cli_error_of(&k->d->c, rc, &e, to, NULL) : 0;
}

/* ---- copying ---- */

static int on_progress(void *arg, uint64_t done, uint64_t of)
{
	(void)arg;
	(void)done;
	(void)of;
	return cli_signal_caught() ? SNEK_ECANCELED : 0;
}

static int copy_one(const struct keep *k, snek_cluster *from,
    snek_cluster *to, const char *category)
{
	struct snek_copy_options o = { .size = sizeof(o),
		.progress = on_progress };
	struct snek_copy_report r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	int rc = snek_category_copy(from, category, to, &o, &r, &e);

	if (rc == SNEK_ECANCELED && cli_signal_caught())
		return cli_signal_exit(&k->d->c, "nothing was removed; the same "
		    "command goes on with the copy");
	if (rc < 0)
		return cli_error_of(&k->d->c, rc, &e, category, "nothing was "
		    "removed; the same command goes on with the copy");
	cli_error_say(&k->d->c, "%s: %s records there, read back and the same",
	    category, cli_number_grouped(r.records).s);
	return 0;
}

static int copy_all(const struct keep *k, snek_cluster *from, const char *to)
{
	snek_cluster *there = NULL;
	size_t i;
	int rc = open_to(k, to, &there);

	for (i = 0; !rc && i < k->n; i++)
		rc = copy_one(k, from, there, k->name[i]);
	snek_cluster_close(there);
	return rc;
}

static int keep(struct keep *k, snek_cluster *from)
{
	const char *to = k->d->copy_to;
	char *asked = NULL;
	int rc = 0;

	if (!k->n) {
		cli_error_say(&k->d->c, "%s holds no categories", k->stack);
		return 0;
	}
	tell(k);
	if (!to)
		to = asked = ask();
	if (to)
		rc = copy_all(k, from, to);
	free(asked);
	return rc;
}

int deploy_keep(const struct deploy *d, const char *stack)
{
	struct keep k = { .d = d, .stack = stack };
	struct snek_error e = { 0 };
	snek_cluster *from = NULL;
	int rc;

	rc = cli_cluster_at(&d->c, stack, &from, &e);
	if (!rc)
		rc = snek_category_list(from, take, &k, &e);
	if (k.nomem)
		rc = SNEK_ENOMEM;
	if (rc >= 0)
		rc = keep(&k, from);
	else if (d->copy_to)
		rc = cli_error_of(&d->c, rc, &e, stack, "nothing was removed");
	else {
		cli_error_say(&d->c, "what %s holds cannot be seen from here: "
		    "%s", stack, *e.text ? e.text : snek_strerror(rc));
		rc = 0;
	}
	while (k.n)
		free(k.name[--k.n]);
	free(k.name);
	snek_cluster_close(from);
	return rc;
}
