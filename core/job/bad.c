/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "job/job.h"
#include "value/value.h"

int sk_bad_open(struct snek_job *j, struct snek_error *e)
{
	int fd;

	j->bad.tasks = sk_split_most(j);
	j->bad.task = calloc((size_t)j->bad.tasks + 1, sizeof(*j->bad.task));
	if (!j->bad.task) {
		j->bad.tasks = 0;
		return sk_enomem(e);
	}
	if (!j->set.bad)
		return 0;
	fd = open(j->set.bad, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return sk_fail_errno(e, "%s", j->set.bad);
	j->bad.aside = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return j->bad.aside < 0 ? sk_fail_errno(e, "%s", j->set.bad) : 0;
}

void sk_bad_close(struct sk_bad *b)
{
	uint32_t i;

	for (i = 0; i < b->tasks; i++)
		free(b->task[i].skip);
	free(b->task);
	if (b->aside > 0)
		close(b->aside);
	memset(b, 0, sizeof(*b));
}

/* ---- the record ---- */

static int record_json(struct sk_span bytes, uint32_t row, struct sk_buf *out)
{
	struct sk_record r;
	struct sk_chunk *k;
	int rc = sk_chunk_open(bytes.p, bytes.n, &k, NULL);

	if (rc)
		return rc;
	rc = row < sk_chunk_rows(k) ? sk_chunk_record(k, row, &r, NULL)
	    : SNEK_EINVAL;
	if (rc >= 0)
		rc = sk_json_write_record(out, &r) && sk_buf_byte(out, '\n') ? 0
		    : SNEK_ENOMEM;
	sk_chunk_close(k);
	return rc;
}

static int write_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	for (; n; p += done, n -= (size_t)done) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return -1;
	}
	return 0;
}

/* What the op got of it may be some of its columns. */
static int put_record(struct snek_job *j, int fd,
    const struct sk_task_chunk *c, uint32_t row, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct sk_span bytes;
	void *held;
	int rc = sk_job_fetch_whole(j, c, &bytes, &held, e);

	if (rc)
		return rc;
	if (record_json(bytes, row, &b) || write_all(fd, b.p, b.n))
		rc = sk_fail(e, SNEK_EIO, "a bad record cannot be written");
	if (held)
		sk_job_fetch_release(held);
	sk_buf_free(&b);
	return rc;
}

/* ---- the command that repeats it ---- */

static bool put_quoted(struct sk_buf *b, const char *s)
{
	bool ok = sk_buf_byte(b, '\'');

	for (; ok && *s; s++)
		ok = *s == '\'' ? sk_buf_put(b, "'\\''", 4)
		    : sk_buf_byte(b, (uint8_t)*s);
	return ok && sk_buf_byte(b, '\'');
}

static bool put_call(struct sk_buf *b, const struct sk_call *c)
{
	return sk_buf_printf(b, "snek run --call %s:%s --sig ", c->lib,
	    c->function) && put_quoted(b, c->signature) && (!c->fields ||
	    (sk_buf_put(b, " --fields ", 10) && put_quoted(b, c->fields)));
}

static bool put_function(struct sk_buf *b, const struct snek_job *j)
{
	const struct sk_call *call = sk_job_called(j);

	if (call)
		return put_call(b, call);
	if (!j->map_fn.path)            /* it is not here, but had a name */
		return sk_buf_printf(b, "snek run ./%s.so:%s",
		    j->map_fn.plugin->name, j->map_fn.op->op.name);
	return sk_buf_printf(b, "snek run %s%s:%s",
	    strchr(j->map_fn.path, '/') ? "" : "./", j->map_fn.path,
	    j->map_fn.op->op.name);
}

static bool put_command(struct sk_buf *b, const struct snek_job *j,
    const char *file)
{
	bool ok = put_function(b, j);
	size_t i;

	if (ok && j->args_json)
		ok = sk_buf_put(b, " --args ", 8) && put_quoted(b, j->args_json);
	for (i = 0; i < j->args && ok; i++)
		ok = sk_buf_printf(b, " %s=", j->arg[i].name) &&
		    put_quoted(b, j->arg[i].value);
	return ok && sk_buf_printf(b, " --input %s", file);
}

/* ---- the report ---- */

static bool put_place(struct sk_buf *b, const struct snek_job *j,
    const struct sk_exec_event *ev)
{
	const struct sk_attempt *a = &ev->attempt;

	return sk_buf_printf(b, "function: %s\n", j->function) &&
	    sk_buf_printf(b, "input: %s%s\n", j->category ? "category " : "",
	    j->category ? j->category : "not of a cluster") &&
	    sk_buf_printf(b, "%s task %u of %u, attempt %u\n", a->stage ?
	    "reduce" : "map", a->task + 1, a->tasks, a->number);
}

/* file: of the record, or "". */
static bool put_report(struct sk_buf *b, const struct snek_job *j,
    const struct sk_exec_event *ev, const char *file)
{
	const struct sk_outcome *o = &ev->outcome;
	bool ok = sk_buf_printf(b, "%s\n", o->error.text) &&
	    put_place(b, j, ev);

	if (ok && *file)
		ok = sk_buf_printf(b, "record: %s\nto see it again: ", file) &&
		    put_command(b, j, file) && sk_buf_byte(b, '\n');
	return ok && (!o->trace || sk_buf_printf(b, "backtrace:\n%s",
	    o->trace));
}

