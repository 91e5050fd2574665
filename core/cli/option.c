/* SPDX-License-Identifier: MIT */
/* One table drives getopt_long, --help, completions and the check of pages. */
#include "cli/cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS = 64, FIRST = 256 };

const struct cli_option cli_option_of_help = {
	"help", 'h', CLI_FLAG, CLI_AT(cli, help), NULL, "show this help"
};

struct parser {
	const struct cli_option *table[OPTIONS];
	struct option longs[OPTIONS + 1];
	char shorts[2 * OPTIONS + 2];
	size_t n;
};

static void parser_add(struct parser *p, const struct cli_option *o)
{
	size_t at = strlen(p->shorts);
	int arg = o->kind == CLI_FLAG ? no_argument :
	    o->kind == CLI_MAYBE_SECONDS ? optional_argument :
	    required_argument;

	if (p->n == OPTIONS)
		return;
	p->longs[p->n] = (struct option){ .name = o->name, .has_arg = arg,
	    .val = FIRST + (int)p->n };
	if (o->letter) {
		p->shorts[at++] = o->letter;
		if (arg)
			p->shorts[at] = ':';
	}
	p->table[p->n++] = o;
}

static void parser_set_up(struct parser *p, const struct cli_option *o)
{
	memset(p, 0, sizeof(*p));
	p->shorts[0] = ':';     /* tell "unknown" from "argument missing" */
	for (; o->name; o++)
		parser_add(p, o);
	parser_add(p, &cli_option_of_help);
}

static const struct cli_option *parser_find(const struct parser *p, int val)
{
	size_t i;

	if (val >= FIRST && (size_t)(val - FIRST) < p->n)
		return p->table[val - FIRST];
	for (i = 0; i < p->n; i++)
		if (p->table[i]->letter && p->table[i]->letter == val)
			return p->table[i];
	return NULL;
}

static int unknown(const struct cli *c, const struct parser *p, const char *word)
{
	size_t len = strcspn(word, "="), i;
	char name[64];
	struct cli_guess g = { .word = name };

	if (strncmp(word, "--", 2) != 0)
		return cli_error_usage(c, "unknown option -%c", optopt);
	snprintf(name, sizeof(name), "%.*s", (int)(len - 2), word + 2);
	for (i = 0; i < p->n; i++)
		cli_guess_offer(&g, p->table[i]->name,
		    strlen(p->table[i]->name));
	if (g.best)
		return cli_error_usage(c, "unknown option --%s, "
		    "did you mean --%s?", name, g.best);
	for (i = 0; i < p->n; i++)
		if (strncmp(p->table[i]->name, name, strlen(name)) == 0)
			return cli_error_usage(c, "--%s may be short for "
			    "several options", name);
	return cli_error_usage(c, "unknown option --%s", name);
}

static int choose(const struct cli *c, const struct cli_option *o,
    const char *text)
{
	struct cli_guess g = { .word = text };
	const char *p = o->arg;
	size_t n;

	for (;; p += n + 1) {
		n = strcspn(p, "|");
		if (strlen(text) == n && memcmp(text, p, n) == 0)
			return CLI_GO;
		cli_guess_offer(&g, p, n);
		if (!p[n])
			break;
	}
	if (g.best)
		return cli_error_usage(c, "--%s %s: did you mean %.*s?",
		    o->name, text, (int)strcspn(g.best, "|"), g.best);
	return cli_error_usage(c, "--%s %s: there %s %s", o->name, text,
	    strchr(o->arg, '|') ? "are" : "is only", o->arg);
}

static bool is_number(const char *s, bool fraction)
{
	size_t n = strspn(s, "0123456789");

	if (fraction && s[n] == '.' && n)
		n += 1 + strspn(s + n + 1, "0123456789");
	return n && n < 20 && !s[n];
}

