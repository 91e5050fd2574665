/* SPDX-License-Identifier: MIT */
/*
 * What an embedded cluster remembers, DIR/meta.mdb: one LMDB file (and a lock
 * file beside it) of nine sub-databases, whose records are those of
 * meta_record.h.  be64 in keys is big-endian, so that keys sort by number.
 *
 *   cluster   "cluster"              cluster
 *   name      name                   numbers: id, 0
 *   category  be64 id                category
 *   state     be64 id                state
 *   manifest  be64 id  be64 first    entry
 *   named     write id[16]           numbers: category id, first
 *   aborted   write id[16]           numbers: seconds since 1970, 0
 *   request   be64 id  request id    request
 *   function  name                   function
 *
 * The entries of a category cover 1 .. version without gap; each of their
 * write ids is in named, and nothing else is.  Category ids are never used
 * again.
 */
#include "store/meta_lmdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MAP_LARGEST ((size_t)16 << 30)
#define MAP_SMALLEST ((size_t)1 << 30)

static const char *const db_name[DB_COUNT] = {
	"cluster", "name", "category", "state", "manifest", "named", "aborted",
	"request", "function",
};

/*
 * The environments open in this process.  State of the process, because LMDB's
 * locks are: POSIX drops a process's locks on a file when any descriptor of it
 * is closed, so a second environment on one file would undo the first.
 */
static pthread_mutex_t env_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sk_lmdb_env *env_list;

/* ---- environments ---- */

static bool is_network(const char *path)
{
	struct statfs f;

	if (statfs(path, &f))
		return false;
	switch ((uint32_t)f.f_type) {
	case 0x6969u:           /* NFS */
	case 0x517bu:           /* SMB */
	case 0xff534d42u:       /* CIFS */
	case 0xfe534d42u:       /* SMB2 */
		return true;
	}
	return false;
}

/* One try at a map of this size; nothing is left behind when it fails. */
static int map_env(struct sk_lmdb_env *env, size_t size, unsigned flags)
{
	int rc = mdb_env_create(&env->env);

	if (rc)
		return rc;
	rc = mdb_env_set_mapsize(env->env, size);
	if (!rc)
		rc = mdb_env_set_maxdbs(env->env, DB_COUNT);
	if (!rc)
		rc = mdb_env_set_maxreaders(env->env, 1024);
	if (!rc)
		rc = mdb_env_open(env->env, env->path,
		    MDB_NOSUBDIR | MDB_NOTLS | flags, 0644);
	if (rc) {
		mdb_env_close(env->env);
		env->env = NULL;
	}
	return rc;
}

static int map_largest(struct sk_lmdb_env *env, unsigned flags)
{
	size_t size = MAP_LARGEST;
	int rc = map_env(env, size, flags);

	while (rc == ENOMEM && size > MAP_SMALLEST) {
		size /= 4;
		rc = map_env(env, size, flags);
	}
	return rc;
}

static int open_mdb(struct sk_lmdb_env *env, struct snek_error *e)
{
	int rc = map_largest(env, 0);

	if (rc == EACCES || rc == EROFS || rc == EPERM) {
		env->read_only = true;
		rc = map_largest(env, MDB_RDONLY | MDB_NOLOCK);
	}
	return rc ? sk_lmdb_fail_at(env->path, rc, e) : 0;
}

/* Reading a page beyond the end of the file would be SIGBUS.  What is needed
 * is asked first: others may be committing, and the file only grows. */
static int check_length(struct sk_lmdb_env *env, struct snek_error *e)
{
	uint64_t need = sk_lmdb_length(env);
	struct stat st;

	if (!need || stat(env->path, &st))
		return sk_fail_errno(e, "%s", env->path);
	if ((uint64_t)st.st_size < need)
		return sk_fail(e, SNEK_ECORRUPT, "%s is cut short: %llu bytes "
		    "of %llu", env->path, (unsigned long long)st.st_size,
		    (unsigned long long)need);
	return 0;
}

