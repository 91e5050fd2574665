/* SPDX-License-Identifier: MIT */
/*
 * yard_count.c - one table of millions of keys misses the caches at every step,
 * so keys are first dealt to partitions by the top of their hash, and each
 * partition is then counted in a table that fits.  Keys stay where they are
 * mapped.
 */
#include "yard_count.h"
#include "yard_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define BITS 6
#define PARTITIONS (1u << BITS)
#define DIGITS 12               /* and a tab and the line's end */

struct key {
	const char *text;
	uint32_t len, hash;
};

struct keys {
	struct key *key;
	size_t n, cap;
};

struct slot {
	struct key key;
	uint32_t count;         /* 0: the slot is free */
};

struct lines {
	char *text;
	size_t n;
};

struct counter {
	struct counting *all;
	struct keys dealt[PARTITIONS];
	struct slot *slot;
	size_t slots;           /* that there is room for */
};

struct counting {
	const struct yard_file *file;
	unsigned threads;
	struct counter *counter;
	struct lines lines[PARTITIONS];
	pthread_barrier_t all_dealt;
	atomic_size_t next_chunk, next_partition;
};

static void *need(void *p)
{
	if (!p) {
		perror("yard");
		exit(1);
	}
	return p;
}

/* ---- deal ---- */

static void deal(struct counter *c, const char *text, uint32_t n)
{
	uint64_t prefix = n < 8 ? yard_load_few(text, n) : yard_load(text);
	uint32_t hash = yard_hash(prefix, text, n);
	struct keys *to = &c->dealt[hash >> (32 - BITS)];

	if (to->n == to->cap) {
		to->cap = to->cap ? 2 * to->cap : 4096;
		to->key = need(realloc(to->key, to->cap * sizeof(*to->key)));
	}
	to->key[to->n++] = (struct key){ text, n, hash };
}

static void deal_chunk(struct counter *c, const struct yard_head *h)
{
	const uint32_t *end = yard_ends(h, YARD_PACKAGE);
	const char *text = yard_values(h, YARD_PACKAGE);
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->rows; at = end[i++])
		deal(c, text + at, end[i] - at);
}

/* ---- count ---- */

/* Twice as many slots as keys, all free; returns the mask. */
static uint32_t empty(struct counter *c, size_t keys)
{
	size_t n = 1024;

	while (n < 2 * keys)
		n *= 2;
	if (n > c->slots) {
		free(c->slot);
		c->slot = need(malloc(n * sizeof(*c->slot)));
		c->slots = n;
	}
	memset(c->slot, 0, n * sizeof(*c->slot));
	return (uint32_t)n - 1;
}

static void count(struct slot *slot, uint32_t mask, const struct key *k)
{
	uint32_t i = k->hash & mask;

	while (slot[i].count && (slot[i].key.hash != k->hash ||
	    slot[i].key.len != k->len ||
	    memcmp(slot[i].key.text, k->text, k->len) != 0))
		i = (i + 1) & mask;
	slot[i].key = *k;
	slot[i].count++;
}

static char *put_line(char *to, const struct slot *s)
{
	char digit[DIGITS];
	uint32_t n = s->count, k = 0;

	to = (char *)memcpy(to, s->key.text, s->key.len) + s->key.len;
	*to++ = '\t';
	do
		digit[k++] = (char)('0' + n % 10);
	while (n /= 10);
	while (k)
		*to++ = digit[--k];
	*to++ = '\n';
	return to;
}

static struct lines lines_of(const struct slot *slot, uint32_t mask)
{
	struct lines l = {0};
	size_t room = 1;
	char *to;

	for (uint32_t i = 0; i <= mask; i++)
		if (slot[i].count)
			room += slot[i].key.len + DIGITS;
	l.text = to = need(malloc(room));
	for (uint32_t i = 0; i <= mask; i++)
		if (slot[i].count)
			to = put_line(to, &slot[i]);
	l.n = (size_t)(to - l.text);
	return l;
}

static void count_partition(struct counter *c, size_t p)
{
	struct counting *all = c->all;
	size_t keys = 0;
	uint32_t mask;

	for (unsigned t = 0; t < all->threads; t++)
		keys += all->counter[t].dealt[p].n;
	mask = empty(c, keys);
	for (unsigned t = 0; t < all->threads; t++) {
		const struct keys *k = &all->counter[t].dealt[p];

		for (size_t i = 0; i < k->n; i++)
			count(c->slot, mask, &k->key[i]);
	}
	all->lines[p] = lines_of(c->slot, mask);
}

static void *work(void *arg)
{
	struct counter *c = arg;
	struct counting *all = c->all;
	size_t i;

	while ((i = atomic_fetch_add(&all->next_chunk, 1)) < all->file->chunks)
		deal_chunk(c, yard_chunk(all->file, i));
	pthread_barrier_wait(&all->all_dealt);
	while ((i = atomic_fetch_add(&all->next_partition, 1)) < PARTITIONS)
		count_partition(c, i);
	return NULL;
}

static void run(struct counting *all)
{
	pthread_t *thread = need(calloc(all->threads, sizeof(*thread)));

	for (unsigned i = 1; i < all->threads; i++)
		if (pthread_create(&thread[i], NULL, work, &all->counter[i])) {
			fprintf(stderr, "yard: no thread\n");
			exit(1);
		}
	work(&all->counter[0]);
	for (unsigned i = 1; i < all->threads; i++)
		pthread_join(thread[i], NULL);
	free(thread);
}

/* Keys and lines are left to the end of the process. */
void yard_count(const struct yard_file *file, unsigned threads)
{
	struct counting *all = need(calloc(1, sizeof(*all)));

	all->file = file;
	all->threads = threads;
	all->counter = need(calloc(threads, sizeof(*all->counter)));
	for (unsigned i = 0; i < threads; i++)
		all->counter[i].all = all;
	pthread_barrier_init(&all->all_dealt, NULL, threads);
	run(all);
	for (unsigned p = 0; p < PARTITIONS; p++)
		fwrite(all->lines[p].text, 1, all->lines[p].n, stdout);
}
