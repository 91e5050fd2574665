/* SPDX-License-Identifier: MIT */
/* What lies on a server: walk it, remove it, in steps of bounded size. */
#include "store/redis_shard.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- small answers ---- */

static bool read_number(struct sk_span s, uint64_t *out)
{
	char text[24] = "", *end;

	if (!s.n || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end;
}

/* A command whose answer says nothing but that it was done. */
static int tell(struct sk_redis_shard *s, const struct sk_span *arg,
    size_t args, struct snek_error *e)
{
	struct sk_answer a;
	int rc = sk_redis_shard_call(s, arg, args, &a, e);

	if (!rc)
		sk_answer_free(&a);
	return rc;
}

/* ---- sweep ---- */

static int unlink_one(struct sk_redis_shard *s, struct sk_span key,
    struct snek_error *e)
{
	struct sk_span arg[2] = { sk_span_text("UNLINK"), key };

	return tell(s, arg, 2, e);
}

static int unlink_chunks(struct sk_redis_shard *s, struct sk_write_id id,
    uint32_t from, uint32_t to, struct snek_error *e)
{
	struct sk_redis_key *key = malloc((to - from) * sizeof(*key));
	struct sk_span arg[SK_REDIS_BATCH + 1] = { sk_span_text("UNLINK") };
	uint32_t i;
	int rc;

	if (!key)
		return sk_enomem(e);
	for (i = from; i < to; i++) {
		sk_redis_shard_chunk(s, id, i, &key[i - from]);
		arg[i - from + 1] = key[i - from].span;
	}
	rc = tell(s, arg, to - from + 1, e);
	free(key);
	return rc;
}

/* How many chunk numbers were taken; what is no number counts as none. */
static int read_claim(struct sk_redis_shard *s, struct sk_span o,
    uint64_t *chunks, struct snek_error *e)
{
	struct sk_span arg[3] = { sk_span_text("HGET"), o,
		sk_span_text("chunks") };
	struct sk_answer a;
	int rc = sk_redis_shard_call(s, arg, 3, &a, e);

	if (rc)
		return rc;
	*chunks = 0;
	if (a.reply.type == SK_REPLY_STRING)
		read_number(a.reply.text, chunks);
	sk_answer_free(&a);
	return 0;
}

/* The same by the index, if the claim was lost. */
static int read_length(struct sk_redis_shard *s, struct sk_span index,
    uint64_t *chunks, struct snek_error *e)
{
	struct sk_span arg[2] = { sk_span_text("STRLEN"), index };
	const size_t head = sizeof(struct sk_redis_head);
	struct sk_answer a;
	int rc = sk_redis_shard_call(s, arg, 2, &a, e);
	uint64_t n;

	if (rc)
		return rc;
	n = a.reply.type == SK_REPLY_INTEGER && a.reply.integer > 0
	    ? (uint64_t)a.reply.integer : 0;
	sk_answer_free(&a);
	n = n > head ? (n - head) / sizeof(struct sk_chunk_entry) : 0;
	if (n > *chunks)
		*chunks = n;
	return 0;
}

static int forget_write(struct sk_redis_shard *s, struct sk_write_id id,
    struct snek_error *e)
{
	struct sk_redis_key w;
	char hex[33];
	struct sk_span arg[3] = { sk_span_text("ZREM") };

	sk_redis_shard_name(s, "w", &w);
	sk_write_id_hex(id, hex);
	arg[1] = w.span;
	arg[2] = sk_span_text(hex);
	return tell(s, arg, 3, e);
}

int sk_redis_shard_sweep_all(struct sk_redis_shard *s, struct sk_write_id id,
    uint32_t chunks, struct snek_error *e)
{
	struct sk_redis_key index, o;
	uint64_t n = 0, i, end;
	int rc;

	sk_redis_shard_key(s, 'i', id, &index);
	sk_redis_shard_key(s, 'o', id, &o);
	rc = read_claim(s, o.span, &n, e);
	if (!rc)
		rc = read_length(s, index.span, &n, e);
	if (!rc)
		rc = unlink_one(s, index.span, e);
	if (n > UINT32_MAX)
		n = UINT32_MAX;
	if (n < chunks)
		n = chunks;
	for (i = 0; i < n && !rc; i = end) {
		end = i + SK_REDIS_BATCH < n ? i + SK_REDIS_BATCH : n;
		rc = unlink_chunks(s, id, (uint32_t)i, (uint32_t)end, e);
	}
	if (!rc)
		rc = unlink_one(s, o.span, e);
	return rc ? rc : forget_write(s, id, e);
}

int sk_redis_shard_sweep(struct sk_shard *s, struct sk_write_id id,
    struct snek_error *e)
{
	return sk_redis_shard_sweep_all(sk_redis_shard_of(s), id, 0, e);
}

/* As if its writer had given the last sign of life just now. */
int sk_redis_shard_retire(struct sk_shard *base, struct sk_write_id id,
    struct snek_error *e)
{
	struct sk_redis_shard *s = sk_redis_shard_of(base);
	struct sk_span arg[5] = { sk_span_text("ZADD") };
	struct sk_redis_key w;
	char hex[33], now[24];

	sk_redis_shard_name(s, "w", &w);
	sk_write_id_hex(id, hex);
	snprintf(now, sizeof(now), "%lld", (long long)sk_redis_shard_now(s));
	arg[1] = w.span;
	arg[2] = sk_span_text("XX");
	arg[3] = sk_span_text(now);
	arg[4] = sk_span_text(hex);
	return tell(s, arg, 5, e);
}

/* ---- list ---- */

struct listing {
	struct sk_redis_shard *shard;
	int (*visit)(void *, struct sk_write_id, uint64_t, int64_t, bool);
	void *arg;
	uint64_t now;           /* the server's, ms */
	uint64_t cursor;
};

static int read_time(struct sk_redis_shard *s, uint64_t *ms,
    struct snek_error *e)
{
	struct sk_span arg = sk_span_text("TIME");
	struct sk_answer a;
	int rc = sk_redis_shard_call(s, &arg, 1, &a, e);

	if (rc)
		return rc;
	rc = sk_redis_shard_read_time(s, &a.reply, ms, e);
	sk_answer_free(&a);
	return rc;
}

/* The bytes of a segment by the last entry of its index; 0: not sealed. */
static int read_bytes(struct sk_redis_shard *s, struct sk_write_id id,
    uint64_t *bytes, struct snek_error *e)
{
	struct sk_chunk_entry last;
	struct sk_redis_key index;
	struct sk_span arg[4] = { sk_span_text("GETRANGE") };
	struct sk_answer a;
	int rc;

	sk_redis_shard_key(s, 'i', id, &index);
	arg[1] = index.span;
	arg[2] = sk_span_text("-32");
	arg[3] = sk_span_text("-1");
	rc = sk_redis_shard_call(s, arg, 4, &a, e);
	if (rc)
		return rc;
	*bytes = 0;
	if (a.reply.type == SK_REPLY_STRING && a.reply.text.n == sizeof(last)) {
		memcpy(&last, a.reply.text.p, sizeof(last));
		*bytes = last.offset + last.bytes;
	}
	sk_answer_free(&a);
	return 0;
}

static int visit_one(struct listing *l, const struct sk_reply *member,
    const struct sk_reply *score, struct snek_error *e)
{
	struct sk_write_id id;
	uint64_t until, bytes;
	char hex[33] = "";
	bool alive;
	int rc;

	if (member->text.n != 32 || !read_number(score->text, &until))
		return 0;               /* a stranger's */
	memcpy(hex, member->text.p, 32);
	if (!sk_write_id_parse(&id, hex))
		return 0;
	rc = read_bytes(l->shard, id, &bytes, e);
	if (rc)
		return rc;
	alive = until > l->now;
	return l->visit(l->arg, id, bytes,
	    alive ? 0 : (int64_t)((l->now - until) / 1000), alive);
}

static int visit_page(struct listing *l, const struct sk_reply *page,
    struct snek_error *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i + 1 < page->items && !rc; i += 2)
		rc = visit_one(l, &page->item[i], &page->item[i + 1], e);
	return rc;
}

