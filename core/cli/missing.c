/* SPDX-License-Identifier: MIT */
/* What a job that kept going has no answer for, onto stderr. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

struct list {
	const struct cli *c;
	uint64_t ranges, partitions, of;
	struct snek_missing last;       /* what the line that is begun ends in */
	uint32_t shard;                 /* the first of them */
	char reason[512];               /* and why; empty: none is begun */
};

/* ---- for people ---- */

static void put_span(const struct snek_missing *m)
{
	fprintf(stderr, "%" PRIu64, m->first);
	if (m->last != m->first && m->last)
		fprintf(stderr, " to %" PRIu64, m->last);
	if (!m->last)
		fputs(" and on", stderr);
}

static void put_records(const struct snek_missing *m)
{
	if (!m->exact)
		fprintf(stderr, "%" PRIu64 " of the ", m->records);
	fputs(m->exact && m->first == m->last ? "record " : "records ", stderr);
	put_span(m);
}

static void put_write(const struct snek_missing *m)
{
	if (m->shards)
		fprintf(stderr, " of write %" PRIu64, m->version);
	if (m->last_version != m->version)
		fprintf(stderr, " to %" PRIu64, m->last_version);
}

static void end_line(struct list *l)
{
	if (!*l->reason)
		return;
	if (!l->last.partition)
		put_write(&l->last);
	fputs(": ", stderr);
	cli_out_plain(stderr, l->reason);
	putc('\n', stderr);
	*l->reason = '\0';
}

static void put_shards(const struct snek_missing *m)
{
	uint32_t i;

	fputs(m->shards == 0 ? "the input, " : m->shards == 1 ? "shard " :
	    "shards ", stderr);
	for (i = 0; i < m->shards; i++)
		fprintf(stderr, "%" PRIu32 ", ", m->shard[i]);
}

static void begin_line(struct list *l, const struct snek_missing *m)
{
	fprintf(stderr, "%s: missing: ", l->c->command->program);
	if (m->partition) {
		fprintf(stderr, "all keys of partition %" PRIu32 " of %" PRIu32,
		    m->partition, m->partitions);
		return;
	}
	put_shards(m);
	put_records(m);
}

/* On the line of those that are missing for the same reason. */
static void go_on(const struct list *l, const struct snek_missing *m)
{
	bool same = m->version == l->last.version && m->exact && l->last.exact;

	if (!same)
		put_write(&l->last);
	fputs(", ", stderr);
	if (same)
		put_span(m);
	else
		put_records(m);
}

static bool is_on(const struct snek_missing *m, uint32_t first, uint32_t n)
{
	return m->shards == n && (!n || m->shard[0] == first);
}

static int put_range(void *arg, const struct snek_missing *m)
{
	const char *why = *m->reason ? m->reason : snek_strerror(m->code);
	struct list *l = arg;

	l->ranges += !m->partition;
	l->partitions += m->partition != 0;
	l->of = m->partitions;
	if (!m->partition && strcmp(why, l->reason) == 0 &&
	    is_on(m, l->shard, l->last.shards)) {
		go_on(l, m);
	} else {
		end_line(l);
		begin_line(l, m);
		snprintf(l->reason, sizeof(l->reason), "%s", why);
	}
	l->last = *m;
	l->shard = m->shards ? m->shard[0] : 0;
	return 0;
}

static void put_sum(const struct list *l, const struct snek_job_stat *s)
{
	fprintf(stderr, "%s: ", l->c->command->program);
	if (l->ranges)
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " records are missing",
		    s->records_missing, s->records_total);
	if (l->partitions)
		fprintf(stderr, "%sthe keys of %" PRIu64 " of %" PRIu64
		    " partitions are missing", l->ranges ? ", and " : "",
		    l->partitions, l->of);
	fputs("; the results are those of the rest\n", stderr);
}

/* ---- for programs ---- */

static void put_places(const struct snek_missing *m)
{
	uint32_t i;

	fputs(",\"shards\":[", stderr);
	for (i = 0; i < m->shards; i++)
		fprintf(stderr, i ? ",%" PRIu32 : "%" PRIu32, m->shard[i]);
	putc(']', stderr);
	cli_out_number(stderr, "version", m->version);
	cli_out_number(stderr, "first", m->first);
	if (m->last_version != m->version)
		cli_out_number(stderr, "last_version", m->last_version);
	if (m->last)
		cli_out_number(stderr, "last", m->last);
	cli_out_bool(stderr, "exact", m->exact);
}

static int put_object(void *arg, const struct snek_missing *m)
{
	bool *more = arg;

	if (*more)
		putc(',', stderr);
	*more = true;
	fprintf(stderr, "{\"records\":%" PRIu64, m->records);
	if (m->partition) {
		cli_out_number(stderr, "partition", m->partition);
		cli_out_number(stderr, "partitions", m->partitions);
	} else {
		put_places(m);
	}
	cli_out_text(stderr, "code", cli_error_name(m->code));
	cli_out_text(stderr, "reason", m->reason);
	putc('}', stderr);
	return 0;
}

void cli_missing_json(snek_job *job)
{
	bool more = false;

	fputs(",\"missing\":[", stderr);
	snek_job_missing(job, put_object, &more);
	putc(']', stderr);
}

/* ---- whether ---- */

static int any(void *arg, const struct snek_missing *m)
{
	(void)m;
	*(bool *)arg = true;
	return 1;
}

bool cli_missing_any(snek_job *job)
{
	bool yes = false;

	snek_job_missing(job, any, &yes);
	return yes;
}

void cli_missing_say(const struct cli *c, snek_job *job)
{
	struct snek_job_stat s = { .size = sizeof(s) };
	struct list l = { .c = c };

	if (c->json || snek_job_stat(job, &s) < 0)
		return;                 /* it is in the summary */
	fflush(stdout);
	snek_job_missing(job, put_range, &l);
	end_line(&l);
	put_sum(&l, &s);
}
