/* SPDX-License-Identifier: MIT */
/*
 * asked.h - what a query's object asks for: which function over which category,
 * how, how long its answer is waited for, and where the result goes.
 */
#ifndef SK_API_ASKED_H
#define SK_API_ASKED_H
#include <snek/snek.h>

#include "api/into.h"
#include "value/json_read.h"

struct sk_api;
struct sk_api_asked {
	sk_json_reader *json;           /* holds the object */
	struct sk_record said;
	char *category, *function;
	unsigned ms;                    /* to wait */
	struct sk_into into;
};
/* SNEK_EINVAL: what is not understood is not passed over.  The body must live
 * as long; free either way. */
int sk_asked_read(struct sk_api *, struct sk_span body, struct sk_api_asked *,
    struct snek_error *);
/* The same of {"name":CATEGORY,"function":NAME}, which has the other members,
 * too, but for those that its answer cannot speak of. */
int sk_asked_read_old(struct sk_api *, struct sk_span body,
    struct sk_api_asked *, struct snek_error *);
/* From the latter to the former, appended. */
int sk_asked_from_old(struct sk_api *, struct sk_span body, struct sk_buf *,
    struct snek_error *);
/* A job from it, to be started by the caller. */
int sk_asked_job(struct sk_api *, snek_cluster *, const struct sk_api_asked *,
    snek_job **, struct snek_error *);
void sk_asked_free(struct sk_api_asked *);
#endif
