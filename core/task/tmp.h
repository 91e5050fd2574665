/* SPDX-License-Identifier: MIT */
/*
 * tmp.h - temporary files that nobody sees and that end with their last
 * descriptor.
 *
 * Where a process may open nothing, the directory is "fd:N:DIR": a socket at
 * whose other end somebody answers each byte with the descriptor of such a
 * file in DIR, and each uint64_t with that of a file in memory, of so many
 * bytes, which cannot grow or shrink.
 */
#ifndef SK_TMP_H
#define SK_TMP_H
#include "base/err.h"
#include <stdint.h>

#define SK_TMP_ASK "fd:"

/* A descriptor above 2, closed on exec, or an error. */
int sk_tmp_open(const char *dir, struct snek_error *);
/* In memory; -1: there is none to be had. */
int sk_tmp_memory(const char *dir, uint64_t bytes);
/* Another descriptor of it, through which nobody can write; -1 and errno. */
int sk_tmp_read_only(int fd);
/* Writing to one in dir failed after so many bytes: why, by errno. */
int sk_tmp_fail(const char *dir, uint64_t after, struct snek_error *);
/* The other end: answer one request.  0, or SNEK_EIO when nobody asks there
 * any more.  Of memory there is so much, from which is taken what is given. */
int sk_tmp_answer(int sock, const char *dir, uint64_t *memory);
#endif
