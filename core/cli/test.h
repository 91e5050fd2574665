/* SPDX-License-Identifier: MIT */
/*
 * test.h - snek test, in four parts:
 *
 *   test.c       the command: cases, checks, and what is said about them
 *   test_types.c the check with a record of each type
 *   test_case.c  a case from its files; texts as lines
 *   test_job.c   one job in a child of its own, so that a plugin that crashes
 *                or hangs costs one check
 */
#ifndef CLI_TEST_H
#define CLI_TEST_H
#include "cli/cli.h"

struct test_text {
	char *p;                        /* ends in a NUL; never NULL once read */
	size_t n;
};

/* Records for a side input, as --side takes it. */
struct test_side {
	char *name, *path;
};

/* DIR/NAME.in.jsonl, NAME.args (or none), NAME.out.jsonl, and for each side
 * input NAME.ITS-NAME.side.jsonl. */
struct test_case {
	char *name;
	struct test_side *side;
	size_t sides;
	struct test_text in, out, words;
	char **arg;                     /* name=value, within words */
	size_t args;
	bool has_out;
};

/* How a job is run; NULL: as usual. */
struct test_way {
	const char *workers, *chunk_records, *combine, *retry_first;
};

/* What became of a job. */
struct test_answer {
	struct test_text text;          /* its results as JSON lines */
	bool reduced, keeps_order;      /* its reducer is "list" */
	bool combines;
	int code;                       /* 0 or SNEK_E* */
	int signal;                     /* that ended the child, or 0 */
	char error[512];                /* why it failed, however it did */
};

struct test {                           /* the command */
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

/* ---- test.c ---- */

/* A check of a case passed (remark may be NULL) or failed. */
void cli_test_passed(const struct run *, const char *check, const char *what,
    const char *remark);
void cli_test_failed(const struct run *, const char *check, const char *what,
    const char *why);
/* Map the function over the text, with the case's arguments. */
bool cli_test_run(const struct run *, const struct test_text *in,
    const struct test_way *, struct test_answer *);

/* ---- test_types.c ---- */

/* False: a job could not be run. */
bool cli_test_types(const struct run *);

/* ---- test_case.c ---- */

/* 0, or what to exit with, the message printed.  Free it either way. */
int cli_test_case_read(const struct cli *, const char *dir, const char *name,
    struct test_case *);
void cli_test_case_free(struct test_case *);
/* What the case expects is this from now on.  0 or an exit code. */
int cli_test_case_write(const struct cli *, const char *dir,
    const struct test_case *, const struct test_text *);
/* The lines the other way round, or sorted; false: no memory. */
bool cli_test_reverse(const struct test_text *, struct test_text *out);
bool cli_test_sort(const struct test_text *, struct test_text *out);
/* A record without blanks between its tokens. */
bool cli_test_compact(const char *line, size_t n, struct test_text *out);

/* ---- test_job.c ---- */

/* Map the function over the text.  False: no memory, no process; errno tells.
 * seconds: after which it is late. */
bool cli_test_job(const char *function, const struct test_case *,
    const struct test_text *in, const struct test_way *, unsigned seconds,
    struct test_answer *);
#endif
