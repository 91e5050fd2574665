/* SPDX-License-Identifier: MIT */
#include "api/counts.h"

#include "api/client.h"

#define COUNT(of, name, member) { name, offsetof(struct of, member) }
#define END { NULL, 0 }

/* Of a cluster as of one of its shards. */
#define STORED(of) \
	COUNT(of, "records", records), COUNT(of, "bytes", bytes), \
	COUNT(of, "garbage", garbage), \
	COUNT(of, "garbage_bytes", garbage_bytes), \
	COUNT(of, "writing", writing), \
	COUNT(of, "writing_bytes", writing_bytes), \
	COUNT(of, "free", free_bytes), COUNT(of, "used_memory", used_memory), \
	COUNT(of, "max_memory", max_memory), COUNT(of, "clients", clients)

#define STAT(name) COUNT(snek_cluster_stat, #name, name)
const struct sk_count sk_count_stat[] = {
	STORED(snek_cluster_stat), STAT(categories), STAT(writes), STAT(inlined),
	STAT(inlined_bytes), STAT(meta_bytes), STAT(servers), END
};
#define SHARD(name) COUNT(snek_shard_stat, #name, name)
const struct sk_count sk_count_shard[] = {
	STORED(snek_shard_stat), SHARD(chunks), SHARD(segments), END
};
#define PATH(name, member) COUNT(snek_path_info, name, member)
const struct sk_count sk_count_path[] = {
	PATH("records", records), PATH("values", values), END
};
const struct sk_count sk_count_types[] = {
	PATH("null", nulls), PATH("bool", bools), PATH("int", ints),
	PATH("double", doubles), PATH("string", strings),
	PATH("array", arrays), PATH("object", objects), END
};
#define DESCRIBED(name) COUNT(snek_describe_report, #name, name)
const struct sk_count sk_count_described[] = {
	DESCRIBED(records), DESCRIBED(looked_at), DESCRIBED(left_out), END
};
#define SWEPT(name) COUNT(snek_gc_report, #name, name)
const struct sk_count sk_count_swept[] = {
	SWEPT(writes), SWEPT(segments), SWEPT(bytes), SWEPT(waiting), END
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
