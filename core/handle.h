/* SPDX-License-Identifier: MIT */
/* handle.h - what stands behind the public handles; for the front door only. */
#ifndef SK_HANDLE_H
#define SK_HANDLE_H
#include <snek/snek.h>

#include "api/client.h"
#include "category/catalog.h"

struct snek_cluster {                   /* one of both */
	struct sk_catalog *cat;
	struct sk_client *client;       /* it is behind a gateway */
	char *profile;                  /* by whose name that was opened; or NULL */
};

/* The directory that NULL means, with a NUL; *named: the user named it. */
int sk_cluster_default(struct sk_buf *, bool *named, struct snek_error *);

/* SNEK_EINVAL, saying what is missing, if p is NULL. */
int sk_need(const void *p, const char *what, struct snek_error *);

/* A cluster that this process itself reaches: SNEK_EINVAL for none, and for one
 * behind a gateway, through which this is not done. */
int sk_need_cluster(const snek_cluster *, struct snek_error *);

/* The catalog of its functions, also of one behind a gateway; *own is to be
 * closed, or NULL. */
int sk_function_catalog(const snek_cluster *, struct sk_catalog **,
    struct sk_catalog **own, struct snek_error *);

/* SNEK_EACCES: functions are not added, changed or removed from here. */
int sk_function_catalog_to_change(const snek_cluster *, struct sk_catalog **,
    struct sk_catalog **own, struct snek_error *);

/* snek_category_copy where one side is behind a gateway (snek_relay.c). */
int sk_relay(snek_cluster *from, const char *category, snek_cluster *to,
    const struct snek_copy_options *, struct snek_copy_report *,
    struct snek_error *);

/* snek_result_write of a job that runs here; tick (or NULL) is called every so
 * many records, and before the commit: what it fails with, the write does. */
int sk_result_write(snek_job *, snek_cluster *to, const char *category,
    const struct snek_writer_options *,
    int (*tick)(void *, struct snek_error *), void *, struct snek_receipt *,
    struct snek_error *);

/* Copy a struct of options that begins with its size into ours (zeroed
 * beyond theirs); NULL gives all zeroes. */
int sk_options_copy(void *own, size_t own_size, const void *theirs,
    struct snek_error *);
/* Before the work: a report (or NULL) must say its size. */
int sk_report_check(const void *theirs, struct snek_error *);
/* Copy a report into theirs, as much as its size says it holds. */
void sk_report(void *theirs, const void *own, size_t own_size);
#endif
