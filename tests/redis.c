/* SPDX-License-Identifier: MIT */
#include "redis.h"
#include "base/clock.h"
#include "tempdir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

struct redis_world {
	struct redis_options o;
	char dir[64];
	char url[256];
	int port;
	pid_t pid, guard;
	int rope;               /* to the guard */
};

enum { READY_MS = 20000 };

/* ---- starting ---- */

static const char *server(void)
{
	const char *s = getenv("REDIS_SERVER");

	if (s)
		return *s && !access(s, X_OK) ? s : NULL;
	return !access("/usr/bin/redis-server", X_OK) ?
	    "/usr/bin/redis-server" : NULL;
}

bool redis_have(void)
{
	return server() != NULL;
}

int redis_skip(const char *test)
{
	fprintf(stderr, "%s: SKIPPED: no redis-server or valkey-server here\n",
	    test);
	return 77;
}

static bool spare(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	close(fd);
	return yes;
}

/* Taken from the range that the kernel does not lend to clients by itself, so
 * that nobody gets it while a server is down between two starts; a server of a
 * cluster listens at the port 10000 above, too. */
static int spare_port(void)
{
	unsigned seed = (unsigned)sk_clock_us() * 2654435761u ^
	    (unsigned)getpid() * 40503u, port;
	int tries;

	for (tries = 0; tries < 200; tries++) {
		seed = seed * 1103515245u + 12345u;
		port = 10000 + (seed >> 8) % 12000;
		if (spare(port) && spare(port + 10000))
			return (int)port;
	}
	ck_abort_msg("no spare port");
	return -1;
}

static void write_tls(FILE *f, const struct redis_world *w)
{
	fprintf(f, "port 0\ntls-port %d\ntls-cert-file %s/server.pem\n"
	    "tls-key-file %s/server.key\ntls-ca-cert-file %s/ca.pem\n"
	    "tls-auth-clients %s\n", w->port, w->dir, w->dir, w->dir,
	    w->o.client_cert ? "yes" : "no");
}

/* Given an existing file of the test's choice, its own certificates stay. */
static void write_conf(const struct redis_world *w, const char *more)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/redis.conf", w->dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "bind 127.0.0.1\ndir %s\nlogfile %s/log\nsave \"\"\n"
	    "daemonize no\nhz 50\nrepl-diskless-sync-delay 0\n", w->dir, w->dir);
	if (!w->o.sentinel)
		fprintf(f, "enable-debug-command yes\n");
	if (w->o.tls)
		write_tls(f, w);
	else if (w->o.unix_socket)
		fprintf(f, "port 0\nunixsocket %s/s\n", w->dir);
	else
		fprintf(f, "port %d\n", w->port);
	if (w->o.aof)
		fprintf(f, "appendonly yes\nappendfsync always\n");
	if (w->o.replica)
		fprintf(f, "replicaof 127.0.0.1 1\n");
	fprintf(f, "%s\n%s\n", w->o.conf ? w->o.conf : "", more ? more : "");
	fclose(f);
}

/* Debian's redis-tools has the server as redis-check-rdb: by its name it knows
 * what to be. */
static void program(const struct redis_world *w, char path[128])
{
	snprintf(path, 128, "%s/%s", w->dir, w->o.sentinel ? "redis-sentinel" :
	    "redis-server");
	if (symlink(server(), path) < 0)
		ck_assert_int_eq(errno, EEXIST);
}

/* A guard stands between: it ends the server when the test's end of the pipe is
 * closed, however the test ended.  (A death signal would come when the thread
 * ended that started it.) */
