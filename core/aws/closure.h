/* SPDX-License-Identifier: MIT */
/*
 * closure.h - programs, shared objects and all libraries that they need, to
 * the last; found as the loader would find them here, in its order.  Nothing
 * of them is run, and whatever they say is checked.
 */
#ifndef SK_CLOSURE_H
#define SK_CLOSURE_H
#include "aws/library.h"

struct sk_closure {
	struct sk_object **object;      /* each before what it needs */
	size_t n;
	uint64_t bytes;                 /* of their files */
	struct sk_library library;
};
int sk_closure_open(struct sk_closure *, unsigned machine, struct snek_error *);
void sk_closure_close(struct sk_closure *);

/* Add a file under a name, and what it needs that is not there yet.
 * SNEK_ENOENT: no such file; SNEK_EABI: it is damaged, or for another machine,
 * or needs a library that is not here; SNEK_ELIMIT: too many, or too large. */
int sk_closure_add(struct sk_closure *, const char *name, const char *path,
    struct snek_error *);
/* Add a library that by opens only when it runs; nothing if it is there. */
int sk_closure_add_library(struct sk_closure *, const char *name,
    const struct sk_object *by, struct snek_error *);

/* Add what the C library opens by itself, if anything asks it for that. */
int sk_closure_add_opened(struct sk_closure *, struct snek_error *);

/* The one of that name, by file or by its own word; or NULL. */
const struct sk_object *sk_closure_find(const struct sk_closure *,
    const char *name);

/* For messages: "words.so", "libx.so.1 (of words.so)". */
const char *sk_object_who(const struct sk_object *, char buf[200]);

/* closure_check.c: will it run when nothing else is there?  SNEK_EABI names what it lacks: a
 * version, a symbol, or the order in which it looks. */
int sk_closure_check(const struct sk_closure *, struct snek_error *);
#endif
