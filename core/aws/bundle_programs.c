/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aws/bundle.h"
#include "task/elf.h"

/* A path of ours: as given, else beside the worker that the environment names,
 * else where it is installed. */
static char *find(const char *given, const char *name)
{
	const char *env = secure_getenv("SNEK_WORKER");
	const char *slash = env ? strrchr(env, '/') : NULL;
	char *path;
	int n;

	if (given)
		return strdup(given);
	if (slash)
		n = asprintf(&path, "%.*s/%s", (int)(slash - env), env, name);
	else
		n = asprintf(&path, "%s/%s", SNEK_LIBEXECDIR, name);
	return n < 0 ? NULL : path;
}

static char *find_module(const char *given, const char *variable,
    const char *installed)
{
	const char *env = secure_getenv(variable);

	return strdup(given ? given : env ? env : installed);
}

static int read_header(const char *path, Elf64_Ehdr *h, struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return sk_fail(e, SNEK_ENOENT, "there is no %s, which goes into "
		    "every bundle: install snek whole, or name the worker of a "
		    "whole one in $SNEK_WORKER", path);
	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	n = read(fd, h, sizeof(*h));
	close(fd);
	if (n != sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) ||
	    h->e_ident[EI_CLASS] != ELFCLASS64)
		return sk_fail(e, SNEK_EABI, "%s: is no program of 64 bits",
		    path);
	return 0;
}

static int check(struct sk_bundler *b, const char *path,
    struct snek_error *e)
{
	char there[24], here[24];
	Elf64_Ehdr h;
	int rc = read_header(path, &h, e);

	if (!rc && !b->machine)
		b->machine = h.e_machine;
	if (rc || h.e_machine == b->machine)
		return rc;
	return sk_fail(e, SNEK_EABI, "%s: is for %s, and %s, which would run "
	    "it there, for %s: bundle it on a machine of its kind",
	    b->set->plugin ? b->set->plugin : b->worker,
	    sk_elf_machine_name(b->machine, there), path,
	    sk_elf_machine_name(h.e_machine, here));
}

static bool find_all(struct sk_bundler *b)
{
	const struct sk_bundle_options *o = b->set;

	b->worker = find(o->worker, o->plugin ? "snek-lambda-worker" :
	    "snek-api");
	b->launcher = find(o->launcher, "snek-launcher");
	b->tls = o->with_tls ? find_module(o->tls, "SNEK_TLS",
	    SNEK_PLUGINDIR "/modules/snek-tls.so") : NULL;
	b->aws = o->plugin ? NULL : find_module(NULL, "SNEK_AWS",
	    SNEK_PLUGINDIR "/modules/snek-aws.so");
	if (o->plugin || o->worker)     /* the one that was given, alone */
		return b->worker && b->launcher && (b->tls || !o->with_tls) &&
		    (b->aws || o->plugin);
	b->snek = find(NULL, "snek-whole");
	b->runner = find(NULL, "snek-worker");
	return b->worker && b->launcher && (b->tls || !o->with_tls) && b->aws &&
	    b->snek && b->runner;
}

int sk_bundle_find_programs(struct sk_bundler *b, struct snek_error *e)
{
	int rc;

	if (!find_all(b))
		return sk_enomem(e);
	rc = check(b, b->worker, e);
	if (!rc)
		rc = check(b, b->launcher, e);
	if (!rc && b->tls)
		rc = check(b, b->tls, e);
	if (!rc && b->snek)
		rc = check(b, b->snek, e);
	if (!rc && b->runner)
		rc = check(b, b->runner, e);
	return !rc && b->aws ? check(b, b->aws, e) : rc;
}
