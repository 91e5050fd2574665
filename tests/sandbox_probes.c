/* SPDX-License-Identifier: MIT */
#include "sandbox_probes.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PROBE(name, expr) static long name(void) { return (long)(expr); }

/* ---- files ---- */
PROBE(read_passwd, open("/etc/passwd", O_RDONLY))
PROBE(read_self, open("/proc/self/maps", O_RDONLY))
PROBE(list_etc, open("/etc", O_RDONLY | O_DIRECTORY))
PROBE(list_lib, open("/usr/lib", O_RDONLY | O_DIRECTORY))
PROBE(write_passwd, open("/etc/passwd", O_WRONLY))
PROBE(write_null, open("/dev/null", O_RDWR))
PROBE(append_passwd, open("/etc/passwd", O_RDONLY | O_APPEND))
PROBE(path_only, open("/", O_PATH))
PROBE(create_file, open("/tmp/snek-out", O_CREAT | O_RDONLY, 0600))
PROBE(nameless_file, open("/tmp", O_TMPFILE | O_RDWR, 0600))
PROBE(remove_file, unlink("/tmp/snek-none"))
PROBE(rename_file, rename("/tmp/snek-none", "/tmp/snek-nor"))
PROBE(change_mode, chmod("/tmp", 01777))
PROBE(make_dir, mkdir("/tmp/snek-none/x", 0700))
PROBE(link_file, symlink("x", "/tmp/snek-none/x"))
PROBE(change_dir, chdir("/"))
PROBE(change_root, chroot("/"))
PROBE(shrink_given, ftruncate(GIVEN_FILE, 0))
PROBE(block_given, fcntl(GIVEN_SOCKET, F_SETFL, O_NONBLOCK))
PROBE(own_given, fcntl(GIVEN_SOCKET, F_SETOWN, getppid()))
PROBE(seal_given, fcntl(GIVEN_FILE, F_ADD_SEALS, F_SEAL_SHRINK))
static long type_for_user(void)
{
	char c = '\n';

	return ioctl(0, TIOCSTI, &c);
}

/* ---- network ---- */
PROBE(tcp, socket(AF_INET, SOCK_STREAM, 0))
PROBE(local, socket(AF_UNIX, SOCK_DGRAM, 0))
PROBE(netlink, socket(AF_NETLINK, SOCK_RAW, 0))
PROBE(accept_given, accept(GIVEN_SOCKET, NULL, NULL))
static long connect_given(void)
{
	struct sockaddr_un a = { AF_UNIX, "/dev/log" };

	return connect(GIVEN_SOCKET, (struct sockaddr *)&a, sizeof(a));
}
static long send_elsewhere(void)
{
	struct sockaddr_un a = { AF_UNIX, "/dev/log" };

	return sendto(GIVEN_SOCKET, "x", 1, MSG_NOSIGNAL,
	    (struct sockaddr *)&a, sizeof(a));
}

/* ---- processes ---- */
static long quiet(long pid)
{
	if (!pid)
		_exit(99);
	return pid;
}
PROBE(try_fork, quiet(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)))
PROBE(try_vfork, quiet(syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0)))
PROBE(share_memory, quiet(syscall(SYS_clone, CLONE_THREAD | CLONE_VM |
    CLONE_SIGHAND | CLONE_NEWNS, 0, 0, 0, 0)))
PROBE(try_clone3, quiet(syscall(SYS_clone3, NULL, 0)))
static long try_exec(void)
{
	char *const no[] = { NULL };

	return execve("/bin/true", no, no);
}
static long exec_memory(void)
{
	char *const no[] = { NULL };

	return syscall(SYS_execveat, GIVEN_PLUGIN, "", no, no, AT_EMPTY_PATH);
}
PROBE(signal_parent, kill(getppid(), 0))
PROBE(signal_init, kill(1, 0))
PROBE(signal_group, kill(0, 0))
PROBE(signal_all, kill(-1, 0))
PROBE(signal_thread, syscall(SYS_tgkill, getppid(), getppid(), 0))
PROBE(signal_old_way, syscall(SYS_tkill, getppid(), 0))
PROBE(kill_self, kill(getpid(), SIGKILL))
PROBE(stop_self, kill(getpid(), SIGSTOP))
PROBE(kill_own_thread, syscall(SYS_tgkill, getpid(), gettid(), SIGKILL))
PROBE(stop_own_thread, syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP))
PROBE(kill_self_old_way, syscall(SYS_tkill, gettid(), SIGKILL))
PROBE(queue_to_self, sigqueue(getpid(), SIGKILL, (union sigval){ 0 }))
PROBE(queue_to_own_thread, syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(),
    SIGKILL, &(siginfo_t){ .si_code = SI_QUEUE }))
