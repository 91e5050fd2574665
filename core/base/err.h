/* SPDX-License-Identifier: MIT */
/* err.h - codes for programs, text for people; both travel by parameter. */
#ifndef SK_ERR_H
#define SK_ERR_H
#include <snek/types.h>

/* Fill in code and text (and errno, when the code is about the system) and
 * return the code.  e may be NULL. */
__attribute__((format(printf, 3, 4)))
int sk_fail(struct snek_error *e, int code, const char *fmt, ...);

/* The same, with ": " and errno's text appended, and the code that errno
 * asks for: SNEK_EACCES, SNEK_ENOENT, SNEK_ENOMEM, else SNEK_EIO. */
__attribute__((format(printf, 2, 3)))
int sk_fail_errno(struct snek_error *e, const char *fmt, ...);

/* Put "which: " in front of a text that a callee has set; returns e's code. */
__attribute__((format(printf, 3, 4)))
int sk_fail_in(struct snek_error *e, int code, const char *fmt, ...);

int sk_enomem(struct snek_error *e);
const char *sk_strerror(int code);
/* What it is called in JSON, for ever. */
const char *sk_error_name(int code);
/* The code of such a name; 0: it is none's. */
int sk_error_code(const char *name);
#endif
