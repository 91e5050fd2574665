/* SPDX-License-Identifier: MIT */
#include "task/aggregate.h"
#include "task/pair.h"
#include "task/state.h"
#include "task/sum.h"
#include "task/wide.h"
#include "value/key.h"
#include "value/pack.h"
#include "value/value.h"

static const uint32_t state_size[] = {
	[SNEK_SUM] = sizeof(struct sk_sum_state), [SNEK_COUNT] = sizeof(uint64_t),
	[SNEK_MIN] = sizeof(struct snek_value), [SNEK_MAX] = sizeof(struct snek_value),
	[SNEK_MEAN] = sizeof(struct sk_mean_state),
};
static const char *const kind_names[] = {
	[SNEK_SUM] = "sum", [SNEK_COUNT] = "count", [SNEK_MIN] = "min",
	[SNEK_MAX] = "max", [SNEK_MEAN] = "mean",
};
static const char *const type_names[] = {
	[SNEK_NONE] = "nothing", [SNEK_NULL] = "null", [SNEK_BOOL] = "a boolean",
	[SNEK_INT] = "an integer", [SNEK_UINT] = "an integer",
	[SNEK_DOUBLE] = "a number", [SNEK_STRING] = "a string",
	[SNEK_ARRAY] = "an array", [SNEK_OBJECT] = "an object",
};

int sk_totals_init(struct sk_totals *t, const struct sk_reducer *r,
    struct snek_error *e)
{
	uint32_t i, words = 0;

	memset(t, 0, sizeof(*t));
	t->reducer = r;
	if (!r->n || r->n > SK_MAX_AGGREGATES)
		return sk_fail(e, SNEK_EINVAL, "%u aggregates: 1 to %u are possible",
		    r->n, SK_MAX_AGGREGATES);
	for (i = 0; i < r->n; i++) {
		if (sk_state_kind(t, i) > SNEK_MEAN)
			return sk_fail(e, SNEK_EINVAL, "no aggregate has number %u",
			    sk_state_kind(t, i));
		t->offset[i] = words;
		words += state_size[sk_state_kind(t, i)] / 8;
	}
	return sk_table_init(&t->table, 8 * words) ? 0 : sk_enomem(e);
}

static struct sk_sum_state *sum_of(const struct sk_totals *t,
    const struct sk_slot *s, uint32_t i)
{
	uint32_t k = sk_state_kind(t, i);

	return k == SNEK_SUM || k == SNEK_MEAN ? sk_state(t, s, i) : NULL;
}

static void free_wide(struct sk_totals *t)
{
	struct sk_sum_state *s;
	uint32_t i, k;

	for (i = 0; t->heap && i < t->table.n; i++)
		for (k = 0; k < t->reducer->n; k++) {
			s = sum_of(t, sk_table_slot(&t->table, i), k);
			if (s && s->more)
				sk_sum_free(s->more);
		}
	t->heap = 0;
}

void sk_totals_reset(struct sk_totals *t)
{
	free_wide(t);
	sk_table_reset(&t->table);
}

void sk_totals_free(struct sk_totals *t)
{
	free_wide(t);
	sk_table_free(&t->table);
	sk_buf_free(&t->scratch);
}

/* ---- keys ---- */

static int at(struct sk_totals *t, uint8_t tag, const void *body, size_t n,
    struct sk_slot **out, struct snek_error *e)
{
	*out = sk_table_at(&t->table, tag, body, n);
	return *out ? 0 : sk_enomem(e);
}

int sk_totals_at_bytes(struct sk_totals *t, struct sk_span key,
    struct sk_slot **out, struct snek_error *e)
{
	const uint8_t *p = key.p;

	if (!key.n)
		return sk_fail(e, SNEK_EFORMAT, "an empty key");
	return at(t, p[0], p + 1, key.n - 1, out, e);
}

static int at_other(struct sk_totals *t, struct snek_value key,
    struct sk_slot **out, struct snek_error *e)
{
	int rc = sk_pair_key(&t->scratch, key, e);

	if (rc)
		return rc;
	return sk_totals_at_bytes(t,
	    (struct sk_span){ t->scratch.p, t->scratch.n }, out, e);
}

