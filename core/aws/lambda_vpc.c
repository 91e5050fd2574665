/* SPDX-License-Identifier: MIT */
/* lambda_vpc.c - the network that a function is in: subnets and security
 * groups, as lists with commas between. */
#include "aws/lambda.h"

#include <stdlib.h>

#include "value/pack.h"

enum { IDS_MAX = 64 };

/* ---- what is there ---- */

static bool put_id(struct sk_buf *b, struct snek_value id)
{
	return id.type != SNEK_STRING || ((!b->n || sk_buf_byte(b, ',')) &&
	    sk_buf_put(b, id.as.s, id.len));
}

int sk_lambda_read_ids(struct snek_value list, struct sk_buf *out,
    struct snek_error *e)
{
	struct snek_value name, id;
	struct snek_cursor c;
	bool ok = true;

	if (list.type == SNEK_ARRAY && !sk_iterate(list, &c))
		while (ok && sk_next(&c, &name, &id) == 1)
			ok = put_id(out, id);
	return ok && sk_buf_byte(out, 0) ? 0 : sk_enomem(e);
}

/* ---- comparing, whatever the order ---- */

static int by_text(const void *a, const void *b)
{
	const struct sk_span *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int c = memcmp(x->p, y->p, n);

	return c ? c : x->n < y->n ? -1 : x->n > y->n;
}

static size_t split(const char *list, struct sk_span id[IDS_MAX])
{
	size_t n = 0, len;

	for (; *list && n < IDS_MAX; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (len)
			id[n++] = (struct sk_span){ list, len };
	}
	if (n)
		qsort(id, n, sizeof(*id), by_text);
	return n;
}

static bool same(const char *want, const char *is)
{
	struct sk_span a[IDS_MAX], b[IDS_MAX];
	size_t n = split(want, a), i;

	if (split(is ? is : "", b) != n)
		return false;
	for (i = 0; i < n; i++)
		if (by_text(&a[i], &b[i]))
			return false;
	return true;
}

bool sk_lambda_has_network(const struct sk_lambda *l)
{
	const struct sk_lambda_spec *s = l->spec;

	return !s->subnets || (same(s->subnets, l->f.subnets.p) &&
	    same(s->security_groups ? s->security_groups : "",
	    l->f.groups.p));
}

/* ---- asking for it ---- */

static bool put_list(struct sk_buf *b, const char *name, const char *list)
{
	bool ok = sk_lambda_put_name(b, name) && sk_buf_byte(b, '[');
	struct sk_span id[IDS_MAX];
	size_t n = split(list ? list : "", id), i;

	for (i = 0; i < n && ok; i++)
		ok = (!i || sk_buf_byte(b, ',')) && sk_json_write(b,
		    sk_string(id[i].p, id[i].n));
	return ok && sk_buf_byte(b, ']');
}

bool sk_lambda_put_network(const struct sk_lambda *l, struct sk_buf *b)
{
	const struct sk_lambda_spec *s = l->spec;

	if (!s->subnets)
		return true;
	return sk_lambda_put_name(b, "VpcConfig") && sk_buf_byte(b, '{') &&
	    put_list(b, "SubnetIds", s->subnets) &&
	    put_list(b, "SecurityGroupIds", s->security_groups) &&
	    sk_buf_byte(b, '}');
}
