/* SPDX-License-Identifier: MIT */
/* A plugin that is built twice: it emits which of the two it is, once a file
 * is there. */
#include <time.h>
#include <unistd.h>
#include <snek/plugin.h>

static int open_again(snek_ctx *c, void **self)
{
	struct snek_value file;
	int rc = snek_arg(c, "file", &file);
	char *path = snek_alloc(c, file.len + 1);

	if (rc < 0 || !path)
		return rc < 0 ? rc : SNEK_ENOMEM;
	memcpy(path, file.as.s, file.len);
	path[file.len] = '\0';
	*self = path;
	return 0;
}

static int which(snek_ctx *c, void *self, struct snek_record r)
{
	const struct timespec t = { 0, 1000000 };

	(void)r;
	while (access(self, F_OK) && !snek_cancelled(c))
		nanosleep(&t, NULL);
	return snek_emit(c, snek_null(), snek_int(BUILD));
}

static const struct snek_arg *const args[] = {
	SNEK_ARG(.name = "file", .value = "/", .help = "waited for"), NULL
};

SNEK_PLUGIN("again", "1.0",
	SNEK_OP(.name = "which", .open = open_again, .map = which, .args = args),
#if BUILD == 2
	SNEK_OP(.name = "fresh", .open = open_again, .map = which, .args = args)
#else
	SNEK_OP(.name = "stale", .open = open_again, .map = which, .args = args)
#endif
	);
