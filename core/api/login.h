/* SPDX-License-Identifier: MIT */
/*
 * login.h - who the API's functions are to ElastiCache's servers: a user of
 * SNEK_REDIS_USER with a password for each server that is a presigned URL, good
 * for 15 minutes to connect with; or nobody, with one token for all servers,
 * which Secrets Manager keeps (login_token.c).  They are written into a profile
 * of snek.conf(5), in a file of this environment's own, under TMPDIR.
 */
#ifndef SK_API_LOGIN_H
#define SK_API_LOGIN_H
#include "aws/aws.h"
#include "base/clock.h"

/* So long AWS lets somebody log in with a password: ElastiCache's guide,
 * "Authenticating with IAM", says 15 minutes. */
#define SK_API_LOGIN_MS (15 * 60 * 1000)
/* Older ones are made anew: before a request, and before a job, which goes on
 * for as long as it can with those that it begins with. */
#define SK_API_LOGIN_OLD_MS (8 * 60 * 1000)
#define SK_API_LOGIN_FRESH_MS (60 * 1000)

struct sk_api_login {
	bool is;                        /* there is one */
	struct sk_moment made;
	struct sk_moment refused;       /* when no other was to be had, last */
	struct sk_buf urls;             /* with user and password: the meta
					 * store's, the shards', commas between */
};
#define SK_API_LOGIN_PROFILE "cloud"

/* Is it asked for?  SNEK_CACHES has the names of the caches: the meta store's,
 * then the shards', in the order of SNEK_META and SNEK_SHARDS; or
 * SNEK_TOKEN_SECRET the ARN of the token's secret. */
bool sk_api_login_is_wanted(void);
/* Make passwords anew, or ask for the token again, when the last ones are older
 * than so many ms, and have SNEK_CONFIG say where the profile is.  1: they are
 * others now; 0: they stay.  What is made lives as long as the process; where
 * the token cannot be had again, the last one is kept. */
int sk_api_login(struct sk_api_login *, const struct sk_aws_ops *,
    struct sk_aws *, int64_t oldest_ms, struct snek_error *);
/* ms until nobody can log in with them; a token has no such end. */
int64_t sk_api_login_left(const struct sk_api_login *);

#define SK_API_TOKEN 129u               /* bytes of one, with the NUL */
/* SNEK_EACCES: the role may not; SNEK_EFORMAT: it is none. */
int sk_api_token(const struct sk_aws_ops *, struct sk_aws *, const char *secret,
    char token[SK_API_TOKEN], struct snek_error *);
#endif
