/* SPDX-License-Identifier: MIT */
/*
 * An op that reaches for what is not its own, by one call of the system: what
 * says which.  Refused or killed for it, both are right; the one wrong answer
 * is success, and then it emits "escaped".
 */
#include "zoo.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* All: 0 or more is an escape, -1 and errno a refusal. */
typedef long reaching(const char *path);

static long reads(const char *path)
{
	return open(path, O_RDONLY);
}

static long reads_passwords(const char *path)
{
	(void)path;
	return open("/etc/shadow", O_RDONLY);
}

static long lists(const char *path)
{
	(void)path;
	return open("/", O_RDONLY | O_DIRECTORY);
}

static long creates(const char *path)
{
	return open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
}

static long creates_here(const char *path)
{
	(void)path;
	return open("zoo-escaped", O_CREAT | O_WRONLY, 0600);
}

static long creates_in_tmp(const char *path)
{
	(void)path;
	return open("/tmp/zoo-escaped", O_CREAT | O_WRONLY, 0600);
}

static long creates_nameless(const char *path)
{
	(void)path;
	return open("/tmp", O_TMPFILE | O_RDWR, 0600);
}

static long writes(const char *path)
{
	return open(path, O_WRONLY | O_APPEND);
}

static long truncates(const char *path)
{
	return truncate(path, 0);
}

static long unlinks(const char *path)
{
	return unlink(path);
}

static long renames(const char *path)
{
	char to[4200];

	snprintf(to, sizeof(to), "%s-escaped", path);
	return rename(path, to);
}

static long links(const char *path)
{
	char to[4200];

	snprintf(to, sizeof(to), "%s-escaped", path);
	return link(path, to) && symlink(path, to) ? -1 : 0;
}

static long makes(const char *path)
{
	char to[4200];

	snprintf(to, sizeof(to), "%s-escaped", path);
	return mkdir(to, 0700) && mkfifo(to, 0600) ? -1 : 0;
}

static long changes_mode(const char *path)
{
	return chmod(path, 0777);
}

static long changes_time(const char *path)
{
	return utimensat(AT_FDCWD, path, NULL, 0);
}

static long kernel_file(const char *path)
{
	char name[64];

	(void)path;
	snprintf(name, sizeof(name), "/proc/%d/mem", (int)getppid());
	return open(name, O_RDWR);
}

static long sockets(const char *path)
{
	static const int family[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };
	size_t i;

	(void)path;
	for (i = 0; i < 4; i++)
		if (socket(family[i], SOCK_DGRAM, 0) >= 0)
			return 0;
	return -1;
}

static long executes(const char *path)
{
	char *const argv[] = { "/bin/true", NULL }, *const env[] = { NULL };

	(void)path;
	return execve(argv[0], argv, env);
}

static long clones(const char *path)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	(void)path;
	if (!pid)
		_exit(0);
	return pid;
}

static long unshares(const char *path)
{
	(void)path;
	return unshare(CLONE_NEWUSER);
}

static long kills_parent(const char *path)
{
	(void)path;
	return kill(getppid(), SIGKILL);
}

static long kills_group(const char *path)
{
	(void)path;
	return kill(0, SIGKILL);
}

/* What is queued is as good as what is sent. */
static long queues(const char *path)
{
	const union sigval v = { 0 };

	(void)path;
	return sigqueue(getppid(), SIGKILL, v);
}

static long threads_kill(const char *path)
{
	pid_t p = getppid();

	(void)path;
	return syscall(SYS_tgkill, p, p, SIGKILL);
}

static long traces(const char *path)
{
	(void)path;
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static long pokes(const char *path)
{
	char junk[16] = { 0 };
	struct iovec from = { junk, 16 }, to = { (void *)&zoo_args, 16 };

	(void)path;
	return process_vm_writev(getppid(), &from, 1, &to, 1, 0);
}

static long takes_descriptor(const char *path)
{
	long fd = syscall(SYS_pidfd_open, getppid(), 0);

	(void)path;
	return fd < 0 ? -1 : syscall(SYS_pidfd_getfd, fd, 0, 0);
}

static long limits_parent(const char *path)
{
	const struct rlimit none = { 0, 0 };

	(void)path;
	return prlimit(getppid(), RLIMIT_NOFILE, &none, NULL);
}

static long raises_limit(const char *path)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)path;
	return setrlimit(RLIMIT_DATA, &all);
}

