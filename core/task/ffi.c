/* SPDX-License-Identifier: MIT */
#include "task/ffi.h"

#include <ffi.h>
#include <stdlib.h>
#include <string.h>

/* ---- by libffi ---- */

struct prepared {
	ffi_cif cif;
	ffi_type *arg[SK_SIGNATURE_MAX];
};

static ffi_type *type_of(char letter)
{
	switch (letter) {
	case 'b': return &ffi_type_uint8;
	case 'i': return &ffi_type_sint32;
	case 'I': return &ffi_type_uint32;
	case 'l': return &ffi_type_sint64;
	case 'L': return &ffi_type_uint64;
	case 'f': return &ffi_type_float;
	case 'd': return &ffi_type_double;
	default:  return &ffi_type_pointer;
	}
}

/* Results of whole numbers narrower than a register come widened to one. */
union wide {
	ffi_arg word;
	union sk_ffi_value value;
};

static void by_libffi(const struct sk_ffi *f, const union sk_ffi_value *args,
    union sk_ffi_value *result)
{
	struct prepared *p = f->prepared;
	void *at[SK_SIGNATURE_MAX];
	union wide out = { 0 };

	for (uint32_t i = 0; i < f->n; i++)
		at[i] = (void *)&args[i];
	ffi_call(&p->cif, f->function, &out, at);
	switch (f->result) {
	case 'b': result->b = (uint8_t)out.word != 0; break;
	case 'i': result->i = (int32_t)out.word; break;
	case 'I': result->I = (uint32_t)out.word; break;
	default:  *result = out.value;
	}
}

/* ---- by a pointer of its type ---- */

#define C_b bool
#define C_i int32_t
#define C_l int64_t
#define C_L uint64_t
#define C_d double
#define C_s const char *

/* Every mixture of up to three numbers, and what is usual beside. */
#define NUMBERS(r, F1, F2, F3) F1(r, d) F1(r, l) \
	F2(r, d, d) F2(r, d, l) F2(r, l, d) F2(r, l, l) \
	F3(r, d, d, d) F3(r, d, d, l) F3(r, d, l, d) F3(r, d, l, l) \
	F3(r, l, d, d) F3(r, l, d, l) F3(r, l, l, d) F3(r, l, l, l)
#define SHAPES(F1, F2, F3, F4) \
	NUMBERS(d, F1, F2, F3) NUMBERS(l, F1, F2, F3) NUMBERS(b, F1, F2, F3) \
	F4(d, d, d, d, d) F4(l, l, l, l, l) F1(i, i) F2(i, i, i) F1(b, i) \
	F1(b, s) F2(b, s, s) F1(d, s) F1(l, s) F1(L, s) F1(i, s) F2(i, s, s) \
	F1(s, s)

#define DIRECT(name, r, types, values) \
	static void name(const struct sk_ffi *f, \
	    const union sk_ffi_value *a, union sk_ffi_value *out) \
	{ \
		out->r = ((C_##r (*) types)f->function) values; \
	}
#define DIRECT_1(r, w) DIRECT(r##_##w, r, (C_##w), (a[0].w))
#define DIRECT_2(r, w, x) DIRECT(r##_##w##x, r, (C_##w, C_##x), \
	(a[0].w, a[1].x))
#define DIRECT_3(r, w, x, y) DIRECT(r##_##w##x##y, r, (C_##w, C_##x, C_##y), \
	(a[0].w, a[1].x, a[2].y))
#define DIRECT_4(r, w, x, y, z) DIRECT(r##_##w##x##y##z, r, \
	(C_##w, C_##x, C_##y, C_##z), (a[0].w, a[1].x, a[2].y, a[3].z))
SHAPES(DIRECT_1, DIRECT_2, DIRECT_3, DIRECT_4)

#define ROW_1(r, w) { #r #w, r##_##w },
#define ROW_2(r, w, x) { #r #w #x, r##_##w##x },
#define ROW_3(r, w, x, y) { #r #w #x #y, r##_##w##x##y },
#define ROW_4(r, w, x, y, z) { #r #w #x #y #z, r##_##w##x##y##z },
static const struct {
	char letters[SK_SIGNATURE_MAX + 2];     /* the result's, the arguments' */
	void (*invoke)(const struct sk_ffi *, const union sk_ffi_value *,
	    union sk_ffi_value *);
} shapes[] = { SHAPES(ROW_1, ROW_2, ROW_3, ROW_4) };

static bool is_shape(const struct sk_signature *s, const char *letters)
{
	return letters[0] == s->result && strlen(letters + 1) == s->n &&
	    !memcmp(letters + 1, s->arg, s->n);
}

static bool choose_direct(struct sk_ffi *f, const struct sk_signature *s)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		if (is_shape(s, shapes[i].letters)) {
			f->invoke = shapes[i].invoke;
			return true;
		}
	return false;
}

/* ---- making one ---- */

static int prepare(struct sk_ffi *f, const struct sk_signature *s,
    struct snek_error *e)
{
	struct prepared *p = calloc(1, sizeof(*p));

	if (!p)
		return sk_enomem(e);
	f->prepared = p;
	f->invoke = by_libffi;
	for (uint32_t i = 0; i < s->n; i++)
		p->arg[i] = type_of(s->arg[i]);
	if (ffi_prep_cif(&p->cif, FFI_DEFAULT_ABI, s->n, type_of(s->result),
	    p->arg) != FFI_OK)
		return sk_fail(e, SNEK_EINTERNAL, "libffi refuses the signature");
	return 0;
}

int sk_ffi_new(const struct sk_signature *s, void (*function)(void),
    struct sk_ffi **out, struct snek_error *e)
{
	struct sk_ffi *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return sk_enomem(e);
	f->function = function;
	f->n = s->n;
	f->result = s->result;
	rc = choose_direct(f, s) ? 0 : prepare(f, s, e);
	if (rc)
		sk_ffi_free(f);
	else
		*out = f;
	return rc;
}

void sk_ffi_free(struct sk_ffi *f)
{
	if (!f)
		return;
	free(f->prepared);
	free(f);
}
