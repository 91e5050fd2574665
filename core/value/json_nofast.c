/* SPDX-License-Identifier: MIT */
/* Stands in for json_fast.cc where simdjson is not built in. */
#include "value/json_read.h"
#include "value/json_tree.h"

bool sk_json_is_fast(void)
{
	return false;
}

struct sk_json_fast *sk_json_fast_new(void)
{
	return NULL;
}

void sk_json_fast_free(struct sk_json_fast *f)
{
	(void)f;
}

bool sk_json_fast_read(struct sk_json_fast *f, struct sk_json_tree *t,
    const char *text, size_t n)
{
	(void)f;
	(void)t;
	(void)text;
	(void)n;
	return false;
}
