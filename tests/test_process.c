/* SPDX-License-Identifier: MIT */
/* Jobs in processes: what befalls a child, a worker and their host. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <snek/snek.h>

#include "base/clock.h"
#include "check_main.h"
#include "exec/worker.h"
#include "task/sandbox_parts.h"
#include "tempdir.h"

#define PLUGIN "tests/plugins/.libs/fate.so"
#define RECORDS 2000
/* A sanitizer turns crashes into exits, and keeps what is freed. */
#ifdef __SANITIZE_ADDRESS__
#define CRASH ""
#define KEEPS true
#else
#define CRASH ": SIGSEGV"
#define KEEPS false
#endif

struct run {
	const char *executor, *how, *at, *skip_bad, *timeout, *cpu, *bad, *tmp,
	    *worker, *trust;
	char log[4096];
	struct snek_error error;
	uint64_t skipped, sum;
};

static char tmp[] = "/tmp/snek-test-XXXXXX";    /* crashes leave files there */

static void on_log(void *arg, int level, const char *text)
{
	struct run *r = arg;
	size_t n = strlen(r->log);

	(void)level;
	snprintf(r->log + n, sizeof(r->log) - n, "%s\n", text);
}

/* A file of so many records {"n":i}, unlinked. */
static int input(int records)
{
	char name[] = "/tmp/snek-test-XXXXXX";
	int fd = mkstemp(name), i;

	ck_assert_int_ge(fd, 0);
	unlink(name);
	for (i = 0; i < records; i++)
		dprintf(fd, "{\"n\":%d}\n", i);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void set(snek_job *j, const char *name, const char *value)
{
	struct snek_error e;

	if (value)
		ck_assert_msg(snek_job_set(j, name, value, &e) == 0, "%s", e.text);
}

static snek_job *new_job(struct run *r)
{
	snek_job *j;
	int fd = input(RECORDS);

	ck_assert_int_eq(snek_job_new(NULL, NULL, &j, &r->error), 0);
	set(j, "executor", r->executor ? r->executor : "processes");
	set(j, "workers", "2");
	set(j, "skip-bad", r->skip_bad);
	set(j, "bad", r->bad);
	set(j, "timeout", r->timeout);
	set(j, "worker-cpu", r->cpu);
	set(j, "tmp", r->tmp ? r->tmp : tmp);
	set(j, "worker", r->worker);
	set(j, "trust", r->trust);
	ck_assert_int_eq(snek_job_on_log(j, on_log, r), 0);
	ck_assert_int_eq(snek_job_map(j, "./" PLUGIN, NULL, NULL), 0);
	ck_assert_int_eq(snek_job_arg(j, "how", r->how ? r->how : "none", NULL), 0);
	ck_assert_int_eq(snek_job_arg(j, "at", r->at ? r->at : "-1", NULL), 0);
	ck_assert_msg(snek_job_read(j, fd, "the test", SNEK_JSONL, &r->error)
	    == 0, "%s", r->error.text);
	close(fd);
	return j;
}

static void take_results(snek_job *j, struct run *r)
{
	struct snek_job_stat s = { .size = sizeof(s) };
	struct snek_value k, v;
	snek_result *res;

	ck_assert_int_eq(snek_result_open(j, &res, NULL), 0);
	while (snek_result_next(res, &k, &v, NULL) == 1)
		r->sum += (uint64_t)v.as.i;
	snek_result_close(res);
	snek_job_stat(j, &s);
	r->skipped = s.records_skipped;
}

static int run(struct run *r)
{
	snek_job *j = new_job(r);
	int rc = snek_job_start(j, &r->error);

	if (!rc)
		rc = snek_job_wait(j, -1, &r->error);
	if (rc == 1)
		take_results(j, r);
	snek_job_free(j);
	return rc;
}

/* ---- what is left behind ---- */

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Processes whose parent is pid; the first of them in *one. */
static int count_children(pid_t pid, pid_t *one)
{
	DIR *d = opendir("/proc");
	struct dirent *f;
	char path[300];
	int n = 0, parent;
	FILE *s;

	while ((f = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%s/stat", f->d_name);
		if (f->d_name[0] < '0' || f->d_name[0] > '9' ||
		    !(s = fopen(path, "r")))
			continue;
		if (fscanf(s, "%*d (%*[^)]) %*c %d", &parent) == 1 &&
		    parent == pid) {
			n++;
			if (one)
				*one = (pid_t)atol(f->d_name);
		}
		fclose(s);
	}
	closedir(d);
	return n;
}

static long rss_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	ck_assert_int_eq(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- tests ---- */

START_TEST(results_are_those_of_threads)
{
	struct run a = { .executor = "threads" }, b = { 0 };

	ck_assert_int_eq(run(&a), 1);
	ck_assert_msg(run(&b) == 1, "%s", b.error.text);
	ck_assert_uint_eq(a.sum, RECORDS);
	ck_assert_uint_eq(b.sum, RECORDS);
}
END_TEST

static const struct {
	const char *how;
	int code;
	const char *text, *timeout, *cpu, *trust;
} fates[] = {
	{ "segv", SNEK_EPLUGIN, "in map at the input, chunk 0, record 1235"
	    CRASH, NULL, NULL, NULL },
	{ "exit", SNEK_EPLUGIN, "record 1235 with exit status 3", NULL, NULL,
	    NULL },
	{ "fail", SNEK_EPLUGIN, "record 1235: this is the one", NULL, NULL,
	    NULL },
	{ "kill", SNEK_EAGAIN, "attempt 4: the process of fate was killed",
	    NULL, NULL, "yes" },
	{ "spin", SNEK_ETIMEDOUT, "timed out", "0.3", NULL, NULL },
	{ "sleep", SNEK_ETIMEDOUT, "timed out", "0.3", NULL, NULL },
	{ "spin", SNEK_EPLUGIN, "more than its processor time in map at the "
	    "input, chunk 0, record 1235", NULL, "0.2", NULL },
};

START_TEST(a_fate_costs_the_job_and_says_so)
{
	struct run r = { .how = fates[_i].how, .at = "1234",
		.timeout = fates[_i].timeout, .cpu = fates[_i].cpu,
		.trust = fates[_i].trust };

	ck_assert_int_eq(run(&r), fates[_i].code);
	ck_assert_msg(strstr(r.error.text, fates[_i].text) != NULL, "%s",
	    r.error.text);
	ck_assert_int_eq(count_children(getpid(), NULL), 0);
}
END_TEST

/* Confined, it cannot look like what the system has killed. */
START_TEST(a_kill_of_itself_is_refused)
{
	struct run r = { .how = "kill", .at = "1234" };
	struct sk_sandbox_features f;

	sk_sandbox_features(&f);
	if (!f.seccomp)
		return;
	ck_assert_int_eq(run(&r), SNEK_EPLUGIN);
	ck_assert_msg(strstr(r.error.text, "record 1235: it may not kill") !=
	    NULL, "%s", r.error.text);
}
END_TEST

START_TEST(bad_records_are_left_out_and_put_aside)
{
	static const char *const hows[] = { "segv", "fail" };
	char bad[] = "/tmp/snek-bad-XXXXXX", text[64] = "";
	struct run r = { .how = hows[_i % 2], .at = "77", .skip_bad = "1",
		.bad = bad };
	int fd = mkstemp(bad);

	ck_assert_msg(run(&r) == 1, "%s", r.error.text);
	ck_assert_uint_eq(r.sum, RECORDS - 1);
	ck_assert_uint_eq(r.skipped, 1);
	ck_assert_msg(strstr(r.log, "record 78") != NULL, "%s", r.log);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "{\"n\":77}\n");
	close(fd);
	unlink(bad);
}
END_TEST

START_TEST(as_many_as_allowed_and_no_more)
{
	struct run twenty = { .how = "many", .skip_bad = "20" };
	struct run few = { .how = "many", .skip_bad = "19" };

	ck_assert_msg(run(&twenty) == 1, "%s", twenty.error.text);
	ck_assert_uint_eq(twenty.sum, RECORDS - 20);
	ck_assert_int_eq(run(&few), SNEK_EPLUGIN);
	ck_assert_msg(strstr(few.error.text, "more than 19 bad records") != NULL,
	    "%s", few.error.text);
}
END_TEST

START_TEST(a_crash_leaves_the_record_and_the_command)
{
	char dir[] = "/tmp/snek-test-XXXXXX", command[256], *path, *end;
	char report[4096] = "";
	struct run r = { .how = "segv", .at = "1234", .tmp = mkdtemp(dir) };
	struct stat st;
	int fd;

	ck_assert_int_eq(run(&r), SNEK_EPLUGIN);
	path = strstr(r.error.text, "the record is in ");
	ck_assert_msg(path != NULL, "%s", r.error.text);
	path += 17;
	end = path + strlen(path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 11);
	snprintf(command, sizeof(command), "snek run ./" PLUGIN ":fate how='segv' "
	    "at='1234' --input %.*s", (int)(end - path), path);
	ck_assert_msg(strstr(r.log, command) != NULL, "%s\n%s", r.log, command);
	unlink(path);
	strcpy(end - 5, "txt");                 /* in place of jsonl */
	fd = open(path, O_RDONLY);
	ck_assert_int_gt(read(fd, report, sizeof(report) - 1), 0);
	ck_assert_msg(strstr(report, command) != NULL, "%s", report);
	ck_assert_msg(SK_SANITIZED || strstr(report, "\n#0  ") != NULL, "%s",
	    report);
	close(fd);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_missing_worker_is_said)
{
	struct run r = { 0 };
	snek_job *j = new_job(&r);

	set(j, "worker", "/nowhere/snek-worker");
	ck_assert_int_eq(snek_job_start(j, &r.error), SNEK_ENOENT);
	ck_assert(strstr(r.error.text, "SNEK_WORKER") != NULL);
	snek_job_free(j);
}
END_TEST

/* A child sleeps in every task; killing the worker makes the job try again,
 * until that has happened too often. */
START_TEST(a_killed_worker_is_replaced_a_few_times)
{
	struct run r = { .how = "sleep", .at = "5" };
	snek_job *j = new_job(&r);
	pid_t worker, last = 0;
	int killed = 0, rc;

	ck_assert_int_eq(snek_job_start(j, &r.error), 0);
	while (!(rc = snek_job_wait(j, 20, &r.error)))
		if (count_children(getpid(), &worker) == 1 && worker != last &&
		    count_children(worker, NULL) >= 1) {
			kill(worker, SIGKILL);
			last = worker;
			killed++;
		}
	ck_assert_int_lt(rc, 0);
	ck_assert_int_ge(killed, 2);
	ck_assert_msg(strstr(r.error.text, "ended") != NULL, "%s", r.error.text);
	snek_job_free(j);
	ck_assert_int_eq(count_children(getpid(), NULL), 0);
}
END_TEST

/* ---- a worker that ends where it is told to: tests/frail_worker.c ---- */

static void plan_lives(char *file, const char *plan)
{
	int fd = mkstemp(file);

	ck_assert_int_eq(write(fd, plan, strlen(plan)), (int)strlen(plan));
	close(fd);
	ck_assert_int_eq(setenv("FRAIL_PLAN", file, 1), 0);
	ck_assert_int_eq(setenv("FRAIL_WORKER", getenv("SNEK_WORKER"), 1), 0);
}

static const struct {
	const char *plan;
	int code;
	const char *text;
} lives[] = {
	{ "F", 1, NULL }, { "I", 1, NULL }, { "T", 1, NULL },
	{ "IH", 1, NULL }, { "FIT", 1, NULL }, { "THF", 1, NULL },
	{ "HHHH", SNEK_EAGAIN, "ended" },
	{ "FHHH", SNEK_EPLUGIN, "ended by itself 4 times" },
	{ "TTTT", SNEK_EPLUGIN, "ended by itself 4 times" },
	{ "IIII", SNEK_EPLUGIN, "ended by itself 4 times" },
};

START_TEST(a_worker_that_ends_while_it_is_set_up_is_replaced)
{
	char file[] = "/tmp/snek-test-XXXXXX";
	struct run r = { .worker = "tests/frail_worker" };

	plan_lives(file, lives[_i].plan);
	ck_assert_msg(run(&r) == lives[_i].code, "%s: %d: %s", lives[_i].plan,
	    r.error.code, r.error.text);
	unlink(file);
	if (lives[_i].code == 1)
		ck_assert_uint_eq(r.sum, RECORDS);
	else
		ck_assert_msg(strstr(r.error.text, lives[_i].text) != NULL, "%s",
		    r.error.text);
	ck_assert_int_eq(count_children(getpid(), NULL), 0);
}
END_TEST

/* Until its buffer is full, and then not for ever. */
START_TEST(a_deaf_worker_ends_what_is_sent)
{
	char file[] = "/tmp/snek-test-XXXXXX";
	struct sk_worker_options o = { .program = "tests/frail_worker",
		.deadline_ms = sk_clock_ms() + 500 };
	struct sk_message m = { .kind = SK_MSG_CANCEL };
	struct snek_error e = { 0 };
	sk_worker *w;
	int rc, sent = 0;

	plan_lives(file, "D");
	ck_assert_msg(!sk_worker_open(&o, &w, &e), "%s", e.text);
	while (!(rc = sk_worker_send(w, &m)))
		sent++;
	ck_assert_int_eq(rc, SNEK_ETIMEDOUT);
	ck_assert_int_gt(sent, 0);
	sk_worker_close(w);
	unlink(file);
	ck_assert_int_eq(count_children(getpid(), NULL), 0);
}
END_TEST

START_TEST(a_host_may_ignore_its_children)
{
	struct run r = { 0 }, crash = { .how = "segv", .at = "3" };

	signal(SIGCHLD, SIG_IGN);
	ck_assert_msg(run(&r) == 1, "%s", r.error.text);
	ck_assert_int_eq(run(&crash), SNEK_EPLUGIN);
	signal(SIGCHLD, SIG_DFL);
	ck_assert_int_eq(count_children(getpid(), NULL), 0);
}
END_TEST

/* The host dies without a word; its worker and children end. */
START_TEST(nothing_outlives_a_killed_host)
{
	struct run r = { .how = "sleep", .at = "5" };
	pid_t host = fork(), worker = 0;
	snek_job *j;
	int i;

	if (!host) {
		j = new_job(&r);
		snek_job_start(j, NULL);
		snek_job_wait(j, -1, NULL);
		_exit(0);
	}
	for (i = 0; i < 1000 && (!worker || !count_children(worker, NULL)); i++) {
		usleep(5000);
		count_children(host, &worker);
	}
	ck_assert_int_gt(count_children(worker, NULL), 0);
	kill(host, SIGKILL);
	waitpid(host, NULL, 0);
	for (i = 0; i < 1000 && kill(worker, 0) == 0; i++)
		usleep(5000);
	ck_assert_int_ne(kill(worker, 0), 0);
	ck_assert_int_eq(count_children(worker, NULL), 0);
}
END_TEST

START_TEST(a_cancel_ends_what_sleeps)
{
	struct run r = { .how = "sleep", .at = "5" };
	snek_job *j = new_job(&r);

	ck_assert_int_eq(snek_job_start(j, &r.error), 0);
	ck_assert_int_eq(snek_job_wait(j, 50, &r.error), 0);
	snek_job_cancel(j);
	ck_assert_int_eq(snek_job_wait(j, -1, &r.error), SNEK_ECANCELED);
	snek_job_free(j);
}
END_TEST

/* It can answer nothing, and is ended instead. */
START_TEST(a_stopped_worker_holds_up_no_cancel)
{
	struct run r = { .how = "sleep", .at = "5" };
	snek_job *j = new_job(&r);
	pid_t worker = 0;

	ck_assert_int_eq(snek_job_start(j, &r.error), 0);
	while (count_children(getpid(), &worker) != 1 ||
	    !count_children(worker, NULL))
		ck_assert_int_eq(snek_job_wait(j, 20, &r.error), 0);
	kill(worker, SIGSTOP);
	snek_job_cancel(j);
	ck_assert_int_eq(snek_job_wait(j, -1, &r.error), SNEK_ECANCELED);
	snek_job_free(j);
	ck_assert_int_eq(count_children(getpid(), NULL), 0);
}
END_TEST

START_TEST(two_hundred_jobs_leave_nothing)
{
	struct run r = { 0 }, bad = { .how = "segv", .at = "9", .skip_bad = "1" };
	int i, fds = 0;
	long rss = 0;

	for (i = 0; i < 200; i++) {
		memset(&r, 0, sizeof(r));
		bad.log[0] = '\0';
		ck_assert_msg(run(i % 10 ? &r : &bad) == 1, "%s", r.error.text);
		if (i == 20) {
			fds = count_fds();
			rss = rss_kib();
		}
	}
	ck_assert_int_eq(count_fds(), fds);
	ck_assert_int_eq(count_children(getpid(), NULL), 0);
	ck_assert(KEEPS || rss_kib() < rss + 4096 + rss / 4);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, results_are_those_of_threads);
	tcase_add_loop_test(t, a_fate_costs_the_job_and_says_so, 0,
	    sizeof(fates) / sizeof(*fates));
	tcase_add_test(t, a_kill_of_itself_is_refused);
	tcase_add_loop_test(t, bad_records_are_left_out_and_put_aside, 0, 2);
	tcase_add_test(t, as_many_as_allowed_and_no_more);
	tcase_add_test(t, a_crash_leaves_the_record_and_the_command);
	tcase_add_test(t, a_missing_worker_is_said);
	tcase_add_test(t, a_killed_worker_is_replaced_a_few_times);
	tcase_add_loop_test(t, a_worker_that_ends_while_it_is_set_up_is_replaced,
	    0, sizeof(lives) / sizeof(*lives));
	tcase_add_test(t, a_deaf_worker_ends_what_is_sent);
	tcase_add_test(t, a_host_may_ignore_its_children);
	tcase_add_test(t, nothing_outlives_a_killed_host);
	tcase_add_test(t, a_cancel_ends_what_sleeps);
	tcase_add_test(t, a_stopped_worker_holds_up_no_cancel);
	tcase_add_test(t, two_hundred_jobs_leave_nothing);
}

int main(void)
{
	int rc;

	if (!mkdtemp(tmp))
		return 99;
	rc = check_main("process", setup);
	tempdir_remove(tmp);
	return rc;
}
