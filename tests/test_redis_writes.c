/* SPDX-License-Identifier: MIT */
/*
 * Servers and wires fail under a writer, at each step of the protocol.  What
 * must hold afterwards, every time:
 *
 *   - what was said to be committed is there, once and whole;
 *   - what was said not to be, is not;
 *   - a repeat with the same request id says which it was, if that was not
 *     known, and leaves exactly one of it;
 *   - nothing is there that nobody wrote.
 *
 * ROUNDS=N: so many of each fault at each step, instead of 3.
 */
#include "category.h"
#include "category/compact.h"
#include "category/step.h"
#include "check_main.h"
#include "redis_faults.h"
#include "store/redis_shard.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const steps[] = {
	"begin", "put", "seal", "commit", "committed",
};
enum { STEPS = sizeof(steps) / sizeof(*steps), TRIES = 5 };

struct trial {
	const struct fault *fault;
	struct hit hit;
	const char *step;
	unsigned nth;                   /* it strikes before this one */
	bool async;                     /* while it is being taken */
	bool begun;
	pthread_t thread;
};

struct row {
	struct faulty faulty;
	uint64_t next;                  /* the first write not tried yet */
	uint64_t count[3];              /* of each outcome */
	char said[700];
};

/* ---- striking ---- */

static struct trial *armed;             /* for the hook, which has no argument */

static void *strike(void *arg)
{
	struct trial *t = arg;

	if (t->async)
		usleep((useconds_t)(t->hit.seed * 37 % 40) * 50);
	t->fault->strike(&t->hit);
	return NULL;
}

static void hook(const char *step)
{
	struct trial *t = armed;

	if (!t || t->begun || strcmp(step, t->step) || t->nth--)
		return;
	t->begun = true;
	if (t->async && pthread_create(&t->thread, NULL, strike, t))
		die("no thread");
	if (!t->async)
		strike(t);
}

/* Where replicas fail they are not waited for long; else until they come. */
static void aim(struct trial *t)
{
	sk_redis_wait_ms = 1000;
	armed = t;
	sk_step_hook = hook;
}

static void mend(struct trial *t)
{
	sk_redis_wait_ms = 20000;
	armed = NULL;
	sk_step_hook = NULL;
	if (t->begun && t->async)
		pthread_join(t->thread, NULL);
	if (t->begun && t->fault->heal)
		t->fault->heal(&t->hit);
}

/* ---- what must hold ---- */

__attribute__((format(printf, 2, 3)))
static bool broken(struct row *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x->said, sizeof(x->said), fmt, ap);
	va_end(ap);
	return false;
}

static bool look(struct row *x, struct census *k)
{
	struct sk_catalog *c = faulty_open(&x->faulty);
	bool good = census_take(c, "cat", k);

	sk_catalog_close(c);
	return good || broken(x, "%s", k->fault);
}

/* All writes before the last are there once, the last one as it was said. */
static bool check(struct row *x, enum outcome said, uint64_t w, unsigned *seen)
{
	struct census *k = malloc(sizeof(*k));
	bool good = k && look(x, k);
	uint64_t i;

	for (i = 0; good && i < CENSUS; i++)
		if (i != w && k->seen[i] != (i < w))
			good = broken(x, "write %" PRIu64 " is there %u times",
			    i, k->seen[i]);
	if (good) {
		*seen = k->seen[w];
		if (*seen > 1 || (said == COMMITTED && *seen != 1) ||
		    (said == NOT_COMMITTED && *seen))
			good = broken(x, "the write is there %u times", *seen);
	}
	free(k);
	return good;
}

static bool repeat(struct row *x, struct sk_catalog *c, const struct job *j,
    unsigned seen)
{
	struct sk_meta_receipt r;
	struct snek_error e = { 0 };

	if (job_run(c, j, &r, &e))
		return broken(x, "the repeat: %s", e.text);
	if (r.repeated != seen)
		return broken(x, "the repeat says %s, and it was there %u "
		    "times", r.repeated ? "again" : "new", seen);
	return check(x, COMMITTED, j->w, &seen);
}

/* ---- a trial ---- */

static bool try_once(struct row *x, struct sk_catalog *c, struct trial *t,
    bool small)
{
	static const char *const name[] = { "done", "not done", "unknown" };
	struct snek_error e = { .text = "" };
	struct sk_meta_receipt r;
	char request[24], what[160];
	struct job j = faulty_job(x->next++, small, request);
	enum outcome said;
	unsigned seen = 0;

	aim(t);
	said = faulty_outcome(job_run(c, &j, &r, &e));
	mend(t);
	/* On a busy machine a write may fail by itself before. */
	if (!t->begun && said == COMMITTED)
		die("step %s is not taken", t->step);
	x->count[said]++;
	if (check(x, said, j.w, &seen) && repeat(x, c, &j, seen))
		return true;
	snprintf(what, sizeof(what), "%.159s", x->said);
	return broken(x, "write %" PRIu64 " (%s %s of server %u, %s, seed %"
	    PRIu64 "), said to be %s (%.300s): %s", j.w,
	    t->async ? "during" : "before", t->step, t->hit.server,
	    small ? "small" : "large", t->hit.seed, name[said], e.text, what);
}

