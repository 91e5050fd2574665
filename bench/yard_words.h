/* SPDX-License-Identifier: MIT */
/* yard_words.h - the least that a mapper in a shared object can be. */
#ifndef YARD_WORDS_H
#define YARD_WORDS_H
#include <stdint.h>

typedef void yard_emit(void *to, const char *key, uint32_t n, int64_t value);
typedef void yard_map(const char *text, uint32_t n, yard_emit *, void *to);

yard_map yard_words;
#endif
