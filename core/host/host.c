/* SPDX-License-Identifier: MIT */
#include "host/invoke.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/disk.h"
#include "host/rest.h"

enum {
	END_MS = 5000,
	FILES_EACH = 6,                 /* descriptors of an environment */
	FILES_APART = 128               /* of everything else */
};
#define WAIT_US 1000000                 /* between looks at stop */

/* As many descriptors as there may be, and no more environments than that is
 * enough for, with their clients. */
static void raise_limits(struct sk_host *h)
{
	struct rlimit r;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur == RLIM_INFINITY)
		return;
	room = r.rlim_cur > FILES_APART ? (r.rlim_cur - FILES_APART) /
	    FILES_EACH : 0;
	if (h->o.environments > room)
		h->o.environments = room ? (uint32_t)room : 1;
}

static int make_dirs(struct sk_host *h, struct snek_error *e)
{
	int rc = sk_disk_open(h->o.tmp, &h->dir, &h->lock, e);
	char *mount;

	if (rc)
		return rc;
	mount = sk_disk_path(h->dir, "root");
	h->objects = sk_disk_path(h->dir, "objects");
	if (!mount || !h->objects)
		rc = sk_enomem(e);
	else if (mkdir(mount, 0755) < 0 || mkdir(h->objects, 0700) < 0)
		rc = sk_fail_errno(e, "%s", h->dir);
	free(mount);
	return rc;
}

/* Where there can be no roots, environments have none, and it is told. */
static int start_spawner(struct sk_host *h, struct snek_error *e)
{
	struct snek_error why = { 0 };
	int rc = sk_spawner_open(h->dir, h->o.root, h->o.no_network,
	    &h->spawner, &why);

	if (rc == SNEK_EACCES && h->o.root && h->o.no_network)
		return sk_fail(e, SNEK_EACCES, "--no-network wants a root for "
		    "each environment, which cannot be had (%s)", why.text);
	if (rc == SNEK_EACCES && h->o.root) {
		snprintf(h->rootless, sizeof(h->rootless), "%.150s", why.text);
		h->o.root = NULL;
		return sk_spawner_open(h->dir, NULL, false, &h->spawner, e);
	}
	return rc ? sk_fail(e, rc, "%s", why.text) : 0;
}

static int start(struct sk_host *h, struct snek_error *e)
{
	struct sk_json_options lenient = { .last_duplicate = true };
	int rc = make_dirs(h, e);

	if (!rc)
		rc = start_spawner(h, e);
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
	raise_limits(h);
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

/* Processes, and what clients are still to be told. */
static void wind_up(struct sk_host *h)
{
	int64_t until = sk_clock_us() + END_MS * (int64_t)1000;
	struct snek_error e;

	sk_answer_all(h);
	while ((!sk_environment_end_all(h) || sk_server_has_replies(h->server)) &&
	    sk_clock_us() < until)
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
		wind_up(h);
	sk_invoke_end_all(h);
	sk_rest_settle_all(h);
	forget_functions(h);
	sk_server_free(h->server);
	sk_loop_free(h->loop);
	sk_spawner_close(h->spawner);
	sk_json_reader_free(h->json);
	if (h->dir)
		sk_remove_tree(h->dir);
	if (h->lock >= 0)
		close(h->lock);
	free(h->objects);
	free(h->dir);
	free(h);
}
