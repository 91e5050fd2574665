/* SPDX-License-Identifier: MIT */
#include "task/sink_parts.h"
#include "task/pair.h"
#include "value/key.h"

#include <stdlib.h>

static int prepare(sk_sink *s, struct snek_error *e)
{
	if (sk_sink_aggregates(s))
		return sk_sink_prepare_totals(s, e);
	if (s->reducer.kind == SK_LISTED)
		s->o.combine.group = NULL;
	if (s->reducer.kind == SK_GROUPED && s->reducer.group == SK_GROUP_TOP) {
		s->top.top = s->reducer.top;
		s->top.partial = true;
		s->top.most = s->most;
		s->o.combine = (struct sk_grouper){ sk_top_group, &s->top };
	}
	s->part = calloc(s->o.partitions, sizeof(*s->part));
	return s->part ? 0 : sk_enomem(e);
}

int sk_sink_new(const struct sk_sink_options *o, sk_sink **out,
    struct snek_error *e)
{
	sk_sink *s;
	int rc;

	if (!o->partitions)
		return sk_fail(e, SNEK_EINVAL, "a job has at least one partition");
	s = calloc(1, sizeof(*s));
	if (!s)
		return sk_enomem(e);
	s->o = *o;
	s->reducer = *o->reducer;
	s->most = sk_pair_most(o->memory);
	rc = prepare(s, e);
	if (rc) {
		sk_sink_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void sk_sink_free(sk_sink *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; s->part && i < s->o.partitions; i++)
		sk_sorter_free(&s->part[i]);
	for (i = 0; s->state && i < s->o.partitions; i++)
		sk_run_free(&s->state[i]);
	free(s->part);
	free(s->state);
	if (s->totals.reducer)
		sk_totals_free(&s->totals);
	sk_builtin_free(&s->top);
	sk_buf_free(&s->key);
	sk_buf_free(&s->value);
	sk_buf_free(&s->scratch);
	free(s);
}

void sk_sink_at(sk_sink *s, struct sk_place place)
{
	s->place = place;
	s->emit = 0;
}

uint64_t sk_sink_emitted(const sk_sink *s)
{
	return s->emitted;
}

/* ---- partitions ---- */

int sk_sink_partition(sk_sink *s, struct sk_span key, uint32_t *out,
    struct snek_error *e)
{
	const char *p = key.p;
	struct snek_value v;
	int rc;

	if (!s->o.partition) {
		*out = sk_sink_part(s, (uint8_t)*p, p + 1, key.n - 1);
		return 0;
	}
	s->scratch.n = 0;
	rc = sk_key_get(key.p, key.n, &s->scratch, &v);
	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) :
		    sk_fail(e, rc, "a key is malformed");
	*out = s->o.partition(s->o.partition_arg, v, s->o.partitions);
	if (*out < s->o.partitions)
		return 0;
	return sk_fail(e, SNEK_EPLUGIN, "partition gave %u, but there are %u",
	    *out, s->o.partitions);
}

/* ---- lists and groups ---- */

static struct sk_sorter_options options(const sk_sink *s)
{
	return (struct sk_sorter_options){ s->o.tmp, &s->o.combine,
	    s->o.memory / 2 };
}

static int spill(sk_sink *s, struct snek_error *e)
{
	struct sk_sorter_options o = options(s);
	uint32_t i;
	int rc = 0;

	for (i = 0; i < s->o.partitions && !rc; i++)
		rc = sk_sorter_spill(&s->part[i], &o, e);
	s->held = 0;
	return rc;
}

static int emit_entry(sk_sink *s, struct snek_value key, struct snek_value v,
    struct snek_error *e)
{
	struct sk_entry n = { .place = s->place, .emit = s->emit };
	bool combines = s->o.combine.group;
	struct sk_sorter *p;
	uint32_t part;
	size_t before;
	int rc;

	if (s->emit == UINT32_MAX)
		return sk_fail(e, SNEK_ELIMIT, "a record emitted 2^32 - 1 pairs");
	if (sk_sink_is_large(s, key, v, &before))
		return sk_pair_too_large(before, s->most, e);
	rc = sk_pair_key(&s->key, key, e);
	if (!rc)
		rc = sk_pair_value(&s->value, v, e);
	if (rc)
		return rc;
	n.key = (struct sk_span){ s->key.p, s->key.n };
	rc = sk_sink_partition(s, n.key, &part, e);
	if (rc)
		return rc;
	n.value = (struct sk_span){ s->value.p, s->value.n };
	p = &s->part[part];
	before = sk_sorter_held(p, combines);
	rc = sk_sorter_add(p, &n, e);
	if (rc)
		return rc;
	s->held += sk_sorter_held(p, combines) - before;
	s->emit++;
	s->emitted++;
	return s->held > s->o.memory ? spill(s, e) : 0;
}

int sk_sink_emit(sk_sink *s, struct snek_value key, struct snek_value v,
    struct snek_error *e)
{
	return sk_sink_aggregates(s) ? sk_sink_emit_total(s, key, v, e) : emit_entry(s, key, v, e);
}

int sk_sink_finish(sk_sink *s, struct sk_runs *out, struct snek_error *e)
{
	struct sk_sorter_options o = options(s);
	uint32_t i;
	int rc = 0;

	s->held = 0;
	if (sk_sink_aggregates(s))
		return sk_sink_finish_totals(s, out, e);
	for (i = 0; i < s->o.partitions && !rc; i++)
		rc = sk_sorter_finish(&s->part[i], &o, &out[i], e);
	return rc;
}
