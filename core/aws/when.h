/* SPDX-License-Identifier: MIT */
/* when.h - the times that AWS writes, as seconds since 1970. */
#ifndef SK_WHEN_H
#define SK_WHEN_H
#include <stdbool.h>
#include <stdint.h>

/* 2026-11-23T12:00:00[.123](Z|UTC|+hh:mm) */
bool sk_when_iso(const char *, int64_t *);
/* Mon, 23 Nov 2026 12:00:00 GMT */
bool sk_when_http(const char *, int64_t *);
#endif
