/* SPDX-License-Identifier: MIT */
/* The index of a segment on a server; the drawing is in redis_shard.c.  Many
 * can be on their way at once: prefetch sends, open takes what has come. */
#include "store/redis_shard.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

#define INDEX_MAX (512u << 20)  /* bytes of a server's string */

static const char magic[] = "SNEKIDX\n";

struct sk_redis_index {         /* asked for */
	struct sk_redis_shard *shard;
	struct sk_redis_index *next;
	struct sk_write_id id;
	bool done;
	int rc;
	struct snek_error error;
	struct sk_segment *segment;
};

struct segment {
	struct sk_segment base;
	struct sk_redis_head head;
	struct sk_chunk_entry entry[];
};

static uint32_t crc_of(const struct sk_redis_head *h, const void *entries)
{
	uint32_t crc = sk_crc32c(0, h, offsetof(struct sk_redis_head, crc));

	return sk_crc32c(crc, entries,
	    h->chunks * sizeof(struct sk_chunk_entry));
}

void sk_redis_index_seal(const struct sk_redis_shard *s, struct sk_write_id id,
    uint64_t records, uint32_t chunks, void *p)
{
	struct sk_redis_head h = {
		.format = SK_REDIS_FORMAT, .shard = s->stamp.shard, .write = id,
		.records = records, .chunks = chunks,
	};

	memcpy(h.magic, magic, 8);
	memcpy(h.cluster, s->stamp.cluster, 16);
	h.crc = crc_of(&h, (const char *)p + sizeof(h));
	memcpy(p, &h, sizeof(h));
}

/* ---- checks ---- */

static int corrupt(const struct sk_redis_index *k, const char *what,
    struct snek_error *e)
{
	char hex[33];

	sk_write_id_hex(k->id, hex);
	return sk_fail(e, SNEK_ECORRUPT, "%s: shard %u: index of write %s: %s",
	    sk_redis_name(k->shard->redis), k->shard->stamp.shard, hex, what);
}

static int check_head(const struct sk_redis_index *k,
    const struct sk_redis_head *h, struct sk_span bytes, struct snek_error *e)
{
	const struct sk_stamp *want = &k->shard->stamp;

	if (memcmp(h->magic, magic, 8))
		return corrupt(k, "is none", e);
	if (bytes.n != sizeof(*h) + h->chunks *
	    (uint64_t)sizeof(struct sk_chunk_entry))
		return corrupt(k, "is not as long as it says", e);
	if (h->crc != crc_of(h, (const char *)bytes.p + sizeof(*h)))
		return corrupt(k, "damaged", e);
	if (h->format > SK_REDIS_FORMAT)
		return sk_fail(e, SNEK_EVERSION, "%s: shard %u: a segment "
		    "written by a newer snek (format %u; this one reads up to "
		    "%u)", sk_redis_name(k->shard->redis), want->shard,
		    h->format, SK_REDIS_FORMAT);
	if (memcmp(h->cluster, want->cluster, 16))
		return corrupt(k, "belongs to another cluster", e);
	if (h->shard != want->shard)
		return corrupt(k, "belongs to another shard", e);
	if (memcmp(&h->write, &k->id, sizeof(k->id)))
		return corrupt(k, "is another write's", e);
	return 0;
}

/* The CRC was right, so this is about writers of ours that were wrong. */
static int check_entries(const struct sk_redis_index *k, struct segment *s,
    struct snek_error *e)
{
	uint64_t at = 0, records = 0;
	uint32_t i;

	for (i = 0; i < s->head.chunks; i++) {
		if (s->entry[i].offset != at)
			return corrupt(k, "its chunks do not follow", e);
		at += (s->entry[i].bytes + (uint64_t)7) & ~(uint64_t)7;
		records += s->entry[i].rows;
	}
	if (records != s->head.records)
		return corrupt(k, "does not add up", e);
	s->base = (struct sk_segment){ NULL, (size_t)at, s->entry,
		s->head.chunks, records };
	return 0;
}

static int read_index(struct sk_redis_index *k, struct sk_span bytes,
    struct snek_error *e)
{
	struct sk_redis_head h;
	struct segment *s;
	int rc;

