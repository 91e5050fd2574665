/* SPDX-License-Identifier: MIT */
#include "function.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "tempdir.h"

#define PATIENCE_MS 50000

/* ---- the bundle ---- */

static void join(const struct function *f, const char *name, char *out)
{
	ck_assert_int_lt(snprintf(out, 128, "%s/%s", f->root, name), 128);
}

static void link_into(const struct function *f, const char *from,
    const char *name)
{
	char to[128], *real = realpath(from, NULL);

	join(f, name, to);
	ck_assert_msg(real != NULL, "%s", from);
	ck_assert_int_eq(symlink(real, to), 0);
	free(real);
}

static void add_plugin(struct function *f, const char *plugin)
{
	char path[256], text[128];
	unsigned char *bytes;
	size_t n;

	task_tool_path(path, sizeof(path), plugin);
	link_into(f, path, "plugin.so");
	bytes = file_read(path, &n);
	sk_sha256_hex(bytes, n, f->sha256);
	free(bytes);
	join(f, "snek/plugin.sha256", text);
	snprintf(path, sizeof(path), "%s\n", f->sha256);
	file_write(text, path, 65);
}

static void make_bundle(struct function *f, const char *plugin)
{
	const char *worker = getenv("SNEK_WORKER");
	char text[128];

	tempdir_make(f->root);
	join(f, "snek", text);
	ck_assert_int_eq(mkdir(text, 0700), 0);
	link_into(f, worker ? worker : "snek-worker", "snek/snek-worker");
	if (plugin)
		add_plugin(f, plugin);
}

/* ---- the process ---- */

static void open_listener(struct function *f)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(f->listener, 8), 0);
	ck_assert_int_eq(getsockname(f->listener, (struct sockaddr *)&a, &n), 0);
	snprintf(f->api, sizeof(f->api), "127.0.0.1:%d", ntohs(a.sin_port));
}

static void become_worker(struct function *f, const char *const *env)
{
	char path[128], *argv[2] = { path, NULL };

	join(f, "snek/snek-worker", path);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(f->log, 1);
	dup2(f->log, 2);
	setenv("AWS_LAMBDA_RUNTIME_API", f->api, 1);
	setenv("TMPDIR", f->root, 1);
	for (; env && *env; env++)
		putenv((char *)*env);
	if (chdir(f->root) || execv(path, argv))
		_exit(99);
}

void function_start(struct function *f, const char *plugin,
    const char *const *env)
{
	char name[128];

	memset(f, 0, sizeof(*f));
	f->conn = -1;
	make_bundle(f, plugin);
	open_listener(f);
	join(f, "log", name);
	f->log = open(name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ge(f->log, 0);
	ck_assert_int_eq(sk_json_reader_new(NULL, &f->json), 0);
	f->pid = fork();
	ck_assert_int_ge(f->pid, 0);
	if (!f->pid)
		become_worker(f, env);
}

int function_wait(struct function *f)
{
	if (f->pid)
		ck_assert_int_eq(waitpid(f->pid, &f->status, 0), f->pid);
	f->pid = 0;
	return f->status;
}

void function_stop(struct function *f)
{
	if (f->pid) {
		kill(f->pid, SIGKILL);
		function_wait(f);
	}
	if (f->conn >= 0)
		close(f->conn);
	close(f->listener);
	close(f->log);
	sk_answer_got_free(&f->answer);
	sk_buf_free(&f->request);
	sk_buf_free(&f->text);
	sk_json_reader_free(f->json);
	tempdir_remove(f->root);
}

char *function_log(const struct function *f)
{
	struct stat st;
	char *p;

	ck_assert_int_eq(fstat(f->log, &st), 0);
	p = calloc(1, (size_t)st.st_size + 1);
	ck_assert_int_eq(pread(f->log, p, (size_t)st.st_size, 0), st.st_size);
	return p;
}

/* ---- requests ---- */

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_msg(poll(&p, 1, PATIENCE_MS) > 0, "the worker says nothing");
	return true;
}

/* A new connection, or the end of the process. */
static bool connected(struct function *f)
{
	struct pollfd p = { .fd = f->listener, .events = POLLIN };
	int left;

	for (left = PATIENCE_MS; f->conn < 0 && left > 0; left -= 20) {
		if (poll(&p, 1, 20) > 0) {
			f->conn = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
			f->connections++;
		} else if (f->pid && waitpid(f->pid, &f->status, WNOHANG) > 0) {
			f->pid = 0;
			return false;
		}
	}
	ck_assert_msg(f->conn >= 0, "the worker does not come");
	return true;
}

static bool take_whole(struct function *f)
{
	char *p = f->request.p, *end, *length;
	size_t n = 0;

	p[f->request.n] = '\0';
	end = strstr(p, "\r\n\r\n");
	if (!end)
		return false;
	length = strcasestr(p, "\r\ncontent-length:");
	if (length && length < end)
		n = strtoul(length + 17, NULL, 10);
	f->head = (struct sk_span){ p, (size_t)(end + 4 - p) };
	f->body = (struct sk_span){ end + 4, n };
	return f->request.n >= f->head.n + n;
}

