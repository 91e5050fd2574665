/* SPDX-License-Identifier: MIT */
#include "task/plugin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/json_read.h"
#include "value/pack.h"
#include "value/value.h"

struct parse {
	const struct sk_op *op;         /* NULL: only a default is looked at */
	struct sk_args *args;
	sk_json_reader *json;
	struct snek_error *e;
};

/* ---- one value ---- */

static const char *const wanted[] = {
	[SNEK_ARG_STRING] = "a string",
	[SNEK_ARG_INT] = "a whole number in [-2^63, 2^63)",
	[SNEK_ARG_DOUBLE] = "a number",
	[SNEK_ARG_BOOL] = "yes or no",
	[SNEK_ARG_CHOICE] = "one of",
	[SNEK_ARG_LIST] = "a list of strings: A,B,C, or a JSON array",
};

static const char *op_name(const struct parse *p)
{
	return p->op ? p->op->op.name : "the op";
}

/* found: the value as text, n bytes. */
static int refuse(const struct parse *p, const struct snek_arg *a,
    const char *found, size_t n)
{
	return sk_fail(p->e, SNEK_EINVAL, "argument '%s' of %s must be %s%s%.120s,"
	    " not '%.*s'", a->name, op_name(p), wanted[a->type],
	    a->type == SNEK_ARG_CHOICE ? " " : "",
	    a->type == SNEK_ARG_CHOICE ? a->choices : "",
	    n > 80 ? 80 : (int)n, found);
}

static int refuse_value(const struct parse *p, const struct snek_arg *a,
    struct snek_value v)
{
	struct sk_buf text = {0};
	int rc = sk_json_write(&text, v) ? refuse(p, a, text.p, text.n)
	    : sk_enomem(p->e);

	sk_buf_free(&text);
	return rc;
}

static int set_string(const struct parse *p, const char *s, size_t n,
    struct snek_value *out)
{
	char *copy = sk_arena_copy(&p->args->arena, s, n);

	if (!copy)
		return sk_enomem(p->e);
	*out = sk_string(copy, n);
	return 0;
}

static bool is_choice(const char *choices, const char *s, size_t n)
{
	size_t one;

	for (; choices; choices = choices[one] ? choices + one + 1 : NULL) {
		one = strcspn(choices, "|");
		if (one == n && !memcmp(choices, s, n))
			return true;
	}
	return false;
}

static int set_choice(const struct parse *p, const struct snek_arg *a,
    const char *s, size_t n, struct snek_value *out)
{
	if (!is_choice(a->choices, s, n))
		return refuse(p, a, s, n);
	return set_string(p, s, n, out);
}

static int set_packed(const struct parse *p, struct sk_buf *packed, bool made,
    struct snek_value *out)
{
	char *copy = made ? sk_arena_copy(&p->args->arena, packed->p, packed->n)
	    : NULL;

	if (copy)
		*out = (struct snek_value){ .type = SNEK_ARRAY,
		    .len = (uint32_t)packed->n, .as.p = copy };
	sk_buf_free(packed);
	return copy ? 0 : sk_enomem(p->e);
}

/* "A,B" has two elements, "" has none. */
static int set_list(const struct parse *p, const char *s, struct snek_value *out)
{
	struct sk_buf b = {0};
	bool made;
	uint32_t n = 0;

	for (const char *c = s; *c; c++)
		n += *c == ',';
	made = sk_pack_array(&b, *s ? n + 1 : 0);
	while (made && *s) {
		size_t one = strcspn(s, ",");

		made = sk_pack_string(&b, s, one);
		s += one;
		if (*s && !*++s)                /* it ends in a comma */
			made = made && sk_pack_string(&b, s, 0);
	}
	return set_packed(p, &b, made, out);
}

/* Numbers are JSON's: no locale, no hexadecimal, no blanks. */
static int set_number(const struct parse *p, const struct snek_arg *a,
    struct snek_value v, struct snek_value *out)
{
	double d;

	if (v.type == SNEK_INT && a->type == SNEK_ARG_INT) {
		*out = v;
		return 0;
	}
	if (a->type != SNEK_ARG_DOUBLE || !snek_to_double(v, &d))
		return refuse_value(p, a, v);
	*out = sk_double(d);
	return 0;
}

static int number_from_text(const struct parse *p, const struct snek_arg *a,
    const char *s, struct snek_value *out)
{
	struct snek_value v;

	int rc = strspn(s, "+-.0123456789eE") == strlen(s)
	    ? sk_json_value(p->json, s, strlen(s), &v, NULL) : SNEK_EFORMAT;

	if (rc == SNEK_ENOMEM)
		return sk_enomem(p->e);
	if (rc < 0)
		return refuse(p, a, s, strlen(s));
	if (v.type != SNEK_INT && a->type == SNEK_ARG_INT)
		return refuse(p, a, s, strlen(s));
	return set_number(p, a, v, out);
}