/* One step of a SCAN or ZSCAN; the page is item 1 of the answer. */
static int scan(struct sk_redis_shard *s, const struct sk_span *arg,
    size_t args, uint64_t *cursor, struct sk_answer *a, struct snek_error *e)
{
	struct sk_command c = { .arg = arg, .args = args, .again = true,
		.reply_max = 64u << 20, .items_max = 1u << 20 };
	int rc = sk_redis_call(s->redis, &c, a, e);

	if (rc)
		return rc;
	if (a->reply.type == SK_REPLY_ARRAY && a->reply.items == 2 &&
	    a->reply.item[1].type == SK_REPLY_ARRAY &&
	    read_number(a->reply.item[0].text, cursor))
		return 0;
	sk_answer_free(a);
	return sk_redis_shard_fail(s, e, SNEK_ECORRUPT, "a scan's answer of "
	    "another kind");
}

static struct sk_span cursor_text(uint64_t cursor, char text[24])
{
	char *p = text + 24;

	do
		*--p = (char)('0' + cursor % 10);
	while (cursor /= 10);
	return (struct sk_span){ p, (size_t)(text + 24 - p) };
}

int sk_redis_shard_list(struct sk_shard *base, int (*visit)(void *,
    struct sk_write_id, uint64_t, int64_t, bool), void *arg,
    struct snek_error *e)
{
	struct listing l = { .shard = sk_redis_shard_of(base), .visit = visit,
		.arg = arg };
	struct sk_span a[5] = { sk_span_text("ZSCAN") };
	struct sk_redis_key w;
	struct sk_answer page;
	char text[24];
	int rc = read_time(l.shard, &l.now, e);

