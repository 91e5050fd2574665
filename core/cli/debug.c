/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXTRA = 8 };             /* words that come on top of the user's */

/* Also when it was cut short, as getopt_long allows. */
static bool asks_for(const char *word, const char *tool)
{
	return strncmp(word, "--", 2) == 0 && word[2] &&
	    strncmp(tool, word + 2, strlen(word + 2)) == 0;
}

/* The path of this very program: it may be one that is not installed. */
static char *own_path(void)
{
	char *path = realpath("/proc/self/exe", NULL);

	return path ? path : strdup("snek");
}

static void fill(char **to, const char *tool, char *self, char **all)
{
	bool ended = false, gone = false;

	*to++ = (char *)tool;
	if (strcmp(tool, "gdb") == 0) {
		*to++ = (char *)"--args";
	} else {
		*to++ = (char *)"--leak-check=full";
		*to++ = (char *)"--error-exitcode=7";
	}
	*to++ = self;
	*to++ = *all++;                 /* "run" */
	*to++ = (char *)"--on";
	*to++ = (char *)"threads";
	for (; *all; all++) {
		ended = ended || strcmp(*all, "--") == 0;
		if (!ended && !gone && asks_for(*all, tool))
			gone = true;
		else
			*to++ = *all;
	}
	*to = NULL;
}

int cli_debug(const struct cli *c, const char *tool, char **all)
{
	size_t n = 0;
	char **argv, *self;
	int rc;

	while (all[n])
		n++;
	argv = calloc(n + EXTRA, sizeof(*argv));
	self = own_path();
	if (!argv || !self) {
		rc = cli_error(c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	} else {
		fill(argv, tool, self, all);
		execvp(tool, argv);
		if (errno == ENOENT)
			rc = cli_error(c, SNEK_ENOENT, tool, tool[0] == 'g' ?
			    "apt-get install gdb" : "apt-get install valgrind",
			    "is not installed");
		else
			rc = cli_error_file(c, tool);
	}
	free(self);
	free(argv);
	return rc;
}
