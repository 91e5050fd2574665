/* SPDX-License-Identifier: MIT */
/* lint.h - would a plugin file load elsewhere, and in the cloud?  It is read,
 * not loaded: nothing of it runs. */
#ifndef SK_LINT_H
#define SK_LINT_H
#include "base/err.h"

enum sk_lint_verdict { SK_LINT_PASS, SK_LINT_WARN, SK_LINT_FAIL };

/* cure: what to do; NULL for SK_LINT_PASS.  Other than 0 ends it. */
typedef int sk_lint_visit(void *arg, uint32_t verdict, const char *check,
    const char *text, const char *cure);

/* 0, what visit returned, or SNEK_ENOENT, SNEK_EACCES, SNEK_EIO, SNEK_ENOMEM.  A
 * file that is no plugin is a finding, not an error. */
int sk_lint(const char *path, sk_lint_visit *, void *arg, struct snek_error *);
#endif
