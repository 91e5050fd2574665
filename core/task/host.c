/* SPDX-License-Identifier: MIT */
#include "task/host.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "value/pack.h"

#define CHECK_EVERY 256u

static sk_instance *instance(snek_ctx *c)
{
	return (sk_instance *)c;
}

/* ---- failing ---- */

int sk_host_stick(sk_instance *in, int code)
{
	if (!in->failure.code)
		in->failure.code = code;
	in->placed = SK_NO_ROW;         /* no emit takes the short way any more */
	in->attention = 1;
	return in->failure.code;
}

int sk_host_fail(sk_instance *in, int code, const char *fmt, ...)
{
	va_list ap;

	if (!in->failure.code) {
		va_start(ap, fmt);
		vsnprintf(in->failure.text, sizeof(in->failure.text), fmt, ap);
		va_end(ap);
	}
	return sk_host_stick(in, code);
}

int sk_host_not_here(sk_instance *in, const char *what)
{
	return sk_host_fail(in, SNEK_EINVAL, "called %s, which is not allowed "
	    "in %s", what, in->frame.name ? in->frame.name : "no callback");
}

int sk_control_check(const struct sk_control *c, struct snek_error *e)
{
	if (c && __atomic_load_n(&c->cancelled, __ATOMIC_RELAXED))
		return sk_fail(e, SNEK_ECANCELED, "cancelled");
	if (c && c->deadline_ms && sk_clock_ms() >= c->deadline_ms)
		return sk_fail(e, SNEK_ETIMEDOUT, "the deadline has passed");
	return 0;
}

int sk_host_check(sk_instance *in)
{
	int rc = in->failure.code;

	if (!rc)
		rc = sk_control_check(in->control, &in->failure);
	return rc < 0 ? sk_host_stick(in, rc) : 0;
}

static int host_fail(snek_ctx *c, int code, const char *text, size_t len)
{
	sk_instance *in = instance(c);

	if (!text)
		len = 0;
	if (len >= sizeof(in->text))
		len = sizeof(in->text) - 1;
	if (len)
		memcpy(in->text, text, len);
	in->text[len] = '\0';
	in->attention = 1;
	return code < 0 ? code : SNEK_EPLUGIN;
}

/* ---- frames ---- */

void sk_host_mark(sk_instance *in, const char *name)
{
	strncpy(in->mark->callback, name, sizeof(in->mark->callback) - 1);
}

void sk_host_enter(sk_instance *in, struct sk_frame *outer, const char *name,
    uint32_t may)
{
	*outer = in->frame;
	if (!outer->depth)
		sk_host_mark(in, name);
	in->frame = (struct sk_frame){ .name = name, .may = may,
	    .depth = outer->depth + 1, .placed = in->placed };
	if (!(may & SK_MAY_ROWS))       /* only map's emits go the short way */
		in->placed = SK_NO_ROW;
}

void sk_host_leave(sk_instance *in, const struct sk_frame *outer)
{
	if (!in->failure.code && !(in->frame.may & SK_MAY_ROWS))
		in->placed = in->frame.placed;
	if (in->frame.depth <= 2)
		sk_arena_reset(&in->arena[in->frame.depth - 1]);
	in->frame = *outer;
}

/* Only codes that an op can know of: a plugin does not say that the store is
 * corrupt or that the job was cancelled. */
static int code_of(int rc)
{
	switch (rc) {
	case SNEK_EINVAL: case SNEK_ENOMEM: case SNEK_ENOENT: case SNEK_ETYPE:
	case SNEK_EFORMAT: case SNEK_EIO: case SNEK_EACCES: case SNEK_EAGAIN:
	case SNEK_ELIMIT:
		return rc;
	default:
		return SNEK_EPLUGIN;
	}
}

static int say_return(sk_instance *in, int rc)
{
	if (rc > 0)
		return sk_host_fail(in, SNEK_EPLUGIN, "%s returned %d, which "
		    "means nothing", in->frame.name, rc);
	if (in->text[0])
		return sk_host_fail(in, code_of(rc), "%s", in->text);
	return sk_host_fail(in, code_of(rc), "%s returned %d without saying "
	    "why%s%s%s", in->frame.name, rc, rc < SNEK_EINTERNAL ? "" : " (",
	    rc < SNEK_EINTERNAL ? "" : sk_strerror(rc),
	    rc < SNEK_EINTERNAL ? "" : ")");
}

int sk_host_settle(sk_instance *in, int rc, bool may_skip)
{
	if (rc && !(rc == SNEK_SKIP && may_skip))
		say_return(in, rc);
	in->text[0] = '\0';
	return in->failure.code ? in->failure.code : rc;
}

