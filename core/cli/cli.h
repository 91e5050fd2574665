/* SPDX-License-Identifier: MIT */
/* cli.h - what the commands share: options, streams, errors, results. */
#ifndef CLI_CLI_H
#define CLI_CLI_H
#include <stdarg.h>
#include <stdio.h>
#include <snek/snek.h>

enum {                                  /* how a program ends */
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_PARTIAL = 4,
	CLI_TEMPORARY = 5,
	CLI_DENIED = 6,
	CLI_PLUGIN = 7,
	CLI_LIMIT = 8,
	CLI_CORRUPT = 9,
	CLI_INTERRUPTED = 130,
	CLI_PIPE = 141,
};

struct cli_option;

struct cli_command {
	const char *program;            /* snek, snek-deploy ... */
	const char *name;               /* NULL: the program has no commands */
	const char *args;               /* "CATEGORY [FILE...|-]" */
	const char *summary;            /* for the list of commands */
	const char *more;               /* a paragraph for --help, or NULL */
	int min, max;                   /* arguments; max -1: any number */
	const struct cli_option *options;       /* ends with a NULL name */
	int (*run)(const struct cli_command *, int argc, char **argv);
};

/* The head of every command's own struct of options. */
struct cli {
	const struct cli_command *command;
	bool help, json, quiet, verbose;
	const char *cluster;
};

/* The commands of snek, in the order of its help; ends with a NULL. */
extern const struct cli_command *const cli_commands[];
extern const struct cli_command cli_write, cli_query, cli_run, cli_ls,
	cli_find, cli_export, cli_rm, cli_copy, cli_gc, cli_compact, cli_functions,
	cli_rm_function, cli_version, cli_help, cli_completions, cli_describe,
	cli_doctor, cli_peek, cli_stat, cli_new, cli_test, cli_lint,
	cli_gateway, cli_lambda_local, cli_logs;
const struct cli_command *cli_command_find(const char *name);
/* The first thing a program does: locale, and descriptors 0 to 2 are open. */
void cli_main_begin(void);

/* ---- option.c ---- */

enum cli_kind {
	CLI_FLAG,                       /* bool */
	CLI_TEXT,                       /* const char * */
	CLI_COUNT,                      /* const char *, a whole number */
	CLI_SECONDS,                    /* const char *, a number */
	CLI_MAYBE_SECONDS,              /* the same, behind a "="; or "" */
	CLI_SIZE,                       /* uint64_t, with K, M or G */
	CLI_CHOICE,                     /* const char *, one of arg ("a|b|c") */
	CLI_LIST,                       /* struct cli_list, may be repeated */
};

struct cli_option {
	const char *name;
	char letter;
	enum cli_kind kind;
	size_t at;                      /* in the command's struct */
	const char *arg;                /* how help calls the argument */
	const char *help;
};

struct cli_list {
	const char **v;
	size_t n;
};

#define CLI_AT(type, member) offsetof(struct type, member)
#define CLI_OPTION_CLUSTER { "cluster", 0, CLI_TEXT, CLI_AT(cli, cluster), \
	"WHERE", "default: $SNEK_CLUSTER, else the user's own" }
#define CLI_OPTION_JSON { "json", 0, CLI_FLAG, CLI_AT(cli, json), NULL, \
	"answer in JSON, errors too" }
#define CLI_OPTION_QUIET { "quiet", 'q', CLI_FLAG, CLI_AT(cli, quiet), NULL, \
	"say nothing but errors" }

enum { CLI_GO = -1 };
/* Fill the struct that c heads; argv loses the options.  CLI_GO, or with what
 * to exit: help was shown, or a usage error. */
int cli_option_parse(struct cli *c, int *argc, char ***argv);
void cli_option_help(const struct cli_command *, FILE *);
/* Every table has this one, too. */
extern const struct cli_option cli_option_of_help;
/* The whole number that a CLI_COUNT holds; otherwise when it is NULL. */
uint64_t cli_option_count(const char *text, uint64_t otherwise);

