/* SPDX-License-Identifier: MIT */
/* args.h - the arguments of an op: declared, checked, defaults filled in. */
#ifndef SK_ARGS_H
#define SK_ARGS_H
#include "base/arena.h"
#include "base/err.h"
#include <snek/plugin.h>

struct sk_op;
/* Zeroed: no arguments. */
struct sk_args {
	struct snek_value *value;       /* by position in sk_op.arg */
	uint32_t n;
	struct sk_arena arena;          /* holds them; strings end in a NUL */
};
struct sk_arg_text {
	const char *name, *value;
};
/*
 * json: an object or NULL; text: n pairs of name=value, which win over it.
 * Unknown name (with "did you mean"), wrong type, missing required one, a
 * choice that is none, one given twice: SNEK_EINVAL, saying what is allowed.
 */
int sk_args_parse(struct sk_args *, const struct sk_op *, const char *json,
    const struct sk_arg_text *text, size_t n, struct snek_error *);
void sk_args_free(struct sk_args *);
/* SNEK_NONE for one that was not given; false when the op has none such. */
bool sk_args_get(const struct sk_args *, const struct sk_op *,
    const char *name, struct snek_value *);

/* Would its default be accepted? */
int sk_arg_check(const struct snek_arg *, struct snek_error *);

/* The nearest of some words within edit distance 2 (3 for words of more than
 * 8 letters, 1 for those of less than 4), or NULL. */
const char *sk_did_you_mean(const char *word, const char *const *words, size_t n);
#endif
