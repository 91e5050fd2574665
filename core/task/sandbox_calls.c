/* SPDX-License-Identifier: MIT */
/*
 * The system calls of a child: what the C library, dlopen, malloc, threads and
 * reading and writing given descriptors need.  The rest fails with EPERM.
 *
 * Names of other architectures (mmap2, futex_time64, ...) are there for those;
 * libseccomp leaves out what this one has not.  A condition is on an argument's
 * bits, (argument & mask) == value; several entries of a call are alternatives.
 */
#include "task/sandbox_parts.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct call {
	int nr;
	unsigned args;
	struct scmp_arg_cmp arg[2];
};

#define CALL(name) { SCMP_SYS(name), 0, { { 0 } } }
#define BITS(i, mask, value) { i, SCMP_CMP_MASKED_EQ, mask, value }
#define CALL_IF(name, i, mask, value) \
	{ SCMP_SYS(name), 1, { BITS(i, mask, value) } }
#define INT 0xffffffffu         /* the kernel looks at the lower half only */
#define NULL_IF(name, i) { SCMP_SYS(name), 1, { { i, SCMP_CMP_EQ, 0, 0 } } }

/* Flags of open by which something is made or changed, or a descriptor got
 * that Landlock did not judge. */
#define OPEN_MORE ((O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_TMPFILE | \
	O_PATH) & ~O_DIRECTORY)         /* which O_TMPFILE has in it */
/* Threads are clones that share all; none is in a namespace of its own. */
#define CLONE_ALL (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | \
	CLONE_THREAD)
#define CLONE_NEW (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE)
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#define MMAP_TYPES 0x0f

static const struct call allowed[] = {
	/* memory; anonymous memory is private, for RLIMIT_DATA counts only that */
	CALL(brk), CALL(munmap), CALL(mremap), CALL(mprotect), CALL(madvise),
	CALL_IF(mmap, 3, MAP_ANONYMOUS, 0),
	CALL_IF(mmap, 3, MMAP_TYPES, MAP_PRIVATE),
	CALL_IF(mmap2, 3, MAP_ANONYMOUS, 0),
	CALL_IF(mmap2, 3, MMAP_TYPES, MAP_PRIVATE),

	/* given descriptors; not ftruncate, nor F_SETFL and its like, which
	 * change what others share */
	CALL(read), CALL(readv), CALL(pread64), CALL(preadv), CALL(preadv2),
	CALL(write), CALL(writev), CALL(pwrite64), CALL(pwritev),
	CALL(pwritev2), CALL(sendfile), CALL(sendfile64), CALL(lseek),
	CALL(_llseek), CALL(close),
	CALL(close_range), CALL(dup), CALL(dup2), CALL(dup3), CALL(poll),
	CALL(ppoll), CALL(ppoll_time64), CALL(select), CALL(_newselect),
	CALL(pselect6), CALL(pselect6_time64), CALL(fadvise64),
	CALL_IF(fcntl, 1, INT, F_GETFD), CALL_IF(fcntl, 1, INT, F_SETFD),
	CALL_IF(fcntl, 1, INT, F_GETFL), CALL_IF(fcntl, 1, INT, F_DUPFD),
	CALL_IF(fcntl, 1, INT, F_DUPFD_CLOEXEC),
	CALL_IF(fcntl, 1, INT, F_GET_SEALS),
	CALL_IF(fcntl64, 1, INT, F_GETFD), CALL_IF(fcntl64, 1, INT, F_SETFD),
	CALL_IF(fcntl64, 1, INT, F_GETFL), CALL_IF(fcntl64, 1, INT, F_DUPFD),
	CALL_IF(fcntl64, 1, INT, F_DUPFD_CLOEXEC),
	CALL_IF(fcntl64, 1, INT, F_GET_SEALS),
	CALL_IF(ioctl, 1, INT, TCGETS), /* isatty */
	CALL(sendmsg), CALL(recvmsg), CALL(recvfrom), CALL(shutdown),
	NULL_IF(sendto, 4),

	/* libraries */
	CALL_IF(open, 1, OPEN_MORE, O_RDONLY),
	CALL_IF(openat, 2, OPEN_MORE, O_RDONLY),
	CALL(fstat), CALL(fstat64), CALL(newfstatat), CALL(fstatat64),
	CALL(statx), CALL(stat), CALL(stat64), CALL(lstat), CALL(lstat64),
	CALL(getcwd),

	/* threads; what kill and the like may hit is the small filter's */
	CALL_IF(clone, CLONE_FLAGS, CLONE_ALL | CLONE_NEW, CLONE_ALL),
	CALL(futex), CALL(futex_time64), CALL(set_robust_list), CALL(rseq),
	CALL(set_tid_address), CALL(membarrier), CALL(gettid), CALL(exit),
	CALL(exit_group), CALL(sched_yield), CALL(sched_getaffinity),
	CALL(sched_getparam), CALL(sched_getscheduler), CALL(getcpu),
	CALL(kill), CALL(tgkill), CALL(rt_sigqueueinfo),
	CALL(rt_tgsigqueueinfo), CALL(rt_sigaction), CALL(rt_sigprocmask),
	CALL(rt_sigreturn), CALL(sigreturn), CALL(rt_sigpending),
	CALL(rt_sigsuspend), CALL(rt_sigtimedwait),
	CALL(rt_sigtimedwait_time64), CALL(sigaltstack), CALL(pause),
	CALL(restart_syscall),
	CALL_IF(prctl, 0, INT, PR_SET_NAME), CALL_IF(prctl, 0, INT, PR_GET_NAME),
	CALL_IF(prctl, 0, INT, PR_SET_VMA),

	/* time and other questions; limits are read, not set */
	CALL(clock_gettime), CALL(clock_gettime64), CALL(clock_getres),
	CALL(clock_getres_time64), CALL(gettimeofday), CALL(time), CALL(times),
	CALL(nanosleep), CALL(clock_nanosleep), CALL(clock_nanosleep_time64),
	CALL(setitimer), CALL(getitimer), CALL(alarm), CALL(getrandom),
	CALL(getpid), CALL(getppid), CALL(getpgrp), CALL(getuid),
	CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getuid32),
	CALL(geteuid32), CALL(getgid32), CALL(getegid32), CALL(uname),
	CALL(sysinfo), CALL(getrusage), CALL(getrlimit), CALL(ugetrlimit),
	{ SCMP_SYS(prlimit64), 2,
		{ BITS(0, INT, 0), { 2, SCMP_CMP_EQ, 0, 0 } } },
};

