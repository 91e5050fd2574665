/* SPDX-License-Identifier: MIT */
#include "exec/flat.h"

#include <stdlib.h>

#include "base/base64.h"
#include "exec/wire.h"

/* ---- putting ---- */

void sk_flat_raw(struct sk_flat_put *f, const void *p, size_t n)
{
	if (!f->nomem && !sk_buf_put(f->to, p, n))
		f->nomem = true;
}

void sk_flat_open(struct sk_flat_put *f)
{
	sk_flat_raw(f, "{", 1);
}

static void put_name(struct sk_flat_put *f, const char *name)
{
	if (!f->nomem && f->to->p[f->to->n - 1] != '{')
		sk_flat_raw(f, ",", 1);
	sk_flat_raw(f, "\"", 1);
	sk_flat_raw(f, name, strlen(name));
	sk_flat_raw(f, "\":", 2);
}

void sk_flat_number(struct sk_flat_put *f, const char *name, uint64_t v)
{
	put_name(f, name);
	if (!f->nomem && !sk_json_write(f->to, sk_uint(v)))
		f->nomem = true;
}

void sk_flat_signed(struct sk_flat_put *f, const char *name, int64_t v)
{
	put_name(f, name);
	if (!f->nomem && !sk_json_write(f->to, sk_int(v)))
		f->nomem = true;
}

void sk_flat_text(struct sk_flat_put *f, const char *name, const char *text)
{
	char *tame = strdup(text);

	put_name(f, name);
	if (tame)
		sk_wire_tame(tame, true);
	if (!tame || (!f->nomem && !sk_json_write(f->to, sk_cstring(tame))))
		f->nomem = true;
	free(tame);
}

void sk_flat_base64(struct sk_flat_put *f, const char *name, struct sk_span s)
{
	put_name(f, name);
	sk_flat_raw(f, "\"", 1);
	if (!f->nomem && !sk_base64_put(f->to, s.p, s.n))
		f->nomem = true;
	sk_flat_raw(f, "\"", 1);
}

/* ---- getting ---- */

int sk_flat_read(sk_json_reader *r, struct sk_span text, struct sk_flat *f,
    struct snek_error *e)
{
	int rc = sk_json_read(r, text.p, text.n, &f->record, NULL, e);

	f->bad = NULL;
	if (rc)
		return rc;
	return f->record.object ? 0 : sk_fail(e, SNEK_EFORMAT,
	    "a JSON value that is no object");
}

static const struct snek_value *find(const struct sk_flat *f, const char *name)
{
	size_t n = strlen(name);
	uint32_t i;

	for (i = 0; i < f->record.n; i++)
		if (f->record.member[i].name_len == n &&
		    !memcmp(f->record.member[i].name, name, n))
			return &f->record.member[i].value;
	return NULL;
}

static void spoil(struct sk_flat *f, const char *name)
{
	if (!f->bad)
		f->bad = name;
}

bool sk_flat_has(const struct sk_flat *f, const char *name)
{
	return find(f, name) != NULL;
}

uint64_t sk_flat_get_number(struct sk_flat *f, const char *name, uint64_t max,
    uint64_t other)
{
	const struct snek_value *v = find(f, name);

	if (!v)
		return other;
	if ((v->type == SNEK_INT && v->as.i >= 0 && v->as.u <= max) ||
	    (v->type == SNEK_UINT && v->as.u <= max))
		return v->as.u;
	spoil(f, name);
	return other;
}

int64_t sk_flat_get_signed(struct sk_flat *f, const char *name)
{
	const struct snek_value *v = find(f, name);

	if (v && v->type == SNEK_INT)
		return v->as.i;
	if (v)
		spoil(f, name);
	return 0;
}

struct sk_span sk_flat_get_bytes(struct sk_flat *f, const char *name)
{
	const struct snek_value *v = find(f, name);

	if (v && v->type == SNEK_STRING)
		return (struct sk_span){ v->as.s, v->len };
	if (v)
		spoil(f, name);
	return (struct sk_span){ NULL, 0 };
}

void sk_flat_get_text(struct sk_flat *f, const char *name, char *to,
    size_t size)
{
	struct sk_span s = sk_flat_get_bytes(f, name);
	size_t n = s.n < size ? s.n : size - 1, i;

	for (i = 0; i < n; i++)
		to[i] = ((const char *)s.p)[i] ? ((const char *)s.p)[i] : '?';
	to[n] = '\0';
	sk_wire_tame(to, true);
}

void sk_flat_get_hex(struct sk_flat *f, const char *name, char *to, size_t n)
{
	struct sk_span s = sk_flat_get_bytes(f, name);

	to[0] = '\0';
	if (!s.p)
		return;
	if (s.n != n || strspn(s.p, "0123456789abcdef") < n) {
		spoil(f, name);
		return;
	}
	memcpy(to, s.p, n);
	to[n] = '\0';
}
