/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - starts programs in environments of their own.
 *
 * A spawner is forked while the host is small and has no threads; from it
 * each environment's init is forked, the first process there, which starts the
 * bootstrap and tells how it ended.  The host and an init hold the ends of a
 * socket: whoever closes the host's end, or dies with it, ends the
 * environment with all its processes.
 */
#ifndef SK_SPAWN_H
#define SK_SPAWN_H
#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

struct sk_spawner;

/*
 * Before any thread, and before anything that a child should not have.  dir is
 * the host's own, absolute, with an empty "root" in it.  root: where files of
 * environments come from, a directory, or "" for none; NULL: they have no root
 * of their own and see this machine.  no_network: with a root, they have a
 * network of their own, too, in which the Runtime API is at SK_SPAWN_PORT.
 * SNEK_EACCES: such a root cannot be had.
 */
#define SK_SPAWN_PORT 9001u
int sk_spawner_open(const char *dir, const char *root, bool no_network,
    struct sk_spawner **, struct snek_error *);
void sk_spawner_close(struct sk_spawner *);

struct sk_spawn {
	const char *task;               /* the directory of its code, below dir */
	uint32_t tmp_mb;                /* of its /tmp, with a root */
	struct sk_span env;             /* "NAME=VALUE", a NUL behind each */
	int out;                        /* its stdout and stderr */
};

/* Returns the host's end of its socket. */
int sk_spawn(struct sk_spawner *, const struct sk_spawn *, int *control,
    struct snek_error *);

/* What an init says, in this order. */
enum sk_told {
	SK_TOLD_NOTHING,                /* not now */
	SK_TOLD_PORT,                   /* fd: its Runtime API's, in its network */
	SK_TOLD_BORN,                   /* pid: the bootstrap's, just before exec */
	SK_TOLD_FAILED,                 /* what, sys: it could not be started */
	SK_TOLD_ENDED,                  /* status: as of waitpid, and usage */
	SK_TOLD_GONE,                   /* the init itself ended */
};
struct sk_tale {
	uint32_t kind;
	int32_t status, sys;
	uint64_t max_rss_kb;
	char what[96];
	pid_t pid;                      /* filled in by the receiver */
	int fd;                         /* the same, and its to close; or -1 */
};
void sk_spawn_hear(int control, struct sk_tale *);
/* Stop all its processes, or let them go on. */
void sk_spawn_freeze(int control, bool frozen);
#endif
