/* SPDX-License-Identifier: MIT */
/* rest_function.c - functions made, changed, looked at, removed, and run. */
#include "host/rest.h"
#include "host/disk.h"
#include "host/invoke.h"
#include "base/clock.h"
#include "value/pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFLICT "ResourceConflictException"

static void answer_version(struct sk_call *c, unsigned status,
    const struct sk_version *v, bool qualified)
{
	struct sk_buf b = { 0 };
	bool ok = sk_describe_version(&b, v->function, v, qualified);

	sk_answer_json(c->host, c->request, status, &b, ok);
}

/* ---- what takes its time ---- */

struct sk_settling {
	struct sk_settling *next, *previous;
	struct sk_timer timer;
	struct sk_host *host;
	struct sk_function *function;
};

static void settle(struct sk_host *h, struct sk_function *f)
{
	f->state = SK_ACTIVE;
	f->updating = false;
	if (f->deleted)
		return;
	sk_function_serve(f);
	sk_environment_retire(h);
}

static void on_settled(void *arg)
{
	struct sk_settling *s = arg;

	if (s->previous)
		s->previous->next = s->next;
	else
		s->host->settling = s->next;
	if (s->next)
		s->next->previous = s->previous;
	sk_loop_unset(s->host->loop, &s->timer);
	settle(s->host, s->function);
	sk_function_unref(s->function);
	free(s);
}

void sk_rest_settle_all(struct sk_host *h)
{
	while (h->settling)
		on_settled(h->settling);
}

/* Pending becomes Active, InProgress Successful, after --create-ms; at once
 * where there is no memory to wait in. */
static void settle_later(struct sk_host *h, struct sk_function *f)
{
	struct sk_settling *s = h->o.create_ms ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		settle(h, f);
		return;
	}
	s->timer = (struct sk_timer){ .fire = on_settled, .arg = s };
	s->host = h;
	s->function = f;
	f->refs++;
	s->next = h->settling;
	if (s->next)
		s->next->previous = s;
	h->settling = s;
	if (sk_loop_set(h->loop, &s->timer, sk_clock_us() +
	    h->o.create_ms * (int64_t)1000))
		on_settled(s);
}

/* ---- create ---- */

static void set_defaults(struct sk_config *c)
{
	memset(c, 0, sizeof(*c));
	c->timeout_s = 3;
	c->memory_mb = 128;
	c->tmp_mb = 512;
	snprintf(c->arch, sizeof(c->arch), "x86_64");
}

static void take_arch(struct sk_fields *f, struct sk_config *c)
{
	struct snek_value list, name, value;
	struct snek_cursor at;

	if (!sk_field(f, "Architectures", &list))
		return;
	if (sk_iterate(list, &at) || sk_next(&at, &name, &value) != 1 ||
	    value.type != SNEK_STRING)
		sk_fields_fail(f, "SerializationException",
		    "Architectures is no list of a string");
	else if (value.len != 6 || memcmp(value.as.s, "x86_64", 6) != 0)
		sk_fields_fail(f, "InvalidParameterValueException",
		    "the local host runs on x86_64 alone");
	else
		snprintf(c->arch, sizeof(c->arch), "x86_64");
}

/* What is needed to make one. */
static void check_required(struct sk_fields *f, const struct sk_config *c)
{
	if (!*c->role)
		sk_fields_constraint(f, "Role", "null", "not be null");
	if (!*c->runtime || !*c->handler)
		sk_fields_fail(f, "InvalidParameterValueException", "Runtime and "
		    "Handler are mandatory parameters for functions created with "
		    "deployment packages.");
}

static void finish_create(struct sk_call *c, struct sk_function *f,
    const struct sk_config *config, struct sk_code *code)
{
	struct sk_version *v;

	f->state = SK_PENDING;
	if (sk_function_update(f, config, code) ||
	    (sk_field_bool(&c->body, "Publish") &&
	    sk_function_publish(f, NULL, &v))) {
		sk_answer_failed(c->host, c->request,
		    &(struct snek_error){ .code = SNEK_ENOMEM });
		sk_function_remove(&(struct sk_registry){ 0 }, f);
		return;
	}
	sk_function_serve(f);
	sk_function_insert(&c->host->functions, f);
	answer_version(c, 201, f->versions ? f->versions : f->latest,
	    f->versions != NULL);
	settle_later(c->host, f);
}

