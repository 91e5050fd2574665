/* SPDX-License-Identifier: MIT */
/*
 * addition.h - a plugin, a C function or a URL on its way into the cluster:
 * everything that speaks against it is found before anything is stored.
 *
 *   sk_addition_plugin, _call or _url; perhaps sk_addition_lambda; commit; free
 */
#ifndef SK_ADDITION_H
#define SK_ADDITION_H
#include "job/function.h"

struct sk_addition {
	struct sk_function file;        /* of plugin or library; path NULL: none */
	struct sk_buf bytes;            /* of it */
	char name[SK_NAME_MAX + 1];     /* the plugin's, or that of the rest */
	struct sk_meta_function *record;        /* what will be registered */
	uint32_t records;
};

/* All of them: SNEK_EEXIST unless replace, for a name that ships or that is of
 * something else.  On failure there is nothing to free. */
int sk_addition_plugin(struct sk_catalog *, sk_worker *, const char *path,
    bool replace, struct sk_addition *, struct snek_error *);
/* The library is loaded once, in a child; trust: which is not confined. */
int sk_addition_call(struct sk_catalog *, const char *name,
    const struct sk_call *, bool replace, bool trust, struct sk_addition *,
    struct snek_error *);
int sk_addition_url(struct sk_catalog *, const char *name, const char *url,
    bool replace, struct sk_addition *, struct snek_error *);
/* What else has the Lambda of the same name keeps it.  *changed: something
 * is; may be NULL. */
int sk_addition_commit(struct sk_catalog *, struct sk_addition *,
    bool *changed, struct snek_error *);
void sk_addition_free(struct sk_addition *);
#endif