/* ---- guess.c ---- */

/* The name most like a word, or NULL when none is. */
struct cli_guess {
	const char *word, *best;
	size_t distance;
};
void cli_guess_offer(struct cli_guess *, const char *name, size_t len);

/* ---- hide.c ---- */

/* The text, or URLs with commas between, without passwords; to be freed. */
char *cli_hide(const char *);
/* The same of a text that has URLs in it. */
char *cli_hide_text(const char *);

/* ---- error.c ---- */

/* One line (or one JSON object) on stderr; what to exit with. */
__attribute__((format(printf, 5, 6)))
int cli_error(const struct cli *, int code, const char *subject,
    const char *cure, const char *fmt, ...);
/* The same for what the library said. */
int cli_error_of(const struct cli *, int code, const struct snek_error *,
    const char *subject, const char *cure);
/* About the file, from errno. */
int cli_error_file(const struct cli *, const char *file);
__attribute__((format(printf, 2, 3)))
int cli_error_usage(const struct cli *, const char *fmt, ...);
/* A line on stderr, unless quiet. */
__attribute__((format(printf, 2, 3)))
void cli_error_say(const struct cli *, const char *fmt, ...);
int cli_error_exit(int code);
/* What it is called in JSON. */
const char *cli_error_name(int code);

/* ---- out.c ---- */

/* Flush stdout.  The code, or another when the results went nowhere. */
int cli_out_end(const struct cli *, int code);
/* Text may hold what a file or plugin said: let it not steer the terminal. */
void cli_out_plain(FILE *, const char *);
/* For a broken stdout, by errno. */
int cli_out_failed(const struct cli *);
void cli_out_begin(FILE *, const char *kind);   /* {"snek":1,"kind":... */
void cli_out_text(FILE *, const char *name, const char *);  /* NULL: null */
void cli_out_number(FILE *, const char *name, uint64_t);
void cli_out_real(FILE *, const char *name, double);
void cli_out_bool(FILE *, const char *name, bool);
void cli_out_close(FILE *);                     /* }\n */
void cli_out_string(FILE *, const char *, size_t);
void cli_out_category(FILE *, const struct snek_category_info *);

/* ---- number.c ---- */

struct cli_text { char s[48]; };
struct cli_text cli_number_grouped(uint64_t);   /* 63,666 */
struct cli_text cli_number_short(double);       /* 63.7k */
struct cli_text cli_number_bytes(double);       /* 6.8 MB */
bool cli_number_size(const char *text, uint64_t *);     /* "64K" */
int64_t cli_number_now(void);                   /* milliseconds */

/* ---- tty.c ---- */

bool cli_tty_is_fancy(int fd);  /* a terminal that knows escapes */
bool cli_tty_has_colour(int fd);
bool cli_tty_is_utf8(void);
size_t cli_tty_width(int fd);
/* Columns of the text; as many of its bytes as fit into most columns. */
size_t cli_tty_columns(const char *text);
size_t cli_tty_cut(const char *text, size_t most);
/* 1 yes, 0 no; negative when there is nobody to ask. */
int cli_tty_ask(const char *question);

/* ---- signal.c ---- */

/* From here on SIGINT and SIGTERM are remembered, once: the job (or NULL) is
 * cancelled, and reading the descriptor (or -1) ends. */
void cli_signal_begin(void);
void cli_signal_watch(snek_job *, int fd);
int cli_signal_caught(void);    /* its number, or 0 */
int cli_signal_exit(const struct cli *, const char *what);

/* ---- progress.c ---- */

struct cli_progress;
#define CLI_PROGRESS_MODES "auto|plain|off"
/* Never fails: without memory there is none (NULL), which is fine below. */
struct cli_progress *cli_progress_open(const struct cli *, const char *mode,
    const char *title, const char *function);
