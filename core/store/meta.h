/* SPDX-License-Identifier: MIT */
/*
 * meta.h - what the cluster remembers, as named transactions behind one struct
 * of functions.  Each call is one atomic step: one LMDB transaction
 * (store/meta_lmdb.c), one script (store/meta_redis.c).  A call that changes
 * anything is durable when it returns 0 (on a server: as far as the server is);
 * SNEK_EUNKNOWN means that it may have happened.
 */
#ifndef SK_META_H
#define SK_META_H
#include "store/shard.h"

#define SK_MAX_SHARDS 1024u
#define SK_NAME_MAX 128u
#define SK_INLINE_MAX (64u << 10)       /* a write whose chunk rests in its manifest entry */

struct sk_meta_cluster {
	uint8_t uuid[16];
	uint32_t format, shards, level;
	uint64_t draw;                  /* the round-robin counter */
};

struct sk_meta_category {
	uint64_t id;
	char name[SK_NAME_MAX + 1];
	uint32_t shards;                /* of the placement */
	uint32_t shard[SK_MAX_SHARDS];  /* their ids, recorded once */
	uint64_t version;               /* last committed */
	uint64_t epoch;                 /* raised before anything is deleted; a
	                                 * category made again has another id */
	uint64_t writes, records, bytes;
	uint64_t moment;                /* of a snapshot, for unchanged; 0: none */
};

struct sk_meta_part {                   /* of a write, on one shard */
	uint32_t shard, chunks;
	uint64_t records, bytes;
};

/*
 * One manifest entry: a committed write, or several folded by compaction
 * (first < last), whose chunks then carry the places of their records.
 * Entries of a category cover 1 .. version without gap or overlap.
 */
struct sk_meta_entry {
	uint64_t first, last;           /* versions */
	struct sk_write_id write;
	uint64_t digest[2];             /* of the records, for a request id */
	uint64_t records, bytes;
	uint32_t parts;
	const struct sk_meta_part *part;
	struct sk_span inlined;         /* the one chunk of a small write; then
	                                 * part[0] says which shard it belongs
	                                 * to.  Aligned to nothing */
};

struct sk_meta_receipt {
	uint64_t version, records, bytes;
	uint64_t digest[2];
	struct sk_write_id write;
	bool repeated;
};

/* What stands behind a name that can be queried. */
enum sk_function_kind {
	SK_FUNCTION_OP,                 /* an op of a plugin */
	SK_FUNCTION_URL,                /* an HTTP endpoint */
	SK_FUNCTION_CALL,               /* a C function of any library */
};

/* Where the same runs at AWS. */
struct sk_meta_lambda {
	char arn[256];                  /* with the version; "": nowhere */
	char name[65], version[24], region[32], arch[16];
	char code_sha256[45];           /* of the zip, as AWS says it */
	char plugin_sha256[65];         /* of the plugin or library in it */
	char endpoint[256];             /* of an emulator; "": AWS's own */
	uint32_t memory_mb, timeout_s;
};

#define SK_FUNCTION_ABOUT 8192u
struct sk_meta_function {
	char name[SK_NAME_MAX + 1];     /* PLUGIN.OP or PLUGIN */
	char plugin[SK_NAME_MAX + 1];   /* without one: as name */
	char op[SK_NAME_MAX + 1];       /* or the C function */
	char sha256[65];                /* of the plugin or library; "": a
					 * library that the loader finds */
	char version[64];
	uint64_t generation;
	uint32_t kind;                  /* enum sk_function_kind */
	char url[2048];
	char lib[256], signature[64], fields[4096];     /* of a C function:
					 * lib without directories; see
					 * task/call.h */
	struct sk_meta_lambda lambda;
	/* The op as it describes itself (exec/wire.h: a plugin with one op), for
	 * where its plugin is not loaded; about_n 0: nobody noted it. */
	uint32_t about_n;
	char about[SK_FUNCTION_ABOUT];
};

/* Usable by several threads at once, and from within a visit for reading. */
struct sk_meta;
struct sk_meta_ops {
	int (*cluster)(struct sk_meta *, struct sk_meta_cluster *, struct snek_error *);

	/* Create-if-absent: the draw and the placement are part of the same
	 * step, so two first writers agree.  draw n: shards n .. n+level-1
	 * (mod N) (store/placement.c is the pure part). */
	int (*category_get_or_create)(struct sk_meta *, const char *name,
	    struct sk_meta_category *, struct snek_error *);
	/* SNEK_ENOENT here and below: none, or none with a committed write. */
	int (*category_get)(struct sk_meta *, const char *name,
	    struct sk_meta_category *, struct snek_error *);
	int (*category_list)(struct sk_meta *,
	    int (*visit)(void *, const struct sk_meta_category *), void *,
	    struct snek_error *);
	/* Forget it and its manifest; its segments become garbage. */
	int (*category_remove)(struct sk_meta *, const char *name, struct snek_error *);

