/* SPDX-License-Identifier: MIT */
/* weburl.h - which URLs records may be sent to. */
#ifndef SK_WEBURL_H
#define SK_WEBURL_H
#include "base/err.h"

#define SK_WEBURL_MAX 2047u                /* bytes of a URL */

/* SNEK_EINVAL, saying why, unless it is https://HOST..., or http:// to a
 * loopback address; without user, password and fragment, percent-encoded. */
int sk_weburl_check(const char *url, struct snek_error *);
/* Is HOST or HOST:PORT, alone or with a path behind it, this machine by a name
 * that nobody else can give away: localhost, 127.0.0.0/8 or [::1]? */
bool sk_weburl_is_loopback(const char *host);
#endif