static long slows_parent(const char *path)
{
	(void)path;
	return setpriority(PRIO_PROCESS, (id_t)getppid(), 19);
}

static long mounts(const char *path)
{
	(void)path;
	mount("none", "/zoo/none", "tmpfs", 0, NULL);
	return errno == ENOENT ? 0 : -1;        /* it got as far as that */
}

static long changes_root(const char *path)
{
	(void)path;
	return chroot("/tmp");
}

static long rings(const char *path)
{
	char params[256] = { 0 };

	(void)path;
	return syscall(SYS_io_uring_setup, 4, params);
}

static long programs(const char *path)
{
	char attr[128] = { 0 };

	(void)path;
	return syscall(SYS_bpf, 0, attr, sizeof(attr));
}

static long watches(const char *path)
{
	char attr[128] = { [4] = 112 };

	(void)path;
	return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static long keys(const char *path)
{
	(void)path;
	return syscall(SYS_add_key, "user", "zoo", "x", 1, -3);
}

static long shares(const char *path)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

	(void)path;
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id;
}

static long leaves_session(const char *path)
{
	(void)path;
	return setsid();
}

static long names_host(const char *path)
{
	char name[200] = "zoo";

	(void)path;
	sethostname(name, sizeof(name));
	return errno == EINVAL ? 0 : -1;
}

/* The same calls by other doors. */
static long old_door(const char *path)
{
#ifdef __x86_64__
	long rc;

	(void)path;
	/* 32 bit: 20 is getpid there, 102 was socketcall. */
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory");
	errno = rc < 0 ? (int)-rc : 0;
	return rc < 0 ? -1 : rc;
#else
	(void)path;
	errno = ENOSYS;
	return -1;
#endif
}

static long x32_door(const char *path)
{
	(void)path;
#ifdef __x86_64__
	return syscall(0x40000000 | 39);
#else
	errno = ENOSYS;
	return -1;
#endif
}

static const struct {
	const char *what;
	reaching *f;
} list[] = {
	{ "read", reads }, { "shadow", reads_passwords }, { "list", lists },
	{ "create", creates }, { "create-here", creates_here },
	{ "create-tmp", creates_in_tmp }, { "create-nameless", creates_nameless },
	{ "write", writes }, { "truncate", truncates }, { "unlink", unlinks },
	{ "rename", renames }, { "link", links }, { "mkdir", makes },
	{ "chmod", changes_mode }, { "utime", changes_time },
	{ "mem", kernel_file }, { "socket", sockets }, { "exec", executes },
	{ "clone", clones }, { "unshare", unshares },
	{ "kill-parent", kills_parent }, { "kill-group", kills_group },
	{ "sigqueue", queues }, { "tgkill", threads_kill },
	{ "ptrace", traces }, { "poke", pokes }, { "getfd", takes_descriptor },
	{ "prlimit", limits_parent }, { "setrlimit", raises_limit },
	{ "nice", slows_parent }, { "mount", mounts },
	{ "chroot", changes_root }, { "io_uring", rings }, { "bpf", programs },
	{ "perf", watches }, { "key", keys }, { "shm", shares },
	{ "setsid", leaves_session }, { "host", names_host },
	{ "int80", old_door }, { "x32", x32_door },
};

static int reach(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	size_t i;

	(void)r;
	for (i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (!strcmp(list[i].what, z->what))
			return zoo_verdict(c, z->what, list[i].f(z->path) < 0);
	return snek_emit_int(c, "unknown", 7, 1);
}
ZOO_MAP(reach)

SNEK_PLUGIN("reach", "1.0", ZOO_OP(reach, "do what it may not"));
