/* SPDX-License-Identifier: MIT */
#include "store/meta_record.h"

#define RECORD_FORMAT 1
#define ENTRY_INLINED 1u

/* ---- bytes ---- */

struct reader {                 /* bad once it ran past the end */
	const uint8_t *p;
	size_t n;
	bool bad;
};

static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

static void take_bytes(struct reader *r, void *out, size_t n)
{
	const uint8_t *p = take(r, n);

	if (p && n)
		memcpy(out, p, n);
}

static uint64_t take_number(struct reader *r, size_t n)
{
	const uint8_t *p = take(r, n);
	uint64_t v = 0;

	while (p && n--)
		v = v << 8 | p[n];
	return v;
}

#define take8(r) ((uint8_t)take_number(r, 1))
#define take32(r) ((uint32_t)take_number(r, 4))
#define take64(r) take_number(r, 8)

/* A string of at most cap - 1 bytes, its length in a byte before it. */
static void take_text(struct reader *r, char *out, size_t cap)
{
	size_t n = take8(r);

	if (n >= cap)
		r->bad = true;
	take_bytes(r, out, n);
	out[r->bad ? 0 : n] = 0;
}

static bool put_number(struct sk_buf *b, uint64_t v, size_t n)
{
	uint8_t s[8];
	size_t i;

	for (i = 0; i < n; i++)
		s[i] = (uint8_t)(v >> (8 * i));
	return sk_buf_put(b, s, n);
}

#define put32(b, v) put_number(b, v, 4)
#define put64(b, v) put_number(b, v, 8)

static bool put_text(struct sk_buf *b, const char *s)
{
	size_t n = strlen(s);

	return n < 256 && sk_buf_byte(b, (uint8_t)n) && sk_buf_put(b, s, n);
}

static struct reader record(struct sk_span v)
{
	struct reader r = { v.p, v.n, false };

	if (take8(&r) != RECORD_FORMAT)
		r.bad = true;
	return r;
}

static bool is_whole(const struct reader *r)
{
	return !r->bad && !r->n;
}

/* ---- keys ---- */

