/* SPDX-License-Identifier: MIT */
/* disk.h - the host's own directory, and what is put there. */
#ifndef SK_DISK_H
#define SK_DISK_H
#include "base/buf.h"
#include "base/err.h"

/*
 * A fresh directory below tmp, locked while this process lives.  Those of
 * earlier hosts that were killed are removed on the way.  *lock is to be
 * kept open.
 */
int sk_disk_open(const char *tmp, char **dir, int *lock, struct snek_error *);

/* Everything below and the directory itself; symbolic links are not followed.
 * What cannot be removed is left. */
void sk_remove_tree(const char *dir);

/* The path of a name in a directory; NULL: no memory. */
char *sk_disk_path(const char *dir, const char *name);
int sk_disk_write(const char *path, struct sk_span, struct snek_error *);
/* A whole file of at most max bytes. */
int sk_disk_read(const char *path, size_t max, struct sk_buf *,
    struct snek_error *);
#endif
