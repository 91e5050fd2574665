/* SPDX-License-Identifier: MIT */
#include "task/signature.h"

#include <string.h>

#define LETTERS "biIlLfds"

struct parse {
	const char *text, *at;
	struct snek_error *e;
};

static int refuse(const struct parse *p, const char *what)
{
	return sk_fail(p->e, SNEK_EINVAL, "signature '%.80s': expected %s at "
	    "'%.40s'; say d(dd) for double f(double, double)", p->text, what,
	    p->at);
}

static void skip_blanks(struct parse *p, const char *blanks)
{
	p->at += strspn(p->at, blanks);
}

static int expect(struct parse *p, char c, const char *what)
{
	skip_blanks(p, " ");
	if (*p->at != c)
		return refuse(p, what);
	p->at++;
	return 0;
}

static int take_letter(struct parse *p, char *out)
{
	skip_blanks(p, " ");
	if (!*p->at || !strchr(LETTERS, *p->at))
		return refuse(p, *p->at == 'v' ? "a type other than v (void)"
		    : "a type, one of " LETTERS);
	*out = *p->at++;
	return 0;
}

static int take_arg(struct parse *p, struct sk_signature *s)
{
	bool optional = *p->at == '?';
	int rc;

	if (s->n == SK_SIGNATURE_MAX)
		return refuse(p, "no more than 16 arguments");
	p->at += optional;
	rc = take_letter(p, &s->arg[s->n]);
	if (rc)
		return rc;
	if (optional && !strchr("ds", s->arg[s->n])) {
		p->at--;
		return refuse(p, "d or s after ? (no other type has a value "
		    "for what is missing)");
	}
	s->optional[s->n++] = optional;
	return 0;
}

int sk_signature_parse(struct sk_signature *out, const char *text,
    struct snek_error *e)
{
	struct parse p = { text, text, e };
	struct sk_signature s = { 0 };
	int rc;

	rc = take_letter(&p, &s.result);
	if (!rc)
		rc = expect(&p, '(', "( after the type of the result");
	skip_blanks(&p, " ,");
	while (!rc && *p.at != ')') {
		rc = take_arg(&p, &s);
		skip_blanks(&p, " ,");
	}
	if (!rc && !s.n)
		return refuse(&p, "an argument (a function without any learns "
		    "nothing of a record)");
	p.at += !rc;
	skip_blanks(&p, " ");
	if (!rc && *p.at)
		return refuse(&p, "the end");
	if (!rc)
		*out = s;
	return rc;
}
