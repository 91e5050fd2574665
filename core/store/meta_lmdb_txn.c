/* SPDX-License-Identifier: MIT */
#include "store/meta_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/pid.h"

#define RESIZE_PATIENCE 5       /* seconds */
#define NO_ROOM (1u << 20)      /* bytes */

/* ---- errors ---- */

int sk_lmdb_fail_at(const char *path, int mdb, struct snek_error *e)
{
	switch (mdb) {
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		return sk_fail(e, SNEK_ECORRUPT, "%s is damaged: %s", path,
		    mdb_strerror(mdb));
	case MDB_VERSION_MISMATCH:
		return sk_fail(e, SNEK_EVERSION, "%s: written by another version "
		    "of lmdb", path);
	case MDB_MAP_FULL:
		return sk_fail(e, SNEK_EIO, "%s: the meta store is full; compact "
		    "or remove categories", path);
	case MDB_READERS_FULL:
		return sk_fail(e, SNEK_EAGAIN, "%s: too many readers at once", path);
	case MDB_PANIC:
		return sk_fail(e, SNEK_EIO, "%s: writing failed earlier; close "
		    "the cluster and open it again", path);
	case ENOSPC:
	case EDQUOT:
		return sk_fail(e, SNEK_EIO, "disk full: %s; free space and write "
		    "again; nothing of this write is visible", path);
	}
	errno = mdb;
	if (mdb > 0)
		return sk_fail_errno(e, "%s", path);
	return sk_fail(e, SNEK_EIO, "%s: %s", path, mdb_strerror(mdb));
}

int sk_lmdb_fail(const struct sk_lmdb_txn *t, int mdb, struct snek_error *e)
{
	return sk_lmdb_fail_at(t->env->path, mdb, e);
}

int sk_lmdb_damaged(const struct sk_lmdb_txn *t, const char *what,
    struct snek_error *e)
{
	return sk_fail(e, SNEK_ECORRUPT, "%s: the record of %s is damaged",
	    t->env->path, what);
}

/* ---- transactions ---- */

/* Another process has grown the map: ours follows once no transaction of this
 * process stands on it. */
static int follow_growth(struct sk_lmdb_env *env)
{
	struct timespec until;
	int rc;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RESIZE_PATIENCE;
	if (pthread_rwlock_timedwrlock(&env->lock, &until))
		return EBUSY;
	rc = mdb_env_set_mapsize(env->env, 0);
	pthread_rwlock_unlock(&env->lock);
	return rc;
}

static MDB_txn *swap_resting(struct sk_lmdb_env *env, MDB_txn *txn)
{
	return __atomic_exchange_n(&env->resting, txn, __ATOMIC_ACQ_REL);
}

/* If others took this process for dead and the slot with it, the slot is not
 * ours to free: LMDB then refuses to begin, and what is left of it leaks. */
void sk_lmdb_drop_resting(struct sk_lmdb_env *env)
{
	MDB_txn *txn = swap_resting(env, NULL);

	if (txn && mdb_txn_renew(txn) != MDB_BAD_RSLOT)
		mdb_txn_abort(txn);
}

static int begin_reading(struct sk_lmdb_env *env, MDB_txn **txn)
{
	int rc = MDB_BAD_RSLOT;

	*txn = swap_resting(env, NULL);
	if (*txn)
		rc = mdb_txn_renew(*txn);
	if (rc && *txn && rc != MDB_BAD_RSLOT)
		mdb_txn_abort(*txn);
	return rc ? mdb_txn_begin(env->env, NULL, MDB_RDONLY, txn) : 0;
}

static int begin_once(struct sk_lmdb_env *env, bool write, MDB_txn **txn)
{
	int rc;

	pthread_rwlock_rdlock(&env->lock);
	rc = write ? mdb_txn_begin(env->env, NULL, 0, txn) :
	    begin_reading(env, txn);
	if (rc)
		pthread_rwlock_unlock(&env->lock);
	return rc;
}

static void end_reading(struct sk_lmdb_env *env, MDB_txn *txn)
{
	mdb_txn_reset(txn);
	txn = swap_resting(env, txn);
	if (txn)
		mdb_txn_abort(txn);
}

int sk_lmdb_begin_env(struct sk_lmdb_env *env, bool write,
    struct sk_lmdb_txn *t, struct snek_error *e)
{
	int turn = env->read_only ? sk_lmdb_turn_take(env, false) : -1;
	int rc = begin_once(env, write, &t->txn);
	int dead;

