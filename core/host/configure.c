/* SPDX-License-Identifier: MIT */
/* configure.c - the configuration that a request asks for. */
#include "host/rest.h"
#include "host/variables.h"
#include "value/pack.h"

#include <ctype.h>
#include <stdio.h>

enum { VARIABLES = 4096, RAW = 4096 };

static bool is_role(const char *s)
{
	const char *p = strstr(s, ":iam::");

	return strncmp(s, "arn:aws", 7) == 0 && p &&
	    strspn(p + 6, "0123456789") == 12 &&
	    strncmp(p + 18, ":role/", 6) == 0 && p[24];
}

static void take_role(struct sk_fields *f, struct sk_config *c)
{
	if (sk_field_text(f, "Role", c->role, sizeof(c->role)) &&
	    !is_role(c->role))
		sk_fields_constraint(f, "Role", c->role, "satisfy regular "
		    "expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/"
		    "?[a-zA-Z_0-9+=,.@\\-_/]+");
}

/* Others bring an interpreter that is not here. */
static void take_runtime(struct sk_fields *f, struct sk_config *c)
{
	if (sk_field_text(f, "Runtime", c->runtime, sizeof(c->runtime)) &&
	    strncmp(c->runtime, "provided", 8) != 0)
		sk_fields_fail(f, "InvalidParameterValueException", "the local "
		    "host has no runtime %s; it runs a zip's own bootstrap "
		    "(provided.al2023)", c->runtime);
}

static void take_numbers(struct sk_fields *f, struct sk_config *c)
{
	struct sk_fields storage;
	int64_t n;

	if (sk_field_number(f, "Timeout", 1, 900, &n))
		c->timeout_s = (uint32_t)n;
	if (sk_field_number(f, "MemorySize", 128, 10240, &n))
		c->memory_mb = (uint32_t)n;
	if (!sk_field_object(f, "EphemeralStorage", &storage))
		return;
	if (sk_field_number(&storage, "Size", 512, 10240, &n))
		c->tmp_mb = (uint32_t)n;
	if (storage.type)
		sk_fields_fail(f, storage.type, "%s", storage.text);
}

/* ---- variables ---- */

static bool is_variable(struct snek_value name)
{
	const char *s = name.as.s;
	uint32_t i;

	if (name.len < 2 || name.len > 512 || !isalpha((unsigned char)s[0]))
		return false;
	for (i = 1; i < name.len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return true;
}

static void take_variable(struct sk_fields *f, struct sk_buf *env,
    struct snek_value name, struct snek_value value)
{
	char text[520];

	if (!is_variable(name)) {
		sk_fields_fail(f, "InvalidParameterValueException", "%.*s is no "
		    "name for an environment variable", (int)name.len, name.as.s);
		return;
	}
	snprintf(text, sizeof(text), "%.*s", (int)name.len, name.as.s);
	if (sk_variable_is_reserved(text))
		sk_fields_fail(f, "InvalidParameterValueException", "Lambda was "
		    "unable to configure your environment variables because the "
		    "environment variables you have provided contains reserved "
		    "keys that are currently not supported for modification. "
		    "Reserved keys used in this request: %s", text);
	else if (value.type != SNEK_STRING || memchr(value.as.s, 0, value.len))
		sk_fields_fail(f, "SerializationException",
		    "the variable %s is no string", text);
	else if (!sk_buf_printf(env, "%s=", text) ||
	    !sk_buf_put(env, value.as.s, value.len) || !sk_buf_byte(env, 0))
		sk_fields_fail(f, "ServiceException", "out of memory");
}

static void take_variables(struct sk_fields *f, struct sk_config *c)
{
	struct sk_fields environment, variables;
	struct snek_value name, value;
	struct snek_cursor at;

	if (!sk_field_object(f, "Environment", &environment))
		return;
	c->env.n = 0;
	if (!sk_field_object(&environment, "Variables", &variables) ||
	    sk_iterate(variables.object, &at))
		return;
	while (!f->type && sk_next(&at, &name, &value) == 1)
		take_variable(f, &c->env, name, value);
	if (c->env.n > VARIABLES)
		sk_fields_fail(f, "InvalidParameterValueException", "Lambda was "
		    "unable to configure your environment variables because the "
		    "environment variables you have provided exceeded the 4KB "
		    "limit.");
}

/* ---- what has no effect here ---- */

static void keep(struct sk_fields *f, const char *name, struct sk_buf *to)
{
	struct snek_value v;

	if (!sk_field(f, name, &v))
		return;
	to->n = 0;
	if (v.type != SNEK_OBJECT || v.len > RAW)
		sk_fields_fail(f, "InvalidParameterValueException",
		    "%s is no object of less than %d bytes", name, RAW);
	else if (!sk_json_write(to, v))
		sk_fields_fail(f, "ServiceException", "out of memory");
}

static bool is_empty(struct snek_value v)
{
	struct snek_value name, value;
	struct snek_cursor at;

	return !sk_iterate(v, &at) && sk_next(&at, &name, &value) == 0;
}

static void refuse_others(struct sk_fields *f)
{
	static const char *const names[] = { "Layers", "FileSystemConfigs",
		"ImageConfig", "DeadLetterConfig", "KMSKeyArn",
		"CodeSigningConfigArn", "DurableConfig",
		"CapacityProviderConfig", "TenancyConfig" };
	struct snek_value v;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (sk_field(f, names[i], &v) && !is_empty(v))
			sk_fields_fail(f, "InvalidParameterValueException",
			    "the local host has no %s", names[i]);
}

void sk_configure(struct sk_fields *f, struct sk_config *c)
{
	take_role(f, c);
	take_runtime(f, c);
	sk_field_text(f, "Handler", c->handler, sizeof(c->handler));
	sk_field_text(f, "Description", c->description, sizeof(c->description));
	take_numbers(f, c);
	take_variables(f, c);
	keep(f, "VpcConfig", &c->vpc);
	keep(f, "TracingConfig", &c->tracing);
	keep(f, "LoggingConfig", &c->logging);
	refuse_others(f);
}
