/* SPDX-License-Identifier: MIT */
/*
 * yard.c - how fast it could go: each query of bench/README.md with nothing
 * between the mapped columns and the answer.
 *
 *   yard make JSONL COLUMNS               a column file
 *   yard wordcount COLUMNS THREADS MODULE  words of description
 *   yard group COLUMNS THREADS            records and installed_size a section
 *   yard grep COLUMNS THREADS             packages described as "scientific"
 *   yard count COLUMNS THREADS            how often each package
 *   yard parse JSONL                      the fast parser and nothing else
 *   yard lcs JSONL THREADS                all pairs of texts
 *
 * Answers are lines of tab separated fields, in no order.
 */
#include "value/input.h"
#include "yard_count.h"
#include "yard_file.h"
#include "yard_lcs.h"
#include "yard_table.h"
#include "yard_words.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define THREADS 64

struct worker {
	struct work *work;
	struct yard_table table;
	const struct yard_head **hit;   /* pairs in hit and row */
	uint32_t *row;
	size_t hits, cap;
};

struct work {
	struct yard_file file;
	void (*chunk)(struct worker *, const struct yard_head *);
	yard_map *map;
	atomic_size_t next;
	unsigned threads;
	struct worker worker[THREADS];
};

static _Noreturn void die(const char *why)
{
	fprintf(stderr, "yard: %s\n", why);
	exit(1);
}

/* ---- the operations, on one chunk ---- */

static void emit(void *table, const char *key, uint32_t n, int64_t value)
{
	yard_table_add(table, key, n, value, 0);
}

static void wordcount(struct worker *w, const struct yard_head *h)
{
	const uint32_t *end = yard_ends(h, YARD_DESCRIPTION);
	const char *text = yard_values(h, YARD_DESCRIPTION);
	yard_map *map = w->work->map;
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->rows; at = end[i++])
		map(text + at, end[i] - at, emit, &w->table);
}

static void group(struct worker *w, const struct yard_head *h)
{
	const uint32_t *end = yard_ends(h, YARD_SECTION);
	const uint32_t *size_end = yard_ends(h, YARD_INSTALLED_SIZE);
	const char *text = yard_values(h, YARD_SECTION);
	const char *size = yard_values(h, YARD_INSTALLED_SIZE);
	uint32_t at = 0, size_at = 0;
	int64_t n;

	for (uint32_t i = 0; i < h->rows; i++) {
		n = 0;
		if (size_end[i] > size_at)
			memcpy(&n, size + size_at, sizeof(n));
		yard_table_add(&w->table, text + at, end[i] - at, 1, n);
		at = end[i];
		size_at = size_end[i];
	}
}

static void keep(struct worker *w, const struct yard_head *h, uint32_t row)
{
	if (w->hits == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 1024;
		w->hit = realloc(w->hit, w->cap * sizeof(*w->hit));
		w->row = realloc(w->row, w->cap * sizeof(*w->row));
		if (!w->hit || !w->row)
			die("out of memory");
	}
	w->hit[w->hits] = h;
	w->row[w->hits++] = row;
}

static void grep(struct worker *w, const struct yard_head *h)
{
	const uint32_t *end = yard_ends(h, YARD_DESCRIPTION);
	const char *text = yard_values(h, YARD_DESCRIPTION);
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->rows; at = end[i++])
		if (memmem(text + at, end[i] - at, "scientific", 10))
			keep(w, h, i);
}

/* ---- all chunks, on all threads ---- */

static void *work(void *arg)
{
	struct worker *w = arg;
	struct work *all = w->work;
	size_t i;

	yard_table_init(&w->table);
	while ((i = atomic_fetch_add(&all->next, 1)) < all->file.chunks)
		all->chunk(w, yard_chunk(&all->file, i));
	return NULL;
}

static void run(struct work *all)
{
	pthread_t thread[THREADS];

	for (unsigned i = 0; i < all->threads; i++)
		all->worker[i].work = all;
	for (unsigned i = 1; i < all->threads; i++)
		if (pthread_create(&thread[i], NULL, work, &all->worker[i]))
			die("no thread");
	work(&all->worker[0]);
	for (unsigned i = 1; i < all->threads; i++)
		pthread_join(thread[i], NULL);
}

