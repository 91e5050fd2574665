/* SPDX-License-Identifier: MIT */
/*
 * yard_lcs.c - for each of N texts the other one that it has most in common
 * with, as examples/lcs.c finds it, by threads that share nothing but the next
 * text.
 */
#include "yard_lcs.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 64, MOST = 100000, THREADS = 64 };

struct text {
	char s[LONGEST];
	size_t n;
	size_t common, other;           /* the answer */
};

struct texts {
	struct text *text;
	size_t n;
	atomic_size_t next;
};

/* One row of the table at a time. */
static size_t common(const struct text *a, const struct text *b)
{
	uint32_t row[LONGEST], left, left_above, above;
	size_t i, j;
	char next;

	memset(row, 0, b->n * sizeof(*row));
	for (i = 0; i < a->n; i++) {
		next = a->s[i];
		for (j = 0, left = left_above = 0; j < b->n; j++) {
			above = row[j];
			row[j] = left = next == b->s[j] ? left_above + 1 :
			    left > above ? left : above;
			left_above = above;
		}
	}
	return b->n ? row[b->n - 1] : 0;
}

static void find(struct texts *all, size_t i)
{
	struct text *t = &all->text[i];
	size_t k, n;

	for (k = 0; k < all->n; k++) {
		n = k == i ? 0 : common(t, &all->text[k]);
		if (k != i && n >= t->common) {
			t->common = n;
			t->other = k;
		}
	}
}

static void *work(void *arg)
{
	struct texts *all = arg;
	size_t i;

	while ((i = atomic_fetch_add(&all->next, 1)) < all->n)
		find(all, i);
	return NULL;
}

/* {"id":7,"text":"abc",...}, ids from 0 on. */
static void read_texts(struct texts *all, const char *path)
{
	FILE *f = fopen(path, "r");
	struct text *t;

	all->text = calloc(MOST, sizeof(*all->text));
	if (!f || !all->text) {
		perror(path);
		exit(1);
	}
	for (; all->n < MOST; all->n++) {
		t = &all->text[all->n];
		if (fscanf(f, " {\"id\":%*u,\"text\":\"%63[a-z]\"%*[^\n]",
		    t->s) != 1)
			break;
		t->n = strlen(t->s);
	}
	fclose(f);
}

void yard_lcs(const char *path, unsigned threads)
{
	struct texts all = { .n = 0 };
	pthread_t thread[THREADS];

	read_texts(&all, path);
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&thread[i], NULL, work, &all)) {
			fprintf(stderr, "yard: no thread\n");
			exit(1);
		}
	work(&all);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(thread[i], NULL);
	for (size_t i = 0; i < all.n; i++)
		printf("{\"key\":%zu,\"value\":[%zu,%zu]}\n", i,
		    all.text[i].common, all.text[i].other);
	free(all.text);
}
