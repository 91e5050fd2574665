/* SPDX-License-Identifier: MIT */
/*
 * sample.c - some records, by chance but always the same ones: a hash of where
 * a record stands decides, so it does not matter who looks at it, or when.
 */
#include "fields.h"

struct sample {
	snek_path whole;
	uint64_t most;                  /* a hash above it is left out */
	uint64_t seed;
	bool shuffle;
};

static int open_args(snek_ctx *c, struct sample *s)
{
	struct snek_value rate, seed, shuffle;
	int rc;

	if ((rc = snek_arg(c, "rate", &rate)) < 0 ||
	    (rc = snek_arg(c, "seed", &seed)) < 0 ||
	    (rc = snek_arg(c, "shuffle", &shuffle)) < 0)
		return rc;
	if (!(rate.as.d >= 0 && rate.as.d <= 1))
		return snek_fail(c, SNEK_EINVAL, "argument 'rate' is no number "
		    "from 0 to 1");
	s->most = rate.as.d == 1 ? UINT64_MAX : (uint64_t)(rate.as.d * 0x1p64);
	s->seed = seed.as.u;
	s->shuffle = shuffle.as.b;
	return 0;
}

static int open_op(snek_ctx *c, void **self)
{
	struct sample *s = snek_alloc(c, sizeof(*s));
	int rc;

	if (!s)
		return SNEK_ENOMEM;
	*self = s;
	if (!SNEK_HAS(c, place))
		return snek_fail(c, SNEK_EABI, "this snek cannot say where a "
		    "record stands");
	rc = open_args(c, s);
	return rc < 0 ? rc : snek_field(c, "", &s->whole);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	const struct sample *s = self;
	struct snek_place place;
	uint64_t hash;
	int rc = snek_record_place(c, r, &place);

	if (rc < 0)
		return rc;
	hash = mix(mix(mix(s->seed + 0x9e3779b97f4a7c15u) + place.version) +
	    place.record);
	if (hash > s->most || !s->most)
		return 0;
	return snek_emit(c, s->shuffle ? snek_int((int64_t)(hash >> 1))
	    : snek_null(), snek_get(r, s->whole));
}

SNEK_PLUGIN("sample", "0.1.0", SNEK_OP(
	.name = "sample",
	.summary = "some records, by chance, and the same ones every time",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "rate", .type = SNEK_ARG_DOUBLE,
		    .value = "0.01", .help = "the share of records, about"),
		SNEK_ARG(.name = "seed", .type = SNEK_ARG_INT, .value = "0",
		    .help = "another number gives other records"),
		SNEK_ARG(.name = "shuffle", .type = SNEK_ARG_BOOL, .value = "no",
		    .help = "in an order that is chance, too; with rate=1 and "
		    "--limit N so many records"),
		NULL },
	.reducer = "none", .open = open_op, .map = map));
