/* SPDX-License-Identifier: MIT */
/*
 * Landlock by its system calls, which have no wrappers.  The kernel's header
 * may be older than the kernel, so what came after its first version (which
 * the build insists on) is spelled out here.
 */
#include "task/sandbox_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ruleset {                /* grows with the version */
	uint64_t files;         /* 1 */
	uint64_t net;           /* 4: bind and connect over TCP */
	uint64_t scope;         /* 6: abstract sockets, signals */
};

static const char *const libraries[] = {
	"/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64", "/usr/lib32",
	"/usr/local/lib", "/usr/local/lib64", "/etc/ld.so.cache",
};

int sk_landlock_abi(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return v > 0 ? (int)v : 0;
}

/* Everything that this version can forbid. */
static int ruleset_new(int abi)
{
	/* 1: 13 ways of access; 2: refer; 3: truncate; 5: ioctl of devices. */
	int ways = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5);
	struct ruleset r = { .files = (1ull << ways) - 1 };
	size_t size = offsetof(struct ruleset, net);

	if (abi >= 4) {
		r.net = 3;
		size = offsetof(struct ruleset, scope);
	}
	if (abi >= 6) {
		r.scope = 3;
		size = sizeof(r);
	}
	return (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
}

/* What is not there needs no rule. */
static int allow(int ruleset, const char *path, struct snek_error *e)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	int rc;

	if (rule.parent_fd < 0)
		return errno == EMFILE || errno == ENFILE ?
		    sk_fail_errno(e, "sandbox: %s", path) : 0;
	rc = (int)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	if (rc)
		rc = sk_fail_errno(e, "sandbox: %s", path);
	close(rule.parent_fd);
	return rc;
}

/* Absolute ones of a list as in PATH; "/" would be everything. */
static int allow_list(int ruleset, const char *list, struct snek_error *e)
{
	char path[4096];
	int rc = 0;

	while (list && *list && !rc) {
		size_t n = strcspn(list, ":");

		if (n > 1 && n < sizeof(path) && list[0] == '/') {
			memcpy(path, list, n);
			path[n] = '\0';
			if (path[strspn(path, "/.")])
				rc = allow(ruleset, path, e);
		}
		list += n + (list[n] == ':');
	}
	return rc;
}

static int allow_all(int ruleset, const char *more, struct snek_error *e)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries) && !rc; i++)
		rc = allow(ruleset, libraries[i], e);
	if (!rc)
		rc = allow_list(ruleset, getenv("LD_LIBRARY_PATH"), e);
	return rc ? rc : allow_list(ruleset, more, e);
}

int sk_landlock_enter(const char *more, struct snek_error *e)
{
	int rc, abi = sk_landlock_abi(), ruleset;

	if (!abi)
		return 0;
	ruleset = ruleset_new(abi);
	if (ruleset < 0)
		return sk_fail_errno(e, "sandbox: landlock");
	rc = allow_all(ruleset, more, e);
	if (!rc && syscall(SYS_landlock_restrict_self, ruleset, 0))
		rc = sk_fail_errno(e, "sandbox: landlock");
	close(ruleset);
	return rc;
}
