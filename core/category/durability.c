/* SPDX-License-Identifier: MIT */
#include "category/durability.h"
#include "base/clock.h"
#include "category/servers.h"

#include <stdio.h>
#include <stdlib.h>

#define KNOWN_MS 60000          /* what INFO said is believed for so long */
#define REPLICATE_MS 15000
#ifdef SK_FAULTS
int sk_durability_ms = REPLICATE_MS;
#define WAIT_MS sk_durability_ms
#else
#define WAIT_MS REPLICATE_MS
#endif

struct sk_known {
	struct sk_redis_info info;
	int64_t until;          /* on sk_clock_ms; 0: not asked */
};

/* ---- in words ---- */

static const char *const words[] = {
	[SK_DURABLE_MEMORY] = "memory", [SK_DURABLE_PROCESS] = "process",
	[SK_DURABLE_MACHINE] = "machine",
};
static const char replicated[] = "replicated=";

static int parse_replicas(const char *text, struct sk_promise *out,
    struct snek_error *e)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (!*text || strlen(text) > 2 ||
	    strspn(text, "0123456789") != strlen(text) || !n ||
	    n > SK_PROMISE_REPLICAS)
		return sk_fail(e, SNEK_EINVAL, "durability replicated=%.20s: a "
		    "number from 1 to %u is wanted", text, SK_PROMISE_REPLICAS);
	*out = (struct sk_promise){ SK_DURABLE_REPLICATED, (uint32_t)n };
	return 0;
}

int sk_promise_parse(const char *text, struct sk_promise *out,
    struct snek_error *e)
{
	int i;

	for (i = SK_DURABLE_MEMORY; i <= SK_DURABLE_MACHINE; i++)
		if (!strcmp(text, words[i])) {
			*out = (struct sk_promise){ (enum sk_durability)i, 0 };
			return 0;
		}
	if (!strncmp(text, replicated, sizeof(replicated) - 1))
		return parse_replicas(text + sizeof(replicated) - 1, out, e);
	return sk_fail(e, SNEK_EINVAL, "durability %.40s: there are memory, "
	    "process, machine and replicated=N", text);
}

void sk_promise_print(struct sk_promise p, char out[SK_PROMISE_TEXT])
{
	if (p.level == SK_DURABLE_REPLICATED)
		snprintf(out, SK_PROMISE_TEXT, "%s%u", replicated,
		    p.replicas % 10000);
	else
		snprintf(out, SK_PROMISE_TEXT, "%s", words[p.level ? p.level :
		    SK_DURABLE_MEMORY]);
}

/* ---- what servers are ---- */

/* The servers of a category, as numbers of s->client. */
struct involved {
	struct sk_servers *s;
	const struct sk_meta_category *category;
};

static uint32_t server_of(const struct involved *v, uint32_t i)
{
	return i ? v->category->shard[i - 1] + 1 : 0;
}

/* Those that nothing fresh is known of. */
static size_t find_stale(const struct involved *v, uint32_t *which,
    sk_redis **client)
{
	int64_t now = sk_clock_ms();
	uint32_t i, k;
	size_t n = 0;

	for (i = 0; i <= v->category->shards; i++) {
		k = server_of(v, i);
		if (v->s->known[k].until > now)
			continue;
		which[n] = k;
		client[n++] = v->s->client[k];
	}
	return n;
}

static int ask(const struct involved *v, struct snek_error *e)
{
	size_t room = v->category->shards + 1, n = 0, i;
	uint32_t *which = calloc(room, sizeof(*which));
	sk_redis **client = calloc(room, sizeof(*client));
	struct sk_redis_info *info = calloc(room, sizeof(*info));
	int rc = which && client && info ? 0 : sk_enomem(e);

	if (!rc)
		n = find_stale(v, which, client);
	if (n)
		rc = sk_redis_info_all(client, n, info, e);
	for (i = 0; i < n && !rc; i++)
		v->s->known[which[i]] = (struct sk_known){ info[i],
		    sk_clock_ms() + KNOWN_MS };
	free(info);
	free(client);
	free(which);
	return rc;
}

/* ---- what they give together ---- */

