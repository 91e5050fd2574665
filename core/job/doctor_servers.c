/* SPDX-License-Identifier: MIT */
/*
 * Does each server answer, hop by hop, and is it what a cluster needs?  A server
 * that fails keeps nobody from looking at the others.
 */
#include "job/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "category/cluster.h"

#define SLOW_US 50000           /* a round trip that is worth a word */
#define CLOCK_MS 30000          /* writers' leases are twice as long */
#define OLDEST 6                /* of versions that are tried */

/* ---- the way there ---- */

enum hop { NAME, CONNECT, TLS, AUTH, ANSWER, HOPS, ROLE = HOPS, NONE };

static const struct {
	const char *name, *good, *cure;
} hops[] = {
	{ "name", "known", "correct the name in the URL, or the resolver" },
	{ "connect", "a connection", "start the server; see its bind and port, "
	    "and firewalls between" },
	{ "tls", "certificate verified", "see ca-file, cert-file and "
	    "server-name in snek.conf(5), and whether the URL should say "
	    "rediss://" },
	{ "auth", "accepted", "correct user and password, or the ACL; see "
	    "snek.conf(5)" },
	{ "answer", "INFO and TIME", "see the server's log" },
	{ "role", NULL, "name single servers, or the primaries of replication "
	    "groups" },
};

static bool says(const struct snek_error *e, const char *what)
{
	return strstr(e->text, what) != NULL;
}

/* Our own module or files for TLS, before anything is dialled. */
static bool is_ours(const struct snek_error *e)
{
	return (e->code == SNEK_EINVAL && !says(e, "this is a ")) ||
	    e->code == SNEK_EVERSION;
}

/* Which hop an error is about: its text is ours. */
static enum hop hop_of(const struct snek_error *e)
{
	if ((says(e, "the name ") && says(e, " is not known")) ||
	    says(e, "looking up its name"))
		return NAME;
	if (says(e, "this is a "))
		return ROLE;
	if (says(e, "TLS") || says(e, "certificate") || is_ours(e))
		return TLS;
	if (says(e, "accepts connections"))
		return ANSWER;
	if (says(e, "cannot connect"))
		return CONNECT;
	if (e->code == SNEK_EACCES)
		return AUTH;
	return says(e, "cannot be reached") || says(e, "the time ") ? CONNECT :
	    ANSWER;
}

/* Hops that this server has. */
static bool has_hop(const struct sk_redis_url *u, enum hop h)
{
	return (h != NAME || u->host) && (h != TLS || u->tls) &&
	    (h != AUTH || u->password);
}

static void tell_hops(struct sk_doctor *d, const char *name,
    const struct sk_redis_url *u, const struct snek_error *e)
{
	enum hop h, bad = e->code ? hop_of(e) : NONE;

	for (h = NAME; h < HOPS && h < bad && !(e->code && is_ours(e)); h++)
		if (has_hop(u, h))
			sk_doctor_say(d, SNEK_CHECK_PASS, hops[h].name, NULL,
			    "%s: %s", name, hops[h].good);
	if (bad < NONE)
		sk_doctor_say(d, SNEK_CHECK_FAIL, hops[bad].name,
		    hops[bad].cure, "%s", e->text);
}

/* ---- what it is ---- */

static void check_role(struct sk_doctor *d, const char *name,
    const struct sk_redis_info *i)
{
	bool good = !strcmp(i->role, "master") && !i->cluster_mode &&
	    !i->loading;

	sk_doctor_say(d, good ? SNEK_CHECK_PASS : i->loading ? SNEK_CHECK_WARN :
	    SNEK_CHECK_FAIL, "role", good ? NULL : i->loading ?
	    "wait until it has loaded its data" : "name single servers, or "
	    "the primaries of replication groups", "%s: %s, %" PRIu32
	    " replica%s in sync%s", name, i->cluster_mode ?
	    "a node of a Redis Cluster" : !strcmp(i->role, "master") ?
	    "primary" : i->role, i->replicas, i->replicas == 1 ? "" : "s",
	    i->loading ? ", still loading" : "");
}

static void check_persistence(struct sk_doctor *d, const char *name,
    const struct sk_redis_info *i)
{
	if (i->alone == SK_DURABLE_MACHINE)
		sk_doctor_say(d, SNEK_CHECK_PASS, "persistence", NULL, "%s: "
		    "what it acknowledges survives power loss", name);
	else if (i->alone == SK_DURABLE_PROCESS)
		sk_doctor_say(d, SNEK_CHECK_PASS, "persistence", NULL, "%s: "
		    "survives the end of the process; %s", name, i->why);
	else
		sk_doctor_say(d, SNEK_CHECK_WARN, "persistence",
		    "set appendonly yes and appendfsync always, or write with "
		    "--durability replicated=N", "%s: %s", name, i->why);
}

