/* SPDX-License-Identifier: MIT */
/*
 * Rows of cells.  Aligned, the first thousand rows settle the widths, so that
 * memory is bounded whatever comes; else a tab between cells, and tab, newline,
 * return, NUL and backslash as \t \n \r \0 \\, null as \N.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { HELD = 1000, GAP = 2, NARROW = 4 };

struct cell {
	char *text;
	size_t columns;
	bool right;
};

struct row {
	struct cell *cell;
	size_t n;
};

struct cli_grid {
	bool aligned, failed, settled;
	bool terminal;          /* numbers are grouped, rows cut to its width */
	struct row head, row;
	struct row *held;
	size_t rows;
	size_t *width;
	bool *right;
	size_t n;               /* columns */
};

struct cli_grid *cli_grid_new(bool aligned)
{
	struct cli_grid *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->aligned = aligned;
	g->terminal = aligned && isatty(STDOUT_FILENO);
	return g;
}

struct cli_grid *cli_grid_of_stdout(void)
{
	return cli_grid_new(isatty(STDOUT_FILENO));
}

bool cli_grid_is_aligned(const struct cli_grid *g)
{
	return g->aligned;
}

static void row_free(struct row *r)
{
	while (r->n)
		free(r->cell[--r->n].text);
	free(r->cell);
	r->cell = NULL;
}

static void row_add(struct cli_grid *g, struct row *r, char *text, bool right)
{
	struct cell *cell = text ?
	    realloc(r->cell, (r->n + 1) * sizeof(*cell)) : NULL;

	if (!cell) {
		free(text);
		g->failed = true;
		return;
	}
	r->cell = cell;
	cell[r->n++] = (struct cell){ text, cli_tty_columns(text), right };
}

/* ---- text into cells ---- */

static bool is_plain(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return true;
}

/* What a terminal would act upon is shown as it is written in JSON. */
static char *shown_slowly(const char *s, size_t n)
{
	char *out = NULL;
	size_t size = 0, i = 0, len;
	FILE *f = open_memstream(&out, &size);
	mbstate_t state = { 0 };
	wchar_t wc;

	if (!f)
		return NULL;
	while (i < n) {
		len = mbrtowc(&wc, s + i, n - i, &state);
		if (len > n || len == 0) {
			memset(&state, 0, sizeof(state));
			putc(s[i] ? '?' : '0', f);
			len = 1;
		} else if (wc == '\n' || wc == '\t') {
			fputs(wc == '\n' ? "\\n" : "\\t", f);
		} else if (wcwidth(wc) < 0) {
			fprintf(f, "\\u%04x", (unsigned)wc);
		} else {
			fwrite(s + i, 1, len, f);
		}
		i += len;
	}
	return fclose(f) ? NULL : out;
}

static char *shown(const char *s, size_t n)
{
	return is_plain(s, n) ? strndup(n ? s : "", n) : shown_slowly(s, n);
}

static char *escaped(const char *s, size_t n)
{
	char *out = malloc(2 * n + 1);
	size_t i, k = 0;

	for (i = 0; out && i < n; i++) {
		const char *known = s[i] ? strchr("\tt\nn\rr\\\\", s[i]) : NULL;

		/* odd places hold the letters, not what they stand for */
		if (known && (s[i] == '\\' || s[i] < ' ')) {
			out[k++] = '\\';
			out[k++] = known[1];
		} else if (!s[i]) {
			out[k++] = '\\';
			out[k++] = '0';
		} else {
			out[k++] = s[i];
		}
	}
	if (out)
		out[k] = '\0';
	return out;
}

/* 1234567.25 as 1,234,567.25; what is no plain number stays. */
static char *grouped(const char *s, size_t n)
{
	char *out = malloc(n + n / 3 + 2);
	size_t sign = n && *s == '-', whole = sign, i, k = 0;

	if (!out)
		return NULL;
	while (whole < n && s[whole] >= '0' && s[whole] <= '9')
		whole++;
	for (i = 0; i < n; i++) {
		if (i > sign && i < whole && (whole - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = s[i];
	}
	out[k] = '\0';
	return out;
}

void cli_grid_head(struct cli_grid *g, const char *name, size_t len)
{
	row_add(g, &g->head, shown(name, len), false);
}

void cli_grid_put(struct cli_grid *g, enum cli_cell kind, const char *s,
    size_t n)
{
	char *text;

	if (kind == CLI_CELL_NONE || (kind == CLI_CELL_NULL && g->aligned))
		text = strdup(kind == CLI_CELL_NULL ? "null" : "");
	else if (kind == CLI_CELL_NULL)
		text = strdup("\\N");
	else if (!g->aligned)
		text = escaped(s, n);
	else if (kind == CLI_CELL_NUMBER && g->terminal)
		text = grouped(s, n);
	else
		text = shown(s, n);
	row_add(g, &g->row, text, kind == CLI_CELL_NUMBER);
}

void cli_grid_text(struct cli_grid *g, const char *s)
{
	cli_grid_put(g, s ? CLI_CELL_TEXT : CLI_CELL_NONE, s, s ? strlen(s) : 0);
}

void cli_grid_number(struct cli_grid *g, uint64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)n);

	cli_grid_put(g, CLI_CELL_NUMBER, text, (size_t)len);
}

