/* SPDX-License-Identifier: MIT */
/*
 * client.h - the other end of the API: a cluster behind a gateway.  The front
 * door hands calls over to it when a cluster's name is an http URL.
 *
 * A client may be used by several threads: calls wait for each other.
 */
#ifndef SK_API_CLIENT_H
#define SK_API_CLIENT_H
#include <snek/snek.h>

#include "base/buf.h"
#include "base/err.h"
#include "value/value.h"

/* Does it begin with http:// or https://? */
bool sk_client_is_url(const char *);

struct sk_client_login {                /* NULL: the environment's */
	const char *token, *token_file; /* bearer's; neither: SNEK_TOKEN,
					 * SNEK_TOKEN_FILE; without any an
					 * execute-api host is asked with SigV4 */
	const char *aws_profile;
	bool sign;                      /* with SigV4, whatever its host */
};
struct sk_client;
/* Asks for the version.  SNEK_EACCES, SNEK_EINVAL (plain http to where others
 * listen), SNEK_EIO, SNEK_EAGAIN, SNEK_ETIMEDOUT. */
int sk_client_open(const char *url, const struct sk_client_login *,
    struct sk_client **, struct snek_error *);
void sk_client_close(struct sk_client *);

/* ---- one request (client.c) ---- */

struct sk_client_call {
	const char *method, *path;      /* below the URL, encoded */
	const char *type;               /* of the body; NULL: JSON */
	struct sk_span body;
	bool once;                      /* to be sent no second time */
	int64_t timeout_ms;             /* 0: 60 s */
};
struct sk_client_reply {
	int status;                     /* also of one that failed; 0: no answer */
	bool said;                      /* by snek: why it failed */
	unsigned retry_after_s;         /* 0: not said */
	struct sk_buf body;
	char next[64], location[96];
};
/* An answer of 200 to 299.  An error's code is the one that it says;
 * SNEK_EUNKNOWN: a call that is sent once may have been done. */
int sk_client_call(struct sk_client *, const struct sk_client_call *,
    struct sk_client_reply *, struct snek_error *);
void sk_client_reply_free(struct sk_client_reply *);
/* Append a name, percent-encoded. */
bool sk_client_encode(struct sk_buf *, const char *);
const char *sk_client_where(const struct sk_client *);
/* Bytes that it takes of a body. */
uint64_t sk_client_most(const struct sk_client *);

/* ---- answers as objects ---- */

struct sk_client_object {
	void *reader;
	struct sk_record record;
};
int sk_client_parse(struct sk_span, struct sk_client_object *,
    struct snek_error *);
void sk_client_object_free(struct sk_client_object *);
/* A member's number, or 0; its text, cut to the room for it, or "". */
uint64_t sk_client_number(const struct sk_record *, const char *name);
bool sk_client_flag(const struct sk_record *, const char *name);
void sk_client_text(const struct sk_record *, const char *name, char *to,
    size_t room);
/* GET a path, with a name at its end or NULL, as an object; both are to be freed
 * either way. */
int sk_client_get(struct sk_client *, const char *base, const char *name,
    struct sk_client_reply *, struct sk_client_object *, struct snek_error *);
/* Any call that is answered with an object. */
int sk_client_ask(struct sk_client *, const struct sk_client_call *,
    struct sk_client_reply *, struct sk_client_object *, struct snek_error *);
/* A value that is an object, as a record: its members, at most so many. */
uint32_t sk_client_members(struct snek_value, struct sk_member *, uint32_t most);

/* ---- what the front door asks for ---- */

/* *registers (or NULL): functions may be added from here. */
int sk_client_info(struct sk_client *, struct snek_cluster_info *,
    bool *registers, struct snek_error *);
int sk_client_categories(struct sk_client *,
    int (*visit)(void *, const struct snek_category_info *), void *,
    struct snek_error *);
int sk_client_category(struct sk_client *, const char *name,
    int (*visit)(void *, const struct snek_category_info *), void *,
    struct snek_error *);
int sk_client_remove(struct sk_client *, const char *name, struct snek_error *);
int sk_client_compact(struct sk_client *, const char *name, struct snek_error *);
/* As the functions of snek.h.  The reports are all the caller's own; category
 * and visit may be NULL where they may there. */
