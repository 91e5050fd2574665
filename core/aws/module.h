/* SPDX-License-Identifier: MIT */
/* module.h - what the module's table points at, one file an owner. */
#ifndef SK_AWS_MODULE_H
#define SK_AWS_MODULE_H
#include "aws/aws.h"

/* client.c and call.c: as sk_aws_ops says. */
int sk_aws_open(const struct sk_aws_options *, struct sk_aws **,
    struct snek_error *);
void sk_aws_close(struct sk_aws *);
int sk_aws_call(struct sk_aws *, const struct sk_aws_request *,
    struct sk_aws_reply *, struct snek_error *);
int sk_aws_begin(struct sk_aws *, const struct sk_aws_request *,
    void (*done)(void *arg, struct sk_aws_reply *), void *arg,
    struct sk_aws_call **, struct snek_error *);
void sk_aws_cancel(struct sk_aws *, struct sk_aws_call *);
int sk_aws_step(struct sk_aws *, int timeout_ms, struct snek_error *);
void sk_aws_wake(struct sk_aws *);
const char *sk_aws_region(const struct sk_aws *);
int sk_aws_who(struct sk_aws *, struct sk_aws_identity *, struct snek_error *);
int sk_aws_presign(struct sk_aws *, const struct sk_aws_request *,
    uint32_t seconds, struct sk_buf *url, struct snek_error *);
void sk_aws_drop_calls(struct sk_aws *);        /* all that are under way */

/* bundle.c */
int sk_bundle_make(const struct sk_bundle_options *, struct sk_bundle *,
    struct snek_error *);

/* lambda.c */
int sk_lambda_put(struct sk_aws *, const struct sk_lambda_spec *,
    struct sk_lambda_state *, struct snek_error *);
int sk_lambda_get(struct sk_aws *, const char *name, struct sk_lambda_state *,
    struct snek_error *);
int sk_lambda_rollback(struct sk_aws *, const char *name, const char *version,
    struct sk_lambda_state *, struct snek_error *);
int sk_lambda_remove(struct sk_aws *, const char *name, struct snek_error *);

/* lambda_look.c: the stack that its tag names; "": it has none.  SNEK_ENOENT: no
 * function. */
int sk_lambda_stack(struct sk_aws *, const char *name, char stack[160],
    struct snek_error *);
#endif
