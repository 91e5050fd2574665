/* SPDX-License-Identifier: MIT */
/* rest.h - Lambda's operations: one function each, found by method and path. */
#ifndef SK_REST_H
#define SK_REST_H
#include "host/answer.h"
#include "host/fields.h"
#include "host/host.h"
#include "host/uri.h"

/* A request on its way to its operation. */
struct sk_call {
	struct sk_host *host;
	struct sk_request *request;
	struct sk_uri uri;
	char region[33];                /* that it was signed for */
	char qualifier[129];            /* of the query, else of the name; or "" */
	char name[65];
	struct sk_function *function;   /* NULL: the operation wants none */
	struct sk_fields body;
};
/* True: something was wrong, and it has been answered. */
bool sk_call_refused(struct sk_call *, const struct sk_fields *);
/* RevisionId, if given, is not this one. */
bool sk_call_outdated(struct sk_call *, const char *revision);
/* The function is being made or updated, or its RevisionId is another; or what
 * was wrong with the body. */
bool sk_call_busy(struct sk_call *);
void sk_call_not_found(struct sk_call *);

extern const struct sk_port_ops sk_rest_ops;            /* arg: the host */

/* describe.c */
bool sk_describe_version(struct sk_buf *, const struct sk_function *,
    const struct sk_version *, bool all_versions);
bool sk_describe_alias(struct sk_buf *, const struct sk_function *,
    const struct sk_alias *);

/* page.c: a list in pages (Marker, MaxItems, NextMarker). */
struct sk_page {
	struct sk_buf body;
	size_t skip, most, seen, put;
	bool more, ok;
};
/* False: it has been answered. */
bool sk_page_begin(struct sk_call *, struct sk_page *, const char *name);
/* For each of the whole list: does this one go on the page? */
bool sk_page_wants(struct sk_page *);
void sk_page_end(struct sk_call *, struct sk_page *, bool ok);

/* "Tags":{...}, out and in. */
bool sk_put_tags(struct sk_buf *, const struct sk_function *);
void sk_take_tags(struct sk_fields *, struct sk_function *);

/* configure.c: what a body says, over what is there. */
void sk_configure(struct sk_fields *, struct sk_config *);
/* code.c: the zip that it names, unpacked; NULL: refused, and answered. */
struct sk_code *sk_code_take(struct sk_call *, struct sk_fields *from);

/* rest_function.c */
void sk_rest_create(struct sk_call *);
void sk_rest_get(struct sk_call *);
void sk_rest_get_configuration(struct sk_call *);
void sk_rest_update_code(struct sk_call *);
void sk_rest_update_configuration(struct sk_call *);
void sk_rest_delete(struct sk_call *);
void sk_rest_list(struct sk_call *);
void sk_rest_invoke(struct sk_call *);
void sk_rest_snapshot(struct sk_call *);
/* At the end: what was to take its time is done. */
void sk_rest_settle_all(struct sk_host *);
/* rest_version.c */
void sk_rest_publish(struct sk_call *);
void sk_rest_list_versions(struct sk_call *);
void sk_rest_create_alias(struct sk_call *);
void sk_rest_update_alias(struct sk_call *);
void sk_rest_get_alias(struct sk_call *);
void sk_rest_delete_alias(struct sk_call *);
void sk_rest_list_aliases(struct sk_call *);
/* rest_limit.c */
void sk_rest_put_concurrency(struct sk_call *);
void sk_rest_get_concurrency(struct sk_call *);
void sk_rest_delete_concurrency(struct sk_call *);
void sk_rest_account(struct sk_call *);
void sk_rest_list_tags(struct sk_call *);
void sk_rest_tag(struct sk_call *);
void sk_rest_untag(struct sk_call *);
#endif
