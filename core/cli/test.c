/* SPDX-License-Identifier: MIT */
#include "cli/test.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS = 60, SHOWN = 5 };

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

void cli_test_passed(const struct run *r, const char *check, const char *what,
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

void cli_test_failed(const struct run *r, const char *check, const char *what,
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
		cli_test_passed(r, check, what, NULL);
		return;
	}
	cli_test_failed(r, check, what, blame);
	put_difference(r, want, got);
}

/* ---- the checks ---- */

static unsigned seconds(const struct test *t)
{
	uint64_t n = cli_option_count(t->timeout, SECONDS);

	return n && n < 86400 ? (unsigned)n : 86400;
}

bool cli_test_run(const struct run *r, const struct test_text *in,
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
	if (!cli_test_run(r, &r->k->in, &ways[i].way, &a)) {
		free(a.text.p);
		return no_job(r);
	}
	if (a.code)
		cli_test_failed(r, ways[i].name, ways[i].what, a.error);
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
	ok = cli_test_reverse(&r->k->in, &in) && cli_test_run(r, &in, &usual_way, &a);
	if (ok && a.code)
		cli_test_failed(r, "reversed", "records the other way round", a.error);
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
	ok = cli_test_run(r, &none, &usual_way, &a);
	if (ok && a.code)
		cli_test_failed(r, "empty", "no records at all", a.error);
	else if (ok)
		cli_test_passed(r, "empty", "no records at all", NULL);
	free(a.text.p);
	return ok ? 0 : no_job(r);
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
		cli_test_failed(r, "expected", "as expected", "the case has no .out.jsonl; "
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
	if (!rc && !skips(r->t, "types") && !cli_test_types(r))
		rc = no_job(r);
	return rc;
}

static int check_case(struct test *t, const struct test_case *k)
{
	struct run r = { .t = t, .k = k };
	int rc = 0;

	if (!cli_test_run(&r, &k->in, &usual_way, &r.usual))
		rc = no_job(&r);
	else if (r.usual.code)
		cli_test_failed(&r, "expected", "as expected", r.usual.error);
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

/* tests, here or else beside the plugin. */
static int find_cases(struct test *t, char **beside)
{
	const char *slash = strrchr(t->function, '/');

	t->dir = "tests";
	if (!slash || !access("tests", F_OK))
		return 0;
	if (asprintf(beside, "%.*s/tests", (int)(slash - t->function),
	    t->function) < 0)
		return cli_error(&t->c, SNEK_ENOMEM, NULL, NULL,
		    "out of memory");
	if (!access(*beside, F_OK))
		t->dir = *beside;
	return 0;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct test t = { .c.command = cmd };
	char *beside = NULL;
	int rc = cli_option_parse(&t.c, &argc, &argv);

	if (rc == CLI_GO) {
		t.function = argv[0];
		if (argc > 1)
			t.dir = argv[1];
		rc = check(&t);
		if (!rc && argc == 1)
			rc = find_cases(&t, &beside);
		if (!rc)
			rc = test_all(&t);
		rc = cli_out_end(&t.c, rc);
	}
	free(t.skip.v);
	free(beside);
	return rc;
}

const struct cli_command cli_test = {
	"snek", "test", "PLUGIN[:OP]|FUNCTION [DIR]",
	"Run a plugin's cases, and what its author forgot",
	"Checks: expected, one-worker, workers, chunks, combine-never, "
	"combine-once,\ncombine-often, retry, reversed, empty, types.",
	1, 2, options, run
};
