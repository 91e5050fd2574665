/* SPDX-License-Identifier: MIT */
#include "api/registry.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/client.h"
#include "base/base64.h"
#include "store/meta_record.h"
#include "value/pack.h"

void sk_registry_put(struct sk_object *o, const struct sk_meta_function *m)
{
	struct sk_buf record = { 0 }, text = { 0 };

	if (!sk_record_pack_function(&record, m) ||
	    !sk_base64_put(&text, record.p, record.n)) {
		o->nomem = true;
	} else {
		sk_object_open(o, NULL, '{');
		sk_object_text(o, "name", m->name);
		sk_object_any(o, "record", sk_string(text.p, text.n));
		sk_object_close(o, '}');
	}
	sk_buf_free(&record);
	sk_buf_free(&text);
}

static int get_record(struct snek_value name, struct snek_value text,
    struct sk_meta_function *m, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = name.type == SNEK_STRING && text.type == SNEK_STRING ?
	    sk_base64_get(&b, text.as.s, text.len) : SNEK_EFORMAT;

	if (!rc)
		rc = sk_record_read_function("the registry", (struct sk_span){
		    name.as.s, name.len }, (struct sk_span){ b.p, b.n }, m, e);
	sk_buf_free(&b);
	return rc == SNEK_EVERSION || rc == 0 ? rc : rc == SNEK_ENOMEM ?
	    sk_enomem(e) : sk_fail(e, SNEK_EFORMAT, "a function's record that "
	    "is none");
}

int sk_registry_get(const struct sk_record *r,
    int (*visit)(void *, const struct sk_meta_function *), void *arg,
    struct snek_error *e)
{
	struct snek_value list = sk_object_member(r, "functions"), at, value;
	struct sk_member m[4];
	struct sk_record one = { .object = true, .member = m };
	struct sk_meta_function *f = malloc(sizeof(*f));
	struct snek_cursor c;
	int rc = f ? 0 : sk_enomem(e);

	if (!rc && (list.type != SNEK_ARRAY || sk_iterate(list, &c)))
		rc = sk_fail(e, SNEK_EFORMAT, "there is no list of functions");
	while (!rc && sk_next(&c, &at, &value) == 1) {
		one.n = sk_client_members(value, m, 4);
		rc = get_record(sk_object_member(&one, "name"),
		    sk_object_member(&one, "record"), f, e);
		if (!rc)
			rc = visit(arg, f);
	}
	free(f);
	return rc;
}
