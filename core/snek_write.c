/* SPDX-License-Identifier: MIT */
/* snek_write.c - the front door to writing and reading back. */
#include "handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "category/reader.h"
#include "category/writer.h"
#include "value/input.h"
#include "value/pack.h"

#define PROGRESS_EVERY 4096u            /* records between two calls */
#define MAX_RECORD (64u << 20)          /* as of what is read */

struct snek_writer {
	sk_writer *w;                   /* one of both */
	struct sk_client_writer *remote;
	struct snek_writer_options o;
	sk_json_reader *json;
	uint64_t bad, read;             /* read: bytes of inputs before this */
	uint64_t in_batch;              /* records since the last progress call */
	bool failed;
};

static int check_options(const struct snek_writer_options *o,
    struct snek_error *e)
{
	if (o->chunk_size &&
	    (o->chunk_size < SK_CHUNK_MIN || o->chunk_size > SK_CHUNK_MAX))
		return sk_fail(e, SNEK_EINVAL, "a chunk size of %u bytes: it is "
		    "from 64 KiB to 4 MiB", o->chunk_size);
	if (o->duplicates > SNEK_DUPLICATES_LAST)
		return sk_fail(e, SNEK_EINVAL, "no such way to take duplicates: %u",
		    o->duplicates);
	return 0;
}

/* The records are read here, so that what is wrong is told by file, line and
 * column, and travel as text. */
static int open_remote(struct snek_writer *w, struct sk_client *c,
    const char *category, struct snek_error *e)
{
	struct sk_json_options jo = {
		.last_duplicate = w->o.duplicates == SNEK_DUPLICATES_LAST,
	};
	int rc;

	if (sk_json_reader_new(&jo, &w->json))
		return sk_enomem(e);
	rc = sk_client_writer_open(c, category, w->o.request_id,
	    w->o.durability, &w->remote, e);
	w->o.request_id = w->o.durability = NULL;
	return rc;
}

static int open_parts(struct snek_writer *w, struct sk_catalog *cat,
    const char *category, struct snek_error *e)
{
	struct sk_writer_options wo = {
		.request_id = w->o.request_id, .chunk_size = w->o.chunk_size,
	};
	struct sk_json_options jo = {
		.last_duplicate = w->o.duplicates == SNEK_DUPLICATES_LAST,
	};

	w->o.request_id = NULL;         /* the caller's, and copied */
	if (w->o.durability && sk_promise_parse(w->o.durability, &wo.durability, e))
		return SNEK_EINVAL;
	w->o.durability = NULL;
	if (sk_json_reader_new(&jo, &w->json))
		return sk_enomem(e);
	return sk_writer_open(cat, category, &wo, &w->w, e);
}

int snek_writer_open(snek_cluster *c, const char *category,
    const struct snek_writer_options *options, snek_writer **out,
    struct snek_error *e)
{
	struct snek_writer *w;
	int rc = sk_need(c, "cluster", e);

