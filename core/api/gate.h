/* SPDX-License-Identifier: MIT */
/* gate.h - who may ask: pure looks at a request's head. */
#ifndef SK_API_GATE_H
#define SK_API_GATE_H
#include "base/buf.h"

struct sk_gate_head {                   /* NULL: not there */
	const char *authorization, *host, *origin;
};
/* NULL: come in; else why not.  The token is compared in constant time. */
const char *sk_gate_check(const struct sk_gate_head *, const char *token,
    bool local);
#endif