/* ---- declaring: open only ---- */

static int host_arg(snek_ctx *c, const char *name, struct snek_value *out)
{
	sk_instance *in = instance(c);

	if (!(in->frame.may & SK_MAY_DECLARE))
		return sk_host_not_here(in, "snek_arg");
	if (!name || !sk_args_get(in->o.args, in->o.op, name, out))
		return sk_host_fail(in, SNEK_EINVAL, "asked for the argument "
		    "'%.80s', which it does not declare", name ? name : "(NULL)");
	return 0;
}

/* ---- taking ---- */

static int host_next_chunk(snek_ctx *c, snek_chunks *it,
    const struct snek_chunk **out)
{
	sk_instance *in = instance(c);
	int rc = in->failure.code;

	if (rc)
		return rc;
	if (!(in->frame.may & SK_MAY_CHUNKS) || (void *)it != in)
		return sk_host_not_here(in, "snek_next_chunk");
	rc = sk_feed_next(in);
	if (rc > 0) {
		in->out->records_in += in->view.rows;
		*out = &in->view;
	}
	return rc;
}

static int host_next_value(snek_ctx *c, snek_values *it, struct snek_value *out)
{
	sk_instance *in = instance(c);
	int rc = in->failure.code;

	if (rc)
		return rc;
	if (!(in->frame.may & SK_MAY_VALUES) || (void *)it != in->frame.group)
		return sk_host_not_here(in, "snek_next_value");
	if (++in->tick % CHECK_EVERY == 0 && (rc = sk_host_check(in)) < 0)
		return rc;
	rc = sk_group_next(in->frame.group, out, &in->failure);
	return rc < 0 ? sk_host_stick(in, rc) : rc;
}

static struct snek_value host_column_value(const struct snek_column *c,
    uint32_t row, uint32_t slot)
{
	struct sk_whole *w = c->host;

	if (c->type == SNEK_COLUMN_HOST)
		return w->get(w, row);
	return sk_column_value(c, slot);
}

/* ---- services ---- */

static void *host_alloc(snek_ctx *c, size_t n)
{
	sk_instance *in = instance(c);

	if (!n)
		n = 1;
	if (in->frame.may & SK_MAY_DECLARE)
		return sk_arena_alloc(&in->kept, n);
	if (!in->frame.depth || in->frame.depth > 2)
		return NULL;
	in->attention = 1;
	return sk_arena_alloc(&in->arena[in->frame.depth - 1], n);
}

static int check_member(sk_instance *in, struct snek_value *v)
{
	if (v->type == SNEK_DOUBLE && !isfinite(v->as.d))
		return sk_host_fail(in, SNEK_EINVAL, "packed a number that is not "
		    "finite, which JSON cannot hold");
	return sk_emit_check(in, v, "a packed value");
}

static bool has_twins(const struct snek_value *names, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (names[i].len == names[j].len && !memcmp(names[i].as.s,
			    names[j].as.s, names[i].len))
				return true;
	return false;
}

static int check_names(sk_instance *in, const struct snek_value *names, size_t n)
{
	int rc = 0;

	if (n > 4096)
		return sk_host_fail(in, SNEK_ELIMIT, "packed an object of over "
		    "4096 members");
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		if (names[i].type != SNEK_STRING)
			return sk_host_fail(in, SNEK_EINVAL, "packed a member "
			    "whose name is no string");
		rc = sk_emit_check_string(in, names[i].as.s, names[i].len, "a name");
	}
	if (rc >= 0 && has_twins(names, n))
		rc = sk_host_fail(in, SNEK_EINVAL, "packed two members of one name");
	return rc;
}

/* No value needs more than its bytes and a header of nine. */
static bool room_for(const struct snek_value *v, size_t n, uint64_t *room)
{
	for (size_t i = 0; v && i < n; i++)
		*room += 9 + (v[i].type >= SNEK_STRING ? v[i].len : 0);
	return *room < UINT32_MAX;
}