	if (bytes.n < sizeof(h))
		return corrupt(k, "is cut short", e);
	memcpy(&h, bytes.p, sizeof(h));
	rc = check_head(k, &h, bytes, e);
	if (rc)
		return rc;
	s = malloc(sizeof(*s) + bytes.n - sizeof(h));
	if (!s)
		return sk_enomem(e);
	s->head = h;
	if (h.chunks)
		memcpy(s->entry, (const char *)bytes.p + sizeof(h),
		    bytes.n - sizeof(h));
	rc = check_entries(k, s, e);
	if (rc)
		free(s);
	else
		k->segment = &s->base;
	return rc;
}

/* ---- asking ---- */

static struct sk_redis_index **slot(struct sk_redis_shard *s,
    struct sk_write_id id)
{
	struct sk_redis_index **at = &s->index[id.b[15]];

	while (*at && memcmp(&(*at)->id, &id, sizeof(id)))
		at = &(*at)->next;
	return at;
}

static void drop(struct sk_redis_index *k)
{
	free(k->segment);
	free(k);
}

static void done(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct sk_redis_index *k = arg;

	k->done = true;
	k->rc = rc;
	if (rc)
		k->error = *e;
	else if (r->type == SK_REPLY_NIL)
		k->rc = SNEK_ENOENT;
	else
		k->rc = read_index(k, r->text, &k->error);
}

static int ask(struct sk_redis_shard *s, struct sk_write_id id,
    struct sk_redis_index **at, struct snek_error *e)
{
	struct sk_redis_index *k = calloc(1, sizeof(*k));
	struct sk_redis_key key;
	struct sk_span arg[2] = { sk_span_text("GET") };
	struct sk_command c = { .arg = arg, .args = 2, .again = true,
		.reply_max = INDEX_MAX };
	int rc;

	if (!k)
		return sk_enomem(e);
	k->shard = s;
	k->id = id;
	sk_redis_shard_key(s, 'i', id, &key);
	arg[1] = key.span;
	rc = sk_redis_send(s->redis, &c, done, k, e);
	if (rc) {
		free(k);
		return rc;
	}
	*at = k;
	s->indexes++;
	return 0;
}

struct request {
	struct sk_redis_shard *shard;
	struct sk_write_id id;
	struct sk_redis_index *index;
	int rc;
	struct snek_error *error;
};

static bool prefetch(void *arg)
{
	struct request *q = arg;
	struct sk_redis_index **at = slot(q->shard, q->id);

	if (!*at && q->shard->indexes < SK_REDIS_PREFETCH)
		ask(q->shard, q->id, at, NULL);
	return true;
}

/* Those that find no room are asked for by open. */
void sk_redis_shard_prefetch(struct sk_shard *base, struct sk_write_id id)
{
	struct request q = { .shard = sk_redis_shard_of(base), .id = id };

	sk_redis_shard_locked(q.shard, prefetch, &q, NULL);
}

/* Take it out of the table, so that it is this caller's alone. */
static bool take(void *arg)
{
	struct request *q = arg;
	struct sk_redis_index **at = slot(q->shard, q->id);

	if (!*at)
		q->rc = ask(q->shard, q->id, at, q->error);
	if (q->rc)
		return true;
	q->index = *at;
	*at = (*at)->next;
	q->shard->indexes--;
	return true;
}

static bool is_done(void *arg)
{
	return ((struct sk_redis_index *)arg)->done;
}

int sk_redis_shard_open_segment(struct sk_shard *base, struct sk_write_id id,
    struct sk_segment **out, struct snek_error *e)
{
	struct request q = { .shard = sk_redis_shard_of(base), .id = id,
		.error = e };
	int rc = sk_redis_shard_locked(q.shard, take, &q, e);

	if (rc || q.rc)
		return rc ? rc : q.rc;
	/* The command has its own deadline. */
	rc = sk_redis_run(q.shard->loop, is_done, q.index, INT64_MAX, e);
	if (rc)
		return rc;
	rc = q.index->rc;
	if (rc && rc != SNEK_ENOENT && e)
		*e = q.index->error;
	if (!rc) {
		*out = q.index->segment;
		q.index->segment = NULL;
	}
	drop(q.index);
	return rc;
}

void sk_redis_shard_close(struct sk_segment *s)
{
	free(s);
}

/* After the client, so that none is on its way. */
void sk_redis_index_drop(struct sk_redis_shard *s)
{
	struct sk_redis_index *k, *next;
	size_t i;

	for (i = 0; i < sizeof(s->index) / sizeof(*s->index); i++)
		for (k = s->index[i]; k; k = next) {
			next = k->next;
			drop(k);
		}
}
