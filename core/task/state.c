/* SPDX-License-Identifier: MIT */
/*
 * States as bytes, one aggregate's behind the other's:
 *
 *   sum          as in sum.c
 *   count        varint
 *   mean         varint n, sum
 *   min, max     varint length (0: nothing yet), the value as a key (key.h)
 */
#include "task/state.h"
#include "task/pair.h"
#include "task/varint.h"
#include "task/wide.h"
#include "value/key.h"

int sk_state_fail(int rc, struct snek_error *e)
{
	return rc == SNEK_ENOMEM ? sk_enomem(e) :
	    sk_fail(e, rc, "a sum beyond 128 bits");
}

int sk_state_bad(struct snek_error *e)
{
	return sk_fail(e, SNEK_EFORMAT, "the state of an aggregate is malformed");
}

int sk_state_whole(struct sk_sum *sum, const struct sk_sum_state *s,
    struct snek_error *e)
{
	int rc;

	if (s->more)
		*sum = *s->more;
	else
		memset(sum, 0, sizeof(*sum));
	rc = sk_sum_add_int(sum, s->small);
	return rc ? sk_state_fail(rc, e) : 0;
}

static int put_sum(const struct sk_sum_state *s, struct sk_buf *b, struct snek_error *e)
{
	struct sk_sum sum;
	int rc = sk_state_whole(&sum, s, e);

	if (rc)
		return rc;
	return sk_sum_put(&sum, b) ? 0 : sk_enomem(e);
}

static int put_extreme(struct sk_totals *t, const struct snek_value *v,
    struct sk_buf *b, struct snek_error *e)
{
	int rc = 0;

	t->scratch.n = 0;
	if (v->type != SNEK_NONE)
		rc = sk_key_put(&t->scratch, *v);
	if (rc && rc != SNEK_ENOMEM)
		return sk_fail(e, rc, "emitted a malformed value");
	if (rc || !sk_varint_add(b, t->scratch.n) ||
	    !sk_buf_put(b, t->scratch.p, t->scratch.n))
		return sk_enomem(e);
	return 0;
}

int sk_totals_put(struct sk_totals *t, const struct sk_slot *s, struct sk_buf *b,
    struct snek_error *e)
{
	const struct sk_mean_state *m;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < t->reducer->n && !rc; i++) {
		switch (sk_state_kind(t, i)) {
		case SNEK_SUM:
			rc = put_sum(sk_state(t, s, i), b, e);
			break;
		case SNEK_COUNT:
			if (!sk_varint_add(b, *(uint64_t *)sk_state(t, s, i)))
				rc = sk_enomem(e);
			break;
		case SNEK_MEAN:
			m = sk_state(t, s, i);
			rc = sk_varint_add(b, m->n) ? put_sum(&m->sum, b, e)
			    : sk_enomem(e);
			break;
		default:
			rc = put_extreme(t, sk_state(t, s, i), b, e);
		}
	}
	return rc;
}

static int merge_number(struct sk_span *in, uint64_t *out, struct snek_error *e)
{
	size_t k = sk_varint_get(in->p, in->n, out);

	if (!k)
		return sk_state_bad(e);
	in->p = (const uint8_t *)in->p + k;
	in->n -= k;
	return 0;
}

static int merge_large(struct sk_totals *t, struct sk_sum_state *s,
    const struct sk_sum *sum, struct snek_error *e)
{
	struct sk_sum *m = sk_state_more(t, s);
	bool narrow;
	int rc;

	if (!m)
		return sk_enomem(e);
	narrow = !m->wide;
	rc = sk_sum_merge(m, sum);
	if (narrow && m->wide)
		t->heap += sizeof(*m->wide);
	return rc ? sk_state_fail(rc, e) : 0;
}

static int merge_sum(struct sk_totals *t, struct sk_sum_state *s,
    struct sk_span *in, struct snek_error *e)
{
	struct sk_sum sum;
	int64_t r;
	size_t k;
	int rc = sk_sum_get(&sum, in->p, in->n, &k);

	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) : sk_state_bad(e);
	in->p = (const uint8_t *)in->p + k;
	in->n -= k;
	if (!sum.doubles && sum.ints == (int64_t)sum.ints &&
	    !__builtin_add_overflow(s->small, (int64_t)sum.ints, &r))
		s->small = r;
	else
		rc = merge_large(t, s, &sum, e);
	sk_sum_free(&sum);
	return rc;
}

static int merge_mean(struct sk_totals *t, struct sk_mean_state *m,
    struct sk_span *in, struct snek_error *e)
{
	uint64_t n;
	int rc = merge_number(in, &n, e);

	if (rc)
		return rc;
	m->n += n;
	return merge_sum(t, &m->sum, in, e);
}

static int merge_extreme(struct sk_totals *t, struct snek_value *to, bool max,
    struct sk_span *in, struct snek_error *e)
{
	struct snek_value v;
	uint64_t n;
	int rc = merge_number(in, &n, e);

	if (rc || !n)
		return rc;
	if (n > in->n)
		return sk_state_bad(e);
	t->scratch.n = 0;
	rc = sk_key_get(in->p, n, &t->scratch, &v);
	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) : sk_state_bad(e);
	in->p = (const uint8_t *)in->p + n;
	in->n -= n;
	return sk_state_extreme(t, to, v, max, e);
}

int sk_totals_merge(struct sk_totals *t, struct sk_slot *s, struct sk_span in,
    struct snek_error *e)
{
	uint64_t n;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < t->reducer->n && !rc; i++) {
		switch (sk_state_kind(t, i)) {
		case SNEK_SUM:
			rc = merge_sum(t, sk_state(t, s, i), &in, e);
			break;
		case SNEK_COUNT:
			rc = merge_number(&in, &n, e);
			if (!rc)
				*(uint64_t *)sk_state(t, s, i) += n;
			break;
		case SNEK_MEAN:
			rc = merge_mean(t, sk_state(t, s, i), &in, e);
			break;
		default:
			rc = merge_extreme(t, sk_state(t, s, i),
			    sk_state_kind(t, i) == SNEK_MAX, &in, e);
		}
	}
	return rc ? rc : in.n ? sk_state_bad(e) : 0;
}