static int set_bool(const struct parse *p, const struct snek_arg *a,
    const char *s, size_t n, struct snek_value *out)
{
	bool yes = is_choice("yes|true", s, n);

	if (!yes && !is_choice("no|false", s, n))
		return refuse(p, a, s, n);
	*out = sk_bool(yes);
	return 0;
}

static int from_text(const struct parse *p, const struct snek_arg *a,
    const char *s, struct snek_value *out)
{
	size_t n = strlen(s), good = sk_utf8_check(s, n);

	if (n >= UINT32_MAX || good < n)
		return sk_fail(p->e, SNEK_EINVAL, "argument '%s' of %s is not "
		    "UTF-8 at byte %zu", a->name, op_name(p), good);
	switch (a->type) {
	case SNEK_ARG_STRING: return set_string(p, s, n, out);
	case SNEK_ARG_BOOL:   return set_bool(p, a, s, n, out);
	case SNEK_ARG_CHOICE: return set_choice(p, a, s, n, out);
	case SNEK_ARG_LIST:   return set_list(p, s, out);
	default:              return number_from_text(p, a, s, out);
	}
}

static bool all_strings(struct snek_value list)
{
	struct snek_value name, v;
	struct snek_cursor c;

	if (sk_iterate(list, &c) < 0)
		return false;
	while (sk_next(&c, &name, &v) > 0)
		if (v.type != SNEK_STRING)
			return false;
	return true;
}

/* As on the command line: "A,B,C". */
static int list_from_string(const struct parse *p, struct snek_value v,
    struct snek_value *out)
{
	struct sk_buf b = {0};
	int rc = SNEK_ENOMEM;

	if (sk_buf_put(&b, v.as.s, v.len) && sk_buf_byte(&b, 0))
		rc = set_list(p, b.p, out);
	sk_buf_free(&b);
	return rc;
}

static int list_from_json(const struct parse *p, const struct snek_arg *a,
    struct snek_value v, struct snek_value *out)
{
	struct sk_buf b = {0};

	if (v.type == SNEK_STRING && !memchr(v.as.s, 0, v.len))
		return list_from_string(p, v, out);
	if (v.type != SNEK_ARRAY || !all_strings(v))
		return refuse_value(p, a, v);
	return set_packed(p, &b, sk_buf_put(&b, v.as.p, v.len), out);
}

static int from_json(const struct parse *p, const struct snek_arg *a,
    struct snek_value v, struct snek_value *out)
{
	if (a->type == SNEK_ARG_INT || a->type == SNEK_ARG_DOUBLE)
		return set_number(p, a, v, out);
	if (a->type == SNEK_ARG_LIST)
		return list_from_json(p, a, v, out);
	if (a->type == SNEK_ARG_BOOL && v.type == SNEK_BOOL) {
		*out = v;
		return 0;
	}
	if (v.type != SNEK_STRING)
		return refuse_value(p, a, v);
	if (a->type == SNEK_ARG_BOOL)
		return set_bool(p, a, v.as.s, v.len, out);
	if (a->type == SNEK_ARG_CHOICE)
		return set_choice(p, a, v.as.s, v.len, out);
	return set_string(p, v.as.s, v.len, out);
}

/* ---- names ---- */

static int say_no_such(const struct parse *p, const char *name, size_t n)
{
	const char *names[256], *near;
	struct sk_buf all = {0};
	char word[81];
	uint32_t i;
	int rc;

	snprintf(word, sizeof(word), "%.*s", n > 80 ? 80 : (int)n, name);
	for (i = 0; i < p->op->args && i < 256; i++) {
		names[i] = p->op->arg[i].name;
		if (!sk_buf_printf(&all, "%s%s", i ? ", " : "; it has ", names[i]))
			break;
	}
	near = sk_did_you_mean(word, names, i);
	if (near)
		rc = sk_fail(p->e, SNEK_EINVAL, "%s has no argument '%s'; did "
		    "you mean '%s'?", p->op->op.name, word, near);
	else
		rc = sk_fail(p->e, SNEK_EINVAL, "%s has no argument '%s'%.300s",
		    p->op->op.name, word, all.n ? all.p : "; it takes none");
	sk_buf_free(&all);
	return rc;
}

/* The argument's number, or SNEK_EINVAL. */
static int find(const struct parse *p, const char *name, size_t n)
{
	for (uint32_t i = 0; i < p->op->args; i++) {
		const char *have = p->op->arg[i].name;

		if (!strncmp(have, name, n) && !have[n])
			return (int)i;
	}
	return say_no_such(p, name, n);
}

/* ---- all of them ---- */

