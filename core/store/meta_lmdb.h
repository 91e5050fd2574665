/* SPDX-License-Identifier: MIT */
/* meta_lmdb.h - between the files meta_lmdb*.c: environment, transactions,
 * tables.  Nobody else sees lmdb.h. */
#ifndef SK_META_LMDB_H
#define SK_META_LMDB_H
#include <lmdb.h>
#include <pthread.h>

#include "store/meta_record.h"

/* The sub-databases, drawn in meta_lmdb.c. */
enum sk_lmdb_db {
	DB_CLUSTER, DB_NAME, DB_CATEGORY, DB_STATE, DB_MANIFEST, DB_NAMED,
	DB_ABORTED, DB_REQUEST, DB_FUNCTION, DB_COUNT,
};

struct sk_lmdb_env {            /* one per directory and process */
	struct sk_lmdb_env *next;
	MDB_env *env;
	MDB_dbi dbi[DB_COUNT];
	/* Read side: held by each transaction; write side: resizing the map. */
	pthread_rwlock_t lock;
	MDB_txn *resting;               /* one that has read, with its slot in
					 * the table of readers: beginning again
					 * is much cheaper; with __atomic */
	dev_t dev;
	ino_t ino;
	pid_t pid;
	unsigned refs;
	bool read_only;
	char *path;
};

struct sk_lmdb {
	struct sk_meta base;
	struct sk_lmdb_env *env;
};

struct sk_lmdb_txn {
	struct sk_lmdb_env *env;
	MDB_txn *txn;
	bool write;
	size_t number;          /* LMDB's, of the newest when it began */
	int turn;               /* descriptor, see meta_lmdb_turn.c; -1: none */
};

/* ---- meta_lmdb_turn.c ---- */

/* Wait for our turn, but not for ever; without a turn (-1) all goes on. */
int sk_lmdb_turn_take(const struct sk_lmdb_env *, bool write);
void sk_lmdb_turn_end(int turn);
/* May what was read since then have been written over? */
bool sk_lmdb_turn_lost(const struct sk_lmdb_txn *);

/* ---- meta_lmdb_txn.c ---- */

/* Bytes that the file has by what it says itself; 0: unknown. */
uint64_t sk_lmdb_length(struct sk_lmdb_env *);

/* Before the environment is closed. */
void sk_lmdb_drop_resting(struct sk_lmdb_env *);

/* Has nothing been committed since the transaction of this number saw all? */
bool sk_lmdb_unchanged(struct sk_meta *, uint64_t number);

int sk_lmdb_begin_env(struct sk_lmdb_env *, bool write, struct sk_lmdb_txn *,
    struct snek_error *);
int sk_lmdb_begin(struct sk_meta *, bool write, struct sk_lmdb_txn *,
    struct snek_error *);
/* Nothing remains of the transaction; rc passes through, unless what was read
 * may have been written over: SNEK_EAGAIN. */
int sk_lmdb_end(struct sk_lmdb_txn *, int rc, struct snek_error *);
/* Commit if rc is 0, else as sk_lmdb_end.  SNEK_EIO: nothing happened;
 * SNEK_EUNKNOWN. */
int sk_lmdb_commit(struct sk_lmdb_txn *, int rc, struct snek_error *);

/* An LMDB code as one of ours, with the environment's path. */
int sk_lmdb_fail(const struct sk_lmdb_txn *, int mdb, struct snek_error *);
int sk_lmdb_fail_at(const char *path, int mdb, struct snek_error *);

/* SNEK_ENOENT without text when there is none. */
int sk_lmdb_get(struct sk_lmdb_txn *, enum sk_lmdb_db, struct sk_span key,
    struct sk_span *out, struct snek_error *);
int sk_lmdb_put(struct sk_lmdb_txn *, enum sk_lmdb_db, struct sk_span key,
    struct sk_span value, struct snek_error *);
/* 0 too when there was none. */
int sk_lmdb_del(struct sk_lmdb_txn *, enum sk_lmdb_db, struct sk_span key,
    struct snek_error *);
/* Walk all keys that begin with prefix, from the key `from` on.  A visit that
 * returns other than 0 ends the walk with that value; SK_LMDB_DROP deletes
 * the record and goes on. */
