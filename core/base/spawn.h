/* SPDX-License-Identifier: MIT */
/* spawn.h - what a process that we start is not to inherit. */
#ifndef SK_SPAWN_H
#define SK_SPAWN_H
#include <spawn.h>

/* No signal is blocked or ignored, whatever the host does.  0 or an errno. */
int sk_spawn_signals(posix_spawnattr_t *);
#endif
