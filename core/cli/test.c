/* SPDX-License-Identifier: MIT */
#include "cli/test.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS = 60, SHOWN = 5, MEMBERS = 16, FEW = 1 << 14 };

struct test {
	struct cli c;
	struct cli_list skip;
	const char *timeout;
	bool update;
	const char *function, *dir;
	unsigned ok, failed;
};

struct run {                            /* one case, and its usual answer */
	struct test *t;
	const struct test_case *k;
	struct test_answer usual;
};

static const struct cli_option options[] = {
	{ "skip", 0, CLI_LIST, CLI_AT(test, skip), "CHECK",
	  "leave a check out; may be repeated" },
	{ "update", 0, CLI_FLAG, CLI_AT(test, update), NULL,
	  "what comes out now is what is expected" },
	{ "timeout", 0, CLI_COUNT, CLI_AT(test, timeout), "SECONDS",
	  "for one job; default: 60" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	{ 0 }
};

/* What is run besides the case itself: it must change nothing. */
static const struct {
	const char *name, *what;
	struct test_way way;
} ways[] = {
	{ "one-worker", "1 worker for several tasks",
	  { .workers = "1", .chunk_records = "1" } },
	{ "workers", "8 workers, a task a record",
	  { .workers = "8", .chunk_records = "1" } },
	{ "chunks", "chunks of 3 records",
	  { .workers = "2", .chunk_records = "3" } },
	{ "combine-never", "combine never called", { .combine = "never" } },
	{ "combine-once", "combine called once a task",
	  { .workers = "1", .combine = "once" } },
	{ "combine-often", "combine called often",
	  { .workers = "1", .combine = "often" } },
	{ "retry", "every task attempted twice",
	  { .workers = "2", .chunk_records = "1", .retry_first = "yes" } },
};
static const char *const others[] = { "expected", "reversed", "empty", "types" };
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct test_way usual_way;
/* Each record in a chunk of its own, whose columns have its types. */
static const struct test_way alone = { .chunk_records = "1" };

/* ---- saying it ---- */

static void put_json(const struct run *r, const char *check, const char *result,
    const char *text)
{
	cli_out_begin(stdout, "check");
	cli_out_text(stdout, "case", r->k->name);
	cli_out_text(stdout, "check", check);
	cli_out_text(stdout, "result", result);
	if (text)
		cli_out_text(stdout, "text", text);
	cli_out_close(stdout);
}

static void passed(const struct run *r, const char *check, const char *what,
    const char *remark)
{
	r->t->ok++;
	if (r->t->c.json)
		put_json(r, check, "ok", remark);
	if (r->t->c.json || r->t->c.quiet)
		return;
	printf("ok    %s: %s", r->k->name, what);
	if (remark) {
		fputs(" (", stdout);
		cli_out_plain(stdout, remark);
		putchar(')');
	}
	putchar('\n');
}

static void failed(const struct run *r, const char *check, const char *what,
    const char *why)
{
	r->t->failed++;
	if (r->t->c.json) {
		put_json(r, check, "fail", why);
		return;
	}
	printf("FAIL  %s: %s: ", r->k->name, what);
	cli_out_plain(stdout, why);
	putchar('\n');
}

static bool skips(const struct test *t, const char *check)
{
	size_t i;

	for (i = 0; i < t->skip.n; i++)
		if (strcmp(t->skip.v[i], check) == 0)
			return true;
	return false;
}

static int no_job(const struct run *r)
{
	return cli_error(&r->t->c, SNEK_EIO, r->k->name, NULL,
	    "cannot run a job: %s", strerror(errno));
}

/* ---- differences ---- */

/* The length of the line at p. */
static size_t line(const char *p)
{
	return strcspn(p, "\n");
}

static const char *after(const char *p)
{
	p += line(p);
	return *p ? p + 1 : p;
}

static bool has_line(const char *all, const char *p)
{
	for (; *all; all = after(all))
		if (line(all) == line(p) && !memcmp(all, p, line(p)))
			return true;
	return false;
}

/* Lines of one text that the other has not. */
static void put_lines(char sign, const char *p, const char *other)
{
	unsigned n = 0;

	for (; *p; p = after(p)) {
		if (has_line(other, p) || ++n > SHOWN)
			continue;
		printf("      %c%.*s\n", sign, (int)line(p), p);
	}
	if (n > SHOWN)
		printf("      %c... %u more\n", sign, n - SHOWN);
}

static void put_difference(const struct run *r, const struct test_text *want,
    const struct test_text *got)
{
	if (r->t->c.json)
		return;
	put_lines('-', want->p, got->p);
	put_lines('+', got->p, want->p);
}

static bool same(const struct test_text *a, const struct test_text *b)
{
	return a->n == b->n && !memcmp(a->p, b->p, a->n);
}

static void compare(const struct run *r, const char *check, const char *what,
    const char *blame, const struct test_text *want, const struct test_text *got)
{
	if (same(want, got)) {
		passed(r, check, what, NULL);
		return;
	}
	failed(r, check, what, blame);
	put_difference(r, want, got);
}

/* ---- the checks ---- */

static unsigned seconds(const struct test *t)
{
	uint64_t n = cli_option_count(t->timeout, SECONDS);

	return n && n < 86400 ? (unsigned)n : 86400;
}

static bool job(const struct run *r, const struct test_text *in,
    const struct test_way *way, struct test_answer *a)
{
	return cli_test_job(r->t->function, r->k, in, way, seconds(r->t), a);
}

static int check_way(const struct run *r, size_t i)
{
	struct test_answer a;

	if (skips(r->t, ways[i].name) ||
	    (ways[i].way.combine && !r->usual.combines))
		return 0;
	if (!job(r, &r->k->in, &ways[i].way, &a)) {
		free(a.text.p);
		return no_job(r);
	}
	if (a.code)
		failed(r, ways[i].name, ways[i].what, a.error);
	else
		compare(r, ways[i].name, ways[i].what, "another result",
		    &r->usual.text, &a.text);
	free(a.text.p);
	return 0;
}

/* Pairs that were reduced come the same; a list has the same members. */
static bool compare_reversed(const struct run *r, const struct test_answer *a)
{
	struct test_text want = { 0 }, got = { 0 };
	bool ok = cli_test_sort(&r->usual.text, &want) &&
	    cli_test_sort(&a->text, &got);

	if (ok)
		compare(r, "reversed", "records the other way round", "another "
		    "result; if order is meant to count: --skip reversed", &want,
		    &got);
	free(want.p);
	free(got.p);
	return ok;
}

static int check_reversed(const struct run *r)
{
	struct test_text in = { 0 };
	struct test_answer a = { 0 };
	bool ok;

	if (skips(r->t, "reversed") || r->usual.keeps_order)
		return 0;
	ok = cli_test_reverse(&r->k->in, &in) && job(r, &in, &usual_way, &a);
	if (ok && a.code)
		failed(r, "reversed", "records the other way round", a.error);
	else if (ok)
		ok = compare_reversed(r, &a);
	free(in.p);
	free(a.text.p);
	return ok ? 0 : no_job(r);
}

static int check_empty(const struct run *r)
{
	const struct test_text none = { (char *)"", 0 };
	struct test_answer a;
	bool ok;

	if (skips(r->t, "empty"))
		return 0;
	ok = job(r, &none, &usual_way, &a);
	if (ok && a.code)
		failed(r, "empty", "no records at all", a.error);
	else if (ok)
		passed(r, "empty", "no records at all", NULL);
	free(a.text.p);
	return ok ? 0 : no_job(r);
}

/* ---- a record of each type ---- */

static const char *const values[] = {
	"null", "true", "false", "0", "-1", "9223372036854775807",
	"18446744073709551615", "1.5", "-1e300", "\"\"", "\"text\"",
	"\"na\\u00efve \\ud83d\\udc0d \\u0000\"", "[]", "[1,\"a\",[null]]", "{}",
	"{\"a\":{\"b\":[1.5,{}]}}",
};

struct types {
	const struct run *r;
	unsigned tried, refused;
	char first[600];                /* what the first refused one said */
	bool broken, no_job;
};

static bool is_our_bug(const struct test_answer *a)
{
	return a->signal || a->code == SNEK_EINTERNAL || a->code == SNEK_EABI ||
	    a->code == SNEK_ECORRUPT || a->code == SNEK_ETIMEDOUT;
}

/* The record before those of the case, or the first of many: for a job whose
 * fields no record has fails, whatever the op thinks. */
static bool beside(const struct types *t, const char *record,
    struct test_text *in)
{
	const struct test_text *own = &t->r->k->in;
	int n = asprintf(&in->p, "%s\n%.*s\n", record, (int)(own->n < FEW ?
	    own->n : line(own->p)), own->p);

	in->n = n < 0 ? 0 : (size_t)n;
	if (n < 0)
		in->p = NULL;
	return in->p;
}

/* One record.  A refusal is fine as long as it is one. */
static void try(struct types *t, const char *record)
{
	struct test_text in = { 0 };
	struct test_answer a = { 0 };
	char text[600];

	if (t->broken || t->no_job)
		return;
	if (!beside(t, record, &in) || !job(t->r, &in, &alone, &a)) {
		t->no_job = true;
	} else if (is_our_bug(&a)) {
		snprintf(text, sizeof(text), "%.500s: %.80s", a.error, record);
		failed(t->r, "types", "a record of each type", text);
		t->broken = true;
	} else {
		t->tried++;
		if (a.code && !t->refused++)
			snprintf(t->first, sizeof(t->first), "%s", a.error);
	}
	free(in.p);
	free(a.text.p);
}

/* The case's first record, with each type in place of a member. */
static void try_member(struct types *t, const struct test_text *record,
    struct cli_json value)
{
	size_t i, before = (size_t)(value.p - record->p);
	char *text;

	for (i = 0; i < COUNT(values); i++) {
		if (asprintf(&text, "%.*s%s%s", (int)before, record->p,
		    values[i], value.p + value.n) < 0)
			return;
		try(t, text);
		free(text);
	}
}

static void try_members(struct types *t)
{
	const char *p = t->r->k->in.p;
	struct cli_json rest, name, value;
	struct test_text record;
	int i;

	if (!cli_test_compact(p, line(p), &record))
		return;
	rest = (struct cli_json){ record.p, record.n };
	for (i = 0; record.n && *record.p == '{' && i < MEMBERS &&
	    cli_json_member(&rest, &name, &value); i++)
		try_member(t, &record, value);
	free(record.p);
}

static int check_types(const struct run *r)
{
	struct types t = { .r = r };
	char remark[700];
	size_t i;

	if (skips(r->t, "types"))
		return 0;
	for (i = 0; i < COUNT(values); i++)
		try(&t, values[i]);
	try_members(&t);
	if (t.no_job)
		return no_job(r);
	if (t.broken)
		return 0;
	snprintf(remark, sizeof(remark), "refuses %u of %u: %s", t.refused,
	    t.tried, t.first);
	passed(r, "types", "a record of each type", t.refused ? remark : NULL);
	return 0;
}

/* ---- a case ---- */

static int check_expected(const struct run *r)
{
	const struct test_case *k = r->k;

	if (r->t->update) {
		if (!k->has_out || !same(&k->out, &r->usual.text))
			return cli_test_case_write(&r->t->c, r->t->dir, k,
			    &r->usual.text);
	} else if (!k->has_out && !skips(r->t, "expected")) {
		failed(r, "expected", "as expected", "the case has no .out.jsonl; "
		    "look at what comes out, then --update writes it");
		put_difference(r, &(struct test_text){ (char *)"", 0 },
		    &r->usual.text);
		return 0;
	}
	if (!skips(r->t, "expected"))
		compare(r, "expected", "as expected", "another result",
		    r->t->update ? &r->usual.text : &k->out, &r->usual.text);
	return 0;
}

static int check_all(const struct run *r)
{
	size_t i;
	int rc = check_expected(r);

	for (i = 0; !rc && i < COUNT(ways); i++)
		rc = check_way(r, i);
	if (!rc)
		rc = check_reversed(r);
	if (!rc)
		rc = check_empty(r);
	return rc ? rc : check_types(r);
}

static int check_case(struct test *t, const struct test_case *k)
{
	struct run r = { .t = t, .k = k };
	int rc = 0;

	if (!job(&r, &k->in, &usual_way, &r.usual))
		rc = no_job(&r);
	else if (r.usual.code)
		failed(&r, "expected", "as expected", r.usual.error);
	else
		rc = check_all(&r);
	free(r.usual.text.p);
	return rc;
}

/* ---- all cases ---- */

static int each_case(struct test *t, const glob_t *g)
{
	struct test_case k;
	size_t i, n;
	char *name;
	int rc = 0;

	for (i = 0; !rc && i < g->gl_pathc; i++) {
		name = strrchr(g->gl_pathv[i], '/') + 1;
		n = strlen(name) - strlen(".in.jsonl");
		name[n] = '\0';
		rc = cli_test_case_read(&t->c, t->dir, name, &k);
		if (!rc)
			rc = check_case(t, &k);
		cli_test_case_free(&k);
	}
	return rc;
}

static int summary(const struct test *t)
{
	if (t->c.json) {
		cli_out_begin(stdout, "summary");
		cli_out_number(stdout, "ok", t->ok);
		cli_out_number(stdout, "failed", t->failed);
		cli_out_close(stdout);
	} else if (!t->c.quiet) {
		printf("%u ok, %u failed\n", t->ok, t->failed);
	}
	return t->failed ? CLI_PLUGIN : 0;
}

static int test_all(struct test *t)
{
	char *pattern;
	glob_t g;
	int rc;

	if (asprintf(&pattern, "%s/*.in.jsonl", t->dir) < 0)
		return cli_error(&t->c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	rc = glob(pattern, 0, NULL, &g);
	free(pattern);
	if (rc == GLOB_NOSPACE)
		return cli_error(&t->c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	if (rc)
		return cli_error(&t->c, SNEK_ENOENT, t->dir, "write what goes in "
		    "to tests/NAME.in.jsonl, a record a line; man snek-test",
		    "no case there");
	rc = each_case(t, &g);
	globfree(&g);
	return rc ? rc : summary(t);
}

/* ---- the command ---- */

static int check_skip(const struct test *t, const char *name)
{
	struct cli_guess g = { .word = name };
	size_t i;

	for (i = 0; i < COUNT(ways); i++)
		cli_guess_offer(&g, ways[i].name, strlen(ways[i].name));
	for (i = 0; i < COUNT(others); i++)
		cli_guess_offer(&g, others[i], strlen(others[i]));
	if (!g.best)
		return cli_error_usage(&t->c, "--skip %s: no such check", name);
	if (strcmp(g.best, name))
		return cli_error_usage(&t->c, "--skip %s: did you mean %s?", name,
		    g.best);
	return 0;
}

static int check(const struct test *t)
{
	const struct cli_job plain = { .c = t->c };
	char *file, *colon, *function[] = { (char *)t->function };
	size_t i;
	int rc = cli_job_check(&plain, 1, function);

	for (i = 0; !rc && i < t->skip.n; i++)
		rc = check_skip(t, t->skip.v[i]);
	if (rc || !strchr(t->function, '/'))
		return rc;
	file = strdup(t->function);
	if (!file)
		return cli_error(&t->c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	colon = strrchr(file, ':');
	if (access(file, R_OK) && colon)
		*colon = '\0';
	if (access(file, R_OK))
		rc = cli_error_file(&t->c, file);
	free(file);
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct test t = { .c.command = cmd, .dir = "tests" };
	int rc = cli_option_parse(&t.c, &argc, &argv);

	if (rc == CLI_GO) {
		t.function = argv[0];
		if (argc > 1)
			t.dir = argv[1];
		rc = check(&t);
		if (!rc)
			rc = test_all(&t);
		rc = cli_out_end(&t.c, rc);
	}
	free(t.skip.v);
	return rc;
}

const struct cli_command cli_test = {
	"snek", "test", "PLUGIN[:OP]|FUNCTION [DIR]",
	"Run a plugin's cases, and what its author forgot",
	"Checks: expected, one-worker, workers, chunks, combine-never, "
	"combine-once,\ncombine-often, retry, reversed, empty, types.",
	1, 2, options, run
};
