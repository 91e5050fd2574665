/* SPDX-License-Identifier: MIT */
/* function_lambda_parts.h - what function_lambda.c and function_back.c share. */
#ifndef SK_FUNCTION_LAMBDA_PARTS_H
#define SK_FUNCTION_LAMBDA_PARTS_H
#include "job/function_lambda.h"

struct sk_function_records {            /* of one plugin, or one of them */
	const char *name;
	struct sk_meta_function *record;        /* to be freed */
	uint32_t n;
	bool nomem;
};
/* All of the plugin, or the one; the first of them has the Lambda.
 * SNEK_ENOENT, and then nothing is to be freed. */
int sk_function_records(struct sk_catalog *, const char *name,
    struct sk_function_records *, struct snek_error *);
#endif
