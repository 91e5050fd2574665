/* SPDX-License-Identifier: MIT */
/*
 * ini.h - the files under ~/.aws, by their own rules: [section], key = value,
 * comments at the start of a line or behind a blank, values of any length.
 */
#ifndef SK_INI_H
#define SK_INI_H
#include "base/arena.h"
#include "base/err.h"

struct sk_ini_entry;

/* A zeroed one is empty. */
struct sk_ini {
	struct sk_arena mem;
	struct sk_ini_entry *entry;
	size_t n, cap;
	bool open_to_all;               /* others than its owner can read it */
};

/* SNEK_ENOENT, without text: there is no such file.  SNEK_EFORMAT says which
 * line of path is wrong. */
int sk_ini_read(struct sk_ini *, const char *path, struct snek_error *);
int sk_ini_parse(struct sk_ini *, const char *path, const char *text, size_t n,
    struct snek_error *);
void sk_ini_free(struct sk_ini *);

bool sk_ini_has(const struct sk_ini *, const char *section);
/* A section is named as between its brackets, with one blank ("profile work").
 * "parent.key" is what is indented under a parent without a value of its own.
 * NULL: it is not there; lives as long as the struct. */
const char *sk_ini_get(const struct sk_ini *, const char *section,
    const char *key);
#endif
