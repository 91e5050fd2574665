/* SPDX-License-Identifier: MIT */
/* A page that the kernel clears in a forked child: madvise(2), MADV_WIPEONFORK.
 * A child that shares its parent's memory is its parent here. */
#include "base/pid.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static pid_t *noted;                    /* NULL: there is no such page; *noted
					 * 0: it was cleared */

static void make_page(void)
{
	size_t n = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	if (madvise(p, n, MADV_WIPEONFORK))
		munmap(p, n);
	else
		noted = p;
}

pid_t sk_pid(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pid_t pid;

	pthread_once(&once, make_page);
	if (!noted)
		return getpid();
	pid = __atomic_load_n(noted, __ATOMIC_RELAXED);
	if (!pid) {
		pid = getpid();
		__atomic_store_n(noted, pid, __ATOMIC_RELAXED);
	}
	return pid;
}
