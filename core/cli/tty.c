/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

bool cli_tty_is_fancy(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool cli_tty_has_colour(int fd)
{
	const char *no = getenv("NO_COLOR");

	return cli_tty_is_fancy(fd) && !(no && *no);
}

bool cli_tty_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

size_t cli_tty_width(int fd)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) < 0 || w.ws_col < 20)
		return 80;
	return w.ws_col;
}

/* The bytes of the next character and the columns that it takes. */
static size_t step(const char *s, size_t n, mbstate_t *state, size_t *columns)
{
	wchar_t wc;
	size_t len;
	int width;

	if (*s >= ' ' && *s <= '~') {
		*columns = 1;
		return 1;
	}
	len = mbrtowc(&wc, s, n, state);
	if (len == 0 || len > n) {      /* no character: a byte of its own */
		memset(state, 0, sizeof(*state));
		*columns = 1;
		return 1;
	}
	width = wcwidth(wc);
	*columns = width < 0 ? 1 : (size_t)width;
	return len;
}

size_t cli_tty_cut(const char *text, size_t most)
{
	size_t n = strlen(text), at = 0, used = 0, columns, len;
	mbstate_t state = { 0 };

	while (at < n) {
		len = step(text + at, n - at, &state, &columns);
		if (used + columns > most)
			break;
		used += columns;
		at += len;
	}
	return at;
}

size_t cli_tty_columns(const char *text)
{
	size_t n = strlen(text), at = 0, used = 0, columns;
	mbstate_t state = { 0 };

	while (at < n) {
		at += step(text + at, n - at, &state, &columns);
		used += columns;
	}
	return used;
}

int cli_tty_ask(const char *question)
{
	char *line = NULL;
	size_t size = 0;
	int yes;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return -1;
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	yes = getline(&line, &size, stdin) > 0 &&
	    (line[0] == 'y' || line[0] == 'Y');
	free(line);
	return yes;
}
