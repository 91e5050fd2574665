/* SPDX-License-Identifier: MIT */
/*
 * snek_relay.c - a copy where one side is behind a gateway: through the front
 * doors of both.  As category/copy.c does, it goes on behind what is there,
 * writes parts with request ids of their own, and reads back at the end.
 */
#include "handle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "value/value.h"

#define PART 1000000u
#define PROGRESS_EVERY 8192u

struct relay {
	snek_cluster *from, *to;
	const char *name, *as;
	const struct snek_copy_options *o;
	struct snek_copy_report report;
	snek_reader *in;
	struct sk_digest digest;        /* of the records read so far */
	uint64_t total;
	struct sk_buf text;
	struct snek_error *e;
};

/* The next record's text: 1, 0 at the end. */
static int next(struct relay *c, snek_reader *in, struct sk_buf *text)
{
	struct snek_value v;
	int rc = snek_reader_next(in, &v, c->e);

	if (rc != 1)
		return rc;
	text->n = 0;
	return sk_json_write(text, v) ? 1 : sk_enomem(c->e);
}

static void count(struct relay *c)
{
	sk_digest_add(&c->digest, c->text.p, c->text.n);
	c->report.records++;
}

static int tell(struct relay *c)
{
	if (!c->o->progress || c->report.records % PROGRESS_EVERY)
		return 0;
	return c->o->progress(c->o->progress_arg, c->report.records, c->total);
}

/* ---- what is there already ---- */

static int note_records(void *arg, const struct snek_category_info *i)
{
	*(uint64_t *)arg = i->records;
	return 0;
}

static int compare(struct relay *c, snek_reader *there)
{
	struct sk_buf other = { 0 };
	int rc, own = 1;

	while ((rc = next(c, there, &other)) == 1) {
		own = next(c, c->in, &c->text);
		if (own != 1 || other.n != c->text.n ||
		    memcmp(other.p, c->text.p, other.n))
			break;
		count(c);
		rc = tell(c);
		if (rc)
			break;
	}
	sk_buf_free(&other);
	if (rc != 1)
		return rc;
	return own < 0 ? own : sk_fail(c->e, SNEK_ECONFLICT, "category %s there "
	    "holds other records than %s: they differ from record %" PRIu64
	    " on; nothing was copied; give the copy another name", c->as, c->name,
	    c->report.records + 1);
}

static int pass_over(struct relay *c)
{
	snek_reader *there = NULL;
	uint64_t n = 0;
	int rc = snek_category_find(c->to, c->as, note_records, &n, c->e);

	if (rc == SNEK_ENOENT || (!rc && !n))
		return 0;
	if (!rc)
		rc = snek_reader_open(c->to, c->as, &there, c->e);
	if (!rc)
		rc = compare(c, there);
	snek_reader_close(there);
	return rc;
}

/* ---- parts ---- */

/* Who copies what, from which record on: the same records give the same. */
static void name_part(const struct relay *c, char id[96])
{
	snprintf(id, 96, "copy-%016" PRIx64 "%016" PRIx64 "-%" PRIu64,
	    c->digest.a, c->digest.b, c->report.records);
}

/* From the record in hand on: 1, the part is full; 0, that was all. */
static int fill_part(struct relay *c, snek_writer *w, uint64_t *n)
{
	uint64_t most = c->o->part ? c->o->part : PART;
	int rc;

	for (;;) {
		rc = snek_writer_put(w, c->text.p, c->text.n, c->e);
		if (rc)
			return rc;
		count(c);
		rc = tell(c);
		if (rc)
			return rc;
		if (++*n == most)
			return 1;
		rc = next(c, c->in, &c->text);
		if (rc != 1)
			return rc;
	}
}

/* 1: there may be more; 0: that was all. */
static int copy_part(struct relay *c)
{
	struct snek_writer_options o = { .size = sizeof(o) };
	snek_writer *w = NULL;
	uint64_t n = 0;
	char id[96];
	int full, rc = next(c, c->in, &c->text);

	if (rc != 1)
		return rc;
	name_part(c, id);
	o.request_id = id;
	rc = snek_writer_open(c->to, c->as, &o, &w, c->e);
	full = rc ? rc : fill_part(c, w, &n);
	if (full >= 0 && (rc = snek_writer_commit(w, NULL, c->e)) == 0) {
		c->report.copied += n;
		c->report.writes++;
	}
	snek_writer_free(w);
	return full < 0 ? full : rc ? rc : full;
}

/* ---- reading back ---- */

static int read_back(struct relay *c)
{
	uint64_t n = 0;
	struct sk_digest d;
	snek_reader *there = NULL;
	int rc = snek_reader_open(c->to, c->as, &there, c->e);

	sk_digest_init(&d);
	while (!rc && (rc = next(c, there, &c->text)) == 1) {
		sk_digest_add(&d, c->text.p, c->text.n);
		n++;
		rc = 0;
	}
	snek_reader_close(there);
	if (rc)
		return rc;
	snprintf(c->report.digest, sizeof(c->report.digest), "%016" PRIx64
	    "%016" PRIx64, d.a, d.b);
	return n == c->report.records && d.a == c->digest.a &&
	    d.b == c->digest.b ? 0 : sk_fail(c->e, SNEK_ECORRUPT, "what was "
	    "read back from category %s is not what was copied", c->as);
}

static int copy(struct relay *c)
{
	int rc = snek_category_find(c->from, c->name, note_records, &c->total,
	    c->e);

	if (!rc)
		rc = snek_reader_open(c->from, c->name, &c->in, c->e);
	if (!rc)
		rc = pass_over(c);
	while (!rc && (rc = copy_part(c)) == 1)
		rc = 0;
	return rc ? rc : read_back(c);
}

int sk_relay(snek_cluster *from, const char *category, snek_cluster *to,
    const struct snek_copy_options *o, struct snek_copy_report *out,
    struct snek_error *e)
{
	struct relay c = { .from = from, .to = to, .name = category,
		.as = o->as ? o->as : category, .o = o, .e = e };
	int rc;

	sk_digest_init(&c.digest);
	rc = copy(&c);
	snek_reader_close(c.in);
	sk_buf_free(&c.text);
	if (!rc)
		sk_report(out, &c.report, sizeof(c.report));
	return rc;
}
