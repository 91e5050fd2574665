/* SPDX-License-Identifier: MIT */
/* Two tasks meet: each leaves a file in a directory and waits until two are
 * there, so a job that runs its tasks one after the other never ends well. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <snek/plugin.h>

static int open_meet(snek_ctx *c, void **self)
{
	struct snek_value dir;
	int rc = snek_arg(c, "dir", &dir);

	if (rc < 0)
		return rc;
	*self = strndup(dir.as.s, dir.len);
	return *self ? 0 : SNEK_ENOMEM;
}

static int files_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	int n = 0;

	while (d && (f = readdir(d)))
		n += f->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static int meet(snek_ctx *c, void *self, snek_chunks *chunks)
{
	const struct timespec pause = { 0, 5000000 };
	const struct snek_chunk *chunk;
	char path[4096];
	int fd, i, rc;

	snprintf(path, sizeof(path), "%s/task-%u", (char *)self,
	    snek_task_info(c)->task);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	if (fd < 0)
		return snek_fail(c, SNEK_EPLUGIN, "%s: errno %d", path, errno);
	close(fd);
	for (i = 0; i < 4000 && files_in(self) < 2; i++)
		nanosleep(&pause, NULL);
	if (files_in(self) < 2)
		return snek_fail(c, SNEK_EPLUGIN, "nobody came in 20 seconds");
	while ((rc = snek_next_chunk(c, chunks, &chunk)) == 1)
		;
	return rc < 0 ? rc : snek_emit(c, snek_null(), snek_int(1));
}

SNEK_PLUGIN("meet", "1.0",
	SNEK_OP(.name = "meet", .summary = "wait until two tasks run at once",
	    .args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "dir", .type = SNEK_ARG_STRING, .required = 1,
		    .help = "an empty directory"), NULL },
	    .reducer = "sum", .open = open_meet, .close = free,
	    .map_shard = meet));
