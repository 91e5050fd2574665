/* SPDX-License-Identifier: MIT */
/*
 * audit.c - what is wrong with records, by kind.
 *
 * It teaches: counters, which are summed over all tasks and count an attempt
 * that failed or was repeated once or not at all; and the log, for the few
 * words that a person should read.  snek shows both with --verbose, and
 * warnings always.
 *
 *   cc -shared -fPIC audit.c -o audit.so $(pkg-config --cflags snek-plugin)
 */
#include <snek/plugin.h>

#define TOLD 3                  /* of a kind and instance: then it is known */

struct audit {
	snek_path name, size;
	int64_t huge;                   /* what is more is doubtful */
	unsigned told;
};

static int open_op(snek_ctx *c, void **self)
{
	struct audit *a = snek_alloc(c, sizeof(*a));
	struct snek_value huge;
	int rc;

	if (!a)
		return SNEK_ENOMEM;
	a->told = 0;
	*self = a;
	if ((rc = snek_arg(c, "huge", &huge)) < 0 ||
	    (rc = snek_field(c, "package", &a->name)) < 0)
		return rc;
	a->huge = huge.as.i;
	snek_log(c, SNEK_DEBUG, "sizes above %lld are doubted",
	    (long long)a->huge);
	return snek_field(c, "installed_size", &a->size);
}

static int wrong(snek_ctx *c, const char *kind, struct snek_value name)
{
	snek_count(c, kind, 1);
	return snek_emit(c, snek_string(kind), name);
}

static int doubt(snek_ctx *c, struct audit *a, struct snek_value name,
    int64_t size)
{
	if (a->told++ < TOLD)
		snek_log(c, SNEK_WARN, "%.*s is %lld kB large", (int)name.len,
		    name.as.s, (long long)size);
	return wrong(c, "huge", name);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct audit *a = self;
	struct snek_value name = snek_get(r, a->name);
	int64_t size;

	snek_count(c, "looked_at", 1);
	if (name.type != SNEK_STRING)
		return wrong(c, "nameless", snek_null());
	if (!snek_get_int(r, a->size, &size))
		return wrong(c, "sizeless", name);
	return size > a->huge ? doubt(c, a, name, size) : 0;
}

SNEK_PLUGIN("audit", "1.0", SNEK_OP(
	.name = "audit",
	.summary = "what is wrong with packages, by kind",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "huge", .type = SNEK_ARG_INT, .value = "50000",
		    .help = "a size in kB that is doubted if it is exceeded"),
		NULL },
	.reducer = "list", .open = open_op, .map = map));
