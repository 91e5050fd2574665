/* SPDX-License-Identifier: MIT */
#include "job/side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "category/load.h"
#include "exec/channel.h"
#include "job/job.h"
#include "task/tmp.h"
#include "value/input.h"

#define MOST_NAME 64u

/* ---- the description ---- */

static int check_name(const struct snek_job *j, const char *name,
    struct snek_error *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t n = strlen(name), i;

	if (!n || n > MOST_NAME || name[strspn(name, letters)])
		return sk_fail(e, SNEK_EINVAL, "'%.80s' is no name for a side "
		    "input: 1 to %u of [A-Za-z0-9._-]", name, MOST_NAME);
	for (i = 0; i < j->sides.n; i++)
		if (!strcmp(j->sides.side[i].name, name))
			return sk_fail(e, SNEK_EINVAL, "two side inputs named "
			    "'%s'", name);
	if (j->sides.n == SK_MOST_SIDES)
		return sk_fail(e, SNEK_ELIMIT, "over %u side inputs",
		    SK_MOST_SIDES);
	return 0;
}

/* One more, of which only the name is known. */
static int add(struct snek_job *j, const char *name, struct sk_job_side **out,
    struct snek_error *e)
{
	struct sk_job_sides *s = &j->sides;
	struct sk_job_side *p;
	int rc = check_name(j, name, e);

	if (rc)
		return rc;
	p = realloc(s->side, (s->n + 1) * sizeof(*p));
	if (!p)
		return sk_enomem(e);
	s->side = p;
	p += s->n;
	memset(p, 0, sizeof(*p));
	p->name = strdup(name);
	if (!p->name)
		return sk_enomem(e);
	s->n++;
	*out = p;
	return 0;
}

static void drop_last(struct sk_job_sides *s)
{
	struct sk_job_side *p = &s->side[--s->n];

	free(p->name);
	free(p->from);
	sk_buf_free(&p->text);
}

int sk_job_side_add(struct snek_job *j, const char *name, const char *from,
    struct snek_error *e)
{
	struct sk_job_side *p;
	int rc = add(j, name, &p, e);

	if (rc)
		return rc;
	if (!*from)
		rc = sk_fail(e, SNEK_EINVAL, "the side input %s is nothing: "
		    "name a category, or a file", name);
	else if (!(p->from = strdup(from)))
		rc = sk_enomem(e);
	if (rc)
		drop_last(&j->sides);
	return rc;
}

int sk_job_side_add_text(struct snek_job *j, const char *name,
    struct sk_span text, struct snek_error *e)
{
	struct sk_job_side *p;
	int rc = add(j, name, &p, e);

	if (rc || sk_buf_put(&p->text, text.p, text.n))
		return rc;
	drop_last(&j->sides);
	return sk_enomem(e);
}

void sk_job_side_forget(struct sk_job_sides *s)
{
	while (s->n)
		drop_last(s);
	free(s->side);
	s->side = NULL;
}

/* ---- reading ---- */

static int add_records(struct snek_job *j, sk_input *in, struct sk_spool *s,
    struct snek_error *e)
{
	struct sk_record r;
	struct sk_span text;
	bool again;
	int rc;

	while ((rc = sk_input_next(in, &r, &text, &again, e)) == 1) {
		rc = sk_spool_add(s, &r, e);
		if (!rc && __atomic_load_n(&j->cancelled, __ATOMIC_RELAXED))
			rc = sk_fail(e, SNEK_ECANCELED, "cancelled");
		if (rc)
			return rc;
	}
	return rc;
}

static int read_from(struct snek_job *j, struct sk_job_side *s, int fd,
    const char *name, enum snek_format format, struct snek_error *e)
{
	struct sk_input_options o = { .last_duplicate = j->set.last_duplicate };
	sk_input *in;
	int rc = sk_job_limit_record(j, &o.max_record, e);

	if (!rc)
		rc = sk_input_open(fd, name, format, &o, &in, e);
	if (rc)
		return rc;
	rc = add_records(j, in, &s->spool, e);
	sk_input_close(in);
	return rc;
}

