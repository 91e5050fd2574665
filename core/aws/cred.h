/* SPDX-License-Identifier: MIT */
/* cred.h - who we are to AWS. */
#ifndef SK_CRED_H
#define SK_CRED_H
#include "aws/settings.h"

struct sk_cred {
	char *key_id, *secret, *token;  /* token: NULL but for sessions */
	int64_t expires;                /* seconds since 1970; 0: never */
};

void sk_cred_free(struct sk_cred *);
/* As the chain of providers says. */
int sk_cred_find(const struct sk_settings *, struct sk_cred *,
    struct snek_error *);
#endif
