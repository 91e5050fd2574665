/* SPDX-License-Identifier: MIT */
#include "task/counters.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define SLOTS (2 * SK_MAX_COUNTERS)

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return b < 0 ? INT64_MIN : INT64_MAX;
}

static int grow(struct sk_counters *c, struct snek_error *e)
{
	struct sk_counter *p;

	if (c->n == SK_MAX_COUNTERS)
		return sk_fail(e, SNEK_ELIMIT, "over %u counters",
		    SK_MAX_COUNTERS);
	if (c->n & (c->n - 1))          /* room up to the next power of two */
		return 0;
	p = realloc(c->counter, (c->n ? 2 * c->n : 1) * sizeof(*p));
	if (!p)
		return sk_enomem(e);
	c->counter = p;
	return 0;
}

static int append(struct sk_counters *c, uint32_t slot, const char *name,
    int64_t value, struct snek_error *e)
{
	int rc = grow(c, e);
	char *copy;

	if (rc < 0)
		return rc;
	copy = strdup(name);
	if (!copy)
		return sk_enomem(e);
	c->counter[c->n++] = (struct sk_counter){ copy, value };
	c->slot[slot] = (uint16_t)c->n;
	return 0;
}

int sk_counters_add(struct sk_counters *c, const char *name, int64_t delta,
    struct snek_error *e)
{
	size_t n = name ? strnlen(name, SK_MAX_COUNTER_NAME + 1) : 0;
	uint32_t slot;

	if (!n || n > SK_MAX_COUNTER_NAME)
		return sk_fail(e, SNEK_EINVAL, "a counter's name has 1 to %u "
		    "bytes", SK_MAX_COUNTER_NAME);
	slot = sk_hash64(name, n, 0) % SLOTS;
	for (; c->slot[slot]; slot = (slot + 1) % SLOTS) {
		struct sk_counter *have = &c->counter[c->slot[slot] - 1];

		if (!strcmp(have->name, name)) {
			have->value = add(have->value, delta);
			return 0;
		}
	}
	return append(c, slot, name, delta, e);
}

void sk_counters_free(struct sk_counters *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		free(c->counter[i].name);
	free(c->counter);
	memset(c, 0, sizeof(*c));
}
