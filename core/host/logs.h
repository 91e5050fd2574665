/* SPDX-License-Identifier: MIT */
/* logs.h - what functions have printed, as CloudWatch Logs tells it: its
 * operation FilterLogEvents. */
#ifndef SK_LOGS_H
#define SK_LOGS_H
#include "host/host.h"

/* A request with an X-Amz-Target. */
void sk_logs_take(struct sk_host *, struct sk_request *);
#endif
