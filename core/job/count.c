/* SPDX-License-Identifier: MIT */
/* count.c - an op's counters, over all tasks that were committed. */
#include <stdlib.h>
#include <string.h>

#include "job/job.h"

/* As within a task: what is beyond 64 bits stays at their end. */
static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return b < 0 ? INT64_MIN : INT64_MAX;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sk_counter *)a)->name,
	    ((const struct sk_counter *)b)->name);
}

static uint32_t gather(const struct sk_outcome *o, uint32_t n,
    struct sk_counter *out)
{
	uint32_t i, k, at = 0;

	for (i = 0; i < n; i++)
		for (k = 0; k < o[i].counters; k++, at++)
			if (out)
				out[at] = o[i].counter[k];
	return at;
}

int sk_job_counters(struct snek_job *j,
    int (*visit)(void *, const char *, int64_t), void *arg)
{
	uint32_t n, i, k;
	struct sk_counter *all;
	int64_t sum;
	int rc = 0;

	if (sk_job_wait(j, 0, NULL) != 1)
		return SNEK_EINVAL;
	n = gather(j->map_out, j->plan.tasks, NULL);
	n += gather(j->reduce_out, j->plan.partitions, NULL);
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return SNEK_ENOMEM;
	i = gather(j->map_out, j->plan.tasks, all);
	gather(j->reduce_out, j->plan.partitions, all + i);
	qsort(all, n, sizeof(*all), by_name);
	for (i = 0; i < n && !rc; i = k) {
		for (k = i, sum = 0; k < n && !by_name(&all[i], &all[k]); k++)
			sum = add(sum, all[k].value);
		rc = visit(arg, all[i].name, sum);
	}
	free(all);
	return rc;
}