static void guard(const char *path, const char *conf, int test, int out)
{
	struct pollfd f = { .fd = test, .events = POLLIN };
	pid_t pid = fork();

	if (!pid) {
		if (!freopen("/dev/null", "r", stdin) ||
		    !freopen("/dev/null", "w", stdout))
			_exit(1);
		execl(path, path, conf, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || write(out, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	while (waitpid(pid, NULL, WNOHANG) == 0)
		if (poll(&f, 1, 20) > 0)
			kill(pid, SIGKILL);
	_exit(0);
}

static void spawn(struct redis_world *w)
{
	char path[128], conf[128];
	int pair[2];

	program(w, path);
	snprintf(conf, sizeof(conf), "%s/redis.conf", w->dir);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	w->guard = fork();
	ck_assert_int_ge(w->guard, 0);
	if (!w->guard) {
		dup2(pair[1], 3);       /* and nothing else of the test's */
		close_range(4, ~0u, 0);
		fcntl(3, F_SETFD, FD_CLOEXEC);
		guard(path, conf, 3, 3);
	}
	close(pair[1]);
	w->rope = pair[0];
	ck_assert_int_eq(read(w->rope, &w->pid, sizeof(w->pid)), sizeof(w->pid));
}

static int dial(const struct redis_world *w)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)w->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(w->o.unix_socket ? AF_UNIX : AF_INET,
	    SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", w->dir);
	rc = w->o.unix_socket ? connect(fd, (struct sockaddr *)&un, sizeof(un)) :
	    connect(fd, (struct sockaddr *)&in, sizeof(in));
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

/* It answers: with anything but LOADING; by TLS, that it accepts will do. */
static bool answers(const struct redis_world *w)
{
	char got[64] = "";
	int fd = dial(w);
	bool yes = fd >= 0;

	if (yes && !w->o.tls)
		yes = send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 &&
		    recv(fd, got, sizeof(got) - 1, 0) > 0 &&
		    strncmp(got, "-LOADING", 8) != 0;
	if (fd >= 0)
		close(fd);
	return yes;
}

static void show_log(const struct redis_world *w)
{
	char path[128], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", w->dir);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
	if (f)
		fclose(f);
}

static void wait_ready(struct redis_world *w)
{
	int64_t until = sk_clock_ms() + READY_MS;

	while (!answers(w)) {
		if (sk_clock_ms() > until || waitpid(w->guard, NULL, WNOHANG)) {
			show_log(w);
			ck_abort_msg("the server in %s does not start", w->dir);
		}
		usleep(5000);
	}
}

static void set_url(struct redis_world *w)
{
	const char *user = w->o.url_user ? w->o.url_user : "";

	if (w->o.unix_socket)
		snprintf(w->url, sizeof(w->url), "unix://%s%s/s", user, w->dir);
	else
		snprintf(w->url, sizeof(w->url), "%s://%s127.0.0.1:%d",
		    w->o.tls ? "rediss" : "redis", user, w->port);
}

struct redis_world *redis_start(const struct redis_options *o)
{
	struct redis_world *w = calloc(1, sizeof(*w));

	ck_assert_ptr_nonnull(w);
	if (o)
		w->o = *o;
	tempdir_make(w->dir);
	if (!w->o.unix_socket)
		w->port = spare_port();
	if (w->o.tls)
		ck_assert(redis_certificates(w->dir));
	set_url(w);
	redis_again(w, NULL);
	return w;
}

void redis_again(struct redis_world *w, const char *conf)
{
	ck_assert_int_eq(w->pid, 0);
	write_conf(w, conf);
	spawn(w);
	wait_ready(w);
}

void redis_signal(struct redis_world *w, int signal)
{
	ck_assert_int_gt(w->pid, 0);
	kill(w->pid, signal);
}

void redis_end(struct redis_world *w, int signal)
{
	if (!w->pid)
		return;
	kill(w->pid, signal);
	waitpid(w->guard, NULL, 0);
	close(w->rope);
	w->pid = 0;
}

void redis_stop(struct redis_world *w)
{
	if (!w)
		return;
	redis_end(w, SIGKILL);
	tempdir_remove(w->dir);
	free(w);
}

const char *redis_local_url(const struct redis_world *w, const char *scheme)
{
	static char url[64];
	struct addrinfo *a;

	if (getaddrinfo("localhost", NULL, NULL, &a)) {
		fprintf(stderr, "SKIPPED: this machine does not know localhost\n");
		return NULL;
	}
	freeaddrinfo(a);
	snprintf(url, sizeof(url), "%s://localhost:%d", scheme, redis_port(w));
	return url;
}

const char *redis_url(const struct redis_world *w)
{
	return w->url;
}

const char *redis_dir(const struct redis_world *w)
{
	return w->dir;
}

int redis_port(const struct redis_world *w)
{
	return w->port;
}

/* ---- certificates ---- */

static bool shell(const char *dir, const char *script)
{
	char command[2048];

	snprintf(command, sizeof(command), "cd '%s' && (%s) >certs.log 2>&1", dir,
	    script);
	return system(command) == 0;
}

static bool sign(const char *dir, const char *name, const char *ca,
    const char *alt, const char *days)
{
	char script[1024];

	snprintf(script, sizeof(script),
	    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -out %s.csr "
	    "-subj /CN=%s && printf 'subjectAltName=%s\\n' >%s.ext && "
	    "openssl x509 -req -in %s.csr -CA %s.pem -CAkey %s.key "
	    "-CAcreateserial -out %s.pem -extfile %s.ext %s",
	    name, name, name, alt, name, name, ca, ca, name, name, days);
	return shell(dir, script);
}

static bool authority(const char *dir, const char *name)
{
	char script[512];

	snprintf(script, sizeof(script), "openssl req -x509 -newkey ec "
	    "-pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -keyout %s.key -out %s.pem -days 30 -subj /CN=%s",
	    name, name, name);
	return shell(dir, script);
}

bool redis_certificates(const char *dir)
{
	static const char local[] = "DNS:localhost,IP:127.0.0.1";

	return shell(dir, "openssl version") && authority(dir, "ca") &&
	    authority(dir, "other-ca") &&
	    sign(dir, "server", "ca", local, "-days 30") &&
	    sign(dir, "wrong", "ca", "DNS:elsewhere.example", "-days 30") &&
	    sign(dir, "expired", "ca", local, "-days 0") &&
	    sign(dir, "client", "ca", "DNS:client", "-days 30");
}

/* ---- clients ---- */

sk_redis *redis_client_of(const char *url, const struct sk_redis_auth *auth,
    sk_redis_loop *l)
{
	struct sk_redis_url u;
	struct snek_error e;
	sk_redis *r = NULL;

	ck_assert_msg(sk_redis_url_parse(&u, url, &e) == 0, "%s", e.text);
	ck_assert_msg(sk_redis_new(l, &u, auth, &r, &e) == 0, "%s", e.text);
	sk_redis_url_free(&u);
	return r;
}

sk_redis *redis_client(const struct redis_world *w, sk_redis_loop *l)
{
	return redis_client_of(w->url, NULL, l);
}

char *redis_cli(const struct redis_world *w, const char *command)
{
	char *reply = calloc(1, 1 << 16);
	int fd = dial(w);

	ck_assert(fd >= 0 && !w->o.tls);
	ck_assert_int_gt(dprintf(fd, "%s\r\n", command), 0);
	ck_assert_int_gt(recv(fd, reply, (1 << 16) - 1, 0), 0);
	close(fd);
	return reply;
}

sk_redis_loop *redis_loop(void)
{
	sk_redis_loop *l = NULL;
	struct snek_error e;

	ck_assert_msg(sk_redis_loop_new(&l, &e) == 0, "%s", e.text);
	return l;
}

int redis_call(sk_redis *r, const char *words, struct sk_answer *a,
    struct snek_error *e)
{
	struct sk_span arg[16];
	struct sk_command c = { .arg = arg };
	char text[256], *at = text, *word;

	snprintf(text, sizeof(text), "%s", words);
	while ((word = strsep(&at, " ")))
		arg[c.args++] = sk_span_text(word);
	return sk_redis_call(r, &c, a, e);
}

void redis_expect(sk_redis *r, const char *words, const char *text)
{
	struct sk_answer a = { .memory = NULL };
	struct snek_error e;

	ck_assert_msg(redis_call(r, words, &a, &e) == 0, "%s: %s", words, e.text);
	ck_assert_ptr_nonnull(a.reply.text.p);
	ck_assert_str_eq(a.reply.text.p, text);
	sk_answer_free(&a);
}

void redis_refused(sk_redis *r, const char *words, int rc, const char *says)
{
	struct sk_answer a;
	struct snek_error e = { .text = "" };
	int got = redis_call(r, words, &a, &e);

	ck_assert_msg(got == rc, "%s: %d, not %d: %s", words, got, rc, e.text);
	ck_assert_int_eq(e.code, rc);
	ck_assert_msg(strstr(e.text, says) != NULL, "%s: %s", words, e.text);
}