void cli_grid_field(struct cli_grid *g, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	cli_grid_text(g, name);
	cli_grid_text(g, text);
	cli_grid_row(g);
}

/* Fields stand under each other as text, whatever they are. */
void cli_grid_count(struct cli_grid *g, const char *name, uint64_t n)
{
	char plain[24];

	snprintf(plain, sizeof(plain), "%llu", (unsigned long long)n);
	cli_grid_field(g, name, g->terminal ? cli_number_grouped(n).s : plain);
}

/* ---- rows onto stdout ---- */

static void put_tabs(const struct row *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		printf("%s%s", i ? "\t" : "", r->cell[i].text);
	putchar('\n');
}

static void put_cell(const struct cell *cell, size_t width, bool right, bool last)
{
	bool cut = cell->columns > width;
	const char *dots = cli_tty_is_utf8() ? "\342\200\246" : "~";
	int pad = cut ? 0 : (int)(width - cell->columns);

	if (right)
		printf("%*s", pad, "");
	if (cut)
		printf("%.*s%s", (int)cli_tty_cut(cell->text, width - 1),
		    cell->text, dots);
	else
		fputs(cell->text, stdout);
	if (!right && !last)
		printf("%*s", pad, "");
}

static void put_aligned(const struct cli_grid *g, const struct row *r)
{
	size_t i;

	for (i = 0; i < r->n && i < g->n; i++) {
		if (i)
			printf("%*s", GAP, "");
		put_cell(&r->cell[i], g->width[i], g->right[i], i + 1 == r->n);
	}
	for (; i < r->n; i++)   /* more than the first rows had */
		printf("  %s", r->cell[i].text);
	putchar('\n');
}

static void measure(struct cli_grid *g, const struct row *r, bool body)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (r->cell[i].columns > g->width[i])
			g->width[i] = r->cell[i].columns;
		if (body && *r->cell[i].text && !r->cell[i].right)
			g->right[i] = false;
	}
}

/* The widest column of text; g->n when there is none left to cut. */
static size_t widest(const struct cli_grid *g, size_t *total)
{
	size_t i, at = g->n;

	*total = g->n ? GAP * (g->n - 1) : 0;
	for (i = 0; i < g->n; i++) {
		*total += g->width[i];
		if (!g->right[i] && g->width[i] > NARROW &&
		    (at == g->n || g->width[i] > g->width[at]))
			at = i;
	}
	return at;
}

/* Text is cut to fit the terminal; a number that is cut would be another. */
static void shrink(struct cli_grid *g)
{
	size_t room = cli_tty_width(STDOUT_FILENO), total, at;

	while (g->terminal) {
		at = widest(g, &total);
		if (total <= room || at == g->n)
			return;
		g->width[at]--;
	}
}

static void put_head(const struct cli_grid *g)
{
	bool bold = cli_tty_has_colour(STDOUT_FILENO);

	if (!g->head.n)
		return;
	if (bold)
		fputs("\033[1m", stdout);
	put_aligned(g, &g->head);
	if (bold)
		fputs("\033[0m", stdout);
}

static void settle(struct cli_grid *g)
{
	size_t i;

	g->settled = true;
	g->n = g->head.n;
	for (i = 0; i < g->rows; i++)
		if (g->held[i].n > g->n)
			g->n = g->held[i].n;
	g->width = calloc(g->n + 1, sizeof(*g->width));
	g->right = malloc(g->n + 1);
	if (!g->width || !g->right) {
		g->failed = true;
		return;
	}
	memset(g->right, true, g->n);
	measure(g, &g->head, false);
	for (i = 0; i < g->rows; i++)
		measure(g, &g->held[i], true);
	shrink(g);
	put_head(g);
	for (i = 0; i < g->rows; i++)
		put_aligned(g, &g->held[i]);
}

static bool hold(struct cli_grid *g)
{
	if (!g->held)
		g->held = calloc(HELD, sizeof(*g->held));
	if (!g->held)
		return false;
	g->held[g->rows++] = g->row;
	g->row = (struct row){ 0 };
	if (g->rows == HELD)
		settle(g);
	return true;
}

void cli_grid_row(struct cli_grid *g)
{
	if (g->failed)
		;
	else if (!g->aligned)
		put_tabs(&g->row);
	else if (g->settled)
		put_aligned(g, &g->row);
	else if (!hold(g))
		g->failed = true;
	row_free(&g->row);
}

bool cli_grid_end(struct cli_grid *g)
{
	if (g->aligned && !g->settled && !g->failed && g->rows)
		settle(g);
	return !g->failed;
}

static void forget(struct cli_grid *g)
{
	row_free(&g->head);
	row_free(&g->row);
	while (g->rows)
		row_free(&g->held[--g->rows]);
	free(g->width);
	free(g->right);
	g->width = NULL;
	g->right = NULL;
	g->settled = false;
}

void cli_grid_again(struct cli_grid *g)
{
	bool any = g->aligned && g->rows;

	if (!cli_grid_end(g))
		return;
	if (any)
		putchar('\n');
	forget(g);
}

void cli_grid_free(struct cli_grid *g)
{
	if (!g)
		return;
	forget(g);
	free(g->held);
	free(g);
}
