/* SPDX-License-Identifier: MIT */
/*
 * Plugins that do their bad thing when they are loaded, or unloaded: compiled
 * once for each BIRTH.  Else they count records.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <snek/plugin.h>

#define SEGFAULT 1
#define EXITS 2
#define SPINS 3
#define WRITES 4
#define FORKS 5
#define KILLS 6
#define LEAVES 7
#define CLOSES 8

#if BIRTH == LEAVES
__attribute__((destructor))
#else
__attribute__((constructor))
#endif
static void birth(void)
{
	static volatile int always = 1;
	const struct timespec t = { 3, 0 };

	switch (BIRTH * always) {
	case SEGFAULT:
		*(volatile int *)(intptr_t)(15 + always) = 1;
		break;
	case EXITS:
		exit(0);
	case SPINS:
		while (always)
			;
		break;
	case WRITES:
		open("zoo-escaped", O_CREAT | O_WRONLY, 0600);
		open("/tmp/zoo-escaped", O_CREAT | O_WRONLY, 0600);
		break;
	case FORKS:
		if (!fork()) {
			nanosleep(&t, NULL);
			_exit(0);
		}
		break;
	case KILLS:
		kill(getppid(), SIGKILL);
		break;
	case LEAVES:
		_exit(9);
	case CLOSES:
		for (int fd = 0; fd < 1024; fd++)
			close(fd);
	}
}

static int counts(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	return snek_emit_int(c, "records", 7, 1);
}

SNEK_PLUGIN("birth", "1.0", SNEK_OP(.name = "counts", .reducer = "sum",
	.summary = "count, having done harm", .map = counts));