int sk_client_stat(struct sk_client *, const char *category,
    int (*visit)(void *, const struct snek_shard_stat *), void *,
    struct snek_cluster_stat *, struct snek_error *);
int sk_client_describe(struct sk_client *, const char *category,
    const struct snek_describe_options *,
    int (*visit)(void *, const struct snek_path_info *), void *,
    struct snek_describe_report *, struct snek_error *);
int sk_client_gc(struct sk_client *, uint32_t grace, struct snek_gc_report *,
    struct snek_error *);
/* name NULL: all. */
int sk_client_functions(struct sk_client *, const char *name,
    int (*visit)(void *, const struct snek_function_info *), void *,
    struct snek_error *);

/* The functions of the cluster as a catalog of its own, which has nothing but
 * them; it lives as long as the client at most, and is closed by
 * sk_catalog_close.  profile: by whose name it was opened, or NULL. */
struct sk_catalog;
int sk_client_catalog(struct sk_client *, const char *profile,
    struct sk_catalog **, struct snek_error *);

/* A write: one request, or parts of so many bytes each.  SNEK_EINVAL from open:
 * it cannot be done so, as when the durability is not given there. */
struct sk_client_writer;
int sk_client_writer_open(struct sk_client *, const char *category,
    const char *request_id, const char *durability, struct sk_client_writer **,
    struct snek_error *);
/* A record's text, one value. */
int sk_client_writer_put(struct sk_client_writer *, struct sk_span,
    struct snek_error *);
uint64_t sk_client_writer_records(const struct sk_client_writer *);
int sk_client_writer_commit(struct sk_client_writer *, struct snek_receipt *,
    struct snek_error *);
void sk_client_writer_free(struct sk_client_writer *);

struct sk_client_reader;
int sk_client_reader_open(struct sk_client *, const char *category,
    uint64_t version, uint64_t record, struct sk_client_reader **,
    struct snek_error *);
int sk_client_reader_next(struct sk_client_reader *, struct snek_value *,
    struct snek_error *);
void sk_client_reader_close(struct sk_client_reader *);

struct sk_client_job;
int sk_client_job_new(struct sk_client *, const char *category,
    struct sk_client_job **, struct snek_error *);
int sk_client_job_map(struct sk_client_job *, const char *function,
    const char *args, struct snek_error *);
int sk_client_job_arg(struct sk_client_job *, const char *name,
    const char *value, struct snek_error *);
int sk_client_job_reduce(struct sk_client_job *, const char *,
    struct snek_error *);
int sk_client_job_set(struct sk_client_job *, const char *setting,
    const char *value, struct snek_error *);
/* from: a category there, or with a '/' a file here, whose records go along.
 * SNEK_ELIMIT: they are too many for that. */
int sk_client_job_side(struct sk_client_job *, const char *name,
    const char *from, struct snek_error *);
/* The result is to be written there, and a receipt is what comes of it; the
 * latter two may be NULL. */
int sk_client_job_into(struct sk_client_job *, const char *category,
    const char *request_id, const char *durability, struct snek_error *);
bool sk_client_job_is_into(const struct sk_client_job *);
/* Of one that is done.  SNEK_EINVAL: it was written elsewhere than this says. */
int sk_client_job_receipt(const struct sk_client_job *,
    const struct sk_client *to, const char *category, struct snek_receipt *,
    struct snek_error *);
int sk_client_job_start(struct sk_client_job *, struct snek_error *);
int sk_client_job_wait(struct sk_client_job *, int timeout_ms,
    struct snek_error *);
void sk_client_job_cancel(struct sk_client_job *);     /* async-signal-safe */
void sk_client_job_stat(struct sk_client_job *, struct snek_job_stat *);
/* As snek_job_missing. */
int sk_client_job_missing(const struct sk_client_job *,
    int (*visit)(void *, const struct snek_missing *), void *);
void sk_client_job_free(struct sk_client_job *);
/* Results, page by page. */
int sk_client_result_next(struct sk_client_job *, struct snek_value *key,
    struct snek_value *value, struct snek_error *);
int sk_client_result_open(struct sk_client_job *, struct snek_error *);
bool sk_client_result_is_reduced(const struct sk_client_job *);
#endif