static int host_pack(snek_ctx *c, const struct snek_value *names,
    const struct snek_value *values, size_t n, struct snek_value *out)
{
	sk_instance *in = instance(c);
	uint64_t room = 9;
	struct sk_buf b = {0};
	int rc = in->failure.code;

	if (!rc && names)
		rc = check_names(in, names, n);
	if (rc < 0)
		return rc;
	if (n >= UINT32_MAX / 16 || !room_for(names, n, &room) ||
	    !room_for(values, n, &room))
		return sk_host_fail(in, SNEK_ELIMIT, "packed over 4 GiB");
	b.p = host_alloc(c, room);
	b.cap = room;
	if (!b.p)
		return sk_host_fail(in, SNEK_ENOMEM, "out of memory");
	if (names)
		sk_pack_map(&b, (uint32_t)n);
	else
		sk_pack_array(&b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		struct snek_value v = values[i];

		rc = check_member(in, &v);
		if (rc < 0)
			return rc;
		if (names)
			sk_pack_value(&b, names[i]);
		sk_pack_value(&b, v);
	}
	*out = (struct snek_value){ .type = names ? SNEK_OBJECT : SNEK_ARRAY,
	    .len = (uint32_t)b.n, .as.p = b.p };
	return 0;
}

static void host_count(snek_ctx *c, const char *name, int64_t delta)
{
	sk_instance *in = instance(c);
	int rc;

	if (in->failure.code || in->frame.may & SK_MAY_DECLARE)
		return;
	rc = sk_counters_add(&in->counters, name, delta, &in->failure);
	if (rc < 0)
		sk_host_stick(in, rc);
}

static int64_t host_time_left(snek_ctx *c)
{
	sk_instance *in = instance(c);
	int64_t left;

	if (!in->control || !in->control->deadline_ms)
		return INT64_MAX;
	left = in->control->deadline_ms - sk_clock_ms();
	return left > 0 ? left : 0;
}

static int host_cancelled(snek_ctx *c)
{
	sk_instance *in = instance(c);

	return in->control &&
	    __atomic_load_n(&in->control->cancelled, __ATOMIC_RELAXED);
}

static int host_place(snek_ctx *c, struct snek_record r, struct snek_place *out)
{
	sk_instance *in = instance(c);
	struct sk_place place;
	int rc = in->failure.code;

	if (rc)
		return rc;
	if (!(in->frame.may & SK_MAY_ROWS) || !in->at)
		return sk_host_not_here(in, "snek_record_place");
	if (r.chunk != &in->view || r.row >= in->view.rows)
		return sk_host_fail(in, SNEK_EINVAL, "asked for the place of what "
		    "is no record of the chunk at hand");
	rc = sk_chunk_place(in->chunk, in->at->base, r.row, &place, &in->failure);
	if (rc < 0)
		return sk_host_stick(in, rc);
	*out = (struct snek_place){ place.version, place.record };
	return 0;
}

static const struct snek_task_info *host_info(snek_ctx *c)
{
	return &instance(c)->info;
}

/* One line: what could break it becomes a blank. */
static void host_log(snek_ctx *c, uint32_t level, const char *text, size_t len)
{
	sk_instance *in = instance(c);
	char line[1200];
	int n;

	if (!in->o.log || !text)
		return;
	n = snprintf(line, sizeof(line), "%s: %.*s", in->o.op->op.name,
	    len > 1024 ? 1024 : (int)len, text);
	for (int i = 0; i < n && line[i]; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	in->o.log(in->o.log_arg, level > SNEK_ERROR ? SNEK_ERROR : (int)level,
	    line);
}

static int host_field(snek_ctx *c, const char *path, size_t n, snek_path *out)
{
	sk_instance *in = instance(c);

	if (!(in->frame.may & SK_MAY_DECLARE))
		return sk_host_not_here(in, "snek_field");
	return sk_instance_field(in, path, n, out);
}

static int host_aggregate(snek_ctx *c, const char *name, uint32_t kind)
{
	sk_instance *in = instance(c);

	if (!(in->frame.may & SK_MAY_DECLARE))
		return sk_host_not_here(in, "snek_aggregate");
	return sk_instance_aggregate(in, name, kind);
}

const struct snek_api sk_host_api = {
	.abi = SNEK_ABI,
	.size = sizeof(struct snek_api),
	.arg = host_arg,
	.field = host_field,
	.aggregate = host_aggregate,
	.emit = sk_emit_pair,
	.emit_int = sk_emit_int,
	.emit_row = sk_emit_row,
	.next_chunk = host_next_chunk,
	.next_value = host_next_value,
	.column_value = host_column_value,
	.iterate = sk_iterate,
	.next = sk_next,
	.pack = host_pack,
	.alloc = host_alloc,
	.count = host_count,
	.time_left = host_time_left,
	.cancelled = host_cancelled,
	.info = host_info,
	.fail = host_fail,
	.log = host_log,
	.side = sk_side_open,
	.side_field = sk_side_field,
	.side_chunk = sk_side_chunk,
	.place = host_place,
};
