/* SPDX-License-Identifier: MIT */
/* What a process with a plugin in it has that it should not: sockets, and in
 * its memory a word that only those who read shards may know. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <snek/plugin.h>

static int open_look(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));

	*self = p;
	return p ? snek_field(c, "n", p) : SNEK_ENOMEM;
}

static int is_first(const snek_path *p, struct snek_record r)
{
	struct snek_value v = snek_get(r, *p);

	return v.type == SNEK_INT && !v.as.i;
}

static int sockets(snek_ctx *c, void *self, struct snek_record r)
{
	struct stat st;
	int fd;

	if (!is_first(self, r))
		return SNEK_SKIP;
	for (fd = 0; fd < 4096; fd++)
		if (!fstat(fd, &st) && S_ISSOCK(st.st_mode) &&
		    snek_emit(c, snek_null(), snek_int(fd)) < 0)
			return SNEK_EPLUGIN;
	return 0;
}

/* The word, put together where it is compared: it is in no memory of ours. */
static int is_word(const char *p)
{
	return !memcmp(p, "the te", 6) && !memcmp(p + 6, "st's pass", 9);
}

static int count_in(char *from, const char *to)
{
	const char *p = from;
	int n = 0;

	while ((p = memchr(p, 't', (size_t)(to - p))) && to - p > 16)
		n += is_word(p++);
	return n;
}

static int secrets(snek_ctx *c, void *self, struct snek_record r)
{
	FILE *f;
	char line[512], *from, *to;
	int n = 0, maps = 0;

	if (!is_first(self, r))
		return SNEK_SKIP;
	f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%p-%p rw-p", (void **)&from, (void **)&to) == 2
		    && strstr(line, " rw-p ")) {
			n += count_in(from, to);
			maps++;
		}
	if (f)
		fclose(f);
	if (!maps)
		return snek_fail(c, SNEK_EPLUGIN, "cannot look");
	return snek_emit(c, snek_null(), snek_int(n));
}

SNEK_PLUGIN("look", "1.0",
	SNEK_OP(.name = "sockets", .summary = "descriptors that are sockets",
	    .open = open_look, .map = sockets),
	SNEK_OP(.name = "secrets", .summary = "how often the word is in memory",
	    .open = open_look, .map = secrets));