static int open_dbs(struct sk_lmdb_txn *t, unsigned flags, struct snek_error *e)
{
	int i, rc;

	for (i = 0; i < DB_COUNT; i++) {
		rc = mdb_dbi_open(t->txn, db_name[i], flags, &t->env->dbi[i]);
		if (rc == MDB_NOTFOUND)
			return sk_fail(e, SNEK_ECORRUPT, "%s has no table \"%s\"",
			    t->env->path, db_name[i]);
		if (rc)
			return sk_lmdb_fail(t, rc, e);
	}
	return 0;
}

static int check_format(struct sk_lmdb_txn *t, struct snek_error *e)
{
	struct sk_record_cluster c;
	int rc = sk_lmdb_read_cluster(t, &c, e);

	if (rc || c.c.format <= SK_META_FORMAT)
		return rc;
	return sk_fail(e, SNEK_EVERSION, "%s: written by a newer snek (format "
	    "%u; this one reads up to %u)", t->env->path, c.c.format,
	    SK_META_FORMAT);
}

static int prepare(struct sk_lmdb_env *env, struct snek_error *e)
{
	struct sk_lmdb_txn t;
	int rc, dead;

	rc = check_length(env, e);
	if (rc)
		return rc;
	if (!env->read_only)
		mdb_reader_check(env->env, &dead);
	rc = sk_lmdb_begin_env(env, false, &t, e);
	if (rc)
		return rc;
	rc = open_dbs(&t, 0, e);
	if (!rc)
		rc = check_format(&t, e);
	return sk_lmdb_commit(&t, rc, e);
}

static void free_env(struct sk_lmdb_env *env)
{
	/* In a forked child the environment is still its parent's: closing it
	 * would free the parent's reader slots. */
	if (env->env && env->pid == getpid()) {
		sk_lmdb_drop_resting(env);
		mdb_env_close(env->env);
	}
	pthread_rwlock_destroy(&env->lock);
	free(env->path);
	free(env);
}

static int new_env(const char *path, struct sk_lmdb_env **out,
    struct snek_error *e)
{
	struct sk_lmdb_env *env = calloc(1, sizeof(*env));

	if (!env)
		return sk_enomem(e);
	if (pthread_rwlock_init(&env->lock, NULL)) {
		free(env);
		return sk_enomem(e);
	}
	env->pid = getpid();
	env->refs = 1;
	env->path = strdup(path);
	if (!env->path) {
		free_env(env);
		return sk_enomem(e);
	}
	*out = env;
	return 0;
}

static struct sk_lmdb_env *find_env(const struct stat *st)
{
	struct sk_lmdb_env *env = env_list;

	while (env && (env->dev != st->st_dev || env->ino != st->st_ino ||
	    env->pid != getpid()))
		env = env->next;
	return env;
}

static int check_file(const char *path, struct stat *st, struct snek_error *e)
{
	if (stat(path, st))
		return sk_fail_errno(e, "%s", path);
	if (!S_ISREG(st->st_mode) || !st->st_size)
		return sk_fail(e, SNEK_ECORRUPT, "%s is %s", path,
		    S_ISREG(st->st_mode) ? "empty" : "no file");
	if (is_network(path))
		return sk_fail(e, SNEK_EINVAL, "%s lies on a network file "
		    "system, whose locks and maps lmdb cannot trust", path);
	return 0;
}

/* Called with env_lock held. */
static int take_env(const char *path, struct sk_lmdb_env **out,
    struct snek_error *e)
{
	struct sk_lmdb_env *env;
	struct stat st;
	int rc = check_file(path, &st, e);

	if (rc)
		return rc;
	env = find_env(&st);
	if (env) {
		env->refs++;
		*out = env;
		return 0;
	}
	rc = new_env(path, &env, e);
	if (rc)
		return rc;
	env->dev = st.st_dev;
	env->ino = st.st_ino;
	rc = open_mdb(env, e);
	if (!rc)
		rc = prepare(env, e);
	if (rc) {
		free_env(env);
		return rc;
	}
	env->next = env_list;
	env_list = env;
	*out = env;
	return 0;
}

/* Called with env_lock held. */
static void drop_env(struct sk_lmdb_env *env)
{
	struct sk_lmdb_env **p = &env_list;

	if (--env->refs)
		return;
	while (*p && *p != env)
		p = &(*p)->next;
	if (*p)
		*p = env->next;
	free_env(env);
}

