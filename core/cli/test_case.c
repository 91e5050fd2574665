/* SPDX-License-Identifier: MIT */
#include "cli/test.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 16 };
#define SIDE ".side.jsonl"

static bool read_all(FILE *f, struct test_text *t)
{
	size_t n;
	char *p;

	do {
		p = realloc(t->p, t->n + BLOCK + 1);
		if (!p)
			return false;
		t->p = p;
		n = fread(t->p + t->n, 1, BLOCK, f);
		t->n += n;
		t->p[t->n] = '\0';
	} while (n);
	return !ferror(f);
}

static bool path_of(char **path, const char *dir, const char *name,
    const char *ending)
{
	return asprintf(path, "%s/%s%s", dir, name, ending) >= 0;
}

static int no_memory(const struct cli *c)
{
	return cli_error(c, SNEK_ENOMEM, NULL, NULL, "out of memory");
}

/* found: whether it is there; NULL: it must be. */
static int read_file(const struct cli *c, const char *dir, const char *name,
    const char *ending, struct test_text *t, bool *found)
{
	char *path;
	FILE *f;
	int rc = 0;

	if (!path_of(&path, dir, name, ending))
		return no_memory(c);
	f = fopen(path, "re");
	if (found)
		*found = f;
	if (f ? !read_all(f, t) : !found || errno != ENOENT)
		rc = cli_error_file(c, path);
	if (f)
		fclose(f);
	free(path);
	return rc;
}

/* ---- arguments ---- */

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

