/* SPDX-License-Identifier: MIT */
/* root.h - where the bundle lies that a program was started from, and what its
 * libraries are to find there. */
#ifndef SK_WORKER_ROOT_H
#define SK_WORKER_ROOT_H
#include <stddef.h>

/* program: argv[0], which the launcher makes root + end; by another name it is
 * where functions lie. */
void sk_root_find(const char *program, const char *end, char *root, size_t room);
/* Say in the environment where the modules are and which authorities are
 * trusted: none of it is where it was built. */
void sk_root_environment(const char *root);
#endif
