/* SPDX-License-Identifier: MIT */
/* A shared object that is no plugin. */
extern __attribute__((visibility("default"))) int other_symbol;
int other_symbol = 1;
