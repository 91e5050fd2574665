/* SPDX-License-Identifier: MIT */
/*
 * A column file is chunks of 256 KiB, the last bytes of each unused:
 *
 *   rows                     uint32_t
 *   offset of each ends      uint32_t, one a field
 *   offset of each values    uint32_t, one a field
 *   then for each field      ends: uint32_t, one a row
 *                            values: bytes of strings, 8 bytes of numbers,
 *                            nothing where the field is absent
 */
#include "yard_file.h"
#include "value/input.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS (YARD_CHUNK / (4 * YARD_FIELDS))

static const char *const names[YARD_FIELDS] = {
	"package", "version", "installed_size", "maintainer", "architecture",
	"depends", "description", "section", "priority", "size", "homepage",
	"tag",
};

struct column {
	uint32_t end[ROWS];
	uint32_t n;             /* bytes of values */
	char values[YARD_CHUNK];
};

struct maker {
	FILE *out;
	uint32_t rows, used;
	struct column column[YARD_FIELDS];
	char chunk[YARD_CHUNK];
};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void flush(struct maker *m)
{
	struct yard_head *h = (void *)m->chunk;
	uint32_t at = sizeof(*h);

	if (!m->rows)
		return;
	memset(m->chunk, 0, sizeof(m->chunk));
	h->rows = m->rows;
	for (int k = 0; k < YARD_FIELDS; k++) {
		struct column *c = &m->column[k];

		h->ends[k] = at;
		memcpy(m->chunk + at, c->end, 4 * m->rows);
		h->values[k] = at += 4 * m->rows;
		memcpy(m->chunk + at, c->values, c->n);
		at = (at + c->n + 3) & ~3u;
		c->n = 0;
	}
	if (fwrite(m->chunk, sizeof(m->chunk), 1, m->out) != 1)
		die("column file");
	m->rows = m->used = 0;
}

static int field_of(const struct sk_member *f)
{
	for (int k = 0; k < YARD_FIELDS; k++)
		if (f->name_len == strlen(names[k]) &&
		    !memcmp(f->name, names[k], f->name_len))
			return k;
	return -1;
}

static uint32_t size_of(struct snek_value v)
{
	return v.type == SNEK_STRING ? v.len : v.type == SNEK_INT ? 8 : 0;
}

static void add(struct maker *m, const struct sk_record *r)
{
	/* A head, the ends, and up to 3 bytes after each field's values. */
	const uint32_t room = YARD_CHUNK - sizeof(struct yard_head) -
	    3 * YARD_FIELDS;
	uint32_t n = 4 * YARD_FIELDS, i;

	for (i = 0; i < r->n; i++)
		n += size_of(r->member[i].value);
	if (m->used + n > room || m->rows == ROWS)
		flush(m);
	if (n > room) {
		fprintf(stderr, "yard: a record of %u bytes\n", n);
		exit(1);
	}
	m->used += n;
	for (i = 0; i < r->n; i++) {
		struct snek_value v = r->member[i].value;
		int k = field_of(&r->member[i]);
		struct column *c = &m->column[k < 0 ? 0 : k];

		if (k < 0 || !r->object || (!size_of(v) && v.type != SNEK_STRING)) {
			fprintf(stderr, "yard: this is no package\n");
			exit(1);
		}
		memcpy(c->values + c->n, v.type == SNEK_STRING ? v.as.s :
		    (const char *)&v.as.i, size_of(v));
		c->n += size_of(v);
	}
	for (int k = 0; k < YARD_FIELDS; k++)
		m->column[k].end[m->rows] = m->column[k].n;
	m->rows++;
}

void yard_file_make(const char *json, const char *path)
{
	struct sk_input_options options = {0};
	struct maker *m = calloc(1, sizeof(*m));
	struct snek_error e = {0};
	struct sk_record record;
	struct sk_span text;
	sk_input *in;
	bool again;
	int fd = open(json, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0 || !m || !(m->out = fopen(path, "we")))
		die(json);
	rc = sk_input_open(fd, json, SNEK_JSONL, &options, &in, &e);
	while (rc >= 0 && (rc = sk_input_next(in, &record, &text, &again, &e)) > 0)
		add(m, &record);
	if (rc < 0) {
		fprintf(stderr, "yard: %s\n", e.text);
		exit(1);
	}
	flush(m);
	if (fclose(m->out))
		die(path);
	sk_input_close(in);
	close(fd);
	free(m);
}

struct yard_file yard_file_map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct yard_file f = {0};
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(path);
	f.p = p;
	f.chunks = (size_t)st.st_size / YARD_CHUNK;
	close(fd);
	return f;
}
