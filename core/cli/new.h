/* SPDX-License-Identifier: MIT */
/* new.h - the files of a new project, made from sdk/template at build time. */
#ifndef CLI_NEW_H
#define CLI_NEW_H

struct new_file {
	const char *path, *text;        /* both with @name@ in them */
};
/* Ends with a NULL path. */
extern const struct new_file cli_new_files[];
#endif