static void create(struct sk_call *c, struct sk_config *config)
{
	struct sk_function *f = sk_function_new(c->name, c->region);
	struct sk_code *code = NULL;
	struct sk_fields where;

	if (!f) {
		sk_answer_failed(c->host, c->request,
		    &(struct snek_error){ .code = SNEK_ENOMEM });
		return;
	}
	sk_take_tags(&c->body, f);
	if (!sk_field_object(&c->body, "Code", &where))
		sk_fields_constraint(&c->body, "Code", "null", "not be null");
	if (!sk_call_refused(c, &c->body))
		code = sk_code_take(c, &where);
	if (code)
		finish_create(c, f, config, code);
	else
		sk_function_unref(f);
	sk_code_unref(code);
}

void sk_rest_create(struct sk_call *c)
{
	struct sk_function_name n = { .name = "" };
	struct sk_config config;
	char name[256];

	if (sk_field_text(&c->body, "FunctionName", name, sizeof(name)) &&
	    (!sk_function_name_parse(name, &n) || *n.qualifier))
		sk_fields_constraint(&c->body, "FunctionName", name,
		    "be a name of letters, digits, - and _");
	else if (!*n.name)
		sk_fields_constraint(&c->body, "FunctionName", "null",
		    "not be null");
	set_defaults(&config);
	sk_configure(&c->body, &config);
	take_arch(&c->body, &config);
	check_required(&c->body, &config);
	memcpy(c->name, n.name, sizeof(c->name));
	if (sk_call_refused(c, &c->body))
		;
	else if (sk_function_find(&c->host->functions, c->name))
		sk_answer_error(c->host, c->request, 409, CONFLICT,
		    "Function already exist: %s", c->name);
	else
		create(c, &config);
	sk_config_free(&config);
}

/* ---- get, list, delete ---- */

static struct sk_version *find_version(struct sk_call *c)
{
	struct sk_function *f = c->function;
	struct sk_version *v;

	if (!*c->qualifier || !strcmp(c->qualifier, SK_LATEST))
		return f->latest;
	v = sk_function_resolve(f, c->qualifier, 1);
	if (!v)
		sk_call_not_found(c);
	return v;
}

void sk_rest_get_configuration(struct sk_call *c)
{
	struct sk_version *v = find_version(c);

	if (v)
		answer_version(c, 200, v, *c->qualifier);
}

void sk_rest_get(struct sk_call *c)
{
	struct sk_version *v = find_version(c);
	struct sk_buf b = { 0 };
	bool ok;

	if (!v)
		return;
	ok = sk_buf_printf(&b, "{\"Configuration\":") &&
	    sk_describe_version(&b, c->function, v, *c->qualifier) &&
	    sk_buf_printf(&b, ",\"Code\":{\"RepositoryType\":\"S3\","
	    "\"Location\":\"http://127.0.0.1:%u/2015-03-31/snapshots/%s/%s\"}",
	    sk_port_number(c->host->port), c->function->name, v->revision);
	if (c->function->tags)
		ok = ok && sk_buf_byte(&b, ',') && sk_put_tags(&b, c->function);
	if (c->function->reserved >= 0)
		ok = ok && sk_buf_printf(&b, ",\"Concurrency\":"
		    "{\"ReservedConcurrentExecutions\":%lld}",
		    (long long)c->function->reserved);
	ok = ok && sk_buf_byte(&b, '}');
	sk_answer_json(c->host, c->request, 200, &b, ok);
}

/* The zip of the version of a revision, which nobody guesses. */
void sk_rest_snapshot(struct sk_call *c)
{
	struct sk_reply p = { .status = 200 };
	const struct sk_version *v = c->function->latest;
	char *path = NULL;
	struct stat st;

	if (strcmp(v->revision, c->uri.part[3]) != 0)
		for (v = c->function->versions; v && strcmp(v->revision,
		    c->uri.part[3]); v = v->next)
			;
	if (v)
		path = sk_disk_path(v->code->dir, "zip");
	p.file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	free(path);
	if (p.file < 0 || fstat(p.file, &st) < 0) {
		sk_call_not_found(c);
		if (p.file >= 0)
			close(p.file);
		return;
	}
	p.file_size = (uint64_t)st.st_size;
	sk_reply_header(&p, "Content-Type", "application/zip");
	sk_answer(c->host, c->request, &p, 0);
}

