/* SPDX-License-Identifier: MIT */
/*
 * A manifest in pages, as of one moment: the pages are gathered first, and all
 * over again if a fold came between (the epoch moved); commits only append,
 * and what came after the first page is left out.
 */
#include "store/meta_redis.h"

#include <stdio.h>

#define PAGE_FIRST_ENTRY 10     /* items before: "ok", id, 7 fields, next rank */
#define TRIES 32

struct pages {
	struct sk_rmeta *m;
	const char *name;
	uint64_t from;
	struct sk_meta_category c;      /* as of the first page */
	struct sk_buf answer;           /* struct sk_answer[] */
	struct sk_buf scratch;
	uint64_t next;                  /* version that is expected, or 0 */
	char rank[24];
};

static size_t count(const struct pages *p)
{
	return p->answer.n / sizeof(struct sk_answer);
}

static struct sk_answer *page(struct pages *p, size_t i)
{
	return (struct sk_answer *)(void *)p->answer.p + i;
}

static void forget(struct pages *p)
{
	size_t i;

	for (i = 0; i < count(p); i++)
		sk_answer_free(page(p, i));
	p->answer.n = 0;
	p->next = 0;
}

static int damaged(const struct pages *p, struct snek_error *e)
{
	char id[24];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)p->c.id);
	return sk_rmeta_damaged_of(p->m, "manifest:", id, e);
}

static int unpack(struct pages *p, struct sk_span s, struct sk_meta_entry *m,
    struct snek_error *e)
{
	uint8_t key[16] = { 0 };
	const uint8_t *b = s.p;

	p->scratch.n = 0;
	if (!sk_buf_reserve(&p->scratch, s.n))
		return sk_enomem(e);
	if (s.n < 8)
		return damaged(p, e);
	memcpy(key + 8, b, 8);
	return sk_record_unpack_entry((struct sk_span){ key, 16 },
	    (struct sk_span){ b + 8, s.n - 8 }, &p->scratch, m) ? 0 :
	    damaged(p, e);
}

/* The entries of a page follow each other, up to the version. */
static int check_page(struct pages *p, const struct sk_answer *a,
    struct snek_error *e)
{
	struct sk_meta_entry m;
	size_t i;
	int rc;

	for (i = PAGE_FIRST_ENTRY; i < a->reply.items &&
	    p->next != p->c.version + 1; i++) {
		rc = unpack(p, sk_rmeta_item(a, i), &m, e);
		if (rc)
			return rc;
		/* The first may begin anywhere up to `from`. */
		if (p->next ? m.first != p->next :
		    m.first > (p->from ? p->from : 1))
			return damaged(p, e);
		p->next = m.last + 1;
	}
	return a->reply.items <= PAGE_FIRST_ENTRY ? damaged(p, e) : 0;
}

static int ask(struct pages *p, struct sk_answer *a, struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };

	sk_rmeta_arg_text(&args, p->name);
	sk_rmeta_arg_number(&args, p->from ? p->from : 1);
	if (count(p)) {
		sk_rmeta_arg_number(&args, p->c.id);
		sk_rmeta_arg_number(&args, p->c.epoch);
		sk_rmeta_arg_text(&args, p->rank);
	}
	return sk_rmeta_call(p->m, STEP_SNAPSHOT, &args, a, e);
}

static int take(struct pages *p, struct sk_answer *a, struct snek_error *e)
{
	struct sk_span rank = sk_rmeta_item(a, PAGE_FIRST_ENTRY - 1);
	uint64_t number;
	int rc = count(p) ? 0 : sk_rmeta_category(p->m, a, 1, &p->c, e);

	if (rc)
		return rc;
	if (!sk_rmeta_number(rank, &number))
		return damaged(p, e);
	memcpy(p->rank, rank.p, rank.n);
	p->rank[rank.n] = 0;
	return p->from > p->c.version ? 0 : check_page(p, a, e);
}

/* 1: something was folded since the first page. */
static int next_page(struct pages *p, struct snek_error *e)
{
	struct sk_answer a;
	int rc = ask(p, &a, e);

	if (rc)
		return rc;
	if (sk_rmeta_says(&a, "none"))
		rc = sk_fail(e, SNEK_ENOENT, "no such category: %s", p->name);
	else
		rc = sk_rmeta_says(&a, "moved") ? 1 : take(p, &a, e);
	if (!rc && !sk_buf_put(&p->answer, &a, sizeof(a)))
		rc = sk_enomem(e);
	if (rc)
		sk_answer_free(&a);
	return rc;
}

static int gather(struct pages *p, struct snek_error *e)
{
	int rc;

	do
		rc = next_page(p, e);
	while (!rc && p->from <= p->c.version &&
	    p->next != p->c.version + 1);
	return rc;
}

static int visit_all(struct pages *p, int (*visit)(void *,
    const struct sk_meta_entry *), void *arg, struct snek_error *e)
{
	struct sk_meta_entry m = { .last = p->from > p->c.version ?
	    p->c.version : 0 };
	size_t i, k;
	int rc = 0;

	for (i = 0; i < count(p); i++)
		for (k = PAGE_FIRST_ENTRY; k < page(p, i)->reply.items &&
		    m.last != p->c.version; k++) {
			rc = unpack(p, sk_rmeta_item(page(p, i), k), &m, e);
			if (!rc && m.last >= p->from)
				rc = visit(arg, &m);
			if (rc)
				return rc;
		}
	return 0;
}

int sk_rmeta_snapshot(struct sk_meta *m, const char *name, uint64_t from,
    struct sk_meta_category *c, int (*visit)(void *,
    const struct sk_meta_entry *), void *arg, struct snek_error *e)
{
	struct pages p = { .m = (struct sk_rmeta *)m, .name = name,
		.from = from };
	int rc, tries = 0;

	if (!*name || strlen(name) > SK_NAME_MAX)
		return sk_fail(e, SNEK_ENOENT, "no such category: %s", name);
	while ((rc = gather(&p, e)) == 1 && ++tries < TRIES)
		forget(&p);
	if (rc == 1)
		rc = sk_fail(e, SNEK_EAGAIN, "category %s is being folded "
		    "faster than it can be read", name);
	if (!rc) {
		*c = p.c;
		rc = visit_all(&p, visit, arg, e);
	}
	forget(&p);
	sk_buf_free(&p.answer);
	sk_buf_free(&p.scratch);
	return rc;
}
