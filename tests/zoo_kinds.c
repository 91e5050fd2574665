/* SPDX-License-Identifier: MIT */
#include "zoo_kinds.h"

#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD ZOO_EXIT(0)
#define PLUGIN ZOO_EXIT(7)
#define LIMIT ZOO_EXIT(8)

#define DIES(op_, says_) \
	{ .name = #op_, .plugin = "die", .op = #op_, .exits = PLUGIN, \
	    .flags = ZOO_RECORD, .says = says_ }
#define REACHES(what_) \
	{ .name = "reach " what_, .plugin = "reach", .op = "reach", \
	    .what = what_, .exits = PLUGIN, .flags = ZOO_RECORD, \
	    .says = "refused|SIGSYS" }
#define READS(what_) \
	{ .name = "reach " what_, .plugin = "reach", .op = "reach", \
	    .what = what_, .exits = PLUGIN, .flags = ZOO_RECORD | ZOO_LANDLOCK, \
	    .says = "refused" }
#define STALLS(op_) \
	{ .name = #op_, .plugin = "eat", .op = #op_, .timeout = "0.2", \
	    .exits = LIMIT, .says = "time" }
#define LIES(op_, exits_, says_) \
	{ .name = #op_, .plugin = "lie", .op = #op_, .exits = exits_, \
	    .says = says_ }
#define BORN(how_, exits_, says_) \
	{ .name = "birth " #how_, .plugin = "birth_" #how_, .timeout = "3", \
	    .exits = exits_, .says = says_ }, \
	{ .name = "add birth " #how_, .plugin = "birth_" #how_, \
	    .exits = exits_, .flags = ZOO_ADD, .says = says_ }
#define SIZED(how_, says_) \
	{ .name = "size " #how_, .plugin = "size_" #how_, \
	    .exits = PLUGIN, .says = says_ }, \
	{ .name = "add size " #how_, .plugin = "size_" #how_, \
	    .exits = PLUGIN, .flags = ZOO_ADD, .says = says_ }