static bool list_function(struct sk_page *page, const struct sk_function *f,
    bool all)
{
	const struct sk_version *v = f->versions;
	bool ok = true;

	if (sk_page_wants(page))
		ok = sk_describe_version(&page->body, f, f->latest, all);
	for (; all && ok && v; v = v->next)
		if (sk_page_wants(page))
			ok = sk_describe_version(&page->body, f, v, true);
	return ok;
}

void sk_rest_list(struct sk_call *c)
{
	const struct sk_function *f = c->host->functions.first;
	struct sk_page page;
	char which[8];
	bool ok = true, all;

	all = sk_uri_query(c->request->target, "FunctionVersion", which,
	    sizeof(which)) == 1 && !strcmp(which, "ALL");
	if (!sk_page_begin(c, &page, "Functions"))
		return;
	for (; ok && f; f = f->next)
		ok = list_function(&page, f, all);
	sk_page_end(c, &page, ok);
}

/* One version of it, when that is what was said. */
static void delete_version(struct sk_call *c)
{
	struct sk_function *f = c->function;
	const struct sk_alias *a;
	uint32_t n;

	if (!sk_name_is_number(c->qualifier)) {
		sk_answer_invalid(c->host, c->request, "$LATEST version cannot be "
		    "deleted without deleting the function, and an alias is "
		    "deleted as such.");
		return;
	}
	n = (uint32_t)atoi(c->qualifier);
	for (a = f->aliases; a; a = a->next)
		if (a->version == n || (a->weight > 0 && a->other == n)) {
			sk_answer_error(c->host, c->request, 409, CONFLICT,
			    "Version %u is still referenced by alias %s", n,
			    a->name);
			return;
		}
	sk_function_drop_version(f, n);
	sk_environment_retire(c->host);
	sk_answer_nothing(c->host, c->request, 204);
}

void sk_rest_delete(struct sk_call *c)
{
	if (*c->qualifier) {
		delete_version(c);
		return;
	}
	sk_function_remove(&c->host->functions, c->function);
	sk_environment_retire(c->host);
	sk_answer_nothing(c->host, c->request, 204);
}

/* ---- update ---- */

static void update(struct sk_call *c, const struct sk_config *config,
    struct sk_code *code)
{
	struct sk_function *f = c->function;
	struct sk_version *v;

	if (sk_function_update(f, config, code)) {
		sk_answer_failed(c->host, c->request,
		    &(struct snek_error){ .code = SNEK_ENOMEM });
		return;
	}
	f->updating = true;
	if (sk_field_bool(&c->body, "Publish") && !sk_function_publish(f, NULL, &v))
		answer_version(c, 200, v, true);
	else
		answer_version(c, 200, f->latest, false);
	settle_later(c->host, f);
}

void sk_rest_update_code(struct sk_call *c)
{
	struct sk_config config;
	struct sk_code *code;

	if (sk_call_busy(c))
		return;
	if (sk_config_copy(&config, &c->function->latest->config)) {
		sk_request_drop(c->request);
		return;
	}
	take_arch(&c->body, &config);
	code = sk_call_refused(c, &c->body) ? NULL : sk_code_take(c, &c->body);
	if (code && sk_field_bool(&c->body, "DryRun"))
		answer_version(c, 200, c->function->latest, false);
	else if (code)
		update(c, &config, code);
	sk_code_unref(code);
	sk_config_free(&config);
}

void sk_rest_update_configuration(struct sk_call *c)
{
	struct sk_config config;

	if (sk_call_busy(c))
		return;
	if (sk_config_copy(&config, &c->function->latest->config)) {
		sk_request_drop(c->request);
		return;
	}
	sk_configure(&c->body, &config);
	if (!sk_call_refused(c, &c->body))
		update(c, &config, c->function->latest->code);
	sk_config_free(&config);
}

void sk_rest_invoke(struct sk_call *c)
{
	sk_invoke(c->host, c->request, c->function, c->qualifier);
}
