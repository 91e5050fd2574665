/* SPDX-License-Identifier: MIT */
/* spawn_parts.h - what the spawner's files share. */
#ifndef SK_SPAWN_PARTS_H
#define SK_SPAWN_PARTS_H
#include "host/spawn.h"

enum {
	SK_SPAWN_MESSAGE = 1 << 16,
	SK_SPAWN_ENVS = 1024,           /* variables */
	SK_SPAWN_USER = 65534           /* whom root runs environments as */
};

/* A request: this, and then dir, task, root and tmp, each with a NUL, and
 * env.  With it come the init's end of the socket and out. */
struct sk_spawn_head {
	uint32_t has_root, probe, tmp_mb;
	uint32_t dir, task, root, tmp, env;     /* bytes */
};

/* The same, in the spawner and what it forks. */
struct sk_spawn_order {
	struct sk_spawn s;
	const char *dir;
	int control;
};

/* The spawner's loop; returns when the host is gone. */
void sk_spawner_run(int socket);

/* The rest of an init's life. */
_Noreturn void sk_init_run(const struct sk_spawn_order *);
/* Say that something failed, with errno, and end. */
_Noreturn void sk_init_fail(const struct sk_spawn_order *, const char *what);

/* root.c: leave the users, mounts and processes of this machine; the next
 * fork is in the new ones. */
int sk_root_leave(const char **what);
/* And in there, make the files and step into them. */
int sk_root_enter(const struct sk_spawn_order *, const char **what);
#endif
