/* SPDX-License-Identifier: MIT */
/* snek_value.c - the front door to values met in results. */
#include <snek/snek.h>

#include "base/err.h"
#include "value/pack.h"
#include "value/value.h"

int snek_value_find(struct snek_value root, const char *path,
    struct snek_value *out)
{
	struct sk_path p;
	struct snek_value v;
	int rc = path && out ? sk_path_parse(&p, path, NULL) : SNEK_EINVAL;

	if (rc)
		return rc;
	v = sk_path_walk(&p, 0, root);
	sk_path_free(&p);
	if (v.type == SNEK_NONE)
		return SNEK_ENOENT;
	*out = v;
	return 0;
}

int snek_value_iterate(struct snek_value v, struct snek_cursor *c)
{
	return c ? sk_iterate(v, c) : SNEK_EINVAL;
}

int snek_value_next(struct snek_cursor *c, struct snek_value *name,
    struct snek_value *out)
{
	return c && name && out ? sk_next(c, name, out) : SNEK_EINVAL;
}

int snek_value_json(struct snek_value v, FILE *f)
{
	struct sk_buf b = { 0 };
	int rc = 0;

	if (!f)
		return SNEK_EINVAL;
	if (!sk_json_write(&b, v))
		rc = SNEK_ENOMEM;
	else if (fwrite(b.p, 1, b.n, f) != b.n)
		rc = SNEK_EIO;
	sk_buf_free(&b);
	return rc;
}

int snek_value_compare(struct snek_value a, struct snek_value b)
{
	return sk_value_compare(a, b);
}
