/* SPDX-License-Identifier: MIT */
/* admit.h - may a function run once more now?  Concurrency, as Lambda counts. */
#ifndef SK_ADMIT_H
#define SK_ADMIT_H
#include "host/function.h"

#define SK_ADMIT_ACCOUNT "ConcurrentInvocationLimitExceeded"
#define SK_ADMIT_RESERVED "ReservedFunctionConcurrentInvocationLimitExceeded"
#define SK_ADMIT_UNRESERVED_MIN 100u    /* that must be left to the others */

/* What functions without a reserved concurrency share. */
uint32_t sk_admit_unreserved(const struct sk_registry *, uint32_t account);
/* NULL, or why not: a Reason of TooManyRequestsException. */
const char *sk_admit(uint32_t unreserved, uint32_t running,
    const struct sk_function *);
#endif
