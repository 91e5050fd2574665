/* SPDX-License-Identifier: MIT */
#include "category.h"
#include "category/cluster.h"
#include "category/manifest.h"
#include "category/reader.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

/* ---- clusters ---- */

void world_make(struct world *w, const char *base, uint32_t shards,
    uint32_t level)
{
	struct snek_error e = { 0 };
	char at[272];

	if (!base)
		base = getenv("TMPDIR");
	snprintf(w->dir, sizeof(w->dir), "%.200s/snek-XXXXXX",
	    base ? base : "/tmp");
	if (!mkdtemp(w->dir))
		die("%s: cannot be made", w->dir);
	snprintf(at, sizeof(at), "%s/c", w->dir);
	if (sk_catalog_create(at, shards, level, &e))
		die("create: %s", e.text);
	world_open(w);
}

const char *in_memory(void)
{
	return access("/dev/shm", W_OK) ? NULL : "/dev/shm";
}

void world_open(struct world *w)
{
	struct snek_error e = { 0 };
	char at[272];

	snprintf(at, sizeof(at), "%s%s", w->dir,
	    strstr(w->dir, "://") ? "" : "/c");
	if (sk_cluster_open(at, NULL, &w->catalog, &e))
		die("open: %s", e.text);
}

void world_shut(struct world *w)
{
	sk_catalog_close(w->catalog);
	w->catalog = NULL;
}

