/* SPDX-License-Identifier: MIT */
/* Results onto stdout; nothing else ever goes there. */
#include "cli/cli.h"

#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

struct printer {
	const struct cli *c;
	snek_result *result;
	bool reduced;
	bool array;             /* json; else jsonl */
	struct cli_spread *spread;      /* table and tsv; else NULL */
	uint64_t rows;
};

static int put_pair(FILE *f, bool reduced, struct snek_value key,
    struct snek_value value)
{
	bool pair = reduced || key.type > SNEK_NULL;
	int rc = 0;

	if (pair) {
		fputs("{\"key\":", f);
		rc = snek_value_json(key, f);
		fputs(",\"value\":", f);
	}
	if (rc >= 0)
		rc = snek_value_json(value, f);
	if (pair)
		putc('}', f);
	return rc;
}

int cli_result_line(FILE *f, bool reduced, struct snek_value key,
    struct snek_value value)
{
	int rc = put_pair(f, reduced, key, value);

	putc_unlocked('\n', f);
	return rc;
}

static int put_text(struct printer *p, struct snek_value key,
    struct snek_value value)
{
	if (!p->array)
		return cli_result_line(stdout, p->reduced, key, value);
	fputs(p->rows ? ",\n" : "[", stdout);
	return put_pair(stdout, p->reduced, key, value);
}

static int put_rows(struct printer *p, struct snek_error *e)
{
	struct snek_value key, value;
	int rc;

	while ((rc = snek_result_next(p->result, &key, &value, e)) == 1) {
		rc = p->spread ? cli_spread_put(p->spread, key, value, e) :
		    put_text(p, key, value);
		p->rows++;
		if (rc < 0 || ferror(stdout) || cli_signal_caught())
			return rc < 0 ? rc : 0;
	}
	if (!rc && p->spread)
		rc = cli_spread_end(p->spread, e);
	if (p->array)
		fputs(p->rows ? "]\n" : "[]\n", stdout);
	return rc;
}

static int print(struct printer *p)
{
	struct snek_error e = { 0 };
	int rc = put_rows(p, &e);

	if (ferror(stdout))
		return cli_out_failed(p->c);
	if (cli_signal_caught())
		return cli_signal_exit(p->c, "the output is not complete");
	return rc < 0 ? cli_error_of(p->c, rc, &e, NULL, NULL) : 0;
}

/* Rows are short and many: no lock is taken for each, and large pieces are
 * written. */
static void ready_stdout(void)
{
	static char room[64u << 10];

	__fsetlocking(stdout, FSETLOCKING_BYCALLER);
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, room, _IOFBF, sizeof(room));
}

int cli_result_print(const struct cli *c, snek_job *job, const char *format)
{
	struct printer p = { .c = c };
	struct snek_error e = { 0 };
	bool table, tsv;
	int rc;

	if (!format)
		format = !c->json && isatty(STDOUT_FILENO) ? "table" : "jsonl";
	table = strcmp(format, "table") == 0;
	tsv = strcmp(format, "tsv") == 0;
	p.array = strcmp(format, "json") == 0;
	ready_stdout();
	if ((rc = snek_result_open(job, &p.result, &e)) < 0)
		return cli_error_of(c, rc, &e, NULL, NULL);
	p.reduced = snek_result_is_reduced(p.result);
	if (table || tsv)
		p.spread = cli_spread_new(table, p.reduced);
	if ((table || tsv) && !p.spread)
		rc = cli_error(c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	else
		rc = print(&p);
	cli_spread_free(p.spread);
	snek_result_close(p.result);
	return rc;
}