/* ---- answers ---- */

static void merge(struct work *all)
{
	struct yard_table *to = &all->worker[0].table;

	for (unsigned k = 1; k < all->threads; k++) {
		struct yard_table *t = &all->worker[k].table;

		for (uint32_t i = 0; i <= t->mask; i++)
			if (t->slot[i].text)
				yard_table_add(to, t->slot[i].text, t->slot[i].len,
				    t->slot[i].count, t->slot[i].sum);
	}
}

static void print_table(struct work *all, bool sums)
{
	const struct yard_table *t = &all->worker[0].table;

	merge(all);
	for (uint32_t i = 0; i <= t->mask; i++) {
		const struct yard_slot *s = &t->slot[i];

		if (!s->text)
			continue;
		printf("%.*s\t%" PRId64, (int)s->len, s->text, s->count);
		if (sums)
			printf("\t%" PRId64, s->sum);
		putchar('\n');
	}
}

static void print_hits(struct work *all)
{
	for (unsigned k = 0; k < all->threads; k++)
		for (size_t i = 0; i < all->worker[k].hits; i++) {
			const struct yard_head *h = all->worker[k].hit[i];
			uint32_t row = all->worker[k].row[i];
			const uint32_t *end = yard_ends(h, YARD_PACKAGE);
			uint32_t at = row ? end[row - 1] : 0;

			printf("%.*s\n", (int)(end[row] - at),
			    yard_values(h, YARD_PACKAGE) + at);
		}
}

static yard_map *load(const char *module)
{
	void *p = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	yard_map *map = p ? (yard_map *)dlsym(p, "yard_words") : NULL;

	if (!map)
		die(dlerror());
	return map;
}

static void parse(const char *path)
{
	struct sk_input_options options = {0};
	struct snek_error e = {0};
	struct sk_record record;
	struct sk_span text;
	uint64_t records = 0;
	sk_input *in;
	bool again;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		die(path);
	rc = sk_input_open(fd, path, SNEK_JSONL, &options, &in, &e);
	while (rc >= 0 && (rc = sk_input_next(in, &record, &text, &again, &e)) > 0)
		records++;
	if (rc < 0)
		die(e.text);
	printf("%" PRIu64 "\n", records);
	sk_input_close(in);
	close(fd);
}

static unsigned threads_of(const char *text)
{
	unsigned threads = (unsigned)strtoul(text, NULL, 10);

	if (!threads || threads > THREADS)
		die("no such number of threads");
	return threads;
}

static void count(char **arg)
{
	struct yard_file file = yard_file_map(arg[0]);

	yard_count(&file, threads_of(arg[1]));
}

static void query(const char *op, char **arg)
{
	static const struct {
		const char *name;
		void (*chunk)(struct worker *, const struct yard_head *);
	} ops[] = { { "wordcount", wordcount }, { "group", group }, { "grep", grep } };
	struct work *all = calloc(1, sizeof(*all));

	if (!all)
		die("out of memory");
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strcmp(op, ops[i].name))
			all->chunk = ops[i].chunk;
	all->file = yard_file_map(arg[0]);
	all->threads = (unsigned)strtoul(arg[1], NULL, 10);
	if (!all->chunk || !all->threads || all->threads > THREADS)
		die("no such operation, or number of threads");
	if (all->chunk == wordcount)
		all->map = load(arg[2]);
	run(all);
	if (all->chunk == grep)
		print_hits(all);
	else
		print_table(all, all->chunk == group);
	for (unsigned i = 0; i < all->threads; i++)
		yard_table_free(&all->worker[i].table);
	free(all);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "make"))
		yard_file_make(argv[2], argv[3]);
	else if (argc == 3 && !strcmp(argv[1], "parse"))
		parse(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "count"))
		count(argv + 2);
	else if (argc == 4 && !strcmp(argv[1], "lcs"))
		yard_lcs(argv[2], threads_of(argv[3]));
	else if (argc == 4 || (argc == 5 && !strcmp(argv[1], "wordcount")))
		query(argv[1], argv + 2);
	else
		die("see the top of yard.c");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
