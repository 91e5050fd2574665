/* SPDX-License-Identifier: MIT */
/* Ops that do not simply work, for the tests of the commands: linger waits to
 * be cancelled, fail fails, talk logs. */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <snek/plugin.h>

/* Where to tell that it has begun. */
static int open_file(snek_ctx *c, void **self)
{
	struct snek_value file;
	char path[4096];
	int fd, rc = snek_arg(c, "file", &file);

	(void)self;
	if (rc < 0)
		return rc;
	if (file.len >= sizeof(path))
		return SNEK_ELIMIT;
	memcpy(path, file.as.s, file.len);
	path[file.len] = '\0';
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	if (fd >= 0)
		close(fd);
	return 0;
}

static int linger(snek_ctx *c, void *self, struct snek_record r)
{
	const struct timespec pause = { 0, 5000000 };
	int i;

	(void)self;
	(void)r;
	for (i = 0; i < 4000 && !snek_cancelled(c); i++)
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

SNEK_PLUGIN("moods", "1.0",
	SNEK_OP(.name = "linger", .summary = "wait to be cancelled",
	    .args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "file", .type = SNEK_ARG_STRING, .required = 1,
		    .help = "made when it begins"), NULL },
	    .open = open_file, .map = linger),
	SNEK_OP(.name = "fail", .summary = "fail", .map = fail),
	SNEK_OP(.name = "talk", .summary = "log", .map = talk));