	if (!rc)
		rc = sk_need(out, "place for the writer", e);
	if (!rc)
		rc = sk_name_check("category", category, e);
	if (rc)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return sk_enomem(e);
	rc = sk_options_copy(&w->o, sizeof(w->o), options, e);
	if (!rc)
		rc = check_options(&w->o, e);
	if (!rc)
		rc = c->client ? open_remote(w, c->client, category, e) :
		    open_parts(w, c->cat, category, e);
	if (rc) {
		snek_writer_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

static int failed(struct snek_writer *w, int rc)
{
	w->failed = true;
	return rc;
}

static int check(struct snek_writer *w, struct snek_error *e)
{
	int rc = sk_need(w, "writer", e);

	if (rc)
		return rc;
	return w->failed ? sk_fail(e, SNEK_EINVAL, "this write has failed; free "
	    "it and begin again") : 0;
}

static uint64_t records(const struct snek_writer *w)
{
	return w->remote ? sk_client_writer_records(w->remote) :
	    sk_writer_records(w->w);
}

/* As it came if that is JSON, in which all of it goes. */
static int add_remote(struct snek_writer *w, const struct sk_record *r,
    struct sk_span text, bool json, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc;

	if (json && w->o.duplicates != SNEK_DUPLICATES_LAST)
		return sk_client_writer_put(w->remote, text, e);
	rc = sk_json_write_record(&b, r) ? sk_client_writer_put(w->remote,
	    (struct sk_span){ b.p, b.n }, e) : sk_enomem(e);
	sk_buf_free(&b);
	return rc;
}

static int add(struct snek_writer *w, const struct sk_record *r,
    struct sk_span text, bool json, struct snek_error *e)
{
	return w->remote ? add_remote(w, r, text, json, e) :
	    sk_writer_add(w->w, r, text, e);
}

/* A bad record: the caller takes it, or the write fails. */
static int bad_record(struct snek_writer *w, struct sk_span text, int rc,
    const struct snek_error *why, struct snek_error *e)
{
	w->bad++;
	if (w->o.bad && w->o.bad(w->o.bad_arg, text.p, text.n, why) >= 0)
		return 0;
	if (e)
		*e = *why;
	return failed(w, rc);
}

static int read_text(struct snek_writer *w, struct sk_span text,
    struct sk_record *r, struct snek_error *why)
{
	uint64_t max = w->o.max_record ? w->o.max_record : MAX_RECORD;
	size_t at = 0;
	int rc;

	rc = text.n > max ? sk_fail(why, SNEK_ELIMIT, "larger than the limit of "
	    "%llu bytes", (unsigned long long)max)
	    : sk_json_read(w->json, text.p, text.n, r, &at, why);
	if (rc)
		sk_fail_in(why, rc, "record %llu, byte %zu",
		    (unsigned long long)records(w) + w->bad + 1, at);
	return rc;
}

int snek_writer_put(snek_writer *w, const char *json, size_t len,
    struct snek_error *e)
{
	struct sk_span text = { json, len };
	struct snek_error why = { 0 };
	struct sk_record r;
	int rc = check(w, e);

	if (!rc)
		rc = sk_need(json, "record", e);
	if (rc)
		return rc;
	rc = read_text(w, text, &r, &why);
	if (rc == SNEK_EFORMAT || rc == SNEK_ELIMIT)
		return bad_record(w, text, rc, &why, e);
	if (rc) {
		if (e)
			*e = why;
		return failed(w, rc);
	}
	rc = add(w, &r, text, true, e);
	return rc ? failed(w, rc) : 0;
}

static void progress(struct snek_writer *w, const sk_input *in)
{
	if (!w->o.progress || ++w->in_batch < PROGRESS_EVERY)
		return;
	w->in_batch = 0;
	w->o.progress(w->o.progress_arg, records(w),
	    w->read + sk_input_bytes(in));
}

static int next_record(struct snek_writer *w, sk_input *in, struct snek_error *e)
{
	struct sk_span text = { NULL, 0 };
	struct snek_error why = { 0 };
	struct sk_record r;
	bool again = false;
	int rc = sk_input_next(in, &r, &text, &again, &why);

	if (rc == 1) {
		rc = add(w, &r, text,
		    sk_input_format(in, NULL) != SNEK_TEXT, e);
		progress(w, in);
		return rc ? failed(w, rc) : 1;
	}
	if (rc == 0)
		return 0;
	if (again) {
		rc = bad_record(w, text, rc, &why, e);
		return rc ? rc : 1;
	}
	if (e)
		*e = why;
	return failed(w, rc);
}

int snek_writer_read(snek_writer *w, int fd, const char *name,
    enum snek_format format, struct snek_error *e)
{
	struct sk_input_options o = { 0 };
	sk_input *in;
	int rc = check(w, e);

	if (!rc)
		rc = sk_need(name, "name for messages", e);
	if (!rc && (unsigned)format > SNEK_AUTO)
		rc = sk_fail(e, SNEK_EINVAL, "no such format: %d", (int)format);
	if (rc)
		return rc;
	o.max_record = w->o.max_record;
	o.max_unpacked = w->o.max_unpacked;
	o.last_duplicate = w->o.duplicates == SNEK_DUPLICATES_LAST;
	rc = sk_input_open(fd, name, format, &o, &in, e);
	if (rc)
		return failed(w, rc);
	while ((rc = next_record(w, in, e)) == 1)
		;
	w->read += sk_input_bytes(in);
	sk_input_close(in);
	return rc;
}

static int commit_remote(struct snek_writer *w, struct snek_receipt *out,
    struct snek_error *e)
{
	struct snek_receipt receipt = { .bad = w->bad };
	int rc = sk_client_writer_commit(w->remote, &receipt, e);

	if (!rc)
		sk_report(out, &receipt, sizeof(receipt));
	return rc;
}

int snek_writer_commit(snek_writer *w, struct snek_receipt *out,
    struct snek_error *e)
{
	struct sk_meta_receipt r;
	struct snek_receipt receipt = { 0 };
	int rc = check(w, e);

	if (!rc)
		rc = sk_report_check(out, e);
	if (rc)
		return rc;
	w->failed = true;               /* one commit a writer */
	if (w->remote)
		return commit_remote(w, out, e);
	rc = sk_writer_commit(w->w, &r, e);
	if (rc)
		return rc;
	receipt.bad = w->bad;
	receipt.version = r.version;
	receipt.records = r.records;
	receipt.bytes = r.bytes;
	receipt.repeated = r.repeated;
	receipt.shards = sk_writer_shards(w->w);
	sk_write_id_hex(r.write, receipt.write_id);
	sk_promise_print(sk_writer_reaches(w->w), receipt.durability);
	sk_report(out, &receipt, sizeof(receipt));
	return 0;
}

void snek_writer_free(snek_writer *w)
{
	if (!w)
		return;
	sk_writer_free(w->w);
	sk_client_writer_free(w->remote);
	sk_json_reader_free(w->json);
	free(w);
}

/* ---- reading back ---- */

struct snek_reader {
	sk_reader *r;                   /* one of both */
	struct sk_client_reader *remote;
	struct sk_buf buf;
	struct sk_place place;          /* of the last record; version 0: none */
};

int snek_reader_open(snek_cluster *c, const char *category, snek_reader **out,
    struct snek_error *e)
{
	return snek_reader_open_at(c, category, 0, 0, out, e);
}

int snek_reader_open_at(snek_cluster *c, const char *category,
    uint64_t version, uint64_t record, snek_reader **out, struct snek_error *e)
{
	struct sk_place from = { version, record };
	struct snek_reader *r;
	int rc = sk_need(c, "cluster", e);

	if (!rc)
		rc = sk_need(out, "place for the reader", e);
	if (!rc)
		rc = sk_name_check("category", category, e);
	if (rc)
		return rc;
	r = calloc(1, sizeof(*r));
	rc = r ? 0 : sk_enomem(e);
	if (!rc && c->client)
		rc = sk_client_reader_open(c->client, category, version, record,
		    &r->remote, e);
	else if (!rc)
		rc = sk_reader_open_at(c->cat, category, from, &r->r, e);
	if (rc) {
		free(r);
		return rc;
	}
	*out = r;
	return 0;
}

static bool pack(struct sk_buf *b, const struct sk_record *r)
{
	uint32_t i;
	bool ok = sk_pack_map(b, r->n);

	for (i = 0; i < r->n && ok; i++)
		ok = sk_pack_string(b, r->member[i].name, r->member[i].name_len) &&
		    sk_pack_value(b, r->member[i].value);
	return ok;
}

int snek_reader_next(snek_reader *r, struct snek_value *out,
    struct snek_error *e)
{
	struct sk_record record;
	int rc = sk_need(r, "reader", e);

	if (!rc)
		rc = sk_need(out, "place for the record", e);
	if (rc)
		return rc;
	if (r->remote)
		return sk_client_reader_next(r->remote, out, e);
	rc = sk_reader_next(r->r, &record, &r->place, e);
	if (rc != 1)
		return rc;
	if (!record.object) {
		*out = record.member[0].value;
		return 1;
	}
	r->buf.n = 0;
	if (!pack(&r->buf, &record))
		return sk_enomem(e);
	memset(out, 0, sizeof(*out));
	out->type = SNEK_OBJECT;
	out->len = (uint32_t)r->buf.n;
	out->as.p = r->buf.p;
	return 1;
}

int snek_reader_place(snek_reader *r, uint64_t *version, uint64_t *record,
    struct snek_error *e)
{
	int rc = sk_need(r, "reader", e);

	if (!rc)
		rc = sk_need(version, "place for the version", e);
	if (!rc)
		rc = sk_need(record, "place for the record's number", e);
	if (rc)
		return rc;
	if (!r->place.version)
		return sk_fail(e, SNEK_EINVAL, r->remote ? "records behind a "
		    "gateway come without their places" : "no record has been "
		    "read yet");
	*version = r->place.version;
	*record = r->place.record;
	return 0;
}

void snek_reader_close(snek_reader *r)
{
	if (!r)
		return;
	sk_reader_close(r->r);
	sk_client_reader_close(r->remote);
	sk_buf_free(&r->buf);
	free(r);
}
