/* SPDX-License-Identifier: MIT */
/* event_smoke.c - the event that shows what a function makes of a record of
 * each type. */
#include "config.h"

#include "exec/event.h"
#include "exec/flat.h"
#include "value/chunk.h"

static const char *const texts[] = {
	"null", "true", "-7", "18446744073709551615", "2.5",
	"\"caf\\u00e9 and more words\"", "[1,\"two\",[3]]",
	"{\"a\":1,\"b\":\"text\",\"c\":null,\"d\":[],\"e\":{\"f\":false}}",
	"{}",
};

static int fill(sk_chunk_builder *b, struct snek_error *e)
{
	sk_json_reader *r;
	struct sk_record record;
	size_t i;
	int rc = sk_json_reader_new(NULL, &r);

	if (rc)
		return sk_enomem(e);
	for (i = 0; i < sizeof(texts) / sizeof(*texts) && rc >= 0; i++) {
		rc = sk_json_read(r, texts[i], strlen(texts[i]), &record, NULL,
		    e);
		if (!rc)
			rc = sk_chunk_builder_add(b, &record, e);
	}
	sk_json_reader_free(r);
	return rc < 0 ? rc : 0;
}

static int make_chunk(struct sk_buf *out, struct snek_error *e)
{
	sk_chunk_builder *b;
	int rc = sk_chunk_builder_new(0, &b);

	if (rc)
		return sk_enomem(e);
	rc = fill(b, e);
	if (!rc)
		rc = sk_chunk_builder_seal(b, out, e);
	sk_chunk_builder_free(b);
	return rc;
}

static int make_parcel(struct sk_buf *out, struct snek_error *e)
{
	struct sk_message m = { .kind = SK_MSG_FILES };
	struct sk_buf chunk = { 0 };
	int rc = make_chunk(&chunk, e), fd;

	if (!rc) {
		fd = sk_channel_sealed("snek-smoke", chunk.p, chunk.n);
		rc = fd >= 0 && sk_message_take(&m, fd)
		    ? sk_parcel_put(out, &m, e) : sk_enomem(e);
	}
	sk_message_free(&m);
	sk_buf_free(&chunk);
	return rc;
}

int sk_event_put_smoke(const char *sha256, const struct sk_call *call,
    struct sk_buf *b, struct snek_error *e)
{
	struct sk_flat_put f = { b, false };
	struct sk_buf parcel = { 0 };
	size_t start = b->n;
	int rc = make_parcel(&parcel, e);

	sk_flat_open(&f);
	sk_flat_number(&f, "snek", SK_EVENT_VERSION);
	sk_flat_text(&f, "what", "smoke");
	sk_flat_text(&f, "release", PACKAGE_VERSION);
	sk_flat_text(&f, "plugin", sha256);
	if (call) {
		sk_flat_text(&f, "function", call->function);
		sk_flat_text(&f, "signature", call->signature);
		sk_flat_text(&f, "fields", call->fields ? call->fields : "");
	}
	sk_flat_base64(&f, "input", (struct sk_span){ parcel.p, parcel.n });
	sk_flat_raw(&f, "}", 1);
	sk_buf_free(&parcel);
	if (!rc && f.nomem)
		rc = sk_enomem(e);
	if (rc)
		b->n = start;
	return rc;
}
