/* SPDX-License-Identifier: MIT */
#include "value/members.h"

#include <string.h>

#include "value/pack.h"
#include "value/value.h"

int sk_bytes_compare(const void *a, size_t na, const void *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int c = n ? memcmp(a, b, n) : 0;

	return c ? c : (na > nb) - (na < nb);
}

struct snek_value sk_members_find(struct snek_value object, const char *name)
{
	struct snek_cursor at;
	struct snek_value n, v;
	size_t len = strlen(name);

	if (object.type != SNEK_OBJECT || sk_iterate(object, &at))
		return sk_none();
	while (sk_next(&at, &n, &v) == 1)
		if (n.len == len && !memcmp(n.as.s, name, len))
			return v;
	return sk_none();
}

int sk_members_sort(struct snek_value v, struct sk_members *m)
{
	if (v.type != SNEK_OBJECT)
		return SNEK_ETYPE;
	m->n = m->i = 0;
	m->last = sk_none();
	return sk_iterate(v, &m->whole);
}

/* By name, then by place, which differs even where names do not. */
static bool before(struct snek_value a, struct snek_value b)
{
	int c = sk_bytes_compare(a.as.s, a.len, b.as.s, b.len);

	return c < 0 || (c == 0 && a.as.s < b.as.s);
}

static void insert(struct sk_members *m, struct snek_value name,
    struct snek_value value)
{
	uint32_t i;

	if (m->n == SK_MEMBERS_BATCH) {
		if (!before(name, m->name[m->n - 1]))
			return;
		m->n--;
	}
	for (i = m->n++; i && before(name, m->name[i - 1]); i--) {
		m->name[i] = m->name[i - 1];
		m->value[i] = m->value[i - 1];
	}
	m->name[i] = name;
	m->value[i] = value;
}

static int fill(struct sk_members *m)
{
	struct snek_cursor c = m->whole;
	struct snek_value name, value;
	int rc;

	m->n = m->i = 0;
	while ((rc = sk_next(&c, &name, &value)) > 0)
		if (!m->last.type || before(m->last, name))
			insert(m, name, value);
	return rc;
}

int sk_members_next(struct sk_members *m, struct snek_value *name,
    struct snek_value *value)
{
	int rc;

	if (m->i == m->n) {
		rc = fill(m);
		if (rc < 0 || !m->n)
			return rc;
	}
	m->last = *name = m->name[m->i];
	*value = m->value[m->i++];
	return 1;
}
