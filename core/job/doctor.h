/* SPDX-License-Identifier: MIT */
/* doctor.h - does this machine, this build and a cluster work?  Each check is
 * told with what was found and, if that is not well, the cure. */
#ifndef SK_DOCTOR_H
#define SK_DOCTOR_H
#include "base/err.h"
#include <snek/snek.h>

/* named: the user named the directory (or URL or profile), so there must be a cluster. */
int sk_doctor(const char *where, bool named,
    int (*visit)(void *, const struct snek_check *), void *,
    struct snek_error *);

/* ---- between doctor.c, doctor_plugin.c and doctor_cluster.c ---- */

struct sk_doctor {
	int (*visit)(void *, const struct snek_check *);
	void *arg;
	int rc;                 /* not 0: the visit wants no more */
};
/* cure NULL: none is needed. */
__attribute__((format(printf, 5, 6)))
void sk_doctor_say(struct sk_doctor *, enum snek_verdict, const char *name,
    const char *cure, const char *fmt, ...);

struct sk_doctor_size { char s[16]; };
struct sk_doctor_size sk_doctor_bytes(uint64_t);       /* "6.8 GB" */

void sk_doctor_plugins(struct sk_doctor *);
/* *data: bytes of the largest category. */
void sk_doctor_cluster(struct sk_doctor *, const char *where, bool named,
    uint64_t *data);

struct sk_catalog;
struct sk_where;
void sk_doctor_categories(struct sk_doctor *, struct sk_catalog *,
    uint64_t *data);
/* doctor_servers.c: every hop to every server, and then the cluster. */
void sk_doctor_servers(struct sk_doctor *, struct sk_where *, uint64_t *data);
#endif
