/* SPDX-License-Identifier: MIT */
/* launcher.h - what the launcher takes of the machine: how a program begins,
 * and how it calls the kernel.  One file a machine: launcher_MACHINE.c. */
#ifndef SK_LAUNCHER_H
#define SK_LAUNCHER_H

/* The kernel's answer: less than 0 is an errno, negative. */
long sk_launcher_call(long number, long a, long b, long c, long d);

/* Called with the stack as the kernel made it: argc, argv, NULL, environment,
 * NULL, auxiliary vector. */
__attribute__((noreturn)) void sk_launcher_main(const unsigned long *stack);
#endif