	sk_redis_shard_name(l.shard, "w", &w);
	a[1] = w.span;
	a[3] = sk_span_text("COUNT");
	a[4] = sk_span_text("256");
	do {
		a[2] = cursor_text(l.cursor, text);
		if (!rc)
			rc = scan(l.shard, a, 5, &l.cursor, &page, e);
		if (rc)
			return rc;
		rc = visit_page(&l, &page.reply.item[1], e);
		sk_answer_free(&page);
	} while (l.cursor && !rc);
	return rc;
}

/* ---- all of it ---- */

/* What is behind the job's id in a key that kept.c draws: six numbers. */
static bool is_kept(const char *p, size_t n)
{
	unsigned colons = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		colons += p[i] == ':';
		if (p[i] != ':' && (p[i] < '0' || p[i] > '9') &&
		    (p[i] < 'a' || p[i] > 'f'))
			return false;
	}
	return n && *p == ':' && colons == 6;
}

/* Is what follows the shard's prefix a key that redis_shard.c draws? */
static bool is_ours(const char *p, size_t n)
{
	struct sk_write_id id;
	char hex[33] = "";
	size_t i;

	if (n == 1 && *p == 'w')
		return true;
	if (n < 34 || !strchr("iocr", *p) || p[1] != ':')
		return false;
	memcpy(hex, p + 2, 32);
	if (!sk_write_id_parse(&id, hex))
		return false;
	if (*p == 'r')
		return is_kept(p + 34, n - 34);
	if (*p != 'c')
		return n == 34;
	for (i = 35; i < n && p[i] >= '0' && p[i] <= '9'; i++)
		;
	return n > 35 && i == n && p[34] == ':';
}

/* The prefix as a pattern that matches it alone. */
static struct sk_span pattern_of(const struct sk_redis_shard *s,
    char text[2 * SK_REDIS_KEY + 2])
{
	size_t i, n = 0;

	for (i = 0; i < s->key_n; i++) {
		if (strchr("*?[]^-\\", s->key[i]))
			text[n++] = '\\';
		text[n++] = s->key[i];
	}
	text[n++] = '*';
	return (struct sk_span){ text, n };
}

static int remove_page(struct sk_redis_shard *s, const struct sk_reply *page,
    struct snek_error *e)
{
	struct sk_span arg[SK_REDIS_BATCH + 1] = { sk_span_text("UNLINK") };
	size_t i, n = 1;
	struct sk_span k;
	int rc = 0;

	for (i = 0; i < page->items && !rc; i++) {
		k = page->item[i].text;
		if (k.n > s->key_n && !memcmp(k.p, s->key, s->key_n) &&
		    is_ours((const char *)k.p + s->key_n, k.n - s->key_n))
			arg[n++] = k;
		if (n == SK_REDIS_BATCH + 1) {
			rc = tell(s, arg, n, e);
			n = 1;
		}
	}
	return rc || n == 1 ? rc : tell(s, arg, n, e);
}

/* The stamp last, so that what was cut short can be done again. */
int sk_redis_shard_remove_all(struct sk_redis_shard *s, struct snek_error *e)
{
	char text[24], pattern[2 * SK_REDIS_KEY + 2];
	struct sk_span a[6] = { sk_span_text("SCAN"), { NULL, 0 },
		sk_span_text("MATCH"), pattern_of(s, pattern),
		sk_span_text("COUNT"), sk_span_text("1000") };
	struct sk_redis_key stamp;
	struct sk_answer page;
	uint64_t cursor = 0;
	int rc;

	do {
		a[1] = cursor_text(cursor, text);
		rc = scan(s, a, 6, &cursor, &page, e);
		if (rc)
			return rc;
		rc = remove_page(s, &page.reply.item[1], e);
		sk_answer_free(&page);
	} while (cursor && !rc);
	sk_redis_shard_name(s, "stamp", &stamp);
	return rc ? rc : unlink_one(s, stamp.span, e);
}
