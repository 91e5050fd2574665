/* SPDX-License-Identifier: MIT */
#include "category/parts.h"
#include "category/step.h"

#include <stdlib.h>

int sk_parts_init(struct sk_parts *p, struct sk_catalog *c,
    const struct sk_meta_category *category, struct snek_error *e)
{
	uint32_t i;
	int rc;

	*p = (struct sk_parts){ .catalog = c };
	rc = sk_write_id_new(&p->id, e);
	if (rc)
		return rc;
	p->part = calloc(category->shards, sizeof(*p->part));
	if (!p->part)
		return sk_enomem(e);
	p->n = category->shards;
	for (i = 0; i < p->n; i++)
		p->part[i].sum.shard = category->shard[i];
	return 0;
}

static struct sk_shard *shard_of(const struct sk_parts *p, uint32_t i)
{
	return p->catalog->shard[p->part[i].sum.shard];
}

int sk_parts_put(struct sk_parts *p, uint32_t i, struct sk_span chunk,
    uint32_t rows, struct sk_place first, struct snek_error *e)
{
	struct sk_part *part = &p->part[i];
	struct sk_shard *s = shard_of(p, i);
	int rc;

	SK_STEP("put");
	if (!part->segment) {
		rc = s->ops->begin(s, p->id, &part->segment, e);
		if (rc)
			return rc;
		if (p->replicas)
			sk_redis_writer_replicas(part->segment, p->replicas);
	}
	rc = s->ops->put(part->segment, chunk, rows, first, e);
	if (rc)
		return rc;
	part->sum.chunks++;
	part->sum.records += rows;
	part->sum.bytes += chunk.n;
	return 0;
}

int sk_parts_seal(struct sk_parts *p, struct snek_error *e)
{
	uint32_t i;
	int rc;

	for (i = 0; i < p->n; i++) {
		if (!p->part[i].segment || p->part[i].sealed)
			continue;
		SK_STEP("seal");
		rc = shard_of(p, i)->ops->seal(p->part[i].segment, e);
		if (rc)
			return rc;
		p->part[i].sealed = true;
	}
	return 0;
}

void sk_parts_entry(const struct sk_parts *p, struct sk_meta_part *part,
    struct sk_meta_entry *entry)
{
	uint32_t i;

	entry->write = p->id;
	entry->part = part;
	entry->parts = 0;
	entry->records = entry->bytes = 0;
	for (i = 0; i < p->n; i++) {
		if (!p->part[i].sum.chunks)
			continue;
		part[entry->parts++] = p->part[i].sum;
		entry->records += p->part[i].sum.records;
		entry->bytes += p->part[i].sum.bytes;
	}
}

/* Nothing that is sealed may go unless no manifest names it, for certain. */
static bool is_named(const struct sk_parts *p)
{
	uint32_t i = 0;

	while (i < p->n && !p->part[i].sealed)
		i++;
	return i < p->n && p->catalog->meta->ops->is_named(p->catalog->meta,
	    p->id, NULL) != 0;
}

static void drop(struct sk_parts *p, uint32_t i)
{
	struct sk_shard *s = shard_of(p, i);

	if (!p->part[i].sealed) {
		s->ops->abandon(p->part[i].segment);
		return;
	}
	s->ops->free(p->part[i].segment);
	p->part[i].segment = NULL;
	s->ops->sweep(s, p->id, NULL);
}

void sk_parts_drop(struct sk_parts *p)
{
	uint32_t i;

	if (!is_named(p))
		for (i = 0; i < p->n; i++)
			if (p->part[i].segment)
				drop(p, i);
	sk_parts_free(p);
}

void sk_parts_free(struct sk_parts *p)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		if (p->part[i].segment)
			shard_of(p, i)->ops->free(p->part[i].segment);
	free(p->part);
	p->part = NULL;
	p->n = 0;
}