	if (rc == MDB_MAP_RESIZED && !(rc = follow_growth(env)))
		rc = begin_once(env, write, &t->txn);
	if (rc == MDB_READERS_FULL && !(rc = mdb_reader_check(env->env, &dead)))
		rc = begin_once(env, write, &t->txn);
	t->env = env;
	t->write = write;
	t->turn = turn;
	if (!rc) {
		t->number = mdb_txn_id(t->txn);
		return 0;
	}
	sk_lmdb_turn_end(turn);
	return sk_lmdb_fail_at(env->path, rc, e);
}

/* Who cannot keep writers away looks anew each time.  A number is on its page
 * before readers begin with it, and never after. */
bool sk_lmdb_unchanged(struct sk_meta *m, uint64_t number)
{
	struct sk_lmdb_env *env = ((struct sk_lmdb *)m)->env;
	MDB_envinfo info;
	int rc;

	if (env->read_only || env->pid != sk_pid())
		return false;
	pthread_rwlock_rdlock(&env->lock);
	rc = mdb_env_info(env->env, &info);
	pthread_rwlock_unlock(&env->lock);
	return !rc && info.me_last_txnid == number;
}

int sk_lmdb_begin(struct sk_meta *m, bool write, struct sk_lmdb_txn *t,
    struct snek_error *e)
{
	struct sk_lmdb_env *env = ((struct sk_lmdb *)m)->env;

	if (env->pid != sk_pid())
		return sk_fail(e, SNEK_EINVAL, "%s was opened before fork; open "
		    "the cluster again in the child", env->path);
	if (write && env->read_only)
		return sk_fail(e, SNEK_EACCES, "%s is read-only", env->path);
	return sk_lmdb_begin_env(env, write, t, e);
}

static int end_turn(struct sk_lmdb_txn *t, int rc, struct snek_error *e)
{
	bool lost = sk_lmdb_turn_lost(t);

	sk_lmdb_turn_end(t->turn);
	pthread_rwlock_unlock(&t->env->lock);
	return lost ? sk_fail(e, SNEK_EAGAIN, "%s was written over while it was "
	    "read, for this user cannot keep writers away; try again",
	    t->env->path) : rc;
}

int sk_lmdb_end(struct sk_lmdb_txn *t, int rc, struct snek_error *e)
{
	if (t->write)
		mdb_txn_abort(t->txn);
	else
		end_reading(t->env, t->txn);
	return end_turn(t, rc, e);
}

/* LMDB refuses all further work exactly when writing the meta page failed:
 * only then may the transaction be on the disk. */
static bool is_uncertain(struct sk_lmdb_env *env)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(env->env, NULL, MDB_RDONLY, &txn);

	if (!rc)
		mdb_txn_abort(txn);
	return rc == MDB_PANIC;
}

/* A write that the disk took only half of is EIO to LMDB: see if it is full. */
static int say_full(const char *path, int mdb)
{
	struct statvfs v;

	if (mdb != EIO || statvfs(path, &v) || v.f_bavail * v.f_frsize > NO_ROOM)
		return mdb;
	return ENOSPC;
}

uint64_t sk_lmdb_length(struct sk_lmdb_env *env)
{
	MDB_envinfo info;
	MDB_stat s;

	if (mdb_env_info(env->env, &info) || mdb_env_stat(env->env, &s))
		return 0;
	return ((uint64_t)info.me_last_pgno + 1) * s.ms_psize;
}

/*
 * A page at the end that was used and freed within one transaction is counted
 * but never written.  Opening takes a short file for a damaged one, so make it
 * as long as it says.  fallocate never shortens what others lengthen.
 */
static void keep_length(struct sk_lmdb_env *env)
{
	uint64_t need = sk_lmdb_length(env);
	struct stat st;
	int fd;

	if (mdb_env_get_fd(env->env, &fd) || fstat(fd, &st) ||
	    (uint64_t)st.st_size >= need)
		return;
	fd = open(env->path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fallocate(fd, 0, st.st_size, (off_t)need - st.st_size))
		errno = 0;      /* the next commit tries again */
	close(fd);
}

int sk_lmdb_commit(struct sk_lmdb_txn *t, int rc, struct snek_error *e)
{
	int mdb, dead;

	if (rc)
		return sk_lmdb_end(t, rc, e);
	if (t->write)
		t->turn = sk_lmdb_turn_take(t->env, true);
	mdb = mdb_txn_commit(t->txn);
	if (mdb && is_uncertain(t->env))
		rc = sk_fail(e, SNEK_EUNKNOWN, "%s: the commit may or may not "
		    "have happened: %s", t->env->path, mdb_strerror(mdb));
	else if (mdb)
		rc = sk_lmdb_fail_at(t->env->path,
		    say_full(t->env->path, mdb), e);
	if (mdb == MDB_MAP_FULL)
		mdb_reader_check(t->env->env, &dead);
	if (!mdb)
		keep_length(t->env);
	return end_turn(t, rc, e);
}

