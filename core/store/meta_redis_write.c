/* SPDX-License-Identifier: MIT */
#include "store/meta_redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define ENTRY_LAST 2            /* where `last` is in a packed entry, and the */
#define ENTRY_SHARD 62          /* first part's shard */
#define REQUEST_RECORDS 17      /* and `records` in a packed request */
#define INLINED_MAX (2 * SK_INLINE_MAX)         /* pages count on it */

/* ---- requests ---- */

static int check_request(const char *id, struct snek_error *e)
{
	size_t n = strlen(id);

	return n && n <= SK_REQUEST_MAX ? 0 : sk_fail(e, SNEK_EINVAL,
	    "a request id has 1 to %u bytes, this one %zu", SK_REQUEST_MAX, n);
}

static int read_receipt(const struct sk_rmeta *m, uint64_t category,
    const struct sk_answer *a, struct sk_meta_receipt *out,
    struct snek_error *e)
{
	struct sk_record_request q;
	char id[24];

	if (!sk_record_unpack_request(sk_rmeta_item(a, 1), &q)) {
		snprintf(id, sizeof(id), "%llu", (unsigned long long)category);
		return sk_rmeta_damaged_of(m, "request:", id, e);
	}
	*out = q.receipt;
	return 0;
}

int sk_rmeta_request(struct sk_meta *meta, uint64_t category, const char *id,
    struct sk_meta_receipt *out, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	int rc = check_request(id, e);

	if (rc)
		return rc;
	sk_rmeta_arg_number(&args, category);
	sk_rmeta_arg_text(&args, id);
	sk_rmeta_arg_number(&args, SK_REQUEST_WINDOW);
	rc = sk_rmeta_call(m, STEP_REQUEST, &args, &a, e);
	if (rc)
		return rc;
	rc = sk_rmeta_says(&a, "none") ? SNEK_ENOENT :
	    read_receipt(m, category, &a, out, e);
	sk_answer_free(&a);
	return rc;
}

/* `before` is of our clock, the requests are of the server's: what counts is
 * the age. */
int sk_rmeta_expire_requests(struct sk_meta *meta, int64_t before,
    struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	int64_t age = sk_clock_wall() - before;
	uint64_t more = 1;
	char text[24];
	int rc = 0;

	snprintf(text, sizeof(text), "%lld", (long long)age);
	while (more) {
		struct sk_rmeta_args args = { 0 };
		struct sk_answer a;

		sk_rmeta_arg_text(&args, text);
		rc = sk_rmeta_call(m, STEP_EXPIRE, &args, &a, e);
		if (rc)
			return rc;
		if (!sk_rmeta_number(sk_rmeta_item(&a, 1), &more))
			more = 0;
		sk_answer_free(&a);
	}
	return sk_rmeta_purge(m, e);
}

/* ---- write ids ---- */

static int refuse_id(const struct sk_answer *a, const struct sk_write_id *id,
    struct snek_error *e)
{
	char hex[33];

	sk_write_id_hex(*id, hex);
	if (sk_rmeta_says(a, "aborted"))
		return sk_fail(e, SNEK_EAGAIN, "write %s was given up for dead "
		    "and swept; write again", hex);
	return sk_rmeta_says(a, "named") ? sk_fail(e, SNEK_EEXIST,
	    "write %s is committed already", hex) : 0;
}

static int call_id(struct sk_meta *meta, enum sk_rmeta_step step,
    const struct sk_write_id *id, uint64_t *out, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	int rc;

	sk_rmeta_arg(&args, id->b, sizeof(id->b));
	rc = sk_rmeta_call(m, step, &args, &a, e);
	if (rc)
		return rc;
	rc = refuse_id(&a, id, e);
	if (!rc && out && !sk_rmeta_number(sk_rmeta_item(&a, 1), out))
		rc = sk_rmeta_damaged(m, "named", e);
	sk_answer_free(&a);
	return rc;
}

int sk_rmeta_is_named(struct sk_meta *m, struct sk_write_id id,
    struct snek_error *e)
{
	uint64_t yes;
	int rc = call_id(m, STEP_NAMED, &id, &yes, e);

	return rc ? rc : yes != 0;
}

int sk_rmeta_abort(struct sk_meta *m, struct sk_write_id id,
    struct snek_error *e)
{
	return call_id(m, STEP_ABORT, &id, NULL, e);
}

int sk_rmeta_forget(struct sk_meta *m, struct sk_write_id id,
    struct snek_error *e)
{
	return call_id(m, STEP_FORGET, &id, NULL, e);
}

/* ---- entries ---- */

