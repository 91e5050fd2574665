/* SPDX-License-Identifier: MIT */
/* An op that does what an op must not, one thing at a time. */
#include <snek/plugin.h>
#include <fenv.h>
#include <math.h>

typedef int misuse(snek_ctx *, struct snek_record);

static const struct snek_value *null(void)
{
	static const struct snek_value v = { .type = SNEK_NULL };

	return &v;
}

static int emit_value(snek_ctx *c, struct snek_value v)
{
	return snek_emit(c, *null(), v);
}

static int do_nan(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return emit_value(c, snek_double(NAN));
}

static int do_none(snek_ctx *c, struct snek_record r)
{
	struct snek_value v = snek_null();

	(void)r;
	v.type = SNEK_NONE;
	return emit_value(c, v);
}

static int do_type(snek_ctx *c, struct snek_record r)
{
	struct snek_value v = snek_null();

	(void)r;
	v.type = 99;
	return emit_value(c, v);
}

static int do_utf8(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return snek_emit_int(c, "abc\xff", 4, 1);
}

static int do_utf8_value(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return emit_value(c, snek_string("a long text that ends in \xc3"));
}

static int do_forged(snek_ctx *c, struct snek_record r)
{
	struct snek_value v = snek_string("\x92\x01");

	(void)r;
	v.type = SNEK_ARRAY;
	return emit_value(c, v);
}

static int do_null_string(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return emit_value(c, snek_string_n(NULL, 3));
}

static int do_deep(snek_ctx *c, struct snek_record r)
{
	struct snek_value v = snek_null();
	int rc = 0;

	(void)r;
	for (int i = 0; rc >= 0 && i < 65; i++)
		rc = snek_pack(c, NULL, &v, 1, &v);
	return rc < 0 ? rc : emit_value(c, v);
}

static int do_twins(snek_ctx *c, struct snek_record r)
{
	struct snek_value n[] = { snek_string("a"), snek_string("a") }, v;

	(void)r;
	return snek_pack(c, n, n, 2, &v);
}

static int do_pack_nan(snek_ctx *c, struct snek_record r)
{
	struct snek_value inf = snek_double(INFINITY), v;

	(void)r;
	return snek_pack(c, NULL, &inf, 1, &v);
}

static int do_row(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return snek_emit_row(c, *null(), null(), 1);
}

static int do_field(snek_ctx *c, struct snek_record r)
{
	snek_path p;

	(void)r;
	return snek_field(c, "a", &p);
}

static int do_arg(snek_ctx *c, struct snek_record r)
{
	struct snek_value v;

	(void)r;
	return snek_arg(c, "how", &v);
}

static int do_aggregate(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return snek_aggregate(c, "a", SNEK_SUM);
}

static int do_chunk(snek_ctx *c, struct snek_record r)
{
	const struct snek_chunk *k = r.chunk;

	return snek_next_chunk(c, (snek_chunks *)c, &k);
}

static int do_values(snek_ctx *c, struct snek_record r)
{
	struct snek_value v;

	(void)r;
	return snek_next_value(c, NULL, &v);
}

static int do_ignore(snek_ctx *c, struct snek_record r)
{
	do_nan(c, r);
	snek_emit_int(c, "after", 5, 1);
	return 0;
}

static int do_counter(snek_ctx *c, struct snek_record r)
{
	(void)r;
	snek_count(c, "", 1);
	return 0;
}

static int do_counters(snek_ctx *c, struct snek_record r)
{
	char name[16];

	(void)r;
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		snek_count(c, name, 1);
	}
	return 0;
}

static int do_seven(snek_ctx *c, struct snek_record r)
{
	(void)c, (void)r;
	return 7;
}

static int do_minus(snek_ctx *c, struct snek_record r)
{
	(void)c, (void)r;
	return -1;
}

static int do_far(snek_ctx *c, struct snek_record r)
{
	(void)c, (void)r;
	return -1000;
}

static int do_fail(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return snek_fail(c, SNEK_EPLUGIN, "the %s is %d", "answer", 42);
}

