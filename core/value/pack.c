/* SPDX-License-Identifier: MIT */
#include "value/pack.h"

#include <msgpack.h>

#include "value/value.h"

/* ---- writing ---- */

static int append(void *buf, const char *p, size_t n)
{
	return sk_buf_put(buf, p, n) ? 0 : -1;
}

static bool put_scalar(msgpack_packer *k, struct snek_value v)
{
	switch (v.type) {
	case SNEK_BOOL:
		return !(v.as.b ? msgpack_pack_true(k) : msgpack_pack_false(k));
	case SNEK_INT:
		return !msgpack_pack_int64(k, v.as.i);
	case SNEK_UINT:
		return !msgpack_pack_uint64(k, v.as.u);
	case SNEK_DOUBLE:
		return !msgpack_pack_double(k, v.as.d);
	default:
		return !msgpack_pack_nil(k);
	}
}

/* Forms of one byte are written here: they are most of what is written. */
bool sk_pack_value(struct sk_buf *b, struct snek_value v)
{
	msgpack_packer k;

	if (v.type == SNEK_INT && v.as.u < 0x80)
		return sk_buf_byte(b, (uint8_t)v.as.u);
	if (v.type == SNEK_STRING)
		return sk_pack_string(b, v.as.s, v.len);
	if (v.type == SNEK_ARRAY || v.type == SNEK_OBJECT)
		return sk_buf_put(b, v.as.p, v.len);
	msgpack_packer_init(&k, b, append);
	return put_scalar(&k, v);
}

bool sk_pack_map(struct sk_buf *b, uint32_t n)
{
	msgpack_packer k;

	if (n < 0x10)
		return sk_buf_byte(b, (uint8_t)(0x80 | n));
	msgpack_packer_init(&k, b, append);
	return !msgpack_pack_map(&k, n);
}

bool sk_pack_array(struct sk_buf *b, uint32_t n)
{
	msgpack_packer k;

	msgpack_packer_init(&k, b, append);
	return !msgpack_pack_array(&k, n);
}

bool sk_pack_string_head(struct sk_buf *b, uint32_t n)
{
	msgpack_packer k;

	if (n < 0x20)
		return sk_buf_byte(b, (uint8_t)(0xa0 | n));
	msgpack_packer_init(&k, b, append);
	return !msgpack_pack_str(&k, n);
}

bool sk_pack_string(struct sk_buf *b, const char *s, size_t n)
{
	return n <= UINT32_MAX && sk_pack_string_head(b, (uint32_t)n) &&
	    sk_buf_put(b, s, n);
}

bool sk_pack_open(struct sk_buf *b, size_t *at)
{
	*at = b->n;
	return sk_buf_byte(b, 0);
}

/* One byte was left for the header; move what follows when it needs more. */
bool sk_pack_close(struct sk_buf *b, size_t at, bool object, uint32_t n)
{
	size_t body = b->n - at - 1, end = b->n, head;

	if (!(object ? sk_pack_map(b, n) : sk_pack_array(b, n)))
		return false;
	head = b->n - end;
	if (head > 1) {
		char copy[8];

		memcpy(copy, b->p + end, head);
		memmove(b->p + at + head, b->p + at + 1, body);
		memcpy(b->p + at, copy, head);
	} else {
		b->p[at] = b->p[end];
	}
	b->n = at + head + body;
	return true;
}

/* ---- reading ---- */

/* What a first byte means: how many bytes follow in the header, and how. */
enum form { BAD, NIL, NO, YES, FIXINT, UNSIGNED, SIGNED, REAL, STR, ARR, MAP };

static const struct { uint8_t form, width; } late[32] = {
	[0x00] = { NIL, 0 },      [0x02] = { NO, 0 },       [0x03] = { YES, 0 },
	[0x0b] = { REAL, 8 },
	[0x0c] = { UNSIGNED, 1 }, [0x0d] = { UNSIGNED, 2 },
	[0x0e] = { UNSIGNED, 4 }, [0x0f] = { UNSIGNED, 8 },
	[0x10] = { SIGNED, 1 },   [0x11] = { SIGNED, 2 },
	[0x12] = { SIGNED, 4 },   [0x13] = { SIGNED, 8 },
	[0x19] = { STR, 1 },      [0x1a] = { STR, 2 },      [0x1b] = { STR, 4 },
	[0x1c] = { ARR, 2 },      [0x1d] = { ARR, 4 },
	[0x1e] = { MAP, 2 },      [0x1f] = { MAP, 4 },
};

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static int64_t extend(uint64_t v, unsigned bytes)
{
	unsigned up = 64 - 8 * bytes;

	return (int64_t)(v << up) >> up;
}

