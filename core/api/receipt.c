/* SPDX-License-Identifier: MIT */
#include "api/receipt.h"

#include "api/client.h"

void sk_receipt_put(struct sk_object *j, const char *category,
    const struct snek_receipt *r)
{
	sk_object_text(j, "category", category);
	sk_object_number(j, "version", r->version);
	sk_object_number(j, "records", r->records);
	sk_object_number(j, "bad", r->bad);
	sk_object_number(j, "bytes", r->bytes);
	sk_object_number(j, "shards", r->shards);
	sk_object_flag(j, "repeated", r->repeated);
	sk_object_text(j, "durability", *r->durability ? r->durability : NULL);
	sk_object_text(j, "write_id", r->write_id);
}

void sk_receipt_get(const struct sk_record *r, struct snek_receipt *out)
{
	out->version = sk_client_number(r, "version");
	out->records = sk_client_number(r, "records");
	out->bytes = sk_client_number(r, "bytes");
	out->shards = (uint32_t)sk_client_number(r, "shards");
	out->repeated = sk_client_flag(r, "repeated");
	sk_client_text(r, "durability", out->durability, sizeof(out->durability));
	sk_client_text(r, "write_id", out->write_id, sizeof(out->write_id));
}
