/* SPDX-License-Identifier: MIT */
/* snek_stack.h - between snek_stack*.c, and which stack a profile means. */
#ifndef SK_SNEK_STACK_H
#define SK_SNEK_STACK_H
#include "handle.h"
#include "aws/stack.h"
#include "category/profile.h"

/* The zip with snek-api, which a stack's functions run: a file's, or (NULL) made
 * of what is installed. */
int sk_stack_code(const char *path, struct sk_buf *, struct snek_error *);
/* given (or NULL), else what the profile says, else its name where its cluster
 * is an API at AWS; "": none.  where: how the user called it. */
void sk_stack_of(const struct sk_profile *, const char *where,
    const char *given, char name[40]);

/* The profile of a stack's name. */
struct sk_stack_profile {
	const char *name;
	struct sk_profile p;            /* without cluster: there is none */
	bool own;                       /* it means a stack of the name */
	const struct sk_aws_ops *ops;   /* where we are */
	struct sk_aws *aws;
};
/* The name is borrowed; p is to be freed.  0 too where there is none. */
int sk_stack_profile_find(struct sk_stack_profile *, const char *name,
    struct snek_error *);
/* 1, or 0: it is of a stack of the name in another region or account. */
int sk_stack_profile_is_here(const struct sk_stack_profile *,
    struct snek_error *);
/* SNEK_EEXIST: it means something else already, which is not taken from it. */
int sk_stack_profile_check(const struct sk_stack_profile *,
    struct snek_error *);
/* aws_profile NULL: the one that it has. */
int sk_stack_profile_save(struct sk_stack_profile *, const char *aws_profile,
    const struct sk_stack_info *, struct snek_error *);
/* It goes with its stack, and not with one elsewhere. */
int sk_stack_profile_forget(const struct sk_stack_profile *,
    struct snek_error *);
#endif
