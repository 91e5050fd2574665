/* SPDX-License-Identifier: MIT */
/*
 * function.c - two runtimes of a function in turn, behind a Runtime API of ours,
 * and how they compare; all on one processor.
 *
 *   function [-n COUNT] [-p PLUGIN] NAME PAIRS JSON -- A ... -- B ...
 *
 * Without -n what counts is the time from exec to the first request for an
 * event; with it, what an event takes, of so many one after the other.  Events
 * are pings of 27 bytes, or with -p tasks of the plugin's op over one record.
 * Seconds of CPU are the runtime's own; of memory, the most it had when it asked
 * for the first event.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "exec/event.h"
#include "value/chunk.h"
#include "value/json_read.h"

#define PAIRS 1000
#define NEXT "GET /2018-06-01/runtime/invocation/next "

enum { CPU, WALL, KINDS };
static const char *const kinds[KINDS] = { "cpu", "wall" };

struct side {
	char **argv;
	double seconds[KINDS][PAIRS];
	long kib;
};

static int listener, conn;
static unsigned count;
static struct sk_buf event;
static char request[1u << 20], api[32];

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- events ---- */

static void make_chunk(struct sk_buf *out)
{
	static const char text[] = "{\"text\":\"one two two three three three\"}";
	sk_chunk_builder *b;
	sk_json_reader *r;
	struct sk_record record;

	if (sk_chunk_builder_new(0, &b) || sk_json_reader_new(NULL, &r) ||
	    sk_json_read(r, text, strlen(text), &record, NULL, NULL) ||
	    sk_chunk_builder_add(b, &record, NULL) != 1 ||
	    sk_chunk_builder_seal(b, out, NULL))
		die("a chunk");
	sk_json_reader_free(r);
	sk_chunk_builder_free(b);
}

static void digest(const char *path, char sha256[65])
{
	static char bytes[64u << 20];
	FILE *f = fopen(path, "rb");

	if (!f)
		die(path);
	sk_sha256_hex(bytes, fread(bytes, 1, sizeof(bytes), f), sha256);
	fclose(f);
}

static void make_task(const char *path)
{
	struct sk_buf chunk = { 0 };
	struct sk_task_chunk c = { .origin = "the bench" };
	const struct sk_attempt a = { .tasks = 1, .number = 1, .chunk = &c,
		.chunks = 1 };
	const struct sk_arg_text text = { "field", "text" };
	struct sk_args args = { 0 };
	struct sk_reducer reducer = { 0 };
	struct sk_exec_job job = { .args = &args, .reducer = &reducer,
		.category = "bench", .partitions = 1, .memory = 64u << 20,
		.map_file = { .path = path } };
	struct sk_plugin *p;
	sk_event_job *j;
	char sha256[65];

	digest(path, sha256);
	make_chunk(&chunk);
	c.bytes = (struct sk_span){ chunk.p, chunk.n };
	if (sk_plugin_open(path, &p, NULL))
		die(path);
	job.plugin = p;
	job.op = &p->op[0];
	if (sk_args_parse(&args, job.op, NULL, &text, 1, NULL) ||
	    sk_reducer_parse(&reducer, "sum", NULL) ||
	    sk_event_job_new(&job, "00000000000000000000000000000001", sha256,
	    &j, NULL) || sk_event_put(j, &a, NULL, 900000, &event, NULL))
		die("an event");
}

static void make_ping(void)
{
	if (!sk_event_put_ping(&event))
		die("an event");
	while (event.n < 27)
		if (!sk_buf_byte(&event, ' '))
			die("an event");
}

/* ---- the Runtime API ---- */

static void send_all(const char *p, size_t n)
{
	ssize_t k;

	for (; n; p += k, n -= (size_t)k)
		if ((k = send(conn, p, n, MSG_NOSIGNAL)) < 0)
			die("send");
}

static void hear(void)
{
	size_t have = 0, want = 0;
	char *end, *p;
	ssize_t n;

	do {
		n = recv(conn, request + have, sizeof(request) - 1 - have, 0);
		if (n <= 0)
			die("the runtime hung up");
		have += (size_t)n;
		request[have] = '\0';
		end = want ? NULL : strstr(request, "\r\n\r\n");
		if (!end)
			continue;
		p = strcasestr(request, "\r\nContent-Length:");
		want = (size_t)(end + 4 - request) + (p ? strtoul(p + 17, NULL,
		    10) : 0);
	} while (!want || have < want);
}

static void give(unsigned number)
{
	static char text[1u << 20];
	struct timespec t;
	int n;

	clock_gettime(CLOCK_REALTIME, &t);
	n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-%012u\r\n"
	    "Lambda-Runtime-Deadline-Ms: %lld\r\n"
	    "Lambda-Runtime-Invoked-Function-Arn: "
	    "arn:aws:lambda:us-east-1:123456789012:function:f\r\n"
	    "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;"
	    "Parent=9a9197af755a6419;Sampled=1\r\n"
	    "Content-Length: %zu\r\n\r\n", number, (long long)t.tv_sec * 1000 +
	    30000, event.n);
	memcpy(text + n, event.p, event.n);
	send_all(text, (size_t)n + event.n);
}

