/* SPDX-License-Identifier: MIT */
/* client_write.c - a write through a gateway: small ones in one request, others
 * in parts, each of which may be sent again. */
#include "api/client.h"
#include "api/receipt.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/meta_record.h"

#define PART (4u << 20)         /* bytes of records, as API Gateway takes them */
#define COMMIT_MS (15 * 60 * 1000)

struct sk_client_writer {
	struct sk_client *client;
	char *category;
	struct sk_buf query;            /* request_id and durability */
	bool repeatable;                /* it has a request id */
	struct sk_buf part;             /* lines */
	char write[96];                 /* path of the write in parts; "": none */
	unsigned parts;
	uint64_t records;
};

static bool put_parameter(struct sk_buf *b, const char *name, const char *value)
{
	return !value || (sk_buf_printf(b, "%c%s=", b->n ? '&' : '?', name) &&
	    sk_client_encode(b, value));
}

/* As the meta stores have it, before anything is read. */
static int check_id(const char *id, struct snek_error *e)
{
	size_t n = id ? strlen(id) : 1;

	return n && n <= SK_REQUEST_MAX ? 0 : sk_fail(e, SNEK_EINVAL, "a request "
	    "id has 1 to %u bytes, this one %zu", SK_REQUEST_MAX, n);
}

static int ask(struct sk_client_writer *w, const char *method,
    const char *path, bool once, struct sk_client_reply *r,
    struct snek_error *e)
{
	struct sk_client_call call = { .method = method, .path = path,
		.type = "application/x-ndjson", .once = once,
		.body = { w->part.p, w->part.n }, .timeout_ms = COMMIT_MS };

	return sk_client_call(w->client, &call, r, e);
}

/* "/v1/categories/NAME/records?..." */
static int category_path(struct sk_client_writer *w, const char *what,
    struct sk_buf *path, struct snek_error *e)
{
	bool ok = sk_buf_printf(path, "/v1/categories/") &&
	    sk_client_encode(path, w->category) &&
	    sk_buf_printf(path, "/%s", what) &&
	    sk_buf_put(path, w->query.p, w->query.n) && sk_buf_byte(path, 0);

	return ok ? 0 : sk_enomem(e);
}

static int begin(struct sk_client_writer *w, struct snek_error *e)
{
	struct sk_client_call call = { .method = "POST" };
	struct sk_client_reply r = { 0 };
	struct sk_buf path = { 0 };
	int rc = category_path(w, "writes", &path, e);

	call.path = path.p;
	if (!rc)
		rc = sk_client_call(w->client, &call, &r, e);
	if (!rc && strncmp(r.location, "/v1/writes/", 11))
		rc = sk_fail(e, SNEK_EFORMAT, "the gateway does not say where "
		    "parts go");
	if (!rc)
		snprintf(w->write, sizeof(w->write), "%.80s", r.location);
	sk_client_reply_free(&r);
	sk_buf_free(&path);
	return rc;
}

/* Parts that nobody will commit. */
static void drop(struct sk_client_writer *w)
{
	struct sk_client_call call = { .method = "DELETE", .path = w->write,
		.once = true, .timeout_ms = 5000 };
	struct sk_client_reply r = { 0 };

	if (!*w->write)
		return;
	sk_client_call(w->client, &call, &r, NULL);
	sk_client_reply_free(&r);
	*w->write = '\0';
}

/* What is asked for and cannot be given is said before any input is read.  That
 * too many writes in parts are open is nothing to one that may need none. */
static int try_it(struct sk_client_writer *w, struct snek_error *e)
{
	int rc = begin(w, e);

	drop(w);
	return rc == SNEK_EAGAIN ? 0 : rc;
}

int sk_client_writer_open(struct sk_client *c, const char *category,
    const char *request_id, const char *durability,
    struct sk_client_writer **out, struct snek_error *e)
{
	struct sk_client_writer *w;
	int rc = check_id(request_id, e);

