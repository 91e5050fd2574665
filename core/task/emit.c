/* SPDX-License-Identifier: MIT */
/* What an op emits: checked here, because nothing behind it looks again. */
#include <string.h>

#include "base/hash.h"
#include "task/host.h"
#include "value/json_read.h"
#include "value/pack.h"
#include "value/value.h"

#define ASCII 0x8080808080808080ull
#define MAX_KEY (64u << 20)     /* a table of keys needs several times that */
#define MAX_VALUE (UINT32_MAX - 1)
#define CHECK_EVERY 256u        /* emits: how often it is asked whether to stop */

static sk_instance *instance(snek_ctx *c)
{
	return (sk_instance *)c;
}

static inline bool is_ascii(const char *s, size_t n)
{
	uint64_t bits = 0;
	size_t i;

	if (n <= 8)
		return !(sk_load_short(s, n) & ASCII);
	for (i = 0; i + 8 < n; i += 8)
		bits |= sk_load64(s + i);
	return !((bits | sk_load64(s + n - 8)) & ASCII);
}

static int too_long(sk_instance *in, size_t n, const char *what, uint32_t most)
{
	return sk_host_fail(in, SNEK_ELIMIT, "%s is %zu%s bytes long; %u are the "
	    "most", what, n, n < UINT32_MAX ? "" : " or more", most);
}

static int look_closer(sk_instance *in, const char *s, size_t n,
    const char *what, uint32_t most)
{
	size_t good;

	if (n > most)
		return too_long(in, n, what, most);
	if (!s && n)
		return sk_host_fail(in, SNEK_EINVAL, "%s is a string at NULL", what);
	good = sk_utf8_check(s, n);
	if (good < n)
		return sk_host_fail(in, SNEK_EINVAL, "%s is not UTF-8 at byte %zu "
		    "of %zu", what, good, n);
	return 0;
}

static inline int check_string(sk_instance *in, const char *s, size_t n,
    const char *what, uint32_t most)
{
	if (__builtin_expect(s && n <= most && is_ascii(s, n), 1))
		return 0;
	return look_closer(in, s, n, what, most);
}

static int check_nested(sk_instance *in, struct snek_value v, const char *what,
    uint32_t most)
{
	struct snek_value whole;
	size_t used;
	int rc;

	if (v.len > most)
		return too_long(in, v.len, what, most);
	if (in->whole_row != SK_NO_ROW && v.as.p == in->whole.as.p &&
	    v.len == in->whole.len && v.type == in->whole.type)
		return 0;               /* the record itself */
	rc = v.as.p ? sk_unpack(v.as.p, v.len, &whole, &used) : SNEK_EFORMAT;
	if (rc == SNEK_ELIMIT)
		return sk_host_fail(in, rc, "%s is nested deeper than %d", what,
		    SK_MAX_DEPTH);
	if (rc < 0 || used != v.len || whole.type != v.type)
		return sk_host_fail(in, SNEK_EINVAL, "%s says that it is an array "
		    "or object but does not hold one", what);
	return 0;
}

static int check_other(sk_instance *in, struct snek_value *v, const char *what,
    uint32_t most)
{
	switch (v->type) {
	case SNEK_BOOL:
		*v = sk_bool(v->as.u & 0xff);
		return 0;
	case SNEK_UINT:
		*v = sk_uint(v->as.u);
		return 0;
	case SNEK_ARRAY:
	case SNEK_OBJECT:
		return check_nested(in, *v, what, most);
	case SNEK_NONE:
		return sk_host_fail(in, SNEK_EINVAL, "%s is SNEK_NONE: there is "
		    "nothing to emit (say snek_null())", what);
	default:
		return sk_host_fail(in, SNEK_EINVAL, "%s is of no type that there "
		    "is (%u)", what, v->type);
	}
}

/* Only values that are what they say go on; odd forms are made usual ones. */
static inline int check(sk_instance *in, struct snek_value *v, const char *what,
    uint32_t most)
{
	if (v->type == SNEK_STRING)
		return check_string(in, v->as.s, v->len, what, most);
	if (v->type == SNEK_INT || v->type == SNEK_NULL || v->type == SNEK_DOUBLE)
		return 0;
	return check_other(in, v, what, most);
}

static inline int check_key(sk_instance *in, struct snek_value *v)
{
	return check(in, v, "the key", MAX_KEY);
}

static inline int check_value(sk_instance *in, struct snek_value *v,
    const char *what)
{
	return check(in, v, what, MAX_VALUE);
}

static inline bool is_ready(sk_instance *in)
{
	return in->row == in->placed && ++in->tick % CHECK_EVERY;
}

