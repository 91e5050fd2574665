/* SPDX-License-Identifier: MIT */
#include "api/object.h"
#include "value/utf8.h"

static void put(struct sk_object *j, const char *s, size_t n)
{
	if (!j->nomem && !sk_buf_put(j->b, s, n))
		j->nomem = true;
}

static void value(struct sk_object *j, struct snek_value v)
{
	if (!j->nomem && !sk_json_write(j->b, v))
		j->nomem = true;
}

/* Bytes of a name that stands in JSON as it is; nearly all do. */
static size_t plain(const char *s)
{
	size_t n = 0;

	while (s[n] > ' ' && s[n] <= '~' && s[n] != '"' && s[n] != '\\')
		n++;
	return s[n] ? 0 : n;
}

/* ,"NAME": */
static void put_plain(struct sk_object *j, const char *s, size_t n)
{
	char *p;

	if (j->nomem || !sk_buf_reserve(j->b, n + 4)) {
		j->nomem = true;
		return;
	}
	p = j->b->p + j->b->n;
	if (j->comma)
		*p++ = ',';
	*p++ = '"';
	memcpy(p, s, n);
	memcpy(p + n, "\":", 2);
	j->b->n = (size_t)(p + n + 2 - j->b->p);
}

static void name(struct sk_object *j, const char *s)
{
	size_t n = s ? plain(s) : 0;

	if (n) {
		put_plain(j, s, n);
		j->comma = true;
		return;
	}
	if (j->comma)
		put(j, ",", 1);
	j->comma = true;
	if (!s)
		return;
	value(j, sk_cstring(s));
	put(j, ":", 1);
}

void sk_object_any(struct sk_object *j, const char *s, struct snek_value v)
{
	name(j, s);
	value(j, v);
}

/* What a file or plugin said need not be UTF-8: '?' for what is not. */
static void put_tame(struct sk_object *j, const char *s, size_t n)
{
	struct sk_buf b = { 0 };
	size_t i;

	if (!sk_buf_put(&b, s, n)) {
		j->nomem = true;
		return;
	}
	for (i = 0; i < n; i++)
		if ((unsigned char)b.p[i] >= 0x80)
			b.p[i] = '?';
	value(j, sk_string(b.p, n));
	sk_buf_free(&b);
}

void sk_object_text(struct sk_object *j, const char *s, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	name(j, s);
	if (text && sk_utf8_check(text, n) != n)
		put_tame(j, text, n);
	else
		value(j, text ? sk_string(text, n) : sk_null());
}

void sk_object_number(struct sk_object *j, const char *s, uint64_t n)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	name(j, s);
	put(j, p, (size_t)(digits + sizeof(digits) - p));
}

void sk_object_real(struct sk_object *j, const char *s, double d)
{
	sk_object_any(j, s, sk_double(d));
}

void sk_object_flag(struct sk_object *j, const char *s, bool b)
{
	sk_object_any(j, s, sk_bool(b));
}

void sk_object_raw(struct sk_object *j, const char *s, struct sk_span json)
{
	if (!json.n)
		return;
	name(j, s);
	put(j, json.p, json.n);
}

void sk_object_open(struct sk_object *j, const char *s, char bracket)
{
	name(j, s);
	put(j, &bracket, 1);
	j->comma = false;
}

void sk_object_close(struct sk_object *j, char bracket)
{
	put(j, &bracket, 1);
	j->comma = true;
}

void sk_object_begin(struct sk_object *j, struct sk_buf *b, const char *kind)
{
	*j = (struct sk_object){ b, false, false };
	put(j, "{", 1);
	sk_object_number(j, "snek", 1);
	sk_object_text(j, "kind", kind);
}

void sk_object_end(struct sk_object *j)
{
	put(j, "}\n", 2);
}

struct snek_value sk_object_member(const struct sk_record *r, const char *s)
{
	size_t n = strlen(s);
	uint32_t i;

	for (i = 0; r->object && i < r->n; i++)
		if (r->member[i].name_len == n && !memcmp(r->member[i].name, s, n))
			return r->member[i].value;
	return sk_none();
}
