/* SPDX-License-Identifier: MIT */
/* elf_world.h - small shared objects, linked as a test wants them. */
#ifndef TESTS_ELF_WORLD_H
#define TESTS_ELF_WORLD_H
#include "tempdir.h"

extern char elf_dir[64];                /* of the test */

/* A path in it; one of the last sixteen asked for. */
const char *elf_path(const char *name);

/* Link a text, and what flags say, into elf_path(name), with no library but
 * what they name; "DIR" in them is the directory.  A shared object of that
 * soname, or a program if they say so (-pie). */
const char *elf_link(const char *name, const char *source, const char *flags);

/* Write bytes at an offset of a file. */
void elf_patch(const char *path, long at, const void *bytes, size_t n);

/* A worker to be bundled: "worker", with a loader of its own, "ld-x.so.1",
 * and a file for its copyright; and a launcher, "launcher". */
void elf_worker(void);
#endif