/* A container's count, which its remaining bytes must be able to hold. */
static int put_count(uint32_t type, uint64_t n, size_t left,
    struct snek_value *out)
{
	if (n > left / (type == SNEK_OBJECT ? 2 : 1))
		return SNEK_EFORMAT;
	*out = (struct snek_value){ .type = type, .len = (uint32_t)n };
	return 0;
}

static int put_head(enum form form, unsigned width, uint64_t v, size_t left,
    struct snek_value *out)
{
	switch (form) {
	case NIL:      *out = sk_null(); return 0;
	case NO:       *out = sk_bool(false); return 0;
	case YES:      *out = sk_bool(true); return 0;
	case FIXINT:   *out = sk_int((int64_t)v); return 0;
	case UNSIGNED: *out = sk_uint(v); return 0;
	case SIGNED:   *out = sk_int(extend(v, width)); return 0;
	case REAL:
		*out = sk_double(0);
		memcpy(&out->as.d, &v, 8);
		return 0;
	case STR:
		*out = sk_string(NULL, v);
		return v > left ? SNEK_EFORMAT : 0;
	case ARR:      return put_count(SNEK_ARRAY, v, left, out);
	case MAP:      return put_count(SNEK_OBJECT, v, left, out);
	default:       return SNEK_EFORMAT;
	}
}

static enum form first_byte(uint8_t c, unsigned *width, uint64_t *v)
{
	*width = 0;
	*v = c;
	if (c < 0x80)
		return FIXINT;
	if (c >= 0xe0) {
		*v = (uint64_t)(int8_t)c;
		return FIXINT;
	}
	if (c < 0xc0) {
		*v = c & (c < 0xa0 ? 15 : 31);
		return c < 0x90 ? MAP : c < 0xa0 ? ARR : STR;
	}
	*width = late[c & 31].width;
	return late[c & 31].form;
}

static int unpack_long(const void *p, size_t n, struct snek_value *out,
    size_t *used)
{
	const uint8_t *s = p;
	unsigned width;
	enum form form;
	uint64_t v;
	int rc;

	if (!n)
		return SNEK_EFORMAT;
	form = first_byte(*s, &width, &v);
	if (width > n - 1)
		return SNEK_EFORMAT;
	if (width)
		v = big_endian(s + 1, width);
	rc = put_head(form, width, v, n - 1 - width, out);
	if (rc < 0)
		return rc;
	*used = 1 + width;
	if (form == STR) {
		out->as.s = (const char *)s + *used;
		*used += out->len;
	}
	return 0;
}

/* Short integers, strings and maps, which are most of what is read. */
static inline int unpack_head(const void *p, size_t n, struct snek_value *out,
    size_t *used)
{
	const uint8_t *s = p;
	uint32_t len;

	if (n && *s < 0x80) {
		*out = (struct snek_value){ .type = SNEK_INT, .as.i = *s };
		*used = 1;
		return 0;
	}
	len = n ? *s & 31 : 32;
	if (len < n && *s >> 5 == 5) {
		*out = (struct snek_value){ .type = SNEK_STRING, .len = len,
			.as.s = (const char *)s + 1 };
		*used = 1 + len;
		return 0;
	}
	if (2 * len < n && *s >> 4 == 8) {
		*out = (struct snek_value){ .type = SNEK_OBJECT, .len = len };
		*used = 1;
		return 0;
	}
	return unpack_long(p, n, out, used);
}

int sk_unpack_head(const void *p, size_t n, struct snek_value *out,
    size_t *used)
{
	return unpack_head(p, n, out, used);
}

/* What is left to come of the containers that are open; maps count twice. */
struct open {
	uint64_t left[SK_MAX_DEPTH];
	bool map[SK_MAX_DEPTH];
	int depth;
};