static MDB_val val(struct sk_span s)
{
	return (MDB_val){ s.n, (void *)(uintptr_t)s.p };
}

static struct sk_span span(MDB_val v)
{
	return (struct sk_span){ v.mv_data, v.mv_size };
}

int sk_lmdb_get(struct sk_lmdb_txn *t, enum sk_lmdb_db db, struct sk_span key,
    struct sk_span *out, struct snek_error *e)
{
	MDB_val k = val(key), v;
	int rc = mdb_get(t->txn, t->env->dbi[db], &k, &v);

	if (rc == MDB_NOTFOUND)
		return SNEK_ENOENT;
	if (rc)
		return sk_lmdb_fail(t, rc, e);
	*out = span(v);
	return 0;
}

int sk_lmdb_put(struct sk_lmdb_txn *t, enum sk_lmdb_db db, struct sk_span key,
    struct sk_span value, struct snek_error *e)
{
	MDB_val k = val(key), v = val(value);
	int rc = mdb_put(t->txn, t->env->dbi[db], &k, &v, 0);

	return rc ? sk_lmdb_fail(t, rc, e) : 0;
}

int sk_lmdb_put_packed(struct sk_lmdb_txn *t, enum sk_lmdb_db db,
    struct sk_span key, struct sk_buf *b, bool packed, struct snek_error *e)
{
	int rc = packed ? sk_lmdb_put(t, db, key, (struct sk_span){ b->p, b->n },
	    e) : sk_enomem(e);

	sk_buf_free(b);
	return rc;
}

int sk_lmdb_del(struct sk_lmdb_txn *t, enum sk_lmdb_db db, struct sk_span key,
    struct snek_error *e)
{
	MDB_val k = val(key);
	int rc = mdb_del(t->txn, t->env->dbi[db], &k, NULL);

	return rc && rc != MDB_NOTFOUND ? sk_lmdb_fail(t, rc, e) : 0;
}

int sk_lmdb_floor(struct sk_lmdb_txn *t, enum sk_lmdb_db db, struct sk_span key,
    struct sk_span *out, struct snek_error *e)
{
	MDB_val k = val(key), v;
	MDB_cursor *c;
	int rc = mdb_cursor_open(t->txn, t->env->dbi[db], &c);

	if (rc)
		return sk_lmdb_fail(t, rc, e);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(c, &k, &v, MDB_LAST);
	else if (!rc && (k.mv_size != key.n || memcmp(k.mv_data, key.p, key.n)))
		rc = mdb_cursor_get(c, &k, &v, MDB_PREV);
	if (!rc)
		*out = span(k);
	mdb_cursor_close(c);
	if (rc == MDB_NOTFOUND)
		return SNEK_ENOENT;
	return rc ? sk_lmdb_fail(t, rc, e) : 0;
}

static bool begins_with(MDB_val k, struct sk_span prefix)
{
	return k.mv_size >= prefix.n &&
	    (!prefix.n || !memcmp(k.mv_data, prefix.p, prefix.n));
}

int sk_lmdb_walk(struct sk_lmdb_txn *t, enum sk_lmdb_db db, struct sk_span prefix,
    struct sk_span from, int (*visit)(void *, struct sk_span key,
    struct sk_span value, struct snek_error *), void *arg, struct snek_error *e)
{
	MDB_val k = val(from.n ? from : prefix), v;
	MDB_cursor *c;
	int rc = 0, mdb = mdb_cursor_open(t->txn, t->env->dbi[db], &c);

	if (mdb)
		return sk_lmdb_fail(t, mdb, e);
	mdb = mdb_cursor_get(c, &k, &v, k.mv_size ? MDB_SET_RANGE : MDB_FIRST);
	while (!mdb && begins_with(k, prefix)) {
		rc = visit(arg, span(k), span(v), e);
		if (rc && rc != SK_LMDB_DROP)
			break;
		if (rc)
			mdb = mdb_cursor_del(c, 0);
		rc = 0;
		if (!mdb)
			mdb = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(c);
	return mdb && mdb != MDB_NOTFOUND ? sk_lmdb_fail(t, mdb, e) : rc;
}

int sk_lmdb_list(struct sk_meta *m, enum sk_lmdb_db db, struct sk_lmdb_txn *t,
    int (*visit)(void *, struct sk_span key, struct sk_span value,
    struct snek_error *), void *arg, struct snek_error *e)
{
	const struct sk_span none = { NULL, 0 };
	int rc = sk_lmdb_begin(m, false, t, e);

	return rc ? rc : sk_lmdb_end(t, sk_lmdb_walk(t, db, none, none, visit,
	    arg, e), e);
}
