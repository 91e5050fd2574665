/* SPDX-License-Identifier: MIT */
#include "task/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "value/value.h"

#define MAX_FIELD 4096u

void sk_callee_free(struct sk_callee *f)
{
	if (!f)
		return;
	sk_ffi_free(f->ffi);
	free(f->name);
	free(f->text);
	free(f);
}

/* ---- declared in a plugin ---- */

static int take_fields(struct sk_callee *f, const char *const *list,
    struct snek_error *e)
{
	uint32_t i;

	for (i = 0; list && i < f->sig.n && list[i]; i++) {
		if (strnlen(list[i], MAX_FIELD + 1) > MAX_FIELD)
			return sk_fail(e, SNEK_EINVAL, "a field's path is over "
			    "%u bytes long", MAX_FIELD);
		f->field[i] = list[i];
	}
	if (i < f->sig.n || list[i])
		return sk_fail(e, SNEK_EINVAL, "its function takes %u "
		    "argument%s and names %s fields", f->sig.n,
		    f->sig.n == 1 ? "" : "s", i < f->sig.n ? "fewer" : "more");
	return 0;
}

/* What is said of an op that says nothing of itself. */
static int summarize(struct sk_op *o, struct sk_callee *f, struct snek_error *e)
{
	struct sk_buf b = {0};
	bool made = sk_buf_printf(&b, "calls %s with ", f->sig.result == 'b' ?
	    "a filter" : "a function");

	for (uint32_t i = 0; made && i < f->sig.n; i++)
		made = sk_buf_printf(&b, "%s%s", i ? ", " : "", *f->field[i] ?
		    f->field[i] : "the record");
	if (!made) {
		sk_buf_free(&b);
		return sk_enomem(e);
	}
	o->op.summary = f->text = b.p;
	return 0;
}

int sk_callee_declare(struct sk_op *o, const struct snek_function *from,
    struct snek_error *e)
{
	struct sk_callee *f;
	int rc;

	if (!from->call || !from->signature)
		return sk_fail(e, SNEK_EINVAL, "its function has no %s",
		    from->call ? "signature" : "address");
	f = calloc(1, sizeof(*f));
	if (!f)
		return sk_enomem(e);
	o->callee = f;
	rc = sk_signature_parse(&f->sig, from->signature, e);
	if (!rc)
		rc = take_fields(f, from->fields, e);
	if (!rc)
		rc = sk_ffi_new(&f->sig, from->call, &f->ffi, e);
	if (!rc && !o->op.summary)
		rc = summarize(o, f, e);
	if (!rc)
		sk_callee_serve(&o->op);
	return rc;
}

/* ---- named from outside ---- */

static bool is_identifier(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return n && n <= 255 && !s[n] && (*s < '0' || *s > '9');
}

static int check_names(const struct sk_call *c, struct snek_error *e)
{
	if (!c->lib || !*c->lib)
		return sk_fail(e, SNEK_EINVAL, "the library has no name");
	if (!c->function || !is_identifier(c->function))
		return sk_fail(e, SNEK_EINVAL, "'%.80s' cannot be the name of "
		    "a C function", c->function ? c->function : "");
	if (!c->signature)
		return sk_fail(e, SNEK_EINVAL, "%.80s has no signature, such as "
		    "d(dd)", c->function);
	return 0;
}

/* One field, without the backslashes of its commas; others are the path's. */
static void copy_field(const char **from, char **to)
{
	const char *s = *from;
	char *t = *to;

	for (; *s && *s != ','; s++) {
		if (*s == '\\' && s[1] == ',')
			s++;
		else if (*s == '\\' && s[1])
			*t++ = *s++;
		*t++ = *s;
	}
	*t++ = '\0';
	*from = s;
	*to = t;
}

/* How many fields there are; the first ones are noted.  to has as much room as
 * from takes. */
static uint32_t split(struct sk_callee *f, const char *from, char *to)
{
	uint32_t n;

	for (n = 0;; n++, from++) {
		if (n < SK_SIGNATURE_MAX)
			f->field[n] = to;
		copy_field(&from, &to);
		if (!*from)
			return n + 1;
	}
}

static int check_paths(const struct sk_callee *f, struct snek_error *e)
{
	struct sk_path p;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < f->sig.n; i++) {
		rc = sk_path_parse(&p, f->field[i], e);
		if (!rc)
			sk_path_free(&p);
	}
	return rc;
}

static int name_fields(struct sk_callee *f, const char *fields,
    struct snek_error *e)
{
	uint32_t n;

	if (!fields && f->sig.n > 1)
		return sk_fail(e, SNEK_EINVAL, "%.80s takes %u arguments: say "
		    "which fields they are", f->name, f->sig.n);
	if (!fields)
		fields = "";
	f->text = malloc(strlen(fields) + 1);
	if (!f->text)
		return sk_enomem(e);
	n = split(f, fields, f->text);
	if (n != f->sig.n)
		return sk_fail(e, SNEK_EINVAL, "%.80s takes %u argument%s, and "
		    "'%.200s' names %u field%s", f->name, f->sig.n,
		    f->sig.n == 1 ? "" : "s", fields, n, n == 1 ? "" : "s");
	return check_paths(f, e);
}

static int describe(struct sk_callee *f, const struct sk_call *c,
    struct snek_error *e)
{
	int rc;

	f->name = strdup(c->function);
	if (!f->name)
		return sk_enomem(e);
	rc = sk_signature_parse(&f->sig, c->signature, e);
	return rc ? rc : name_fields(f, c->fields, e);
}

/* A plugin with an op and a callee, all empty. */
static struct sk_plugin *new_plugin(const char *library)
{
	const char *slash = strrchr(library, '/');
	struct sk_plugin *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	snprintf(p->name, sizeof(p->name), "%.64s", slash ? slash + 1 : library);
	p->op = calloc(1, sizeof(*p->op));
	if (p->op) {
		p->ops = 1;
		p->op->callee = calloc(1, sizeof(*p->op->callee));
	}
	if (p->op && p->op->callee)
		return p;
	sk_plugin_close(p);
	return NULL;
}

int sk_call_describe(const struct sk_call *c, struct sk_plugin **out,
    struct snek_error *e)
{
	struct sk_plugin *p;
	int rc = check_names(c, e);

	if (rc)
		return rc;
	p = new_plugin(c->lib);
	if (!p)
		return sk_enomem(e);
	rc = describe(p->op->callee, c, e);
	if (rc) {
		sk_plugin_close(p);
		return rc;
	}
	p->op->op.size = sizeof(p->op->op);
	p->op->op.name = p->op->callee->name;
	sk_callee_serve(&p->op->op);
	*out = p;
	return 0;
}

int sk_call_open(const struct sk_call *c, struct sk_plugin **out,
    struct snek_error *e)
{
	void (*function)(void) = NULL;
	struct sk_plugin *p;
	int rc = sk_call_describe(c, &p, e);

	if (rc)
		return rc;
	rc = sk_plugin_symbol(c->lib, c->function, &function, e);
	if (!rc)
		rc = sk_ffi_new(&p->op->callee->sig, function,
		    &p->op->callee->ffi, e);
	if (rc)
		sk_plugin_close(p);
	else
		*out = p;
	return rc;
}
