/* SPDX-License-Identifier: MIT */
/* Written by hand, since the INI libraries at hand cut long values or take
 * ";" and "#" within them for comments. */
#include "category/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)
#define PROFILE_NAME_MAX 64u           /* bytes of a profile's name */

static const struct key {
	const char *name;
	size_t at;
} keys[] = {
	{ "cluster", offsetof(struct sk_profile, cluster) },
	{ "user", offsetof(struct sk_profile, user) },
	{ "password", offsetof(struct sk_profile, password) },
	{ "password-file", offsetof(struct sk_profile, password_file) },
	{ "ca-file", offsetof(struct sk_profile, ca_file) },
	{ "cert-file", offsetof(struct sk_profile, cert_file) },
	{ "key-file", offsetof(struct sk_profile, key_file) },
	{ "server-name", offsetof(struct sk_profile, server_name) },
	{ "allow-eviction", offsetof(struct sk_profile, allow_eviction) },
	{ "token-file", offsetof(struct sk_profile, token_file) },
	{ "lambda-region", offsetof(struct sk_profile, lambda_region) },
	{ "lambda-role", offsetof(struct sk_profile, lambda_role) },
	{ "lambda-endpoint", offsetof(struct sk_profile, lambda_endpoint) },
	{ "lambda-bucket", offsetof(struct sk_profile, lambda_bucket) },
	{ "lambda-memory", offsetof(struct sk_profile, lambda_memory) },
	{ "lambda-timeout", offsetof(struct sk_profile, lambda_timeout) },
	{ "lambda-subnets", offsetof(struct sk_profile, lambda_subnets) },
	{ "lambda-security-groups",
	  offsetof(struct sk_profile, lambda_security_groups) },
	{ "lambda-log-retention",
	  offsetof(struct sk_profile, lambda_log_retention) },
	{ "lambda-stack", offsetof(struct sk_profile, lambda_stack) },
	{ "aws-profile", offsetof(struct sk_profile, aws_profile) },
};
#define KEYS (sizeof(keys) / sizeof(*keys))

static char **member(const struct sk_profile *p, size_t key)
{
	return (char **)((char *)(uintptr_t)p + keys[key].at);
}

bool sk_profile_is_name(const char *s)
{
	return *s && *s != '.' && !strchr(s, '/') && strlen(s) <= PROFILE_NAME_MAX;
}

void sk_profile_free(struct sk_profile *p)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		free(*member(p, i));
	for (i = 0; i < p->servers; i++)
		free(p->server[i]);
	for (i = 0; i < p->mappers; i++)
		free(p->mapper[i]);
	free(p->server);
	free(p->mapper);
	free(p->file);
	memset(p, 0, sizeof(*p));
}

/* ---- lines ---- */

enum kind { BLANK, SECTION, SETTING, WRONG };

