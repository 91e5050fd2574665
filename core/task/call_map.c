/* SPDX-License-Identifier: MIT */
/* call_map.c - the callbacks of an op behind which a C function stands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "task/call.h"
#include "task/host.h"
#include "value/json_read.h"

struct call {
	const struct sk_callee *f;
	snek_path path[SK_SIGNATURE_MAX], whole;
	struct sk_buf text[SK_SIGNATURE_MAX];   /* strings, with their NUL */
};

/* ---- open and close ---- */

static int open_call(snek_ctx *c, void **self)
{
	const struct sk_callee *f = ((sk_instance *)c)->o.op->callee;
	struct call *k = calloc(1, sizeof(*k));
	int rc = 0;

	if (!k)
		return SNEK_ENOMEM;
	k->f = f;
	for (uint32_t i = 0; rc >= 0 && i < f->sig.n; i++)
		rc = snek_field(c, f->field[i], &k->path[i]);
	if (rc >= 0 && f->sig.result == 'b')
		rc = snek_field(c, "", &k->whole);
	if (rc < 0)
		free(k);
	else
		*self = k;
	return rc;
}

static void close_call(void *self)
{
	struct call *k = self;

	for (uint32_t i = 0; i < k->f->sig.n; i++)
		sk_buf_free(&k->text[i]);
	free(k);
}

/* ---- a field into an argument ---- */

static const char *needed(char letter)
{
	switch (letter) {
	case 'b': return "true or false";
	case 'i': return "a whole number in [-2^31, 2^31)";
	case 'I': return "a whole number in [0, 2^32)";
	case 'l': return "a whole number in [-2^63, 2^63)";
	case 'L': return "a whole number in [0, 2^64)";
	case 'f': return "a number within the range of float";
	case 'd': return "a number";
	default:  return "a string without NUL";
	}
}

/* The field as JSON, cut to what a message can hold. */
static int refuse(snek_ctx *c, const struct call *k, uint32_t i,
    struct snek_value v, int code)
{
	const char *path = k->f->field[i];
	struct sk_buf text = {0};
	size_t n;
	int rc;

	if (!sk_json_write(&text, v)) {
		sk_buf_free(&text);
		return SNEK_ENOMEM;
	}
	n = text.n > 80 ? sk_utf8_check(text.p, 80) : text.n;
	rc = snek_fail(c, code, "%s%.80s%s is %.*s%s; argument %u needs %s",
	    *path ? "field '" : "the record", path, *path ? "'" : "", (int)n,
	    text.p, n < text.n ? "..." : "", i + 1, needed(k->f->sig.arg[i]));
	sk_buf_free(&text);
	return rc;
}

static bool to_whole(struct snek_value v, __int128 *out)
{
	switch (v.type) {
	case SNEK_INT:
		*out = v.as.i;
		return true;
	case SNEK_UINT:
		*out = v.as.u;
		return true;
	case SNEK_DOUBLE:
		if (!(v.as.d >= -0x1p63 && v.as.d < 0x1p64) ||
		    v.as.d != (double)(__int128)v.as.d)
			return false;
		*out = (__int128)v.as.d;
		return true;
	default:
		return false;
	}
}

static bool put_whole(char letter, struct snek_value v, union sk_ffi_value *out)
{
	__int128 x;

	if (!to_whole(v, &x))
		return false;
	switch (letter) {
	case 'i': out->i = (int32_t)x;  return x == out->i;
	case 'I': out->I = (uint32_t)x; return x == out->I;
	case 'l': out->l = (int64_t)x;  return x == out->l;
	default:  out->L = (uint64_t)x; return x == out->L;
	}
}

static bool put_float(struct snek_value v, union sk_ffi_value *out)
{
	double d;

	if (!snek_to_double(v, &d))
		return false;
	out->f = (float)d;
	return isfinite(out->f);
}

static int put_string(snek_ctx *c, struct call *k, uint32_t i,
    struct snek_value v, union sk_ffi_value *out)
{
	struct sk_buf *b = &k->text[i];

	if (v.type != SNEK_STRING || memchr(v.as.s, '\0', v.len))
		return refuse(c, k, i, v, SNEK_ETYPE);
	b->n = 0;
	if (!sk_buf_put(b, v.as.s, v.len) || !sk_buf_byte(b, '\0'))
		return SNEK_ENOMEM;
	out->s = b->p;
	return 0;
}

static int put_missing(const struct call *k, uint32_t i,
    union sk_ffi_value *out)
{
	if (!k->f->sig.optional[i])
		return SNEK_SKIP;
	if (k->f->sig.arg[i] == 's')
		out->s = NULL;
	else
		out->d = __builtin_nan("");
	return 0;
}