bool cli_progress_is_on(const struct cli_progress *);
void cli_progress_job(struct cli_progress *, const struct snek_job_stat *);
void cli_progress_write(struct cli_progress *, uint64_t records, uint64_t bytes);
/* A line of text above the bar; any thread. */
void cli_progress_log(struct cli_progress *, const char *text);
void cli_progress_erase(struct cli_progress *);
void cli_progress_close(struct cli_progress *);

/* ---- cluster.c ---- */

/* 0, or what to exit with, the message printed. */
int cli_cluster_open(const struct cli *, snek_cluster **);
/* The same, but the user's own cluster is made when it is missing. */
int cli_cluster_make(const struct cli *, snek_cluster **);
/* snek_cluster_open, which says whom it waits for. */
int cli_cluster_at(const struct cli *, const char *where, snek_cluster **,
    struct snek_error *);
/* For the place of it in options: a line about a server, to a struct cli. */
void cli_cluster_waiting(void *cli, const char *text);
/* What --cluster and the environment come to; to be freed. */
int cli_cluster_where(const struct cli *, char **where, bool *named);

/* ---- input.c ---- */

struct cli_input {
	char **v;                       /* "-" is stdin */
	size_t n;
};
#define CLI_FORMATS "jsonl|array|value|text"
enum snek_format cli_input_format(const char *name);    /* NULL: by name */
/* Expand globs, default to stdin, see that each can be read.  0 or an exit
 * code; call free either way. */
int cli_input_expand(const struct cli *, struct cli_input *,
    const char *const *names, size_t n);
void cli_input_free(struct cli_input *);
/* Call read for each file, in order; stops at a signal.  cure (may be NULL):
 * of a record that is bad. */
int cli_input_each(const struct cli *, struct cli_input *, const char *cure,
    int (*read)(void *, int fd, const char *name, struct snek_error *), void *);

/* ---- job.c: what query and run have in common ---- */