int sk_totals_at(struct sk_totals *t, struct snek_value key,
    struct sk_slot **out, struct snek_error *e)
{
	switch (key.type) {
	case SNEK_STRING:
		return at(t, SK_KEY_STRING, key.as.s, key.len, out, e);
	case SNEK_INT:
		return at(t, SK_TAG_INT, &key.as.i, 8, out, e);
	case SNEK_NULL:
		return at(t, SK_KEY_NULL, NULL, 0, out, e);
	case SNEK_DOUBLE:
		if (key.as.d >= -0x1p63 && key.as.d < 0x1p63 &&
		    key.as.d == (double)(int64_t)key.as.d)
			return sk_totals_at(t, sk_int((int64_t)key.as.d), out, e);
		return at_other(t, key, out, e);
	default:
		return at_other(t, key, out, e);
	}
}

/* ---- values ---- */

static const char *name_of(const struct sk_totals *t, uint32_t i)
{
	const char *name = t->reducer->aggregate[i].name;

	return name ? name : kind_names[sk_state_kind(t, i)];
}

int sk_totals_check(const struct sk_totals *t, uint32_t i, struct snek_value v,
    struct snek_error *e)
{
	uint32_t k = sk_state_kind(t, i);
	int rc;

	if (v.type == SNEK_INT)
		return 0;
	rc = sk_pair_check(v, e);
	if (rc)
		return rc;
	if ((k == SNEK_SUM || k == SNEK_MEAN) && v.type != SNEK_UINT &&
	    v.type != SNEK_DOUBLE)
		return sk_fail(e, SNEK_ETYPE, "%s needs numbers; the op emitted %s",
		    name_of(t, i), type_names[v.type]);
	return 0;
}

struct sk_sum *sk_state_more(struct sk_totals *t, struct sk_sum_state *s)
{
	if (!s->more) {
		s->more = sk_arena_alloc(&t->table.arena, sizeof(*s->more));
		if (s->more)
			memset(s->more, 0, sizeof(*s->more));
	}
	return s->more;
}

static int add_large(struct sk_totals *t, struct sk_sum_state *s,
    struct snek_value v, struct snek_error *e)
{
	struct sk_sum *m = sk_state_more(t, s);
	bool narrow;
	int rc;

	if (!m)
		return sk_enomem(e);
	narrow = !m->wide;
	if (v.type == SNEK_DOUBLE)
		rc = sk_sum_add_double(m, v.as.d);
	else if (v.type == SNEK_UINT)
		rc = sk_sum_add_uint(m, v.as.u);
	else
		rc = sk_sum_add_int(m, v.as.i);
	if (narrow && m->wide)
		t->heap += sizeof(*m->wide);
	return rc ? sk_state_fail(rc, e) : 0;
}

static int add_sum(struct sk_totals *t, struct sk_sum_state *s,
    struct snek_value v, struct snek_error *e)
{
	int64_t r;

	if (v.type == SNEK_INT && !__builtin_add_overflow(s->small, v.as.i, &r)) {
		s->small = r;
		return 0;
	}
	return add_large(t, s, v, e);
}

static int keep(struct sk_totals *t, struct snek_value *to, struct snek_value v,
    struct snek_error *e)
{
	if (v.type >= SNEK_STRING) {
		v.as.p = sk_arena_copy(&t->table.arena, v.as.p, v.len);
		if (!v.as.p)
			return sk_enomem(e);
	}
	*to = v;
	return 0;
}

int sk_state_extreme(struct sk_totals *t, struct snek_value *to,
    struct snek_value v, bool max, struct snek_error *e)
{
	int c;

	if (to->type == SNEK_NONE)
		return keep(t, to, v, e);
	if (to->type == SNEK_INT && v.type == SNEK_INT) {
		if (max ? v.as.i > to->as.i : v.as.i < to->as.i)
			to->as.i = v.as.i;
		return 0;
	}
	c = sk_value_compare(v, *to);
	return (max ? c > 0 : c < 0) ? keep(t, to, v, e) : 0;
}

int sk_totals_add(struct sk_totals *t, struct sk_slot *s, uint32_t i,
    struct snek_value v, struct snek_error *e)
{
	struct sk_mean_state *m;

	switch (sk_state_kind(t, i)) {
	case SNEK_SUM:
		return add_sum(t, sk_state(t, s, i), v, e);
	case SNEK_COUNT:
		++*(uint64_t *)sk_state(t, s, i);
		return 0;
	case SNEK_MEAN:
		m = sk_state(t, s, i);
		m->n++;
		return add_sum(t, &m->sum, v, e);
	default:
		return sk_state_extreme(t, sk_state(t, s, i), v, sk_state_kind(t, i) == SNEK_MAX, e);
	}
}

