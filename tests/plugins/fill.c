/* SPDX-License-Identifier: MIT */
/*
 * Much out of little: each record (its number is i) becomes so many pairs,
 * drawn from it alone, so that a job of any size needs no input of that size.
 */
#include <stdlib.h>
#include <snek/plugin.h>

struct fill {
	snek_path record;
	int64_t pairs, keys;
	size_t bytes;
	char *value;
};

static int get(snek_ctx *c, const char *name, int64_t *out)
{
	struct snek_value v;
	int rc = snek_arg(c, name, &v);

	if (rc >= 0)
		*out = v.as.i;
	return rc;
}

static int fill_open(snek_ctx *c, void **self)
{
	struct fill *f = snek_alloc(c, sizeof(*f));
	int64_t bytes = 0;
	int rc;

	if (!f)
		return SNEK_ENOMEM;
	if ((rc = snek_field(c, "i", &f->record)) < 0 ||
	    (rc = get(c, "pairs", &f->pairs)) < 0 ||
	    (rc = get(c, "keys", &f->keys)) < 0 ||
	    (rc = get(c, "bytes", &bytes)) < 0)
		return rc;
	f->bytes = (size_t)bytes;
	f->value = malloc(f->bytes + 1);
	if (!f->value)
		return SNEK_ENOMEM;
	memset(f->value, 'x', f->bytes);
	*self = f;
	return 0;
}

static void fill_close(void *self)
{
	free(((struct fill *)self)->value);
}

static uint64_t draw(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t first(const struct fill *f, struct snek_record r)
{
	int64_t i = 0;

	snek_get_int(r, f->record, &i);
	return (uint64_t)i * (uint64_t)f->pairs;
}

static size_t key_of(const struct fill *f, uint64_t n, char key[32])
{
	return (size_t)snprintf(key, 32, "key %020llu", (unsigned long long)
	    (draw(n) % (uint64_t)f->keys));
}

static int count(snek_ctx *c, void *self, struct snek_record r)
{
	const struct fill *f = self;
	uint64_t at = first(f, r);
	char key[32];
	int rc = 0;

	for (int64_t i = 0; i < f->pairs && !rc; i++, at++)
		rc = snek_emit_int(c, key, key_of(f, at, key), 1);
	return rc;
}

/* A value begins with the number of its pair, so that each is another. */
static struct snek_value value_of(struct fill *f, uint64_t n)
{
	char text[24];
	size_t len = (size_t)snprintf(text, sizeof(text), "%020llu",
	    (unsigned long long)draw(~n));

	memcpy(f->value, text, len < f->bytes ? len : f->bytes);
	return snek_string_n(f->value, f->bytes);
}

static int pairs(snek_ctx *c, void *self, struct snek_record r)
{
	struct fill *f = self;
	uint64_t at = first(f, r);
	char key[32];
	int rc = 0;

	for (int64_t i = 0; i < f->pairs && !rc; i++, at++)
		rc = snek_emit(c, snek_string_n(key, key_of(f, at, key)),
		    value_of(f, at));
	return rc;
}

/* All under one key, in order. */
static int values(snek_ctx *c, void *self, struct snek_record r)
{
	struct fill *f = self;
	uint64_t at = first(f, r);
	int rc = 0;

	for (int64_t i = 0; i < f->pairs && !rc; i++, at++)
		rc = snek_emit(c, snek_null(), value_of(f, at));
	return rc;
}

/* The largest of a key's values: combine and reduce are the same. */
static int largest(snek_ctx *c, void *self, struct snek_value key,
    snek_values *all)
{
	char best[32] = "";
	size_t n = 0, len;
	struct snek_value v;
	int rc;

	(void)self;
	while ((rc = snek_next_value(c, all, &v)) == 1) {
		len = v.len < 20 ? v.len : 20;
		if (memcmp(v.as.s, best, len) <= 0)
			continue;
		memcpy(best, v.as.s, len);
		n = len;
	}
	return rc < 0 ? rc : snek_emit(c, key, snek_string_n(best, n));
}

#define OP(name_, ...) SNEK_OP(.name = name_, .open = fill_open, \
	.close = fill_close, .args = (const struct snek_arg *const[]){ \
	SNEK_ARG(.name = "pairs", .type = SNEK_ARG_INT, .value = "1000", \
	    .help = "of each record"), \
	SNEK_ARG(.name = "keys", .type = SNEK_ARG_INT, .value = "1000000", \
	    .help = "that they are drawn from"), \
	SNEK_ARG(.name = "bytes", .type = SNEK_ARG_INT, .value = "20", \
	    .help = "of a value"), NULL }, __VA_ARGS__)

SNEK_PLUGIN("fill", "1.0",
	OP("count", .map = count, .reducer = "sum",
	    .summary = "emit keys to be counted"),
	OP("pairs", .map = pairs, .summary = "emit keys and values"),
	OP("values", .map = values, .summary = "emit values alone"),
	OP("largest", .map = pairs, .combine = largest, .reduce = largest,
	    .summary = "the largest value of each key"));