bool function_hear(struct function *f)
{
	ssize_t n;

	f->request.n = 0;
	if (f->conn < 0 && !connected(f))
		return false;
	do {
		ck_assert(sk_buf_reserve(&f->request, 65536));
		n = is_readable(f->conn) ? recv(f->conn, f->request.p +
		    f->request.n, 65535, 0) : 0;
		if (n <= 0) {
			close(f->conn);
			f->conn = -1;
			return false;
		}
		f->request.n += (size_t)n;
	} while (!take_whole(f));
	return true;
}

static void send_all(int fd, const char *p, size_t n)
{
	ssize_t k;

	for (; n; p += k, n -= (size_t)k) {
		k = send(fd, p, n, MSG_NOSIGNAL);
		ck_assert_int_gt(k, 0);
	}
}

void function_reply(struct function *f, const char *status,
    const char *headers, struct sk_span body)
{
	char head[1024];

	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu"
	    "\r\n\r\n", status, headers, body.n);
	send_all(f->conn, head, strlen(head));
	send_all(f->conn, body.p, body.n);
}

static bool asks(const struct function *f, const char *what)
{
	return f->head.n > strlen(what) && !strncmp(f->head.p, what, strlen(what));
}

void function_give(struct function *f, struct sk_span event, int64_t left_ms)
{
	struct timespec t;
	char headers[512];

	while (!function_hear(f))
		ck_assert_msg(f->pid, "the worker ended: %x", f->status);
	ck_assert_msg(asks(f, "GET /2018-06-01/runtime/invocation/next "),
	    "%.80s", f->request.p);
	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(headers, sizeof(headers),
	    "Lambda-Runtime-Aws-Request-Id: 00000000-aaaa-%u\r\n"
	    "Lambda-Runtime-Deadline-Ms: %lld\r\n", ++f->served,
	    (long long)(t.tv_sec * 1000ll + t.tv_nsec / 1000000 + left_ms));
	function_reply(f, "200 OK", headers, event);
}

void function_take(struct function *f)
{
	char id[128];
	struct snek_error e = { 0 };

	ck_assert_msg(function_hear(f), "no answer");
	snprintf(id, sizeof(id), "POST /2018-06-01/runtime/invocation/"
	    "00000000-aaaa-%u/", f->served);
	ck_assert_msg(asks(f, id), "%.100s", f->request.p);
	f->failed = !strncmp((const char *)f->head.p + strlen(id), "error ", 6);
	sk_answer_got_free(&f->answer);
	ck_assert_msg(!sk_answer_get(f->json, f->body, &f->answer, &e),
	    "%.*s: %s", (int)f->body.n, (const char *)f->body.p, e.text);
	f->text.n = 0;
	ck_assert(sk_buf_put(&f->text, f->body.p, f->body.n));
	ck_assert(sk_buf_byte(&f->text, 0));
	function_reply(f, "202 Accepted", "", (struct sk_span){ "{}\n", 3 });
}

void function_invoke(struct function *f, struct sk_span event, int64_t left_ms)
{
	function_give(f, event, left_ms);
	function_take(f);
}

/* ---- what to ask it ---- */

static void no_log(void *arg, int level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

void function_job(struct sk_exec_job *j, struct task_tool *t,
    const char *plugin)
{
	*j = (struct sk_exec_job){ .plugin = t->plugin, .op = t->op,
		.args = &t->args, .reducer = &t->reducer, .category = "things",
		.partitions = t->partitions, .memory = 64 << 20, .whole = true,
		.log = no_log, .map_file = { .path = plugin } };
	if (!t->op->op.reduce)
		return;
	j->reduce_plugin = t->plugin;
	j->reduce_op = t->op;
	j->reduce_args = &t->args;
}

void function_event(const struct function *f, const struct sk_exec_job *job,
    const char *id, const struct sk_attempt *a, const struct sk_event_keep *k,
    struct sk_buf *out)
{
	struct snek_error e = { 0 };
	sk_event_job *j;

	out->n = 0;
	ck_assert_msg(!sk_event_job_new(job, id, f->sha256, &j, &e), "%s",
	    e.text);
	ck_assert_msg(!sk_event_put(j, a, k, 900000, out, &e), "%s", e.text);
	sk_event_job_free(j);
}

void function_outcome(struct function *f, struct task_tool *t, uint32_t parts)
{
	struct snek_error e = { 0 };
	struct sk_message *m = &f->answer.message;
	struct sk_get r = { m->body.p, m->body.n, false };

	ck_assert_msg(f->answer.kind == SK_ANSWER_DONE, "%s", f->text.p);
	ck_assert(!f->failed);
	sk_outcome_free(&t->map);
	memset(&t->map, 0, sizeof(t->map));
	ck_assert_msg(!sk_get_outcome(&r, m, parts, &t->map, &e), "%s", e.text);
}
