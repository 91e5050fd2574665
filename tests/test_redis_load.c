/* SPDX-License-Identifier: MIT */
/*
 * Servers and wires fail while several write as fast as they can.  Every look
 * in between finds all that was acknowledged before it, once and whole; at the
 * end everything is as it was said, and repeats say what was not known.
 */
#include "check_main.h"
#include "redis_faults.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITERS = 3, MOST = 1000, PENDING = 9 };

struct writer {
	struct sk_catalog *catalog;
	pthread_t thread;
	uint64_t first;
	unsigned n, room;               /* of said, that are used and may be */
	_Atomic int said[MOST];         /* enum outcome, or PENDING */
	_Atomic bool *stop;
};

struct load {
	struct faulty faulty;
	struct writer writer[WRITERS];
	_Atomic bool stop;
	struct census census;
	bool acked[CENSUS];
};

static void *work(void *arg)
{
	struct writer *x = arg;

	while (!*x->stop && x->n < x->room) {
		struct sk_meta_receipt r;
		struct snek_error e;
		char request[24];
		struct job j = faulty_job(x->first + x->n, x->n % 2, request);

		x->said[x->n] = (int)faulty_outcome(job_run(x->catalog, &j, &r,
		    &e));
		x->n += 1;
		usleep(2000);
	}
	return NULL;
}

static void note_acked(struct load *l)
{
	unsigned i, k;

	for (i = 0; i < WRITERS; i++)
		for (k = 0; k < MOST; k++)
			l->acked[l->writer[i].first + k] =
			    l->writer[i].said[k] == COMMITTED;
}

static void look(struct load *l)
{
	struct sk_catalog *c = faulty_open(&l->faulty);
	uint64_t w;

	note_acked(l);
	ck_assert_msg(census_take(c, "cat", &l->census), "%s", l->census.fault);
	sk_catalog_close(c);
	for (w = 0; w < CENSUS; w++)
		ck_assert_msg(l->census.seen[w] <= 1 &&
		    (l->census.seen[w] || !l->acked[w]), "write %" PRIu64
		    " (acknowledged: %d) is there %u times", w, l->acked[w],
		    l->census.seen[w]);
}

static void start(struct load *l, const struct fault *f, unsigned strikes)
{
	struct job first = { .w = CENSUS - 1, .n = 1, .no_compact = true };
	unsigned i, k;

	faulty_make(&l->faulty, f->kind);
	for (i = 0; i < WRITERS; i++) {
		struct writer *x = &l->writer[i];

		*x = (struct writer){ .catalog = faulty_open(&l->faulty),
		    .first = i * MOST, .room = strikes * 15, .stop = &l->stop };
		for (k = 0; k < MOST; k++)
			x->said[k] = PENDING;
	}
	job_must(l->writer[0].catalog, &first);
	for (i = 0; i < WRITERS; i++)
		if (pthread_create(&l->writer[i].thread, NULL, work,
		    &l->writer[i]))
			die("no thread");
}

static void settle(struct load *l, struct writer *x, unsigned k)
{
	struct sk_meta_receipt r;
	struct snek_error e = { .text = "" };
	char request[24];
	struct job j = faulty_job(x->first + k, k % 2, request);
	unsigned seen = l->census.seen[j.w];

	ck_assert_msg(x->said[k] != NOT_COMMITTED || !seen,
	    "write %" PRIu64 " is there, and was said not to be", j.w);
	ck_assert_msg(!job_run(x->catalog, &j, &r, &e), "repeat: %s", e.text);
	ck_assert_msg(r.repeated == seen, "write %" PRIu64 " was there %u times"
	    ", the repeat says %d", j.w, seen, r.repeated);
	x->said[k] = COMMITTED;
}

static void finish(struct load *l)
{
	uint64_t total = 1;
	unsigned i, k;

	l->stop = true;
	for (i = 0; i < WRITERS; i++)
		pthread_join(l->writer[i].thread, NULL);
	look(l);
	for (i = 0; i < WRITERS; i++) {
		for (k = 0; k < l->writer[i].n; k++)
			settle(l, &l->writer[i], k);
		total += l->writer[i].n;
	}
	look(l);
	ck_assert_uint_eq(l->census.versions, total);
	for (i = 0; i < WRITERS; i++)
		sk_catalog_close(l->writer[i].catalog);
	faulty_remove(&l->faulty);
}

START_TEST(a_fault_under_load_loses_and_halves_nothing)
{
	const struct fault *f = &faults[_i];
	unsigned i, n = faulty_rounds() < 60 ? faulty_rounds() : 60;
	struct load *l = calloc(1, sizeof(*l));

	if (f->kind != FAULTY_PLAIN) {
		free(l);
		return;
	}
	ck_assert_ptr_nonnull(l);
	start(l, f, n);
	for (i = 0; i < n; i++) {
		struct hit h = { .f = &l->faulty, .server = i % 2,
		    .seed = i * 7 + (unsigned)_i };

		usleep(30000 + i * 1700 % 20000);
		f->strike(&h);
		usleep(20000);
		if (f->heal)
			f->heal(&h);
		look(l);
	}
	finish(l);
	if (getenv("VERBOSE"))
		fprintf(stderr, "%s: %" PRIu64 " writes\n", f->name,
		    l->census.versions);
	free(l);
}
END_TEST

static void tests(TCase *t)
{
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, a_fault_under_load_loses_and_halves_nothing, 0,
	    faults_n);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	return redis_have() ? check_main("redis load", tests) :
	    redis_skip("test_redis_load");
}
