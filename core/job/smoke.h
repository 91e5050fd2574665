/* SPDX-License-Identifier: MIT */
/* smoke.h - does a function at AWS work?  One invocation with a record of each
 * type tells. */
#ifndef SK_SMOKE_H
#define SK_SMOKE_H
#include "aws/aws.h"
#include "store/meta.h"

struct sk_smoke {
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	const char *name, *sha256;      /* of the function; of its plugin */
	const struct sk_meta_function *record;  /* of its first function */
	void (*said)(void *, const char *text);         /* may be NULL */
	void *said_arg;
	const char *arn;                /* of a version; NULL: the newest */
	struct sk_buf *about;           /* gets what the plugin says of itself,
					 * as sk_put_plugin has it; or NULL */
};
/* SNEK_EPLUGIN: it died, or does not start; SNEK_EFORMAT: what answered is not
 * our worker.  The end of its log is said, line by line. */
int sk_smoke_run(const struct sk_smoke *, struct snek_error *);
#endif
