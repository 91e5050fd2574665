/* SPDX-License-Identifier: MIT */
/*
 * tmp.h - temporary files that nobody sees and that end with their last
 * descriptor.
 *
 * Where a process may open nothing, the directory is "fd:N:DIR": a socket at
 * whose other end somebody answers each byte with the descriptor of such a
 * file in DIR.
 */
#ifndef SK_TMP_H
#define SK_TMP_H
#include "base/err.h"
#include <stdint.h>

#define SK_TMP_ASK "fd:"

/* A descriptor above 2, closed on exec, or an error. */
int sk_tmp_open(const char *dir, struct snek_error *);
/* Another descriptor of it, through which nobody can write; -1 and errno. */
int sk_tmp_read_only(int fd);
/* Writing to one in dir failed after so many bytes: why, by errno. */
int sk_tmp_fail(const char *dir, uint64_t after, struct snek_error *);
/* The other end: answer one request.  0, or SNEK_EIO when nobody asks there
 * any more. */
int sk_tmp_answer(int sock, const char *dir);
#endif
