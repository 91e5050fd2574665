/* SPDX-License-Identifier: MIT */
#include "aws/ini.h"
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)

/* key NULL: the section begins here. */
struct sk_ini_entry {
	const char *section, *key;
	char *value;
};

struct parse {
	struct sk_ini *ini;
	const char *path, *section;
	size_t line;
	struct sk_ini_entry *last;      /* what an indented line goes on with */
	size_t indent;                  /* of its key */
	const char *parent;             /* whose value is what is indented */
	struct sk_buf more;             /* the last one's value, as it grows */
	struct snek_error *e;
};

static int wrong(const struct parse *p, const char *what)
{
	return sk_fail(p->e, SNEK_EFORMAT, "%s:%zu: %s", p->path, p->line, what);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct sk_span trim(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	return (struct sk_span){ p, (size_t)(end - p) };
}

static bool is_comment(char c)
{
	return c == '#' || c == ';';
}

/* A value ends before a blank and the sign of a comment. */
static const char *end_of_value(const char *p, const char *end)
{
	const char *s;

	for (s = p; s < end; s++)
		if (is_comment(*s) && (s == p || is_blank(s[-1])))
			return s;
	return end;
}

/* The last value is whole. */
static bool finish(struct parse *p)
{
	char *value;

	if (!p->more.n)
		return true;
	value = sk_arena_copy(&p->ini->mem, p->more.p, p->more.n);
	if (value)
		p->last->value = value;
	p->more.n = 0;
	return value;
}

static struct sk_ini_entry *add(struct parse *p, const char *key, char *value)
{
	struct sk_ini *i = p->ini;
	size_t cap = i->cap ? 2 * i->cap : 32;
	struct sk_ini_entry *more;

	if (!finish(p))
		return NULL;
	if (i->n == i->cap) {
		more = reallocarray(i->entry, cap, sizeof(*more));
		if (!more)
			return NULL;
		i->entry = more;
		i->cap = cap;
	}
	i->entry[i->n] = (struct sk_ini_entry){ p->section, key, value };
	return &i->entry[i->n++];
}

/* ---- sections ---- */

/* "profile  "my work"" is "profile my work". */
static char *section_name(struct parse *p, struct sk_span s)
{
	const char *from = s.p, *end = from + s.n;
	char *name = sk_arena_alloc(&p->ini->mem, s.n + 1), *to = name;

	if (!name)
		return NULL;
	for (; from < end; from++) {
		if (is_blank(*from) && (to == name || to[-1] == ' '))
			continue;
		if (*from != '"' && *from != '\'')
			*to++ = is_blank(*from) ? ' ' : *from;
	}
	*to = '\0';
	return name;
}

static int take_section(struct parse *p, struct sk_span s)
{
	const char *from = s.p, *end = from + s.n;
	const char *close = memchr(from, ']', s.n);
	struct sk_span rest = { 0 };

	if (close)
		rest = trim(close + 1, end);
	if (!close || (rest.n && !is_comment(*(const char *)rest.p)))
		return wrong(p, "a section is [NAME] and nothing else");
	p->section = section_name(p, trim(from + 1, close));
	if (p->section && !*p->section)
		return wrong(p, "a section without a name");
	if (!p->section || !add(p, NULL, NULL))
		return sk_enomem(p->e);
	p->last = NULL;
	p->parent = NULL;
	return 0;
}

/* ---- settings ---- */

static char *key_name(struct parse *p, const char *parent, struct sk_span s)
{
	size_t n = parent ? strlen(parent) + 1 : 0, i;
	char *key = sk_arena_alloc(&p->ini->mem, n + s.n + 1);

	if (!key)
		return NULL;
	if (parent) {
		memcpy(key, parent, n - 1);
		key[n - 1] = '.';
	}
	for (i = 0; i < s.n; i++) {
		char c = ((const char *)s.p)[i];

		key[n + i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	key[n + s.n] = '\0';
	return key;
}

static int take_setting(struct parse *p, struct sk_span s, size_t indent,
    const char *parent)
{
	const char *from = s.p, *end = from + s.n, *is = memchr(from, '=', s.n);
	struct sk_span key, value;
	char *name, *copy;

	if (!p->section)
		return wrong(p, "this stands before any [SECTION]");
	key = is ? trim(from, is) : (struct sk_span){ 0 };
	if (!key.n)
		return wrong(p, "neither [SECTION] nor KEY = VALUE");
	value = trim(is + 1, end_of_value(is + 1, end));
	name = key_name(p, parent, key);
	copy = sk_arena_copy(&p->ini->mem, value.p, value.n);
	p->last = name && copy ? add(p, name, copy) : NULL;
	if (!p->last)
		return sk_enomem(p->e);
	if (!parent) {
		p->indent = indent;
		p->parent = value.n ? NULL : name;
	}
	return 0;
}

/* A value goes on in the next line. */
static int take_more(struct parse *p, struct sk_span s)
{
	const char *value = p->last->value;
	bool ok = p->more.n || sk_buf_put(&p->more, value, strlen(value));

	ok = ok && sk_buf_byte(&p->more, '\n') && sk_buf_put(&p->more, s.p, s.n);
	return ok ? 0 : sk_enomem(p->e);
}

static int take_line(struct parse *p, const char *text, const char *end)
{
	struct sk_span s = trim(text, end);
	size_t indent = (size_t)((const char *)s.p - text);

	if (memchr(s.p, 0, s.n))
		return wrong(p, "a NUL byte");
	if (!s.n || is_comment(*(const char *)s.p))
		return 0;
	if (p->last && indent > p->indent)
		return p->parent ? take_setting(p, s, indent, p->parent) :
		    take_more(p, s);
	if (*(const char *)s.p == '[')
		return take_section(p, s);
	return take_setting(p, s, indent, NULL);
}

int sk_ini_parse(struct sk_ini *i, const char *path, const char *text, size_t n,
    struct snek_error *e)
{
	struct parse p = { .ini = i, .path = path, .e = e };
	const char *end, *nl;
	int rc = 0;

	if (!n)
		return 0;
	end = text + n;
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	for (; !rc && text < end; text = nl + 1) {
		nl = memchr(text, '\n', (size_t)(end - text));
		nl = nl ? nl : end;
		p.line++;
		rc = take_line(&p, text, nl);
	}
	if (!rc && !finish(&p))
		rc = sk_enomem(e);
	sk_buf_free(&p.more);
	return rc;
}

void sk_ini_free(struct sk_ini *i)
{
	sk_arena_free(&i->mem);
	free(i->entry);
	memset(i, 0, sizeof(*i));
}

/* ---- files ---- */

static int read_all(int fd, const char *path, struct sk_buf *b,
    struct snek_error *e)
{
	ssize_t n;

	do {
		if (!sk_buf_reserve(b, 4096))
			return sk_enomem(e);
		n = read(fd, b->p + b->n, b->cap - b->n);
		if (n > 0)
			b->n += (size_t)n;
		if (b->n > FILE_MAX)
			return sk_fail(e, SNEK_ELIMIT, "%s is larger than 1 MiB",
			    path);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? sk_fail_errno(e, "%s", path) : 0;
}

int sk_ini_read(struct sk_ini *i, const char *path, struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;
	struct sk_buf b = { 0 };
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? SNEK_ENOENT :
		    sk_fail_errno(e, "%s", path);
	if (fstat(fd, &st))
		rc = sk_fail_errno(e, "%s", path);
	else if (S_ISDIR(st.st_mode))
		rc = sk_fail(e, SNEK_EINVAL, "%s is a directory", path);
	else
		rc = read_all(fd, path, &b, e);
	close(fd);
	if (!rc) {
		i->open_to_all = st.st_mode & 077;
		rc = sk_ini_parse(i, path, b.p, b.n, e);
	}
	if (b.p)
		explicit_bzero(b.p, b.cap);
	sk_buf_free(&b);
	return rc;
}

/* ---- questions ---- */

bool sk_ini_has(const struct sk_ini *i, const char *section)
{
	size_t k;

	for (k = 0; k < i->n; k++)
		if (!strcmp(i->entry[k].section, section))
			return true;
	return false;
}

const char *sk_ini_get(const struct sk_ini *i, const char *section,
    const char *key)
{
	size_t k;

	for (k = i->n; k--; )           /* the last of several counts */
		if (i->entry[k].key && !strcmp(i->entry[k].key, key) &&
		    !strcmp(i->entry[k].section, section))
			return i->entry[k].value;
	return NULL;
}
