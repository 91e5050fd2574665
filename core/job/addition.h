/* SPDX-License-Identifier: MIT */
/*
 * addition.h - a plugin, a C function or a URL on its way into the cluster:
 * everything that speaks against it is found before anything is stored.
 *
 *   sk_addition_plugin, _call or _url; perhaps sk_addition_lambda; commit; free
 */
#ifndef SK_ADDITION_H
#define SK_ADDITION_H
#include "aws/aws.h"
#include "category/target.h"
#include "job/function.h"

struct sk_addition {
	struct sk_function file;        /* of plugin or library; path NULL: none */
	struct sk_buf bytes;            /* of it */
	char name[SK_NAME_MAX + 1];     /* the plugin's, or that of the rest */
	struct sk_meta_function *record;        /* what will be registered */
	uint32_t records;
	bool trust;                     /* a library is looked at unconfined */
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
/* One whose plugin is elsewhere: what it says of itself, which is taken over. */
int sk_addition_described(struct sk_plugin *, const char *sha256,
    struct sk_addition *, struct snek_error *);
/*
 * addition_lambda.c: put it into a Lambda of its own, and prove there that it
 * works; the records say so then.  What is NULL or 0 in the want is as the
 * cluster's target says, else as AWS's own programs would have it.
 */
struct sk_lambda_want {
	struct sk_target target;        /* its texts are the caller's */
	const char *arch;               /* that it must be; or NULL */
	const char *const *include;
	size_t includes;
	const struct sk_aws_header *env;
	size_t envs;
	bool with_tls;                  /* beyond what the cluster needs */
	bool dry_run;
	void (*said)(void *, const char *text);         /* may be NULL */
	void *said_arg;
	/* What a dry run found, or was done; may be NULL. */
	struct sk_lambda_state *state;
};
int sk_addition_lambda(struct sk_catalog *, struct sk_addition *,
    const struct sk_lambda_want *, struct snek_error *);
/* Only the zip; of any file, and cat may be NULL. */
int sk_addition_bundle(const struct sk_catalog *, const char *path,
    const struct sk_lambda_want *, struct sk_bundle *, struct snek_error *);
/* As whom and where to call AWS for a function of the cluster; known: where it
 * is already, or NULL.  *aws is closed by ops->close. */
int sk_function_aws(struct sk_catalog *, const struct sk_lambda_want *,
    const struct sk_meta_lambda *known, const struct sk_aws_ops **,
    struct sk_aws **, struct snek_error *);

/* What of a Lambda is not registered stays as it was.  *changed: something
 * is; may be NULL. */
int sk_addition_commit(struct sk_catalog *, struct sk_addition *,
    bool *changed, struct snek_error *);
void sk_addition_free(struct sk_addition *);
#endif
