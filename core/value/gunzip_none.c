/* SPDX-License-Identifier: MIT */
#include "value/gunzip.h"

int sk_gunzip_open(sk_read_fn *read, void *arg, const char *name,
    struct sk_gunzip **out, struct snek_error *e)
{
	(void)read;
	(void)arg;
	(void)out;
	return sk_fail(e, SNEK_EINVAL, "%s: gzip, which this build cannot read "
	    "(configured without zlib); use gzip -dc", name);
}

void sk_gunzip_close(struct sk_gunzip *g)
{
	(void)g;
}

long sk_gunzip_read(void *arg, void *p, size_t n, struct snek_error *e)
{
	(void)arg;
	(void)p;
	(void)n;
	return sk_fail(e, SNEK_EINTERNAL, "gzip without zlib");
}
