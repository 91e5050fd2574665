/* SPDX-License-Identifier: MIT */
/* The embedded store, for test_kill. */
#include "kill.h"

void kill_world_make(struct world *w)
{
	world_make(w, NULL, 3, 3);
	world_shut(w);
}

void kill_world_remove(struct world *w)
{
	world_remove(w);
}

int kill_world_skip(void)
{
	return 0;
}
