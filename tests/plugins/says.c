/* SPDX-License-Identifier: MIT */
/* Ops that talk: to the log, to standard output, and too much. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <snek/plugin.h>

static int open_says(snek_ctx *c, void **self)
{
	struct snek_value v;
	int rc = snek_arg(c, "what", &v);

	*self = (void *)(rc >= 0 ? v.as.s : NULL);
	return rc;
}

static void flood(void)
{
	int i;

	for (i = 0; i < 20000; i++)
		printf("line %d \x1b[2J of \xff a flood\n", i);
	fputc(0, stdout);
	printf("%080000d", 7);
}

static int says(snek_ctx *c, void *self, struct snek_record r)
{
	(void)r;
	if (!strcmp(self, "flood")) {
		flood();
	} else if (!strcmp(self, "environment")) {
		printf("password: %s\n", getenv("SNEK_REDIS_PASSWORD"));
	} else {
		printf("%s out\n", (char *)self);
		fflush(stdout);
		fprintf(stderr, "%s err\n", (char *)self);
		snek_log(c, SNEK_INFO, "%s log", (char *)self);
	}
	return snek_emit_int(c, "n", 1, 1);
}

static int picky_open(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));

	*self = p;
	return p ? snek_field(c, "", p) : SNEK_ENOMEM;
}

static int picky(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value v = snek_get(r, *(snek_path *)self);

	if (v.type != SNEK_INT)
		return snek_fail(c, SNEK_ETYPE, "that is no number");
	return snek_emit_int(c, "n", 1, 1);
}

SNEK_PLUGIN("says", "1.0",
	SNEK_OP(.name = "says", .summary = "talk",
	    .args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "at", .type = SNEK_ARG_INT, .value = "0"),
		SNEK_ARG(.name = "what", .type = SNEK_ARG_STRING,
		    .required = 1), NULL },
	    .reducer = "sum", .open = open_says, .map = says),
	SNEK_OP(.name = "picky", .summary = "take numbers alone",
	    .reducer = "sum", .open = picky_open, .map = picky));
