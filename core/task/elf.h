/* SPDX-License-Identifier: MIT */
/* elf.h - is a file a shared object, and for which machine?  Only its headers
 * are read, and nothing of it is run. */
#ifndef SK_ELF_H
#define SK_ELF_H
#include "base/err.h"

/* SNEK_ENOENT (no such file), SNEK_EACCES, SNEK_EABI, with the file's name. */
int sk_elf_check(const char *path, struct snek_error *);
/* The same for one that may be for another machine of 64 bits, whose number
 * (EM_X86_64 ...) it tells. */
int sk_elf_check_any(const char *path, unsigned *machine, struct snek_error *);
/* "x86-64"; of an unknown number buf, filled in. */
const char *sk_elf_machine_name(unsigned number, char buf[24]);
#endif
