/* SPDX-License-Identifier: MIT */
/* event_get.c - an event, taken apart where it runs. */
#include "config.h"

#include <stdio.h>

#include "base/base64.h"
#include "exec/event.h"
#include "exec/flat.h"

static int read_version(struct sk_flat *f, struct snek_error *e)
{
	uint64_t v = sk_flat_get_number(f, "snek", UINT32_MAX, 0);
	char asks[SK_EVENT_TEXT];

	if (!v)
		return sk_fail(e, SNEK_EFORMAT, "this function runs a plugin "
		    "for snek; what it was asked is not from snek");
	if (v == SK_EVENT_VERSION)
		return 0;
	sk_flat_get_text(f, "release", asks, sizeof(asks));
	return sk_fail(e, SNEK_EVERSION, "the function is of snek "
	    PACKAGE_VERSION " and speaks version %u; it was asked in %llu by "
	    "snek %s: add it again with snek-add-function", SK_EVENT_VERSION,
	    (unsigned long long)v, asks);
}

static void read_what(struct sk_flat *f, struct sk_event *v)
{
	static const char *const names[] = { "", "task", "open", "smoke",
		"ping" };
	struct sk_span s = sk_flat_get_bytes(f, "what");
	uint32_t i;

	for (i = SK_EVENT_TASK; i <= SK_EVENT_PING; i++)
		if (s.n == strlen(names[i]) && !memcmp(s.p, names[i], s.n))
			v->what = i;
	if (!v->what && !f->bad)
		f->bad = "what";
}

static void read_id(struct sk_flat *f, struct sk_event_id *id)
{
	sk_flat_get_hex(f, "job", id->job, sizeof(id->job) - 1);
	id->stage = (uint32_t)sk_flat_get_number(f, "stage", 1, 0);
	id->task = (uint32_t)sk_flat_get_number(f, "task", UINT32_MAX, 0);
	id->attempt = (uint32_t)sk_flat_get_number(f, "attempt", UINT32_MAX, 0);
}

static void read_keep(struct sk_flat *f, struct sk_event_keep *k)
{
	k->shard = (uint32_t)sk_flat_get_number(f, "keep", SK_KEEP_NOWHERE - 1,
	    SK_KEEP_NOWHERE);
	k->seconds = (uint32_t)sk_flat_get_number(f, "keep_s", 30u << 20, 3600);
	k->all = sk_flat_get_number(f, "keep_all", 1, 0);
	if (!k->seconds)
		f->bad = "keep_s";
}

static void read_rest(struct sk_flat *f, struct sk_event *v)
{
	sk_flat_get_text(f, "release", v->release, sizeof(v->release));
	sk_flat_get_hex(f, "plugin", v->plugin, sizeof(v->plugin) - 1);
	v->left_ms = (int64_t)sk_flat_get_number(f, "left_ms", INT64_MAX, 0);
	read_keep(f, &v->keep);
	v->init = sk_flat_get_bytes(f, "init");
	v->source = sk_flat_get_bytes(f, "source");
	v->input = sk_flat_get_bytes(f, "input");
	sk_flat_get_text(f, "function", v->function, sizeof(v->function));
	sk_flat_get_text(f, "signature", v->signature, sizeof(v->signature));
	sk_flat_get_text(f, "fields", v->fields, sizeof(v->fields));
}

/* What it must not lack. */
static const char *missing(const struct sk_event *v)
{
	if (v->what == SK_EVENT_PING)
		return NULL;
	if (!v->plugin[0])
		return "plugin";
	if (!v->input.n && v->what != SK_EVENT_OPEN)
		return "input";
	if (v->what == SK_EVENT_SMOKE)
		return NULL;
	return !v->id.job[0] ? "job" : !v->init.n ? "init" :
	    !v->left_ms ? "left_ms" : NULL;
}

int sk_event_get(sk_json_reader *r, struct sk_span text, struct sk_event *v,
    struct snek_error *e)
{
	struct sk_flat f;
	int rc;

	memset(v, 0, sizeof(*v));
	if (text.n > SK_EVENT_MAX)
		return sk_fail(e, SNEK_ELIMIT, "an event of %zu bytes, over %u",
		    text.n, SK_EVENT_MAX);
	rc = sk_flat_read(r, text, &f, e);
	if (rc)
		return sk_fail_in(e, rc, "the event");
	rc = read_version(&f, e);
	if (rc)
		return rc;
	read_what(&f, v);
	if (v->what != SK_EVENT_PING) {
		read_id(&f, &v->id);
		read_rest(&f, v);
	}
	if (!f.bad)
		f.bad = missing(v);
	return f.bad ? sk_fail(e, SNEK_EFORMAT, "the event: \"%s\" is missing "
	    "or is not what it should be", f.bad) : 0;
}

int sk_event_parcel(struct sk_span text, uint32_t kind, struct sk_message *m,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = sk_base64_get(&b, text.p, text.n);

	if (rc)
		sk_fail(e, rc, "a parcel: %s", sk_strerror(rc));
	else
		rc = sk_parcel_get((struct sk_span){ b.p, b.n }, m, e);
	sk_buf_free(&b);
	if (rc == SNEK_EVERSION)
		return sk_fail_in(e, rc, "the function is of snek "
		    PACKAGE_VERSION "; add it again with snek-add-function");
	if (rc || m->kind == kind)
		return rc;
	sk_message_free(m);
	return sk_fail(e, SNEK_EFORMAT, "a parcel of another kind");
}

void sk_event_log_put(struct sk_put *w, const struct sk_event_line *l)
{
	sk_put_u8(w, l->printed);
	sk_put_u32(w, (uint32_t)l->level);
	sk_put_text(w, l->text);
}
