/* SPDX-License-Identifier: MIT */
/* Counts records by n % 7, and meets its fate where n is what it is told. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <snek/plugin.h>

struct fate {
	snek_path n;
	int64_t at;
	char how[16];
};

static int open_fate(snek_ctx *c, void **self)
{
	struct fate *f = calloc(1, sizeof(*f));
	struct snek_value v;
	int rc;

	if (!f)
		return SNEK_ENOMEM;
	*self = f;
	rc = snek_field(c, "n", &f->n);
	if (rc >= 0)
		rc = snek_arg(c, "at", &v);
	if (rc < 0)
		return rc;
	f->at = v.as.i;
	rc = snek_arg(c, "how", &v);
	if (rc >= 0 && v.len < sizeof(f->how))
		memcpy(f->how, v.as.s, v.len);
	return rc;
}

static int meet_fate(snek_ctx *c, const char *how)
{
	volatile int *volatile nowhere = NULL;
	const struct timespec long_time = { 3600, 0 };

	if (!strcmp(how, "segv"))
		*nowhere = 1;
	if (!strcmp(how, "exit"))
		exit(3);
	if (!strcmp(how, "fail"))
		return snek_fail(c, SNEK_EPLUGIN, "this is the one");
	if (!strcmp(how, "kill") && raise(SIGKILL))
		return snek_fail(c, SNEK_EPLUGIN, "it may not kill itself");
	if (!strcmp(how, "sleep"))
		nanosleep(&long_time, NULL);
	while (!strcmp(how, "spin"))
		;
	return 0;
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct fate *f = self;
	int64_t n = 0;

	snek_get_int(r, f->n, &n);
	if (n == f->at || (!strcmp(f->how, "many") && n % 100 == 50)) {
		int rc = meet_fate(c, !strcmp(f->how, "many") ? "segv" : f->how);

		if (rc < 0)
			return rc;
	}
	return snek_emit(c, snek_int(n % 7), snek_int(1));
}

static void close_fate(void *self)
{
	free(self);
}

SNEK_PLUGIN("fate", "1.0",
	SNEK_OP(.name = "fate", .summary = "count, or meet a fate",
	    .args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "at", .type = SNEK_ARG_INT, .value = "-1"),
		SNEK_ARG(.name = "how", .type = SNEK_ARG_STRING,
		    .value = "none"), NULL },
	    .reducer = "sum", .open = open_fate, .close = close_fate,
	    .map = map));
