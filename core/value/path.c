/* SPDX-License-Identifier: MIT */
/*
 * Paths.  A path is "" or steps: a name or [index] first, then .name or
 * [index].  Names are not empty; in them \. \[ \\ stand for . [ and \.
 */
#include "value/value.h"

#include <stdlib.h>

#include "base/err.h"
#include "value/pack.h"

static int parse_index(const char **at, uint32_t *out)
{
	const char *s = *at + 1;
	uint64_t i = 0;

	if (*s < '0' || *s > '9')
		return SNEK_EINVAL;
	for (; *s >= '0' && *s <= '9' && i <= UINT32_MAX; s++)
		i = i * 10 + (uint64_t)(*s - '0');
	if (*s != ']' || i > UINT32_MAX)
		return SNEK_EINVAL;
	*at = s + 1;
	*out = (uint32_t)i;
	return 0;
}

/* Copies the name to *to, without its backslashes. */
static int parse_name(const char **at, char **to)
{
	const char *s = *at;
	char *t = *to;

	for (; *s && *s != '.' && *s != '['; s++) {
		if (*s == '\\') {
			s++;
			if (!*s || !strchr(".[\\", *s))
				return SNEK_EINVAL;
		}
		*t++ = *s;
	}
	if (t == *to)
		return SNEK_EINVAL;
	*at = s;
	*to = t;
	return 0;
}

static int parse_step(const char **at, bool first, char **to,
    struct sk_path_step *step)
{
	const char *from = *to;
	int rc;

	memset(step, 0, sizeof(*step));
	if (**at == '[')
		return parse_index(at, &step->index);
	if (!first) {
		if (**at != '.')
			return SNEK_EINVAL;
		++*at;
	}
	rc = parse_name(at, to);
	step->name = from;
	step->len = (uint32_t)(*to - from);
	return rc;
}

int sk_path_parse(struct sk_path *out, const char *text, struct snek_error *e)
{
	size_t n = strlen(text);
	struct sk_path p = { 0 };
	const char *at = text;
	char *to;

	if (n >= UINT32_MAX / sizeof(*p.step))
		return sk_fail(e, SNEK_EINVAL, "a path of %zu bytes", n);
	p.text = to = malloc(n + 1);
	p.step = malloc((n + 1) * sizeof(*p.step));
	if (!p.text || !p.step) {
		sk_path_free(&p);
		return sk_enomem(e);
	}
	for (; *at; p.n++)
		if (parse_step(&at, !p.n, &to, &p.step[p.n]) < 0) {
			sk_path_free(&p);
			return sk_fail(e, SNEK_EINVAL,
			    "path '%s': expected a name, [index] or '.' at '%s'",
			    text, at);
		}
	*out = p;
	return 0;
}

void sk_path_free(struct sk_path *p)
{
	if (!p)
		return;
	free(p->step);
	free(p->text);
	memset(p, 0, sizeof(*p));
}

static struct snek_value walk_step(const struct sk_path_step *s,
    struct snek_value v)
{
	struct snek_cursor c;
	struct snek_value name, value;
	uint32_t i;

	if (v.type != (s->name ? SNEK_OBJECT : SNEK_ARRAY) ||
	    sk_iterate(v, &c) < 0)
		return sk_none();
	for (i = 0; sk_next(&c, &name, &value) > 0; i++) {
		if (!s->name && i == s->index)
			return value;
		if (s->name && name.len == s->len &&
		    !memcmp(name.as.s, s->name, s->len))
			return value;
	}
	return sk_none();
}

struct snek_value sk_path_walk(const struct sk_path *p, uint32_t first,
    struct snek_value v)
{
	uint32_t i;

	for (i = first; i < p->n && v.type; i++)
		v = walk_step(&p->step[i], v);
	return v;
}

static bool put_name(struct sk_buf *b, const char *s, uint32_t n)
{
	bool ok = true;

	for (; n && ok; s++, n--)
		ok = (!strchr(".[\\", *s) || !*s || sk_buf_byte(b, '\\')) &&
		    sk_buf_byte(b, (uint8_t)*s);
	return ok;
}

bool sk_path_text(const struct sk_path *p, struct sk_buf *b)
{
	const struct sk_path_step *s;
	bool ok = true;

	for (s = p->step; s < p->step + p->n && ok; s++)
		if (!s->name)
			ok = sk_buf_printf(b, "[%u]", (unsigned)s->index);
		else
			ok = (s == p->step || sk_buf_byte(b, '.')) &&
			    put_name(b, s->name, s->len);
	return ok;
}