static int refuse(const struct involved *v, uint32_t i, struct sk_promise want,
    struct snek_error *e)
{
	uint32_t k = server_of(v, i);
	const struct sk_redis_info *info = &v->s->known[k].info;
	const char *name = sk_redis_name(v->s->client[k]);
	char text[SK_PROMISE_TEXT], has[64], what[32] = "the meta store";

	sk_promise_print(want, text);
	if (k)
		snprintf(what, sizeof(what), "shard %u", k - 1);
	snprintf(has, sizeof(has), "it has %u replica%s in sync",
	    info->replicas, info->replicas == 1 ? "" : "s");
	return sk_fail(e, SNEK_EINVAL, "durability %s: %s (%s) cannot be shown "
	    "to give it: %s", text, name, what, want.level ==
	    SK_DURABLE_REPLICATED ? has : info->why);
}

static bool gives(const struct sk_redis_info *info, struct sk_promise want)
{
	return want.level == SK_DURABLE_REPLICATED ?
	    info->replicas >= want.replicas : info->alone >= want.level;
}

static int judge(const struct involved *v, struct sk_promise want,
    struct sk_promise *reach, struct snek_error *e)
{
	enum sk_durability alone = SK_DURABLE_MACHINE;
	const struct sk_redis_info *info;
	uint32_t i, replicas = SK_PROMISE_REPLICAS;

	for (i = 0; i <= v->category->shards; i++) {
		info = &v->s->known[server_of(v, i)].info;
		if (!gives(info, want))
			return refuse(v, i, want, e);
		if (info->alone < alone)
			alone = info->alone;
		if (info->replicas < replicas)
			replicas = info->replicas;
	}
	*reach = (struct sk_promise){ alone, 0 };
	if (want.level == SK_DURABLE_REPLICATED)
		*reach = want;
	else if (want.level == SK_DURABLE_UNKNOWN && replicas)
		*reach = (struct sk_promise){ SK_DURABLE_REPLICATED, replicas };
	return 0;
}

static int agree(const struct involved *v, struct sk_promise want,
    struct sk_promise *reach, struct snek_error *e)
{
	uint32_t i;
	int rc;

	for (i = 0; i <= v->category->shards; i++)
		if (server_of(v, i) >= v->s->clients)
			return sk_fail(e, SNEK_EAGAIN, "category %s lies on "
			    "servers that were added since the cluster was "
			    "opened: open it again", v->category->name);

	if (!v->s->known)
		v->s->known = calloc(v->s->clients, sizeof(*v->s->known));
	if (!v->s->known)
		return sk_enomem(e);
	rc = ask(v, e);
	return rc ? rc : judge(v, want, reach, e);
}

int sk_durability_agree(struct sk_catalog *c,
    const struct sk_meta_category *category, struct sk_promise want,
    struct sk_promise *reach, struct snek_error *e)
{
	struct involved v = { c->servers, category };
	int rc;

	if (!c->servers && want.level == SK_DURABLE_REPLICATED)
		return sk_fail(e, SNEK_EINVAL, "durability replicated=%u: %s is "
		    "a directory, which has no replicas", want.replicas,
		    c->where);
	if (!c->servers) {
		*reach = (struct sk_promise){ SK_DURABLE_MACHINE, 0 };
		return 0;
	}
	pthread_mutex_lock(&v.s->lock);
	rc = agree(&v, want, reach, e);
	pthread_mutex_unlock(&v.s->lock);
	return rc;
}

void sk_durability_forget(struct sk_catalog *c)
{
	struct sk_servers *s = c->servers;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	free(s->known);
	s->known = NULL;
	pthread_mutex_unlock(&s->lock);
}

/* ---- replicas ---- */

/* The segments of this very attempt were waited for when they were sealed; a
 * write that is found committed may have been promised less. */
int sk_durability_replicate(struct sk_catalog *c,
    const struct sk_meta_category *category, const struct sk_meta_receipt *r,
    uint32_t replicas, struct snek_error *e)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; r->repeated && i < category->shards && !rc; i++)
		rc = sk_redis_shard_replicate(c->shard[category->shard[i]],
		    r->write, replicas, e);
	/* A repeat's write may have been folded: the request was found. */
	return rc ? rc : c->meta->ops->settle(c->meta, r->repeated ? NULL :
	    &r->write, replicas, WAIT_MS, e);
}
