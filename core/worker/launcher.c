/* SPDX-License-Identifier: MIT */
/*
 * launcher.c - `bootstrap` in a bundle: starts snek-api, or where there is none
 * the worker, under the loader and with the libraries that lie in snek/ beside
 * it, so that it runs wherever the kernel does.  Static and without a C library,
 * for it starts where there may be nothing: no library, no shell, no /proc.
 */
#include "worker/launcher.h"

#include <asm/unistd.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <stddef.h>

#define STDERR 2
#define FAILED 127              /* a shell's, for what cannot be started */

struct path {
	char p[PATH_MAX];
	size_t n;               /* sizeof(p): it did not fit */
};

static void add(struct path *to, const char *s)
{
	for (; *s && to->n < sizeof(to->p); s++)
		to->p[to->n++] = *s;
	if (to->n < sizeof(to->p))
		to->p[to->n] = '\0';
}

static void say(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	sk_launcher_call(__NR_write, STDERR, (long)s, (long)n, 0);
}

static int is_there(const char *file)
{
	return sk_launcher_call(__NR_faccessat, AT_FDCWD, (long)file, 0, 0) == 0;
}

/* Returns only when there is nothing to start. */
static void start(const char *root, const char *const *env)
{
	struct path loader, lib, worker;
	const char *argv[] = { loader.p, "--inhibit-cache", "--library-path",
		lib.p, worker.p, NULL };

	loader.n = lib.n = worker.n = 0;        /* = { 0 } would need memset */
	add(&lib, root);
	add(&lib, "/snek");
	add(&loader, lib.p);
	add(&loader, "/ld.so");
	add(&worker, lib.p);
	add(&worker, "/snek-api");
	if (!is_there(worker.p)) {
		worker.n = lib.n;
		add(&worker, "/snek-worker");
	}
	if (worker.n < sizeof(worker.p))
		sk_launcher_call(__NR_execve, (long)loader.p, (long)argv,
		    (long)env, 0);
}

/* Its directory is the root; a relative one starts where we are. */
static void start_beside(const char *file, const char *const *env)
{
	struct path root;

	root.n = 0;
	if (*file != '/') {
		long n = sk_launcher_call(__NR_getcwd, (long)root.p,
		    sizeof(root.p), 0, 0);

		if (n <= 1 || *root.p != '/')
			return;
		root.n = (size_t)n - 1;
		add(&root, "/");
	}
	add(&root, file);
	if (root.n == sizeof(root.p))
		return;
	while (root.p[root.n] != '/')
		root.n--;
	root.p[root.n] = '\0';
	start(root.p, env);
}

/* Was it started by way of a symbolic link? */
static void start_beside_self(const char *const *env)
{
	struct path self;
	long n = sk_launcher_call(__NR_readlinkat, AT_FDCWD,
	    (long)"/proc/self/exe", (long)self.p, sizeof(self.p) - 1);

	if (n <= 0)
		return;
	self.p[n] = '\0';
	start_beside(self.p, env);
}

static const char *task_root(const char *const *env)
{
	static const char name[] = "LAMBDA_TASK_ROOT=";
	size_t i;

	for (; *env; env++) {
		for (i = 0; name[i] && (*env)[i] == name[i]; i++)
			;
		if (!name[i])
			return *env + i;
	}
	return "/var/task";
}

/* The name that the kernel was given for us. */
static const char *own_name(const unsigned long *aux)
{
	for (; aux[0] != AT_NULL; aux += 2)
		if (aux[0] == AT_EXECFN)
			return (const char *)aux[1];
	return "";
}

void sk_launcher_main(const unsigned long *stack)
{
	const char *const *env = (const char *const *)(stack + 1 + *stack + 1);
	const char *const *end = env;

	while (*end)
		end++;
	start_beside(own_name((const unsigned long *)(end + 1)), env);
	start_beside_self(env);
	start(task_root(env), env);
	say("bootstrap: there is no snek/ld.so beside it that could be started: "
	    "the bundle was unpacked in part, or for another machine\n");
	for (;;)
		sk_launcher_call(__NR_exit_group, FAILED, 0, 0, 0);
}