static int list_add(const struct cli *c, struct cli_list *l, const char *text)
{
	const char **v = realloc(l->v, (l->n + 1) * sizeof(*v));

	if (!v)
		return cli_error(c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	v[l->n++] = text;
	l->v = v;
	return CLI_GO;
}

static int put(struct cli *c, const struct cli_option *o, const char *text)
{
	void *to = (char *)c + o->at;

	switch (o->kind) {
	case CLI_FLAG:
		*(bool *)to = true;
		return CLI_GO;
	case CLI_LIST:
		return list_add(c, to, text);
	case CLI_SIZE:
		if (!cli_number_size(text, to))
			return cli_error_usage(c, "--%s %s: not a size; "
			    "say 65536, 64K or 1M", o->name, text);
		return CLI_GO;
	case CLI_CHOICE:
		*(const char **)to = text;
		return choose(c, o, text);
	case CLI_COUNT:
		if (!is_number(text, false))
			return cli_error_usage(c, "--%s %s: not a whole number",
			    o->name, text);
		break;
	case CLI_MAYBE_SECONDS:
		if (!text) {
			text = "";
			break;
		}
		/* fallthrough */
	case CLI_SECONDS:
		if (!is_number(text, true))
			return cli_error_usage(c, "--%s %s: not a number of "
			    "seconds", o->name, text);
		break;
	case CLI_TEXT:
		break;
	}
	*(const char **)to = text;
	return CLI_GO;
}

static int take(struct cli *c, const struct parser *p, int val, char **argv)
{
	const struct cli_option *o;

	if (val == ':') {
		o = parser_find(p, optopt);
		return cli_error_usage(c, "--%s wants %s", o->name, o->arg);
	}
	if (val != '?')
		return put(c, parser_find(p, val), optarg);
	if (optopt >= FIRST)
		return cli_error_usage(c, "--%s takes no argument",
		    parser_find(p, optopt)->name);
	return unknown(c, p, argv[optind - 1]);
}

/* Even a mistake before --json is told in JSON. */
static bool wants_json(const struct cli_command *cmd, int argc, char **argv)
{
	const struct cli_option *o = cmd->options;
	int i;

	while (o->name && strcmp(o->name, "json") != 0)
		o++;
	for (i = 1; o->name && i < argc && strcmp(argv[i], "--"); i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

static int count_check(const struct cli *c, int n, char **argv)
{
	const struct cli_command *cmd = c->command;

	if (n < cmd->min)
		return cli_error_usage(c, "%s: give %s", n ? "too little" :
		    "nothing to go on", cmd->args);
	if (cmd->max >= 0 && n > cmd->max)
		return cli_error_usage(c, "%s: one argument too many",
		    argv[cmd->max]);
	return CLI_GO;
}

int cli_option_parse(struct cli *c, int *argc, char ***argv)
{
	struct parser p;
	int val, rc;

	parser_set_up(&p, c->command->options);
	c->json = wants_json(c->command, *argc, *argv);
	optind = 0;             /* glibc: begin anew */
	opterr = 0;
	while ((val = getopt_long(*argc, *argv, p.shorts, p.longs, NULL)) != -1)
		if ((rc = take(c, &p, val, *argv)) != CLI_GO)
			return rc;
	if (c->help) {
		cli_option_help(c->command, stdout);
		return cli_out_end(c, CLI_OK);
	}
	*argc -= optind;
	*argv += optind;
	return count_check(c, *argc, *argv);
}

uint64_t cli_option_count(const char *text, uint64_t otherwise)
{
	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void help_option(const struct cli_option *o, FILE *f)
{
	bool maybe = o->kind == CLI_MAYBE_SECONDS;
	int n;

	n = fprintf(f, o->letter ? "  -%c, " : "      ", o->letter);
	n += fprintf(f, "--%s%s%s%s", o->name, maybe ? "[=" : o->arg ? " " : "",
	    o->arg ? o->arg : "", maybe ? "]" : "");
	if (n > 28)
		fprintf(f, "\n%28s", "");
	else
		fprintf(f, "%*s", 28 - n, "");
	fprintf(f, "  %s\n", o->help);
}

void cli_option_help(const struct cli_command *cmd, FILE *f)
{
	const char *space = cmd->name ? " " : "", *dash = cmd->name ? "-" : "";
	const char *name = cmd->name ? cmd->name : "";
	const struct cli_option *o;

	fprintf(f, "usage: %s%s%s [OPTION...]%s%s\n\n%s.\n", cmd->program,
	    space, name, *cmd->args ? " " : "", cmd->args, cmd->summary);
	if (cmd->more)
		fprintf(f, "%s\n", cmd->more);
	putc('\n', f);
	for (o = cmd->options; o->name; o++)
		help_option(o, f);
	help_option(&cli_option_of_help, f);
	fprintf(f, "\nManual: man %s%s%s\n", cmd->program, dash, name);
}
