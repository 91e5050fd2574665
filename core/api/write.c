/* SPDX-License-Identifier: MIT */
/* write.c - records in the body of one request. */
#include "api/parts.h"

#include <stdlib.h>
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

/* A name for messages, and the format. */
static int format_of(const struct sk_api_request *r, const char **name,
    enum snek_format *out, struct snek_error *e)
{
	static const char *const names[] = { "jsonl", "array", "value", "text" };
	char text[16];
	size_t i;

	*name = "body";
	*out = SNEK_JSONL;
	if (!sk_api_parameter(r, "format", text, sizeof(text))) {
		if (!strncmp(r->type, "text/plain", 10)) {
			*out = SNEK_TEXT;
		} else if (!strncmp(r->type, "application/json", 16)) {
			*name = "body.json";
			*out = SNEK_AUTO;
		}
		return 0;
	}
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(text, names[i])) {
			*out = (enum snek_format)i;
			return 0;
		}
	return sk_fail(e, SNEK_EINVAL, "no such format: %s; there are jsonl, "
	    "array, value and text", text);
}

static int read_body(snek_writer *w, const struct sk_api_request *r,
    struct sk_span body, struct snek_error *e)
{
	enum snek_format format;
	const char *name;
	int fd, rc = format_of(r, &name, &format, e);

	if (rc)
		return rc;
	fd = memfd_create("snek-body", MFD_CLOEXEC);
	if (fd < 0 || write_all(fd, body))
		rc = sk_fail_errno(e, "cannot hold the body");
	if (!rc)
		rc = snek_writer_read(w, fd, name, format, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int open_writer(struct sk_api *a, snek_cluster *cluster,
    const char *category, const struct sk_api_request *r, snek_writer **out,
    struct snek_error *e)
{
	char id[160], durability[32], duplicates[16];
	struct snek_writer_options o = { .size = sizeof(o),
		.max_record = a->o.max_record };

	if (sk_api_parameter(r, "request_id", id, sizeof(id)))
		o.request_id = id;
	if (sk_api_parameter(r, "durability", durability, sizeof(durability)))
		o.durability = durability;
	if (sk_api_parameter(r, "duplicates", duplicates, sizeof(duplicates)))
		o.duplicates = strcmp(duplicates, "last") ? SNEK_DUPLICATES_ERROR
		    : SNEK_DUPLICATES_LAST;
	return snek_writer_open(cluster, category, &o, out, e);
}

int sk_api_write_bytes(struct sk_api *a, const char *category,
    const struct sk_api_request *r, struct sk_span body,
    struct snek_receipt *receipt, struct snek_error *e)
{
	snek_cluster *cluster = NULL;
	snek_writer *w = NULL;
	int rc = sk_api_take(a, &cluster, e);

	if (!rc)
		rc = open_writer(a, cluster, category, r, &w, e);
	if (!rc)
		rc = read_body(w, r, body, e);
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
	sk_object_text(&j, "category", category);
	sk_object_number(&j, "version", r->version);
	sk_object_number(&j, "records", r->records);
	sk_object_number(&j, "bad", r->bad);
	sk_object_number(&j, "bytes", r->bytes);
	sk_object_number(&j, "shards", r->shards);
	sk_object_flag(&j, "repeated", r->repeated);
	sk_object_text(&j, "durability", r->durability);
	sk_object_text(&j, "write_id", r->write_id);
	sk_object_end(&j);
	if (j.nomem)
		sk_enomem(e);
}

void sk_api_write(struct sk_api_call *c)
{
	struct snek_receipt r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	int rc = sk_api_write_bytes(c->api, c->name[0], c->request,
	    c->request->body, &r, &e);

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
	struct sk_api_request as = { .query = "format=array", .type = "" };
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
		rc = sk_api_write_bytes(c->api, name, &as,
		    (struct sk_span){ text.p, text.n }, &r, &e);
	if (!rc && !sk_buf_put(&c->out->body, answer, sizeof(answer) - 1))
		rc = sk_enomem(&e);
	sk_api_end(c, rc, &e);
	sk_json_reader_free(json);
	sk_buf_free(&text);
	free(name);
}