	if (rc)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return sk_enomem(e);
	w->client = c;
	w->category = strdup(category);
	w->repeatable = request_id != NULL;
	if (!w->category || !put_parameter(&w->query, "request_id", request_id) ||
	    !put_parameter(&w->query, "durability", durability)) {
		sk_client_writer_free(w);
		return sk_enomem(e);
	}
	rc = durability ? try_it(w, e) : 0;
	if (rc) {
		sk_client_writer_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

static int send_part(struct sk_client_writer *w, struct snek_error *e)
{
	struct sk_client_reply r = { 0 };
	char path[128];
	int rc = *w->write ? 0 : begin(w, e);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/parts/%u", w->write, w->parts + 1);
	rc = ask(w, "PUT", path, false, &r, e);
	sk_client_reply_free(&r);
	if (rc)
		return rc;
	w->parts++;
	w->part.n = 0;
	return 0;
}

static int too_large(struct sk_client_writer *w, size_t n, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "record %llu has %zu bytes, and %s takes "
	    "%llu in one request (--max-body, of a gateway)",
	    (unsigned long long)w->records + 1, n, sk_client_where(w->client),
	    (unsigned long long)sk_client_most(w->client));
}

/* A record of several lines becomes one: a line break in JSON text is blank
 * wherever it may stand. */
int sk_client_writer_put(struct sk_client_writer *w, struct sk_span text,
    struct snek_error *e)
{
	uint64_t most = sk_client_most(w->client);
	size_t i, from = w->part.n, n = text.n + 1;
	int rc = n <= most ? 0 : too_large(w, text.n, e);

	if (!rc && w->part.n && w->part.n + n > (most < PART ? most : PART))
		rc = send_part(w, e);
	if (rc)
		return rc;
	from = w->part.n;
	if (!sk_buf_put(&w->part, text.p, text.n) || !sk_buf_byte(&w->part, '\n'))
		return sk_enomem(e);
	for (i = from; i + 1 < w->part.n; i++)
		if (w->part.p[i] == '\n' || w->part.p[i] == '\r')
			w->part.p[i] = ' ';
	w->records++;
	return 0;
}

uint64_t sk_client_writer_records(const struct sk_client_writer *w)
{
	return w->records;
}

static int read_receipt(const struct sk_client_reply *r,
    struct snek_receipt *out, struct snek_error *e)
{
	struct sk_client_object o;
	int rc = sk_client_parse((struct sk_span){ r->body.p, r->body.n }, &o, e);

	if (!rc)
		sk_receipt_get(&o.record, out);
	sk_client_object_free(&o);
	return rc;
}

/* A commit of parts may be repeated: its receipt is kept. */
static int commit_parts(struct sk_client_writer *w, struct sk_client_reply *r,
    struct snek_error *e)
{
	char path[128];
	int rc = w->part.n ? send_part(w, e) : 0;

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/commit?parts=%u", w->write, w->parts);
	w->part.n = 0;
	rc = ask(w, "POST", path, false, r, e);
	/* It was sent, and nobody answered: who knows. */
	if (rc == SNEK_EIO || rc == SNEK_ETIMEDOUT)
		rc = sk_fail_in(e, SNEK_EUNKNOWN, "the commit may have been done");
	return rc;
}

int sk_client_writer_commit(struct sk_client_writer *w,
    struct snek_receipt *out, struct snek_error *e)
{
	struct sk_client_reply r = { 0 };
	struct sk_buf path = { 0 };
	int rc;

	if (*w->write) {
		rc = commit_parts(w, &r, e);
	} else {
		rc = category_path(w, "records", &path, e);
		if (!rc)
			rc = ask(w, "POST", path.p, !w->repeatable, &r, e);
	}
	if (!rc)
		rc = read_receipt(&r, out, e);
	if (!rc)
		*w->write = '\0';
	sk_client_reply_free(&r);
	sk_buf_free(&path);
	return rc;
}

void sk_client_writer_free(struct sk_client_writer *w)
{
	if (!w)
		return;
	drop(w);
	sk_buf_free(&w->query);
	sk_buf_free(&w->part);
	free(w->category);
	free(w);
}
