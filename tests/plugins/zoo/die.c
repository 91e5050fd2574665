/* SPDX-License-Identifier: MIT */
/* Ops that end their process, each in its way. */
#include "zoo.h"
#include <setjmp.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Winfinite-recursion"

static volatile int zero;
static jmp_buf door;

static int segfault(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)z;
	(void)r;
	*(volatile int *)(intptr_t)(zero + 16) = 1;
	return zoo_verdict(c, "a write to address 16", false);
}
ZOO_MAP(segfault)

static int aborts(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)c;
	(void)z;
	(void)r;
	abort();
}
ZOO_MAP(aborts)

static int exits(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)c;
	(void)r;
	exit(*z->what ? z->what[0] - '0' : 0);
}
ZOO_MAP(exits)

static int leaves(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)c;
	(void)r;
	_exit(*z->what ? z->what[0] - '0' : 0);
}
ZOO_MAP(leaves)

static int divides(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)r;
	return zoo_verdict(c, "a division by zero", 7 / zero < z->at);
}
ZOO_MAP(divides)

__attribute__((noinline))
static int deeper(volatile char *above)
{
	volatile char room[4096];

	room[0] = (char)(above[0] + 1);
	return deeper(room) + room[0];
}

static int overflow(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	volatile char first = 0;

	(void)z;
	(void)r;
	return zoo_verdict(c, "recursion", deeper(&first) < 0);
}
ZOO_MAP(overflow)

static int smash(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	size_t i;

	(void)r;
	for (i = 0; i < 64; i++) {
		volatile char *p = malloc(24);
		size_t n;

		for (n = 0; p && n < 65536; n++)
			p[n] = (char)z->at;     /* past its end */
	}
	for (i = 0; i < 10000; i++)
		free(malloc(i * 16));
	return zoo_verdict(c, "a heap in ruins", false);
}
ZOO_MAP(smash)

static int open_jumps(snek_ctx *c, void **self)
{
	if (setjmp(door))
		return SNEK_ENOMEM;     /* to a caller that is long gone */
	return zoo_open(c, self);
}

static int jumps(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)c;
	(void)z;
	(void)r;
	longjmp(door, 1);
}
ZOO_MAP(jumps)

/* One signal at itself: whatever it is, it is the end or nothing. */
static int raises(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)r;
	raise((int)strtol(z->what, NULL, 10));
	return zoo_verdict(c, "a signal to itself", true);
}
ZOO_MAP(raises)

static void die_at_close(void *self)
{
	free(self);
	*(volatile int *)(intptr_t)(zero + 16) = 1;
}

static int counts(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	return zoo_count(c);
}

static int die_in_finish(snek_ctx *c, void *self)
{
	(void)c;
	(void)self;
	abort();
}

static int die_in_open(snek_ctx *c, void **self)
{
	(void)c;
	(void)self;
	abort();
}

static int die_in_reduce(snek_ctx *c, void *self, struct snek_value key,
    snek_values *values)
{
	(void)c;
	(void)self;
	(void)key;
	(void)values;
	abort();
}

/* Takes its time, so that there is a moment to be killed in. */
static int waits(snek_ctx *c, void *self, struct snek_record r)
{
	const struct timespec pause = { 0, 1000000 };
	struct zoo *z = self;
	char key[16];
	int64_t id;

	if (!snek_get_int(r, z->id, &id))
		return SNEK_SKIP;
	if (id % 50 == 0)
		nanosleep(&pause, NULL);
	snprintf(key, sizeof(key), "%03d", (int)(id % 997));
	return snek_emit_int(c, key, strlen(key), id);
}

SNEK_PLUGIN("die", "1.0",
	ZOO_OP(segfault, "write to address 16"),
	ZOO_OP(aborts, "abort"),
	ZOO_OP(exits, "exit with what"),
	ZOO_OP(leaves, "_exit with what"),
	ZOO_OP(divides, "divide by zero"),
	ZOO_OP(overflow, "recurse for ever"),
	ZOO_OP(smash, "write past the end of heap blocks"),
	ZOO_OP(raises, "send itself the signal what"),
	SNEK_OP(.name = "jumps", .summary = "longjmp into a dead frame",
	    .args = zoo_args, .reducer = "sum", .open = open_jumps,
	    .close = free, .map = map_jumps),
	SNEK_OP(.name = "in_close", .summary = "die when it is closed",
	    .args = zoo_args, .reducer = "sum", .open = zoo_open,
	    .close = die_at_close, .map = counts),
	SNEK_OP(.name = "in_finish", .summary = "die at the end of a task",
	    .args = zoo_args, .reducer = "sum", .open = zoo_open,
	    .close = free, .map = counts, .finish = die_in_finish),
	SNEK_OP(.name = "in_open", .summary = "die when it is opened",
	    .args = zoo_args, .reducer = "sum", .open = die_in_open,
	    .map = counts),
	SNEK_OP(.name = "in_reduce", .summary = "die when it reduces",
	    .args = zoo_args, .open = zoo_open, .close = free, .map = counts,
	    .reduce = die_in_reduce),
	SNEK_OP(.name = "waits", .summary = "sum, slowly",
	    .args = zoo_args, .reducer = "sum", .open = zoo_open,
	    .close = free, .map = waits),
	SNEK_OP(.name = "good", .summary = "count and harm nothing",
	    .args = zoo_args, .reducer = "sum", .open = zoo_open,
	    .close = free, .map = counts));