static void check_eviction(struct sk_doctor *d, const char *name,
    const struct sk_redis_info *i, bool allowed)
{
	bool good = !strcmp(i->eviction, "noeviction");

	if (good || !i->eviction[0])
		sk_doctor_say(d, good ? SNEK_CHECK_PASS : SNEK_CHECK_WARN,
		    "eviction", good ? NULL : "see that its maxmemory-policy "
		    "is noeviction", "%s: %s", name, good ? "noeviction" :
		    "it does not tell its policy");
	else
		sk_doctor_say(d, allowed ? SNEK_CHECK_WARN : SNEK_CHECK_FAIL,
		    "eviction", "set maxmemory-policy to noeviction",
		    "%s: it throws data away when its memory is full (%s)",
		    name, i->eviction);
}

static void check_memory(struct sk_doctor *d, const char *name,
    const struct sk_redis_info *i)
{
	bool full = i->max_memory && i->used_memory / 9 >= i->max_memory / 10;

	if (i->max_memory)
		sk_doctor_say(d, full ? SNEK_CHECK_WARN : SNEK_CHECK_PASS,
		    "memory", full ? "raise maxmemory, remove data, or add "
		    "servers" : NULL, "%s: %s of %s used", name,
		    sk_doctor_bytes(i->used_memory).s,
		    sk_doctor_bytes(i->max_memory).s);
	else
		sk_doctor_say(d, SNEK_CHECK_PASS, "memory", NULL,
		    "%s: %s used, no maxmemory", name,
		    sk_doctor_bytes(i->used_memory).s);
}

static void check_version(struct sk_doctor *d, const char *name,
    const struct sk_redis_info *i)
{
	bool old = !strcmp(i->engine, "redis") &&
	    strtoul(i->version, NULL, 10) < OLDEST;

	sk_doctor_say(d, old ? SNEK_CHECK_WARN : SNEK_CHECK_PASS, "version",
	    old ? "install Redis 7 or Valkey" : NULL, "%s: %s %s", name,
	    i->engine, i->version);
}

static void check_latency(struct sk_doctor *d, const char *name,
    const struct sk_redis_info *i)
{
	bool slow = i->round_trip_us > SLOW_US;

	sk_doctor_say(d, slow ? SNEK_CHECK_WARN : SNEK_CHECK_PASS, "latency",
	    slow ? "run snek nearer to the servers" : NULL,
	    "%s: %.2f ms there and back", name, (double)i->round_trip_us / 1000);
}

static void check_clock(struct sk_doctor *d, const char *name,
    const struct sk_redis_info *i)
{
	struct timespec now;
	int64_t off;
	bool wrong;

	clock_gettime(CLOCK_REALTIME, &now);
	off = i->clock_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	wrong = off > CLOCK_MS || off < -CLOCK_MS;
	sk_doctor_say(d, wrong ? SNEK_CHECK_WARN : SNEK_CHECK_PASS, "clock",
	    wrong ? "set the clocks by NTP" : NULL, "%s: %+.1f s from ours",
	    name, (double)off / 1000);
}

/* ---- one server after the other ---- */

struct visit {
	struct sk_doctor *d;
	struct sk_servers s;
	const char *prefix;
	bool may_evict;
	sk_redis **client;      /* all have begun to connect */
	char **url;
	size_t n;
	uint32_t failed;
};

static void check_server(struct visit *v, size_t i)
{
	const char *name = sk_redis_name(v->client[i]);
	struct snek_error e = { 0 };
	struct sk_redis_info info;
	struct sk_redis_url u;

	if (sk_servers_resolve(&v->s, v->url[i], NULL, &u, &e))
		return;                 /* it was told when it was added */
	if (!sk_redis_info(v->client[i], &info, &e))
		e.code = 0;
	tell_hops(v->d, name, &u, &e);
	sk_redis_url_free(&u);
	v->failed += e.code != 0;
	if (e.code)
		return;
	check_role(v->d, name, &info);
	check_persistence(v->d, name, &info);
	check_eviction(v->d, name, &info, v->may_evict);
	check_memory(v->d, name, &info);
	check_version(v->d, name, &info);
	check_latency(v->d, name, &info);
	check_clock(v->d, name, &info);
}

static bool is_known(const struct visit *v, const char *name)
{
	size_t i = 0;

	while (i < v->n && strcmp(sk_redis_name(v->client[i]), name))
		i++;
	return i < v->n;
}

static int no_memory(struct visit *v)
{
	sk_doctor_say(v->d, SNEK_CHECK_FAIL, "cluster", "free some memory",
	    "out of memory");
	return SNEK_ENOMEM;
}

