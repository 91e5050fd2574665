/* SPDX-License-Identifier: MIT */
/*
 * noproc.h - plugins where /proc is not mounted.
 *
 * Elsewhere a child loads a plugin as /proc/self/fd/N, by the descriptor that
 * it was given.  Without that name it loads the file by its path, which its
 * sandbox lets it read, if the bytes there are still those of the descriptor.
 */
#ifndef SK_NOPROC_H
#define SK_NOPROC_H
#include "worker/slot.h"

bool sk_noproc(void);
/* Add the plugins that a child for this task will load to what it may read.
 * init: what the job's attempts share. */
void sk_noproc_allow(const struct sk_message *init,
    const struct sk_worker_task *, struct sk_wire_hello *);
bool sk_noproc_same(const char *path, int fd);
#endif
