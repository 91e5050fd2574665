/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

int cli_out_failed(const struct cli *c)
{
	if (cli_signal_caught())
		return cli_signal_exit(c, "the output is not complete");
	if (errno == EPIPE)
		return CLI_PIPE;
	return cli_error(c, SNEK_EIO, "standard output", NULL, "%s",
	    strerror(errno));
}

int cli_out_end(const struct cli *c, int code)
{
	bool failed = ferror(stdout);

	if (failed)             /* only now heard of: its errno is gone */
		errno = EIO;
	if (fflush(stdout) || failed)
		return code ? code : cli_out_failed(c);
	return code;
}

/* The length of the UTF-8 sequence at s, 0 when it is none. */
static size_t utf8(const unsigned char *s, size_t n)
{
	size_t len = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 :
	    *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
	size_t i;

	if (len > n)
		return 0;
	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

void cli_out_string(FILE *f, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i, len;

	putc('"', f);
	for (i = 0; i < n; i += len ? len : 1) {
		len = utf8(s + i, n - i);
		if (!len)
			fputs("\xef\xbf\xbd", f);
		else if (s[i] == '"' || s[i] == '\\')
			fprintf(f, "\\%c", s[i]);
		else if (s[i] < 0x20 || s[i] == 0x7f)
			fprintf(f, "\\u%04x", s[i]);
		else
			fwrite(s + i, 1, len, f);
	}
	putc('"', f);
}

void cli_out_plain(FILE *f, const char *s)
{
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch >= 0x20 && ch != 0x7f)
			putc(ch, f);
		else
			fprintf(f, ch == '\n' ? "; " : "\\x%02x", ch);
	}
}

void cli_out_begin(FILE *f, const char *kind)
{
	fprintf(f, "{\"snek\":1,\"kind\":\"%s\"", kind);
}

void cli_out_close(FILE *f)
{
	fputs("}\n", f);
}

void cli_out_text(FILE *f, const char *name, const char *text)
{
	fprintf(f, ",\"%s\":", name);
	if (text)
		cli_out_string(f, text, strlen(text));
	else
		fputs("null", f);
}

void cli_out_number(FILE *f, const char *name, uint64_t n)
{
	fprintf(f, ",\"%s\":%" PRIu64, name, n);
}

void cli_out_real(FILE *f, const char *name, double n)
{
	fprintf(f, ",\"%s\":%.6f", name, n);
}

void cli_out_bool(FILE *f, const char *name, bool yes)
{
	fprintf(f, ",\"%s\":%s", name, yes ? "true" : "false");
}

static void put_shard(FILE *f, const struct snek_shard_info *s)
{
	fprintf(f, "{\"shard\":%" PRIu32, s->shard);
	cli_out_number(f, "chunks", s->chunks);
	cli_out_number(f, "records", s->records);
	cli_out_number(f, "bytes", s->bytes);
	cli_out_text(f, "location", s->location);
	putc('}', f);
}

void cli_out_category(FILE *f, const struct snek_category_info *i)
{
	uint32_t k;

	cli_out_begin(f, "category");
	cli_out_text(f, "name", i->name);
	cli_out_number(f, "version", i->version);
	cli_out_number(f, "writes", i->writes);
	cli_out_number(f, "records", i->records);
	cli_out_number(f, "bytes", i->bytes);
	cli_out_number(f, "level", i->level);
	fputs(",\"shards\":[", f);
	for (k = 0; i->shard && k < i->shards; k++) {
		if (k)
			putc(',', f);
		put_shard(f, &i->shard[k]);
	}
	putc(']', f);
	cli_out_close(f);
}