static bool put_shards(struct sk_buf *b, const struct sk_meta_entry *m)
{
	uint32_t i, k;

	for (i = 0; i < m->parts; i++)
		for (k = 0; k < 4; k++)
			if (!sk_buf_byte(b, (uint8_t)(m->part[i].shard >> 8 * k)))
				return false;
	return true;
}

static int check_entry(const struct sk_meta_entry *m, struct snek_error *e)
{
	if (m->parts > SK_MAX_SHARDS || m->inlined.n > INLINED_MAX ||
	    (m->inlined.n && m->parts != 1))
		return sk_fail(e, SNEK_EINTERNAL, "a write of %u parts and %zu "
		    "inlined bytes", m->parts, m->inlined.n);
	return 0;
}

static int refuse_shard(const struct sk_answer *a, struct snek_error *e)
{
	struct sk_span s = sk_rmeta_item(a, 1);

	return sk_fail(e, SNEK_EINTERNAL, "shard %.*s is not of the category",
	    (int)s.n, (const char *)s.p);
}

/* ---- commit ---- */

struct committing {
	struct sk_rmeta *m;
	uint64_t category;
	const char *request;
	const struct sk_meta_entry *entry;
	struct sk_buf packed, tail, shards;
	bool again;             /* an earlier try has had no answer */
};

static struct sk_meta_receipt receipt_of(const struct sk_meta_entry *m)
{
	return (struct sk_meta_receipt){
		.records = m->records, .bytes = m->bytes,
		.digest = { m->digest[0], m->digest[1] }, .write = m->write,
	};
}

static int pack(struct committing *x, struct snek_error *e)
{
	struct sk_record_request q = { 0, receipt_of(x->entry) };

	if (!sk_record_pack_entry(&x->packed, x->entry) ||
	    !sk_record_pack_request(&x->tail, &q) ||
	    (!x->entry->inlined.n && !put_shards(&x->shards, x->entry)))
		return sk_enomem(e);
	return 0;
}

static int send_commit(struct committing *x, struct sk_answer *a,
    struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	const char *p = x->packed.p;
	size_t n = x->packed.n;
	size_t cut = x->entry->inlined.n ? ENTRY_SHARD : n;

	sk_rmeta_arg_number(&args, x->category);
	sk_rmeta_arg_text(&args, x->request ? x->request : "");
	sk_rmeta_arg_number(&args, SK_REQUEST_WINDOW);
	sk_rmeta_arg(&args, x->entry->write.b, sizeof(x->entry->write.b));
	sk_rmeta_arg_number(&args, x->entry->records);
	sk_rmeta_arg_number(&args, x->entry->bytes);
	sk_rmeta_arg(&args, x->shards.p, x->shards.n);
	sk_rmeta_arg(&args, p, ENTRY_LAST);
	sk_rmeta_arg(&args, p + ENTRY_LAST + 8, cut - ENTRY_LAST - 8);
	sk_rmeta_arg(&args, p + cut + (cut < n ? 4 : 0),
	    n - cut - (cut < n ? 4 : 0));
	sk_rmeta_arg(&args, x->tail.p + REQUEST_RECORDS,
	    x->tail.n - REQUEST_RECORDS);
	return sk_rmeta_call(x->m, STEP_COMMIT, &args, a, e);
}

static int repeated(struct committing *x, const struct sk_answer *a,
    struct sk_meta_receipt *r, struct snek_error *e)
{
	const struct sk_meta_entry *m = x->entry;
	int rc = read_receipt(x->m, x->category, a, r, e);

	if (rc)
		return rc;
	if (r->digest[0] != m->digest[0] || r->digest[1] != m->digest[1])
		return sk_fail(e, SNEK_ECONFLICT, "request id %s was used for "
		    "other data (version %llu)", x->request,
		    (unsigned long long)r->version);
	/* It is this very write, whose answer was lost. */
	if (x->again && !memcmp(&r->write, &m->write, sizeof(m->write)))
		r->repeated = false;
	return 0;
}

/* The write is committed already.  By the try before, if there was one: write
 * ids are drawn at random, and nobody else has this one. */
static int is_named(struct committing *x, const struct sk_answer *a,
    struct sk_meta_receipt *r, struct snek_error *e)
{
	struct sk_span o = sk_rmeta_item(a, 1);
	const char *space = o.n ? memchr(o.p, ' ', o.n) : NULL;
	size_t at = space ? (size_t)(space - (const char *)o.p) + 1 : o.n;

	if (!x->again)
		return refuse_id(a, &x->entry->write, e);
	*r = receipt_of(x->entry);
	return sk_rmeta_number((struct sk_span){ (const char *)o.p + at,
	    o.n - at }, &r->version) ? 0 : sk_rmeta_damaged(x->m, "named", e);
}