/* Beside the record, if there is one; its own name is made else. */
static int open_report(const struct snek_job *j, const char *file, char *out,
    size_t size)
{
	size_t n = strlen(file);

	if (n)
		snprintf(out, size, "%.*s.txt", (int)n - 6, file);
	else
		snprintf(out, size, "%s/snek-crash-XXXXXX.txt", j->set.tmp);
	return n ? open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
	    : mkostemps(out, 4, O_CLOEXEC);
}

static void say(struct snek_job *j, const char *what, const char *more)
{
	struct snek_error line;

	sk_fail(&line, SNEK_EPLUGIN, "%s%.440s", what, more);
	if (j->exec_job.log)
		j->exec_job.log(j->exec_job.log_arg, SNEK_ERROR, line.text);
}

static void write_report(struct snek_job *j, const struct sk_exec_event *ev,
    const char *file)
{
	struct sk_buf b = { 0 };
	char name[4100];
	int fd = open_report(j, file, name, sizeof(name));

	if (fd < 0)
		return;
	if (put_report(&b, j, ev, file) && !write_all(fd, b.p, b.n))
		say(j, "report: ", name);
	else
		unlink(name);
	sk_buf_free(&b);
	close(fd);
}

/* The record by itself, in a file of its own; "": it is not known, or there
 * is no room. */
static void save_record(struct snek_job *j, struct sk_exec_event *ev,
    char *file, size_t size)
{
	const struct sk_outcome *o = &ev->outcome;
	int fd;

	*file = '\0';
	if (ev->attempt.stage || !o->placed || o->row == SK_NO_ROW ||
	    snprintf(file, size, "%s/snek-crash-XXXXXX.jsonl", j->set.tmp) >=
	    (int)size || (fd = mkostemps(file, 6, O_CLOEXEC)) < 0) {
		*file = '\0';
		return;
	}
	if (put_record(j, fd, &ev->attempt.chunk[o->chunk], o->row, NULL)) {
		unlink(file);
		*file = '\0';
	}
	close(fd);
}

/* Save the record and all that is known, and say how to meet it again. */
static void report(struct snek_job *j, struct sk_exec_event *ev)
{
	struct snek_error why = ev->outcome.error;
	struct sk_buf b = { 0 };
	char file[4096];

	save_record(j, ev, file, sizeof(file));
	write_report(j, ev, file);
	if (!*file)
		return;
	sk_fail(&ev->outcome.error, why.code, "%.330s; the record is in %.140s",
	    why.text, file);
	if (put_command(&b, j, file))
		say(j, "to see it again: ", b.p);
	sk_buf_free(&b);
}

/* ---- leaving out ---- */

static bool is_ops(const struct sk_outcome *o)
{
	switch (o->code) {
	case SNEK_EPLUGIN: case SNEK_EINVAL: case SNEK_ETYPE: case SNEK_EFORMAT:
	case SNEK_ENOENT: case SNEK_ELIMIT: case SNEK_EACCES:
		return true;
	default:
		return o->crashed;
	}
}

/* Keep the order; false: it is there already, or memory is out. */
static bool add(struct sk_bad_list *l, struct sk_skip s)
{
	struct sk_skip *p;
	size_t i = 0;

	while (i < l->n && (l->skip[i].chunk < s.chunk ||
	    (l->skip[i].chunk == s.chunk && l->skip[i].row < s.row)))
		i++;
	if (i < l->n && l->skip[i].chunk == s.chunk && l->skip[i].row == s.row)
		return false;
	p = realloc(l->skip, (l->n + 1) * sizeof(*p));
	if (!p)
		return false;
	memmove(p + i + 1, p + i, (l->n - i) * sizeof(*p));
	p[i] = s;
	l->skip = p;
	l->n++;
	return true;
}

static int leave_out(struct snek_job *j, struct sk_exec_event *ev)
{
	struct sk_outcome *o = &ev->outcome;
	struct sk_skip s = { o->chunk, o->row };
	struct snek_error why = { 0 };
	char line[600];

	int rc = j->bad.aside ? put_record(j, j->bad.aside,
	    &ev->attempt.chunk[o->chunk], o->row, &why) : 0;

	if (rc) {
		o->code = rc;
		o->error = why;
		sk_fail_in(&o->error, rc, "%s", j->set.bad);
		return 0;
	}
	if (!add(&j->bad.task[ev->attempt.task], s))
		return 0;
	j->bad.n++;
	snprintf(line, sizeof(line), "left out: %s", o->error.text);
	if (j->exec_job.log)
		j->exec_job.log(j->exec_job.log_arg, SNEK_WARN, line);
	return 1;
}

int sk_bad_take(struct snek_job *j, struct sk_exec_event *ev)
{
	struct sk_outcome *o = &ev->outcome;
	struct snek_error why;

	if (ev->attempt.stage || !o->placed || o->row == SK_NO_ROW ||
	    !is_ops(o)) {
		if (o->crashed && is_ops(o))
			report(j, ev);
		return 0;
	}
	if (j->bad.n < j->set.skip_bad && j->map_fn.op->op.map)
		return leave_out(j, ev);
	if (o->crashed)
		report(j, ev);
	if (j->set.skip_bad && j->map_fn.op->op.map) {
		why = o->error;
		sk_fail(&o->error, o->code, "more than %" PRIu64 " bad records; "
		    "the next: %.400s", j->set.skip_bad, why.text);
	}
	return 0;
}
