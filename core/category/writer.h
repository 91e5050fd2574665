/* SPDX-License-Identifier: MIT */
/*
 * writer.h - records into chunks, chunks onto shards, one commit.
 *
 *   begin   a fresh write id names this attempt; a request id is looked up
 *   put     sealed chunks go to the category's shards in turn
 *   commit  segments sealed and synced, then one step in meta
 *
 * A write of at most SK_INLINE_MAX bytes puts its one chunk into the commit.
 */
#ifndef SK_WRITER_H
#define SK_WRITER_H
#include "category/catalog.h"

typedef struct sk_writer sk_writer;

struct sk_writer_options {
	const char *request_id;
	uint32_t chunk_size;            /* 0: SK_CHUNK_TARGET */
	bool no_compact;                /* leave folding to others (tests) */
};

int sk_writer_open(struct sk_catalog *, const char *category,
    const struct sk_writer_options *, sk_writer **, struct snek_error *);
/* text: the record's bytes as they came, for the digest. */
int sk_writer_add(sk_writer *, const struct sk_record *, struct sk_span text,
    struct snek_error *);
uint64_t sk_writer_records(const sk_writer *);
/* All or nothing.  With a request id that is committed already: the old
 * receipt if the digest is the same, else SNEK_ECONFLICT. */
int sk_writer_commit(sk_writer *, struct sk_meta_receipt *, struct snek_error *);
void sk_writer_free(sk_writer *);       /* abandons what is not committed */
struct sk_write_id sk_writer_id(const sk_writer *);
uint32_t sk_writer_shards(const sk_writer *);   /* of the placement */

/*
 * The steps of the protocol, for tests of the fault build: the writer calls
 * this hook before each named step ("begin", "put", "seal", "commit",
 * "committed", "compact", "fold", "unlink"); see tests.
 */
#ifdef SK_FAULTS
extern void (*sk_step_hook)(const char *step);
#define SK_STEP(name) do { if (sk_step_hook) sk_step_hook(name); } while (0)
#else
#define SK_STEP(name) do { } while (0)
#endif
#endif