static bool try_step(struct row *x, struct sk_catalog *c,
    const struct fault *f, unsigned step, unsigned i)
{
	bool small = i % 3 == 2 && step != 1 && step != 2;
	uint64_t seed = i * 5 + step + (uint64_t)(f - faults) * 101;
	struct trial t = { .begun = false };
	unsigned tries;
	bool good = true;

	for (tries = 0; good && !t.begun; tries++) {
		if (tries == TRIES)
			die("step %s is not taken", steps[step]);
		t = (struct trial){ .fault = f, .step = steps[step],
			.async = i % 3, .hit = { .f = &x->faulty, .seed = seed,
			.server = f->data_only || i % 2 } };
		if (step == 1)
			t.nth = (unsigned)(seed % 8);
		if (step == 2)
			t.nth = (unsigned)(seed / 2 % 2);
		good = try_once(x, c, &t, small);
	}
	return good;
}

/* What nobody named is swept, however it came to be there. */
static bool sweep(struct row *x)
{
	struct sk_catalog *c = faulty_open(&x->faulty);
	struct sk_gc_report report = { .writes = 0 };
	struct snek_error e = { 0 };
	unsigned seen = 0, left = 0;
	bool good;

	usleep(5000);           /* leases end */
	good = !sk_gc(c, 0, &report, &e) || broken(x, "gc: %s", e.text);
	if (good && (left = litter_count(c).unnamed))
		good = broken(x, "gc left %u segments unnamed", left);
	sk_catalog_close(c);
	return good && check(x, COMMITTED, x->next - 1, &seen);
}

/* The first write is made in peace: there is something to lose. */
static struct sk_catalog *begin(struct row *x, const struct fault *f)
{
	struct sk_catalog *c;
	char request[24];
	struct job j = faulty_job(0, false, request);

	memset(x, 0, sizeof(*x));
	faulty_make(&x->faulty, f->kind);
	c = faulty_open(&x->faulty);
	job_must(c, &j);
	x->next = 1;
	return c;
}

/* The census has room for so many; then it begins anew. */
static bool run(struct row *x, const struct fault *f, unsigned from,
    unsigned to)
{
	struct sk_catalog *c = begin(x, f);
	unsigned i, step;
	bool good = true;

	for (i = from; good && i < to; i++)
		for (step = 0; good && step < STEPS; step++)
			good = try_step(x, c, f, step, i);
	sk_catalog_close(c);
	return good && sweep(x);
}

START_TEST(a_fault_at_any_step_loses_and_halves_nothing)
{
	const struct fault *f = &faults[_i];
	unsigned i, n = faulty_rounds();
	struct row x;

	sk_redis_lease_ms = 1;
	sk_redis_wait_ms = 20000;
	if (!faulty_can(f->kind)) {
		fprintf(stderr, "SKIPPED: %s: built without TLS\n", f->name);
		n = 0;
	}
	for (i = 0; i < n; i += 20) {
		ck_assert_msg(run(&x, f, i, i + 20 < n ? i + 20 : n), "%s: %s",
		    f->name, x.said);
		faulty_remove(&x.faulty);
		if (getenv("VERBOSE"))
			fprintf(stderr, "%s: %" PRIu64 " done, %" PRIu64
			    " not, %" PRIu64 " unknown\n", f->name,
			    x.count[0], x.count[1], x.count[2]);
	}
}
END_TEST

static const struct fault *fault_named(const char *name)
{
	int i;

	for (i = 0; i < faults_n; i++)
		if (!strcmp(faults[i].name, name))
			return &faults[i];
	die("no fault %s", name);
}

/* The test's own test: promises broken on purpose must be found out. */
START_TEST(replies_that_are_not_looked_at_are_found_out)
{
	const struct fault *f = fault_named("maxmemory");
	struct row x;
	struct trial t = { .fault = f, .step = "put", .nth = 3,
	    .hit = { .f = &x.faulty, .server = 1 } };
	struct sk_catalog *c = begin(&x, f);
	bool good;

	sk_redis_fault = "replies";
	good = try_once(&x, c, &t, false);
	sk_redis_fault = NULL;
	sk_catalog_close(c);
	faulty_remove(&x.faulty);
	ck_assert_msg(!good && x.count[COMMITTED] == 1, "%s", x.said);
}
END_TEST

START_TEST(a_forgotten_request_is_found_out)
{
	const struct fault *f = fault_named("client kill");
	struct row x;
	struct trial t = { .fault = f, .step = "committed",
	    .hit = { .f = &x.faulty } };
	struct sk_catalog *c = begin(&x, f);
	bool good;

	sk_fault = "no-request";
	good = try_once(&x, c, &t, false);
	sk_fault = NULL;
	sk_catalog_close(c);
	faulty_remove(&x.faulty);
	ck_assert_msg(!good && strstr(x.said, "the repeat says new"), "%s",
	    x.said);
}
END_TEST

static void tests(TCase *t)
{
	tcase_set_timeout(t, 60 + 30 * (double)faulty_rounds());
	tcase_add_test(t, replies_that_are_not_looked_at_are_found_out);
	tcase_add_test(t, a_forgotten_request_is_found_out);
	tcase_add_loop_test(t, a_fault_at_any_step_loses_and_halves_nothing, 0,
	    faults_n);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	return redis_have() ? check_main("redis writes", tests) :
	    redis_skip("test_redis_writes");
}
