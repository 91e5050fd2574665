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

#define DIRECT(name, result_, types, values) \
	static void name(const struct sk_ffi *f, \
	    const union sk_ffi_value *a, union sk_ffi_value *out) \
	{ \
		out->result_ = ((C_##result_ (*) types)f->function) values; \
	}
#define DIRECT_1(r, x) DIRECT(r##_##x, r, (C_##x), (a[0].x))
#define DIRECT_2(r, x) DIRECT(r##_##x##x, r, (C_##x, C_##x), (a[0].x, a[1].x))

DIRECT_1(d, d)
DIRECT_2(d, d)
DIRECT(d_ddd, d, (double, double, double), (a[0].d, a[1].d, a[2].d))
DIRECT(d_dddd, d, (double, double, double, double),
    (a[0].d, a[1].d, a[2].d, a[3].d))
DIRECT_1(l, l)
DIRECT_2(l, l)
DIRECT_1(i, i)
DIRECT_2(i, i)
DIRECT_1(b, d)
DIRECT_2(b, d)
DIRECT_1(b, l)
DIRECT_1(b, i)
DIRECT_1(b, s)
DIRECT_2(b, s)
DIRECT_1(d, s)
DIRECT_1(l, s)
DIRECT_1(L, s)
DIRECT_1(i, s)
DIRECT_2(i, s)
DIRECT_1(s, s)

static const struct {
	char letters[SK_SIGNATURE_MAX + 2];     /* the result's, the arguments' */
	void (*invoke)(const struct sk_ffi *, const union sk_ffi_value *,
	    union sk_ffi_value *);
} shapes[] = {
	{ "dd", d_d }, { "ddd", d_dd }, { "dddd", d_ddd }, { "ddddd", d_dddd },
	{ "ll", l_l }, { "lll", l_ll }, { "ii", i_i }, { "iii", i_ii },
	{ "bd", b_d }, { "bdd", b_dd }, { "bl", b_l }, { "bi", b_i },
	{ "bs", b_s }, { "bss", b_ss }, { "ds", d_s }, { "ls", l_s },
	{ "Ls", L_s }, { "is", i_s }, { "iss", i_ss }, { "ss", s_s },
};

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

/* ---- by all registers ---- */

#if (defined(__x86_64__) && defined(__LP64__) && !defined(_WIN32)) || \
	(defined(__aarch64__) && defined(__AARCH64EL__) && defined(__LP64__))
/*
 * Whole numbers and pointers go in registers of one kind, floating-point
 * numbers in those of another, both in the order of the arguments: six and
 * eight of them (System V x86-64; AAPCS64 has two more of the first).  So one
 * call that fills them all suits every function that needs no more; it looks
 * at its own.  What has no register left lies on the stack, eight bytes each:
 * that is plain, too, as long as it is of one kind.
 */
#define MOST SK_SIGNATURE_MAX
#define WORDS 6
#define REALS 8
#define W6 uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t
#define D8 double, double, double, double, double, double, double, double
#define W10 uint64_t, uint64_t, uint64_t, uint64_t, W6
#define VALUES w[0], w[1], w[2], w[3], w[4], w[5], d[0].d, d[1].d, d[2].d, \
	d[3].d, d[4].d, d[5].d, d[6].d, d[7].d
#define MORE_WORDS w[6], w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], \
	w[15]
#define MORE_REALS d[8].d, d[9].d, d[10].d, d[11].d, d[12].d, d[13].d, d[14].d, \
	d[15].d

static bool is_real(char letter)
{
	return letter == 'd' || letter == 'f';
}

/* What is narrower than a register is widened to one, as libffi does. */
static uint64_t word_of(char letter, const union sk_ffi_value *v)
{
	switch (letter) {
	case 'b': return v->b;
	case 'i': return (uint64_t)v->i;
	case 'I': return v->I;
	case 's': return (uintptr_t)v->s;
	default:  return v->L;
	}
}

static inline void spread(const struct sk_ffi *f, const union sk_ffi_value *args,
    uint64_t *w, union sk_ffi_value *d)
{
	uint32_t i, words = 0, reals = 0;

	for (i = 0; i < f->n; i++) {
		if (f->arg[i] == 'd')
			d[reals++].d = args[i].d;
		else if (f->arg[i] == 'f')
			d[reals++].f = args[i].f;
		else
			w[words++] = word_of(f->arg[i], &args[i]);
	}
}

/* The type of the pointer is on purpose not that of the function. */
#define BY_REGISTERS(name, words, reals, types, values) \
	__attribute__((no_sanitize("undefined"))) \
	static void name(const struct sk_ffi *f, \
	    const union sk_ffi_value *args, union sk_ffi_value *out) \
	{ \
		union sk_ffi_value d[reals] = { 0 }; \
		uint64_t w[words] = { 0 }; \
		\
		spread(f, args, w, d); \
		if (f->result == 'd') \
			out->d = ((double (*) types)f->function) values; \
		else if (f->result == 'f') \
			out->f = ((float (*) types)f->function) values; \
		else \
			out->L = ((uint64_t (*) types)f->function) values; \
		if (f->result == 'b') \
			out->b = (uint8_t)out->L != 0; \
	}
BY_REGISTERS(by_few, WORDS, REALS, (W6, D8), (VALUES))
BY_REGISTERS(by_words, MOST, REALS, (W6, D8, W10), (VALUES, MORE_WORDS))
BY_REGISTERS(by_reals, WORDS, MOST, (W6, D8, D8), (VALUES, MORE_REALS))

static bool choose_registers(struct sk_ffi *f, const struct sk_signature *s)
{
	uint32_t reals = 0, words;

	for (uint32_t i = 0; i < s->n; i++)
		reals += is_real(s->arg[i]);
	words = s->n - reals;
	f->invoke = words > WORDS ? by_words : reals > REALS ? by_reals : by_few;
	return words <= WORDS || reals <= REALS;
}
#else
static bool choose_registers(struct sk_ffi *f, const struct sk_signature *s)
{
	(void)f;
	(void)s;
	return false;
}
#endif

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
	memcpy(f->arg, s->arg, s->n);
	rc = choose_direct(f, s) || choose_registers(f, s) ? 0
	    : prepare(f, s, e);
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
