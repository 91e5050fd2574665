/* SPDX-License-Identifier: MIT */
/* variables.h - the environment variables of an environment. */
#ifndef SK_VARIABLES_H
#define SK_VARIABLES_H
#include "host/environment.h"

/* "NAME=VALUE", a NUL behind each; false: memory is out. */
bool sk_variables_write(struct sk_buf *, const struct sk_environment *,
    const char *task);
/* Names that a function may not set. */
bool sk_variable_is_reserved(const char *name);
#endif