static int read_file(struct snek_job *j, struct sk_job_side *s,
    struct snek_error *e)
{
	int fd = open(s->from, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return sk_fail_errno(e, "%s", s->from);
	rc = read_from(j, s, fd, s->from, SNEK_AUTO, e);
	close(fd);
	return rc;
}

static int read_text(struct snek_job *j, struct sk_job_side *s,
    struct snek_error *e)
{
	int fd = sk_channel_sealed("snek-side", s->text.p, s->text.n), rc;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		rc = sk_fail_errno(e, "cannot hold the records");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = read_from(j, s, fd, "records", SNEK_JSON_ARRAY, e);
	close(fd);
	return rc;
}

static int copy_chunks(struct snek_job *j, const struct sk_snapshot *snap,
    struct sk_spool *s, struct snek_error *e)
{
	struct sk_ahead a = { .catalog = j->cat, .snapshot = snap,
		.end = snap->n };
	struct sk_span bytes;
	int rc = 0;

	if (!snap->n)
		return 0;
	do {
		rc = sk_ahead_get(&a, &bytes, e);
		if (!rc)
			rc = sk_spool_copy(s, bytes, snap->chunk[a.at].rows, e);
		if (!rc && __atomic_load_n(&j->cancelled, __ATOMIC_RELAXED))
			rc = sk_fail(e, SNEK_ECANCELED, "cancelled");
	} while (!rc && sk_ahead_next(&a));
	sk_ahead_end(&a);
	return rc;
}

static int read_category(struct snek_job *j, struct sk_job_side *s,
    struct snek_error *e)
{
	struct sk_snapshot *snap;
	int rc = sk_name_check("category", s->from, e);

	if (!rc)
		rc = sk_snapshot_open(j->cat, s->from, &snap, e);
	if (rc)
		return rc;
	rc = copy_chunks(j, snap, &s->spool, e);
	sk_snapshot_close(snap);
	return rc;
}

static int list_chunks(struct sk_job_side *s, struct snek_error *e)
{
	const struct sk_spool_list *p = &s->spool.own.list;
	struct sk_task_chunk *c;
	size_t i;

	s->chunk = calloc(p->n + 1, sizeof(*s->chunk));
	if (!s->chunk)
		return sk_enomem(e);
	for (i = 0; i < p->n; i++) {
		c = &s->chunk[i];
		c->bytes = (struct sk_span){ (char *)s->spool.map +
			p->chunk[i].offset, p->chunk[i].bytes };
		c->base = (struct sk_place){ 1, p->chunk[i].first };
		snprintf(c->origin, sizeof(c->origin), "side input %.40s, "
		    "chunk %zu", s->name, i);
	}
	return 0;
}

static int open_one(struct snek_job *j, struct sk_job_side *s,
    struct sk_exec_side *file, struct snek_error *e)
{
	int rc = sk_spool_open(&s->spool, j->set.tmp, 0, e);

	if (rc)
		return rc;
	if (!s->from)
		rc = read_text(j, s, e);
	else
		rc = strchr(s->from, '/') || !j->cat ? read_file(j, s, e)
		    : read_category(j, s, e);
	if (!rc)
		rc = sk_spool_end(&s->spool, e);
	if (!rc)
		rc = list_chunks(s, e);
	if (rc)
		return rc;
	file->map = s->spool.map;
	file->bytes = s->spool.bytes;
	file->fd = sk_tmp_read_only(s->spool.fd);
	return file->fd < 0 ? sk_fail_errno(e, "a temporary file") : 0;
}

int sk_job_side_open(struct snek_job *j, struct snek_error *e)
{
	struct sk_job_sides *s = &j->sides;
	struct sk_job_side *p;
	size_t i;
	int rc = 0;

	s->input = calloc(s->n + 1, sizeof(*s->input));
	s->file = calloc(s->n + 1, sizeof(*s->file));
	if (!s->input || !s->file)
		return sk_enomem(e);
	for (i = 0; i < s->n && !rc; i++) {
		p = &s->side[i];
		rc = open_one(j, p, &s->file[i], e);
		if (rc)
			return sk_fail_in(e, rc, "side input %s", p->name);
		s->input[i] = (struct sk_side_input){ p->name, p->chunk,
			p->spool.own.list.n };
	}
	j->exec_job.sides = (struct sk_exec_sides){ s->input, s->file, s->n };
	return 0;
}

void sk_job_side_close(struct sk_job_sides *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->file && s->file[i].fd > 0)
			close(s->file[i].fd);
		sk_spool_close(&s->side[i].spool);
		free(s->side[i].chunk);
		s->side[i].chunk = NULL;
	}
	free(s->input);
	free(s->file);
	s->input = NULL;
	s->file = NULL;
}