static int enter(struct open *o, struct snek_value v)
{
	if (o->depth == SK_MAX_DEPTH)
		return SNEK_ELIMIT;
	o->map[o->depth] = v.type == SNEK_OBJECT;
	o->left[o->depth++] = (uint64_t)v.len << (v.type == SNEK_OBJECT);
	return 0;
}

/* Is a member's name due next?  Closes what is complete. */
static bool name_is_due(struct open *o)
{
	while (o->depth && !o->left[o->depth - 1])
		o->depth--;
	if (!o->depth)
		return false;
	return o->left[o->depth - 1]-- % 2 == 0 && o->map[o->depth - 1];
}

/* The length of a container whose header was read: all that is in it. */
static int skip(const uint8_t *p, size_t n, struct snek_value v, size_t at,
    size_t *used)
{
	struct open o;
	size_t one;
	bool name;
	int rc;

	o.depth = 0;
	rc = enter(&o, v);
	while (rc >= 0) {
		name = name_is_due(&o);
		if (!o.depth) {
			*used = at;
			return 0;
		}
		rc = sk_unpack_head(p + at, n - at, &v, &one);
		if (rc < 0)
			break;
		at += one;
		if (name && v.type != SNEK_STRING)
			return SNEK_EFORMAT;
		if (v.type == SNEK_ARRAY || v.type == SNEK_OBJECT)
			rc = enter(&o, v);
	}
	return rc;
}

/* The same where only scalars are in it; 0: there is more, or it is damaged. */
static size_t skip_flat(const uint8_t *p, size_t n, struct snek_value v,
    size_t at)
{
	bool object = v.type == SNEK_OBJECT;
	uint64_t left = (uint64_t)v.len << object;
	size_t one;

	for (; left; left--, at += one)
		if (unpack_head(p + at, n - at, &v, &one) < 0 ||
		    v.type >= SNEK_ARRAY ||
		    (object && left % 2 == 0 && v.type != SNEK_STRING))
			return 0;
	return at;
}

static bool is_nested(uint8_t c)
{
	return (c >= 0x80 && c < 0xa0) || (c >= 0xdc && c < 0xe0);
}

int sk_unpack(const void *p, size_t n, struct snek_value *out, size_t *used)
{
	struct snek_value v;
	size_t len, flat;
	int rc;

	if (!n || !is_nested(*(const uint8_t *)p))
		return unpack_head(p, n, out, used);
	rc = unpack_head(p, n, &v, &len);
	if (rc < 0)
		return rc;
	flat = skip_flat(p, n, v, len);
	rc = flat ? 0 : skip(p, n, v, len, &len);
	if (rc < 0)
		return rc;
	len = flat ? flat : len;
	if (len > UINT32_MAX)
		return SNEK_ELIMIT;
	out->type = v.type;
	out->len = (uint32_t)len;
	out->as.p = p;
	*used = len;
	return 0;
}

/* ---- elements ---- */

int sk_iterate(struct snek_value v, struct snek_cursor *c)
{
	struct snek_value head;
	size_t used;
	int rc;

	if (v.type != SNEK_ARRAY && v.type != SNEK_OBJECT)
		return SNEK_ETYPE;
	rc = sk_unpack_head(v.as.p, v.len, &head, &used);
	if (rc < 0)
		return rc;
	if (head.type != v.type)
		return SNEK_EFORMAT;
	c->next = (const char *)v.as.p + used;
	c->bytes = v.len - (uint32_t)used;
	c->left = head.len;
	c->is_object = v.type == SNEK_OBJECT;
	c->reserved = 0;
	return 0;
}

static int take(struct snek_cursor *c, struct snek_value *out)
{
	size_t used;
	int rc = sk_unpack(c->next, c->bytes, out, &used);

	if (rc < 0)
		return rc;
	c->next = (const char *)c->next + used;
	c->bytes -= (uint32_t)used;
	return 0;
}

int sk_next(struct snek_cursor *c, struct snek_value *name,
    struct snek_value *out)
{
	struct snek_value key = sk_none();
	int rc = 0;

	if (!c->left)
		return 0;
	if (c->is_object) {
		rc = take(c, &key);
		if (rc == 0 && key.type != SNEK_STRING)
			rc = SNEK_EFORMAT;
	}
	if (rc == 0)
		rc = take(c, out);
	if (rc < 0)
		return rc;
	*name = key;
	c->left--;
	return 1;
}
