/* SPDX-License-Identifier: MIT */
/* file.h - small files and large writes that are whole or not there at all. */
#ifndef SK_FILE_H
#define SK_FILE_H
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/err.h"

/* Write all of v (which is used up), through signals and short writes; -1 and
 * errno, and then some of it may be written. */
int sk_file_write(int fd, struct iovec *v, int n);

/* Put bytes under name in the open directory dir: the old file or the new
 * one, never half of one, durable on return.  where: the directory's path. */
int sk_file_replace(int dir, const char *where, const char *name,
    struct sk_span bytes, struct snek_error *);

/* Append a file of at most max bytes to out.  SNEK_ENOENT without text;
 * SNEK_ELIMIT when it is larger. */
int sk_file_read(int dir, const char *where, const char *name, size_t max,
    struct sk_buf *out, struct snek_error *);

/* Make what was created in and removed from a directory durable. */
int sk_file_sync_dir(const char *path, struct snek_error *);

/* Set e to what errno says about writing path; a full disk names the cure. */
int sk_file_failed(struct snek_error *e, const char *path);
#endif
