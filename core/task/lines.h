/* SPDX-License-Identifier: MIT */
/*
 * lines.h - where in its source an address of a shared object comes from.
 *
 * The file is anybody's, and what reads its debug information is not made for
 * that: do it only in a process that may come to harm.
 */
#ifndef SK_LINES_H
#define SK_LINES_H
#include <stdbool.h>
#include <stdint.h>

struct sk_line {
	char function[128];             /* "": not known */
	char file[128];                 /* its last part; "": not known */
	uint32_t line;                  /* 0: not known */
	uint64_t offset;                /* from the start of the function */
};

typedef struct sk_lines sk_lines;
/* NULL: nothing can be known of it.  path may be /proc/self/fd/N. */
sk_lines *sk_lines_open(const char *path);
void sk_lines_close(sk_lines *);
/* at: as addresses lie in the file.  What is not known is left empty. */
void sk_lines_find(sk_lines *, uint64_t at, struct sk_line *);

/* Debug information, where the build and the machine have a reader for it:
 * lines_dwarf.c, or lines_none.c in its place.  False: it says nothing. */
typedef struct sk_dwarf sk_dwarf;
sk_dwarf *sk_dwarf_open(const char *path);      /* or NULL */
void sk_dwarf_close(sk_dwarf *);
bool sk_dwarf_find(sk_dwarf *, uint64_t at, struct sk_line *);
#endif
