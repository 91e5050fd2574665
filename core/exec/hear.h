/* SPDX-License-Identifier: MIT */
/* hear.h - what comes back from where an attempt ran, as its outcome (which is
 * zeroed before): what it says of itself is not trusted. */
#ifndef SK_HEAR_H
#define SK_HEAR_H
#include "exec/wire.h"

/* It ended and answered. */
void sk_hear_done(const struct sk_exec_job *, const struct sk_attempt *,
    bool cancelled, struct sk_message *, struct sk_outcome *);
/* It died. */
void sk_hear_death(const struct sk_exec_job *, const struct sk_attempt *,
    const struct sk_wire_death *, struct sk_outcome *);
/* Its input could not be had; chunk: which of its chunks, UINT32_MAX: of
 * none. */
void sk_hear_unread(const struct sk_exec_job *, const struct sk_attempt *,
    uint32_t chunk, int code, const char *text, struct sk_outcome *);
/* The name of the op that was at work. */
const char *sk_hear_op(const struct sk_exec_job *, const struct sk_attempt *);
#endif
