/* SPDX-License-Identifier: MIT */
/*
 * parcel.h - a message without descriptors: its body, then the bytes of each
 * file.  So an attempt and its outcome go to another machine in the very bytes
 * that go to another process.
 *
 *   u32 version, u32 kind, u64 id, u64 n, n bytes of body,
 *   u32 files, each: u64 n, n bytes; u32 CRC32C of all before
 */
#ifndef SK_PARCEL_H
#define SK_PARCEL_H
#include "exec/wire.h"

#define SK_PARCEL_VERSION 1u    /* with it, of all that wire.h draws */

/* Append one; the message stays the caller's.  SNEK_ENOMEM, SNEK_EIO. */
int sk_parcel_put(struct sk_buf *, const struct sk_message *,
    struct snek_error *);
/* The same with one more file, if it has bytes. */
int sk_parcel_put_with(struct sk_buf *, const struct sk_message *,
    struct sk_span file, struct snek_error *);
/* Take one apart; its files are in memory, nameless.  SNEK_EVERSION by number,
 * SNEK_EFORMAT, SNEK_ENOMEM. */
int sk_parcel_get(struct sk_span, struct sk_message *, struct snek_error *);
#endif
