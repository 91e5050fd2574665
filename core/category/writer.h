/* SPDX-License-Identifier: MIT */
/*
 * writer.h - records into chunks, chunks onto shards, one commit.
 *
 *   begin   a fresh write id names this attempt; a request id is looked up
 *   put     sealed chunks go to the category's shards in turn
 *   commit  segments sealed and synced, then one step in meta
 *
 * A write of at most SK_INLINE_MAX bytes puts its one chunk into the commit.
 *
 * A writer is for one thread at a time; several writers, snapshots and
 * compactions may use one catalog at once, from any threads and processes.
 */
#ifndef SK_WRITER_H
#define SK_WRITER_H
#include "category/durability.h"

typedef struct sk_writer sk_writer;

struct sk_writer_options {
	const char *request_id;         /* 1 to 256 bytes, or NULL */
	uint32_t chunk_size;            /* 0: SK_CHUNK_TARGET */
	struct sk_promise durability;   /* zeroed: the strongest there is */
	bool no_compact;                /* leave folding to others (tests) */
};

int sk_writer_open(struct sk_catalog *, const char *category,
    const struct sk_writer_options *, sk_writer **, struct snek_error *);
/*
 * text: the record's bytes as they came, for the digest.  A record that a
 * chunk refuses (SNEK_EINVAL, SNEK_EFORMAT, SNEK_ELIMIT) is left out and the
 * writer goes on; any other failure is final, and a commit is refused then.
 */
int sk_writer_add(sk_writer *, const struct sk_record *, struct sk_span text,
    struct snek_error *);
uint64_t sk_writer_records(const sk_writer *);
/*
 * All or nothing, once.  With a request id that is committed already: the old
 * receipt if the digest is the same, else SNEK_ECONFLICT.  SNEK_EAGAIN: gc gave
 * the write up.  SNEK_EUNKNOWN: it may have happened; a repeat with the same
 * request id tells.  So does it where the text says that the write is committed
 * and only not known to be on as many replicas as it should be; the repeat waits
 * for them again.  Every other failure is definite: nothing was written.
 */
int sk_writer_commit(sk_writer *, struct sk_meta_receipt *, struct snek_error *);
void sk_writer_free(sk_writer *);       /* abandons what is not committed */
struct sk_write_id sk_writer_id(const sk_writer *);
struct sk_promise sk_writer_reaches(const sk_writer *);
uint32_t sk_writer_shards(const sk_writer *);   /* of the placement */
#endif
