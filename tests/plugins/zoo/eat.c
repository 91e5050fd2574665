/* SPDX-License-Identifier: MIT */
/*
 * Ops that take more than their share: of time, memory, processes, output.
 * What could bring down a machine without limits stops of itself, long after
 * any limit should have stopped it.
 */
#include "zoo.h"
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_MIB = 3072, MOST_FORKS = 200, LIFE_S = 3,
	MOST_SWARM = 6000 };

static void rest(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static int spins(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	volatile bool always = true;

	(void)c;
	(void)z;
	(void)r;
	while (always)
		;
	return 0;
}
ZOO_MAP(spins)

static int sleeps(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)c;
	(void)z;
	(void)r;
	for (;;)
		pause();
	return 0;
}
ZOO_MAP(sleeps)

/* Every signal that can be ignored is, and then it sleeps. */
static int deaf(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	sigset_t all;
	int s;

	for (s = 1; s < 32; s++)
		signal(s, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return sleeps(c, z, r);
}
ZOO_MAP(deaf)

static int64_t eat(bool touch)
{
	const size_t piece = 8 << 20;
	int64_t mib;

	for (mib = 0; mib < MOST_MIB; mib += 8) {
		char *p = malloc(piece);

		if (!p)
			return mib;
		if (touch)
			memset(p, 1, piece);
	}
	return -1;
}

/* Tells when there is no more. */
static int allocates(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	int64_t mib = eat(true);

	(void)z;
	(void)r;
	if (mib < 0)
		return zoo_verdict(c, "3 GiB", false);
	return snek_fail(c, SNEK_EPLUGIN, "no more after %lld MiB",
	    (long long)mib);
}
ZOO_MAP(allocates)

/* Never looks whether it got any. */
static int trusts(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)r;
	if (eat(true) >= 0) {
		volatile char *p = malloc((size_t)1 << 40);

		p[z->at] = 1;
	}
	return zoo_verdict(c, "3 GiB", false);
}
ZOO_MAP(trusts)

/* Memory that is no heap: shared, and files without a name. */
static int maps(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	const size_t piece = 32 << 20;
	int mib;

	(void)r;
	for (mib = 0; mib < MOST_MIB; mib += 32) {
		int fd = *z->what ? memfd_create("zoo", 0) : -1;
		void *p;

		if (*z->what && (fd < 0 || ftruncate(fd, (off_t)piece)))
			return zoo_verdict(c, "a memfd", true);
		p = mmap(NULL, piece, PROT_READ | PROT_WRITE,
		    MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
		if (p == MAP_FAILED)
			return zoo_verdict(c, "shared memory", true);
		memset(p, 1, piece);
	}
	return zoo_verdict(c, "3 GiB of shared memory", false);
}
ZOO_MAP(maps)

static void forked(volatile int *n)
{
	while (__atomic_add_fetch(n, 1, __ATOMIC_RELAXED) < MOST_FORKS)
		if (fork() < 0)
			break;
	rest(LIFE_S * 1000);
	_exit(0);
}

static int forks(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	volatile int *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = n == MAP_FAILED ? -1 : fork();

	(void)z;
	(void)r;
	if (!pid)
		forked(n);
	return zoo_verdict(c, "fork", pid < 0);
}
ZOO_MAP(forks)

static void *linger(void *arg)
{
	(void)arg;
	rest(LIFE_S * 1000);
	return NULL;
}

static int threads(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	pthread_t t;
	int n, rc = 0;

	(void)z;
	(void)r;
	for (n = 0; n < MOST_FORKS && !rc; n++)
		rc = pthread_create(&t, NULL, linger, NULL);
	errno = rc;
	return rc ? zoo_verdict(c, "200 threads", rc) : zoo_count(c);
}
ZOO_MAP(threads)

/* With the smallest of stacks, so that memory is not what ends it. */
static int swarms(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	pthread_attr_t a;
	pthread_t t;
	int n, rc = 0;

	(void)z;
	(void)r;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, PTHREAD_STACK_MIN);
	for (n = 0; n < MOST_SWARM && !rc; n++)
		rc = pthread_create(&t, &a, linger, NULL);
	errno = rc;
	return zoo_verdict(c, "6000 threads", rc);
}
ZOO_MAP(swarms)

/* Comes back when its op has long returned, and writes over all it can. */
static void *scribble(void *arg)
{
	static volatile intptr_t nowhere = 16;
	const char junk[64] = "scribbled";
	int fd;

	(void)arg;
	rest(20);
	for (fd = 0; fd < 64; fd++)
		if (write(fd, junk, sizeof(junk)) < 0)
			continue;
	*(volatile int *)nowhere = 1;
	return NULL;
}

static int haunts(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, scribble, NULL);

	(void)z;
	(void)r;
	if (rc)
		errno = rc;
	return rc ? zoo_verdict(c, "a thread", true) : zoo_count(c);
}
ZOO_MAP(haunts)

static int long_key(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	const size_t n = (size_t)1 << 31;
	char *p = mmap(NULL, n, PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)z;
	(void)r;
	if (p == MAP_FAILED)
		return zoo_verdict(c, "2 GiB", true);
	return snek_emit(c, snek_string_n(p, n), snek_int(1));
}
ZOO_MAP(long_key)

/* Different keys or (what is set) one; values of 16 bytes. */
static int floods(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	int64_t i;
	int rc = 0;

	(void)r;
	for (i = 0; i < 1000000000 && rc >= 0; i++)
		rc = snek_emit(c, snek_int(*z->what ? 0 : i),
		    snek_string_n("0123456789abcdef", 16));
	return rc;
}
ZOO_MAP(floods)

static int logs(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	int64_t i;

	(void)z;
	(void)r;
	for (i = 0; i < 1000000000 && !snek_cancelled(c); i++)
		snek_log(c, SNEK_INFO, "%0900lld", (long long)i);
	return 0;
}
ZOO_MAP(logs)

/* To the streams, as a printf that was forgotten. */
static int prints(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	int i;

	(void)z;
	(void)r;
	for (i = 0; i < 10; i++) {
		printf("forgotten\n");
		fprintf(stderr, "forgotten\n");
	}
	fflush(stdout);
	return zoo_count(c);
}
ZOO_MAP(prints)

SNEK_PLUGIN("eat", "1.0",
	ZOO_OP(spins, "spin for ever"),
	ZOO_OP(sleeps, "sleep for ever"),
	ZOO_OP(deaf, "ignore all signals and sleep for ever"),
	ZOO_OP(allocates, "allocate without end"),
	ZOO_OP(trusts, "allocate without end, and never look"),
	ZOO_OP(maps, "map shared memory without end"),
	ZOO_OP(forks, "fork, and have its children fork"),
	ZOO_OP(threads, "start threads without end"),
	ZOO_OP(swarms, "start threads as small as they get"),
	ZOO_OP(haunts, "leave a thread that scribbles later"),
	ZOO_OP(long_key, "emit a key of 2 GiB"),
	ZOO_OP(floods, "emit 1,000,000,000 pairs"),
	ZOO_OP(logs, "log without end"),
	ZOO_OP(prints, "print to the standard streams"));
