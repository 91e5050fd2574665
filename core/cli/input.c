/* SPDX-License-Identifier: MIT */
/* The files that a command reads, one after the other. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum snek_format cli_input_format(const char *name)
{
	if (!name)
		return SNEK_AUTO;
	switch (*name) {
	case 'a': return SNEK_JSON_ARRAY;
	case 'v': return SNEK_JSON_VALUE;
	case 't': return SNEK_TEXT;
	default:  return SNEK_JSONL;
	}
}

static int add(const struct cli *c, struct cli_input *in, const char *name)
{
	char **v = realloc(in->v, (in->n + 1) * sizeof(*v));

	if (v) {
		in->v = v;
		v[in->n] = strdup(name);
	}
	if (!v || !v[in->n])
		return cli_error(c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	in->n++;
	return 0;
}

static int check(const struct cli *c, const char *name)
{
	struct stat st;

	if (stat(name, &st) < 0)
		return cli_error_file(c, name);
	if (S_ISDIR(st.st_mode))
		return cli_error(c, SNEK_EINVAL, name, "name its files",
		    "is a directory");
	return access(name, R_OK) < 0 ? cli_error_file(c, name) : 0;
}

static int add_file(const struct cli *c, struct cli_input *in, const char *name)
{
	int rc = check(c, name);

	return rc ? rc : add(c, in, name);
}

static int add_glob(const struct cli *c, struct cli_input *in, const char *name)
{
	glob_t g;
	size_t i;
	int rc = glob(name, 0, NULL, &g);

	if (rc == GLOB_NOMATCH)
		return cli_error(c, SNEK_ENOENT, name, NULL, "no file matches");
	if (rc)
		return cli_error(c, SNEK_EIO, name, NULL, "cannot expand it");
	for (i = 0; i < g.gl_pathc && !rc; i++)
		rc = add_file(c, in, g.gl_pathv[i]);
	globfree(&g);
	return rc;
}

static int add_stdin(const struct cli *c, struct cli_input *in)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		if (strcmp(in->v[i], "-") == 0)
			return cli_error_usage(c, "standard input can be "
			    "read only once");
	return add(c, in, "-");
}

static int add_name(const struct cli *c, struct cli_input *in, const char *name)
{
	struct stat st;

	if (strcmp(name, "-") == 0)
		return add_stdin(c, in);
	if (strpbrk(name, "*?[") && lstat(name, &st) < 0)
		return add_glob(c, in, name);
	return add_file(c, in, name);
}

int cli_input_expand(const struct cli *c, struct cli_input *in,
    const char *const *names, size_t n)
{
	size_t i;
	int rc = 0;

	memset(in, 0, sizeof(*in));
	if (n == 0 && isatty(STDIN_FILENO))
		return cli_error_usage(c, "no input: name a file, or pipe "
		    "records in");
	if (n == 0)
		return add(c, in, "-");
	for (i = 0; i < n && !rc; i++)
		rc = add_name(c, in, names[i]);
	return rc;
}

void cli_input_free(struct cli_input *in)
{
	while (in->n)
		free(in->v[--in->n]);
	free(in->v);
}

/* It says a line: one record is bad, and not all of the file. */
static bool is_of_record(const char *name, const struct snek_error *e)
{
	size_t n = strlen(name);

	return !strncmp(e->text, name, n) && e->text[n] == ':' &&
	    e->text[n + 1] >= '0' && e->text[n + 1] <= '9';
}

static const char *cure_of(int code, const char *name,
    const struct snek_error *e, const char *otherwise)
{
	if (code == SNEK_ELIMIT && strstr(e->text, "a record of more than"))
		return "--max-record allows more";
	if (code == SNEK_EFORMAT && strstr(e->text, ": duplicate member "))
		return "--duplicates last takes the last";
	return (code == SNEK_EFORMAT || code == SNEK_ELIMIT) &&
	    is_of_record(name, e) ? otherwise : NULL;
}

static int each(const struct cli *c, const char *file, const char *cure,
    int (*read)(void *, int, const char *, struct snek_error *), void *arg)
{
	struct snek_error e = { 0 };
	bool is_stdin = strcmp(file, "-") == 0;
	const char *name = is_stdin ? "stdin" : file;
	int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return cli_error_file(c, file);
	cli_signal_watch(NULL, fd);
	rc = read(arg, fd, name, &e);
	cli_signal_watch(NULL, -1);
	if (!is_stdin)
		close(fd);
	if (rc >= 0 || cli_signal_caught())
		return 0;
	return cli_error_of(c, rc, &e, name, cure_of(rc, name, &e, cure));
}

int cli_input_each(const struct cli *c, struct cli_input *in, const char *cure,
    int (*read)(void *, int, const char *, struct snek_error *), void *arg)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < in->n && !rc && !cli_signal_caught(); i++)
		rc = each(c, in->v[i], cure, read, arg);
	return rc;
}
