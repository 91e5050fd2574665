/* SPDX-License-Identifier: MIT */
/*
 * The order matters: no_new_privs lets an ordinary account install a filter;
 * Landlock opens directories, so it comes before the limit on descriptors has
 * bitten; the filter is last, for it forbids all the rest.
 */
#include "task/sandbox_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GIB (1ull << 30)
/* Of the whole account, threads included: what keeps a bomb of threads with
 * tiny stacks from taking the machine's last process number. */
#define MAX_THREADS 4096
#define NOBODY 65534
#define LIFT "--trust runs it without a sandbox"

static int no_new_privs(struct snek_error *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return sk_fail(e, SNEK_EACCES, "sandbox: this kernel refuses "
		    "no_new_privs; " LIFT);
	/* No core dump, and no look into it for others of the account. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

/* Never more than there is: only root may raise, and it should not here. */
static int limit(int what, rlim_t soft, rlim_t hard, struct snek_error *e)
{
	struct rlimit is, want;

	if (getrlimit(what, &is))
		return sk_fail_errno(e, "sandbox: limit %d", what);
	want.rlim_max = hard < is.rlim_max ? hard : is.rlim_max;
	want.rlim_cur = soft < is.rlim_cur ? soft : is.rlim_cur;
	if (want.rlim_cur > want.rlim_max)
		want.rlim_cur = want.rlim_max;
	if (setrlimit(what, &want))
		return sk_fail_errno(e, "sandbox: limit %d", what);
	return 0;
}

/* Numbers are given from below, so that many more than the first free one
 * are that many more descriptors. */
static int limit_descriptors(uint32_t more, struct snek_error *e)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return sk_fail_errno(e, "sandbox: open /");
	close(fd);
	more = more ? more : 64;
	return limit(RLIMIT_NOFILE, (rlim_t)fd + more, (rlim_t)fd + more, e);
}

static int limit_all(const struct sk_sandbox_options *o, struct snek_error *e)
{
	rlim_t data = o->memory ? o->memory : 4 * GIB;
	rlim_t file = o->file_bytes ? o->file_bytes : 64 * GIB;
	rlim_t cpu = o->cpu_seconds;
	int rc = limit(RLIMIT_CORE, 0, 0, e);

	if (!rc && !SK_SANITIZED)
		rc = limit(RLIMIT_DATA, data, data, e);
	if (!rc && cpu)
		rc = limit(RLIMIT_CPU, cpu, cpu + 1, e);
	if (!rc)
		rc = limit(RLIMIT_FSIZE, file, file, e);
	if (!rc)
		rc = limit(RLIMIT_NPROC, MAX_THREADS, MAX_THREADS, e);
	return rc ? rc : limit_descriptors(o->descriptors, e);
}

/*
 * Root without capabilities is an account that owns many files, and Linux does
 * not count its threads.  It counts those of the real user, so that becomes
 * another; the effective one, which files are asked for, stays.  Where there
 * is no such user, or no right to become one, root's threads go uncounted.
 */
static void leave_root(void)
{
	uid_t real, effective, saved;

	int rc = getresuid(&real, &effective, &saved);

	if (!rc && !real)
		rc = setresuid(NOBODY, effective, saved);
	(void)rc;
}

/* Nothing that it could execute, and it cannot, would give them back. */
static void drop_bounds(void)
{
	int i;

	for (i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int drop_capabilities(struct snek_error *e)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capset, &h, none))
		return sk_fail_errno(e, "sandbox: drop capabilities");
	return 0;
}

int sk_sandbox_enter(const struct sk_sandbox_options *o, struct snek_error *e)
{
	int rc = no_new_privs(e);

	if (!rc)
		rc = sk_landlock_enter(o->libraries, e);
	if (!rc)
		rc = limit_all(o, e);
	if (!rc) {
		drop_bounds();
		leave_root();
		rc = drop_capabilities(e);
	}
	return rc ? rc : sk_seccomp_enter(o->filter, e);
}

void sk_sandbox_features(struct sk_sandbox_features *f)
{
	f->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
	f->seccomp = sk_seccomp_there();
	f->landlock_abi = sk_landlock_abi();
	f->landlock = f->landlock_abi > 0;
}