static void serve(unsigned n)
{
	static const char ok[] = "HTTP/1.1 202 Accepted\r\n"
	    "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n"
	    "{\"status\":\"OK\"}\n";

	if (strncmp(request, NEXT, strlen(NEXT)))
		die("no request for an event");
	give(n);
	hear();
	if (!strstr(request, "/response HTTP/1.1") ||
	    strstr(request, "\"code\":"))
		die("no answer");
	send_all(ok, sizeof(ok) - 1);
	hear();
}

/* ---- one run ---- */

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long memory_of(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			kib = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static _Noreturn void become(const struct side *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setenv("AWS_LAMBDA_RUNTIME_API", api, 1);
	dup2(null, 1);
	dup2(null, 2);
	execv(s->argv[0], s->argv);
	_exit(127);
}

static void run(struct side *s, int pair)
{
	double start = now(CLOCK_MONOTONIC), cpu, wall;
	clockid_t clock;
	pid_t pid = fork();
	unsigned i;

	if (pid < 0)
		die("fork");
	if (!pid)
		become(s);
	conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	hear();
	wall = now(CLOCK_MONOTONIC);
	if (conn < 0 || clock_getcpuclockid(pid, &clock))
		die("the runtime");
	cpu = now(clock);
	s->kib = memory_of(pid);
	for (i = 0; i < count / 10; i++)        /* warm */
		serve(i);
	if (count) {
		start = now(CLOCK_MONOTONIC);
		wall = now(clock);
		for (i = 0; i < count; i++)
			serve(i);
		cpu = (now(clock) - wall) / count;
		wall = start + (now(CLOCK_MONOTONIC) - start) / count;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(conn);
	if (pair < 0)
		return;
	s->seconds[CPU][pair] = cpu;
	s->seconds[WALL][pair] = wall - start;
}

/* ---- what came of it ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void spread(FILE *json, const char *name, double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	printf("  %5.2f %5.2f %5.2f", v[0], v[n / 2], v[n - 1]);
	fprintf(json, ",\"%s\":[%.3f,%.3f,%.3f]", name, v[0], v[n / 2],
	    v[n - 1]);
}

static void report(const char *name, const char *path, struct side *a,
    struct side *b, int n)
{
	double scale = count ? 1e6 : 1e3, ratio[PAIRS];
	FILE *json = fopen(path, "a");
	int i, k;

	if (!json)
		die(path);
	fprintf(json, "{\"row\":\"%s\",\"pairs\":%d", name, n);
	printf("%-20s", name);
	for (k = 0; k < KINDS; k++) {
		for (i = 0; i < n; i++)
			ratio[i] = a->seconds[k][i] / b->seconds[k][i];
		spread(json, kinds[k], ratio, n);
	}
	printf("\n  %-18s", "each");
	for (k = 0; k < KINDS; k++) {
		for (i = 0; i < n; i++)
			ratio[i] = a->seconds[k][i] * scale;
		spread(json, k ? "wall_each" : "cpu_each", ratio, n);
	}
	printf("  %s, of memory %ld KiB, the yard-stick's %ld\n",
	    count ? "us" : "ms", a->kib, b->kib);
	fprintf(json, ",\"unit\":\"%s\",\"kib\":[%ld,%ld]}\n", count ? "us" :
	    "ms", a->kib, b->kib);
	fclose(json);
}

static void open_api(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, n) || listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&a, &n))
		die("listen");
	snprintf(api, sizeof(api), "127.0.0.1:%d", ntohs(a.sin_port));
}

static int usage(void)
{
	fprintf(stderr, "usage: see the top of function.c; 3 pairs or more\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct side a, b;
	const char *plugin = NULL;
	int option, at = 4, pairs, i;

	while ((option = getopt(argc, argv, "+n:p:")) != -1) {
		if (option == 'n')
			count = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'p')
			plugin = optarg;
		else
			return usage();
	}
	argc -= optind;
	argv += optind;
	pairs = argc > 5 ? (int)strtol(argv[1], NULL, 10) : 0;
	while (at < argc && strcmp(argv[at], "--"))
		at++;
	if (pairs < 3 || pairs > PAIRS || at + 1 >= argc)
		return usage();
	argv[at] = NULL;
	a.argv = argv + 4;
	b.argv = argv + at + 1;
	open_api();
	if (plugin)
		make_task(plugin);
	else
		make_ping();
	for (i = -1; i < pairs; i++) {
		run(&a, i);
		run(&b, i);
	}
	report(argv[0], argv[2], &a, &b, pairs);
	return 0;
}
