/* SPDX-License-Identifier: MIT */
#include "cli/new.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MOST = 64 };        /* of an op */
#define MARK "@name@"

struct new {
	struct cli c;
	const char *name;
};

static const struct cli_option options[] = {
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	{ 0 }
};

/* It names a directory, a plugin, an op and a struct in C. */
static int check_name(const struct new *n)
{
	static const char *const words[] = { "auto", "break", "case", "char",
	    "const", "continue", "default", "do", "double", "else", "enum",
	    "extern", "float", "for", "goto", "if", "inline", "int", "long",
	    "register", "restrict", "return", "short", "signed", "sizeof",
	    "static", "struct", "switch", "typedef", "union", "unsigned",
	    "void", "volatile", "while", "asm", "typeof" };
	size_t len = strspn(n->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), i;

	if (n->name[len] || len == 0 || len > NAME_MOST || *n->name < 'a')
		return cli_error_usage(&n->c, "%s: a name is [a-z][a-z0-9_]*, at "
		    "most %d of them", n->name, NAME_MOST);
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(n->name, words[i]) == 0)
			return cli_error_usage(&n->c, "%s: is a word of C's",
			    n->name);
	return 0;
}

static void put(FILE *f, const char *text, const char *name)
{
	const char *mark;

	for (; (mark = strstr(text, MARK)); text = mark + strlen(MARK))
		fprintf(f, "%.*s%s", (int)(mark - text), text, name);
	fputs(text, f);
}

/* A path below the new directory; to be freed. */
static char *path_of(const struct new *n, const char *path)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	fprintf(f, "%s/", n->name);
	put(f, path, n->name);
	if (fclose(f)) {
		free(out);
		return NULL;
	}
	return out;
}

/* Never over a file that is there. */
static int write_text(const struct new *n, const char *path, const char *text)
{
	FILE *f = fopen(path, "wxe");
	bool ok;

	if (!f)
		return cli_error_file(&n->c, path);
	put(f, text, n->name);
	ok = !ferror(f);
	if (fclose(f) || !ok)
		return cli_error_file(&n->c, path);
	return 0;
}

static int write_file(const struct new *n, const struct new_file *file)
{
	char *path = path_of(n, file->path);
	int rc;

	if (!path)
		return cli_error(&n->c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	rc = write_text(n, path, file->text);
	free(path);
	return rc;
}

static int make_directory(const struct new *n, const char *path)
{
	if (mkdir(path, 0777) == 0)
		return 0;
	if (errno == EEXIST)
		return cli_error(&n->c, SNEK_EEXIST, path, "choose another name, "
		    "or remove it", "is there already");
	return cli_error_file(&n->c, path);
}

static int make(const struct new *n)
{
	const struct new_file *f;
	char *tests = path_of(n, "tests");
	int rc;

	if (!tests)
		return cli_error(&n->c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	rc = make_directory(n, n->name);
	if (!rc)
		rc = make_directory(n, tests);
	for (f = cli_new_files; !rc && f->path; f++)
		rc = write_file(n, f);
	free(tests);
	return rc;
}

static void report(const struct new *n)
{
	if (!n->c.json) {
		cli_error_say(&n->c, "made %s/; next: cd %s && make check",
		    n->name, n->name);
		return;
	}
	cli_out_begin(stdout, "made");
	cli_out_text(stdout, "name", n->name);
	cli_out_close(stdout);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct new n = { .c.command = cmd };
	int rc = cli_option_parse(&n.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	n.name = argv[0];
	rc = check_name(&n);
	if (!rc)
		rc = make(&n);
	if (!rc)
		report(&n);
	return cli_out_end(&n.c, rc);
}

const struct cli_command cli_new = {
	"snek", "new", "NAME",
	"Start a plugin: a directory with source, Makefile and tests", NULL,
	1, 1, options, run
};
