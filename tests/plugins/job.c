/* SPDX-License-Identifier: MIT */
/* Ops for the tests of jobs. */
#include <stdlib.h>
#include <time.h>
#include <snek/plugin.h>

struct job {
	snek_path k, v, i;
	int64_t until;
};

static int open_job(snek_ctx *c, void **self)
{
	struct job *j = snek_alloc(c, sizeof(*j));
	int rc;

	if (!j)
		return SNEK_ENOMEM;
	j->until = 0;
	if ((rc = snek_field(c, "k", &j->k)) < 0 ||
	    (rc = snek_field(c, "v", &j->v)) < 0 ||
	    (rc = snek_field(c, "i", &j->i)) < 0)
		return rc;
	*self = j;
	return 0;
}

static int pair(snek_ctx *c, void *self, struct snek_record r)
{
	struct job *j = self;

	return snek_emit(c, snek_get(r, j->k), snek_get(r, j->v));
}

static int open_flaky(snek_ctx *c, void **self)
{
	struct snek_value until;
	int rc = open_job(c, self);

	if (rc < 0 || (rc = snek_arg(c, "until", &until)) < 0)
		return rc;
	if (until.type != SNEK_INT)
		return snek_fail(c, SNEK_EINVAL, "until is no number");
	((struct job *)*self)->until = until.as.i;
	return 0;
}

/* Counts and emits before it fails at the record 2, until a later attempt. */
static int flaky(snek_ctx *c, void *self, struct snek_record r)
{
	struct job *j = self;
	int64_t i = 0;

	snek_get_int(r, j->i, &i);
	snek_count(c, "seen", 1);
	snek_count(c, "huge", INT64_MAX);
	if (i == 2 && snek_task_info(c)->attempt < j->until)
		return snek_fail(c, SNEK_EAGAIN, "the spirits are not willing");
	return snek_emit(c, snek_null(), snek_int(i));
}

static int bad(snek_ctx *c, void *self, struct snek_record r)
{
	int64_t i = 0;

	snek_get_int(r, ((struct job *)self)->i, &i);
	return i == 2 ? snek_fail(c, SNEK_EPLUGIN, "record %d is cursed", 2)
	    : snek_emit(c, snek_null(), snek_int(i));
}

static int spin(snek_ctx *c, void *self, struct snek_record r)
{
	int rc;

	(void)self;
	(void)r;
	while (!(rc = snek_emit_int(c, "x", 1, 1)))
		;
	return rc;
}

static void pause_ms(long ms)
{
	const struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

static int nap(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	for (int n = 0; n < 20000 && !snek_cancelled(c); n++)
		pause_ms(1);
	return snek_emit(c, snek_null(), snek_int(1));
}

/* Neither emits nor asks whether it should go on. */
static int doze(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	snek_log(c, SNEK_INFO, "zzz");
	pause_ms(10);
	return SNEK_SKIP;
}

static int many(snek_ctx *c, void *self, struct snek_record r)
{
	static const char pad[] = "................................";
	struct snek_value i = snek_get(r, ((struct job *)self)->i);
	int n, rc = 0;

	for (n = 0; n < 1000 && !rc; n++)
		rc = snek_emit(c, i, snek_string(pad));
	return rc;
}

static int open_sums(snek_ctx *c, void **self)
{
	int rc = open_job(c, self);

	return rc < 0 ? rc : snek_aggregate(c, "n", SNEK_COUNT);
}

static int sums(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value one = snek_int(1);

	return snek_emit_row(c, snek_get(r, ((struct job *)self)->k), &one, 1);
}

static int width(snek_ctx *c, void *self, struct snek_value key, snek_values *values)
{
	struct snek_value v;
	int64_t n = 0;
	int rc;

	(void)self;
	while ((rc = snek_next_value(c, values, &v)) == 1)
		n++;
	return rc < 0 ? rc : snek_emit(c, key, snek_int(n));
}

static int picky(snek_ctx *c, void *self, struct snek_value key, snek_values *values)
{
	if (key.type == SNEK_INT && key.as.i == 3)
		return snek_fail(c, SNEK_EPLUGIN, "this key will not do");
	return width(c, self, key, values);
}

#define OP(name_, open_, map_, ...) SNEK_OP(.name = name_, .open = open_, \
	.map = map_, __VA_ARGS__)

SNEK_PLUGIN("job", "1.0",
	OP("pair", open_job, pair, .summary = "emit k and v"),
	OP("flaky", open_flaky, flaky, .summary = "fail, but not for ever",
	    .args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "until", .type = SNEK_ARG_INT, .value = "2",
		    .help = "the attempt that succeeds"), NULL }),
	OP("bad", open_job, bad, .summary = "fail"),
	OP("spin", NULL, spin, .reducer = "sum"),
	OP("nap", NULL, nap, .summary = "sleep for long"),
	OP("doze", NULL, doze, .summary = "sleep a little"),
	OP("many", open_job, many, .summary = "emit a thousand"),
	OP("sums", open_sums, sums, .summary = "an aggregate"),
	SNEK_OP(.name = "picky", .summary = "fail for a key", .reduce = picky),
	SNEK_OP(.name = "width", .summary = "count values", .reduce = width));
