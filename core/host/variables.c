/* SPDX-License-Identifier: MIT */
#include "host/variables.h"

#include <stdarg.h>
#include <stdio.h>

#define RUNTIME_DIR "/var/runtime"

bool sk_variable_is_reserved(const char *name)
{
	static const char *const names[] = { "_HANDLER", "_X_AMZN_TRACE_ID",
		"AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
		"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
		"LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool is_set(const struct sk_buf *env, const char *name, size_t len)
{
	const char *p = env->p, *end = p + env->n;

	for (; p < end; p += strlen(p) + 1)
		if (strncmp(p, name, len) == 0 && p[len] == '=')
			return true;
	return false;
}

struct writer {
	struct sk_buf *to;
	const struct sk_buf *own;       /* the function's, which go first */
	bool ok;
};

__attribute__((format(printf, 3, 4)))
static void put(struct writer *w, const char *name, const char *fmt, ...)
{
	char value[4096];
	va_list ap;

	if (is_set(w->own, name, strlen(name)))
		return;
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	w->ok = w->ok && sk_buf_printf(w->to, "%s=%s", name, value) &&
	    sk_buf_byte(w->to, 0);
}

static void put_who(struct writer *w, const struct sk_environment *v)
{
	const struct sk_config *c = &v->version->config;
	const struct sk_function *f = v->version->function;
	char version[16];

	sk_version_text(v->version, version);
	put(w, "_HANDLER", "%s", c->handler);
	put(w, "AWS_REGION", "%s", f->region);
	put(w, "AWS_DEFAULT_REGION", "%s", f->region);
	put(w, "AWS_LAMBDA_FUNCTION_NAME", "%s", f->name);
	put(w, "AWS_LAMBDA_FUNCTION_VERSION", "%s", version);
	put(w, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "%u", c->memory_mb);
	put(w, "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
	put(w, "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/%s", f->name);
	put(w, "AWS_LAMBDA_LOG_STREAM_NAME", "%s", v->stream);
}

/* Whom the code is at AWS: nobody real, unless a key was given. */
static void put_key(struct writer *w, const struct sk_host_options *o)
{
	put(w, "AWS_ACCESS_KEY_ID", "%s", o->key ? o->key : "ASIALOCALHOST");
	put(w, "AWS_SECRET_ACCESS_KEY", "%s", o->key ? o->secret : "local");
	if (!o->key)
		put(w, "AWS_SESSION_TOKEN", "local");
}

bool sk_variables_write(struct sk_buf *to, const struct sk_environment *v,
    const char *task)
{
	struct writer w = { to, &v->version->config.env, true };
	const char *root = v->host->o.root ? "/var/task" : task;

	w.ok = sk_buf_put(to, w.own->p, w.own->n);
	put_who(&w, v);
	put_key(&w, &v->host->o);
	put(&w, "AWS_LAMBDA_RUNTIME_API", "127.0.0.1:%u",
	    v->host->o.no_network ? SK_SPAWN_PORT : sk_port_number(v->port));
	put(&w, "LAMBDA_TASK_ROOT", "%s", root);
	put(&w, "LAMBDA_RUNTIME_DIR", RUNTIME_DIR);
	put(&w, "LANG", "en_US.UTF-8");
	put(&w, "TZ", ":UTC");
	put(&w, "PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin");
	put(&w, "LD_LIBRARY_PATH", "/lib64:/usr/lib64:" RUNTIME_DIR ":"
	    RUNTIME_DIR "/lib:%s:%s/lib:/opt/lib", root, root);
	if (v->dir)
		put(&w, "TMPDIR", "%s", v->dir);
	return w.ok;
}