static int do_long(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return snek_fail(c, SNEK_EPLUGIN, "%2000d", 1);
}

static int do_again(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return snek_fail(c, SNEK_EAGAIN, "later");
}

static int do_corrupt(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return snek_fail(c, SNEK_ECORRUPT, "the store is at fault");
}

static int do_swallow(snek_ctx *c, struct snek_record r)
{
	(void)r;
	snek_fail(c, SNEK_EPLUGIN, "never mind");
	return SNEK_SKIP;
}

static int do_rounding(snek_ctx *c, struct snek_record r)
{
	(void)c, (void)r;
	fesetround(FE_UPWARD);
	return 0;
}

static int do_memory(snek_ctx *c, struct snek_record r)
{
	(void)r;
	return snek_alloc(c, SIZE_MAX) ? 0 : SNEK_ENOMEM;
}

static const struct { const char *how; misuse *call; } all[] = {
	{ "nan", do_nan }, { "none", do_none }, { "type", do_type },
	{ "utf8", do_utf8 }, { "utf8_value", do_utf8_value },
	{ "forged", do_forged }, { "null_string", do_null_string },
	{ "deep", do_deep }, { "twins", do_twins }, { "pack_nan", do_pack_nan },
	{ "row", do_row }, { "field", do_field }, { "arg", do_arg },
	{ "aggregate", do_aggregate }, { "chunk", do_chunk },
	{ "values", do_values }, { "ignore", do_ignore },
	{ "counter", do_counter }, { "counters", do_counters },
	{ "seven", do_seven }, { "minus", do_minus }, { "far", do_far },
	{ "fail", do_fail }, { "long", do_long }, { "again", do_again },
	{ "corrupt", do_corrupt }, { "swallow", do_swallow },
	{ "rounding", do_rounding }, { "memory", do_memory },
};

struct self {
	snek_path n;
	int64_t at;
	misuse *call;
};

static int open_badly(snek_ctx *c, const char *how)
{
	snek_path p;
	struct snek_value v;

	if (!strcmp(how, "open_emit"))
		return snek_emit_int(c, "a", 1, 1);
	if (!strcmp(how, "open_fail"))
		return snek_fail(c, SNEK_EINVAL, "not these arguments");
	if (!strcmp(how, "open_path"))
		return snek_field(c, "a[", &p);
	if (!strcmp(how, "open_arg"))
		return snek_arg(c, "what", &v);
	if (!strcmp(how, "open_twice"))
		return snek_aggregate(c, "a", SNEK_SUM) |
		    snek_aggregate(c, "a", SNEK_MIN);
	if (!strcmp(how, "open_kind"))
		return snek_aggregate(c, "a", 77);
	return 0;
}

static int open_op(snek_ctx *c, void **self)
{
	struct self *s = snek_alloc(c, sizeof(*s));
	struct snek_value how, at;
	int rc;

	if (!s)
		return SNEK_ENOMEM;
	if ((rc = snek_arg(c, "how", &how)) < 0 ||
	    (rc = snek_arg(c, "at", &at)) < 0 ||
	    (rc = snek_field(c, "n", &s->n)) < 0)
		return rc;
	s->at = at.as.i;
	s->call = NULL;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(all[i].how, how.as.s))
			s->call = all[i].call;
	*self = s;
	return s->call ? 0 : open_badly(c, how.as.s);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct self *s = self;
	int64_t n;

	if (snek_get_int(r, s->n, &n) && n == s->at && s->call)
		return s->call(c, r);
	return snek_emit_int(c, "fine", 4, 1);
}

SNEK_PLUGIN("misuse", "1", SNEK_OP(.name = "misuse", .open = open_op, .map = map,
	.reducer = "sum",
	.args = (const struct snek_arg *const[]){
	SNEK_ARG(.name = "how", .required = 1),
	SNEK_ARG(.name = "at", .type = SNEK_ARG_INT, .value = "3"), NULL }));
