/* SPDX-License-Identifier: MIT */
/*
 * page.h - a query's results in pages: cut when the job is done, kept by whom
 * it may concern, answered one by one.
 */
#ifndef SK_API_PAGE_H
#define SK_API_PAGE_H
#include <snek/snek.h>

#include "api/object.h"

struct sk_page_cut {
	size_t most;                    /* bytes of one; a result that is larger
					 * is a page by itself */
	/* Keep page n, from 0: elements of a list. */
	int (*put)(void *, uint64_t n, struct sk_span, struct snek_error *);
	void *arg;
	uint64_t pages, results;        /* of them so far */
	uint64_t keyed_from;            /* the page, from 1, on which elements
					 * begin to be pairs with keys; 0: none */
	bool reduced;
};
/* All results of a job; there is one page at least. */
int sk_page_cut(struct sk_page_cut *, snek_job *, struct snek_error *);

/* What is said with a page. */
struct sk_page {
	const char *job;                /* its id */
	struct snek_job_stat stat;
	bool reduced;
	uint64_t results, number, pages;        /* number: from 1 */
	uint64_t keyed_from;            /* as above */
	struct sk_span missing;         /* JSON; n 0: nothing is */
};
/* Begin the answer, up to the page's elements; then they are to be appended.
 * SNEK_ENOENT: there is no such page. */
struct sk_api_call;
int sk_page_begin(struct sk_api_call *, struct sk_object *,
    const struct sk_page *, struct snek_error *);
void sk_page_end(struct sk_object *);
#endif
