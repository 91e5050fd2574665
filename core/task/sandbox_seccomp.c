/* SPDX-License-Identifier: MIT */
/*
 * System calls: those of sandbox_calls.c, the rest fails with EPERM.
 *
 * Two filters.  The large one is made by libseccomp and is the same for every
 * child; the small one says which process it may signal, itself, and so is
 * made when its number is known.  The kernel takes the stricter answer.
 */
#include "task/sandbox_parts.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define LIFT "--trust runs it without a sandbox"

struct sk_sandbox_filter {
	unsigned short n;
	struct sock_filter code[];
};

/* libseccomp 2.5 writes programs to descriptors only. */
static int take(int fd, struct sk_sandbox_filter **out, struct snek_error *e)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct sk_sandbox_filter *f;
	size_t n = size > 0 ? (size_t)size : 0;

	if (!n || n % sizeof(*f->code) || n / sizeof(*f->code) > BPF_MAXINSNS)
		return sk_fail(e, SNEK_EINTERNAL, "sandbox: a filter of %zu bytes", n);
	f = malloc(sizeof(*f) + n);
	if (!f)
		return sk_enomem(e);
	f->n = (unsigned short)(n / sizeof(*f->code));
	if (pread(fd, f->code, n, 0) != (ssize_t)n) {
		free(f);
		return sk_fail(e, SNEK_EIO, "sandbox: cannot read the filter");
	}
	*out = f;
	return 0;
}

static int export(scmp_filter_ctx c, struct sk_sandbox_filter **out,
    struct snek_error *e)
{
	int rc, fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0)
		return sk_fail_errno(e, "sandbox: memory file");
	rc = seccomp_export_bpf(c, fd);
	rc = rc ? sk_fail(e, SNEK_EIO, "sandbox: libseccomp says %d", rc) :
	    take(fd, out, e);
	close(fd);
	return rc;
}

int sk_sandbox_filter_new(bool strict, struct sk_sandbox_filter **out,
    struct snek_error *e)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (!c)
		return sk_enomem(e);
	rc = sk_sandbox_fill(c, strict);
	if (rc == -ENOMEM)
		rc = sk_enomem(e);
	else if (rc)
		rc = sk_fail(e, SNEK_EINTERNAL, "sandbox: libseccomp says %d", rc);
	else
		rc = export(c, out, e);
	seccomp_release(c);
	return rc;
}

void sk_sandbox_filter_free(struct sk_sandbox_filter *f)
{
	free(f);
}

static int install(struct sock_filter *code, unsigned short n,
    struct snek_error *e)
{
	struct sock_fprog p = { n, code };

	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p, 0, 0))
		return 0;
	return sk_fail(e, SNEK_EACCES, "sandbox: this machine refuses seccomp "
	    "filters (error %d); " LIFT, errno);
}

/* Process and signal numbers are 32 bits: the lower half of the argument. */
#define LOW(i) (offsetof(struct seccomp_data, args[i]) + \
	(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

/* Not with what no process can catch: it would look like a kill by the system,
 * which is out of memory and not to blame the plugin for. */
static int signal_only_self(struct snek_error *e)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_tgsigqueueinfo, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigqueueinfo, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW(1)),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW(2)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIGKILL, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIGSTOP, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW(0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};

	return install(f, COUNT(f), e);
}

int sk_seccomp_enter(const struct sk_sandbox_filter *f, struct snek_error *e)
{
	struct sk_sandbox_filter *made = NULL;
	int rc = f ? 0 : sk_sandbox_filter_new(false, &made, e);

	if (rc)
		return rc;
	rc = signal_only_self(e);
	if (!rc)
		rc = install(f ? (struct sock_filter *)f->code : made->code,
		    f ? f->n : made->n, e);
	free(made);
	return rc;
}

/* A filter that is not there cannot be read, one that could be can. */
bool sk_seccomp_there(void)
{
	uint32_t act = SECCOMP_RET_ERRNO;

	return !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &act);
}
