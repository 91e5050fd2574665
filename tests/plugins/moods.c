/* SPDX-License-Identifier: MIT */
/* Ops that do not simply work, for the tests of the commands. */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <snek/plugin.h>

struct linger {
	char early[4096], file[4096];
};

static int path_of(snek_ctx *c, const char *name, char path[4096])
{
	struct snek_value v;
	int rc = snek_arg(c, name, &v);

	if (rc < 0)
		return rc;
	if (v.len >= 4096)
		return SNEK_ELIMIT;
	memcpy(path, v.as.s, v.len);
	path[v.len] = '\0';
	return 0;
}

static void tell(const char *path)
{
	int fd = *path ? open(path, O_CREAT | O_WRONLY, 0600) : -1;

	if (fd >= 0)
		close(fd);
}

static int open_linger(snek_ctx *c, void **self)
{
	struct linger *l = calloc(1, sizeof(*l));
	int rc = l ? path_of(c, "early", l->early) : SNEK_ENOMEM;

	if (rc >= 0)
		rc = path_of(c, "file", l->file);
	if (rc < 0) {
		free(l);
		return rc;
	}
	tell(l->early);
	*self = l;
	return 0;
}

static int linger(snek_ctx *c, void *self, struct snek_record r)
{
	const struct timespec pause = { 0, 5000000 };
	struct linger *l = self;
	int i;

	(void)r;
	tell(l->file);
	for (i = 0; i < 4000 && !snek_cancelled(c); i++)
		nanosleep(&pause, NULL);
	return i < 4000 ? 0 : snek_fail(c, SNEK_EPLUGIN,
	    "nobody cancelled it in 20 seconds");
}

/* Hears nothing. */
static int stubborn(snek_ctx *c, void *self, struct snek_record r)
{
	const struct timespec pause = { 20, 0 };

	(void)c;
	(void)r;
	tell(((struct linger *)self)->file);
	nanosleep(&pause, NULL);
	return 0;
}

static int fail(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	return snek_fail(c, SNEK_EPLUGIN, "in a bad mood");
}

static int talk(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	snek_log(c, SNEK_INFO, "a whisper");
	snek_log(c, SNEK_WARN, "a \033[31mshout");
	return 0;
}

static const struct snek_arg *const files[] = {
	SNEK_ARG(.name = "early", .type = SNEK_ARG_STRING, .value = "",
	    .help = "a file to make when it is opened"),
	SNEK_ARG(.name = "file", .type = SNEK_ARG_STRING, .value = "",
	    .help = "a file to make when it waits"),
	NULL
};

SNEK_PLUGIN("moods", "1.0",
	SNEK_OP(.name = "linger", .summary = "wait to be cancelled",
	    .args = files, .open = open_linger, .close = free, .map = linger),
	SNEK_OP(.name = "stubborn", .summary = "wait", .args = files,
	    .open = open_linger, .close = free, .map = stubborn),
	SNEK_OP(.name = "fail", .summary = "fail", .map = fail),
	SNEK_OP(.name = "talk", .summary = "log", .map = talk));
