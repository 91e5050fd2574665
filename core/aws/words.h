/* SPDX-License-Identifier: MIT */
/* words.h - a command line as words, by a shell's rules of quoting and nothing
 * else of a shell. */
#ifndef SK_WORDS_H
#define SK_WORDS_H
#include "base/arena.h"
#include "base/err.h"

/* A NULL at the end; they live as long as the arena.  SNEK_EINVAL: a quote is
 * not closed, there are none, or too many. */
int sk_words_split(const char *text, struct sk_arena *, char ***out,
    struct snek_error *);
#endif
