/* SPDX-License-Identifier: MIT */
/*
 * invocations.c - what invocations cost who makes them.
 *
 *   invocations CLUSTER PLUGIN.OP CALLS AT_ONCE MS
 *   invocations CLUSTER PLUGIN.OP CALLS AT_ONCE
 *
 * A job of so many tasks of a record each, from its start to its end; a server
 * holds AT_ONCE invocations open together and answers them MS later.  Prints
 * milliseconds of wall time, those of the waves, and microseconds of CPU a
 * call, user and system, of this process alone.  Without MS, who runs them is
 * the Lambda that the function has.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/base64.h"
#include "base/clock.h"
#include "category/catalog.h"
#include "exec/parcel.h"
#include "job/job.h"
#include "lambda_holder.h"
#include "value/json_read.h"

static _Noreturn void die(const char *what, const struct snek_error *e)
{
	fprintf(stderr, "invocations: %s: %s\n", what, e ? e->text : "failed");
	exit(1);
}

/* An attempt at one record that emitted nothing. */
static char *outcome_json(void)
{
	struct sk_runs none = { 0 };
	struct sk_outcome o = { .records_in = 1, .part = &none, .parts = 1 };
	struct sk_message m = { .kind = SK_MSG_DONE };
	struct sk_put w = { { 0 }, false };
	struct sk_buf parcel = { 0 }, out = { 0 };

	if (!sk_put_outcome(&w, &o, &m))
		die("outcome", NULL);
	m.body = w.buf;
	if (sk_parcel_put(&parcel, &m, NULL) || !sk_buf_byte(&out, '"') ||
	    !sk_base64_put(&out, parcel.p, parcel.n) ||
	    !sk_buf_put(&out, "\"", 2))
		die("parcel", NULL);
	sk_buf_free(&parcel);
	sk_message_free(&m);
	return out.p;
}

/* As if snek-add-function had made it a Lambda at the holder. */
static void give_lambda(struct sk_catalog *c, const char *function,
    const char *url)
{
	struct sk_meta_function f;
	struct sk_meta_lambda *l = &f.lambda;
	struct snek_error e = { 0 };

	if (c->meta->ops->function_get(c->meta, function, &f, &e))
		die(function, &e);
	memset(l, 0, sizeof(*l));
	snprintf(l->arn, sizeof(l->arn), "arn:aws:lambda:us-east-1:"
	    "000000000000:function:holder:1");
	snprintf(l->name, sizeof(l->name), "holder");
	snprintf(l->region, sizeof(l->region), "us-east-1");
	snprintf(l->arch, sizeof(l->arch), "x86_64");
	snprintf(l->endpoint, sizeof(l->endpoint), "%s", url);
	memcpy(l->plugin_sha256, f.sha256, sizeof(f.sha256));
	l->memory_mb = 1769;
	l->timeout_s = 900;
	if (c->meta->ops->function_put(c->meta, &f, 1, f.plugin, NULL, &e))
		die(function, &e);
}

static void fill(struct snek_job *j, uint32_t calls)
{
	struct snek_error e = { 0 };
	sk_json_reader *json;
	struct sk_record r;
	char text[64];
	uint32_t i;

	j->spool = calloc(1, sizeof(*j->spool));
	if (!j->spool || sk_spool_open(j->spool, j->set.tmp, 1, &e) ||
	    sk_json_reader_new(NULL, &json))
		die("input", &e);
	for (i = 0; i < calls; i++) {
		snprintf(text, sizeof(text), "{\"x\":%u}", 100000 + i);
		if (sk_json_read(json, text, strlen(text), &r, NULL, &e) ||
		    sk_spool_add(j->spool, &r, &e))
			die("input", &e);
	}
	sk_json_reader_free(json);
}

static void set(struct snek_job *j, const char *name, const char *value)
{
	struct snek_error e = { 0 };

	if (sk_job_set(j, name, value, &e))
		die(name, &e);
}

static int64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	    u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void more_files(void)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

static void check(const struct snek_job *j, uint32_t calls, uint32_t at_once,
    const struct lambda_holder_seen *seen)
{
	if (j->plan.tasks != calls || (seen && seen->calls != calls) ||
	    j->stat.retries || j->stat.backups)
		die("not one call a task", NULL);
	if (seen && seen->peak != (calls < at_once ? calls : at_once))
		die("they were not all open together", NULL);
}

static void run(struct snek_job *j, uint32_t calls, uint32_t at_once,
    uint32_t ms, const struct lambda_holder_seen *seen)
{
	uint32_t waves = (calls + at_once - 1) / at_once;
	struct snek_error e = { 0 };
	int64_t cpu, wall;

	cpu = cpu_us();
	wall = sk_clock_us();
	if (sk_job_start(j, &e) || sk_job_wait(j, -1, &e) != 1)
		die("the job", &e);
	wall = sk_clock_us() - wall;
	cpu = cpu_us() - cpu;
	check(j, calls, at_once, seen);
	printf("%.1f %u %.1f\n", (double)wall / 1000, waves * ms,
	    (double)cpu / calls);
}

int main(int argc, char **argv)
{
	uint32_t calls, at_once, ms;
	struct lambda_holder holder;
	struct sk_catalog *c;
	struct snek_error e = { 0 };
	struct snek_job *j;

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: see the top of invocations.c\n");
		return 2;
	}
	calls = (uint32_t)strtoul(argv[3], NULL, 10);
	at_once = (uint32_t)strtoul(argv[4], NULL, 10);
	ms = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0;
	more_files();
	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "none", 1);
	if (ms)
		lambda_holder_start(&holder, at_once, ms, outcome_json());
	if (sk_catalog_open(argv[1], &c, &e))
		die(argv[1], &e);
	if (ms)
		give_lambda(c, argv[2], holder.url);
	if (sk_job_new(c, NULL, &j, &e) || sk_job_map(j, argv[2], NULL, &e))
		die(argv[2], &e);
	set(j, "executor", "lambda");
	set(j, "workers", argv[4]);
	set(j, "chunk-records", "1");
	fill(j, calls);
	run(j, calls, at_once, ms, ms ? holder.seen : NULL);
	sk_job_free(j);
	sk_catalog_close(c);
	if (ms)
		lambda_holder_stop(&holder);
	return 0;
}
