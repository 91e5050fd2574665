/* SPDX-License-Identifier: MIT */
/*
 * reverse.c - every text backwards.
 *
 * The smallest useful mapper.  It teaches: an optional argument, a field that
 * is named once (in open) and read for each record, memory that lasts as long
 * as one record, and SNEK_SKIP for records that the op has no use for.
 *
 *   cc -shared -fPIC reverse.c -o reverse.so $(pkg-config --cflags snek-plugin)
 */
#include <snek/plugin.h>

static int open_op(snek_ctx *c, void **self)
{
	struct snek_value field;
	snek_path *path = snek_alloc(c, sizeof(*path)); /* lives until close */
	int rc = snek_arg(c, "field", &field);

	if (rc < 0)
		return rc;
	if (!path)
		return SNEK_ENOMEM;
	*self = path;
	return snek_field_n(c, field.as.s, field.len, path);
}

/* Characters are copied whole: in UTF-8 the bytes after the first are 10xxxxxx. */
static void turn(const char *s, size_t n, char *to)
{
	size_t i = 0, len;

	while (i < n) {
		for (len = 1; i + len < n && (s[i + len] & 0xc0) == 0x80; len++)
			;
		memcpy(to + n - i - len, s + i, len);
		i += len;
	}
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	const char *s;
	char *turned;
	size_t n;

	if (!snek_get_string(r, *(snek_path *)self, &s, &n))
		return SNEK_SKIP;
	turned = snek_alloc(c, n);              /* gone when map returns */
	if (!turned)
		return SNEK_ENOMEM;
	turn(s, n, turned);
	return snek_emit(c, snek_null(), snek_string_n(turned, n));
}

SNEK_PLUGIN("reverse", "1.0", SNEK_OP(
	.name = "reverse",
	.summary = "every text backwards",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "field", .value = "",
		    .help = "the field with the text; without it the record "
		    "itself is the text"),
		NULL },
	.open = open_op, .map = map));
