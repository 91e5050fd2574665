/* SPDX-License-Identifier: MIT */
#include "category/copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "category/reader.h"
#include "category/writer.h"

#define PART 1000000u
#define PROGRESS_EVERY 8192u

struct copy {
	struct sk_catalog *from, *to;
	const char *name, *as;
	const struct sk_copy_options *o;
	sk_reader *in;
	uint64_t total, done;
	struct sk_buf text;
	struct sk_digest digest;        /* of the records read so far */
	struct sk_copy_report *report;
	struct snek_error *e;
};

/* The next record and its text, as both sides print it: 1, 0 at the end. */
static int next(struct copy *c, sk_reader *in, struct sk_buf *text,
    struct sk_record *r)
{
	struct sk_place place;
	int rc = sk_reader_next(in, r, &place, c->e);

	if (rc != 1)
		return rc;
	text->n = 0;
	return sk_json_write_record(text, r) ? 1 : sk_enomem(c->e);
}

static int tell(struct copy *c)
{
	if (!c->o->progress || c->done % PROGRESS_EVERY)
		return 0;
	return c->o->progress(c->o->arg, c->done, c->total);
}

/* ---- what is there already ---- */

static int differs(const struct copy *c, uint64_t at)
{
	return sk_fail(c->e, SNEK_ECONFLICT, "%s: category %s holds other "
	    "records than %s: they differ from record %" PRIu64 " on; nothing "
	    "was copied; give the copy another name", c->to->where, c->as,
	    c->name, at);
}

static int longer(const struct copy *c, const sk_reader *there)
{
	return sk_fail(c->e, SNEK_ECONFLICT, "%s: category %s holds %" PRIu64
	    " records, and %s only %" PRIu64 "; give the copy another name",
	    c->to->where, c->as, sk_reader_records(there), c->name, c->total);
}

/* One record of each side. */
static int compare_next(struct copy *c, sk_reader *there, struct sk_buf *text)
{
	struct sk_record r;
	int rc = next(c, there, text, &r);

	if (rc != 1)
		return rc;
	rc = next(c, c->in, &c->text, &r);
	if (rc != 1)
		return rc ? rc : differs(c, c->done);
	if (text->n != c->text.n || memcmp(text->p, c->text.p, text->n))
		return differs(c, c->done);
	sk_digest_add(&c->digest, c->text.p, c->text.n);
	c->done++;
	rc = tell(c);
	return rc ? rc : 1;
}

/* Leaves the source behind what is there. */
static int compare(struct copy *c)
{
	struct sk_buf text = { 0 };
	sk_reader *there;
	int rc = sk_reader_open(c->to, c->as, &there, c->e);

	if (rc == SNEK_ENOENT)
		return 0;
	if (rc)
		return rc;
	rc = sk_reader_records(there) > c->total ? longer(c, there) : 1;
	while (rc == 1)
		rc = compare_next(c, there, &text);
	sk_reader_close(there);
	sk_buf_free(&text);
	return rc;
}

/* ---- what is not ---- */

static void request_id(const struct copy *c, char *out, size_t size)
{
	struct sk_write_id uuid;
	char hex[33];

	memcpy(uuid.b, c->from->cluster.uuid, sizeof(uuid.b));
	sk_write_id_hex(uuid, hex);
	snprintf(out, size, "copy:%s:%s:%" PRIu64, hex, c->name, c->done);
}

/* *n: how many records it took; 0 at the end of the source. */
static int fill(struct copy *c, sk_writer *w, uint64_t *n)
{
	uint64_t most = c->o->part ? c->o->part : PART;
	struct sk_record r;
	int rc = 0;

	for (*n = 0; *n < most; (*n)++) {
		rc = next(c, c->in, &c->text, &r);
		if (rc != 1)
			return rc;
		rc = sk_writer_add(w, &r, (struct sk_span){ c->text.p,
		    c->text.n }, c->e);
		if (rc)
			return rc;
		sk_digest_add(&c->digest, c->text.p, c->text.n);
		c->done++;
		rc = tell(c);
		if (rc)
			return rc;
	}
	return 0;
}

static int put_part(struct copy *c, uint64_t *n)
{
	char id[256];
	struct sk_writer_options o = { .request_id = id };
	struct sk_meta_receipt receipt;
	sk_writer *w;
	int rc;

	request_id(c, id, sizeof(id));
	rc = sk_writer_open(c->to, c->as, &o, &w, c->e);
	if (rc)
		return rc;
	rc = fill(c, w, n);
	if (!rc && *n)
		rc = sk_writer_commit(w, &receipt, c->e);
	sk_writer_free(w);
	if (rc || !*n)
		return rc;
	c->report->copied += *n;
	c->report->writes++;
	return 0;
}

static int put_rest(struct copy *c)
{
	uint64_t n = 1;
	int rc = 0;

	while (!rc && n && c->done < c->total)
		rc = put_part(c, &n);
	return rc;
}

/* ---- is it there now? ---- */

static int read_back(struct copy *c, struct sk_digest *d, uint64_t *n)
{
	struct sk_record r;
	sk_reader *there;
	int rc = sk_reader_open(c->to, c->as, &there, c->e);

	*n = 0;
	if (rc == SNEK_ENOENT)          /* of no records */
		return 0;
	if (rc)
		return rc;
	while (*n < c->done && (rc = next(c, there, &c->text, &r)) == 1) {
		sk_digest_add(d, c->text.p, c->text.n);
		(*n)++;
	}
	if (rc >= 0 && sk_reader_records(there) != c->done)
		*n = sk_reader_records(there);
	sk_reader_close(there);
	return rc < 0 ? rc : 0;
}

static int verify(struct copy *c)
{
	struct sk_digest d;
	uint64_t n;
	int rc;

	sk_digest_init(&d);
	rc = read_back(c, &d, &n);
	if (rc)
		return rc;
	if (n != c->done || d.a != c->digest.a || d.b != c->digest.b)
		return sk_fail(c->e, SNEK_ECORRUPT, "%s: category %s, read back, "
		    "is not what was copied (%" PRIu64 " records of %" PRIu64
		    "): somebody else wrote to it, or bytes were damaged",
		    c->to->where, c->as, n, c->done);
	c->report->records = n;
	c->report->digest[0] = d.a;
	c->report->digest[1] = d.b;
	return 0;
}

int sk_copy(struct sk_catalog *from, const char *category,
    struct sk_catalog *to, const struct sk_copy_options *o,
    struct sk_copy_report *report, struct snek_error *e)
{
	struct copy c = { .from = from, .to = to, .name = category,
		.as = o->as ? o->as : category, .o = o, .report = report,
		.e = e };
	int rc = sk_reader_open(from, category, &c.in, e);

	memset(report, 0, sizeof(*report));
	if (rc)
		return rc;
	c.total = sk_reader_records(c.in);
	sk_digest_init(&c.digest);
	rc = compare(&c);
	if (!rc)
		rc = put_rest(&c);
	if (!rc)
		rc = verify(&c);
	sk_reader_close(c.in);
	sk_buf_free(&c.text);
	return rc;
}
