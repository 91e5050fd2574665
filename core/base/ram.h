/* SPDX-License-Identifier: MIT */
/* ram.h - how much memory there is for this process: the machine's, or what
 * its cgroups allow. */
#ifndef SK_RAM_H
#define SK_RAM_H
#include <stdint.h>

/* Bytes, at least 1 MiB.  root: "", or a directory in place of "/". */
uint64_t sk_ram(const char *root);
#endif