static void big_endian(uint8_t *out, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

struct sk_span sk_record_key(uint8_t out[16], uint64_t category)
{
	big_endian(out, category);
	return (struct sk_span){ out, 8 };
}

struct sk_span sk_record_key2(uint8_t out[16], uint64_t category, uint64_t first)
{
	big_endian(out, category);
	big_endian(out + 8, first);
	return (struct sk_span){ out, 16 };
}

struct sk_span sk_record_text(const char *s)
{
	return (struct sk_span){ s, strlen(s) };
}

struct sk_span sk_record_write(const struct sk_write_id *id)
{
	return (struct sk_span){ id->b, sizeof(id->b) };
}

/* ---- cluster, category, state ---- */

bool sk_record_pack_cluster(struct sk_buf *b, const struct sk_record_cluster *c)
{
	return sk_buf_byte(b, RECORD_FORMAT) && sk_buf_put(b, c->c.uuid, 16) &&
	    put32(b, c->c.format) && put32(b, c->c.shards) &&
	    put32(b, c->c.level) && put64(b, c->c.draw) &&
	    put64(b, c->next_category);
}

bool sk_record_unpack_cluster(struct sk_span v, struct sk_record_cluster *c)
{
	struct reader r = record(v);

	take_bytes(&r, c->c.uuid, 16);
	c->c.format = take32(&r);
	c->c.shards = take32(&r);
	c->c.level = take32(&r);
	c->c.draw = take64(&r);
	c->next_category = take64(&r);
	return is_whole(&r) && c->c.shards && c->c.shards <= SK_MAX_SHARDS &&
	    c->c.level && c->c.level <= c->c.shards;
}

bool sk_record_pack_category(struct sk_buf *b, const struct sk_meta_category *c)
{
	uint32_t i;

	if (!sk_buf_byte(b, RECORD_FORMAT) || !put_text(b, c->name) ||
	    !put32(b, c->shards))
		return false;
	for (i = 0; i < c->shards; i++)
		if (!put32(b, c->shard[i]))
			return false;
	return true;
}

bool sk_record_unpack_category(struct sk_span v, struct sk_meta_category *c)
{
	struct reader r = record(v);
	uint32_t i;

	take_text(&r, c->name, sizeof(c->name));
	c->shards = take32(&r);
	if (r.bad || !c->shards || c->shards > SK_MAX_SHARDS ||
	    r.n != 4 * c->shards)
		return false;
	for (i = 0; i < c->shards; i++)
		c->shard[i] = take32(&r);
	return is_whole(&r);
}

bool sk_record_pack_state(struct sk_buf *b, const struct sk_record_state *s)
{
	return sk_buf_byte(b, RECORD_FORMAT) && put64(b, s->version) &&
	    put64(b, s->epoch) && put64(b, s->writes) &&
	    put64(b, s->records) && put64(b, s->bytes);
}

bool sk_record_unpack_state(struct sk_span v, struct sk_record_state *s)
{
	struct reader r = record(v);

	s->version = take64(&r);
	s->epoch = take64(&r);
	s->writes = take64(&r);
	s->records = take64(&r);
	s->bytes = take64(&r);
	return is_whole(&r);
}

/* ---- manifest entries ---- */

static bool put_part(struct sk_buf *b, const struct sk_meta_part *p)
{
	return put32(b, p->shard) && put32(b, p->chunks) &&
	    put64(b, p->records) && put64(b, p->bytes);
}

bool sk_record_pack_entry(struct sk_buf *b, const struct sk_meta_entry *m)
{
	uint32_t i;

	if (!sk_buf_byte(b, RECORD_FORMAT) ||
	    !sk_buf_byte(b, m->inlined.n ? ENTRY_INLINED : 0) ||
	    !put64(b, m->last) || !sk_buf_put(b, m->write.b, 16) ||
	    !put64(b, m->digest[0]) || !put64(b, m->digest[1]) ||
	    !put64(b, m->records) || !put64(b, m->bytes) ||
	    !put32(b, m->parts))
		return false;
	for (i = 0; i < m->parts; i++)
		if (!put_part(b, &m->part[i]))
			return false;
	return sk_buf_put(b, m->inlined.p, m->inlined.n);
}

static bool take_parts(struct reader *r, struct sk_buf *scratch,
    struct sk_meta_entry *m)
{
	struct sk_meta_part p;
	uint32_t i;

	if (r->bad || m->parts > SK_MAX_SHARDS)
		return false;
	scratch->n = 0;
	for (i = 0; i < m->parts; i++) {
		p.shard = take32(r);
		p.chunks = take32(r);
		p.records = take64(r);
		p.bytes = take64(r);
		if (r->bad || !sk_buf_put(scratch, &p, sizeof(p)))
			return false;
	}
	m->part = (const void *)scratch->p;
	return true;
}

static uint64_t big_number(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

bool sk_record_unpack_entry(struct sk_span key, struct sk_span v,
    struct sk_buf *scratch, struct sk_meta_entry *m)
{
	struct reader r = record(v);
	uint8_t flags = take8(&r);

	if (key.n != 16)
		return false;
	m->first = big_number((const uint8_t *)key.p + 8);
	m->last = take64(&r);
	take_bytes(&r, m->write.b, 16);
	m->digest[0] = take64(&r);
	m->digest[1] = take64(&r);
	m->records = take64(&r);
	m->bytes = take64(&r);
	m->parts = take32(&r);
	if (!take_parts(&r, scratch, m) || m->last < m->first)
		return false;
	m->inlined = (struct sk_span){ r.n ? r.p : NULL, r.n };
	return flags <= ENTRY_INLINED && !r.n == !flags &&
	    (!flags || m->parts == 1);
}

/* ---- the small ones ---- */

bool sk_record_pack_numbers(struct sk_buf *b, uint64_t x, uint64_t y)
{
	return sk_buf_byte(b, RECORD_FORMAT) && put64(b, x) && put64(b, y);
}

bool sk_record_unpack_numbers(struct sk_span v, uint64_t *x, uint64_t *y)
{
	struct reader r = record(v);

	*x = take64(&r);
	*y = take64(&r);
	return is_whole(&r);
}

bool sk_record_pack_request(struct sk_buf *b, const struct sk_record_request *q)
{
	const struct sk_meta_receipt *x = &q->receipt;

	return sk_buf_byte(b, RECORD_FORMAT) && put64(b, (uint64_t)q->time) &&
	    put64(b, x->version) && put64(b, x->records) &&
	    put64(b, x->bytes) && put64(b, x->digest[0]) &&
	    put64(b, x->digest[1]) && sk_buf_put(b, x->write.b, 16);
}

bool sk_record_unpack_request(struct sk_span v, struct sk_record_request *q)
{
	struct sk_meta_receipt *x = &q->receipt;
	struct reader r = record(v);

	q->time = (int64_t)take64(&r);
	x->version = take64(&r);
	x->records = take64(&r);
	x->bytes = take64(&r);
	x->digest[0] = take64(&r);
	x->digest[1] = take64(&r);
	take_bytes(&r, x->write.b, 16);
	x->repeated = true;
	return is_whole(&r);
}

/* ---- functions ---- */

/* As take_text, with a u16 for the length. */
static void take_long_text(struct reader *r, char *out, size_t cap)
{
	size_t n = (size_t)take_number(r, 2);

	if (n >= cap)
		r->bad = true;
	else
		take_bytes(r, out, n);
	out[r->bad ? 0 : n] = 0;
}

static bool put_long_text(struct sk_buf *b, const char *s)
{
	size_t n = strlen(s);

	return n <= UINT16_MAX && put_number(b, n, 2) && sk_buf_put(b, s, n);
}

static bool pack_lambda(struct sk_buf *b, const struct sk_meta_lambda *l)
{
	if (!*l->arn)
		return sk_buf_byte(b, 0);
	return sk_buf_byte(b, 1) && put_long_text(b, l->arn) &&
	    put_long_text(b, l->name) && put_long_text(b, l->version) &&
	    put_long_text(b, l->region) && put_long_text(b, l->arch) &&
	    put_long_text(b, l->code_sha256) &&
	    put_long_text(b, l->plugin_sha256) &&
	    put_long_text(b, l->endpoint) && put32(b, l->memory_mb) &&
	    put32(b, l->timeout_s);
}

static void take_lambda(struct reader *r, struct sk_meta_lambda *l)
{
	uint8_t has = take8(r);

	if (has > 1)
		r->bad = true;
	if (r->bad || !has)
		return;
	take_long_text(r, l->arn, sizeof(l->arn));
	take_long_text(r, l->name, sizeof(l->name));
	take_long_text(r, l->version, sizeof(l->version));
	take_long_text(r, l->region, sizeof(l->region));
	take_long_text(r, l->arch, sizeof(l->arch));
	take_long_text(r, l->code_sha256, sizeof(l->code_sha256));
	take_long_text(r, l->plugin_sha256, sizeof(l->plugin_sha256));
	take_long_text(r, l->endpoint, sizeof(l->endpoint));
	l->memory_mb = take32(r);
	l->timeout_s = take32(r);
	if (!*l->arn)
		r->bad = true;
}

static void take_about(struct reader *r, struct sk_meta_function *f)
{
	size_t n = (size_t)take_number(r, 2);

	if (!n || n > sizeof(f->about))
		r->bad = true;
	else
		take_bytes(r, f->about, n);
	f->about_n = r->bad ? 0 : (uint32_t)n;
}

static bool pack_rest(struct sk_buf *b, const struct sk_meta_function *f)
{
	bool ok = sk_buf_byte(b, (uint8_t)f->kind);

	if (ok && f->kind == SK_FUNCTION_URL)
		ok = put_long_text(b, f->url);
	if (ok && f->kind == SK_FUNCTION_CALL)
		ok = put_long_text(b, f->lib) &&
		    put_long_text(b, f->signature) &&
		    put_long_text(b, f->fields);
	return ok && pack_lambda(b, &f->lambda);
}

static void take_rest(struct reader *r, struct sk_meta_function *f)
{
	f->kind = take8(r);
	if (f->kind == SK_FUNCTION_URL)
		take_long_text(r, f->url, sizeof(f->url));
	if (f->kind == SK_FUNCTION_CALL) {
		take_long_text(r, f->lib, sizeof(f->lib));
		take_long_text(r, f->signature, sizeof(f->signature));
		take_long_text(r, f->fields, sizeof(f->fields));
	}
	if (f->kind > SK_FUNCTION_CALL)
		r->bad = true;
	take_lambda(r, &f->lambda);
}

/* What any release reads stays as it was. */
static uint8_t function_format(const struct sk_meta_function *f)
{
	if (f->about_n)
		return 3;
	return f->kind == SK_FUNCTION_OP && !*f->lambda.arn ? 1 : 2;
}

bool sk_record_pack_function(struct sk_buf *b, const struct sk_meta_function *f)
{
	uint8_t format = function_format(f);

	return sk_buf_byte(b, format) && put64(b, f->generation) &&
	    put_text(b, f->plugin) && put_text(b, f->op) &&
	    put_text(b, f->sha256) && put_text(b, f->version) &&
	    (format == 1 || pack_rest(b, f)) && (format < 3 ||
	    (put_number(b, f->about_n, 2) &&
	    sk_buf_put(b, f->about, f->about_n)));
}

bool sk_record_unpack_function(struct sk_span name, struct sk_span v,
    struct sk_meta_function *f)
{
	struct reader r = { v.p, v.n, false };
	uint8_t format = take8(&r);

	memset(f, 0, sizeof(*f));
	if (name.n >= sizeof(f->name) || !format || format > SK_FUNCTION_FORMAT)
		return false;
	memcpy(f->name, name.p, name.n);
	f->generation = take64(&r);
	take_text(&r, f->plugin, sizeof(f->plugin));
	take_text(&r, f->op, sizeof(f->op));
	take_text(&r, f->sha256, sizeof(f->sha256));
	take_text(&r, f->version, sizeof(f->version));
	if (format > 1)
		take_rest(&r, f);
	if (format > 2)
		take_about(&r, f);
	return is_whole(&r);
}

/* All formats begin alike, as far as the plugin and three more texts. */
static bool is_newer(struct sk_span v)
{
	const uint8_t *p = v.p;

	return v.n > 9 && v.n >= (size_t)13 + p[9] && *p > SK_FUNCTION_FORMAT;
}

int sk_record_read_function(const char *store, struct sk_span name,
    struct sk_span v, struct sk_meta_function *f, struct snek_error *e)
{
	if (is_newer(v))
		return sk_fail(e, SNEK_EVERSION, "%s: function %.*s was added "
		    "by a newer snek (format %d; this one reads up to %d)",
		    store, (int)name.n, (const char *)name.p,
		    *(const uint8_t *)v.p, SK_FUNCTION_FORMAT);
	return sk_record_unpack_function(name, v, f) ? 0 : SNEK_ECORRUPT;
}

int sk_record_check_functions(const struct sk_meta_function *f, uint32_t n,
    const char *plugin, struct snek_error *e)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!*f[i].name || strcmp(f[i].plugin, plugin))
			return sk_fail(e, SNEK_EINTERNAL, "function \"%s\" of "
			    "plugin \"%s\", put with those of \"%s\"",
			    f[i].name, f[i].plugin, plugin);
	return 0;
}

bool sk_record_same_function(const struct sk_meta_function *a,
    const struct sk_meta_function *b)
{
	const struct sk_meta_lambda *x = &a->lambda, *y = &b->lambda;

	return !strcmp(a->sha256, b->sha256) && !strcmp(a->op, b->op) &&
	    !strcmp(a->plugin, b->plugin) && !strcmp(a->version, b->version) &&
	    a->kind == b->kind && !strcmp(a->url, b->url) &&
	    !strcmp(a->lib, b->lib) && !strcmp(a->signature, b->signature) &&
	    !strcmp(a->fields, b->fields) && !strcmp(x->arn, y->arn) &&
	    !strcmp(x->name, y->name) && !strcmp(x->version, y->version) &&
	    !strcmp(x->region, y->region) && !strcmp(x->arch, y->arch) &&
	    !strcmp(x->code_sha256, y->code_sha256) &&
	    !strcmp(x->plugin_sha256, y->plugin_sha256) &&
	    !strcmp(x->endpoint, y->endpoint) && x->memory_mb == y->memory_mb &&
	    x->timeout_s == y->timeout_s && a->about_n == b->about_n &&
	    !memcmp(a->about, b->about, a->about_n);
}