#define SK_LMDB_DROP 0x7ffffff0
int sk_lmdb_walk(struct sk_lmdb_txn *, enum sk_lmdb_db, struct sk_span prefix,
    struct sk_span from, int (*visit)(void *, struct sk_span key,
    struct sk_span value, struct snek_error *), void *, struct snek_error *);

/* Walk all of it, in a transaction of its own, which *t is until then. */
int sk_lmdb_list(struct sk_meta *, enum sk_lmdb_db, struct sk_lmdb_txn *t,
    int (*visit)(void *, struct sk_span key, struct sk_span value,
    struct snek_error *), void *, struct snek_error *);

/* The greatest key that is not beyond key; SNEK_ENOENT without text. */
int sk_lmdb_floor(struct sk_lmdb_txn *, enum sk_lmdb_db, struct sk_span key,
    struct sk_span *out, struct snek_error *);

/* SNEK_ECORRUPT naming the store and the record. */
int sk_lmdb_damaged(const struct sk_lmdb_txn *, const char *what,
    struct snek_error *);

/* Pack into a fresh buffer and put.  packed: what sk_record_pack_* said; the
 * buffer is freed. */
int sk_lmdb_put_packed(struct sk_lmdb_txn *, enum sk_lmdb_db,
    struct sk_span key, struct sk_buf *, bool packed, struct snek_error *);

/* ---- meta_lmdb_category.c ---- */

int sk_lmdb_read_cluster(struct sk_lmdb_txn *, struct sk_record_cluster *,
    struct snek_error *);
/* By id, with its state; SNEK_ENOENT without text. */
int sk_lmdb_read_category(struct sk_lmdb_txn *, uint64_t id,
    struct sk_meta_category *, struct snek_error *);
/* Unpack a manifest entry or say why not. */
int sk_lmdb_entry(struct sk_lmdb_txn *, struct sk_span key,
    struct sk_span value, struct sk_buf *scratch, struct sk_meta_entry *,
    struct snek_error *);
int sk_lmdb_write_state(struct sk_lmdb_txn *, const struct sk_meta_category *,
    struct snek_error *);

int sk_lmdb_cluster(struct sk_meta *, struct sk_meta_cluster *, struct snek_error *);
int sk_lmdb_category_get_or_create(struct sk_meta *, const char *,
    struct sk_meta_category *, struct snek_error *);
int sk_lmdb_category_get(struct sk_meta *, const char *,
    struct sk_meta_category *, struct snek_error *);
int sk_lmdb_category_list(struct sk_meta *,
    int (*)(void *, const struct sk_meta_category *), void *,
    struct snek_error *);
int sk_lmdb_category_remove(struct sk_meta *, const char *, struct snek_error *);
int sk_lmdb_snapshot(struct sk_meta *, const char *, uint64_t,
    struct sk_meta_category *, int (*)(void *, const struct sk_meta_entry *),
    void *, struct snek_error *);

/* ---- meta_lmdb_write.c ---- */

int sk_lmdb_request(struct sk_meta *, uint64_t, const char *,
    struct sk_meta_receipt *, struct snek_error *);
int sk_lmdb_commit_write(struct sk_meta *, uint64_t, const char *,
    struct sk_meta_entry *, struct sk_meta_receipt *, struct snek_error *);
int sk_lmdb_fold(struct sk_meta *, uint64_t, const struct sk_write_id *,
    uint32_t, const struct sk_meta_entry *, struct snek_error *);
int sk_lmdb_is_named(struct sk_meta *, struct sk_write_id, struct snek_error *);
int sk_lmdb_abort(struct sk_meta *, struct sk_write_id, struct snek_error *);
int sk_lmdb_forget(struct sk_meta *, struct sk_write_id, struct snek_error *);
int sk_lmdb_expire_requests(struct sk_meta *, int64_t, struct snek_error *);

/* ---- meta_lmdb_function.c ---- */

int sk_lmdb_function_put(struct sk_meta *, const struct sk_meta_function *,
    uint32_t, const char *, bool *, struct snek_error *);
int sk_lmdb_function_get(struct sk_meta *, const char *,
    struct sk_meta_function *, struct snek_error *);
int sk_lmdb_function_list(struct sk_meta *,
    int (*)(void *, const struct sk_meta_function *), void *,
    struct snek_error *);
int sk_lmdb_function_remove(struct sk_meta *, const char *, struct snek_error *);
#endif
