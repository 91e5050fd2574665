/* SPDX-License-Identifier: MIT */
/* library.h - where the loader would find a library on this machine. */
#ifndef SK_LIBRARY_H
#define SK_LIBRARY_H
#include <limits.h>

#include "task/elf_file.h"

/* A file of the closure (aws/closure.h). */
struct sk_object {
	char *name;                     /* as others need it */
	char *path;                     /* where it lies here */
	struct sk_elf_file elf;
	const struct sk_object *by;     /* who needs it; NULL: nobody but us */
};

struct sk_library {
	unsigned machine;               /* EM_X86_64 ... */
	char *env;                      /* $LD_LIBRARY_PATH */
	struct sk_buf cache;
};
int sk_library_open(struct sk_library *, unsigned machine, struct snek_error *);
void sk_library_close(struct sk_library *);

/* Find and read what by needs under a name.  SNEK_ENOENT, with words for where
 * one was that is of no use, or none; SNEK_ENOMEM. */
int sk_library_find(const struct sk_library *, const char *name,
    const struct sk_object *by, char path[PATH_MAX], struct sk_elf_file *,
    struct snek_error *);
#endif
