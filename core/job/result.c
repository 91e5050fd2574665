/* SPDX-License-Identifier: MIT */
#include "job/result.h"

#include <stdlib.h>

#include "job/ordered.h"
#include "value/key.h"
#include "value/pack.h"
#include "value/value.h"

#define LAST 32u                /* bytes of a value that is remembered */

struct sk_result {
	bool reduced;
	uint64_t left;                  /* pairs that may still be given */
	const struct sk_run **run;
	size_t runs;
	sk_merge *merge;
	bool by_value;
	struct sk_ordered ordered;
	struct sk_buf scratch;
	char last[LAST];                /* the value before, as bytes ... */
	size_t last_n;
	struct snek_value same;         /* ... and what they are */
};

static void add_run(struct sk_result *r, const struct sk_run *run)
{
	if (r->run)
		r->run[r->runs++] = run;
}

/* How many there are; once there is room for them, they are listed. */
static size_t find_runs(struct snek_job *j, struct sk_result *r)
{
	size_t n = 0, i;
	uint32_t p;

	for (p = 0; !r->reduced && p < j->hold.parts; p++)
		for (i = 0; i < j->hold.part[p].n; i++, n++)
			add_run(r, &j->hold.part[p].run[i]);
	for (p = 0; r->reduced && p < j->plan.partitions; p++, n++)
		add_run(r, &j->reduce_out[p].run);
	return n;
}

static int sort_values(struct sk_result *r, struct snek_error *e)
{
	struct sk_entry en;
	int rc;

	while ((rc = sk_merge_next(r->merge, &en, e)) == 1) {
		rc = sk_ordered_add(&r->ordered, &en, e);
		if (rc)
			return rc;
	}
	sk_merge_free(r->merge);
	r->merge = NULL;
	return rc ? rc : sk_ordered_end(&r->ordered, e);
}

static int begin(struct snek_job *j, struct sk_result *r, struct snek_error *e)
{
	const struct sk_merge_limits l = { j->budget.result / 2, j->set.tmp,
	    NULL, NULL };
	int rc;

	r->reduced = j->reducer.kind != SK_LISTED;
	r->left = j->set.limit ? j->set.limit : UINT64_MAX;
	r->run = calloc(find_runs(j, r) + 1, sizeof(*r->run));
	if (!r->run)
		return sk_enomem(e);
	find_runs(j, r);
	rc = sk_merge_within(&l, r->run, r->runs, &r->merge, e);
	if (rc)
		return rc;
	r->by_value = j->set.order == SK_ORDER_VALUE ||
	    j->set.order == SK_ORDER_VALUE_DOWN;
	r->ordered.down = j->set.order == SK_ORDER_VALUE_DOWN;
	r->ordered.limit = j->set.limit;
	r->ordered.memory = j->budget.result;
	r->ordered.tmp = j->set.tmp;
	if (j->set.order_path.n)
		r->ordered.path = &j->set.order_path;
	return r->by_value ? sort_values(r, e) : 0;
}

int sk_result_open(struct snek_job *j, struct sk_result **out,
    struct snek_error *e)
{
	struct sk_result *r;
	int rc = sk_job_wait(j, -1, e);

	if (rc < 0)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return sk_enomem(e);
	rc = begin(j, r, e);
	if (rc) {
		sk_result_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

static int next_entry(struct sk_result *r, struct sk_entry *en,
    struct snek_error *e)
{
	return r->by_value ? sk_ordered_next(&r->ordered, en, e)
	    : sk_merge_next(r->merge, en, e);
}

/* The same bytes are the same value, and most of many counts are. */
static int value_of(struct sk_result *r, struct sk_span bytes,
    struct snek_value *value)
{
	size_t used;
	int rc;

	*value = r->same;
	if (bytes.n == r->last_n && bytes.n &&
	    sk_same_bytes(bytes.p, r->last, bytes.n))
		return 0;
	r->last_n = 0;
	if (!bytes.n || bytes.n > sizeof(r->last))
		return sk_unpack(bytes.p, bytes.n, value, &used);
	memcpy(r->last, bytes.p, bytes.n);
	rc = sk_unpack(r->last, bytes.n, &r->same, &used);
	if (rc)
		return rc;
	r->last_n = bytes.n;
	*value = r->same;
	return 0;
}

static int key_of(struct sk_result *r, struct sk_span bytes,
    struct snek_value *key)
{
	const char *p = bytes.p;

	if (bytes.n && bytes.n <= UINT32_MAX && *p == SK_KEY_STRING) {
		*key = sk_string(p + 1, bytes.n - 1);
		return 0;
	}
	r->scratch.n = 0;
	return sk_key_get(p, bytes.n, &r->scratch, key);
}

int sk_result_next(struct sk_result *r, struct snek_value *key,
    struct snek_value *value, struct snek_error *e)
{
	struct sk_entry en;
	int rc;

	if (!r->left)
		return 0;
	rc = next_entry(r, &en, e);
	if (rc != 1)
		return rc;
	rc = value_of(r, en.value, value);
	if (!rc)
		rc = key_of(r, en.key, key);
	if (rc == SNEK_ENOMEM)
		return sk_enomem(e);
	if (rc)
		return sk_fail(e, SNEK_EINTERNAL, "a result that cannot be read");
	r->left--;
	return 1;
}

void sk_result_close(struct sk_result *r)
{
	if (!r)
		return;
	sk_merge_free(r->merge);
	sk_ordered_free(&r->ordered);
	sk_buf_free(&r->scratch);
	free(r->run);
	free(r);
}

bool sk_result_is_reduced(const struct sk_result *r)
{
	return r->reduced;
}
