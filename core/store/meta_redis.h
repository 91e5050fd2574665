/* SPDX-License-Identifier: MIT */
/* meta_redis.h - between the files meta_redis*.c: the handle, its scripts and
 * how they are called. */
#ifndef SK_META_REDIS_H
#define SK_META_REDIS_H
#include <sys/types.h>

#include "store/meta_record.h"
#include "store/redis.h"

/* The steps, in meta_redis_script*.c. */
enum sk_rmeta_step {
	STEP_CREATE, STEP_CLUSTER, STEP_SHARDS, STEP_GROW, STEP_SETTLE,
	STEP_DESTROY,
	STEP_MAKE, STEP_GET, STEP_LIST, STEP_REMOVE, STEP_PURGE, STEP_SNAPSHOT,
	STEP_REQUEST, STEP_COMMIT, STEP_FOLD, STEP_NAMED, STEP_ABORT,
	STEP_FORGET, STEP_EXPIRE,
	STEP_FUNCTION_PUT, STEP_FUNCTION_GET, STEP_FUNCTION_LIST,
	STEP_FUNCTION_REMOVE,
	STEP_JOB_CREATE, STEP_JOB_LOOK, STEP_JOB_CLAIM, STEP_JOB_RENEW,
	STEP_JOB_PUT, STEP_JOB_END, STEP_JOB_CANCEL, STEP_JOB_GET,
	STEP_JOB_ITEMS, STEP_JOB_LIST, STEP_JOB_REMOVE,
	STEP_COUNT,
};
enum sk_rmeta_kind {
	STEP_READS,             /* changes nothing: may be called again */
	STEP_REPEATS,           /* the same twice: may be called again */
	STEP_CHANGES,
};
struct sk_rmeta_script {
	enum sk_rmeta_kind kind;
	const char *name, *text;
	size_t reply_max;       /* bytes; 0: as of other commands */
};
extern const struct sk_rmeta_script sk_rmeta_script[STEP_COUNT];

struct sk_rmeta {
	struct sk_meta base;
	struct sk_redis *redis;
	char *keys;                     /* what all keys begin with */
	char uuid[33];                  /* of the cluster that was opened */
	uint32_t shards;                /* it had then: who opened it knows these */
	pid_t pid;
	bool read_only;
	struct sk_script script[STEP_COUNT];
};

/* ---- meta_redis_call.c ---- */

int sk_rmeta_init(struct sk_rmeta *, struct sk_redis *, struct snek_error *);
void sk_rmeta_fini(struct sk_rmeta *);          /* not the client */

/* Arguments being gathered; bytes are borrowed, numbers copied.  bad: memory
 * ran out, which the call then says. */
struct sk_rmeta_args {
	struct sk_buf span;
	char text[8][24];
	unsigned texts;
	bool bad;
};
void sk_rmeta_arg(struct sk_rmeta_args *, const void *, size_t);
void sk_rmeta_arg_text(struct sk_rmeta_args *, const char *);
void sk_rmeta_arg_number(struct sk_rmeta_args *, uint64_t);     /* 8 at most */

/*
 * Call a step and free the arguments.  0: the answer, a list of texts, the
 * first of them a word: "ok", or why not.  Damage, limits and rights are told
 * by the call itself.
 */
int sk_rmeta_call(struct sk_rmeta *, enum sk_rmeta_step, struct sk_rmeta_args *,
    struct sk_answer *, struct snek_error *);
/* The same of a plain command, whose key is keys + key: any answer. */
int sk_rmeta_command(struct sk_rmeta *, const char *name, const char *key,
    const struct sk_span *arg, size_t args, bool again, struct sk_answer *,
    struct snek_error *);
bool sk_rmeta_says(const struct sk_answer *, const char *word);
/* Item i; an empty span when there is none. */
struct sk_span sk_rmeta_item(const struct sk_answer *, size_t i);
bool sk_rmeta_number(struct sk_span, uint64_t *);
/* SNEK_ECORRUPT, naming the key. */
int sk_rmeta_damaged(const struct sk_rmeta *, const char *key,
    struct snek_error *);
int sk_rmeta_damaged_of(const struct sk_rmeta *, const char *key,
    const char *which, struct snek_error *);

/* ---- the operations ---- */

int sk_rmeta_purge(struct sk_rmeta *, struct snek_error *);
int sk_rmeta_category_get_or_create(struct sk_meta *, const char *,
    struct sk_meta_category *, struct snek_error *);
int sk_rmeta_category_get(struct sk_meta *, const char *,
    struct sk_meta_category *, struct snek_error *);
int sk_rmeta_category_list(struct sk_meta *,
    int (*)(void *, const struct sk_meta_category *), void *,
    struct snek_error *);
int sk_rmeta_category_remove(struct sk_meta *, const char *, struct snek_error *);
/* From item i on: id and the seven fields of a category's record. */
int sk_rmeta_category(const struct sk_rmeta *, const struct sk_answer *,
    size_t i, struct sk_meta_category *, struct snek_error *);

int sk_rmeta_snapshot(struct sk_meta *, const char *, uint64_t,
    struct sk_meta_category *, int (*)(void *, const struct sk_meta_entry *),
    void *, struct snek_error *);

int sk_rmeta_request(struct sk_meta *, uint64_t, const char *,
    struct sk_meta_receipt *, struct snek_error *);
int sk_rmeta_commit(struct sk_meta *, uint64_t, const char *,
    struct sk_meta_entry *, struct sk_meta_receipt *, struct snek_error *);
int sk_rmeta_fold(struct sk_meta *, uint64_t, const struct sk_write_id *,
    uint32_t, const struct sk_meta_entry *, struct snek_error *);
int sk_rmeta_is_named(struct sk_meta *, struct sk_write_id, struct snek_error *);
int sk_rmeta_abort(struct sk_meta *, struct sk_write_id, struct snek_error *);
int sk_rmeta_forget(struct sk_meta *, struct sk_write_id, struct snek_error *);
int sk_rmeta_expire_requests(struct sk_meta *, int64_t, struct snek_error *);

int sk_rmeta_function_put(struct sk_meta *, const struct sk_meta_function *,
    uint32_t, const char *, bool *, struct snek_error *);
int sk_rmeta_function_get(struct sk_meta *, const char *,
    struct sk_meta_function *, struct snek_error *);
int sk_rmeta_function_list(struct sk_meta *,
    int (*)(void *, const struct sk_meta_function *), void *,
    struct snek_error *);
int sk_rmeta_function_remove(struct sk_meta *, const char *, struct snek_error *);
int sk_rmeta_plugin_put(struct sk_meta *, const char *, struct sk_span,
    struct snek_error *);
int sk_rmeta_plugin_get(struct sk_meta *, const char *, struct sk_buf *,
    struct snek_error *);

int sk_rmeta_shards(struct sk_meta *, int (*)(void *, uint32_t, const char *),
    void *, struct snek_error *);
int sk_rmeta_grow(struct sk_meta *, const char *const *, uint32_t, uint32_t,
    uint32_t, struct snek_error *);
int sk_rmeta_settle(struct sk_meta *, const struct sk_write_id *, uint32_t,
    int, struct snek_error *);
#endif
