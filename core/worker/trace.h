/* SPDX-License-Identifier: MIT */
/* trace.h - the notes of a crash in words. */
#ifndef SK_TRACE_H
#define SK_TRACE_H
#include "exec/wire.h"

/* r: the notes, as bytes; file: the plugins they number.  Fills in at and
 * trace.  SNEK_EFORMAT: they are no notes. */
int sk_trace_say(struct sk_get *r, const int *file, size_t files,
    struct sk_wire_death *);
#endif
