/* SPDX-License-Identifier: MIT */
/*
 * Addresses one behind the other, in the machine's order of bytes:
 *
 *   u32 bytes that follow; stamp; seven texts: u32 length with its NUL (0:
 *   NULL), bytes
 */
#include "store/address.h"

#define TEXTS 7u

static const char **text_of(struct sk_address *a, uint32_t i)
{
	const char **const at[TEXTS] = { &a->url, &a->user, &a->password,
		&a->ca_file, &a->cert_file, &a->key_file, &a->server_name };

	return at[i];
}

static bool put_text(struct sk_buf *b, const char *s)
{
	uint32_t n = s ? (uint32_t)strlen(s) + 1 : 0;

	return sk_buf_put(b, &n, sizeof(n)) && sk_buf_put(b, s ? s : "", n);
}

bool sk_address_put(struct sk_buf *b, const struct sk_address *from)
{
	struct sk_address a = *from;
	size_t start = b->n;
	uint32_t n = 0, i;
	bool ok = sk_buf_put(b, &n, sizeof(n)) &&
	    sk_buf_put(b, &a.stamp, sizeof(a.stamp));

	for (i = 0; i < TEXTS && ok; i++)
		ok = put_text(b, *text_of(&a, i));
	if (!ok)
		return false;
	n = (uint32_t)(b->n - start - sizeof(n));
	memcpy(b->p + start, &n, sizeof(n));
	return true;
}

static bool take(struct sk_span *s, void *to, size_t n)
{
	if (n > s->n)
		return false;
	memcpy(to, s->p, n);
	*s = (struct sk_span){ (const char *)s->p + n, s->n - n };
	return true;
}

static bool take_text(struct sk_span *s, const char **to)
{
	const char *p;
	uint32_t n;

	*to = NULL;
	if (!take(s, &n, sizeof(n)) || n > s->n)
		return false;
	if (!n)
		return true;
	p = s->p;
	if (memchr(p, 0, n) != p + n - 1)
		return false;
	*to = p;
	*s = (struct sk_span){ p + n, s->n - n };
	return true;
}

static bool take_one(struct sk_span s, struct sk_address *a)
{
	bool ok = take(&s, &a->stamp, sizeof(a->stamp));
	uint32_t i;

	for (i = 0; i < TEXTS && ok; i++)
		ok = take_text(&s, text_of(a, i));
	return ok && a->url && !s.n;
}

int sk_address_next(struct sk_span *s, struct sk_address *out)
{
	uint32_t n;

	if (!s->n)
		return 0;
	if (!take(s, &n, sizeof(n)) || n > s->n ||
	    !take_one((struct sk_span){ s->p, n }, out))
		return SNEK_EFORMAT;
	*s = (struct sk_span){ (const char *)s->p + n, s->n - n };
	return 1;
}

int sk_address_find(struct sk_span s, uint32_t shard, struct sk_address *out)
{
	struct sk_address a;
	int rc;

	while ((rc = sk_address_next(&s, &a)) == 1)
		if (a.stamp.shard == shard) {
			*out = a;
			return 0;
		}
	return rc ? rc : SNEK_ENOENT;
}