struct cli_job {
	struct cli c;
	const char *args, *reduce, *partitions, *on, *workers, *output, *order,
	    *limit, *timeout, *attempts, *tmp, *progress, *call, *sig, *fields,
	    *worker, *worker_cpu, *skip_bad, *bad, *batch, *call_timeout;
	uint64_t memory, worker_memory;
	struct cli_list side;           /* .v is to be freed */
	const char *into, *request_id, *durability;     /* query */
	snek_cluster *cluster;
	bool trust, keep_going;
};
/* on: a choice of where to run. */
#define CLI_JOB_OPTIONS(on_choice, on_help) \
	{ "args", 0, CLI_TEXT, CLI_AT(cli_job, args), "JSON", \
	  "arguments of the function, as a JSON object" }, \
	{ "call", 0, CLI_TEXT, CLI_AT(cli_job, call), "LIBRARY:FUNCTION", \
	  "a C function of any library, as FUNCTION" }, \
	{ "sig", 0, CLI_TEXT, CLI_AT(cli_job, sig), "SIGNATURE", \
	  "its types: 'd(dd)'; one of biIlLfds each" }, \
	{ "fields", 0, CLI_TEXT, CLI_AT(cli_job, fields), "FIELD,...", \
	  "its arguments" }, \
	{ "side", 0, CLI_LIST, CLI_AT(cli_job, side), "NAME=CATEGORY|FILE", \
	  "records for every task; may be repeated" }, \
	{ "reduce", 0, CLI_TEXT, CLI_AT(cli_job, reduce), "REDUCER", \
	  "sum, count, min, max, mean, list, top=N, none" }, \
	{ "order", 0, CLI_TEXT, CLI_AT(cli_job, order), "ORDER", \
	  "key, value, value.PATH; -value: largest first" }, \
	{ "limit", 0, CLI_COUNT, CLI_AT(cli_job, limit), "N", \
	  "print at most so many results" }, \
	{ "output", 'o', CLI_CHOICE, CLI_AT(cli_job, output), \
	  "table|jsonl|json|tsv", \
	  "default: table on a terminal, else jsonl" }, \
	{ "on", 0, CLI_CHOICE, CLI_AT(cli_job, on), on_choice, on_help }, \
	{ "trust", 0, CLI_FLAG, CLI_AT(cli_job, trust), NULL, \
	  "run the plugin without the sandbox" }, \
	{ "memory", 0, CLI_SIZE, CLI_AT(cli_job, memory), "SIZE", \
	  "for the job; default: half of what there is" }, \
	{ "worker-memory", 0, CLI_SIZE, CLI_AT(cli_job, worker_memory), \
	  "SIZE", "that each process may take; default: 4G" }, \
	{ "worker-cpu", 0, CLI_SECONDS, CLI_AT(cli_job, worker_cpu), \
	  "SECONDS", "of processor time for a task; default: no limit" }, \
	{ "skip-bad", 0, CLI_COUNT, CLI_AT(cli_job, skip_bad), "N", \
	  "leave out up to N records that cannot be mapped" }, \
	{ "bad", 0, CLI_TEXT, CLI_AT(cli_job, bad), "FILE", \
	  "that those are written to, as JSON lines" }, \
	{ "keep-going", 0, CLI_FLAG, CLI_AT(cli_job, keep_going), NULL, \
	  "list what fails, answer for the rest, and exit 4" }, \
	{ "worker", 0, CLI_TEXT, CLI_AT(cli_job, worker), "FILE", \
	  "the worker program; default: $SNEK_WORKER" }, \
	{ "workers", 0, CLI_COUNT, CLI_AT(cli_job, workers), "N", \
	  "to map with; default: one a processor" }, \
	{ "partitions", 0, CLI_COUNT, CLI_AT(cli_job, partitions), "N", \
	  "of the reduce stage; default: chosen" }, \
	{ "attempts", 0, CLI_COUNT, CLI_AT(cli_job, attempts), "N", \
	  "tries that a task may have; default: 4" }, \
	{ "timeout", 0, CLI_SECONDS, CLI_AT(cli_job, timeout), "SECONDS", \
	  "give up after so long" }, \
	{ "tmp", 0, CLI_TEXT, CLI_AT(cli_job, tmp), "DIR", \
	  "for temporary files; default: $TMPDIR, else /tmp" }, \
	{ "progress", 0, CLI_CHOICE, CLI_AT(cli_job, progress), \
	  CLI_PROGRESS_MODES, "auto: a bar when stderr is a terminal" }, \
	{ "json", 0, CLI_FLAG, CLI_AT(cli, json), NULL, \
	  "errors and summary in JSON, results in jsonl" }, \
	CLI_OPTION_QUIET, \
	{ "verbose", 'v', CLI_FLAG, CLI_AT(cli, verbose), NULL, \
	  "what plugins log, counters, and a summary" }

/* What can be told to be a mistake before anything is opened.  argv: function
 * and arguments, or nothing after --call. */
int cli_job_check(const struct cli_job *, int argc, char **argv);
/* Settings, function and (checked) arguments; 0 or an exit code. */
int cli_job_setup(struct cli_job *, snek_job *, int argc, char **argv);
/* What parsing its options took. */
void cli_job_free(struct cli_job *);
/* What is mapped, for people. */
const char *cli_job_function(const struct cli_job *, char **argv);
/* Start, wait, print; an exit code. */
int cli_job_finish(struct cli_job *, snek_job *, const char *title,
    const char *function);

/* ---- into.c: a result into a category ---- */

/* 0, or a usage error. */
int cli_into_check(const struct cli_job *);
/* Before it starts, for where the write is made elsewhere; an exit code. */
int cli_into_tell(const struct cli_job *, snek_job *);
/* Of a job that is done; an exit code. */
int cli_into_write(struct cli_job *, snek_job *);

/* ---- receipt.c: of a write ---- */

void cli_receipt_put(const struct cli *, const char *category,
    const struct snek_receipt *, int64_t begun);
