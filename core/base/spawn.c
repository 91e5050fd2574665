/* SPDX-License-Identifier: MIT */
#include "base/spawn.h"

#include <errno.h>
#include <signal.h>

int sk_spawn_signals(posix_spawnattr_t *a)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	return posix_spawnattr_setsigdefault(a, &all) ||
	    posix_spawnattr_setsigmask(a, &none) ||
	    posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGDEF |
	    POSIX_SPAWN_SETSIGMASK) ? ENOMEM : 0;
}
