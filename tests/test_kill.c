/* SPDX-License-Identifier: MIT */
/*
 * Writers are killed, at each step of the protocol and at any moment.  What
 * must hold afterwards, every time:
 *
 *   - every write that was acknowledged is there, once and whole;
 *   - no other write is there in part;
 *   - a repeat of any write with its request id leaves exactly one of it;
 *   - gc leaves only segments that a manifest names.
 *
 * A writer that breaks its promises must not get away with it.
 */
#include "kill.h"
#include "category/compact.h"

#include <check.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMES 10                /* each step is killed at */
#define COUNT 6                 /* writes of one child */

static struct world world;

static void setup(void)
{
	kill_world_make(&world);
}

static void teardown(void)
{
	kill_world_remove(&world);
}

/* ---- what is known of the writes so far ---- */

struct history {
	uint64_t next;                  /* the first write not tried yet */
	bool tried[CENSUS], acked[CENSUS];
	unsigned kills, acks;
	char fault[700];
};

__attribute__((format(printf, 2, 3)))
static bool broken(struct history *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->fault, sizeof(h->fault), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- the child ---- */

struct child {
	pid_t pid;
	int in, out;                    /* our ends */
	char line[64];
	size_t n;
	bool ended;
};

static void program(char *out, size_t size)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		die("who am I");
	self[n] = '\0';
	snprintf(out, size, "%s/kill_writer", dirname(self));
}

static struct child spawn(const struct history *h, bool hook, const char *fault)
{
	struct child c = { 0 };
	int to[2], from[2];
	char path[600], first[24], count[24];

