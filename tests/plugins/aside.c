/* SPDX-License-Identifier: MIT */
/* Ops that read the side input "s", rightly and wrongly. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <snek/plugin.h>

struct aside {
	snek_path v;                    /* of the record */
	snek_side *side;
	snek_path n, deep, whole;       /* of the side input */
	const char **text;              /* of every row, kept from open on */
	size_t *len, rows;
	int64_t sum;
};

static int keep_row(struct aside *a, struct snek_record r)
{
	const char **text = realloc(a->text, (a->rows + 1) * sizeof(*text));
	size_t *len = text ? realloc(a->len, (a->rows + 1) * sizeof(*len)) : NULL;
	int64_t n = 0;

	if (text)
		a->text = text;
	if (!len)
		return SNEK_ENOMEM;
	a->len = len;
	a->text[a->rows] = "";
	a->len[a->rows] = 0;
	snek_get_string(r, a->deep, &a->text[a->rows], &a->len[a->rows]);
	a->rows++;
	snek_get_int(r, a->n, &n);
	a->sum += n;
	return 0;
}

static int read_side(snek_ctx *c, struct aside *a)
{
	const struct snek_chunk *chunk;
	uint32_t number = 0;
	int rc;

	while ((rc = snek_side_chunk(c, a->side, number++, &chunk)) == 1)
		for (uint32_t i = 0; i < chunk->rows && rc >= 0; i++)
			rc = keep_row(a, (struct snek_record){ chunk, i });
	return rc;
}

static int open_side(snek_ctx *c, void **self)
{
	struct aside *a = snek_alloc(c, sizeof(*a));
	int rc;

	if (!a)
		return SNEK_ENOMEM;
	memset(a, 0, sizeof(*a));
	*self = a;
	if ((rc = snek_field(c, "v", &a->v)) < 0 ||
	    (rc = snek_side_open(c, "s", &a->side)) < 0 ||
	    (rc = snek_side_field(c, a->side, "n", &a->n)) < 0 ||
	    (rc = snek_side_field(c, a->side, "d.text", &a->deep)) < 0 ||
	    (rc = snek_side_field(c, a->side, "", &a->whole)) < 0)
		return rc;
	return read_side(c, a);
}

static void close_side(void *self)
{
	struct aside *a = self;

	free(a->text);
	free(a->len);
}

/* The record's v, and what all of the side input comes to. */
static int sum(snek_ctx *c, void *self, struct snek_record r)
{
	struct aside *a = self;
	size_t bytes = 0;

	for (size_t i = 0; i < a->rows; i++)
		for (size_t k = 0; k < a->len[i]; k++)
			bytes += (uint8_t)a->text[i][k] == 't';
	snek_count(c, "rows", (int64_t)a->rows);
	return snek_emit(c, snek_get(r, a->v), snek_int(a->sum +
	    (int64_t)bytes));
}

/* Every row as it is, once a record. */
static int rows(snek_ctx *c, void *self, struct snek_record r)
{
	struct aside *a = self;
	const struct snek_chunk *chunk;
	uint32_t number = 0;
	int rc;

	(void)r;
	while ((rc = snek_side_chunk(c, a->side, number++, &chunk)) == 1)
		for (uint32_t i = 0; i < chunk->rows && rc >= 0; i++)
			rc = snek_emit(c, snek_null(), snek_get((struct
			    snek_record){ chunk, i }, a->whole));
	return rc;
}

static int pair(snek_ctx *c, void *self, struct snek_record r)
{
	return snek_emit(c, snek_int(1), snek_get(r, ((struct aside *)self)->v));
}

static int total(snek_ctx *c, void *self, struct snek_value key,
    snek_values *values)
{
	struct snek_value v;
	int64_t n = ((struct aside *)self)->sum;
	int rc;

	while ((rc = snek_next_value(c, values, &v)) == 1)
		n += v.as.i;
	return rc < 0 ? rc : snek_emit(c, key, snek_int(n));
}

static int place(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value at[2], array;
	struct snek_place p;
	int rc = snek_record_place(c, r, &p);

	(void)self;
	if (rc < 0)
		return rc;
	at[0] = snek_int((int64_t)p.version);
	at[1] = snek_int((int64_t)p.record);
	rc = snek_pack(c, NULL, at, 2, &array);
	return rc < 0 ? rc : snek_emit(c, snek_null(), array);
}

/* Change every file that there is a descriptor of; how many let themselves. */
static int scribble(snek_ctx *c, void *self, struct snek_record r)
{
	struct stat st;
	int64_t done = 0;

	(void)self;
	(void)r;
	for (int fd = 3; fd < 400; fd++)
		if (!fstat(fd, &st) && S_ISREG(st.st_mode))
			done += pwrite(fd, "x", 1, 8) == 1 || !ftruncate(fd, 0);
	return snek_emit(c, snek_null(), snek_int(done));
}

static int open_late(snek_ctx *c, void **self)
{
	const struct snek_chunk *chunk;
	int rc = open_side(c, self);
	snek_path path;

	if (rc < 0)
		return rc;
	snek_side_chunk(c, ((struct aside *)*self)->side, 0, &chunk);
	rc = snek_side_field(c, ((struct aside *)*self)->side, "x", &path);
	if (rc < 0)
		close_side(*self);      /* of what did not open nobody closes */
	return rc;
}

static int side_in_map(snek_ctx *c, void *self, struct snek_record r)
{
	snek_side *s;

	(void)self;
	(void)r;
	return snek_side_open(c, "s", &s);
}

static int far_row(snek_ctx *c, void *self, struct snek_record r)
{
	struct aside *a = self;
	const struct snek_chunk *chunk;

	(void)r;
	if (snek_side_chunk(c, a->side, 0, &chunk) == 1)
		snek_get((struct snek_record){ chunk, chunk->rows }, a->whole);
	return 0;
}

static int foreign_place(snek_ctx *c, void *self, struct snek_record r)
{
	struct aside *a = self;
	const struct snek_chunk *chunk;
	struct snek_place p;

	(void)r;
	if (snek_side_chunk(c, a->side, 0, &chunk) != 1)
		return 0;
	return snek_record_place(c, (struct snek_record){ chunk, 0 }, &p);
}

#define OP(name_, ...) SNEK_OP(.name = name_, .summary = "test", __VA_ARGS__)
#define SIDE .open = open_side, .close = close_side

SNEK_PLUGIN("aside", "1.0",
	OP("sum", SIDE, .map = sum), OP("rows", SIDE, .map = rows),
	OP("total", SIDE, .map = pair, .reduce = total),
	OP("place", .map = place), OP("scribble", SIDE, .map = scribble),
	OP("late", .open = open_late, .map = sum),
	OP("side_in_map", .map = side_in_map), OP("far_row", SIDE, .map = far_row),
	OP("foreign_place", SIDE, .map = foreign_place));
