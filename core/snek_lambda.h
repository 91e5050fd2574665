/* SPDX-License-Identifier: MIT */
/* snek_lambda.h - between snek_function.c and snek_lambda.c: public structs and
 * ours. */
#ifndef SK_SNEK_LAMBDA_H
#define SK_SNEK_LAMBDA_H
#include "handle.h"
#include "job/addition.h"

/* Texts stay the caller's. */
int sk_lambda_want_make(const struct snek_lambda_options *,
    struct sk_lambda_want *, struct snek_error *);
void sk_lambda_want_free(struct sk_lambda_want *);
void sk_lambda_tell(const struct sk_meta_lambda *, struct snek_lambda_info *);
/* Write its zip; the report may be NULL. */
int sk_bundle_write(const struct sk_bundle *, const char *zip,
    struct snek_bundle_report *, struct snek_error *);
/* Call o->added with each function of the addition, as it is registered. */
int sk_function_tell(struct sk_catalog *, const struct sk_addition *,
    const struct snek_function_options *, struct snek_error *);
#endif
