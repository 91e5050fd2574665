/* SPDX-License-Identifier: MIT */
/* utf8.h - UTF-8 (RFC 3629), strictly. */
#ifndef SK_UTF8_H
#define SK_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that starts at p, or 0 when there is none in n. */
unsigned sk_utf8_length(const char *p, size_t n);
/* Write a code point that is no surrogate; returns the bytes used, 1 to 4. */
unsigned sk_utf8_put(char *p, uint32_t code);
/* Offset of the first byte that begins no character, or n. */
size_t sk_utf8_check(const char *, size_t n);
#endif