static int judge(struct committing *x, const struct sk_answer *a,
    struct sk_meta_receipt *r, struct snek_error *e)
{
	if (sk_rmeta_says(a, "request"))
		return repeated(x, a, r, e);
	if (sk_rmeta_says(a, "none"))
		return sk_fail(e, SNEK_ENOENT, "the category was removed");
	if (sk_rmeta_says(a, "named"))
		return is_named(x, a, r, e);
	if (sk_rmeta_says(a, "shard"))
		return refuse_shard(a, e);
	if (sk_rmeta_says(a, "aborted"))
		return refuse_id(a, &x->entry->write, e);
	*r = receipt_of(x->entry);
	return sk_rmeta_number(sk_rmeta_item(a, 1), &r->version) ? 0 :
	    sk_rmeta_damaged(x->m, "category", e);
}

/* A lost answer is asked for once more, at once: the script tells a commit that
 * happened by its request id or its write id. */
static int send_twice(struct committing *x, struct sk_answer *a,
    struct snek_error *e)
{
	struct snek_error first = { 0 };
	int64_t start = sk_clock_ms();
	int rc = send_commit(x, a, &first);

	if (rc == SNEK_EUNKNOWN &&
	    sk_clock_ms() - start < SK_REDIS_CONNECT_MS) {
		x->again = true;
		if (!send_commit(x, a, NULL))
			return 0;
	}
	if (rc && e)
		*e = first;
	return rc;
}

static int try_commit(struct committing *x, struct sk_meta_receipt *r,
    struct snek_error *e)
{
	struct sk_answer a;
	int rc = send_twice(x, &a, e);

	if (rc)
		return rc;
	rc = judge(x, &a, r, e);
	sk_answer_free(&a);
	return rc;
}

int sk_rmeta_commit(struct sk_meta *m, uint64_t category, const char *request,
    struct sk_meta_entry *entry, struct sk_meta_receipt *out,
    struct snek_error *e)
{
	struct committing x = { .m = (struct sk_rmeta *)m, .category = category,
		.request = request, .entry = entry };
	struct sk_meta_receipt r;
	int rc = request ? check_request(request, e) : 0;

	if (!rc)
		rc = check_entry(entry, e);
	if (!rc)
		rc = pack(&x, e);
	if (!rc)
		rc = try_commit(&x, &r, e);
	sk_buf_free(&x.packed);
	sk_buf_free(&x.tail);
	sk_buf_free(&x.shards);
	if (rc)
		return rc;
	if (!r.repeated)
		entry->first = entry->last = r.version;
	*out = r;
	return 0;
}

/* ---- fold ---- */

static int judge_fold(const struct sk_answer *a, const struct sk_meta_entry *m,
    struct snek_error *e)
{
	struct sk_span s = sk_rmeta_item(a, 1);

	if (sk_rmeta_says(a, "lost"))
		return sk_fail(e, SNEK_EAGAIN, "these writes are no longer "
		    "there to fold");
	if (sk_rmeta_says(a, "records"))
		return sk_fail(e, SNEK_EINTERNAL, "folding %.*s records into "
		    "%llu", (int)s.n, (const char *)s.p,
		    (unsigned long long)m->records);
	if (sk_rmeta_says(a, "shard"))
		return refuse_shard(a, e);
	return refuse_id(a, &m->write, e);
}

int sk_rmeta_fold(struct sk_meta *meta, uint64_t category,
    const struct sk_write_id *old, uint32_t n, const struct sk_meta_entry *m,
    struct snek_error *e)
{
	struct sk_buf packed = { 0 }, shards = { 0 };
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	int rc = n ? check_entry(m, e) :
	    sk_fail(e, SNEK_EINTERNAL, "folding nothing");

	if (rc)
		return rc;
	if (!sk_record_pack_entry(&packed, m) ||
	    (!m->inlined.n && !put_shards(&shards, m)))
		args.bad = true;
	sk_rmeta_arg_number(&args, category);
	sk_rmeta_arg(&args, old, n * sizeof(*old));
	sk_rmeta_arg_number(&args, m->first);
	sk_rmeta_arg_number(&args, m->last);
	sk_rmeta_arg_number(&args, m->records);
	sk_rmeta_arg_number(&args, m->bytes);
	sk_rmeta_arg(&args, shards.p, shards.n);
	sk_rmeta_arg(&args, m->write.b, sizeof(m->write.b));
	sk_rmeta_arg(&args, packed.p, packed.n);
	rc = sk_rmeta_call((struct sk_rmeta *)meta, STEP_FOLD, &args, &a, e);
	sk_buf_free(&packed);
	sk_buf_free(&shards);
	if (rc)
		return rc;
	rc = judge_fold(&a, m, e);
	sk_answer_free(&a);
	return rc;
}