/* ---- the interface ---- */

static bool is_read_only(const struct sk_meta *m)
{
	return ((const struct sk_lmdb *)m)->env->read_only;
}

static void shut(struct sk_meta *m)
{
	if (!m)
		return;
	pthread_mutex_lock(&env_lock);
	drop_env(((struct sk_lmdb *)m)->env);
	pthread_mutex_unlock(&env_lock);
	free(m);
}

static const struct sk_meta_ops ops = {
	.cluster = sk_lmdb_cluster,
	.category_get_or_create = sk_lmdb_category_get_or_create,
	.category_get = sk_lmdb_category_get,
	.category_list = sk_lmdb_category_list,
	.category_remove = sk_lmdb_category_remove,
	.request = sk_lmdb_request, .commit = sk_lmdb_commit_write,
	.snapshot = sk_lmdb_snapshot, .unchanged = sk_lmdb_unchanged,
	.fold = sk_lmdb_fold,
	.is_named = sk_lmdb_is_named, .abort = sk_lmdb_abort,
	.forget = sk_lmdb_forget, .expire_requests = sk_lmdb_expire_requests,
	.function_put = sk_lmdb_function_put,
	.function_get = sk_lmdb_function_get,
	.function_list = sk_lmdb_function_list,
	.function_remove = sk_lmdb_function_remove,
	.read_only = is_read_only, .shut = shut,
};

static int path_of(const char *dir, struct sk_buf *path, struct snek_error *e)
{
	return sk_buf_printf(path, "%s/meta.mdb", dir) &&
	    sk_buf_byte(path, 0) ? 0 : sk_enomem(e);
}

int sk_meta_lmdb_open(const char *dir, struct sk_meta **out,
    struct snek_error *e)
{
	struct sk_lmdb *m = calloc(1, sizeof(*m));
	struct sk_buf path = { 0 };
	int rc = m ? path_of(dir, &path, e) : sk_enomem(e);

	if (!rc) {
		pthread_mutex_lock(&env_lock);
		rc = take_env(path.p, &m->env, e);
		pthread_mutex_unlock(&env_lock);
	}
	sk_buf_free(&path);
	if (rc) {
		free(m);
		return rc;
	}
	m->base.ops = &ops;
	*out = &m->base;
	return 0;
}

static int fill(struct sk_lmdb_txn *t, const struct sk_meta_cluster *c,
    struct snek_error *e)
{
	struct sk_record_cluster r = { *c, 1 };
	struct sk_buf b = { 0 };
	int rc = open_dbs(t, MDB_CREATE, e);

	if (rc)
		return rc;
	return sk_lmdb_put_packed(t, DB_CLUSTER, sk_record_text("cluster"), &b,
	    sk_record_pack_cluster(&b, &r), e);
}

static int create(const char *path, const struct sk_meta_cluster *c,
    struct snek_error *e)
{
	struct sk_lmdb_env *env;
	struct sk_lmdb_txn t;
	struct stat st;
	int rc;

	if (!stat(path, &st))
		return sk_fail(e, SNEK_EEXIST, "%s exists already", path);
	rc = new_env(path, &env, e);
	if (rc)
		return rc;
	rc = map_largest(env, 0);
	rc = rc ? sk_lmdb_fail_at(path, rc, e) : sk_lmdb_begin_env(env, true, &t, e);
	if (!rc)
		rc = sk_lmdb_commit(&t, fill(&t, c, e), e);
	free_env(env);
	return rc;
}

int sk_meta_lmdb_create(const char *dir, const struct sk_meta_cluster *c,
    struct snek_error *e)
{
	struct sk_buf path = { 0 };
	int rc = path_of(dir, &path, e);

	if (!rc && is_network(dir))
		rc = sk_fail(e, SNEK_EINVAL, "%s lies on a network file system, "
		    "whose locks and maps lmdb cannot trust", dir);
	if (!rc)
		rc = create(path.p, c, e);
	sk_buf_free(&path);
	return rc;
}
