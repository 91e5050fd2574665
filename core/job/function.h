/* SPDX-License-Identifier: MIT */
/*
 * function.h - a name that can be queried, found and loaded.
 *
 * A name with '/' is a plugin file (FILE.so, or FILE.so:OP); else what is
 * registered in the cluster; else what ships with snek, in the directories of
 * $SNEK_PLUGIN_PATH (with colons between) and then the installed one.
 * PLUGIN names a plugin's only op, PLUGIN.OP one of several.  What is
 * registered may also be a C function of any library, or a URL; and may run in
 * a Lambda of its own.
 */
#ifndef SK_FUNCTION_H
#define SK_FUNCTION_H
#include "category/catalog.h"
#include "exec/worker.h"

struct sk_function {
	struct sk_plugin *plugin;       /* of a URL: one op, which fails to map */
	const struct sk_op *op;
	const char *origin;             /* "registered", "shipped" or "file" */
	char *path;                     /* of plugin or library; NULL: of a URL,
					 * or a library that the loader finds */
	char sha256[65];                /* "": nobody asked */
	uint64_t generation;
	int file;                       /* its bytes, sealed; 0: it is loaded */
	/* What is registered: its kind, the URL, its Lambda; or NULL. */
	struct sk_meta_function *record;
	struct sk_call call;            /* lib NULL: it is no C function */
};

/*
 * cat may be NULL.  SNEK_ENOENT says what was meant, perhaps.  With a worker
 * the plugin is loaded and described there, and no code of it comes into this
 * process; without one it is loaded here.
 */
int sk_function_find(struct sk_catalog *cat, sk_worker *, const char *name,
    struct sk_function *, struct snek_error *);
/* The same in two steps.  look: what is registered, if anything is; the rest
 * is untouched (zeroed before). */
int sk_function_look(struct sk_catalog *cat, const char *name,
    struct sk_function *, struct snek_error *);
int sk_function_load(struct sk_catalog *cat, sk_worker *, const char *name,
    struct sk_function *, struct snek_error *);
void sk_function_free(struct sk_function *);
/* Have its sha256: it takes longer than the rest for a plugin of some size. */
int sk_function_digest(struct sk_function *, struct snek_error *);

/* What a plugin file says of itself, in a child that saw no other. */
int sk_function_describe(sk_worker *, const char *path, struct sk_plugin **,
    struct snek_error *);

/* Calls visit with the name of each function there is, registered ones first;
 * a shipped one behind a registered one of the same name is left out. */
int sk_function_names(struct sk_catalog *cat, sk_worker *,
    int (*visit)(void *, const char *name), void *, struct snek_error *);

/* Calls visit with each directory that may hold shipped plugins, in the order
 * in which they are looked at; it need not be there. */
int sk_function_dirs(int (*visit)(void *, const char *dir), void *);
#endif
