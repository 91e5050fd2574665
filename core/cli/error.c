/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* With what a code exits. */
static const struct fate {
	int code, exit;
} fates[] = {
	{ SNEK_EINVAL, CLI_USAGE },
	{ SNEK_ENOMEM, CLI_FAILED },
	{ SNEK_ENOENT, CLI_NOT_FOUND },
	{ SNEK_EEXIST, CLI_FAILED },
	{ SNEK_ETYPE, CLI_FAILED },
	{ SNEK_EFORMAT, CLI_FAILED },
	{ SNEK_EABI, CLI_PLUGIN },
	{ SNEK_EIO, CLI_FAILED },
	{ SNEK_EACCES, CLI_DENIED },
	{ SNEK_EAGAIN, CLI_TEMPORARY },
	{ SNEK_ETIMEDOUT, CLI_LIMIT },
	{ SNEK_ECANCELED, CLI_INTERRUPTED },
	{ SNEK_ELIMIT, CLI_LIMIT },
	{ SNEK_EPLUGIN, CLI_PLUGIN },
	{ SNEK_ECORRUPT, CLI_CORRUPT },
	{ SNEK_EVERSION, CLI_CORRUPT },
	{ SNEK_EUNKNOWN, CLI_TEMPORARY },
	{ SNEK_ECONFLICT, CLI_FAILED },
	{ SNEK_EINTERNAL, CLI_FAILED },
};

int cli_error_exit(int code)
{
	size_t i;

	for (i = 0; i < sizeof(fates) / sizeof(*fates); i++)
		if (fates[i].code == code)
			return fates[i].exit;
	return CLI_FAILED;
}

const char *cli_error_name(int code)
{
	return snek_error_name(code);
}

static void put_line(const struct cli *c, const char *subject,
    const char *text, const char *cure)
{
	fprintf(stderr, "%s: ", c->command->program);
	if (subject && *subject) {
		cli_out_plain(stderr, subject);
		fputs(": ", stderr);
	}
	cli_out_plain(stderr, text);
	if (cure) {
		fputs("; ", stderr);
		cli_out_plain(stderr, cure);
	}
	putc('\n', stderr);
}

static void put_json(int code, const char *subject, const char *text,
    const char *cure)
{
	cli_out_begin(stderr, "error");
	cli_out_text(stderr, "code", cli_error_name(code));
	cli_out_number(stderr, "exit", (uint64_t)cli_error_exit(code));
	if (subject)
		cli_out_text(stderr, "subject", subject);
	cli_out_text(stderr, "message", text);
	if (cure)
		cli_out_text(stderr, "hint", cure);
	cli_out_close(stderr);
}

static int report(const struct cli *c, int code, const char *subject,
    const char *text, const char *cure)
{
	char *shown = subject ? cli_hide(subject) : NULL;
	char *said = cli_hide_text(text);

	text = said ? said : "out of memory";
	/* The library names most subjects itself. */
	if (c->json)
		put_json(code, shown, text, cure);
	else
		put_line(c, shown && strstr(text, shown) ? NULL : shown, text, cure);
	free(said);
	free(shown);
	return cli_error_exit(code);
}

int cli_error(const struct cli *c, int code, const char *subject,
    const char *cure, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return report(c, code, subject, text, cure);
}

int cli_error_of(const struct cli *c, int code, const struct snek_error *e,
    const char *subject, const char *cure)
{
	const char *text = e->code && *e->text ? e->text : snek_strerror(code);

	/* What the library advises is nearer to the matter. */
	return report(c, code, subject, text, strstr(text, "; ") ? NULL : cure);
}

int cli_error_file(const struct cli *c, const char *file)
{
	int sys = errno, code = SNEK_EIO;

	if (sys == ENOENT || sys == ENOTDIR)
		code = SNEK_ENOENT;
	else if (sys == EACCES || sys == EPERM || sys == EROFS)
		code = SNEK_EACCES;
	return cli_error(c, code, file, NULL, "%s", strerror(sys));
}

int cli_error_usage(const struct cli *c, const char *fmt, ...)
{
	const struct cli_command *cmd = c->command;
	char text[1024], cure[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(cure, sizeof(cure), "%s%s%s --help", cmd->program,
	    cmd->name ? " " : "", cmd->name ? cmd->name : "");
	return report(c, SNEK_EINVAL, NULL, text, cure);
}

void cli_error_say(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	putc('\n', stderr);
}
