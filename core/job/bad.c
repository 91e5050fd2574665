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

	j->bad.task = calloc(j->plan.tasks + 1, sizeof(*j->bad.task));
	if (!j->bad.task)
		return sk_enomem(e);
	j->bad.tasks = j->plan.tasks;
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
	return sk_buf_printf(b, "snek run --call %s:%s --sig ", c->library,
	    c->function) && put_quoted(b, c->signature) && (!c->fields ||
	    (sk_buf_put(b, " --fields ", 10) && put_quoted(b, c->fields)));
}

static bool put_function(struct sk_buf *b, const struct snek_job *j)
{
	if (j->call.library)
		return put_call(b, &j->call);
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

/* Save the record by itself, and say how to meet it again. */
static void report(struct snek_job *j, struct sk_exec_event *ev)
{
	struct snek_error why = ev->outcome.error;
	struct sk_buf b = { 0 };
	char file[4096];
	int fd;

	if (snprintf(file, sizeof(file), "%s/snek-crash-XXXXXX.jsonl",
	    j->set.tmp) >= (int)sizeof(file))
		return;
	fd = mkostemps(file, 6, O_CLOEXEC);
	if (fd < 0)
		return;
	if (put_record(j, fd, &ev->attempt.chunk[ev->outcome.chunk],
	    ev->outcome.row, NULL)) {
		unlink(file);
	} else {
		sk_fail(&ev->outcome.error, why.code, "%.300s; the record is "
		    "in %.160s", why.text, file);
		if (put_command(&b, j, file) && j->exec_job.log) {
			sk_fail(&why, why.code, "to see it again: %.440s", b.p);
			j->exec_job.log(j->exec_job.log_arg, SNEK_ERROR,
			    why.text);
		}
	}
	sk_buf_free(&b);
	close(fd);
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

	if (ev->attempt.stage || !o->placed || o->row == SK_NO_ROW || !is_ops(o))
		return 0;
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
