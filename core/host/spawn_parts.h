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

/* A request: this, and then task with a NUL, and env.  With it come the init's
 * end of the socket and out. */
struct sk_spawn_head {
	uint32_t tmp_mb, task, env;     /* the latter two: bytes */
};

/* The same, in the spawner and what it forks. */
struct sk_spawn_order {
	struct sk_spawn s;
	bool has_root, no_network;
	int control;
};

/* The spawner's life: it says on the socket whether it has a root (a tale,
 * SK_TOLD_BORN or SK_TOLD_FAILED), and obeys until the host is gone. */
void sk_spawner_run(int socket, const char *dir, const char *root,
    bool no_network);

/* The rest of an init's life. */
_Noreturn void sk_init_run(const struct sk_spawn_order *);
/* Say that something failed, with errno, and end. */
_Noreturn void sk_init_fail(const struct sk_spawn_order *, const char *what);

/* root.c: make a root, and move into it. */
int sk_root_make(const char *dir, const char *root, const char **what);
/* Leave the spawner's mounts and processes; the next fork is in new ones. */
int sk_root_leave(bool network, const char **what);
/* A loopback, and a socket that listens there at SK_SPAWN_PORT; or -1. */
int sk_root_listen(const char **what);
/* And in there, add what is this environment's. */
int sk_root_enter(const struct sk_spawn_order *, const char **what);
#endif
