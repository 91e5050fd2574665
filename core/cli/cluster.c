/* SPDX-License-Identifier: MIT */
/* Which cluster a command means, and its first use. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SHARDS = 4 };

static int no_memory(const struct cli *c)
{
	return cli_error(c, SNEK_ENOMEM, NULL, NULL, "out of memory");
}

static int own(const struct cli *c, char **where)
{
	const char *base = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n;

	if (base && *base == '/')
		n = asprintf(where, "%s/snek", base);
	else if (home && *home)
		n = asprintf(where, "%s/.local/share/snek", home);
	else
		return cli_error(c, SNEK_EINVAL, NULL,
		    "say --cluster WHERE", "no home directory: $HOME is not set");
	return n < 0 ? no_memory(c) : 0;
}

int cli_cluster_where(const struct cli *c, char **where, bool *named)
{
	const char *env = getenv("SNEK_CLUSTER");
	const char *name = c->cluster ? c->cluster : env;

	*named = c->cluster || (env && *env);
	if (!*named)
		return own(c, where);
	*where = strdup(name);
	return *where ? 0 : no_memory(c);
}

/* Parents of the user's own cluster; those of a named one are his affair. */
static int make_parents(const struct cli *c, char *where)
{
	char *slash;
	int rc;

	for (slash = strchr(where + 1, '/'); slash;
	    slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		rc = mkdir(where, 0700) < 0 && errno != EEXIST ?
		    cli_error_file(c, where) : 0;
		*slash = '/';
		if (rc)
			return rc;
	}
	return 0;
}

void cli_cluster_waiting(void *arg, const char *text)
{
	const struct cli *c = arg;

	if (c->json || c->quiet)
		return;
	fprintf(stderr, "%s: ", c->command->program);
	cli_out_plain(stderr, text);
	putc('\n', stderr);
}

int cli_cluster_at(const struct cli *c, const char *where, snek_cluster **out,
    struct snek_error *e)
{
	const struct snek_open_options o = { sizeof(o), cli_cluster_waiting,
		(void *)(uintptr_t)c };

	return snek_cluster_open_with(where, &o, out, e);
}

static int make(const struct cli *c, char *where)
{
	struct snek_cluster_options o = { .size = sizeof(o), .shards = SHARDS,
	    .level = SHARDS };
	struct snek_error e = { 0 };
	int rc;

	if ((rc = make_parents(c, where)))
		return rc;
	rc = snek_cluster_create(where, &o, &e);
	if (rc == SNEK_EEXIST)          /* somebody was faster */
		return 0;
	if (rc < 0)
		return cli_error_of(c, rc, &e, where, NULL);
	if (!c->json)
		cli_error_say(c, "%s: new cluster, %d shards, level %d", where,
		    SHARDS, SHARDS);
	return 0;
}

static int missing(const struct cli *c, const char *where, bool named,
    const struct snek_error *e)
{
	char cure[512];

	if (!named)
		snprintf(cure, sizeof(cure),
		    "the first snek write makes it, or say --cluster WHERE");
	else if (strstr(e->text, "://"))        /* also by a profile */
		snprintf(cure, sizeof(cure), "snek-deploy --redis URL,... makes "
		    "one; if there was one, its meta store was lost: bring it "
		    "back from a copy");
	else if (*where == '.' || strchr(where, '/'))
		snprintf(cure, sizeof(cure), "snek-deploy --local %s makes one",
		    where);
	else
		snprintf(cure, sizeof(cure), "for a directory say ./%s; "
		    "snek-deploy --name %s makes a profile", where, where);
	return cli_error_of(c, SNEK_ENOENT, e, where, cure);
}

static int open_at(const struct cli *c, char *where, bool named, bool may_make,
    snek_cluster **out)
{
	struct snek_error e = { 0 };
	int rc = cli_cluster_at(c, where, out, &e);

	if (rc == SNEK_ENOENT && may_make && !named) {
		if ((rc = make(c, where)))
			return rc;
		rc = cli_cluster_at(c, where, out, &e);
	}
	if (rc == SNEK_ENOENT)
		return missing(c, where, named, &e);
	return rc < 0 ? cli_error_of(c, rc, &e, where, NULL) : 0;
}

static int open_it(const struct cli *c, bool may_make, snek_cluster **out)
{
	char *where = NULL;
	bool named;
	int rc = cli_cluster_where(c, &where, &named);

	if (!rc)
		rc = open_at(c, where, named, may_make, out);
	free(where);
	return rc;
}

int cli_cluster_open(const struct cli *c, snek_cluster **out)
{
	return open_it(c, false, out);
}

int cli_cluster_make(const struct cli *c, snek_cluster **out)
{
	return open_it(c, true, out);
}