	/* The receipt of a request id, if committed and within the window:
	 * SNEK_ENOENT without text otherwise. */
	int (*request)(struct sk_meta *, uint64_t category, const char *request_id,
	    struct sk_meta_receipt *, struct snek_error *);
	/*
	 * If the request id (may be NULL) is committed: same digest, its receipt
	 * with repeated set; other digest, SNEK_ECONFLICT.  If the write id was
	 * aborted: SNEK_EAGAIN.  If the category is gone: SNEK_ENOENT.  Else
	 * version = last + 1, the entry is appended, the receipt stored.  An
	 * inlined chunk's shard (part[0].shard) is chosen in here, in turn.
	 * SNEK_EUNKNOWN: it may be committed or not.  Every other failure:
	 * it is not, and nothing of it will ever be visible.
	 */
	int (*commit)(struct sk_meta *, uint64_t category, const char *request_id,
	    struct sk_meta_entry *, struct sk_meta_receipt *, struct snek_error *);
	/* Entries in order of version, with what the category says, as of one
	 * moment.  Spans live until the visit returns.  from: skip entries that
	 * end before this version. */
	int (*snapshot)(struct sk_meta *, const char *name, uint64_t from,
	    struct sk_meta_category *, int (*visit)(void *,
	    const struct sk_meta_entry *), void *, struct snek_error *);
	/* Is all that a snapshot of this moment said still so?  False too where
	 * a server would have to be asked.  NULL: that is always so. */
	bool (*unchanged)(struct sk_meta *, uint64_t moment);
	/* Replace the n entries that cover first..last by one, if they are still
	 * the entries with these write ids and the new write id was not aborted,
	 * and raise the deletion epoch; SNEK_EAGAIN when somebody was faster. */
	int (*fold)(struct sk_meta *, uint64_t category,
	    const struct sk_write_id *old, uint32_t n,
	    const struct sk_meta_entry *, struct snek_error *);

	/* gc.  is_named: does any manifest name the write?  (1 or 0.)  abort marks it (a
	 * commit of it then fails), unless it is committed: SNEK_EEXIST.
	 * forget removes the mark. */
	int (*is_named)(struct sk_meta *, struct sk_write_id, struct snek_error *);
	int (*abort)(struct sk_meta *, struct sk_write_id, struct snek_error *);
	int (*forget)(struct sk_meta *, struct sk_write_id, struct snek_error *);
	int (*expire_requests)(struct sk_meta *, int64_t before, struct snek_error *);

	/* Functions.  put replaces by name, drops what else the plugin had, and
	 * raises the generation (of which it is the judge) when anything
	 * differs; changed may be NULL.  remove: one by its name, or all of a
	 * plugin by the plugin's.  SNEK_EVERSION: a record of a newer snek is
	 * among those that were looked at. */
	int (*function_put)(struct sk_meta *, const struct sk_meta_function *, uint32_t n,
	    const char *plugin, bool *changed, struct snek_error *);
	int (*function_get)(struct sk_meta *, const char *name,
	    struct sk_meta_function *, struct snek_error *);
	int (*function_list)(struct sk_meta *,
	    int (*visit)(void *, const struct sk_meta_function *), void *,
	    struct snek_error *);
	int (*function_remove)(struct sk_meta *, const char *name, struct snek_error *);

	/*
	 * The rest is NULL where shards are directories beside the meta store.
	 * shards: the ids in order, and the addresses, without secrets, that
	 * create and grow were given.  grow registers n more, whose ids begin
	 * at first, and sets the level (0: as it was): new categories use
	 * them, old ones stay where they are.  SNEK_EEXIST: one is there;
	 * SNEK_ECONFLICT: others were added, first is another.
	 */
	int (*shards)(struct sk_meta *, int (*visit)(void *, uint32_t shard,
	    const char *url), void *, struct snek_error *);
	int (*grow)(struct sk_meta *, const char *const *url, uint32_t n,
	    uint32_t level, uint32_t first, struct snek_error *);
	/* A plugin's bytes under their digest.  put: SNEK_EINVAL when they have
	 * another.  get appends; SNEK_ENOENT, SNEK_ECORRUPT. */
	int (*plugin_put)(struct sk_meta *, const char *sha256, struct sk_span,
	    struct snek_error *);
	int (*plugin_get)(struct sk_meta *, const char *sha256, struct sk_buf *,
	    struct snek_error *);
	/* Wait until all that this store remembers, the committed write (may be
	 * NULL) among it, is on so many replicas: SNEK_ETIMEDOUT, SNEK_EIO when
	 * the write is gone (a failover lost it). */
	int (*settle)(struct sk_meta *, const struct sk_write_id *,
	    uint32_t replicas, int timeout_ms, struct snek_error *);

	bool (*read_only)(const struct sk_meta *);
	void (*shut)(struct sk_meta *);
};
struct sk_meta { const struct sk_meta_ops *ops; };

/*
 * store/meta_lmdb.c.  open: SNEK_ENOENT, SNEK_EVERSION, SNEK_ECORRUPT,
 * SNEK_EINVAL on a network file system.  LMDB must not be opened twice in one
 * process, so handles of one directory share an environment.  A handle does
 * not work in a forked child (SNEK_EINVAL): open another there.  Where nothing
 * may be written (a read-only medium or directory) it opens read-only and
 * takes no lock; changing calls are then SNEK_EACCES.
 */
int sk_meta_lmdb_create(const char *dir, const struct sk_meta_cluster *,
    struct snek_error *);
int sk_meta_lmdb_open(const char *dir, struct sk_meta **, struct snek_error *);

/*
 * store/meta_redis.c: the same on a server, each step one script; keys are
 * drawn there.  create: SNEK_EEXIST when there is one, SNEK_ECORRUPT when there
 * is what one left; address: of each shard, without secrets, or NULL.  open:
 * SNEK_ENOENT, SNEK_EVERSION, SNEK_ECORRUPT (damaged, or data without a meta
 * record: it was lost, and nothing is guessed); the client is the handle's to
 * free once it succeeds.  A replica opens read-only.  A handle does not work in
 * a forked child.  destroy removes the keys of this meta store and no other;
 * broken off, it can be repeated.
 */
int sk_meta_redis_create(struct sk_redis *, const struct sk_meta_cluster *,
    const char *const *address, struct snek_error *);
int sk_meta_redis_open(struct sk_redis *, struct sk_meta **, struct snek_error *);
int sk_meta_redis_destroy(struct sk_redis *, struct snek_error *);
#endif