static int take_json(const struct parse *p, const char *text)
{
	struct snek_value all, name, v;
	struct snek_error why;
	struct snek_cursor c;
	int rc, i;

	if (!text)
		return 0;
	rc = sk_json_value(p->json, text, strlen(text), &all, &why);
	if (rc == SNEK_ENOMEM)
		return sk_enomem(p->e);
	if (rc < 0)
		return sk_fail(p->e, SNEK_EINVAL, "arguments of %s: %.300s",
		    p->op->op.name, why.text);
	if (all.type != SNEK_OBJECT || sk_iterate(all, &c) < 0)
		return sk_fail(p->e, SNEK_EINVAL, "arguments of %s must be a "
		    "JSON object", p->op->op.name);
	while ((rc = sk_next(&c, &name, &v)) > 0) {
		i = find(p, name.as.s, name.len);
		if (i < 0)
			return i;
		if (v.type == SNEK_NULL)        /* as if it were not there */
			continue;
		rc = from_json(p, &p->op->arg[i], v, &p->args->value[i]);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int take_text(const struct parse *p, const struct sk_arg_text *text,
    size_t n)
{
	for (size_t k = 0; k < n; k++) {
		int rc, i = find(p, text[k].name, strlen(text[k].name));

		if (i < 0)
			return i;
		for (size_t j = 0; j < k; j++)
			if (!strcmp(text[j].name, text[k].name))
				return sk_fail(p->e, SNEK_EINVAL, "argument "
				    "'%s' of %s is given twice", text[k].name,
				    p->op->op.name);
		rc = from_text(p, &p->op->arg[i], text[k].value,
		    &p->args->value[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int fill_in(const struct parse *p)
{
	for (uint32_t i = 0; i < p->op->args; i++) {
		const struct snek_arg *a = &p->op->arg[i];
		int rc = 0;

		if (p->args->value[i].type != SNEK_NONE)
			continue;
		if (a->value)
			rc = from_text(p, a, a->value, &p->args->value[i]);
		else if (a->required)
			rc = sk_fail(p->e, SNEK_EINVAL, "%s needs the argument "
			    "'%s'%s%.200s", p->op->op.name, a->name,
			    a->help ? ": " : "", a->help ? a->help : "");
		if (rc < 0)
			return rc;
	}
	return 0;
}

int sk_args_parse(struct sk_args *out, const struct sk_op *op, const char *json,
    const struct sk_arg_text *text, size_t n, struct snek_error *e)
{
	struct sk_args a = { .n = op->args };
	struct parse p = { op, &a, NULL, e };
	int rc;

	a.value = calloc(op->args + 1, sizeof(*a.value));
	if (!a.value || sk_json_reader_new(NULL, &p.json) < 0) {
		sk_args_free(&a);
		return sk_enomem(e);
	}
	rc = take_json(&p, json);
	if (rc >= 0)
		rc = take_text(&p, text, n);
	if (rc >= 0)
		rc = fill_in(&p);
	sk_json_reader_free(p.json);
	if (rc < 0)
		sk_args_free(&a);
	else
		*out = a;
	return rc;
}

void sk_args_free(struct sk_args *a)
{
	if (!a)
		return;
	free(a->value);
	sk_arena_free(&a->arena);
	memset(a, 0, sizeof(*a));
}

bool sk_args_get(const struct sk_args *a, const struct sk_op *op,
    const char *name, struct snek_value *out)
{
	for (uint32_t i = 0; i < op->args; i++) {
		if (strcmp(op->arg[i].name, name))
			continue;
		*out = a && i < a->n ? a->value[i] : sk_none();
		return true;
	}
	return false;
}

int sk_arg_check(const struct snek_arg *a, struct snek_error *e)
{
	struct sk_args args = {0};
	struct parse p = { NULL, &args, NULL, e };
	struct snek_value v;
	int rc;

	if (a->type == SNEK_ARG_CHOICE && (!a->choices || !*a->choices))
		return sk_fail(e, SNEK_EINVAL, "argument '%s' has no choices",
		    a->name);
	if (!a->value)
		return 0;
	if (sk_json_reader_new(NULL, &p.json) < 0)
		return sk_enomem(e);
	rc = from_text(&p, a, a->value, &v);
	sk_json_reader_free(p.json);
	sk_args_free(&args);
	return rc < 0 ? sk_fail_in(e, rc, "default") : 0;
}

/* ---- spelling ---- */

#define WORD 64

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	uint8_t row[3][WORD + 1];
	uint8_t *two = row[0], *one = row[1], *now = row[2], *spare;

	for (size_t j = 0; j <= m; j++)
		one[j] = (uint8_t)j;
	for (size_t i = 1; i <= n; i++) {
		now[0] = (uint8_t)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned d = least(one[j] + 1u, now[j - 1] + 1u,
			    one[j - 1] + (a[i - 1] != b[j - 1]));

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && two[j - 2] + 1u < d)
				d = two[j - 2] + 1u;
			now[j] = (uint8_t)d;
		}
		spare = two;
		two = one;
		one = now;
		now = spare;
	}
	return one[m];
}

const char *sk_did_you_mean(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word), m;
	unsigned d, best = len > 8 ? 4 : len > 3 ? 3 : 2;
	const char *near = NULL;

	if (len > WORD)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		m = strlen(words[i]);
		if (m > WORD)
			continue;
		d = distance(word, len, words[i], m);
		if (d < best && d < m) {        /* not all of it is new */
			best = d;
			near = words[i];
		}
	}
	return near;
}