static int rm(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

void world_remove(struct world *w)
{
	world_shut(w);
	nftw(w->dir, rm, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- writes ---- */

/* Differs by write and record, and does not compress to nothing. */
static void fill_pad(char *p, size_t n, uint64_t w, uint64_t i)
{
	uint64_t x = (w * 1000003 + i + 1) * 0x9e3779b97f4a7c15u;
	size_t k;

	for (k = 0; k < n; k++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[k] = (char)('a' + x % 26);
	}
}

struct row {
	struct sk_member member[4];
	struct sk_record record;
	char *pad;
};

static void make_row(struct row *r, const struct job *j, uint64_t i)
{
	fill_pad(r->pad, j->pad, j->w, i);
	r->member[0] = (struct sk_member){ "w", 1, sk_uint(j->w) };
	r->member[1] = (struct sk_member){ "i", 1, sk_uint(i) };
	r->member[2] = (struct sk_member){ "n", 1, sk_uint(j->n) };
	r->member[3] = (struct sk_member){ "pad", 3,
	    sk_string(r->pad, j->pad) };
	r->record = (struct sk_record){ true, 4, r->member };
}

static int add_all(sk_writer *w, const struct job *j, struct snek_error *e)
{
	struct row r = { .pad = malloc(j->pad + 1) };
	struct sk_buf text = { 0 };
	uint64_t i;
	int rc = 0;

	for (i = 0; !rc && i < j->n; i++) {
		make_row(&r, j, i);
		text.n = 0;
		if (!sk_json_write_record(&text, &r.record))
			die("out of memory");
		rc = sk_writer_add(w, &r.record,
		    (struct sk_span){ text.p, text.n }, e);
	}
	free(r.pad);
	sk_buf_free(&text);
	return rc;
}

int job_begin(struct sk_catalog *c, const struct job *j, sk_writer **out,
    struct snek_error *e)
{
	struct sk_writer_options o = { .request_id = j->request,
	    .chunk_size = j->chunk_size, .no_compact = j->no_compact };
	sk_writer *w = NULL;
	int rc = sk_writer_open(c, j->category ? j->category : "cat", &o, &w, e);

	if (!rc)
		rc = add_all(w, j, e);
	if (rc)
		sk_writer_free(w);
	else
		*out = w;
	return rc;
}

int job_run(struct sk_catalog *c, const struct job *j,
    struct sk_meta_receipt *receipt, struct snek_error *e)
{
	sk_writer *w;
	int rc = job_begin(c, j, &w, e);

	if (rc)
		return rc;
	rc = sk_writer_commit(w, receipt, e);
	sk_writer_free(w);
	return rc;
}

struct sk_meta_receipt job_must(struct sk_catalog *c, const struct job *j)
{
	struct sk_meta_receipt receipt = { 0 };
	struct snek_error e = { 0 };

	if (job_run(c, j, &receipt, &e))
		die("write %" PRIu64 ": %s", j->w, e.text);
	return receipt;
}

/* ---- the census ---- */

struct counting {
	struct census *census;
	struct sk_place last;           /* version 0: none yet */
	uint64_t w, n;                  /* of the version that is being read */
	struct sk_buf pad;
};

__attribute__((format(printf, 2, 3)))
static bool fault(struct census *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->fault, sizeof(c->fault), fmt, ap);
	va_end(ap);
	return false;
}

static bool ends_whole(struct counting *k)
{
	if (k->last.version && k->last.record + 1 != k->n)
		return fault(k->census, "version %" PRIu64 " has %" PRIu64
		    " of %" PRIu64 " records", k->last.version,
		    k->last.record + 1, k->n);
	return true;
}

static bool starts(struct counting *k, const struct sk_record *r,
    struct sk_place at)
{
	if (at.version <= k->last.version)
		return fault(k->census, "version %" PRIu64 " after %" PRIu64,
		    at.version, k->last.version);
	if (!ends_whole(k))
		return false;
	k->w = (uint64_t)r->member[0].value.as.i;
	k->n = (uint64_t)r->member[2].value.as.i;
	k->census->versions++;
	if (k->w < CENSUS)
		k->census->seen[k->w]++;
	return true;
}

static bool is_right(struct counting *k, const struct sk_record *r,
    struct sk_place at)
{
	struct snek_value pad;

	if (!r->object || r->n != 4)
		return false;
	pad = r->member[3].value;
	k->pad.n = 0;
	if (!sk_buf_reserve(&k->pad, pad.len + 1))
		die("out of memory");
	fill_pad(k->pad.p, pad.len, k->w, at.record);
	return (uint64_t)r->member[0].value.as.i == k->w &&
	    (uint64_t)r->member[1].value.as.i == at.record &&
	    (uint64_t)r->member[2].value.as.i == k->n &&
	    !memcmp(pad.as.s, k->pad.p, pad.len);
}

static bool count(struct counting *k, const struct sk_record *r,
    struct sk_place at)
{
	uint64_t next = at.version == k->last.version ? k->last.record + 1 : 0;

	if (at.version != k->last.version && !starts(k, r, at))
		return false;
	if (at.record != next)
		return fault(k->census, "version %" PRIu64 ": record %" PRIu64
		    " instead of %" PRIu64, at.version, at.record, next);
	if (!is_right(k, r, at))
		return fault(k->census, "version %" PRIu64 ", record %" PRIu64
		    " is not as it was written", at.version, at.record);
	k->last = at;
	k->census->records++;
	return true;
}

static bool walk(struct counting *k, sk_reader *r)
{
	struct snek_error e = { 0 };
	struct sk_record record;
	struct sk_place at;
	int rc;

	while ((rc = sk_reader_next(r, &record, &at, &e)) > 0)
		if (!count(k, &record, at))
			return false;
	if (rc)
		return fault(k->census, "read: %s", e.text);
	if (k->census->records != sk_reader_records(r))
		return fault(k->census, "%" PRIu64 " records of %" PRIu64,
		    k->census->records, sk_reader_records(r));
	return ends_whole(k);
}

bool census_take(struct sk_catalog *c, const char *category, struct census *out)
{
	struct counting k = { .census = out };
	struct snek_error e = { 0 };
	sk_reader *r;
	bool whole;

	memset(out, 0, sizeof(*out));
	if (sk_reader_open(c, category, &r, &e))
		return fault(out, "open: %s", e.text);
	whole = walk(&k, r);
	sk_reader_close(r);
	sk_buf_free(&k.pad);
	return whole;
}

/* ---- dumps ---- */

struct line {
	struct sk_place at;
	uint32_t shard;
	char *text;
};

static int compare(const void *a, const void *b)
{
	const struct sk_place *x = &((const struct line *)a)->at;
	const struct sk_place *y = &((const struct line *)b)->at;

	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	return x->record < y->record ? -1 : x->record > y->record;
}

static void add_lines(const struct sk_snapshot_chunk *c, struct line *line)
{
	struct snek_error e = { 0 };
	struct sk_chunk *view;
	struct sk_record r;
	uint32_t i;

	if (sk_chunk_open(c->bytes.p, c->bytes.n, &view, &e))
		die("chunk: %s", e.text);
	for (i = 0; i < c->rows; i++) {
		struct sk_buf text = { 0 };

		if (sk_chunk_place(view, c->base, i, &line[i].at, &e) ||
		    sk_chunk_record(view, i, &r, &e) ||
		    !sk_json_write_record(&text, &r) || !sk_buf_byte(&text, 0))
			die("record: %s", e.text);
		line[i].text = text.p;
		line[i].shard = c->shard;
	}
	sk_chunk_close(view);
}

static char *join(struct line *line, size_t n)
{
	struct sk_buf out = { 0 };
	size_t i;

	qsort(line, n, sizeof(*line), compare);
	for (i = 0; i < n; i++) {
		sk_buf_printf(&out, "%" PRIu64 ".%" PRIu64 " @%" PRIu32 " %s\n",
		    line[i].at.version, line[i].at.record, line[i].shard,
		    line[i].text);
		free(line[i].text);
	}
	free(line);
	sk_buf_byte(&out, 0);
	return out.p;
}

char *dump(struct sk_catalog *c, const char *category)
{
	struct snek_error e = { 0 };
	struct sk_snapshot *s;
	struct line *line;
	size_t i, n = 0;

	if (sk_snapshot_open(c, category, &s, &e))
		die("snapshot: %s", e.text);
	line = calloc(s->records + 1, sizeof(*line));
	for (i = 0; i < s->n; i++) {
		add_lines(&s->chunk[i], line + n);
		n += s->chunk[i].rows;
	}
	if (n != s->records)
		die("%zu records of %" PRIu64, n, s->records);
	sk_snapshot_close(s);
	return join(line, n);
}

/* ---- litter ---- */

struct sorting {
	struct sk_meta *meta;
	struct litter sum;
};

static int sort_one(void *arg, struct sk_write_id id, uint64_t bytes,
    int64_t age, bool alive)
{
	struct sorting *s = arg;

	(void)bytes;
	(void)age;
	(void)alive;
	s->sum.segments++;
	s->sum.unnamed += !s->meta->ops->is_named(s->meta, id, NULL);
	return 0;
}

struct litter litter_count(struct sk_catalog *c)
{
	struct sorting s = { .meta = c->meta };
	struct snek_error e = { 0 };
	uint32_t i;

	for (i = 0; i < c->cluster.shards; i++)
		if (c->shard[i]->ops->list(c->shard[i], sort_one, &s, &e))
			die("list: %s", e.text);
	return s.sum;
}

/* ---- processes ---- */

unsigned in_processes(unsigned n, int (*fn)(void *, unsigned), void *arg)
{
	pid_t pid[64];
	unsigned i, good = 0;
	int status;

	fflush(NULL);
	for (i = 0; i < n; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			die("fork");
		if (!pid[i])
			_exit(fn(arg, i));
	}
	for (i = 0; i < n; i++)
		if (waitpid(pid[i], &status, 0) == pid[i] && !status)
			good++;
	return good;
}
