/* SPDX-License-Identifier: MIT */
#include "task/pair.h"
#include "value/key.h"
#include "value/pack.h"
#include "value/value.h"

#include <math.h>

#define LEAST ((size_t)1 << 20)

int sk_pair_key(struct sk_buf *b, struct snek_value key, struct snek_error *e)
{
	int rc;

	b->n = 0;
	rc = sk_key_put(b, key);
	if (!rc)
		return 0;
	if (rc == SNEK_ENOMEM)
		return sk_enomem(e);
	return sk_fail(e, rc, "emitted a key that is %s",
	    key.type == SNEK_NONE ? "no value (SNEK_NONE)" :
	    key.type == SNEK_DOUBLE ? "not a finite number" : "malformed");
}

int sk_pair_check(struct snek_value v, struct snek_error *e)
{
	if (v.type == SNEK_DOUBLE && !isfinite(v.as.d))
		return sk_fail(e, SNEK_EINVAL, "emitted %s as a value",
		    isnan(v.as.d) ? "NaN" : "infinity");
	if (v.type == SNEK_NONE || v.type > SNEK_OBJECT)
		return sk_fail(e, SNEK_EINVAL, "emitted no value (SNEK_NONE)");
	return 0;
}

int sk_pair_value(struct sk_buf *b, struct snek_value v, struct snek_error *e)
{
	int rc = sk_pair_check(v, e);

	if (rc)
		return rc;
	b->n = 0;
	return sk_pack_value(b, v) ? 0 : sk_enomem(e);
}

size_t sk_pair_most(size_t memory)
{
	return memory / 4 > LEAST ? memory / 4 : LEAST;
}

int sk_pair_too_large(size_t n, size_t most, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "emitted a pair of %zu bytes; with the "
	    "memory that the job has, one may have %zu: " SK_MORE_MEMORY, n, most);
}

int sk_pair_name(struct sk_span key, int rc, struct snek_error *e)
{
	struct sk_buf text = { 0 }, scratch = { 0 };
	struct snek_value v;

	if (!sk_key_get(key.p, key.n, &scratch, &v) && sk_json_write(&text, v) &&
	    sk_buf_byte(&text, '\0'))
		sk_fail_in(e, rc, "key %.120s", text.p);
	sk_buf_free(&text);
	sk_buf_free(&scratch);
	return rc;
}
