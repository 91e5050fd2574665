/* SPDX-License-Identifier: MIT */
/* hidden_source.c - what a worker fetches from in tests: hidden shards. */
#include <stdlib.h>

#include "base/clock.h"
#include "hidden.h"
#include "worker/source.h"

struct sk_source {
	struct sk_span addresses;
	struct sk_shard *shard[SK_MAX_SHARDS];
};

int sk_source_open(struct sk_span s, struct sk_source **out,
    struct snek_error *e)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return sk_enomem(e);
	(*out)->addresses = s;
	return 0;
}

void sk_source_close(struct sk_source *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < SK_MAX_SHARDS; i++)
		if (s->shard[i])
			s->shard[i]->ops->shut(s->shard[i]);
	free(s);
}

int sk_source_shard(struct sk_source *s, uint32_t id, struct sk_shard **out,
    struct snek_error *e)
{
	struct sk_shard *under;
	struct sk_address a;
	int rc = 0;

	if (id < SK_MAX_SHARDS && !s->shard[id]) {
		if (sk_address_find(s->addresses, id, &a) || !a.password)
			return sk_fail(e, SNEK_EINTERNAL, "no address");
		rc = sk_segment_shard_open(a.url, &a.stamp, &under, e);
		if (!rc)
			s->shard[id] = hidden_new(under);
	}
	*out = id < SK_MAX_SHARDS ? s->shard[id] : NULL;
	return rc;
}

int sk_source_fd(const struct sk_source *s)
{
	(void)s;
	return -1;
}

int64_t sk_source_due(const struct sk_source *s)
{
	int64_t due, least = INT64_MAX;
	uint32_t i;

	for (i = 0; i < SK_MAX_SHARDS; i++)
		if (s->shard[i]) {
			due = hidden_due(s->shard[i]);
			least = due < least ? due : least;
		}
	return least;
}

int sk_source_step(struct sk_source *s)
{
	uint32_t i;

	for (i = 0; i < SK_MAX_SHARDS; i++)
		if (s->shard[i])
			hidden_step(s->shard[i]);
	return 0;
}