const struct zoo_kind zoo_kinds[] = {
	{ .name = "good", .plugin = "die", .op = "good", .exits = GOOD },

	DIES(segfault, "SIGSEGV"),
	DIES(aborts, "SIGABRT"),
	DIES(exits, "exit"),
	{ .name = "exits 3", .plugin = "die", .op = "exits", .what = "3",
	    .exits = PLUGIN, .flags = ZOO_RECORD, .says = "exit.*3" },
	DIES(leaves, "exit"),
	{ .name = "leaves 3", .plugin = "die", .op = "leaves", .what = "3",
	    .exits = PLUGIN, .flags = ZOO_RECORD, .says = "exit.*3" },
	DIES(divides, "SIGFPE"),
	DIES(overflow, "SIGSEGV"),
	DIES(smash, "SIGABRT|SIGSEGV"),
	/* What a jump into a dead frame does is anybody's guess, but for how it
	 * ends. */
	{ .name = "jumps", .plugin = "die", .op = "jumps", .timeout = "5",
	    .exits = PLUGIN | LIMIT, .says = "SIG|no sense|memory|time" },
	{ .name = "raises 9", .plugin = "die", .op = "raises", .what = "9",
	    .exits = PLUGIN, .flags = ZOO_RECORD, .says = "refused" },
	{ .name = "raises 19", .plugin = "die", .op = "raises", .what = "19",
	    .exits = PLUGIN, .flags = ZOO_RECORD, .says = "refused" },
	{ .name = "raises 15", .plugin = "die", .op = "raises", .what = "15",
	    .exits = PLUGIN, .says = "SIGTERM|refused" },
	{ .name = "dies in finish", .plugin = "die", .op = "in_finish",
	    .exits = PLUGIN, .says = "SIGABRT" },
	{ .name = "dies in open", .plugin = "die", .op = "in_open",
	    .exits = PLUGIN, .says = "SIGABRT" },
	{ .name = "dies in reduce", .plugin = "die", .op = "in_reduce",
	    .exits = PLUGIN, .says = "SIGABRT" },
	/* Its work is done by then, whole and handed in. */
	{ .name = "dies in close", .plugin = "die", .op = "in_close",
	    .exits = GOOD | PLUGIN, .says = "in close.*SIGSEGV" },

	STALLS(spins),
	STALLS(sleeps),
	STALLS(deaf),
	{ .name = "logs", .plugin = "eat", .op = "logs", .timeout = "0.3",
	    .exits = LIMIT, .says = "time" },
	{ .name = "spins with cpu", .plugin = "eat", .op = "spins", .cpu = "1",
	    .exits = PLUGIN, .flags = ZOO_RECORD | ZOO_SLOW,
	    .says = "SIGXCPU|cpu" },
	{ .name = "allocates", .plugin = "eat", .op = "allocates",
	    .memory = "268435456", .exits = PLUGIN, .flags = ZOO_RECORD | ZOO_NO_SAN,
	    .says = "no more after|memory" },
	{ .name = "trusts", .plugin = "eat", .op = "trusts", .memory = "268435456",
	    .exits = PLUGIN, .flags = ZOO_RECORD | ZOO_NO_SAN,
	    .says = "SIGSEGV|memory" },
	{ .name = "maps", .plugin = "eat", .op = "maps", .memory = "268435456",
	    .exits = PLUGIN, .says = "refused|SIG" },
	{ .name = "maps memfds", .plugin = "eat", .op = "maps", .what = "fd",
	    .memory = "268435456", .exits = PLUGIN, .says = "refused|SIG" },
	{ .name = "forks", .plugin = "eat", .op = "forks", .exits = PLUGIN,
	    .says = "refused|SIGSYS" },
	{ .name = "threads", .plugin = "eat", .op = "threads",
	    .exits = GOOD | PLUGIN, .says = "refused" },
	{ .name = "swarms", .plugin = "eat", .op = "swarms", .exits = PLUGIN,
	    .flags = ZOO_ACCOUNT | ZOO_RECORD, .says = "refused" },
	{ .name = "haunts", .plugin = "eat", .op = "haunts",
	    .exits = GOOD | PLUGIN, .says = "refused|SIG|no answer" },
	{ .name = "long key", .plugin = "eat", .op = "long_key",
	    .memory = "536870912", .exits = PLUGIN | LIMIT, .says = "key|memory|SIG" },
	{ .name = "floods", .plugin = "eat", .op = "floods", .reduce = "none",
	    .timeout = "0.5", .exits = LIMIT, .says = "time|limit" },
	{ .name = "floods a key", .plugin = "eat", .op = "floods", .what = "1",
	    .reduce = "list", .timeout = "0.5", .exits = LIMIT,
	    .says = "time|limit" },
	{ .name = "prints", .plugin = "eat", .op = "prints", .exits = GOOD },

	LIES(closes, GOOD | PLUGIN, "eat|lie|descriptor|end|SIG"),
	LIES(writes, GOOD | PLUGIN, "."),
	{ .name = "forges", .plugin = "lie", .op = "forges",
	    .exits = GOOD | PLUGIN, .flags = ZOO_ROUND, .says = "." },
	{ .name = "answers too few", .plugin = "lie", .op = "answers",
	    .what = "17", .exits = PLUGIN, .says = "given 17 records" },
	{ .name = "answers too many", .plugin = "lie", .op = "answers",
	    .what = "18446744073709551615", .exits = PLUGIN,
	    .says = "given 18446744073709551615 records" },
	LIES(nan_value, PLUGIN, "NaN|infin"),
	{ .name = "code -9999", .plugin = "lie", .op = "garbage_code",
	    .what = "-9999", .exits = PLUGIN, .says = "-9999" },
	{ .name = "code 4711", .plugin = "lie", .op = "garbage_code",
	    .what = "4711", .exits = PLUGIN, .says = "4711" },
	LIES(rounding, PLUGIN, "float|round"),
	LIES(reads_on, PLUGIN, "SIGSEGV|SIGBUS"),
	LIES(writes_input, PLUGIN, "SIGSEGV|SIGBUS"),
	LIES(writes_host, PLUGIN, "SIGSEGV"),
	/* The host's notes on it are not to be believed. */
	/* What it wrote over may keep it from dying. */
	{ .name = "writes_shared", .plugin = "lie", .op = "writes_shared",
	    .timeout = "1", .exits = PLUGIN | LIMIT, .flags = ZOO_ROUND,
	    .says = "." },
	{ .name = "wipes shared", .plugin = "lie", .op = "writes_shared",
	    .what = "0", .timeout = "1", .exits = PLUGIN | LIMIT,
	    .says = "." },
	LIES(forged_value, PLUGIN, "msgpack|object"),
	LIES(false_pointer, PLUGIN, "SIGSEGV"),
	LIES(partition, PLUGIN, "partition"),

	READS("read"), READS("shadow"), READS("list"),
	REACHES("create"), REACHES("create-here"), REACHES("create-tmp"),
	REACHES("create-nameless"), REACHES("write"), REACHES("truncate"),
	REACHES("unlink"), REACHES("rename"), REACHES("link"),
	REACHES("mkdir"), REACHES("chmod"), REACHES("utime"),
	REACHES("mem"), REACHES("socket"), REACHES("exec"),
	REACHES("clone"), REACHES("unshare"), REACHES("kill-parent"),
	REACHES("kill-group"), REACHES("sigqueue"), REACHES("tgkill"),
	REACHES("ptrace"), REACHES("poke"), REACHES("getfd"),
	REACHES("prlimit"), REACHES("setrlimit"), REACHES("nice"),
	REACHES("mount"), REACHES("chroot"), REACHES("io_uring"),
	REACHES("bpf"), REACHES("perf"), REACHES("key"), REACHES("shm"),
	REACHES("setsid"), REACHES("host"), REACHES("int80"), REACHES("x32"),

	BORN(segfault, PLUGIN, "SIGSEGV"),
	BORN(exits, PLUGIN, "exit"),
	{ .name = "birth spins", .plugin = "birth_spins", .timeout = "0.2",
	    .exits = LIMIT, .says = "time.*load" },
	{ .name = "add birth spins", .plugin = "birth_spins", .exits = PLUGIN,
	    .flags = ZOO_ADD | ZOO_SLOW, .says = "did not load" },
	BORN(writes, GOOD | PLUGIN, "SIGSYS"),
	BORN(forks, GOOD | PLUGIN, "SIGSYS"),
	BORN(kills, GOOD | PLUGIN, "SIGSYS"),
	BORN(leaves, GOOD | PLUGIN, "exit"),
	BORN(closes, PLUGIN, "."),

	SIZED(abi, "4711"),
	SIZED(huge_plugin, "size"),
	SIZED(small_plugin, "size"),
	SIZED(huge_op, "size"),
	SIZED(odd_op, "size"),
	SIZED(wild_ops, "SIGSEGV|address|ops"),
	SIZED(wild_name, "SIGSEGV|address|name"),
	SIZED(endless, "SIGSEGV|ops|op"),
	{ .name = NULL }
};

void zoo_kind_function(const struct zoo_kind *k, const char *dir, char *out,
    unsigned long size)
{
	snprintf(out, size, "%s/%s.so%s%s", dir, k->plugin,
	    k->op && !(k->flags & ZOO_ADD) ? ":" : "", k->op ? k->op : "");
}

static bool has_landlock(void)
{
	return !getenv("ZOO_NO_LANDLOCK") && syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* May root's real user be another one? */
static bool can_be_nobody(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(setresuid(65534, 0, 0) != 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

const char *zoo_kind_skip(const struct zoo_kind *k)
{
#ifdef ZOO_SANITIZED
	if (k->flags & ZOO_NO_SAN)
		return "not under sanitizers";
#endif
#ifdef __SANITIZE_THREAD__
	if (k->flags & ZOO_ACCOUNT)
		return "not under the thread sanitizer, whose threads take a "
		    "megabyte each";
#endif
	if (k->flags & ZOO_LANDLOCK && !has_landlock())
		return "this build or kernel has no Landlock";
	if (k->flags & ZOO_ACCOUNT && !getuid() && !can_be_nobody())
		return "Linux does not count the threads of root, which may be "
		    "nobody else here";
	return NULL;
}
