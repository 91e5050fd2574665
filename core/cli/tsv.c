/* SPDX-License-Identifier: MIT */
/* Rows straight from values, when it is settled which columns there are: what
 * grid.c does for tsv, without a text of JSON in between. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 64, NUMBER = 24, LAST = 32, CELLS = 128, AT_ONCE = 32 << 10 };

struct cli_tsv {
	bool keyed;
	struct snek_value name[COLUMNS];
	size_t columns;         /* 0: the value has one */
	char *row;              /* this one, behind those that are not written */
	size_t n, cap;
	bool failed;            /* out of memory */
	char last[LAST];        /* the object before, packed ... */
	size_t last_n;
	char cells[CELLS];      /* ... and its cells */
	size_t cells_n;
};

static void free_names(struct cli_tsv *t)
{
	while (t->columns)
		free((char *)t->name[--t->columns].as.s);
}

struct cli_tsv *cli_tsv_new(const struct cli_json *name, size_t columns,
    bool keyed)
{
	struct cli_tsv *t = calloc(1, sizeof(*t));
	char *text;
	size_t n;

	if (!t)
		return NULL;
	t->keyed = keyed;
	for (; t->columns < columns; t->columns++) {
		text = cli_json_string(name[t->columns], &n);
		if (!text) {
			free_names(t);
			free(t);
			return NULL;
		}
		t->name[t->columns] = (struct snek_value){
			.type = SNEK_STRING, .len = (uint32_t)n, .as.s = text };
	}
	return t;
}

void cli_tsv_free(struct cli_tsv *t)
{
	if (!t)
		return;
	free_names(t);
	free(t->row);
	free(t);
}

static bool reserve(struct cli_tsv *t, size_t n)
{
	size_t cap = t->cap ? t->cap : 4096;
	char *p;

	while (cap - t->n < n)
		cap *= 2;
	if (cap == t->cap)
		return true;
	p = realloc(t->row, cap);
	if (!p) {
		t->failed = true;
		return false;
	}
	t->row = p;
	t->cap = cap;
	return true;
}

/* ---- cells ---- */

static char letter(char c)
{
	switch (c) {
	case '\t': return 't';
	case '\n': return 'n';
	case '\r': return 'r';
	case '\0': return '0';
	default:   return c == '\\' ? c : 0;
	}
}

#define EACH 0x0101010101010101ull      /* in each of eight bytes */

/* Nothing below a blank and no backslash among the eight bytes at s, which are
 * copied; a byte of 0x80 or more may be taken for one. */
static bool put_eight(char *to, const char *s)
{
	uint64_t v, slash;

	memcpy(&v, s, sizeof(v));
	memcpy(to, &v, sizeof(v));
	slash = v ^ EACH * '\\';
	return !(((v - EACH * ' ') | (slash - EACH) | v) & EACH * 0x80);
}

static void put_text(struct cli_tsv *t, const char *s, size_t n)
{
	char *to;
	size_t i = 0;

	if (!reserve(t, 2 * n + 8))
		return;
	to = t->row + t->n;
	while (i + 8 <= n && put_eight(to, s + i)) {
		i += 8;
		to += 8;
	}
	for (; i < n; i++) {
		if ((s[i] < ' ' || s[i] == '\\') && letter(s[i])) {
			*to++ = '\\';
			*to++ = letter(s[i]);
		} else {
			*to++ = s[i];
		}
	}
	t->n = (size_t)(to - t->row);
}

static void put_number(struct cli_tsv *t, bool minus, uint64_t u)
{
	char digit[NUMBER], *p = digit + sizeof(digit);

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (minus)
		*--p = '-';
	put_text(t, p, (size_t)(digit + sizeof(digit) - p));
}

static void put_json(struct cli_tsv *t, struct snek_value v)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (!f || snek_value_json(v, f) < 0)
		t->failed = true;
	if (f && fclose(f))
		t->failed = true;
	if (!t->failed)
		put_text(t, text, n);
	free(text);
}

