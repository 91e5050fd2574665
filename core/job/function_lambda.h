/* SPDX-License-Identifier: MIT */
/* function_lambda.h - a function's own Lambda, once it has one: what it is like
 * there, back to the version before, and gone. */
#ifndef SK_FUNCTION_LAMBDA_H
#define SK_FUNCTION_LAMBDA_H
#include "job/addition.h"

struct sk_lambda_there {
	struct sk_meta_function record; /* what the cluster knows of it */
	struct sk_lambda_state state;   /* what AWS says; zeroed: it is gone */
	char differs[160];              /* in words; "": it does not */
};

/* name: of a function, or of a plugin.  SNEK_ENOENT: there is none, or it has
 * no Lambda.  What AWS cannot be asked is a failure. */
int sk_function_lambda_look(struct sk_catalog *, const char *name,
    const struct sk_lambda_want *, struct sk_lambda_there *,
    struct snek_error *);
/* To the version before the one that is registered, plugin and all; what is
 * registered then, is in the addition. */
int sk_function_lambda_back(struct sk_catalog *, sk_worker *, const char *name,
    const struct sk_lambda_want *, struct sk_addition *, struct snek_error *);
/* Remove it, and from the records; the functions stay.  0 too when it was gone
 * already.  SNEK_ECONFLICT: other functions of the plugin have the same. */
int sk_function_lambda_remove(struct sk_catalog *, const char *name,
    const struct sk_lambda_want *, struct snek_error *);
#endif
