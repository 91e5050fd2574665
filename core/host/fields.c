/* SPDX-License-Identifier: MIT */
#include "host/fields.h"
#include "value/pack.h"

#include <stdarg.h>
#include <stdio.h>

void sk_fields_fail(struct sk_fields *f, const char *type, const char *fmt, ...)
{
	va_list ap;

	if (f->type)
		return;
	f->type = type;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

/* AWS begins names of members with a small letter there. */
void sk_fields_constraint(struct sk_fields *f, const char *name,
    const char *value, const char *must)
{
	sk_fields_fail(f, "ValidationException", "1 validation error detected: "
	    "Value '%.128s' at '%c%s' failed to satisfy constraint: Member must "
	    "%s", value, name[0] | 0x20, name + 1, must);
}

void sk_fields_read(struct sk_fields *f, sk_json_reader *json, struct sk_span text)
{
	struct snek_error e = { 0 };

	memset(f, 0, sizeof(*f));
	if (!text.n)
		return;
	if (sk_json_value(json, text.p, text.n, &f->object, &e))
		sk_fields_fail(f, "SerializationException", "%s", e.text);
	else if (f->object.type != SNEK_OBJECT)
		sk_fields_fail(f, "SerializationException",
		    "the body is no JSON object");
	if (f->type)
		f->object.type = SNEK_NONE;
}

bool sk_field(struct sk_fields *f, const char *name, struct snek_value *out)
{
	struct snek_value key;
	struct snek_cursor c;
	size_t len = strlen(name);

	if (f->type || f->object.type != SNEK_OBJECT ||
	    sk_iterate(f->object, &c))
		return false;
	while (sk_next(&c, &key, out) == 1)
		if (key.len == len && memcmp(key.as.s, name, len) == 0)
			return out->type != SNEK_NULL;
	return false;
}

static bool wrong_type(struct sk_fields *f, const char *name, const char *want)
{
	sk_fields_fail(f, "SerializationException", "%s is not %s", name, want);
	return false;
}

bool sk_field_object(struct sk_fields *f, const char *name,
    struct sk_fields *out)
{
	struct snek_value v;

	memset(out, 0, sizeof(*out));
	if (!sk_field(f, name, &v))
		return false;
	if (v.type != SNEK_OBJECT)
		return wrong_type(f, name, "an object");
	out->object = v;
	return true;
}

bool sk_field_text(struct sk_fields *f, const char *name, char *to, size_t size)
{
	char must[64];
	struct snek_value v;

	if (!sk_field(f, name, &v))
		return false;
	if (v.type != SNEK_STRING || memchr(v.as.s, 0, v.len))
		return wrong_type(f, name, "a string");
	if (v.len >= size) {
		snprintf(must, sizeof(must),
		    "have length less than or equal to %zu", size - 1);
		sk_fields_constraint(f, name, "...", must);
		return false;
	}
	memcpy(to, v.as.s, v.len);
	to[v.len] = '\0';
	return true;
}

bool sk_field_number(struct sk_fields *f, const char *name, int64_t min,
    int64_t max, int64_t *out)
{
	char value[32], must[64];
	struct snek_value v;

	if (!sk_field(f, name, &v))
		return false;
	if (v.type != SNEK_INT)
		return wrong_type(f, name, "a whole number");
	if (v.as.i >= min && v.as.i <= max) {
		*out = v.as.i;
		return true;
	}
	snprintf(value, sizeof(value), "%lld", (long long)v.as.i);
	snprintf(must, sizeof(must), "have value %s than or equal to %lld",
	    v.as.i < min ? "greater" : "less",
	    (long long)(v.as.i < min ? min : max));
	sk_fields_constraint(f, name, value, must);
	return false;
}

bool sk_field_bool(struct sk_fields *f, const char *name)
{
	struct snek_value v;

	if (!sk_field(f, name, &v))
		return false;
	if (v.type != SNEK_BOOL)
		return wrong_type(f, name, "true or false");
	return v.as.b;
}
