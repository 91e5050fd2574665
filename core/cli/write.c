/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_MIN = 64 << 10, CHUNK_MAX = 4 << 20 };

struct write {
	struct cli c;
	const char *format, *request_id, *duplicates, *on_error, *progress,
	    *durability;
	uint64_t chunk_size, max_record;
	const char *quarantine_name;
	FILE *quarantine;
	struct cli_progress *bar;
	snek_writer *writer;
	int64_t begun;
};

static const struct cli_option options[] = {
	{ "format", 0, CLI_CHOICE, CLI_AT(write, format), CLI_FORMATS,
	  "default: jsonl, or array for *.json that is one" },
	{ "request-id", 0, CLI_TEXT, CLI_AT(write, request_id), "ID",
	  "a repeat with the same ID writes nothing twice" },
	{ "durability", 0, CLI_TEXT, CLI_AT(write, durability), "LEVEL",
	  "memory, process, machine, replicated=N; or fail" },
	{ "on-error", 0, CLI_TEXT, CLI_AT(write, on_error),
	  "stop|quarantine=FILE",
	  "where a record that is no JSON goes; default: stop" },
	{ "duplicates", 0, CLI_CHOICE, CLI_AT(write, duplicates), "error|last",
	  "what a key given twice means; default: error" },
	{ "max-record", 0, CLI_SIZE, CLI_AT(write, max_record), "SIZE",
	  "largest record; default: 64M" },
	{ "chunk-size", 0, CLI_SIZE, CLI_AT(write, chunk_size), "SIZE",
	  "64K to 4M; default: 256K" },
	{ "progress", 0, CLI_CHOICE, CLI_AT(write, progress),
	  CLI_PROGRESS_MODES, "auto: a bar when stderr is a terminal" },
	{ "json", 0, CLI_FLAG, CLI_AT(cli, json), NULL,
	  "the receipt in JSON on stdout, errors in JSON" },
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int check(struct write *w)
{
	static const char prefix[] = "quarantine=";
	const char *how = w->on_error;

	if (w->chunk_size && (w->chunk_size < CHUNK_MIN ||
	    w->chunk_size > CHUNK_MAX))
		return cli_error_usage(&w->c, "--chunk-size: from 64K to 4M");
	if (!how || strcmp(how, "stop") == 0)
		return 0;
	if (strncmp(how, prefix, sizeof(prefix) - 1) != 0 ||
	    !how[sizeof(prefix) - 1])
		return cli_error_usage(&w->c, "--on-error %s: there are "
		    "stop and quarantine=FILE", how);
	w->quarantine_name = how + sizeof(prefix) - 1;
	return 0;
}

/* ---- records that are none ---- */

static bool is_input(const struct stat *st, const struct cli_input *in)
{
	struct stat other;
	size_t i;
	int rc;

	for (i = 0; i < in->n; i++) {
		rc = strcmp(in->v[i], "-") ? stat(in->v[i], &other) :
		    fstat(STDIN_FILENO, &other);
		if (rc == 0 && S_ISREG(other.st_mode) &&
		    other.st_dev == st->st_dev && other.st_ino == st->st_ino)
			return true;
	}
	return false;
}

static int quarantine_open(struct write *w, const struct cli_input *in)
{
	const char *name = w->quarantine_name;
	struct stat st;
	int fd;

	if (!name)
		return 0;
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	w->quarantine = fd < 0 ? NULL : fdopen(fd, "w");
	if (!w->quarantine || fstat(fd, &st) < 0)
		return cli_error_file(&w->c, name);
	if (is_input(&st, in))
		return cli_error_usage(&w->c, "%s is the input, too", name);
	if (S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
		return cli_error_file(&w->c, name);
	return 0;
}

/* A line each, so line breaks within one become blanks. */
static int on_bad(void *arg, const char *record, size_t len,
    const struct snek_error *why)
{
	struct write *w = arg;
	size_t i;

	(void)why;
	for (i = 0; i < len; i++)
		putc(record[i] == '\n' || record[i] == '\r' ? ' ' : record[i],
		    w->quarantine);
	putc('\n', w->quarantine);
	return ferror(w->quarantine) ? SNEK_EIO : 0;
}

/* Before the commit: what is left out of it must be safe elsewhere. */
static int quarantine_close(struct write *w)
{
	FILE *f = w->quarantine;
	bool failed;

	if (!f)
		return 0;
	w->quarantine = NULL;
	failed = fflush(f) || ferror(f) ||
	    (fsync(fileno(f)) < 0 && errno != EINVAL && errno != EROFS);
	if (fclose(f) || failed)
		return cli_error_file(&w->c, w->quarantine_name);
	return 0;
}

/* ---- the write ---- */

static void on_progress(void *arg, uint64_t records, uint64_t bytes)
{
	struct write *w = arg;

	cli_progress_write(w->bar, records, bytes);
}

static int read_one(void *arg, int fd, const char *name, struct snek_error *e)
{
	struct write *w = arg;

	return snek_writer_read(w->writer, fd, name,
	    cli_input_format(w->format), e);
}

static int commit(struct write *w, const char *category)
{
	struct snek_receipt r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	int rc = snek_writer_commit(w->writer, &r, &e);

	cli_progress_erase(w->bar);
	if (rc < 0)
		return cli_receipt_failed(&w->c, category, w->request_id, rc, &e);
	cli_receipt_put(&w->c, category, &r, w->begun);
	return cli_out_end(&w->c, 0);
}

static int fill(struct write *w, const char *category, struct cli_input *in)
{
	int rc = cli_input_each(&w->c, in, w->quarantine ? "nothing was written" :
	    "nothing was written; --on-error quarantine=FILE leaves such records "
	    "out", read_one, w);

	cli_progress_erase(w->bar);
	if (!rc && cli_signal_caught())
		return cli_signal_exit(&w->c, "nothing was written");
	if (!rc)
		rc = quarantine_close(w);
	return rc ? rc : commit(w, category);
}

static int with_cluster(struct write *w, snek_cluster *cluster,
    const char *category, struct cli_input *in)
{
	struct snek_writer_options o = { .size = sizeof(o),
	    .request_id = w->request_id, .max_record = w->max_record,
	    .durability = w->durability,
	    .chunk_size = (uint32_t)w->chunk_size,
	    .duplicates = w->duplicates && *w->duplicates == 'l' ?
		SNEK_DUPLICATES_LAST : SNEK_DUPLICATES_ERROR,
	    .bad = w->quarantine ? on_bad : NULL, .bad_arg = w,
	    .progress = on_progress, .progress_arg = w };
	struct snek_error e = { 0 };
	int rc = snek_writer_open(cluster, category, &o, &w->writer, &e);

	if (rc < 0)
		return cli_error_of(&w->c, rc, &e, category, NULL);
	w->bar = cli_progress_open(&w->c, w->progress, category, NULL);
	rc = fill(w, category, in);
	cli_progress_close(w->bar);
	snek_writer_free(w->writer);
	return rc;
}

static int with_input(struct write *w, const char *category,
    struct cli_input *in)
{
	snek_cluster *cluster = NULL;
	int rc = cli_cluster_make(&w->c, &cluster);

	if (rc)
		return rc;
	rc = quarantine_open(w, in);
	if (!rc)
		rc = with_cluster(w, cluster, category, in);
	if (w->quarantine)
		fclose(w->quarantine);
	snek_cluster_close(cluster);
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct write w = { .c.command = cmd, .begun = cli_number_now() };
	struct cli_input in;
	int rc = cli_option_parse(&w.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if ((rc = check(&w)))
		return rc;
	cli_signal_begin();
	rc = cli_input_expand(&w.c, &in, (const char *const *)argv + 1,
	    (size_t)argc - 1);
	if (!rc)
		rc = with_input(&w, argv[0], &in);
	cli_input_free(&in);
	return rc;
}

const struct cli_command cli_write = {
	"snek", "write", "CATEGORY [FILE...|-]",
	"Write records to a category, all of them or none", NULL,
	1, -1, options, run
};
