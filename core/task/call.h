/* SPDX-License-Identifier: MIT */
/*
 * call.h - a plain C function as an op: its map gathers fields, calls, emits.
 *
 *   call.c      from a declaration, in a plugin or in words, to an op
 *   call_map.c  the op's callbacks
 *
 * A field that is absent or null skips the record, unless its letter has a ?;
 * one that the C type cannot hold is an error.  A bool result filters: the
 * whole record is emitted when it is true.  Any other is emitted, but for a
 * string at NULL.  Keys are null.
 */
#ifndef SK_CALL_H
#define SK_CALL_H
#include "task/ffi.h"
#include "task/plugin.h"

struct sk_callee {
	struct sk_signature sig;
	struct sk_ffi *ffi;             /* NULL: described, not loaded */
	const char *field[SK_SIGNATURE_MAX];    /* by argument */
	char *name, *text;              /* own what name and fields point at */
};

/* What a plugin declared: into o's callee and callbacks. */
int sk_callee_declare(struct sk_op *, const struct snek_function *,
    struct snek_error *);
void sk_callee_free(struct sk_callee *);
/* call_map.c: make the op call its callee. */
void sk_callee_serve(struct snek_op *);

/* A function of any library, in words alone, so that a worker elsewhere can
 * be told the same.  lib: with '/' a file, else as the loader finds it;
 * fields: paths with commas between ("\," is a comma in a name); NULL: the
 * whole record, for a function of one argument. */
struct sk_call {
	const char *lib, *function, *signature, *fields;
};

/* A plugin of one op that knows its fields and its name, but fails to map:
 * nothing was loaded.  SNEK_EINVAL. */
int sk_call_describe(const struct sk_call *, struct sk_plugin **,
    struct snek_error *);
/* The same, and the library is loaded: SNEK_ENOENT, SNEK_EABI. */
int sk_call_open(const struct sk_call *, struct sk_plugin **,
    struct snek_error *);
#endif
