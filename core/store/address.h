/* SPDX-License-Identifier: MIT */
/*
 * address.h - where shards are and how to get in, as bytes for another process
 * that reads them.  The bytes hold passwords: they go to nobody else, and into
 * no file.
 */
#ifndef SK_ADDRESS_H
#define SK_ADDRESS_H
#include "store/shard.h"

struct sk_address {                     /* texts may be NULL, but for url */
	struct sk_stamp stamp;
	const char *url;
	const char *user, *password;
	const char *ca_file, *cert_file, *key_file, *server_name;
};
/* Append one; false: memory is out. */
bool sk_address_put(struct sk_buf *, const struct sk_address *);
/* 1 and the first, which the span is then without; 0: there is none.
 * SNEK_EFORMAT.  Its texts are the bytes'. */
int sk_address_next(struct sk_span *, struct sk_address *);
/* That of a shard; its texts are the bytes'.  SNEK_ENOENT, SNEK_EFORMAT. */
int sk_address_find(struct sk_span, uint32_t shard, struct sk_address *);
#endif