static int add(struct visit *v, const char *url)
{
	size_t room = (v->n + 1) * sizeof(void *);
	sk_redis **client = realloc(v->client, room);
	char **all = client ? realloc(v->url, room) : NULL;
	struct snek_error e = { 0 };

	v->client = client ? client : v->client;
	v->url = all ? all : v->url;
	if (!all || !(v->url[v->n] = strdup(url)))
		return no_memory(v);
	if (sk_servers_client(&v->s, url, v->prefix, &v->client[v->n], &e)) {
		free(v->url[v->n]);
		v->failed++;
		sk_doctor_say(v->d, SNEK_CHECK_FAIL, "name",
		    "correct the URL", "%s", e.text);
		return 0;
	}
	if (is_known(v, sk_redis_name(v->client[v->n]))) {
		sk_redis_free(v->client[v->n]);
		free(v->url[v->n]);
		return 0;
	}
	v->n++;
	return 0;
}

static int add_shard(void *arg, uint32_t shard, const char *url)
{
	(void)shard;
	return add(arg, url);
}

/* The meta store knows the others; while it cannot be asked, the profile may
 * name some. */
static int add_others(struct visit *v, const struct sk_where *w)
{
	struct snek_error e = { 0 };
	struct sk_redis *client;
	struct sk_meta *meta;
	size_t i;
	int rc = 0;

	if (v->failed || sk_servers_meta(&v->s, w->url, &meta, &client, &e)) {
		for (i = 0; i < v->s.profile.servers && !rc; i++)
			rc = add(v, v->s.profile.server[i]);
		return rc;
	}
	rc = meta->ops->shards(meta, add_shard, v, &e);
	if (rc && rc != SNEK_ENOMEM)
		sk_doctor_say(v->d, SNEK_CHECK_FAIL, "cluster", NULL, "%s",
		    e.text);
	meta->ops->shut(meta);
	return rc;
}

static void walk(struct visit *v, const struct sk_where *w)
{
	size_t i;

	if (add(v, w->url) || !v->n)
		return;
	v->prefix = sk_redis_prefix(v->client[0]);
	check_server(v, 0);
	if (add_others(v, w))
		return;
	for (i = 1; i < v->n; i++)
		check_server(v, i);
}

/* ---- the cluster ---- */

static const char *cure_of(int code)
{
	switch (code) {
	case SNEK_ENOENT:
		return "snek-deploy --redis URL,... makes one";
	case SNEK_ECORRUPT:
		return "bring the server's data back from a copy: a shard or "
		    "meta store that is lost is not made anew";
	case SNEK_EVERSION:
		return "install that snek, or a later one";
	default:
		return "see the checks of the servers";
	}
}

static const struct sk_waiting at_once = { .impatient = true };

static void check_cluster(struct sk_doctor *d, const char *name,
    struct sk_where *w, uint64_t *data)
{
	struct snek_error e = { 0 };
	struct sk_catalog *c;
	int rc = sk_catalog_open_servers(w->url, &w->profile, &at_once, &c, &e);

	if (rc) {
		sk_doctor_say(d, SNEK_CHECK_FAIL, "cluster", cure_of(rc), "%s",
		    e.text);
		return;
	}
	sk_doctor_say(d, SNEK_CHECK_PASS, "cluster", NULL, "%s: opens, %" PRIu32
	    " shards with their stamps, level %" PRIu32 ", format %" PRIu32,
	    name, c->cluster.shards, c->cluster.level, c->cluster.format);
	sk_doctor_categories(d, c, data);
	sk_catalog_close(c);
}

void sk_doctor_servers(struct sk_doctor *d, struct sk_where *w, uint64_t *data)
{
	struct visit v = { .d = d };
	struct snek_error e = { 0 };
	const char *said = w->profile.allow_eviction;
	size_t i;

	v.may_evict = said && !strcmp(said, "yes");
	if (sk_servers_open(&v.s, &w->profile, NULL, &e)) {
		sk_doctor_say(d, SNEK_CHECK_FAIL, "cluster", "see snek.conf(5)",
		    "%s", e.text);
		return;
	}
	sk_redis_loop_waiting(v.s.loop, &at_once);
	walk(&v, w);
	/* The profile goes on to the cluster. */
	w->profile = v.s.profile;
	memset(&v.s.profile, 0, sizeof(v.s.profile));
	if (v.failed)
		sk_doctor_say(d, SNEK_CHECK_SKIP, "cluster", NULL,
		    "%" PRIu32 " of its servers fail%s", v.failed,
		    v.failed == 1 ? "s" : "");
	else
		check_cluster(d, v.n ? sk_redis_name(v.client[0]) : w->url, w,
		    data);
	for (i = 0; i < v.n; i++) {
		sk_redis_free(v.client[i]);
		free(v.url[i]);
	}
	free(v.client);
	free(v.url);
	sk_servers_close(&v.s);
}
