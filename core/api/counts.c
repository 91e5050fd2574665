/* SPDX-License-Identifier: MIT */
#include "api/counts.h"

#include "api/client.h"

#define STAT(name, member) { name, offsetof(struct snek_cluster_stat, member) }
#define SHARD(name, member) { name, offsetof(struct snek_shard_stat, member) }
#define PATH(name, member) { name, offsetof(struct snek_path_info, member) }
#define END { NULL, 0 }

const struct sk_count sk_count_stat[] = {
	STAT("categories", categories), STAT("writes", writes),
	STAT("records", records), STAT("bytes", bytes),
	STAT("inlined", inlined), STAT("inlined_bytes", inlined_bytes),
	STAT("garbage", garbage), STAT("garbage_bytes", garbage_bytes),
	STAT("writing", writing), STAT("writing_bytes", writing_bytes),
	STAT("meta_bytes", meta_bytes), STAT("free", free_bytes),
	STAT("used_memory", used_memory), STAT("max_memory", max_memory),
	STAT("clients", clients), STAT("servers", servers), END
};
const struct sk_count sk_count_shard[] = {
	SHARD("chunks", chunks), SHARD("records", records),
	SHARD("bytes", bytes), SHARD("segments", segments),
	SHARD("garbage", garbage), SHARD("garbage_bytes", garbage_bytes),
	SHARD("writing", writing), SHARD("writing_bytes", writing_bytes),
	SHARD("free", free_bytes), SHARD("used_memory", used_memory),
	SHARD("max_memory", max_memory), SHARD("clients", clients), END
};
const struct sk_count sk_count_path[] = {
	PATH("records", records), PATH("values", values), END
};
const struct sk_count sk_count_types[] = {
	PATH("null", nulls), PATH("bool", bools), PATH("int", ints),
	PATH("double", doubles), PATH("string", strings),
	PATH("array", arrays), PATH("object", objects), END
};
const struct sk_count sk_count_described[] = {
	{ "records", offsetof(struct snek_describe_report, records) },
	{ "looked_at", offsetof(struct snek_describe_report, looked_at) },
	{ "left_out", offsetof(struct snek_describe_report, left_out) }, END
};
const struct sk_count sk_count_swept[] = {
	{ "writes", offsetof(struct snek_gc_report, writes) },
	{ "segments", offsetof(struct snek_gc_report, segments) },
	{ "bytes", offsetof(struct snek_gc_report, bytes) },
	{ "waiting", offsetof(struct snek_gc_report, waiting) }, END
};

void sk_counts_put(struct sk_object *o, const struct sk_count *c,
    const void *from)
{
	uint64_t n;

	for (; c->name; c++) {
		memcpy(&n, (const char *)from + c->at, sizeof(n));
		sk_object_number(o, c->name, n);
	}
}

void sk_counts_get(const struct sk_record *r, const struct sk_count *c,
    void *to)
{
	uint64_t n;

	for (; c->name; c++) {
		n = sk_client_number(r, c->name);
		memcpy((char *)to + c->at, &n, sizeof(n));
	}
}