struct line {
	enum kind kind;
	struct sk_span name, value;     /* of a section: its name */
	const char *text, *end;         /* end: behind the newline */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct sk_span trim(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	return (struct sk_span){ p, (size_t)(end - p) };
}

static void section(struct line *l, struct sk_span s)
{
	const char *p = s.p;

	l->kind = s.n > 2 && p[s.n - 1] == ']' ? SECTION : WRONG;
	if (l->kind == SECTION)
		l->name = trim(p + 1, p + s.n - 1);
}

static void setting(struct line *l, struct sk_span s)
{
	const char *p = s.p, *is = memchr(p, '=', s.n);

	l->kind = is ? SETTING : WRONG;
	if (!is)
		return;
	l->name = trim(p, is);
	l->value = trim(is + 1, p + s.n);
}

static bool next_line(struct line *l, const char **at, const char *end)
{
	const char *nl;
	struct sk_span s;

	if (*at == end)
		return false;
	nl = memchr(*at, '\n', (size_t)(end - *at));
	*l = (struct line){ .text = *at, .end = nl ? nl + 1 : end };
	*at = l->end;
	s = trim(l->text, l->end);
	if (memchr(s.p, 0, s.n))
		l->kind = WRONG;
	else if (!s.n || *(const char *)s.p == '#')
		l->kind = BLANK;
	else if (*(const char *)s.p == '[')
		section(l, s);
	else
		setting(l, s);
	return true;
}

static bool is(struct sk_span s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

/* ---- one file ---- */

struct reading {
	const char *path, *name;
	struct sk_profile *p;
	struct stat st;
	unsigned line;
	bool inside, secret;            /* secret: it holds a password */
	struct snek_error *e;
};

static int wrong(const struct reading *r, const char *what, struct sk_span s)
{
	return sk_fail(r->e, SNEK_EFORMAT, "%s:%u: %s%s%.*s%s; see snek.conf(5)",
	    r->path, r->line, what, s.n ? " \"" : "", (int)(s.n > 60 ? 60 : s.n),
	    s.n ? (const char *)s.p : "", s.n ? "\"" : "");
}

static int add(struct reading *r, struct sk_span v, char ***list, size_t *n)
{
	char **more = reallocarray(*list, *n + 1, sizeof(*more));

	if (!more)
		return sk_enomem(r->e);
	*list = more;
	more[*n] = strndup(v.p, v.n);
	return more[(*n)++] ? 0 : sk_enomem(r->e);
}

static bool has_password(struct sk_span url)
{
	const char *p = memmem(url.p, url.n, "://", 3), *at;

	if (!p)
		return false;
	at = memchr(p + 3, '@', url.n - (size_t)(p + 3 - (const char *)url.p));
	return at && memchr(p + 3, ':', (size_t)(at - p - 3));
}

static int set(struct reading *r, const struct line *l)
{
	char **m;
	size_t i;

	r->secret |= is(l->name, "password") || has_password(l->value);
	if (is(l->name, "server"))
		return add(r, l->value, &r->p->server, &r->p->servers);
	if (is(l->name, "mapper"))
		return add(r, l->value, &r->p->mapper, &r->p->mappers);
	for (i = 0; i < KEYS && !is(l->name, keys[i].name); i++)
		;
	if (i == KEYS)
		return wrong(r, "no such setting:", l->name);
	m = member(r->p, i);
	if (*m)
		return wrong(r, "a second", l->name);
	*m = strndup(l->value.p, l->value.n);
	return *m ? 0 : sk_enomem(r->e);
}

/* 1: the profile begins here. */
static int enter(struct reading *r, const struct line *l)
{
	bool mine = is(l->name, r->name);

	if (mine && r->p->line)
		return wrong(r, "a second profile", l->name);
	r->inside = mine;
	if (!mine)
		return 0;
	r->p->line = r->line;
	r->p->file = strdup(r->path);
	return r->p->file ? 0 : sk_enomem(r->e);
}

static int take(struct reading *r, const struct line *l)
{
	switch (l->kind) {
	case SECTION:
		return enter(r, l);
	case SETTING:
		return r->inside ? set(r, l) : 0;
	case WRONG:
		return wrong(r, "neither [PROFILE] nor SETTING = VALUE",
		    (struct sk_span){ NULL, 0 });
	default:
		return 0;
	}
}

static int parse(struct reading *r, const struct sk_buf *b)
{
	const char *at = b->p, *end = b->p + b->n;
	struct line l;
	int rc = 0;

	while (!rc && b->n && next_line(&l, &at, end)) {
		r->line++;
		rc = take(r, &l);
	}
	if (rc || !r->p->line)
		return rc;
	r->line = r->p->line;
	if (!r->p->cluster)
		return wrong(r, "the profile has no setting \"cluster\"",
		    (struct sk_span){ NULL, 0 });
	if (r->p->password && r->p->password_file)
		return wrong(r, "both password and password-file",
		    (struct sk_span){ NULL, 0 });
	if (r->secret && r->st.st_mode & 077)
		return sk_fail(r->e, SNEK_EACCES, "%s:%u: holds a password, and "
		    "others can read the file: chmod 600 %s", r->path, r->line,
		    r->path);
	return 0;
}

/* ---- files ---- */

static int trusted(struct reading *r)
{
	if (!S_ISREG(r->st.st_mode))
		return sk_fail(r->e, SNEK_EACCES, "%s is no file", r->path);
	if (r->st.st_uid && r->st.st_uid != geteuid())
		return sk_fail(r->e, SNEK_EACCES, "%s belongs to another user: "
		    "name a file of your own in $SNEK_CONFIG", r->path);
	if (r->st.st_mode & 022)
		return sk_fail(r->e, SNEK_EACCES, "others can write %s: "
		    "chmod go-w %s", r->path, r->path);
	return 0;
}

static int read_all(int fd, struct sk_buf *out, struct reading *r)
{
	ssize_t n;

	do {
		if (!sk_buf_reserve(out, 4096))
			return sk_enomem(r->e);
		n = read(fd, out->p + out->n, out->cap - out->n);
		if (n > 0)
			out->n += (size_t)n;
		if (out->n > FILE_MAX)
			return sk_fail(r->e, SNEK_ELIMIT, "%s is larger than 1 "
			    "MiB", r->path);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? sk_fail_errno(r->e, "%s", r->path) : 0;
}

/* Append the file's bytes; SNEK_ENOENT without text. */
static int load(struct reading *r, struct sk_buf *out)
{
	int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? SNEK_ENOENT
		    : sk_fail_errno(r->e, "%s", r->path);
	rc = fstat(fd, &r->st) ? sk_fail_errno(r->e, "%s", r->path) : trusted(r);
	if (!rc)
		rc = read_all(fd, out, r);
	close(fd);
	return rc;
}

static int look_in(const char *path, const char *name, struct sk_profile *p,
    struct snek_error *e)
{
	struct reading r = { .path = path, .name = name, .p = p, .e = e };
	struct sk_buf b = { 0 };
	int rc = load(&r, &b);

	if (!rc)
		rc = parse(&r, &b);
	sk_buf_free(&b);
	if (!rc && !p->line)
		rc = SNEK_ENOENT;
	if (rc)
		sk_profile_free(p);
	return rc;
}

static bool own_path(struct sk_buf *b)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (base && *base == '/')
		return sk_buf_printf(b, "%s/snek/snek.conf", base);
	return !home || !*home ||
	    sk_buf_printf(b, "%s/.config/snek/snek.conf", home);
}

static bool nth_path(int i, struct sk_buf *b)
{
	const char *named = getenv("SNEK_CONFIG");
	bool ok = true;

	b->n = 0;
	if (named && *named)
		ok = i || sk_buf_printf(b, "%s", named);
	else if (i == 0)
		ok = sk_buf_printf(b, "./snek.conf");
	else if (i == 1)
		ok = own_path(b);
	else
		ok = sk_buf_printf(b, "/etc/snek/snek.conf");
	return ok && sk_buf_byte(b, 0);
}

int sk_profile_find(const char *name, struct sk_profile *p,
    struct snek_error *e)
{
	const char *named = getenv("SNEK_CONFIG");
	struct sk_buf path = { 0 };
	int rc = SNEK_ENOENT, i;

	memset(p, 0, sizeof(*p));
	for (i = 0; i < 3 && rc == SNEK_ENOENT; i++) {
		if (!nth_path(i, &path))
			rc = sk_enomem(e);
		else if (*path.p)
			rc = look_in(path.p, name, p, e);
	}
	sk_buf_free(&path);
	if (rc != SNEK_ENOENT)
		return rc;
	if (named && *named)
		return sk_fail(e, rc, "no profile \"%s\" in %s ($SNEK_CONFIG)",
		    name, named);
	return sk_fail(e, rc, "no profile \"%s\" in ./snek.conf, the user's "
	    "snek/snek.conf or /etc/snek/snek.conf", name);
}

struct visiting {
	struct reading r;
	struct sk_buf text;
	int (*visit)(void *, const char *name, const struct sk_profile *);
	void *arg;
};

static int visit_one(struct visiting *v, struct sk_span name)
{
	char *text = strndup(name.p, name.n);
	struct sk_profile p = { 0 };
	struct reading r = v->r;
	int rc;

	r.name = text;
	r.p = &p;
	rc = text ? parse(&r, &v->text) : sk_enomem(r.e);
	if (!rc)
		rc = v->visit(v->arg, text, &p);
	sk_profile_free(&p);
	free(text);
	return rc;
}

static int visit_file(struct visiting *v)
{
	const char *at, *end;
	struct line l;
	int rc = load(&v->r, &v->text);

	at = v->text.p;
	end = at + v->text.n;
	while (!rc && v->text.n && next_line(&l, &at, end))
		if (l.kind == SECTION)
			rc = visit_one(v, l.name);
	return rc == SNEK_ENOENT ? 0 : rc;
}

int sk_profile_visit(int (*visit)(void *, const char *,
    const struct sk_profile *), void *arg, struct snek_error *e)
{
	struct visiting v = { { .e = e }, { 0 }, visit, arg };
	struct sk_buf path = { 0 };
	int rc = 0, i;

	for (i = 0; i < 3 && !rc; i++) {
		v.text.n = 0;
		if (!nth_path(i, &path))
			rc = sk_enomem(e);
		v.r.path = path.p;
		if (!rc && *path.p)
			rc = visit_file(&v);
	}
	sk_buf_free(&path);
	sk_buf_free(&v.text);
	return rc;
}

/* ---- saving ---- */

int sk_profile_path(struct sk_buf *b, struct snek_error *e)
{
	const char *named = getenv("SNEK_CONFIG");
	bool ok;

	b->n = 0;
	ok = named && *named ? sk_buf_printf(b, "%s", named) : own_path(b);
	if (!ok || !sk_buf_byte(b, 0))
		return sk_enomem(e);
	return b->n > 1 ? 0 : sk_fail(e, SNEK_EINVAL, "no place for a profile: "
	    "neither $SNEK_CONFIG nor $HOME is set");
}

/* All but the profile. */
static bool copy_rest(const struct sk_buf *old, const char *name,
    struct sk_buf *out)
{
	const char *at = old->p, *end = old->p + old->n;
	bool inside = false, ok = true;
	struct line l;

	while (ok && old->n && next_line(&l, &at, end)) {
		if (l.kind == SECTION)
			inside = is(l.name, name);
		if (!inside)
			ok = sk_buf_put(out, l.text, (size_t)(l.end - l.text));
	}
	if (ok && out->n && out->p[out->n - 1] != '\n')
		ok = sk_buf_byte(out, '\n');
	return ok;
}

static bool print(const struct sk_profile *p, const char *name,
    struct sk_buf *out)
{
	bool ok = sk_buf_printf(out, "[%s]\n", name);
	size_t i;

	for (i = 0; ok && i < KEYS; i++)
		if (*member(p, i))
			ok = sk_buf_printf(out, "%s = %s\n", keys[i].name,
			    *member(p, i));
	for (i = 0; ok && i < p->servers; i++)
		ok = sk_buf_printf(out, "server = %s\n", p->server[i]);
	for (i = 0; ok && i < p->mappers; i++)
		ok = sk_buf_printf(out, "mapper = %s\n", p->mapper[i]);
	return ok;
}

static bool is_one_line(const char *s)
{
	return !s || (!strpbrk(s, "\r\n") && !is_blank(*s) &&
	    (!*s || !is_blank(s[strlen(s) - 1])));
}

static int check(const char *name, const struct sk_profile *p,
    struct snek_error *e)
{
	bool ok = true;
	size_t i;

	if (!sk_profile_is_name(name) || strpbrk(name, "[]\r\n") ||
	    is_blank(*name) || is_blank(name[strlen(name) - 1]))
		return sk_fail(e, SNEK_EINVAL, "\"%s\" is no name for a profile",
		    name);
	for (i = 0; p && i < KEYS; i++)
		ok = ok && is_one_line(*member(p, i));
	for (i = 0; p && i < p->servers; i++)
		ok = ok && is_one_line(p->server[i]);
	for (i = 0; p && i < p->mappers; i++)
		ok = ok && is_one_line(p->mapper[i]);
	return ok ? 0 : sk_fail(e, SNEK_EINVAL, "profile %s: a value with a "
	    "line break, or blanks around it, cannot be saved", name);
}

static int make_parents(char *path, struct snek_error *e)
{
	char *s;
	int rc = 0;

	for (s = strchr(path + 1, '/'); s && !rc; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			rc = sk_fail_errno(e, "%s", path);
		*s = '/';
	}
	return rc;
}

/* The old file or the new one, never half of one. */
static int replace(const char *path, const struct sk_buf *b,
    struct snek_error *e)
{
	struct sk_buf tmp = { 0 };
	int fd, rc = 0;

	if (!sk_buf_printf(&tmp, "%s.XXXXXX", path) || !sk_buf_byte(&tmp, 0)) {
		sk_buf_free(&tmp);
		return sk_enomem(e);
	}
	fd = mkostemp(tmp.p, O_CLOEXEC);        /* mode 0600 */
	if (fd < 0)
		rc = sk_fail_errno(e, "%s", tmp.p);
	else if (write(fd, b->p, b->n) != (ssize_t)b->n || fsync(fd) ||
	    rename(tmp.p, path))
		rc = sk_fail_errno(e, "%s", path);
	if (fd >= 0) {
		close(fd);
		if (rc)
			unlink(tmp.p);
	}
	sk_buf_free(&tmp);
	return rc;
}

/* p NULL: take it out. */
static int rewrite(const char *name, const struct sk_profile *p,
    struct snek_error *e)
{
	struct sk_buf path = { 0 }, old = { 0 }, now = { 0 };
	struct reading r = { .e = e };
	int rc = check(name, p, e);

	if (!rc)
		rc = sk_profile_path(&path, e);
	r.path = path.p;
	if (!rc) {
		rc = load(&r, &old);
		rc = rc == SNEK_ENOENT ? 0 : rc;
	}
	if (!rc && (!copy_rest(&old, name, &now) || (p && !print(p, name, &now))))
		rc = sk_enomem(e);
	if (!rc && p)
		rc = make_parents(path.p, e);
	if (!rc && (p || now.n != old.n))
		rc = replace(path.p, &now, e);
	sk_buf_free(&path);
	sk_buf_free(&old);
	sk_buf_free(&now);
	return rc;
}

int sk_profile_save(const char *name, const struct sk_profile *p,
    struct snek_error *e)
{
	return rewrite(name, p, e);
}

int sk_profile_remove(const char *name, struct snek_error *e)
{
	return rewrite(name, NULL, e);
}
