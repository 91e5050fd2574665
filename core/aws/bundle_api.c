/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "aws/bundle.h"

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int sk_bundle_add_loaded(struct sk_bundler *b, struct snek_error *e)
{
	char name[300];
	size_t i;
	int rc = sk_closure_add(&b->closure, "snek-aws.so", b->aws, e);

	if (!rc && b->snek)
		rc = sk_closure_add(&b->closure, "snek-whole", b->snek, e);
	if (!rc && b->runner)
		rc = sk_closure_add(&b->closure, "snek-worker", b->runner, e);
	for (i = 0; !rc && i < b->set->shippeds; i++) {
		snprintf(name, sizeof(name), "plugins/%.255s",
		    base(b->set->shipped[i]));
		rc = sk_closure_add(&b->closure, name, b->set->shipped[i], e);
	}
	return rc;
}
