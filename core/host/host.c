/* SPDX-License-Identifier: MIT */
#include "host/invoke.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include <poll.h>

#include "host/disk.h"
#include "host/rest.h"

enum { PROBE_MS = 10000, END_MS = 10000 };
#define WAIT_US 1000000                 /* between looks at stop */

/* An environment takes about four descriptors. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int make_dirs(struct sk_host *h, struct snek_error *e)
{
	int rc = sk_disk_open(h->o.tmp, &h->dir, &h->lock, e);

	if (rc)
		return rc;
	h->mount = sk_disk_path(h->dir, "root");
	h->objects = sk_disk_path(h->dir, "objects");
	if (!h->mount || !h->objects)
		return sk_enomem(e);
	if (mkdir(h->mount, 0755) < 0 || mkdir(h->objects, 0700) < 0)
		return sk_fail_errno(e, "%s", h->dir);
	return 0;
}

/* Try once what every environment will need; where it cannot be had, they
 * get none of it, and why says what was missing. */
static int probe(struct sk_host *h, struct snek_error *e)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), control, rc;
	struct sk_spawn s = { .task = h->objects, .root = h->o.root,
		.tmp_mb = 512, .probe = true, .out = null };
	struct pollfd p = { .events = POLLIN };
	struct sk_tale t;

	if (null < 0)
		return sk_fail_errno(e, "/dev/null");
	rc = sk_spawn(h->spawner, &s, &control, e);
	close(null);
	if (rc)
		return rc;
	p.fd = control;
	poll(&p, 1, PROBE_MS);
	sk_spawn_hear(control, &t);
	close(control);
	if (t.kind == SK_TOLD_ENDED)
		return 0;
	h->o.root = NULL;
	if (t.kind == SK_TOLD_FAILED)
		snprintf(h->rootless, sizeof(h->rootless), "%.80s: %s", t.what,
		    strerror(t.sys));
	else
		snprintf(h->rootless, sizeof(h->rootless), "no answer");
	return 0;
}

static int start(struct sk_host *h, struct snek_error *e)
{
	struct sk_json_options lenient = { .last_duplicate = true };
	int rc = make_dirs(h, e);

	if (!rc)
		rc = sk_spawner_open(h->mount, &h->spawner, e);
	if (!rc && h->o.root)
		rc = probe(h, e);
	if (!rc)
		rc = sk_json_reader_new(&lenient, &h->json);
	if (!rc)
		rc = sk_loop_new(&h->loop, e);
	if (!rc)
		rc = sk_server_new(h->loop, &h->server, e);
	if (!rc)
		rc = sk_port_open(h->server, (uint16_t)h->o.port, &sk_rest_ops,
		    h, &h->port, e);
	return rc;
}

int sk_host_open(const struct sk_host_options *o, struct sk_host **out,
    struct snek_error *e)
{
	struct sk_host *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return sk_enomem(e);
	h->o = *o;
	h->lock = -1;
	raise_limits();
	umask(022);
	sk_random_seed(&h->random, o->seed);
	rc = start(h, e);
	if (rc)
		sk_host_close(h);
	else
		*out = h;
	return rc;
}

const char *sk_host_rootless(const struct sk_host *h)
{
	return h->rootless;
}

static int step(struct sk_host *h, int64_t until, struct snek_error *e)
{
	bool more = sk_server_run(h->server);

	return sk_loop_step(h->loop, more ? 0 : until, e);
}

int sk_host_run(struct sk_host *h, const volatile int *stop, struct snek_error *e)
{
	int rc = 0;

	while (!rc && !*stop)
		rc = step(h, sk_clock_us() + WAIT_US, e);
	return rc;
}

/* ---- the end ---- */

static void end_environments(struct sk_host *h)
{
	int64_t until = sk_clock_us() + END_MS * (int64_t)1000;
	struct snek_error e;

	while (!sk_environment_end_all(h) && sk_clock_us() < until)
		if (step(h, sk_clock_us() + 100000, &e))
			break;
}

static void forget_functions(struct sk_host *h)
{
	while (h->functions.first)
		sk_function_remove(&h->functions, h->functions.first);
}

void sk_host_close(struct sk_host *h)
{
	if (!h)
		return;
	h->closing = true;
	if (h->port)
		sk_port_close(h->port);
	if (h->server)
		end_environments(h);
	sk_invoke_end_all(h);
	forget_functions(h);
	sk_server_free(h->server);
	sk_loop_free(h->loop);
	sk_spawner_close(h->spawner);
	sk_json_reader_free(h->json);
	if (h->dir)
		sk_remove_tree(h->dir);
	if (h->lock >= 0)
		close(h->lock);
	free(h->mount);
	free(h->objects);
	free(h->dir);
	free(h);
}