	program(path, sizeof(path));
	snprintf(first, sizeof(first), "%" PRIu64, h->next);
	snprintf(count, sizeof(count), "%d", COUNT);
	if (pipe(to) || pipe(from))
		die("pipe");
	c.pid = fork();
	if (c.pid < 0)
		die("fork");
	if (!c.pid) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execl(path, path, world.dir, first, count, hook ? "1" : "0",
		    fault, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	c.in = to[1];
	c.out = from[0];
	return c;
}

/* One line into c->line; false at the end. */
static bool hear(struct child *c)
{
	char b;

	c->n = 0;
	while (read(c->out, &b, 1) == 1) {
		if (b == '\n') {
			c->line[c->n] = '\0';
			return true;
		}
		if (c->n + 1 < sizeof(c->line))
			c->line[c->n++] = b;
	}
	return false;
}

static void note(struct history *h, struct child *c)
{
	uint64_t w = strtoull(c->line + 4, NULL, 10);

	if (w >= CENSUS)
		die("too many writes");
	if (!strncmp(c->line, "try ", 4)) {
		h->tried[w] = true;
		h->next = w + 1;
	} else if (!strncmp(c->line, "ack ", 4)) {
		h->acked[w] = true;
		h->acks++;
	} else if (!strncmp(c->line, "end", 3)) {
		c->ended = true;
	}
}

/* Kill it, and hear what it had still said. */
static void finish(struct history *h, struct child *c)
{
	int status;

	kill(c->pid, SIGKILL);
	while (hear(c))
		note(h, c);
	close(c->in);
	close(c->out);
	if (waitpid(c->pid, &status, 0) != c->pid)
		die("waitpid");
	if (!WIFSIGNALED(status) && !c->ended)
		die("kill_writer failed: status %x", status);
	h->kills += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Until it is about to take the step for the nth time. */
static bool run_until(struct history *h, struct child *c, const char *step,
    unsigned nth)
{
	while (hear(c)) {
		if (strncmp(c->line, "step ", 5)) {
			note(h, c);
			continue;
		}
		if (!strcmp(c->line + 5, step) && !nth--)
			return true;
		if (write(c->in, "g", 1) != 1)
			return false;
	}
	return false;
}

/* ---- what must hold ---- */

static bool check_writes(struct history *h, struct sk_catalog *c)
{
	struct census census;
	uint64_t w;

	if (!census_take(c, "cat", &census))
		return broken(h, "%s", census.fault);
	for (w = 0; w < CENSUS; w++) {
		if (census.seen[w] > 1)
			return broken(h, "write %" PRIu64 " is there %u times",
			    w, census.seen[w]);
		if (h->acked[w] && !census.seen[w])
			return broken(h, "write %" PRIu64 " is lost", w);
		if (!h->tried[w] && census.seen[w])
			return broken(h, "write %" PRIu64 " from nowhere", w);
	}
	return true;
}

/* The last few, acknowledged or not. */
static bool repeat(struct history *h, struct sk_catalog *c)
{
	struct sk_meta_receipt r;
	struct snek_error e = { 0 };
	uint64_t w = h->next > 3 ? h->next - 3 : 0;

	for (; w < h->next; w++) {
		char request[24];
		struct job j = kill_job(w, request);

		if (job_run(c, &j, &r, &e))
			return broken(h, "repeat of %" PRIu64 ": %s", w, e.text);
		if (h->acked[w] && !r.repeated)
			return broken(h, "write %" PRIu64 " is forgotten", w);
		h->tried[w] = h->acked[w] = true;
	}
	return check_writes(h, c);
}

static bool sweep(struct history *h, struct sk_catalog *c)
{
	struct sk_gc_report report;
	struct snek_error e = { 0 };

	if (sk_gc(c, 0, &report, &e))
		return broken(h, "gc: %s", e.text);
	if (report.waiting || litter_count(c).unnamed)
		return broken(h, "gc left %u segments unnamed",
		    litter_count(c).unnamed);
	return check_writes(h, c);
}

static bool holds(struct history *h)
{
	bool good;

	world_open(&world);
	good = check_writes(h, world.catalog) && repeat(h, world.catalog) &&
	    sweep(h, world.catalog);
	world_shut(&world);
	return good;
}

/* ---- kills ---- */

static bool kill_at(struct history *h, const char *step, unsigned nth,
    const char *fault)
{
	struct child c = spawn(h, true, fault);
	bool there = run_until(h, &c, step, nth);

	finish(h, &c);
	if (!there)
		die("step %s is not taken %u times", step, nth + 1);
	return holds(h);
}

static struct history *history(void)
{
	struct history *h = calloc(1, sizeof(*h));
	char request[24];
	struct job first = kill_job(0, request);

	if (!h)
		die("out of memory");
	world_open(&world);
	job_must(world.catalog, &first);
	world_shut(&world);
	h->tried[0] = h->acked[0] = true;
	h->next = 1;
	return h;
}

static const struct {
	const char *step;
	unsigned most;                  /* it is taken more often than this */
} steps[] = {
	{ "begin", 5 }, { "put", 15 }, { "seal", 8 }, { "commit", 5 },
	{ "committed", 5 }, { "compact", 1 }, { "fold", 1 }, { "unlink", 4 },
};

START_TEST(a_kill_at_any_step_loses_and_halves_nothing)
{
	struct history *h = history();
	unsigned i;

	for (i = 0; i < TIMES; i++) {
		unsigned nth = i * (steps[_i].most + 1) / TIMES;

		ck_assert_msg(kill_at(h, steps[_i].step, nth, "none"),
		    "killed at %s %u: %s", steps[_i].step, nth, h->fault);
	}
	ck_assert_uint_eq(h->kills, TIMES);
	free(h);
}
END_TEST

START_TEST(a_kill_at_any_moment_loses_and_halves_nothing)
{
	struct history *h = history();
	unsigned i;

	for (i = 0; i < 40; i++) {
		struct child c = spawn(h, false, "none");
		struct pollfd p = { .fd = c.out, .events = POLLIN };
		struct timespec t = { 0, 250000 * (i * 37 % 101) };

		poll(&p, 1, 10000);     /* it has begun */
		nanosleep(&t, NULL);
		finish(h, &c);
		ck_assert_msg(holds(h), "kill %u: %s", i, h->fault);
	}
	ck_assert_uint_gt(h->kills, 10);
	free(h);
}
END_TEST

/* The test's own test: promises broken on purpose must be found out. */
START_TEST(a_writer_that_breaks_its_promise_is_found_out)
{
	static const struct {
		const char *fault, *step, *found;
	} t[] = {
		{ "commit-before-seal", "seal", "version" },
		{ "no-request", "begin", "is forgotten" },
	};
	struct history *h = history();
	bool good = true;
	unsigned i;

	for (i = 0; good && i < TIMES; i++)
		good = kill_at(h, t[_i].step, _i ? 3 : i % 3, t[_i].fault);
	ck_assert(!good);
	ck_assert_msg(strstr(h->fault, t[_i].found), "%s", h->fault);
	free(h);
}
END_TEST

int main(void)
{
	const int n = sizeof(steps) / sizeof(*steps);
	Suite *s = suite_create("kill");
	TCase *t = tcase_create("kill");
	SRunner *r;
	int failed;

	if (kill_world_skip())
		return kill_world_skip();
	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, a_kill_at_any_step_loses_and_halves_nothing,
	    0, n);
	tcase_add_test(t, a_kill_at_any_moment_loses_and_halves_nothing);
	tcase_add_loop_test(t, a_writer_that_breaks_its_promise_is_found_out,
	    0, 2);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
