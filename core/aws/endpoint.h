/* SPDX-License-Identifier: MIT */
/* endpoint.h - where a service is, and by which name and region its requests
 * are signed. */
#ifndef SK_ENDPOINT_H
#define SK_ENDPOINT_H
#include "aws/settings.h"

struct sk_endpoint {
	char url[512];                  /* without a '/' at its end */
	char signing[32], region[32];
};

int sk_endpoint_find(const struct sk_settings *, const char *service,
    struct sk_endpoint *, struct snek_error *);
/* What hosts of a region end in: "amazonaws.com". */
const char *sk_endpoint_suffix(const char *region);
/* A URL is named anyhow: what it is signed for. */
int sk_endpoint_sign(const struct sk_settings *, const char *service,
    struct sk_endpoint *, struct snek_error *);
#endif
