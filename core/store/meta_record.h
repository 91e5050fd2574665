/* SPDX-License-Identifier: MIT */
/*
 * meta_record.h - what meta stores keep, as bytes and back; keys in order of
 * number.  A record begins with a byte, its format (1); numbers follow little-
 * endian; str is a length byte and so many bytes, text the same with a u16.
 *
 *   cluster   uuid[16] u32 format, shards, level  u64 draw, next id
 *   category  str name  u32 k  u32 shard[k]
 *   state     u64 version, epoch, writes, records, bytes
 *   entry     u8 inlined  u64 last  write id[16]  u64 digest[2]
 *             u64 records, bytes  u32 parts
 *             {u32 shard, chunks  u64 records, bytes}[parts]
 *             the chunk, if inlined, up to the end
 *   request   u64 seconds since 1970, version, records, bytes, digest[2]
 *             write id[16]
 *   function  u64 generation  str plugin, op, sha256, version
 *             (so they begin in every format),
 *             and in format 2, for all but a plugin's op that is local only:
 *             u8 kind  text url (kind 1)  text lib, signature, fields (kind 2)
 *             u8 lambda (0, 1: text arn, name, version, region, arch,
 *             code_sha256, plugin_sha256, endpoint  u32 memory, timeout)
 *             and in format 3, of one that is described, then:
 *             text about
 *   numbers   u64 u64
 */
#ifndef SK_META_RECORD_H
#define SK_META_RECORD_H
#include "store/meta.h"

#define SK_META_FORMAT 1u
#define SK_FUNCTION_FORMAT 3            /* of a function's record, at most */
#define SK_REQUEST_MAX 256u             /* bytes of a request id */
#define SK_REQUEST_WINDOW (7 * 86400)   /* seconds */

struct sk_record_cluster {
	struct sk_meta_cluster c;
	uint64_t next_category;
};
struct sk_record_state {        /* what changes of a category */
	uint64_t version, epoch, writes, records, bytes;
};
struct sk_record_request {
	int64_t time;
	struct sk_meta_receipt receipt;
};

struct sk_span sk_record_key(uint8_t out[16], uint64_t category);
struct sk_span sk_record_key2(uint8_t out[16], uint64_t category, uint64_t first);
struct sk_span sk_record_text(const char *);
struct sk_span sk_record_write(const struct sk_write_id *);

/* Decoding gives false for any record that is not exactly as it should be;
 * encoding when memory is out. */
bool sk_record_pack_cluster(struct sk_buf *, const struct sk_record_cluster *);
bool sk_record_unpack_cluster(struct sk_span, struct sk_record_cluster *);
bool sk_record_pack_category(struct sk_buf *, const struct sk_meta_category *);
bool sk_record_unpack_category(struct sk_span, struct sk_meta_category *);
bool sk_record_pack_state(struct sk_buf *, const struct sk_record_state *);
bool sk_record_unpack_state(struct sk_span, struct sk_record_state *);
/* Parts are unpacked into scratch, where there is room for them and where
 * entry->part then points. */
bool sk_record_pack_entry(struct sk_buf *, const struct sk_meta_entry *);
bool sk_record_unpack_entry(struct sk_span key, struct sk_span,
    struct sk_buf *scratch, struct sk_meta_entry *);
/* A number and perhaps another: name, named, aborted. */
bool sk_record_pack_numbers(struct sk_buf *, uint64_t, uint64_t);
bool sk_record_unpack_numbers(struct sk_span, uint64_t *, uint64_t *);
bool sk_record_pack_request(struct sk_buf *, const struct sk_record_request *);
bool sk_record_unpack_request(struct sk_span, struct sk_record_request *);
bool sk_record_pack_function(struct sk_buf *, const struct sk_meta_function *);
bool sk_record_unpack_function(struct sk_span name, struct sk_span,
    struct sk_meta_function *);
/* SNEK_EINTERNAL: one without a name, or of another plugin. */
int sk_record_check_functions(const struct sk_meta_function *, uint32_t n,
    const char *plugin, struct snek_error *);
bool sk_record_same_function(const struct sk_meta_function *,
    const struct sk_meta_function *);
/* The same, or SNEK_EVERSION by its number for one of a newer snek, else
 * SNEK_ECORRUPT, without text then. */
int sk_record_read_function(const char *store, struct sk_span name,
    struct sk_span, struct sk_meta_function *, struct snek_error *);
#endif
