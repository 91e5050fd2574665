/* SPDX-License-Identifier: MIT */
/*
 * ffi.h - calling a C function whose prototype is known when the program runs.
 *
 * A function of a common shape is called through a pointer of its type; any
 * other by libffi.  Immutable once made: threads share it.
 */
#ifndef SK_FFI_H
#define SK_FFI_H
#include "task/signature.h"

/* An argument or result, in the member that its letter names. */
union sk_ffi_value {
	bool b;
	int32_t i;
	uint32_t I;
	int64_t l;
	uint64_t L;
	float f;
	double d;
	const char *s;
};

struct sk_ffi {
	void (*invoke)(const struct sk_ffi *, const union sk_ffi_value *args,
	    union sk_ffi_value *result);
	void (*function)(void);
	void *prepared;                 /* libffi's; NULL: not needed */
	uint32_t n;
	char result;
};

int sk_ffi_new(const struct sk_signature *, void (*function)(void),
    struct sk_ffi **, struct snek_error *);
void sk_ffi_free(struct sk_ffi *);

static inline void sk_ffi_call(const struct sk_ffi *f,
    const union sk_ffi_value *args, union sk_ffi_value *result)
{
	f->invoke(f, args, result);
}
#endif