static void put_value(struct cli_tsv *t, struct snek_value v)
{
	switch (v.type) {
	case SNEK_NONE:
		break;
	case SNEK_NULL:
		if (reserve(t, 2)) {
			memcpy(t->row + t->n, "\\N", 2);
			t->n += 2;
		}
		break;
	case SNEK_INT:
		put_number(t, v.as.i < 0, v.as.i < 0 ? -v.as.u : v.as.u);
		break;
	case SNEK_UINT:
		put_number(t, false, v.as.u);
		break;
	case SNEK_STRING:
		put_text(t, v.as.s, v.len);
		break;
	default:
		put_json(t, v);
	}
}

/* Each ends with a tab, the last one's of which becomes the line's end. */
static void put_cell(struct cli_tsv *t, struct snek_value v)
{
	put_value(t, v);
	if (reserve(t, 1))
		t->row[t->n++] = '\t';
}

/* ---- rows ---- */

static bool is_name(struct snek_value a, struct snek_value b)
{
	return a.len == b.len && memcmp(a.as.s, b.as.s, a.len) == 0;
}

/* Members mostly come in the order of the columns, so look from there on. */
static size_t column_of(const struct cli_tsv *t, struct snek_value name,
    size_t from)
{
	size_t i, at;

	for (i = 0; i < t->columns; i++) {
		at = from + i < t->columns ? from + i : from + i - t->columns;
		if (is_name(t->name[at], name))
			return at;
	}
	return COLUMNS;
}

static bool spread(const struct cli_tsv *t, struct snek_value object,
    struct snek_value *cell)
{
	struct snek_cursor c;
	struct snek_value name, v;
	size_t at = 0;
	int rc;

	if (object.type != SNEK_OBJECT || snek_value_iterate(object, &c) < 0)
		return false;
	memset(cell, 0, t->columns * sizeof(*cell));
	while ((rc = snek_value_next(&c, &name, &v)) == 1) {
		at = column_of(t, name, at);
		if (at == COLUMNS)
			return false;
		cell[at++] = v;
	}
	return !rc;
}

/* The same object has the same cells, and in a long list most counts are the
 * same. */
static bool put_last(struct cli_tsv *t, struct snek_value object)
{
	if (object.type != SNEK_OBJECT || object.len != t->last_n ||
	    memcmp(object.as.p, t->last, t->last_n) != 0 ||
	    !reserve(t, t->cells_n))
		return false;
	memcpy(t->row + t->n, t->cells, t->cells_n);
	t->n += t->cells_n;
	return true;
}

static void remember(struct cli_tsv *t, struct snek_value object, size_t from)
{
	size_t n = t->n - from;

	t->last_n = 0;
	if (t->failed || object.len > sizeof(t->last) || n > sizeof(t->cells))
		return;
	memcpy(t->last, object.as.p, t->last_n = object.len);
	memcpy(t->cells, t->row + from, t->cells_n = n);
}

/* A cell for each column; false: one has none. */
static bool put_object(struct cli_tsv *t, struct snek_value object)
{
	struct snek_value cell[COLUMNS];
	size_t i, from = t->n;

	if (put_last(t, object))
		return true;
	if (!spread(t, object, cell))
		return false;
	for (i = 0; i < t->columns; i++)
		put_cell(t, cell[i]);
	remember(t, object, from);
	return true;
}

void cli_tsv_end(struct cli_tsv *t)
{
	if (t->n)
		fwrite_unlocked(t->row, 1, t->n, stdout);
	t->n = 0;
}

int cli_tsv_put(struct cli_tsv *t, struct snek_value key,
    struct snek_value value)
{
	size_t from = t->n;
	int rc = 0;

	if (t->keyed)
		put_cell(t, key);
	if (!t->columns)
		put_cell(t, value);
	else if (!put_object(t, value))
		rc = SNEK_ETYPE;
	if (rc || t->failed) {
		t->n = from;
		return rc ? rc : SNEK_ENOMEM;
	}
	t->row[t->n - 1] = '\n';
	if (t->n >= AT_ONCE)
		cli_tsv_end(t);
	return 0;
}