/* The kernel looks at the lower half of the number only. */
PROBE(kill_self_wide, syscall(SYS_kill, (long)getpid(),
    (long)(SIGKILL | (uint64_t)1 << 32)))
PROBE(hold_parent, syscall(SYS_pidfd_open, getppid(), 0))
PROBE(trace_parent, ptrace(PTRACE_SEIZE, getppid(), NULL, NULL))
PROBE(be_traced, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
PROBE(limit_parent, prlimit(getppid(), RLIMIT_NOFILE, NULL,
    &(struct rlimit){ 0, 0 }))
PROBE(renice, setpriority(PRIO_PROCESS, 0, 19))
PROBE(new_group, setsid())
static long spy(void)
{
	char c;
	struct iovec mine = { &c, 1 }, theirs = { (void *)&errno, 1 };

	return process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0);
}

/* ---- the kernel ---- */
PROBE(try_mount, mount("none", "/tmp", "tmpfs", 0, NULL))
PROBE(try_unshare, unshare(CLONE_NEWUSER))
PROBE(become_root, setuid(0))
PROBE(stay_user, setuid(getuid()))
PROBE(try_personality, personality(0xffffffff))
PROBE(dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
PROBE(io_uring, syscall(SYS_io_uring_setup, 4, NULL))
PROBE(try_bpf, syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0))
PROBE(perf, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
PROBE(faults, syscall(SYS_userfaultfd, O_CLOEXEC))
PROBE(keys, syscall(SYS_keyctl, 0, -3, 0))
PROBE(unknown_call, syscall(100000))
PROBE(x32, syscall(0x40000000 + 39))    /* x86-64's other ABI */
static long raise_limit(void)
{
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };

	return setrlimit(RLIMIT_DATA, &l);
}
static long lower_limit(void)
{
	struct rlimit l = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &l);
}

/* ---- memory, time, room ---- */
PROBE(memory_file, memfd_create("x", 0))
PROBE(shared_memory, mmap(NULL, MIB, PROT_READ | PROT_WRITE,
    MAP_SHARED | MAP_ANONYMOUS, -1, 0))
static long tebibyte(void)
{
	void *volatile p = malloc((size_t)1 << 40);

	return p ? 0 : -1;
}
static long leak(void)
{
	for (int i = 0; i < 12; i++) {
		char *volatile p = malloc(64 * MIB);

		if (!p)
			return -1;
		memset(p, 1, 64 * MIB);
	}
	return 0;
}
static long spin(void)
{
	volatile unsigned long i = 1;

	while (i)
		i += 2;
	return 0;
}
static long spin_on(void)
{
	signal(SIGXCPU, SIG_IGN);
	return spin();
}
static long fill_file(void)
{
	static const char block[65536];
	ssize_t n;

	do
		n = write(GIVEN_FILE, block, sizeof(block));
	while (n > 0);
	return n;
}
static long fill_on(void)
{
	signal(SIGXFSZ, SIG_IGN);
	return fill_file();
}
static long hoard(void)
{
	for (int i = 0; i < 1000; i++)
		if (dup(0) < 0)
			return -1;
	return 0;
}

