/* SPDX-License-Identifier: MIT */
/* json_tree.h - what both parsers fill in, for json_read.c alone. */
#ifndef SK_JSON_TREE_H
#define SK_JSON_TREE_H
#include "base/buf.h"
#include "base/err.h"
#include "value/names.h"
#include "value/value.h"

/* A record being read.  Until it is whole, pack may move: nested values have
 * their offset in it in as.u. */
struct sk_json_tree {
	bool object;
	uint32_t n, cap;
	struct sk_member *member;
	struct sk_buf pack;     /* nested values */
	struct sk_buf strings;  /* of the plain parser */
	struct sk_names names;
};

/* Room for one more member, counted; NULL when memory is out. */
struct sk_member *sk_json_tree_add(struct sk_json_tree *);

/* ---- the strict parser ---- */

struct sk_json_plain;

struct sk_json_plain *sk_json_plain_new(void);
void sk_json_plain_free(struct sk_json_plain *);
int sk_json_plain_read(struct sk_json_plain *, struct sk_json_tree *,
    const char *text, size_t n, bool last_duplicate, size_t *at,
    struct snek_error *);

/* ---- plain records in one pass ---- */

/* SK_JSON_PADDING bytes after the text must be readable, and text lives as long
 * as the record.  False: whatever the text is, others decide. */
bool sk_json_quick_read(struct sk_json_tree *, const char *text, size_t n);

/* ---- simdjson ---- */

#define SK_JSON_FAST_MAX (4u << 20)     /* its tables are 14 times the text */

struct sk_json_fast;

/* NULL: out of memory, or not built in. */
struct sk_json_fast *sk_json_fast_new(void);
void sk_json_fast_free(struct sk_json_fast *);
/* SK_JSON_PADDING bytes after the text must be readable.  False: whatever
 * the text is, the plain parser decides. */
bool sk_json_fast_read(struct sk_json_fast *, struct sk_json_tree *,
    const char *text, size_t n);
#endif
