/* SPDX-License-Identifier: MIT */
/* dpkg.h - which package of the system a file is from, where it has dpkg. */
#ifndef SK_DPKG_H
#define SK_DPKG_H
#include "base/buf.h"
#include "base/err.h"

#define SK_DPKG "/var/lib/dpkg"

struct sk_package {
	char name[128], version[128];   /* "": not known */
};

/* For each of n paths, without symbolic links, its package in the records in
 * that directory.  Only SNEK_ENOMEM is an error: there may be no dpkg. */
int sk_dpkg_find(const char *dir, const char *const *path, size_t n,
    struct sk_package *out, struct snek_error *);
#endif
