/* SPDX-License-Identifier: MIT */
/* client.h - one sk_aws: settings, credentials, connections.  For call.c, and
 * for whoever asks AWS who we are. */
#ifndef SK_CLIENT_H
#define SK_CLIENT_H
#include "aws/cred.h"
#include "aws/endpoint.h"
#include "aws/http.h"
#include "aws/retry.h"

struct sk_aws {
	struct sk_settings settings;
	bool borrowed;                  /* they are another's; so are the keys */
	bool anonymous;                 /* nothing is signed */
	bool plain;                     /* nor is AWS spoken to */
	struct sk_cred cred;
	int64_t renew;                  /* not before (seconds since 1970) */
	int64_t skew;                   /* AWS's clock minus ours, in seconds */
	struct sk_http *http;
	struct sk_quota quota;
	uint32_t tries;
	struct sk_aws_call *calls, *soonest, *latest;
	int ended;                      /* calls, in this step */
};

/* With the same settings, which must live as long, but in a region (NULL: the
 * same, or us-east-1 where none is said), not at the endpoint of the options,
 * and as who (NULL: nothing is signed). */
int sk_aws_open_as(const struct sk_settings *, const char *region,
    const struct sk_cred *who, struct sk_aws **, struct snek_error *);

int64_t sk_aws_now(const struct sk_aws *);      /* by AWS's clock */
/* Credentials that are good for a while, in cred; may take its time. */
int sk_aws_identify(struct sk_aws *, struct snek_error *);
/* They are no good any more; true: there are others now. */
bool sk_aws_renew(struct sk_aws *);
int sk_aws_where(const struct sk_aws *, const struct sk_aws_request *,
    struct sk_endpoint *, struct snek_error *);
#endif
