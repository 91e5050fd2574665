/* SPDX-License-Identifier: MIT */
#include "task/reducer.h"

#include <stdlib.h>
#include <string.h>

#define TOP_MAX 1000000000ul

static const struct {
	const char *name;
	uint32_t kind, sub;
} builtin[] = {
	{ "none", SK_LISTED, 0 },
	{ "sum", SK_AGGREGATED, SNEK_SUM },
	{ "count", SK_AGGREGATED, SNEK_COUNT },
	{ "min", SK_AGGREGATED, SNEK_MIN },
	{ "max", SK_AGGREGATED, SNEK_MAX },
	{ "mean", SK_AGGREGATED, SNEK_MEAN },
	{ "list", SK_GROUPED, SK_GROUP_LIST },
	{ "top", SK_GROUPED, SK_GROUP_TOP },
};

static void set(struct sk_reducer *r, uint32_t kind, uint32_t sub, uint32_t top)
{
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->top = top;
	if (kind == SK_AGGREGATED) {
		r->n = 1;
		r->aggregate[0].kind = sub;
	} else {
		r->group = sub;
	}
}

static int top_of(struct sk_reducer *r, const char *text, struct snek_error *e)
{
	unsigned long n = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9' && n <= TOP_MAX; p++)
		n = 10 * n + (unsigned long)(*p - '0');
	if (p == text || *p || !n || n > TOP_MAX)
		return sk_fail(e, SNEK_EINVAL, "top=%.60s: not a number from 1 to "
		    "%lu", text, TOP_MAX);
	set(r, SK_GROUPED, SK_GROUP_TOP, (uint32_t)n);
	return 0;
}

int sk_reducer_parse(struct sk_reducer *r, const char *text, struct snek_error *e)
{
	size_t i;

	if (!strncmp(text, "top=", 4))
		return top_of(r, text + 4, e);
	for (i = 0; i < sizeof(builtin) / sizeof(*builtin); i++) {
		if (strcmp(builtin[i].name, text))
			continue;
		set(r, builtin[i].kind, builtin[i].sub, SK_TOP_DEFAULT);
		return 0;
	}
	return SNEK_ENOENT;
}

void sk_reducer_free(struct sk_reducer *r)
{
	uint32_t i;

	for (i = 0; i < r->n && i < SK_MAX_AGGREGATES; i++)
		free(r->aggregate[i].name);
	memset(r, 0, sizeof(*r));
}

const char *sk_reducer_names(void)
{
	return "sum, count, min, max, mean, list, top, top=N, none";
}
