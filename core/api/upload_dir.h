/* SPDX-License-Identifier: MIT */
/*
 * upload_dir.h - the files of a write in parts, in a directory of their own.
 * It is locked as long as its owner lives, so that what a killed one left can
 * be told from what another one is at.
 */
#ifndef SK_API_UPLOAD_DIR_H
#define SK_API_UPLOAD_DIR_H
#include "base/buf.h"
#include "base/err.h"

struct sk_upload_dir {                  /* zeroed: none */
	char *path;
	int fd;                         /* as long as there is a path */
};
int sk_upload_dir_make(struct sk_upload_dir *, const char *tmp,
    struct snek_error *);
/* Part n, which nobody else is writing; on failure there is none. */
int sk_upload_dir_put(const struct sk_upload_dir *, size_t n, struct sk_span,
    struct snek_error *);
/* A descriptor to read it by. */
int sk_upload_dir_open(const struct sk_upload_dir *, size_t n,
    struct snek_error *);
/* With all that is in it. */
void sk_upload_dir_remove(struct sk_upload_dir *);

/* Remove those of ours whose owner is gone. */
void sk_upload_dir_sweep(const char *tmp);
#endif
