/* SPDX-License-Identifier: MIT */
#include "value/gzip.h"

bool sk_gzip_is_built_in(void)
{
	return false;
}

int sk_gzip_open(sk_read_fn *read, void *arg, const char *name, uint64_t max,
    struct sk_gzip **out, struct snek_error *e)
{
	(void)read;
	(void)arg;
	(void)max;
	(void)out;
	return sk_fail(e, SNEK_EINVAL, "%s: gzip, which this build cannot read "
	    "(configured without zlib); use gzip -dc", name);
}

void sk_gzip_close(struct sk_gzip *g)
{
	(void)g;
}

long sk_gzip_read(void *arg, void *p, size_t n, struct snek_error *e)
{
	(void)arg;
	(void)p;
	(void)n;
	return sk_fail(e, SNEK_EINTERNAL, "gzip without zlib");
}
