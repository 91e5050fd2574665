/* SPDX-License-Identifier: MIT */
/* write.c - records in the body of one request. */
#include "api/parts.h"
#include "api/receipt.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

static int write_all(int fd, struct sk_span b)
{
	const char *p = b.p;
	size_t left = b.n;
	ssize_t n;

	while (left) {
		n = write(fd, p, left);
		if (n < 0)
			return -1;
		p += n;
		left -= (size_t)n;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : 0;
}

/* ---- how it is to be done ---- */

static int one_of(const char *const *names, const char *what, const char *text,
    int *out, struct snek_error *e)
{
	int i;

	for (i = 0; names[i]; i++)
		if (!strcmp(text, names[i])) {
			*out = i;
			return 0;
		}
	return sk_fail(e, SNEK_EINVAL, "there is no %s %s; man snek-api says "
	    "what there is", what, text);
}

/* A media type's parameters, and how it is written, are nothing to us. */
static bool is_type(const char *s, const char *type)
{
	size_t n = strlen(type);

	return !strncasecmp(s, type, n) && strchr("; \t", s[n]);
}

static int read_format(const struct sk_api_request *r, struct sk_api_writing *w,
    struct snek_error *e)
{
	static const char *const names[] = { "jsonl", "array", "value", "text",
		NULL };
	char text[16];
	int n = SNEK_JSONL, rc = sk_api_parameter(r, "format", text,
	    sizeof(text), e);

	w->name = "body";
	if (rc == 1)
		rc = one_of(names, "format", text, &n, e);
	else if (!rc && is_type(r->type, "text/plain"))
		n = SNEK_TEXT;
	else if (!rc && is_type(r->type, "application/json")) {
		w->name = "body.json";
		n = SNEK_AUTO;
	}
	w->format = (enum snek_format)n;
	return rc;
}

static int read_duplicates(const struct sk_api_request *r,
    struct sk_api_writing *w, struct snek_error *e)
{
	static const char *const names[] = { "error", "last", NULL };
	char text[16];
	int n = 0, rc = sk_api_parameter(r, "duplicates", text, sizeof(text), e);

	if (rc == 1)
		rc = one_of(names, "way with duplicates called", text, &n, e);
	w->duplicates = n ? SNEK_DUPLICATES_LAST : SNEK_DUPLICATES_ERROR;
	return rc;
}

/* One that is there and says nothing is a mistake: a variable that was empty. */
static int read_said(const struct sk_api_request *r, const char *name, char *to,
    size_t room, struct snek_error *e)
{
	int rc = sk_api_parameter(r, name, to, room, e);

	return rc == 1 && !*to ? sk_fail(e, SNEK_EINVAL, "%s is empty; leave it "
	    "out, or say which", name) : rc;
}

int sk_api_writing(const struct sk_api_request *r, struct sk_api_writing *w,
    struct snek_error *e)
{
	int rc = read_said(r, "request_id", w->id, sizeof(w->id), e);

	if (rc >= 0)
		rc = read_said(r, "durability", w->durability,
		    sizeof(w->durability), e);
	if (rc >= 0)
		rc = read_duplicates(r, w, e);
	return rc < 0 ? rc : read_format(r, w, e);
}

int sk_api_writer_open(struct sk_api *a, snek_cluster *cluster,
    const char *category, const struct sk_api_writing *w, snek_writer **out,
    struct snek_error *e)
{
	const struct snek_writer_options o = { .size = sizeof(o),
		.max_record = a->o.max_record, .max_unpacked = a->o.max_unpacked,
		.duplicates = w->duplicates,
		.request_id = *w->id ? w->id : NULL,
		.durability = *w->durability ? w->durability : NULL };

	return snek_writer_open(cluster, category, &o, out, e);
}

/* ---- one request ---- */

int sk_api_read_body(snek_writer *w, const struct sk_api_writing *how,
    struct sk_span body, struct snek_error *e)
{
	int fd = memfd_create("snek-body", MFD_CLOEXEC), rc = 0;

	if (fd < 0 || write_all(fd, body))
		rc = sk_fail_errno(e, "cannot hold the body");
	if (!rc)
		rc = snek_writer_read(w, fd, how->name, how->format, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int write_body(struct sk_api *a, const char *category,
    const struct sk_api_writing *how, struct sk_span body,
    struct snek_receipt *receipt, struct snek_error *e)
{
	snek_cluster *cluster = NULL;
	snek_writer *w = NULL;
	int rc = sk_api_take(a, &cluster, e);

	if (!rc)
		rc = sk_api_writer_open(a, cluster, category, how, &w, e);
	if (!rc)
		rc = sk_api_read_body(w, how, body, e);
	if (!rc)
		rc = snek_writer_commit(w, receipt, e);
	snek_writer_free(w);
	sk_api_give(a, cluster);
	return rc;
}

void sk_api_receipt(struct sk_buf *b, const char *category,
    const struct snek_receipt *r, struct snek_error *e)
{
	struct sk_object j;

	sk_object_begin(&j, b, "receipt");
	sk_receipt_put(&j, category, r);
	sk_object_end(&j);
	if (j.nomem)
		sk_enomem(e);
}

void sk_api_write(struct sk_api_call *c)
{
	struct snek_receipt r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	struct sk_api_writing how;
	int rc = sk_api_writing(c->request, &how, &e);

	if (!rc)
		rc = write_body(c->api, c->name[0], &how, c->request->body, &r,
		    &e);
	if (!rc)
		sk_api_receipt(&c->out->body, c->name[0], &r, &e);
	sk_api_end(c, rc ? rc : e.code, &e);
}

/* ---- as Snekboop's clients write: {"name":CATEGORY,"data":[...]} ---- */

/* What its function answered, the words too. */
void sk_api_old_write(struct sk_api_call *c)
{
	static const char answer[] = "{\"statusCode\":200,\"headers\":"
	    "{\"Content-Type\":\"application/json\"},"
	    "\"body\":\"Successfully written to snekboop\"}\n";
	const struct sk_api_writing how = { .name = "data",
		.format = SNEK_JSON_ARRAY };
	struct snek_receipt r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	struct sk_record record;
	struct sk_buf text = { 0 };
	struct snek_value data;
	sk_json_reader *json;
	char *name = NULL;
	int rc = sk_api_object(c->request, &json, &record, &e);

	if (!rc)
		rc = sk_api_text(&record, "name", true, &name, &e);
	data = rc ? sk_none() : sk_object_member(&record, "data");
	if (!rc && data.type != SNEK_ARRAY)
		rc = sk_fail(&e, SNEK_EINVAL, "\"data\" is to be a list");
	if (!rc && !sk_json_write(&text, data))
		rc = sk_enomem(&e);
	if (!rc)
		rc = write_body(c->api, name, &how,
		    (struct sk_span){ text.p, text.n }, &r, &e);
	if (!rc && !sk_buf_put(&c->out->body, answer, sizeof(answer) - 1))
		rc = sk_enomem(&e);
	sk_api_end(c, rc, &e);
	sk_json_reader_free(json);
	sk_buf_free(&text);
	free(name);
}
