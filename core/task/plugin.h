/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - a plugin file, checked and loaded.
 *
 * The ELF header is read before dlopen, so that a file that is no plugin or
 * is for another machine gets a message of ours.  dlopen is RTLD_NOW |
 * RTLD_LOCAL, with the floating-point state saved and restored round it (a
 * plugin linked with -ffast-math changes it).  Structs are copied by their
 * stated sizes into ours: shorter ones read as zero beyond their end, longer
 * ones are refused unless the unknown tail is zero.
 */
#ifndef SK_PLUGIN_H
#define SK_PLUGIN_H
#include "base/err.h"
#include "value/value.h"
#include <snek/plugin.h>

struct sk_op {
	struct snek_op op;
	struct snek_arg *arg;           /* args of them, copied */
	uint32_t args;
};
struct sk_plugin {
	char name[129], version[64];
	uint32_t ops;
	struct sk_op *op;
	void *handle;
};

/* SNEK_ENOENT (no such file), SNEK_EABI (no plugin, other machine, other ABI,
 * missing library or symbol), with what to do. */
int sk_plugin_open(const char *path, struct sk_plugin **, struct snek_error *);
/* The code stays loaded: threads, destructors and thread-local storage of a
 * plugin make unloading unsafe. */
void sk_plugin_close(struct sk_plugin *);
/* op NULL or "": the only op.  SNEK_ENOENT with the names there are. */
const struct sk_op *sk_plugin_op(const struct sk_plugin *, const char *op,
    struct snek_error *);

/* ---- arguments of an op: declared, checked, defaults filled in ---- */

struct sk_args {
	struct snek_value *value;       /* by position in sk_op.arg */
	struct sk_buf *scratch;
	uint32_t n;
};
/*
 * json: an object or NULL; text: n pairs of name=value, which win.  Unknown
 * name (with "did you mean"), wrong type, missing required one, a choice that
 * is none: SNEK_EINVAL, saying what is allowed.
 */
struct sk_arg_text {
	const char *name, *value;
};
int sk_args_parse(struct sk_args *, const struct sk_op *, const char *json,
    const struct sk_arg_text *text, size_t n, struct snek_error *);
void sk_args_free(struct sk_args *);

/* The nearest of some words within edit distance 2 (3 for long ones), or NULL. */
const char *sk_did_you_mean(const char *word, const char *const *words, size_t n);
#endif
