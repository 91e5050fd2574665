/* SPDX-License-Identifier: MIT */
/* object.h - JSON objects, member by member, into a response. */
#ifndef SK_API_OBJECT_H
#define SK_API_OBJECT_H
#include "value/value.h"

struct sk_object {
	struct sk_buf *b;
	bool comma, nomem;
};
/* {"snek":1,"kind":KIND */
void sk_object_begin(struct sk_object *, struct sk_buf *, const char *kind);
void sk_object_end(struct sk_object *);                         /* }\n */
void sk_object_text(struct sk_object *, const char *name, const char *);  /* NULL: null */
void sk_object_number(struct sk_object *, const char *name, uint64_t);
void sk_object_real(struct sk_object *, const char *name, double);
void sk_object_flag(struct sk_object *, const char *name, bool);
/* What is JSON already; nothing if it is empty. */
void sk_object_raw(struct sk_object *, const char *name, struct sk_span);
/* name NULL: an element of a list. */
void sk_object_open(struct sk_object *, const char *name, char bracket);
void sk_object_close(struct sk_object *, char bracket);
void sk_object_any(struct sk_object *, const char *name, struct snek_value);

/* ---- in: a request's object ---- */

/* A member by name; SNEK_NONE when it is not there. */
struct snek_value sk_object_member(const struct sk_record *, const char *name);
#endif
