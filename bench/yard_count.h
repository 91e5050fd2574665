/* SPDX-License-Identifier: MIT */
/* yard_count.h - counting by package where nearly every key is another. */
#ifndef YARD_COUNT_H
#define YARD_COUNT_H
#include "yard_file.h"

/* Prints package and count, a line each.  Memory that runs out ends it. */
void yard_count(const struct yard_file *, unsigned threads);
#endif
