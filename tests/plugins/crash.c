/* SPDX-License-Identifier: MIT */
/* Crashes at lines that a test looks up by their comments; and prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <unistd.h>
#include <snek/plugin.h>

#define APART __attribute__((noinline))

struct crash {
	snek_path n;
	int64_t at;
	char how[16];
};

#ifdef HELPER
int helper(void);
#else
static int helper(void)
{
	return 1;
}
#endif

static volatile int zero;
static void (*volatile nowhere)(void);

APART static void do_segv(void)
{
	*(volatile int *)(intptr_t)(zero + 16) = 1;     /* segv */
	zero++;
}

APART static void do_abort(void)
{
	if (!zero)
		abort();        /* abort */
	zero++;
}

APART static void do_divide(void)
{
	zero = 7 / zero;        /* divide */
	zero++;
}

APART static void do_trap(void)
{
	if (!zero)
		__builtin_trap();       /* trap */
	zero++;
}

APART static int do_deep(volatile char *above)
{
	volatile char room[4096];

	room[0] = (char)(above[0] + 1); room[1] = (char)do_deep(room);  /* deep */
	return room[0] + room[1];
}

APART static void do_call(void)
{
	nowhere();      /* call */
	zero++;
}

APART static void do_smash(void)
{
	volatile char *p;
	size_t i, n;

	for (i = 0; i < 64; i++) {
		p = malloc(24);
		for (n = 0; p && n < 65536; n++)
			p[n] = 0x41;
	}
	for (i = 0; i < 10000; i++)
		free(malloc(i * 16));
	abort();
}

static void on_signal(int s)
{
	(void)s;
	_exit(9);
}

static void do_own(void)
{
	signal(SIGSEGV, on_signal);
	do_segv();
}

static void do_floods(void)
{
	int i;

	for (i = 0; i < 20000; i++)
		printf("line %d of many\n", i);
}

static void do_dying(void)
{
	printf("last words\n");
	abort();
}

static void do_prints(void)
{
	printf("one\n\033[2J\033\n");
	fprintf(stderr, "two\n");
	printf("unfinished");
}

static void meet(const char *how)
{
	static const struct { const char *how; void (*go)(void); } ways[] = {
		{ "segv", do_segv }, { "abort", do_abort },
		{ "divide", do_divide }, { "trap", do_trap },
		{ "call", do_call }, { "smash", do_smash }, { "own", do_own },
		{ "floods", do_floods }, { "dying", do_dying },
		{ "prints", do_prints },
	};
	volatile char first = 0;
	size_t i;

	if (!strcmp(how, "deep"))
		zero = do_deep(&first);
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(how, ways[i].how))
			ways[i].go();
}

static int open_crash(snek_ctx *c, void **self)
{
	struct crash *x = calloc(1, sizeof(*x));
	struct snek_value v;
	int rc;

	if (!x)
		return SNEK_ENOMEM;
	*self = x;
	rc = snek_field(c, "n", &x->n);
	if (rc >= 0)
		rc = snek_arg(c, "at", &v);
	if (rc < 0)
		return rc;
	x->at = v.as.i;
	rc = snek_arg(c, "how", &v);
	if (rc >= 0 && v.len < sizeof(x->how))
		memcpy(x->how, v.as.s, v.len);
	if (!strcmp(x->how, "prints"))
		fprintf(stderr, "open\n");
	return rc;
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct crash *x = self;
	int64_t n = 0;

	snek_get_int(r, x->n, &n);
	if (n == x->at || (x->at == -2 && n % 200 == 0))
		meet(x->how);
	return snek_emit_int(c, "records", 7, helper());
}

SNEK_PLUGIN("crash", "1.0",
	SNEK_OP(.name = "crash", .summary = "count, or crash",
	    .args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "at", .type = SNEK_ARG_INT, .value = "-1"),
		SNEK_ARG(.name = "how", .type = SNEK_ARG_STRING,
		    .value = "none"), NULL },
	    .reducer = "sum", .open = open_crash, .close = free, .map = map));
