/* SPDX-License-Identifier: MIT */
/*
 * Pairs into rows of columns.  The first rows are held until it is clear
 * whether all values are objects with the same members, which then get a
 * column each, and whether there are keys at all.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { HELD = 1000, COLUMNS = 64 };

struct pair {
	char *text;             /* key, then value */
	size_t key, len;
};

struct cli_spread {
	struct cli_grid *grid;
	bool table, keyed, decided;
	FILE *f;
	char *text;
	size_t size;
	struct pair *held;
	size_t rows;
	struct cli_json name[COLUMNS];
	size_t columns;         /* 0: the value has one */
};

struct cli_spread *cli_spread_new(bool table, bool reduced)
{
	struct cli_spread *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->table = table;
	s->keyed = reduced;
	s->grid = cli_grid_new(table);
	s->f = open_memstream(&s->text, &s->size);
	s->held = calloc(HELD, sizeof(*s->held));
	if (s->grid && s->f && s->held)
		return s;
	cli_spread_free(s);
	return NULL;
}

void cli_spread_free(struct cli_spread *s)
{
	if (!s)
		return;
	if (s->f)
		fclose(s->f);
	free(s->text);
	while (s->held && s->rows)
		free(s->held[--s->rows].text);
	free(s->held);
	cli_grid_free(s->grid);
	free(s);
}

static int fail(struct snek_error *e, int code, const char *text)
{
	e->code = code;
	e->sys = 0;
	snprintf(e->text, sizeof(e->text), "%s", text);
	return code;
}

static struct cli_json key_of(const struct pair *p)
{
	return (struct cli_json){ p->text, p->key };
}

static struct cli_json value_of(const struct pair *p)
{
	return (struct cli_json){ p->text + p->key, p->len - p->key };
}

/* The names of an object's members; 0 when there are none, or too many. */
static size_t names_of(struct cli_json object, struct cli_json *name)
{
	struct cli_json value, one;
	size_t n = 0;

	if (!object.n || *object.p != '{')
		return 0;
	while (cli_json_member(&object, &one, &value)) {
		if (n == COLUMNS)
			return 0;
		name[n++] = one;
	}
	return n;
}

static bool fits(const struct cli_spread *s, struct cli_json object)
{
	struct cli_json value, name;
	size_t n = 0;

	if (!object.n || *object.p != '{')
		return false;
	while (cli_json_member(&object, &name, &value)) {
		if (n == s->columns || !cli_json_equal(name, s->name[n]))
			return false;
		n++;
	}
	return n == s->columns;
}

static void put_cell(struct cli_spread *s, struct cli_json v)
{
	char *text;
	size_t n;

	if (v.n && *v.p == '"') {
		text = cli_json_string(v, &n);
		cli_grid_put(s->grid, text ? CLI_CELL_TEXT : CLI_CELL_NONE,
		    text, n);
		free(text);
	} else if (v.n && (*v.p == '-' || (*v.p >= '0' && *v.p <= '9'))) {
		cli_grid_put(s->grid, CLI_CELL_NUMBER, v.p, v.n);
	} else if (v.n == 4 && memcmp(v.p, "null", 4) == 0) {
		cli_grid_put(s->grid, CLI_CELL_NULL, v.p, v.n);
	} else {
		cli_grid_put(s->grid, CLI_CELL_TEXT, v.p, v.n);
	}
}

static int put_row(struct cli_spread *s, const struct pair *p,
    struct snek_error *e)
{
	struct cli_json rest = value_of(p), name, value;
	bool spread = s->columns && fits(s, rest);

	if (s->columns && !spread && !s->table)
		return fail(e, SNEK_ETYPE, "values differ in their fields, "
		    "which tsv cannot show; use -o jsonl");
	if (s->keyed)
		put_cell(s, key_of(p));
	if (!spread)
		put_cell(s, rest);
	while (spread && cli_json_member(&rest, &name, &value))
		put_cell(s, value);
	cli_grid_row(s->grid);
	return 0;
}

static void put_head(struct cli_spread *s)
{
	size_t i, n;
	char *text;

	if (s->keyed)
		cli_grid_head(s->grid, "key", 3);
	if (!s->columns)
		cli_grid_head(s->grid, "value", 5);
	for (i = 0; i < s->columns; i++) {
		text = cli_json_string(s->name[i], &n);
		cli_grid_head(s->grid, text ? text : "", text ? n : 0);
		free(text);
	}
}

static int decide(struct cli_spread *s, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	s->decided = true;
	if (s->rows)
		s->columns = names_of(value_of(&s->held[0]), s->name);
	for (i = 0; i < s->rows; i++) {
		struct cli_json key = key_of(&s->held[i]);

		if (key.n != 4 || memcmp(key.p, "null", 4) != 0)
			s->keyed = true;
		if (s->columns && !fits(s, value_of(&s->held[i])))
			s->columns = 0;
	}
	if (s->table)
		put_head(s);
	for (i = 0; i < s->rows && !rc; i++)
		rc = put_row(s, &s->held[i], e);
	return rc;
}

static int hold(struct cli_spread *s, const struct pair *p,
    struct snek_error *e)
{
	struct pair *mine = &s->held[s->rows];

	*mine = *p;
	mine->text = malloc(p->len + 1);
	if (!mine->text)
		return fail(e, SNEK_ENOMEM, "out of memory");
	memcpy(mine->text, p->text, p->len);
	s->rows++;
	return s->rows == HELD ? decide(s, e) : 0;
}

int cli_spread_put(struct cli_spread *s, struct snek_value key,
    struct snek_value value, struct snek_error *e)
{
	struct pair p = { 0 };
	int rc;

	rewind(s->f);
	rc = snek_value_json(key, s->f);
	p.key = (size_t)ftell(s->f);
	if (rc >= 0)
		rc = snek_value_json(value, s->f);
	p.len = (size_t)ftell(s->f);
	if (rc < 0 || fflush(s->f))
		return fail(e, SNEK_ENOMEM, "out of memory");
	p.text = s->text;
	return s->decided ? put_row(s, &p, e) : hold(s, &p, e);
}

int cli_spread_end(struct cli_spread *s, struct snek_error *e)
{
	int rc = s->decided ? 0 : decide(s, e);

	if (!rc && !cli_grid_end(s->grid))
		rc = fail(e, SNEK_ENOMEM, "out of memory");
	return rc;
}
