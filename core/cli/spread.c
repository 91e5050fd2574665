/* SPDX-License-Identifier: MIT */
/*
 * Pairs into rows of columns.  The first rows are held: if all of their values
 * are objects, each name among them gets a column; and if any row has a key,
 * all have.
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
	struct cli_tsv *tsv;    /* once it is decided; tables have none */
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
	cli_tsv_free(s->tsv);
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

static bool is_object(struct cli_json v)
{
	return v.n && *v.p == '{';
}

/* Members mostly come in the order of the columns, so look from there on. */
static size_t column_of(const struct cli_spread *s, struct cli_json name,
    size_t from)
{
	size_t i, at;

	for (i = 0; i < s->columns; i++) {
		at = (from + i) % s->columns;
		if (cli_json_equal(s->name[at], name))
			return at;
	}
	return COLUMNS;
}

/* Columns for what is new in an object; false when there are too many. */
static bool add_names(struct cli_spread *s, struct cli_json object)
{
	struct cli_json name, value;
	size_t at = 0;

	while (cli_json_member(&object, &name, &value)) {
		at = column_of(s, name, at);
		if (at == COLUMNS && s->columns == COLUMNS)
			return false;
		if (at == COLUMNS)
			s->name[at = s->columns++] = name;
		at++;
	}
	return true;
}

/* The value of each column, empty where there is none. */
static bool fits(const struct cli_spread *s, struct cli_json object,
    struct cli_json *cell)
{
	struct cli_json name, value;
	size_t at = 0;

	memset(cell, 0, s->columns * sizeof(*cell));
	if (!is_object(object))
		return false;
	while (cli_json_member(&object, &name, &value)) {
		at = column_of(s, name, at);
		if (at == COLUMNS)
			return false;
		cell[at++] = value;
	}
	return true;
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
	} else if (!v.n) {
		cli_grid_put(s->grid, CLI_CELL_NONE, NULL, 0);
	} else if (v.n == 4 && memcmp(v.p, "null", 4) == 0) {
		cli_grid_put(s->grid, CLI_CELL_NULL, v.p, v.n);
	} else {
		cli_grid_put(s->grid, CLI_CELL_TEXT, v.p, v.n);
	}
}

static int no_column(struct snek_error *e)
{
	return fail(e, SNEK_ETYPE, "a value has a field that none of the "
	    "first thousand had, for which tsv has no column; use -o jsonl");
}

static int put_row(struct cli_spread *s, const struct pair *p,
    struct snek_error *e)
{
	struct cli_json cell[COLUMNS];
	bool spread = s->columns && fits(s, value_of(p), cell);
	size_t i;

	if (s->columns && !spread && !s->table)
		return no_column(e);
	if (s->keyed)
		put_cell(s, key_of(p));
	for (i = 0; i < s->columns; i++)
		put_cell(s, spread ? cell[i] : (struct cli_json){ 0 });
	if (!spread)            /* beyond the columns, if there are any */
		put_cell(s, value_of(p));
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

static void find_columns(struct cli_spread *s)
{
	size_t i;

	for (i = 0; i < s->rows; i++)
		if (!is_object(value_of(&s->held[i])) ||
		    !add_names(s, value_of(&s->held[i]))) {
			s->columns = 0;
			return;
		}
}

static int decide(struct cli_spread *s, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	s->decided = true;
	for (i = 0; i < s->rows && !s->keyed; i++) {
		struct cli_json key = key_of(&s->held[i]);

		s->keyed = key.n != 4 || memcmp(key.p, "null", 4) != 0;
	}
	find_columns(s);
	if (s->table)
		put_head(s);
	else if (!(s->tsv = cli_tsv_new(s->name, s->columns, s->keyed)))
		return fail(e, SNEK_ENOMEM, "out of memory");
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

	if (s->tsv) {
		rc = cli_tsv_put(s->tsv, key, value);
		if (rc)
			cli_tsv_end(s->tsv);
		return rc == SNEK_ETYPE ? no_column(e) : !rc ? 0
		    : fail(e, rc, "out of memory");
	}
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

	if (s->tsv)
		cli_tsv_end(s->tsv);
	if (!rc && !cli_grid_end(s->grid))
		rc = fail(e, SNEK_ENOMEM, "out of memory");
	return rc;
}
