/* SPDX-License-Identifier: MIT */
/* The chunks of a map task, one after the other as an op sees them. */
#include <stdio.h>

#include "task/host.h"
#include "task/pair.h"
#include "value/value.h"

static int open_chunk(sk_instance *in, const struct sk_task_chunk *c)
{
	if (c->fd && in->o.room && c->bytes.n <= SK_CHUNK_MAX)
		return sk_chunk_reopen_file(&in->chunk, in->o.room, c->fd,
		    c->at, c->bytes.n, &in->failure);
	if (in->chunk)
		return sk_chunk_reopen(in->chunk, c->bytes.p, c->bytes.n,
		    &in->failure);
	return sk_chunk_open(c->bytes.p, c->bytes.n, &in->chunk, &in->failure);
}

static int view_columns(sk_instance *in)
{
	for (uint32_t i = 0; i < in->paths; i++) {
		struct snek_column *c = &in->column[i];
		int rc = sk_chunk_column(in->chunk, &in->path[i], c,
		    &in->failure);

		if (rc < 0)
			return rc;
		c->size = sizeof(*c);
		if (c->type != SNEK_COLUMN_ABSENT && i < SK_SEEN_PATHS)
			in->out->seen[i / 64] |= 1ull << i % 64;
		if (c->type == SNEK_COLUMN_HOST)
			c->host = &in->wholes;
	}
	return 0;
}

int sk_feed_next(sk_instance *in)
{
	const struct sk_task_chunk *c = &in->map->chunk[in->next];
	int rc = sk_host_check(in);

	if (rc < 0 || in->next == in->map->chunks)
		return rc;
	in->next++;
	in->at = c;
	in->mark->chunk = (uint32_t)in->next - 1;
	in->mark->row = SK_NO_ROW;
	in->row = 0;
	in->placed = in->whole_row = SK_NO_ROW;
	in->view.rows = 0;
	rc = open_chunk(in, c);
	if (rc >= 0)
		rc = view_columns(in);
	if (rc < 0)
		return sk_host_stick(in, rc);
	in->view.rows = sk_chunk_rows(in->chunk);
	in->out->bytes_in += c->bytes.n;
	return 1;
}

int sk_feed_place(sk_instance *in)
{
	struct sk_place place = {0};
	int rc = 0;

	in->placed = in->row;
	if (in->unordered)
		return 0;
	if (in->at)
		rc = sk_chunk_place(in->chunk, in->at->base, in->row, &place,
		    &in->failure);
	if (rc < 0)
		return sk_host_stick(in, rc);
	sk_sink_at(in->sink, place);
	return 0;
}

/* One that fills a chunk by itself may be of any size, and is copied. */
static int check_size(sk_instance *in)
{
	size_t n = in->at->bytes.n, most = sk_pair_most(in->map->memory);

	if (in->view.rows > 1 || n <= most)
		return 0;
	return sk_host_fail(in, SNEK_ELIMIT, "a record of about %zu bytes; with "
	    "the memory that the job has, one may have %zu: "
	    SK_MORE_MEMORY, n, most);
}

struct snek_value sk_feed_whole(struct sk_whole *w, uint32_t row)
{
	sk_instance *in = (sk_instance *)((char *)w -
	    offsetof(struct sk_instance, wholes));
	int rc;

	if (in->whole_row == row)
		return in->whole;
	in->whole_row = SK_NO_ROW;
	if (row >= in->view.rows) {
		sk_host_fail(in, SNEK_EINVAL, "read record %u of a chunk of %u",
		    row, in->view.rows);
		return sk_none();
	}
	if (check_size(in))
		return sk_none();
	rc = sk_chunk_value(in->chunk, row, &in->scratch, &in->whole,
	    &in->failure);
	if (rc < 0) {
		sk_host_stick(in, rc);
		return sk_none();
	}
	in->whole_row = row;
	return in->whole;
}

uint64_t sk_feed_left(sk_instance *in)
{
	uint64_t rows = 0;

	for (; in->next < in->map->chunks; in->next++) {
		if (open_chunk(in, &in->map->chunk[in->next]) < 0)
			break;
		rows += sk_chunk_rows(in->chunk);
	}
	return rows;
}

/* Records are counted from 1 for people, as lines are. */
void sk_feed_where(sk_instance *in, char *text, size_t size)
{
	struct sk_place place;
	int n;

	if (!in->at) {
		snprintf(text, size, "task %u", in->info.task);
		return;
	}
	n = snprintf(text, size, "%.95s", in->at->origin);
	if (n < 0 || (size_t)n >= size || !in->by_row ||
	    sk_chunk_place(in->chunk, in->at->base, in->row, &place, NULL) < 0)
		return;
	if (place.version == in->at->base.version)
		snprintf(text + n, size - n, "%srecord %llu", n ? ", " : "",
		    (unsigned long long)place.record + 1);
	else
		snprintf(text + n, size - n, "%srecord %llu of write %llu",
		    n ? ", " : "", (unsigned long long)place.record + 1,
		    (unsigned long long)place.version);
}