#define P(f, ...) { #f, f, __VA_ARGS__ }
const struct probe sandbox_attacks[] = {
	P(read_passwd, EACCES, 0, FILES | HARMLESS),
	P(read_self, EACCES, 0, FILES | HARMLESS | PROC),
	P(list_etc, EACCES, 0, FILES | HARMLESS),
	P(list_lib, EACCES, 0, FILES | HARMLESS),
	P(write_passwd, EPERM, 0, CALLS),
	P(write_null, EPERM, 0, CALLS | HARMLESS),
	P(append_passwd, EPERM, 0, CALLS | HARMLESS),
	P(path_only, EPERM, 0, CALLS | HARMLESS),
	P(create_file, EPERM, 0, CALLS),
	P(nameless_file, EPERM, 0, CALLS), P(remove_file, EPERM, 0, CALLS),
	P(rename_file, EPERM, 0, CALLS), P(change_mode, EPERM, 0, CALLS),
	P(make_dir, EPERM, 0, CALLS), P(link_file, EPERM, 0, CALLS),
	P(change_dir, EPERM, 0, CALLS | HARMLESS),
	P(change_root, EPERM, 0, CALLS),
	P(shrink_given, EPERM, 0, CALLS | HARMLESS),
	P(block_given, EPERM, 0, CALLS | HARMLESS),
	P(own_given, EPERM, 0, CALLS | HARMLESS),
	P(seal_given, EPERM, 0, CALLS | HARMLESS),
	P(type_for_user, EPERM, 0, CALLS),
	P(tcp, EPERM, 0, CALLS | HARMLESS),
	P(local, EPERM, 0, CALLS | HARMLESS),
	P(netlink, EPERM, 0, CALLS | HARMLESS),
	P(accept_given, EPERM, 0, CALLS), P(connect_given, EPERM, 0, CALLS),
	P(send_elsewhere, EPERM, 0, CALLS),
	P(try_fork, EPERM, 0, CALLS | HARMLESS),
	P(try_vfork, EPERM, 0, CALLS | HARMLESS),
	P(share_memory, EPERM, 0, CALLS), P(try_clone3, ENOSYS, 0, CALLS),
	P(try_exec, EPERM, 0, CALLS), P(exec_memory, EPERM, 0, CALLS),
	P(signal_parent, EPERM, 0, CALLS | HARMLESS),
	P(signal_init, EPERM, 0, CALLS), P(signal_group, EPERM, 0, CALLS | HARMLESS),
	P(signal_all, EPERM, 0, CALLS), P(signal_thread, EPERM, 0, CALLS | HARMLESS),
	P(signal_old_way, EPERM, 0, CALLS | HARMLESS),
	P(kill_self, EPERM, 0, CALLS), P(stop_self, EPERM, 0, CALLS),
	P(kill_own_thread, EPERM, 0, CALLS),
	P(stop_own_thread, EPERM, 0, CALLS),
	P(kill_self_old_way, EPERM, 0, CALLS),
	P(kill_self_wide, EPERM, 0, CALLS),
	P(queue_to_self, EPERM, 0, CALLS),
	P(queue_to_own_thread, EPERM, 0, CALLS),
	P(hold_parent, EPERM, 0, CALLS | HARMLESS),
	P(trace_parent, EPERM, 0, CALLS), P(be_traced, EPERM, 0, CALLS | HARMLESS),
	P(limit_parent, EPERM, 0, CALLS), P(renice, EPERM, 0, CALLS | HARMLESS),
	P(new_group, EPERM, 0, CALLS | HARMLESS), P(spy, EPERM, 0, CALLS),
	P(try_mount, EPERM, 0, CALLS), P(try_unshare, EPERM, 0, CALLS),
	P(become_root, EPERM, 0, CALLS | ALONE),
	P(stay_user, EPERM, 0, CALLS | HARMLESS | ALONE),
	P(try_personality, EPERM, 0, CALLS | HARMLESS),
	P(dumpable, EPERM, 0, CALLS | MEMORY | HARMLESS),
	P(io_uring, EPERM, 0, CALLS), P(try_bpf, EPERM, 0, CALLS),
	P(perf, EPERM, 0, CALLS), P(faults, EPERM, 0, CALLS),
	P(keys, EPERM, 0, CALLS), P(unknown_call, EPERM, 0, CALLS),
	P(x32, EPERM, 0, CALLS),
	P(raise_limit, EPERM, 0, CALLS),
	P(lower_limit, EPERM, 0, CALLS | HARMLESS),
	P(memory_file, EPERM, 0, CALLS | HARMLESS),
	P(shared_memory, EPERM, 0, CALLS | HARMLESS),
	P(tebibyte, ENOMEM, 0, MEMORY), P(leak, ENOMEM, 0, MEMORY | HARMLESS),
	P(spin, 0, SIGXCPU, SLOW), P(spin_on, 0, SIGKILL, SLOW),
	P(fill_file, 0, SIGXFSZ, 0), P(fill_on, EFBIG, 0, 0),
	P(hoard, EMFILE, 0, HARMLESS),
};
const size_t sandbox_attack_count =
    sizeof(sandbox_attacks) / sizeof(*sandbox_attacks);