bool sk_totals_add_quickly(struct sk_totals *t, struct sk_slot *slot,
    struct snek_value v)
{
	struct sk_sum_state *s = sk_state(t, slot, 0);
	int64_t r;

	if (v.type == SNEK_INT) {
		if (__builtin_add_overflow(s->small, v.as.i, &r))
			return false;
		s->small = r;
		return true;
	}
	if (v.type != SNEK_DOUBLE || !s->more ||
	    !sk_sum_add_narrow(s->more, v.as.d))
		return false;
	s->more->doubles++;
	return true;
}

/* ---- results ---- */

static int mean_value(const struct sk_mean_state *m, struct snek_value *out,
    struct snek_error *e)
{
	struct sk_sum sum;
	double d;
	int rc;

	*out = sk_none();
	if (!m->n)
		return 0;
	rc = sk_state_whole(&sum, &m->sum, e);
	if (!rc)
		rc = sk_sum_mean(&sum, m->n, &d, e);
	if (!rc)
		*out = sk_double(d);
	return rc;
}

/* In the form of a key: the same whichever of several equal values came first. */
static int extreme_value(struct sk_totals *t, const struct snek_value *v,
    struct sk_buf *key, struct snek_value *out, struct snek_error *e)
{
	int rc;

	*out = *v;
	if (v->type != SNEK_DOUBLE && v->type < SNEK_ARRAY)
		return 0;
	t->scratch.n = key->n = 0;
	rc = sk_key_put(key, *v);
	if (!rc)
		rc = sk_key_get(key->p, key->n, &t->scratch, out);
	return !rc ? 0 : rc == SNEK_ENOMEM ? sk_enomem(e) : sk_state_bad(e);
}

static int value_of(struct sk_totals *t, const struct sk_slot *s, uint32_t i,
    struct sk_buf *key, struct snek_value *out, struct snek_error *e)
{
	struct sk_sum sum;
	int rc;

	switch (sk_state_kind(t, i)) {
	case SNEK_SUM:
		rc = sk_state_whole(&sum, sk_state(t, s, i), e);
		return rc ? rc : sk_sum_value(&sum, out, e);
	case SNEK_COUNT:
		*out = sk_uint(*(uint64_t *)sk_state(t, s, i));
		return 0;
	case SNEK_MEAN:
		return mean_value(sk_state(t, s, i), out, e);
	default:
		return extreme_value(t, sk_state(t, s, i), key, out, e);
	}
}

static bool is_nothing(const struct sk_totals *t, const struct sk_slot *s,
    uint32_t i)
{
	switch (sk_state_kind(t, i)) {
	case SNEK_SUM:
	case SNEK_COUNT:
		return false;
	case SNEK_MEAN:
		return !((struct sk_mean_state *)sk_state(t, s, i))->n;
	default:
		return ((struct snek_value *)sk_state(t, s, i))->type == SNEK_NONE;
	}
}

static int pack_member(struct sk_totals *t, const struct sk_slot *s, uint32_t i,
    struct sk_buf *b, struct snek_error *e)
{
	const char *name = t->reducer->aggregate[i].name;
	struct sk_buf key = { 0 };
	struct snek_value v;
	int rc = value_of(t, s, i, &key, &v, e);

	if (!rc && name && !sk_pack_string(b, name, strlen(name)))
		rc = sk_enomem(e);
	if (!rc && !sk_pack_value(b, v.type == SNEK_NONE ? sk_null() : v))
		rc = sk_enomem(e);
	sk_buf_free(&key);
	return rc && name ? sk_fail_in(e, rc, "%s", name) : rc;
}

int sk_totals_pack(struct sk_totals *t, const struct sk_slot *s,
    struct sk_buf *b, struct snek_error *e)
{
	const struct sk_reducer *r = t->reducer;
	uint32_t i, members = 0;
	int rc = 0;

	if (r->n == 1 && !r->aggregate[0].name)
		return pack_member(t, s, 0, b, e);
	for (i = 0; i < r->n; i++)
		members += !is_nothing(t, s, i);
	if (!sk_pack_map(b, members))
		return sk_enomem(e);
	for (i = 0; i < r->n && !rc; i++)
		if (!is_nothing(t, s, i))
			rc = pack_member(t, s, i, b, e);
	return rc;
}
