/* SPDX-License-Identifier: MIT */
/*
 * Turns between writers and those who may only read.
 *
 * LMDB keeps the pages that a reader stands on because the reader is in its
 * table, in the lock file.  Who may not write cannot be there, and the second
 * commit after its transaction began may write over what it reads.  So it
 * holds flock(2) on the data file, shared, while it reads, and a commit holds
 * it alone.  Nobody waits for ever, neither a commit for a reader that was
 * stopped nor a reader for a busy writer: a reader looks afterwards whether it
 * was overrun.
 */
#include "store/meta_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define READER_PATIENCE 2000    /* milliseconds */
#define WRITER_PATIENCE 200
#define FIRST_PAUSE 50000       /* nanoseconds, then doubled */
#define LAST_PAUSE 2000000

static bool try_until(int fd, int how, int64_t until)
{
	struct timespec t = { 0, FIRST_PAUSE };

	while (flock(fd, how | LOCK_NB)) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    sk_clock_ms() >= until)
			return false;
		nanosleep(&t, NULL);
		if (t.tv_nsec < LAST_PAUSE)
			t.tv_nsec *= 2;
	}
	return true;
}

int sk_lmdb_turn_take(const struct sk_lmdb_env *env, bool write)
{
	int fd = open(env->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || try_until(fd, write ? LOCK_EX : LOCK_SH, sk_clock_ms() +
	    (write ? WRITER_PATIENCE : READER_PATIENCE)))
		return fd;
	close(fd);
	return -1;
}

void sk_lmdb_turn_end(int turn)
{
	if (turn >= 0)
		close(turn);
}

bool sk_lmdb_turn_lost(const struct sk_lmdb_txn *t)
{
	MDB_envinfo info;

	return t->env->read_only && (mdb_env_info(t->env->env, &info) ||
	    info.me_last_txnid > t->number + 1);
}
