/* SPDX-License-Identifier: MIT */
/* elf.h - is a file a shared object for this machine?  Only its header is
 * read, and nothing of it is run. */
#ifndef SK_ELF_H
#define SK_ELF_H
#include "base/err.h"

/* SNEK_ENOENT (no such file), SNEK_EACCES, SNEK_EABI, with the file's name. */
int sk_elf_check(const char *path, struct snek_error *);
#endif