/* What to exit with; request_id may be NULL. */
int cli_receipt_failed(const struct cli *, const char *category,
    const char *request_id, int rc, const struct snek_error *);

/* ---- missing.c: what a job that kept going has no answer for ---- */

bool cli_missing_any(snek_job *);
/* The list, unless it is told in JSON. */
void cli_missing_say(const struct cli *, snek_job *);
/* A member of an object that is being written to stderr. */
void cli_missing_json(snek_job *);

/* ---- debug.c ---- */

/* Become "TOOL snek ALL...", without the option that asked for it and with
 * threads as the executor.  Returns only with an exit code: it failed. */
int cli_debug(const struct cli *, const char *tool, char **all);

/* ---- result.c, spread.c: results on stdout ---- */

/* Format is a choice of --output, or NULL.  0 or an exit code. */
int cli_result_print(const struct cli *, snek_job *, const char *format);
/* One of jsonl's lines; 0 or SNEK_E*. */
int cli_result_line(FILE *, bool reduced, struct snek_value key,
    struct snek_value value);

struct cli_spread;      /* pairs into rows of columns */
struct cli_spread *cli_spread_new(bool table, bool reduced);
int cli_spread_put(struct cli_spread *, struct snek_value key,
    struct snek_value value, struct snek_error *);
int cli_spread_end(struct cli_spread *, struct snek_error *);
void cli_spread_free(struct cli_spread *);

/* ---- json.c: compact JSON text, as the library writes it ---- */

struct cli_json {
	const char *p;
	size_t n;
};
/* Step through the members of an object; false at its end. */
bool cli_json_member(struct cli_json *rest, struct cli_json *name,
    struct cli_json *value);
bool cli_json_equal(struct cli_json, struct cli_json);
/* A string without its quotes and escapes; to be freed.  NULL: no memory. */
char *cli_json_string(struct cli_json, size_t *len);

/* ---- tsv.c: rows of known columns onto stdout ---- */

struct cli_tsv;
/* The names are JSON strings; none: a value is one cell. */
struct cli_tsv *cli_tsv_new(const struct cli_json *name, size_t columns,
    bool keyed);
/* SNEK_ETYPE: the value does not spread over the columns; SNEK_ENOMEM. */
int cli_tsv_put(struct cli_tsv *, struct snek_value key, struct snek_value);
/* Write what is left; rows are written many at a time. */
void cli_tsv_end(struct cli_tsv *);
void cli_tsv_free(struct cli_tsv *);

/* ---- pretty.c ---- */

/* Compact JSON text over several lines, as people like to read it. */
void cli_pretty(FILE *, const char *json, size_t len);

/* ---- grid.c: rows of cells, aligned or tab-separated ---- */

enum cli_cell { CLI_CELL_TEXT, CLI_CELL_NUMBER, CLI_CELL_NULL, CLI_CELL_NONE };

struct cli_grid;
/* aligned: for a terminal; else tabs and no head. */
struct cli_grid *cli_grid_new(bool aligned);
/* As stdout wants it. */
struct cli_grid *cli_grid_of_stdout(void);
bool cli_grid_is_aligned(const struct cli_grid *);
/* What is to come is another table; a blank line when aligned. */
void cli_grid_again(struct cli_grid *);
void cli_grid_head(struct cli_grid *, const char *name, size_t len);
void cli_grid_put(struct cli_grid *, enum cli_cell, const char *, size_t);
void cli_grid_text(struct cli_grid *, const char *);
void cli_grid_number(struct cli_grid *, uint64_t);
void cli_grid_row(struct cli_grid *);           /* ends a row */
/* A row of name and text, or number; none when the text is NULL or "". */
void cli_grid_field(struct cli_grid *, const char *name, const char *text);
void cli_grid_count(struct cli_grid *, const char *name, uint64_t);
/* False when memory ran out. */
bool cli_grid_end(struct cli_grid *);
void cli_grid_free(struct cli_grid *);
#endif
