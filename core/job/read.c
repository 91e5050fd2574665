/* SPDX-License-Identifier: MIT */
/* read.c - the files that a job without a store is over. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/job.h"
#include "job/pieces.h"
#include "value/input.h"

static int open_spool(struct snek_job *j, struct snek_error *e)
{
	int rc;

	if (j->spool)
		return 0;
	j->spool = calloc(1, sizeof(*j->spool));
	if (!j->spool)
		return sk_enomem(e);
	rc = sk_spool_open(j->spool, j->set.tmp, j->set.chunk_records,
	    e);
	if (rc) {
		free(j->spool);
		j->spool = NULL;
	}
	return rc;
}

static int read_all(struct snek_job *j, sk_input *in, struct snek_error *e)
{
	struct sk_record r;
	struct sk_span text;
	bool again;
	int rc;

	while ((rc = sk_input_next(in, &r, &text, &again, e)) == 1) {
		rc = sk_spool_add(j->spool, &r, e);
		if (!rc && __atomic_load_n(&j->cancelled, __ATOMIC_RELAXED))
			rc = sk_fail(e, SNEK_ECANCELED, "cancelled");
		if (rc)
			return rc;
	}
	return rc;
}

/* Can threads read it?  Then these are its bytes. */
static bool is_for_pieces(const struct snek_job *j, const sk_input *in,
    off_t from, struct sk_pieces *p)
{
	struct stat st;
	bool gzip;

	p->format = sk_input_format(in, &gzip);
	if (from < 0 || fstat(p->fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size < from || j->set.chunk_records || gzip ||
	    (p->format != SNEK_TEXT && p->format != SNEK_JSONL))
		return false;
	p->from = (uint64_t)from;
	p->to = (uint64_t)st.st_size;
	return sk_pieces_are_many(p->to - p->from);
}

/* The file then stands where it would after it had been read. */
static int read_pieces(struct snek_job *j, const struct sk_pieces *p,
    struct snek_error *e)
{
	struct sk_piece tail = { .fd = p->fd, .name = p->name,
		.end = INT64_MAX };
	struct sk_pieces_rest rest;
	sk_input *in;
	int rc = sk_pieces_read(p, j->spool, &rest, e);

	if (rc)
		return rc;
	tail.at = rest.at;
	rc = sk_input_open_part(sk_piece_read, &tail, rest.at, rest.line,
	    p->name, p->format, p->o, &in, e);
	if (rc)
		return rc;
	rc = read_all(j, in, e);
	sk_input_close(in);
	lseek(p->fd, (off_t)tail.at, SEEK_SET);
	return rc;
}

static int read_input(struct snek_job *j, int fd, const char *name,
    enum snek_format format, struct snek_error *e)
{
	struct sk_input_options o = {
		.last_duplicate = j->set.last_duplicate,
	};
	struct sk_pieces p = { .fd = fd, .name = name, .o = &o,
		.cancelled = &j->cancelled };
	struct sk_budget b;
	off_t from = lseek(fd, 0, SEEK_CUR);
	bool many;
	sk_input *in;
	int rc = sk_job_limit_record(j, &o.max_record, e);

	if (!rc)
		rc = sk_input_open(fd, name, format, &o, &in, e);
	if (rc)
		return rc;
	many = is_for_pieces(j, in, from, &p);
	if (!many)
		rc = read_all(j, in, e);
	sk_input_close(in);
	if (!many)
		return rc;
	sk_job_budget(j, &b);
	p.threads = b.workers;
	return read_pieces(j, &p, e);
}

int sk_job_read(struct snek_job *j, int fd, const char *name,
    enum snek_format format, struct snek_error *e)
{
	int rc = open_spool(j, e);

	if (rc)
		return rc;
	rc = read_input(j, fd, name, format, e);
	if (rc)
		j->unread = rc;
	return rc;
}
