/* SPDX-License-Identifier: MIT */
/*
 * survey.h - what lies at which path of a category's records.
 *
 * Members of one type are counted from the heads of chunks, without a look at
 * their values; what is nested or mixed is walked.
 */
#ifndef SK_SURVEY_H
#define SK_SURVEY_H
#include "base/arena.h"
#include "category/snapshot.h"

struct sk_survey_node {
	struct sk_survey_node *parent, *next;
	struct sk_survey_node *first, *last;    /* members, in order of sight */
	struct sk_survey_node *hint;            /* the member met last */
	struct sk_survey_node *element;         /* of arrays: all of them */
	const char *name;                       /* NULL: root, or an element */
	uint32_t len;
	uint64_t records;                       /* that have it */
	uint64_t seen;                          /* the last of them */
	uint64_t count[SNEK_OBJECT + 1];        /* values by type; UINT as INT */
	struct snek_value example;              /* the first that is not null,
	                                         * nor an array, nor an object */
};

struct sk_survey {
	struct sk_snapshot *snapshot;
	struct sk_arena texts;          /* names, examples */
	bool nomem;
	uint64_t records;               /* looked at */
	uint64_t left_out;              /* values at paths beyond the limit */
	struct sk_survey_node *node;    /* [0] is the root: whole records */
	uint32_t nodes, limit, nested;  /* nested: nodes not below the root */
	uint32_t *table, mask;          /* nodes by parent and name */
};

/* Looks at every chunk, or at every n-th so that there are about as many
 * records as said.  At most limit paths, of them half below the first level.
 * SNEK_ENOENT: no such category. */
int sk_survey_open(struct sk_catalog *, const char *category, uint64_t records,
    uint32_t limit, struct sk_survey **, struct snek_error *);
void sk_survey_close(struct sk_survey *);

/* ---- survey_node.c ---- */

int sk_survey_nodes_new(struct sk_survey *, uint32_t limit);
/* The member or (name NULL) the elements, made if need be; NULL: no more
 * paths. */
struct sk_survey_node *sk_survey_child(struct sk_survey *,
    struct sk_survey_node *, const char *name, uint32_t len);
/* Append the path as sk_path_parse reads it, with [] for elements. */
bool sk_survey_path(const struct sk_survey_node *, struct sk_buf *);
/* The node after this one, members behind their object; NULL at the end. */
const struct sk_survey_node *sk_survey_next(const struct sk_survey_node *);
#endif