static int put(snek_ctx *c, struct call *k, uint32_t i, struct snek_value v,
    union sk_ffi_value *out)
{
	char letter = k->f->sig.arg[i];
	bool fits;

	if (v.type == SNEK_NONE || v.type == SNEK_NULL)
		return put_missing(k, i, out);
	switch (letter) {
	case 's':
		return put_string(c, k, i, v, out);
	case 'b':
		fits = v.type == SNEK_BOOL;
		out->b = fits && v.as.b;
		break;
	case 'd':
		fits = snek_to_double(v, &out->d);
		break;
	case 'f':
		fits = put_float(v, out);
		break;
	default:
		fits = put_whole(letter, v, out);
	}
	return fits ? 0 : refuse(c, k, i, v, SNEK_ETYPE);
}

static inline bool take_int(char letter, int64_t n, union sk_ffi_value *out)
{
	if (letter == 'l') {
		out->l = n;
		return true;
	}
	switch (letter) {
	case 'd': out->d = (double)n;   return true;
	case 'L': out->L = (uint64_t)n; return n >= 0;
	case 'i': out->i = (int32_t)n;  return out->i == n;
	case 'I': out->I = (uint32_t)n; return out->I == n;
	default:  return false;
	}
}

static inline bool take_double(char letter, double d, union sk_ffi_value *out)
{
	if (letter == 'd') {
		out->d = d;
		return true;
	}
	out->f = (float)d;
	return letter == 'f' && isfinite(out->f);
}

/* Numbers that every record has, as they stand, go the short way. */
static inline int take(snek_ctx *c, struct call *k, struct snek_record r,
    uint32_t i, union sk_ffi_value *out)
{
	const struct snek_column *col = r.chunk->columns[k->path[i].id];
	char letter = k->f->sig.arg[i];

	if (col->presence == SNEK_PRESENT_ALL && !col->nulls) {
		if (col->type == SNEK_COLUMN_DOUBLE && take_double(letter,
		    ((const double *)col->values)[r.row], out))
			return 0;
		if (col->type == SNEK_COLUMN_INT && take_int(letter,
		    ((const int64_t *)col->values)[r.row], out))
			return 0;
	}
	return put(c, k, i, snek_get(r, k->path[i]), out);
}

/* ---- a result into an emit ---- */

static int give_number(snek_ctx *c, double d)
{
	if (__builtin_expect(!isfinite(d), 0))
		return snek_fail(c, SNEK_EPLUGIN, "it returned %s, which JSON "
		    "cannot hold", isnan(d) ? "NaN" : d < 0 ? "-infinity" :
		    "infinity");
	return snek_emit(c, snek_null(), snek_double(d));
}

static int give_unsigned(snek_ctx *c, uint64_t u)
{
	struct snek_value v = snek_int((int64_t)u);

	if (u > INT64_MAX)
		v.type = SNEK_UINT;
	return snek_emit(c, snek_null(), v);
}

static int give(snek_ctx *c, const struct call *k, struct snek_record r,
    const union sk_ffi_value *out)
{
	switch (k->f->sig.result) {
	case 'd':
		return give_number(c, out->d);
	case 'f':
		return give_number(c, out->f);
	case 'b':
		return out->b ? snek_emit(c, snek_null(), snek_get(r, k->whole))
		    : 0;
	case 's':
		return out->s ? snek_emit(c, snek_null(), snek_string(out->s))
		    : SNEK_SKIP;
	case 'i':
		return snek_emit(c, snek_null(), snek_int(out->i));
	case 'l':
		return snek_emit(c, snek_null(), snek_int(out->l));
	case 'I':
		return give_unsigned(c, out->I);
	default:
		return give_unsigned(c, out->L);
	}
}

static int map_call(snek_ctx *c, void *self, struct snek_record r)
{
	union sk_ffi_value arg[SK_SIGNATURE_MAX], out;
	struct call *k = self;
	uint32_t i, n = k->f->sig.n;
	int rc;

	for (i = 0; i < n; i++) {
		rc = take(c, k, r, i, &arg[i]);
		if (__builtin_expect(rc, 0))
			return rc;
	}
	if (!k->f->ffi)
		return snek_fail(c, SNEK_EINVAL, "its library is not loaded");
	sk_ffi_call(k->f->ffi, arg, &out);
	return give(c, k, r, &out);
}

void sk_callee_serve(struct snek_op *o)
{
	o->open = open_call;
	o->close = close_call;
	o->map = map_call;
}
