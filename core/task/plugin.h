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
#include "task/args.h"

struct sk_callee;
struct sk_op {
	struct snek_op op;              /* strings are the plugin's */
	struct snek_arg *arg;           /* args of them, copied */
	uint32_t args;
	struct sk_callee *callee;       /* a C function stands behind it */
};
struct sk_plugin {
	char name[65], version[64];
	uint32_t ops;
	struct sk_op *op;
	void *handle;                   /* NULL: described by another process, */
	struct sk_arena text;           /* and this is what it said */
};

/* SNEK_ENOENT (no such file), SNEK_EABI (no plugin, other machine, other ABI,
 * missing library or symbol), with what to do. */
int sk_plugin_open(const char *path, struct sk_plugin **, struct snek_error *);
/* The part of it after dlopen: check and copy what the symbol says.  room: the
 * symbol's size in the file, 0 where that is not stated. */
int sk_plugin_read(struct sk_plugin *, const void *symbol, size_t room,
    struct snek_error *);
/* The code stays loaded: threads, destructors and thread-local storage of a
 * plugin make unloading unsafe. */
void sk_plugin_close(struct sk_plugin *);
/* A function of a shared library, by file (with '/') or as the loader finds it.
 * SNEK_ENOENT (no such library or function), SNEK_EABI. */
int sk_plugin_symbol(const char *library, const char *name,
    void (**out)(void), struct snek_error *);
/* op NULL or "": the only op.  SNEK_ENOENT with the names there are. */
const struct sk_op *sk_plugin_op(const struct sk_plugin *, const char *op,
    struct snek_error *);
#endif