/* The long way to an emit: 0 when it may go on. */
static int prepare(sk_instance *in, const char *what, uint32_t may)
{
	int rc = in->failure.code;

	if (rc)
		return rc;
	if (!(in->frame.may & may))
		return sk_host_not_here(in, what);
	if (++in->tick % CHECK_EVERY == 0 || in->row == in->placed)
		rc = sk_host_check(in);
	if (rc < 0 || in->frame.emit || in->row == in->placed)
		return rc;
	return sk_feed_place(in);
}

/* combine and reduce. */
static int emit_group(sk_instance *in, struct snek_value key,
    struct snek_value value)
{
	int rc = in->frame.emit(in->frame.emit_arg, key, value);

	return rc < 0 ? sk_host_stick(in, rc) : 0;
}

static int check_single(sk_instance *in)
{
	const struct sk_reducer *r = in->map ? in->map->reducer : NULL;

	if (!r || in->frame.emit || r->kind != SK_AGGREGATED || r->n == 1)
		return 0;
	return sk_host_fail(in, SNEK_EINVAL, "emitted a single value for %u "
	    "aggregates: emit a row of them", r->n);
}

int sk_emit_pair(snek_ctx *c, struct snek_value key, struct snek_value value)
{
	sk_instance *in = instance(c);
	int rc = is_ready(in) ? 0 : prepare(in, "snek_emit", SK_MAY_EMIT);

	if (rc >= 0)
		rc = check_single(in);
	if (rc >= 0)
		rc = check_key(in, &key);
	if (rc >= 0)
		rc = check_value(in, &value, "the value");
	if (rc < 0)
		return rc;
	if (in->frame.emit)
		return emit_group(in, key, value);
	rc = sk_sink_emit(in->sink, key, value, &in->failure);
	return rc < 0 ? sk_host_stick(in, rc) : 0;
}

int sk_emit_int(snek_ctx *c, const char *key, size_t n, int64_t value)
{
	sk_instance *in = instance(c);
	int rc;

	if (__builtin_expect(!is_ready(in), 0)) {
		rc = prepare(in, "snek_emit_int", SK_MAY_EMIT);
		if (rc >= 0)
			rc = check_single(in);
		if (rc < 0)
			return rc;
	}
	rc = check_string(in, key, n, "the key", MAX_KEY);
	if (__builtin_expect(rc < 0, 0))
		return rc;
	if (in->frame.emit)
		return emit_group(in, sk_string(key, n), sk_int(value));
	rc = sk_sink_emit_int(in->sink, key, n, value, &in->failure);
	return rc < 0 ? sk_host_stick(in, rc) : 0;
}

static int check_row(sk_instance *in, size_t n)
{
	const struct sk_reducer *r = in->map->reducer;

	if (n != in->aggregates || !n)
		return sk_host_fail(in, SNEK_EINVAL, "emitted a row of %zu values "
		    "with %u aggregates declared", n, in->aggregates);
	if (r->kind != SK_AGGREGATED || r->n != n)
		return sk_host_fail(in, SNEK_EINVAL, "emits rows for aggregates of "
		    "its own, and the job reduces otherwise: leave its reducer "
		    "to the op");
	return 0;
}

/* Values that need no change are not copied: reading 16 bytes at once that the
 * op has just written as two words costs more than all the rest. */
static int check_values(sk_instance *in, const struct snek_value **values,
    size_t n, struct snek_value *copy)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < n; i++) {
		const struct snek_value *v = &(*values)[i];

		if (v->type == SNEK_INT || v->type == SNEK_DOUBLE ||
		    v->type <= SNEK_NULL)
			continue;
		if (*values != copy)
			*values = memcpy(copy, *values, n * sizeof(*copy));
		rc = check_value(in, &copy[i], "a value of the row");
	}
	return rc;
}

int sk_emit_row(snek_ctx *c, struct snek_value key,
    const struct snek_value *values, size_t n)
{
	struct snek_value copy[SK_MAX_AGGREGATES];
	sk_instance *in = instance(c);
	int rc = is_ready(in) ? 0 : prepare(in, "snek_emit_row", SK_MAY_ROWS);

	if (rc >= 0 && !values)
		rc = sk_host_fail(in, SNEK_EINVAL, "emitted a row at NULL");
	if (rc >= 0)
		rc = check_row(in, n);
	if (rc >= 0)
		rc = check_key(in, &key);
	if (rc >= 0)
		rc = check_values(in, &values, n, copy);
	if (rc < 0)
		return rc;
	rc = sk_sink_emit_row(in->sink, key, values, n, &in->failure);
	return rc < 0 ? sk_host_stick(in, rc) : 0;
}

/* ---- for what is packed ---- */

int sk_emit_check(sk_instance *in, struct snek_value *v, const char *what)
{
	return check_value(in, v, what);
}

int sk_emit_check_string(sk_instance *in, const char *s, size_t n,
    const char *what)
{
	return check_string(in, s, n, what, MAX_VALUE);
}