/* The next word of *p, in place, without its quotes ('...' or "..."). */
static char *next_word(char **p)
{
	char *from = *p, *to, *word, quote = 0;

	while (is_blank(*from))
		from++;
	if (!*from)
		return NULL;
	for (word = to = from; *from && (quote || !is_blank(*from)); from++) {
		if (!quote && (*from == '\'' || *from == '"'))
			quote = *from;
		else if (quote && *from == quote)
			quote = 0;
		else
			*to++ = *from;
	}
	*p = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

static int split(const struct cli *c, struct test_case *k)
{
	char *p = k->words.p, *word, **more;

	while (p && (word = next_word(&p))) {
		if (!strchr(word, '=') || *word == '=')
			return cli_error(c, SNEK_EINVAL, k->name, NULL,
			    "%s: arguments are NAME=VALUE", word);
		more = realloc(k->arg, (k->args + 1) * sizeof(*more));
		if (!more)
			return no_memory(c);
		k->arg = more;
		k->arg[k->args++] = word;
	}
	return 0;
}

/* ---- side inputs ---- */

static int add_side(const struct cli *c, struct test_case *k, const char *path,
    size_t head)
{
	struct test_side *p = realloc(k->side, (k->sides + 1) * sizeof(*p));

	if (!p)
		return no_memory(c);
	k->side = p;
	p += k->sides;
	p->name = strndup(path + head, strlen(path + head) - strlen(SIDE));
	p->path = strdup(path);
	k->sides++;
	return p->name && p->path ? 0 : no_memory(c);
}

/* A name with letters that mean something to glob has no side inputs. */
static int find_sides(const struct cli *c, const char *dir, const char *name,
    struct test_case *k)
{
	char *pattern;
	size_t i;
	glob_t g;
	int rc = 0;

	if (asprintf(&pattern, "%s/%s.*%s", dir, name, SIDE) < 0)
		return no_memory(c);
	if (!glob(pattern, 0, NULL, &g)) {
		for (i = 0; i < g.gl_pathc && !rc; i++)
			rc = add_side(c, k, g.gl_pathv[i],
			    strlen(dir) + strlen(name) + 2);
		globfree(&g);
	}
	free(pattern);
	return rc;
}

int cli_test_case_read(const struct cli *c, const char *dir, const char *name,
    struct test_case *k)
{
	bool has_args;
	int rc;

	memset(k, 0, sizeof(*k));
	k->name = strdup(name);
	if (!k->name)
		return no_memory(c);
	rc = read_file(c, dir, name, ".in.jsonl", &k->in, NULL);
	if (!rc)
		rc = find_sides(c, dir, name, k);
	if (!rc)
		rc = read_file(c, dir, name, ".out.jsonl", &k->out, &k->has_out);
	if (!rc)
		rc = read_file(c, dir, name, ".args", &k->words, &has_args);
	return rc ? rc : split(c, k);
}

void cli_test_case_free(struct test_case *k)
{
	free(k->name);
	free(k->in.p);
	free(k->out.p);
	free(k->words.p);
	free(k->arg);
	while (k->sides) {
		free(k->side[--k->sides].name);
		free(k->side[k->sides].path);
	}
	free(k->side);
	memset(k, 0, sizeof(*k));
}

int cli_test_case_write(const struct cli *c, const char *dir,
    const struct test_case *k, const struct test_text *t)
{
	char *path;
	FILE *f;
	int rc = 0;

	if (!path_of(&path, dir, k->name, ".out.jsonl"))
		return no_memory(c);
	f = fopen(path, "we");
	if (!f || fwrite(t->p, 1, t->n, f) != t->n)
		rc = cli_error_file(c, path);
	if (f && fclose(f) && !rc)
		rc = cli_error_file(c, path);
	free(path);
	return rc;
}

/* ---- lines ---- */

struct line {
	const char *p;
	size_t n;
};

static struct line *lines_of(const struct test_text *t, size_t *n)
{
	const char *p = t->p, *end = t->p + t->n, *q;
	struct line *l = NULL, *more;

	for (*n = 0; p < end; p = q + 1) {
		q = memchr(p, '\n', (size_t)(end - p));
		if (!q)
			q = end;
		more = realloc(l, (*n + 1) * sizeof(*l));
		if (!more) {
			free(l);
			return NULL;
		}
		l = more;
		l[(*n)++] = (struct line){ p, (size_t)(q - p) };
	}
	return l ? l : calloc(1, sizeof(*l));
}

static bool join(struct line *l, size_t n, size_t room, struct test_text *out)
{
	size_t i;

	out->n = 0;
	out->p = malloc(room + n + 1);
	if (!out->p || !l)
		return false;
	for (i = 0; i < n; i++) {
		memcpy(out->p + out->n, l[i].p, l[i].n);
		out->n += l[i].n;
		out->p[out->n++] = '\n';
	}
	out->p[out->n] = '\0';
	return true;
}

bool cli_test_reverse(const struct test_text *t, struct test_text *out)
{
	size_t n, i;
	struct line *l = lines_of(t, &n), swap;
	bool ok;

	for (i = 0; l && i < n / 2; i++) {
		swap = l[i];
		l[i] = l[n - 1 - i];
		l[n - 1 - i] = swap;
	}
	ok = join(l, n, t->n, out);
	free(l);
	return ok;
}

static int by_bytes(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c ? c : x->n < y->n ? -1 : x->n > y->n;
}

bool cli_test_sort(const struct test_text *t, struct test_text *out)
{
	size_t n;
	struct line *l = lines_of(t, &n);
	bool ok;

	if (l)
		qsort(l, n, sizeof(*l), by_bytes);
	ok = join(l, n, t->n, out);
	free(l);
	return ok;
}

bool cli_test_compact(const char *line, size_t n, struct test_text *out)
{
	bool quoted = false;
	size_t i;

	out->n = 0;
	out->p = malloc(n + 1);
	if (!out->p)
		return false;
	for (i = 0; i < n; i++) {
		if (!quoted && is_blank(line[i]))
			continue;
		out->p[out->n++] = line[i];
		if (quoted && line[i] == '\\' && i + 1 < n)
			out->p[out->n++] = line[++i];
		else if (line[i] == '"')
			quoted = !quoted;
	}
	out->p[out->n] = '\0';
	return true;
}
