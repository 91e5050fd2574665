/* SPDX-License-Identifier: MIT */
/*
 * kill -9 at any moment: kill_processes DIR KILLS SEED.  The victims take
 * turns: a child, the worker, the coordinator.
 *
 * A job that loses a child or its worker gives the same bytes, or fails and
 * says why; it never hangs.  Whatever was killed, within two seconds no
 * process and no temporary file is left.
 */
#include "watch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LANES = 3, HANG_MS = 20000, LEFT_MS = 2000, PATH = 4096, TEXT = 65536 };
enum victim { CHILD, WORKER, COORDINATOR, VICTIMS };

static const char *const names[] = { "a child", "the worker",
	"the coordinator" };

struct tally {
	unsigned killed, missed, finished, failed;
};

struct lane {
	uint64_t random;
	char dir[PATH], tmp[PATH], cluster[PATH], function[PATH];
	char want[TEXT], out[TEXT], err[4096];
	int64_t usual_us;               /* what a job takes */
	struct tally *tally;            /* by victim; shared memory */
	unsigned bad;
};

static uint32_t random_below(struct lane *l, uint32_t n)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return (uint32_t)(l->random >> 16) % n;
}

static void rest_us(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

static bool start(struct lane *l, struct watched *w)
{
	char *argv[] = { getenv("SNEK"), "query", "zoo", l->function, "--on",
	    "processes", "--workers", "2", "--cluster", l->cluster, NULL };

	return watch_start(w, argv);
}

/* ---- the kill ---- */

/* The pid may be another's by now, unless it is still that parent's. */
static bool kill_child_of(pid_t parent, pid_t pid)
{
	pid_t child[64];
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	unsigned n = watch_children(parent, child, 64), i;
	bool done = false;

	for (i = 0; fd >= 0 && i < n; i++)
		if (child[i] == pid)
			done = !syscall(SYS_pidfd_send_signal, fd, SIGKILL,
			    NULL, 0);
	if (fd >= 0)
		close(fd);
	return done;
}

/* The leak sanitizer clones a tracer of the program that ends, and waits for
 * ever if somebody kills it: that is no worker. */
static bool find_worker(pid_t snek, pid_t *worker)
{
	pid_t child[8];
	unsigned n = watch_children(snek, child, 8), i;

	for (i = 0; i < n; i++)
		if (watch_is_program(child[i], "snek-worker")) {
			*worker = child[i];
			return true;
		}
	return false;
}

static bool kill_one(struct lane *l, pid_t snek, enum victim v)
{
	pid_t worker, child[64];
	unsigned n;

	if (v == COORDINATOR)
		return !kill(snek, SIGKILL);
	if (!find_worker(snek, &worker))
		return false;
	if (v == WORKER)
		return kill_child_of(snek, worker);
	n = watch_children(worker, child, 64);
	return n && kill_child_of(worker, child[random_below(l, n)]);
}

/* ---- what must hold ---- */

static void wrong(struct lane *l, enum victim v, int64_t us, const char *what)
{
	l->bad++;
	fprintf(stderr, "FAIL: %s killed after %lld us: %s\n    err: %.600s\n",
	    names[v], (long long)us, what, l->err);
}

static void check_end(struct lane *l, enum victim v, int64_t us,
    const struct watched *w)
{
	struct tally *t = &l->tally[v];
	int code = watch_exit(w);

	if (w->hung)
		wrong(l, v, us, "it hangs");
	else if (v == COORDINATOR)
		return;
	else if (code < 0)
		wrong(l, v, us, "the coordinator died of it");
	else if (!code && strcmp(l->out, l->want))
		wrong(l, v, us, "other bytes");
	else if (code && (*l->out || !*l->err))
		wrong(l, v, us, "failed with a result, or without a reason");
	else if (code && code != 5 && code != 7)
		wrong(l, v, us, "failed with another exit code");
	__atomic_add_fetch(code ? &t->failed : &t->finished, 1,
	    __ATOMIC_RELAXED);
}

static void check_left(struct lane *l, enum victim v, int64_t us)
{
	char report[512];

	if (watch_leftovers(LEFT_MS))
		wrong(l, v, us, "processes are left");
	if (watch_take_reports(l->tmp, l->err, report, sizeof(report))) {
		wrong(l, v, us, "temporary files are left");
		watch_tell_entries(l->tmp);
	}
}

static bool one_kill(struct lane *l, enum victim v)
{
	int64_t us = random_below(l, (uint32_t)l->usual_us);
	struct watched w;
	bool killed;

	if (!start(l, &w))
		exit(99);
	rest_us(us);
	killed = kill_one(l, w.pid, v);
	watch_wait(&w, HANG_MS);
	watch_text(w.out, l->out, TEXT);
	watch_text(w.err, l->err, sizeof(l->err));
	if (killed)
		check_end(l, v, us, &w);
	check_left(l, v, us);
	watch_free(&w);
	__atomic_add_fetch(killed ? &l->tally[v].killed : &l->tally[v].missed,
	    1, __ATOMIC_RELAXED);
	return killed;
}

/* ---- lanes ---- */

/* What it gives and takes when nobody is killed. */
static void rehearse(struct lane *l)
{
	int64_t began = watch_clock_ms();
	struct watched w;

	if (!start(l, &w))
		exit(99);
	watch_wait(&w, HANG_MS);
	watch_text(w.out, l->want, TEXT);
	watch_text(w.err, l->err, sizeof(l->err));
	l->usual_us = (watch_clock_ms() - began + 1) * 1000;
	if (watch_exit(&w) || !*l->want) {
		fprintf(stderr, "kill_processes: %s\n", l->err);
		exit(99);
	}
	watch_free(&w);
}

static int run_lane(struct lane *l, unsigned kills, unsigned number)
{
	unsigned tries, done = 0;

	watch_begin();
	l->random = l->random * 0x9e3779b97f4a7c15u + number + 1;
	snprintf(l->tmp, PATH, "%.4000s/tmp%u", l->dir, number);
	if (mkdir(l->tmp, 0700) || setenv("TMPDIR", l->tmp, 1))
		exit(99);
	rehearse(l);
	for (tries = 0; done < kills && tries < kills * 10 && l->bad < 3;
	    tries++)
		done += one_kill(l, (enum victim)(done % VICTIMS));
	if (done < kills && !l->bad)
		wrong(l, VICTIMS - 1, 0, "too few were there to be killed");
	return l->bad != 0;
}

static void report(const struct tally *t)
{
	int v;

	for (v = 0; v < VICTIMS; v++)
		printf("%s: killed %u times; %u jobs finished, %u failed; %u "
		    "times none was there\n", names[v], t[v].killed,
		    t[v].finished, t[v].failed, t[v].missed);
}

int main(int argc, char **argv)
{
	static struct lane l;
	unsigned kills, i;
	int status, bad = 0;

	if (argc < 4)
		return 99;
	kills = (unsigned)strtoul(argv[2], NULL, 10);
	l.random = strtoull(argv[3], NULL, 10);
	snprintf(l.dir, PATH, "%s", argv[1]);
	snprintf(l.cluster, PATH, "%.4000s/c", argv[1]);
	snprintf(l.function, PATH, "%.4000s/die.so:waits", getenv("ZOO_PLUGINS"));
	l.tally = mmap(NULL, VICTIMS * sizeof(struct tally), PROT_READ |
	    PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < LANES; i++)
		if (!fork())
			exit(run_lane(&l, (kills + i) / LANES, i));
	for (i = 0; i < LANES; i++)
		bad |= wait(&status) < 0 || status;
	report(l.tally);
	return bad;
}
