/* SPDX-License-Identifier: MIT */
#include "host/function.h"
#include "host/disk.h"
#include "host/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

void sk_uuid(char to[37])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char b[16];
	size_t i;

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		abort();                /* Linux: cannot be for so few */
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = digits[b[i] >> 4];
		*to++ = digits[b[i] & 15];
	}
	*to = '\0';
}

void sk_time_text(char to[32])
{
	struct timespec t;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	n = strftime(to, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(to + n, 32 - n, ".%03d+0000", (int)(t.tv_nsec / 1000000) % 1000);
}

/* ---- code and configuration ---- */

struct sk_code *sk_code_ref(struct sk_code *c)
{
	c->refs++;
	return c;
}

void sk_code_unref(struct sk_code *c)
{
	if (!c || --c->refs)
		return;
	if (c->dir)
		sk_remove_tree(c->dir);
	free(c->dir);
	free(c);
}

static bool copy_buf(struct sk_buf *to, const struct sk_buf *from)
{
	memset(to, 0, sizeof(*to));
	return sk_buf_put(to, from->p, from->n);
}

int sk_config_copy(struct sk_config *to, const struct sk_config *from)
{
	bool ok;

	*to = *from;
	ok = copy_buf(&to->env, &from->env);
	ok = copy_buf(&to->vpc, &from->vpc) && ok;
	ok = copy_buf(&to->tracing, &from->tracing) && ok;
	ok = copy_buf(&to->logging, &from->logging) && ok;
	if (ok)
		return 0;
	sk_config_free(to);
	return SNEK_ENOMEM;
}

void sk_config_free(struct sk_config *c)
{
	sk_buf_free(&c->env);
	sk_buf_free(&c->vpc);
	sk_buf_free(&c->tracing);
	sk_buf_free(&c->logging);
}

/* ---- versions ---- */

static struct sk_version *version_new(struct sk_function *f, uint32_t number,
    const struct sk_config *config, struct sk_code *code)
{
	struct sk_version *v = calloc(1, sizeof(*v));

	if (!v || sk_config_copy(&v->config, config)) {
		free(v);
		return NULL;
	}
	v->refs = 1;
	v->function = f;
	f->refs++;
	v->number = number;
	v->code = sk_code_ref(code);
	sk_uuid(v->revision);
	sk_time_text(v->modified);
	return v;
}

struct sk_version *sk_version_ref(struct sk_version *v)
{
	v->refs++;
	return v;
}

void sk_version_unref(struct sk_version *v)
{
	if (!v || --v->refs)
		return;
	sk_code_unref(v->code);
	sk_config_free(&v->config);
	sk_function_unref(v->function);
	free(v);
}

void sk_version_text(const struct sk_version *v, char to[16])
{
	if (v->number)
		snprintf(to, 16, "%u", v->number);
	else
		snprintf(to, 16, SK_LATEST);
}

struct sk_version *sk_function_version(struct sk_function *f, uint32_t number)
{
	struct sk_version *v;

	if (!number)
		return f->latest;
	for (v = f->versions; v && v->number != number; v = v->next)
		;
	return v;
}

static void retire(struct sk_version *v)
{
	v->retired = true;
	sk_version_unref(v);
}

void sk_function_drop_version(struct sk_function *f, uint32_t number)
{
	struct sk_version **p = &f->versions, *v;

	while (*p && (*p)->number != number)
		p = &(*p)->next;
	v = *p;
	if (!v)
		return;
	*p = v->next;
	retire(v);
}

int sk_function_update(struct sk_function *f, const struct sk_config *config,
    struct sk_code *code)
{
	struct sk_version *v = version_new(f, 0, config, code);

	if (!v)
		return SNEK_ENOMEM;
	if (f->latest)
		sk_version_unref(f->latest);
	f->latest = v;
	return 0;
}

void sk_function_serve(struct sk_function *f)
{
	if (f->serving == f->latest)
		return;
	if (f->serving)
		retire(f->serving);
	f->serving = sk_version_ref(f->latest);
}

int sk_function_publish(struct sk_function *f, const char *description,
    struct sk_version **out)
{
	struct sk_version *last = f->versions, *v;

	if (last && strcmp(last->from, f->latest->revision) == 0) {
		*out = last;
		return 0;
	}
	v = version_new(f, f->last_number + 1, &f->latest->config,
	    f->latest->code);
	if (!v)
		return SNEK_ENOMEM;
	memcpy(v->from, f->latest->revision, sizeof(v->from));
	if (description)
		snprintf(v->config.description, sizeof(v->config.description),
		    "%s", description);
	f->last_number++;
	v->next = f->versions;
	f->versions = v;
	*out = v;
	return 0;
}

/* ---- aliases ---- */

struct sk_alias *sk_alias_find(const struct sk_function *f, const char *name)
{
	struct sk_alias *a;

	for (a = f->aliases; a && strcmp(a->name, name); a = a->next)
		;
	return a;
}

struct sk_alias *sk_alias_add(struct sk_function *f, const char *name)
{
	struct sk_alias *a = calloc(1, sizeof(*a)), **p = &f->aliases;

	if (!a)
		return NULL;
	snprintf(a->name, sizeof(a->name), "%s", name);
	while (*p && strcmp((*p)->name, name) < 0)
		p = &(*p)->next;
	a->next = *p;
	*p = a;
	return a;
}

void sk_alias_set(struct sk_alias *a, const struct sk_alias *from)
{
	memcpy(a->description, from->description, sizeof(a->description));
	a->version = from->version;
	a->other = from->other;
	a->weight = from->weight;
	sk_uuid(a->revision);
}

void sk_alias_remove(struct sk_function *f, struct sk_alias *a)
{
	struct sk_alias **p = &f->aliases;

	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
	free(a);
}

struct sk_version *sk_function_resolve(struct sk_function *f,
    const char *qualifier, double draw)
{
	const struct sk_alias *a;

	if (!*qualifier || strcmp(qualifier, SK_LATEST) == 0)
		return f->serving;
	if (sk_name_is_number(qualifier))
		return sk_function_version(f, (uint32_t)atoi(qualifier));
	a = sk_alias_find(f, qualifier);
	if (!a)
		return NULL;
	if (a->weight > 0 && draw < a->weight)
		return sk_function_version(f, a->other);
	return a->version ? sk_function_version(f, a->version) : f->serving;
}

/* ---- tags ---- */

static int tag_add(struct sk_tag **at, const char *key, const char *value)
{
	struct sk_tag *t = calloc(1, sizeof(*t));

	if (!t || !(t->key = strdup(key)) || !(t->value = strdup(value))) {
		if (t)
			free(t->key);
		free(t);
		return SNEK_ENOMEM;
	}
	t->next = *at;
	*at = t;
	return 0;
}

static void tag_drop(struct sk_tag **at)
{
	struct sk_tag *t = *at;

	*at = t->next;
	free(t->key);
	free(t->value);
	free(t);
}

int sk_tag_set(struct sk_function *f, const char *key, const char *value)
{
	struct sk_tag **p = &f->tags;
	int rc = 0;

	while (*p && strcmp((*p)->key, key) < 0)
		p = &(*p)->next;
	if (*p && strcmp((*p)->key, key) == 0)
		tag_drop(p);
	if (value)
		rc = tag_add(p, key, value);
	return rc;
}

/* ---- functions ---- */

struct sk_function *sk_function_find(const struct sk_registry *r, const char *name)
{
	struct sk_function *f;

	for (f = r->first; f && strcmp(f->name, name); f = f->next)
		;
	return f;
}

struct sk_function *sk_function_new(const char *name, const char *region)
{
	struct sk_function *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->reserved = -1;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->region, sizeof(f->region), "%s", region);
	return f;
}

void sk_function_insert(struct sk_registry *r, struct sk_function *f)
{
	struct sk_function **p = &r->first;

	while (*p && strcmp((*p)->name, f->name) < 0)
		p = &(*p)->next;
	f->next = *p;
	*p = f;
	r->count++;
}

void sk_function_unref(struct sk_function *f)
{
	if (!f || --f->refs)
		return;
	while (f->tags)
		tag_drop(&f->tags);
	while (f->aliases)
		sk_alias_remove(f, f->aliases);
	sk_log_free(f->log);
	free(f);
}

static void drop_versions(struct sk_function *f)
{
	struct sk_version *v;

	while ((v = f->versions)) {
		f->versions = v->next;
		retire(v);
	}
	if (f->serving)
		retire(f->serving);
	if (f->latest)
		retire(f->latest);
	f->serving = f->latest = NULL;
}

void sk_function_remove(struct sk_registry *r, struct sk_function *f)
{
	struct sk_function **p = &r->first;

	while (*p && *p != f)
		p = &(*p)->next;
	if (*p) {
		*p = f->next;
		r->count--;
	}
	f->deleted = true;
	drop_versions(f);
	sk_function_unref(f);
}