/* Younger calls whose absence the C library knows how to meet: it then makes
 * the older one, whose arguments a filter can see. */
static const struct call absent[] = {
	CALL(clone3), CALL(openat2), CALL(faccessat2),
};

/* No accident: under a strict filter these end the process. */
static const struct call deadly[] = {
	CALL(execve), CALL(execveat), CALL(fork), CALL(vfork), CALL(ptrace),
	CALL(process_vm_readv), CALL(process_vm_writev), CALL(pidfd_open),
	CALL(pidfd_getfd), CALL(pidfd_send_signal), CALL(kcmp),
	CALL(socket), CALL(connect), CALL(bind), CALL(listen), CALL(accept),
	CALL(accept4), CALL(tkill), CALL(mount), CALL(umount2),
	CALL(pivot_root), CALL(move_mount), CALL(open_tree), CALL(fsopen),
	CALL(fsmount), CALL(chroot), CALL(unshare), CALL(setns), CALL(bpf),
	CALL(perf_event_open), CALL(userfaultfd), CALL(io_uring_setup),
	CALL(io_uring_enter), CALL(io_uring_register), CALL(keyctl),
	CALL(add_key), CALL(request_key), CALL(personality), CALL(setuid),
	CALL(setgid), CALL(setreuid), CALL(setregid), CALL(setresuid),
	CALL(setresgid), CALL(setgroups), CALL(capset), CALL(init_module),
	CALL(finit_module), CALL(delete_module), CALL(kexec_load),
	CALL(kexec_file_load), CALL(reboot), CALL(swapon), CALL(swapoff),
	CALL(open_by_handle_at), CALL(settimeofday), CALL(clock_settime),
	CALL(ioperm), CALL(iopl), CALL(syslog),
};

static const struct call sanitizer[] = {
	CALL(prctl), CALL(readlink), CALL(readlinkat),
};

/* libseccomp answers with negative errno; a call that this machine's
 * architecture has not is none to allow. */
static int rule(scmp_filter_ctx c, uint32_t act, const struct call *call)
{
	int rc = call->nr < 0 && call->args ? 0 :
	    seccomp_rule_add_array(c, act, call->nr, call->args, call->arg);

	return rc == -EDOM ? 0 : rc;
}

static int rules(scmp_filter_ctx c, uint32_t act, const struct call *call,
    size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = rule(c, act, &call[i]);
	return rc;
}

int sk_sandbox_fill(void *c, bool strict)
{
	uint32_t foreign = strict ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
	int rc = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, foreign);

	/* A tree, not a list: 10 comparisons instead of 100 (libseccomp 2.5). */
	seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!rc)
		rc = rules(c, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (!rc)
		rc = rules(c, SCMP_ACT_ERRNO(ENOSYS), absent, COUNT(absent));
	if (!rc && strict)
		rc = rules(c, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
	if (!rc && SK_SANITIZED)
		rc = rules(c, SCMP_ACT_ALLOW, sanitizer, COUNT(sanitizer));
	return rc;
}
