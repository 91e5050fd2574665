/* SPDX-License-Identifier: MIT */
/* yard_lcs.h - all pairs of the texts of a file of JSON lines. */
#ifndef YARD_LCS_H
#define YARD_LCS_H

/* Prints a line of JSON for each text; more than 64 threads are too many. */
void yard_lcs(const char *path, unsigned threads);
#endif
