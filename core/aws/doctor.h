/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - is all well at AWS?  Each check is told with what was found and, if
 * that is not well, the cure.  Nothing is changed.
 *
 *   doctor.c         who we are, the clock, what the account lets in
 *   doctor_rights.c  what we may do
 *   doctor_stack.c   a stack, its functions and servers
 *   doctor_hops.c    its API, and what is behind it as the API sees it
 */
#ifndef SK_AWS_DOCTOR_H
#define SK_AWS_DOCTOR_H
#include <snek/snek.h>

#include "aws/stack.h"

/* What the profile says; NULL: nothing. */
struct sk_aws_doctor {
	const char *stack;
	const char *api, *role, *subnets, *security_groups;
	int (*visit)(void *, const struct snek_check *);
	void *arg;
	/* ---- of the checks ---- */
	struct sk_aws *aws;
	int rc;                         /* not 0: the visit wants no more */
	char arn[300], account[20];     /* who we are */
};
int sk_aws_doctor(struct sk_aws *, struct sk_aws_doctor *);

/* ---- between the files doctor*.c ---- */

__attribute__((format(printf, 5, 6)))
void sk_aws_doctor_say(struct sk_aws_doctor *, enum snek_verdict,
    const char *name, const char *cure, const char *fmt, ...);
/* A call without a body, to be read as JSON; the reply is to be freed. */
int sk_aws_doctor_get(struct sk_aws_doctor *, const char *service,
    const char *action, const char *path, struct sk_aws_reply *,
    struct snek_error *);
void sk_aws_doctor_rights(struct sk_aws_doctor *);
void sk_aws_doctor_stack(struct sk_aws_doctor *);
/* find: the function that answers GET /v1/health. */
void sk_aws_doctor_hops(struct sk_aws_doctor *, const char *api,
    const char *find);
#endif
