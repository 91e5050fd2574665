/* SPDX-License-Identifier: MIT */
/* The tree of paths of a survey. */
#include "category/survey.h"
#include "base/hash.h"

#include <stdlib.h>

int sk_survey_nodes_new(struct sk_survey *s, uint32_t limit)
{
	uint32_t slots = 64;

	while (slots < 2 * (uint64_t)(limit + 1))
		slots *= 2;
	s->node = calloc((size_t)limit + 1, sizeof(*s->node));
	s->table = calloc(slots, sizeof(*s->table));
	s->mask = slots - 1;
	s->limit = limit;
	s->nodes = 1;
	return s->node && s->table ? 0 : SNEK_ENOMEM;
}

static bool is_named(const struct sk_survey_node *n, const char *name,
    uint32_t len)
{
	return n->len == len && (!len || !memcmp(n->name, name, len));
}

/* Its place in the table; it may be empty (0, for the root is nobody's). */
static uint32_t *slot_of(const struct sk_survey *s,
    const struct sk_survey_node *parent, const char *name, uint32_t len)
{
	uint64_t h = sk_hash64(name, len, (uint64_t)(parent - s->node));
	const struct sk_survey_node *n;

	for (;; h++) {
		n = &s->node[s->table[h & s->mask]];
		if (n == s->node || (n->parent == parent &&
		    is_named(n, name, len)))
			return &s->table[h & s->mask];
	}
}

static struct sk_survey_node *add(struct sk_survey *s,
    struct sk_survey_node *parent, const char *name, uint32_t len)
{
	struct sk_survey_node *n = &s->node[s->nodes];
	bool nested = parent != s->node;

	if (s->nodes > s->limit || (nested && s->nested >= (s->limit + 1) / 2))
		return NULL;
	if (name && !(name = sk_arena_copy(&s->texts, name, len))) {
		s->nomem = true;
		return NULL;
	}
	s->nodes++;
	s->nested += nested;
	n->parent = parent;
	n->name = name;
	n->len = len;
	return n;
}

static struct sk_survey_node *add_member(struct sk_survey *s,
    struct sk_survey_node *parent, const char *name, uint32_t len,
    uint32_t *slot)
{
	struct sk_survey_node *n = add(s, parent, name, len);

	if (!n)
		return NULL;
	*slot = (uint32_t)(n - s->node);
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

/* Members mostly come in the order in which they came before. */
static struct sk_survey_node *guess(const struct sk_survey_node *parent)
{
	return parent->hint && parent->hint->next ? parent->hint->next :
	    parent->first;
}

struct sk_survey_node *sk_survey_child(struct sk_survey *s,
    struct sk_survey_node *parent, const char *name, uint32_t len)
{
	struct sk_survey_node *n = name ? guess(parent) : parent->element;
	uint32_t *slot;

	if (!name) {
		if (!n)
			n = parent->element = add(s, parent, NULL, 0);
		return n;
	}
	if (!n || !is_named(n, name, len)) {
		slot = slot_of(s, parent, name, len);
		n = *slot ? &s->node[*slot] :
		    add_member(s, parent, name, len, slot);
	}
	if (n)
		parent->hint = n;
	return n;
}

/* ---- reading the tree ---- */

static bool put_name(struct sk_buf *b, const struct sk_survey_node *n)
{
	bool ok = true;
	uint32_t i;

	for (i = 0; ok && i < n->len; i++)
		ok = (!strchr(".[\\", n->name[i]) || !n->name[i] ||
		    sk_buf_byte(b, '\\')) &&
		    sk_buf_byte(b, (uint8_t)n->name[i]);
	return ok;
}

bool sk_survey_path(const struct sk_survey_node *n, struct sk_buf *b)
{
	const struct sk_survey_node *up[SK_MAX_DEPTH + 1];
	uint32_t depth = 0;
	bool ok = true;

	for (; n->parent && depth <= SK_MAX_DEPTH; n = n->parent)
		up[depth++] = n;
	while (ok && depth--) {
		if (!up[depth]->name)
			ok = sk_buf_put(b, "[]", 2);
		else
			ok = (!up[depth]->parent->parent ||
			    sk_buf_byte(b, '.')) && put_name(b, up[depth]);
	}
	return ok;
}

const struct sk_survey_node *sk_survey_next(const struct sk_survey_node *n)
{
	if (n->element)
		return n->element;
	if (n->first)
		return n->first;
	for (; n->parent; n = n->parent) {
		if (!n->name && n->parent->first)
			return n->parent->first;
		if (n->next)
			return n->next;
	}
	return NULL;
}
