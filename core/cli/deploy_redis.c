/* SPDX-License-Identifier: MIT */
/* Clusters on servers: made, given more servers, taken down. */
#include "cli/deploy.h"

#include <stdlib.h>
#include <string.h>

enum { SERVERS_MAX = 1024 };

/* What was asked for, with its texts. */
struct asked {
	struct snek_cluster_options o;
	const char *server[SERVERS_MAX];
	char *urls;                     /* that they point into */
	char *file[4];
};

static int no_memory(const struct deploy *d)
{
	return cli_error(&d->c, SNEK_ENOMEM, NULL, NULL, "out of memory");
}

static int split(const struct deploy *d, struct asked *a)
{
	char *p, *rest;

	a->urls = rest = strdup(d->redis);
	if (!rest)
		return no_memory(d);
	while ((p = strsep(&rest, ","))) {
		if (!strstr(p, "://"))
			return cli_error_usage(&d->c, "--redis: \"%s\" is no "
			    "URL such as redis://HOST:PORT", strrchr(p, '@') ?
			    strrchr(p, '@') : p);
		if (a->o.servers == SERVERS_MAX)
			return cli_error_usage(&d->c, "--redis: at most %d "
			    "servers", SERVERS_MAX);
		a->server[a->o.servers++] = p;
	}
	a->o.server = a->server;
	return 0;
}

/* Files are remembered by a profile, which is read elsewhere. */
static int file(const struct deploy *d, const char *path, char **own,
    const char **out)
{
	if (!path)
		return 0;
	*own = realpath(path, NULL);
	*out = *own;
	return *own ? 0 : cli_error_file(&d->c, path);
}

static int understand(const struct deploy *d, struct asked *a)
{
	int rc = split(d, a);

	a->o.size = sizeof(a->o);
	a->o.level = (uint32_t)cli_option_count(d->level, 0);
	a->o.user = d->user;
	a->o.server_name = d->server_name;
	a->o.profile = d->name;
	a->o.waiting = cli_cluster_waiting;
	a->o.waiting_arg = (void *)(uintptr_t)&d->c;
	a->o.allow_eviction = d->allow_eviction;
	if (!rc)
		rc = file(d, d->password_file, &a->file[0], &a->o.password_file);
	if (!rc)
		rc = file(d, d->ca_file, &a->file[1], &a->o.ca_file);
	if (!rc)
		rc = file(d, d->cert_file, &a->file[2], &a->o.cert_file);
	return rc ? rc : file(d, d->key_file, &a->file[3], &a->o.key_file);
}

static int grow(const struct deploy *d, const struct asked *a,
    const char *where, uint32_t *added)
{
	struct snek_error e = { 0 };
	int rc = snek_cluster_grow(where, &a->o, added, &e);

	return rc < 0 ? cli_error_of(&d->c, rc, &e, d->redis, NULL) : 0;
}

static int tell(const struct deploy *d, const char *where, bool made,
    uint32_t added)
{
	struct snek_cluster_info i = { .size = sizeof(i) };
	int rc = deploy_info(&d->c, where, &i);

	if (rc)
		return rc;
	if (d->c.json)
		deploy_put_json(i.where, &i, made || added);
	else if (made)
		deploy_say(&d->c, i.where, "new cluster,", &i);
	else if (added)
		cli_error_say(&d->c, "%s: %u more shard%s: %u, level %u; "
		    "old categories stay where they are (snek copy moves one)",
		    i.where, added, added == 1 ? "" : "s", i.shards, i.level);
	else
		deploy_say(&d->c, i.where, "nothing to change:", &i);
	return cli_out_end(&d->c, deploy_target(d, where));
}

static int make(const struct deploy *d, const struct asked *a)
{
	const char *meta = d->meta ? d->meta : a->server[0];
	const char *where = d->name ? d->name : meta;
	struct snek_error e = { 0 };
	uint32_t added = 0;
	int made = snek_cluster_create(meta, &a->o, &e);
	int rc = 0;

	if (made < 0 && made != SNEK_EEXIST)
		return cli_error_of(&d->c, made, &e, d->redis, NULL);
	if (made == SNEK_EEXIST)
		rc = grow(d, a, where, &added);
	return rc ? rc : tell(d, where, made >= 0, added);
}

int deploy_redis(const struct deploy *d)
{
	struct asked a = { 0 };
	size_t i;
	int rc = understand(d, &a);

	if (!rc)
		rc = make(d, &a);
	for (i = 0; i < sizeof(a.file) / sizeof(*a.file); i++)
		free(a.file[i]);
	free(a.urls);
	return rc;
}

/* ---- taking down ---- */

/* What can still be told of it: destroying goes on where it was broken off. */
static int look(const struct deploy *d, const char *where,
    struct snek_cluster_info *i, char *what, size_t size)
{
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	int rc = cli_cluster_at(&d->c, where, &cluster, &e);

	snprintf(i->where, sizeof(i->where), "%s", where);
	if (rc >= 0)
		rc = snek_cluster_info(cluster, i, &e);
	snek_cluster_close(cluster);
	if (rc == SNEK_ENOENT || rc == SNEK_EACCES || rc == SNEK_EINVAL)
		return cli_error_of(&d->c, rc, &e, where, NULL);
	if (rc < 0)
		snprintf(what, size, "what is left of it (%.200s)", e.text);
	else
		snprintf(what, size, "its %s categories",
		    cli_number_grouped(i->categories).s);
	return 0;
}

static int ask(const struct deploy *d, const char *where, const char *what)
{
	char question[1024];
	int yes = 1;

	snprintf(question, sizeof(question), "Remove the cluster at %.300s with "
	    "%s?", where, what);
	if (!d->yes)
		yes = cli_tty_ask(question);
	if (yes < 0)
		return cli_error_usage(&d->c, "%s: not removed: there is no "
		    "terminal to ask on, say --yes", where);
	if (!yes)
		return cli_error(&d->c, SNEK_OK, where, NULL, "not removed");
	return 0;
}

int deploy_destroy(const struct deploy *d, const char *where)
{
	struct snek_cluster_info i = { .size = sizeof(i) };
	struct snek_error e = { 0 };
	char what[256];
	int rc = look(d, where, &i, what, sizeof(what));

	if (rc || (rc = ask(d, i.where, what)))
		return rc;
	rc = snek_cluster_destroy(where, &e);
	if (rc < 0)
		return cli_error_of(&d->c, rc, &e, where, NULL);
	if (d->c.json) {
		cli_out_begin(stdout, "destroyed");
		cli_out_text(stdout, "location", i.where);
		cli_out_number(stdout, "categories", i.categories);
		cli_out_close(stdout);
	} else {
		cli_error_say(&d->c, "%s: removed", i.where);
	}
	return cli_out_end(&d->c, 0);
}
