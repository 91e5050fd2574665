/* SPDX-License-Identifier: MIT */
/*
 * hidden.h - a shard that rests in a directory like any, but maps nothing:
 * what is read of it is fetched.  It notes what was asked for in a file beside
 * the directory (DIR.asked: "number name name ...", "number *" for all), and
 * does what another file says (DIR.fault), in whichever process it is open:
 *
 *   gone N        chunk N is not there     damage N  it comes damaged
 *   short N       its end is missing       denied    nobody may read
 *   again FILE    SNEK_EAGAIN, once: until FILE is there, which it makes
 *   stuck         nothing ever comes       reverse   last asked, first answered
 *   slow MS       each waits so long       die FILE  the process ends, once
 */
#ifndef SK_TEST_HIDDEN_H
#define SK_TEST_HIDDEN_H
#include "category/catalog.h"

/* Takes the shard over; shut is the new one's. */
struct sk_shard *hidden_new(struct sk_shard *);
/* All of a catalog's; with addresses for workers. */
void hidden_all(struct sk_catalog *);
/* The same for the fault of all of them; NULL: none. */
void hidden_fault(const struct sk_catalog *, const char *);
/* What was asked of all of them since the last time, line by line; the
 * caller's. */
char *hidden_asked(const struct sk_catalog *);
uint32_t hidden_prefetched(const struct sk_catalog *);

/* For a loop: answer what is due; when the next may be (INT64_MAX: never). */
void hidden_step(struct sk_shard *);
int64_t hidden_due(const struct sk_shard *);
#endif