/* ---- what a plugin may do ---- */

static long use_malloc(void)
{
	for (int i = 0; i < 3; i++) {
		char *volatile p = malloc(100 * MIB);

		if (!p)
			return -1;
		memset(p, 1, 100 * MIB);
		free(p);
	}
	return 0;
}
static void *thread(void *p)
{
	void *volatile q = malloc(1000);

	free(q);
	return p;
}
static long use_threads(void)
{
	pthread_t t[8];
	int n = 0, rc = 0;

	while (n < 8 && !rc)
		rc = pthread_create(&t[n++], NULL, thread, t);
	for (int i = 0; i < n - !!rc; i++)
		pthread_join(t[i], NULL);
	errno = rc;
	return rc ? -1 : 0;
}
static long load(const char *path, const char *name)
{
	void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!h)
		fprintf(stderr, "%s\n", dlerror());
	return h && dlsym(h, name) ? 0 : -1;
}
PROBE(load_library, load("libresolv.so.2", "ns_initparse"))
static long load_plugin(void)
{
	char path[32];
	long (*call)(void);
	void *h;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", GIVEN_PLUGIN);
	if (load(path, "needs_resolv"))
		return -1;
	h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	*(void **)&call = dlsym(h, "needs_resolv");
	return call();
}
static long die(int sig)
{
	signal(sig, SIG_DFL);
	return sig == SIGABRT ? (abort(), 0) : raise(sig);
}
PROBE(use_abort, die(SIGABRT))
PROBE(use_raise, die(SIGSEGV))
static long use_clock(void)
{
	struct timespec t = { 0, 1000000 };

	return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) ||
	    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, 1000 },
	    NULL) || nanosleep(&(struct timespec){ 0, 1000 }, NULL) ? -1 : 0;
}
static long use_random(void)
{
	char b[8];

	return syscall(SYS_getrandom, b, sizeof(b), 0) == 8 ? 0 : -1;
}
static long use_file(void)
{
	char b[4] = "";
	void *p;

	if (pwrite(GIVEN_FILE, "snek", 4, 0) != 4 ||
	    pread(GIVEN_FILE, b, 4, 0) != 4 || memcmp(b, "snek", 4))
		return -1;
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, GIVEN_FILE, 0);
	return p != MAP_FAILED && !memcmp(p, "snek", 4) ? 0 : -1;
}
static long use_socket(void)
{
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return sendmsg(GIVEN_SOCKET, &m, MSG_NOSIGNAL) == 1 &&
	    send(GIVEN_SOCKET, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}
static long use_stderr(void)
{
	return fprintf(stderr, "%s", "") == 0 && !fflush(stderr) ? 0 : -1;
}
static int order(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}
static long use_qsort(void)
{
	char *p = calloc(1, MIB);

	if (!p)
		return -1;
	qsort(p, MIB, 1, order);
	free(p);
	return 0;
}
static long use_questions(void)
{
	struct stat st;
	struct rlimit l;

	return sysconf(_SC_NPROCESSORS_ONLN) > 0 && getpid() > 0 &&
	    !fstat(GIVEN_FILE, &st) && !getrlimit(RLIMIT_STACK, &l) &&
	    !kill(getpid(), 0) && !isatty(GIVEN_SOCKET) &&
	    localtime(&(time_t){ 0 }) ? 0 : -1;
}

const struct probe sandbox_uses[] = {
	P(use_malloc, 0, 0, ALONE), P(use_threads, 0, 0, 0),
	P(load_library, 0, 0, PROC), P(load_plugin, 0, 0, PROC),
	P(use_abort, 0, SIGABRT, 0), P(use_raise, 0, SIGSEGV, 0),
	P(use_clock, 0, 0, 0), P(use_random, 0, 0, 0), P(use_file, 0, 0, 0),
	P(use_socket, 0, 0, 0), P(use_stderr, 0, 0, 0), P(use_qsort, 0, 0, 0),
	P(use_questions, 0, 0, 0),
};
const size_t sandbox_use_count = sizeof(sandbox_uses) / sizeof(*sandbox_uses);
