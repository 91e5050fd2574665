/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "job/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "task/sandbox.h"
#include "value/gzip.h"
#include "value/json_read.h"
#include <snek/plugin.h>

#define TMP_LEAST (256u << 20)  /* bytes that temporary files may well need */

void sk_doctor_say(struct sk_doctor *d, enum snek_verdict verdict,
    const char *name, const char *cure, const char *fmt, ...)
{
	struct snek_check c = { .size = sizeof(c), .verdict = verdict,
	    .name = name, .cure = cure };
	char text[1024];
	va_list ap;

	if (d->rc)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c.text = text;
	d->rc = d->visit(d->arg, &c);
}

struct sk_doctor_size sk_doctor_bytes(uint64_t n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	struct sk_doctor_size out;
	double x = (double)n;
	size_t u = 0;

	while (x >= 999.5 && u < 5) {
		x /= 1000;
		u++;
	}
	snprintf(out.s, sizeof(out.s), u && x < 99.95 ? "%.1f %s" : "%.0f %s",
	    x, units[u]);
	return out;
}

/* ---- this build ---- */

static void check_build(struct sk_doctor *d)
{
	sk_doctor_say(d, SNEK_CHECK_PASS, "snek", NULL,
	    "snek " PACKAGE_VERSION ", plugin ABI %u", SNEK_ABI);
	if (sk_json_is_fast())
		sk_doctor_say(d, SNEK_CHECK_PASS, "json", NULL,
		    "fast parser (simdjson) built in");
	else
		sk_doctor_say(d, SNEK_CHECK_WARN, "json",
		    "install libsimdjson-dev and build snek again",
		    "the fast parser (simdjson) is not built in");
	if (sk_gzip_is_built_in())
		sk_doctor_say(d, SNEK_CHECK_PASS, "gzip", NULL,
		    "zlib built in");
	else
		sk_doctor_say(d, SNEK_CHECK_WARN, "gzip",
		    "install zlib1g-dev and build snek again, or use gzip -dc",
		    "zlib is not built in: .gz files cannot be read");
}

/* ---- this machine ---- */

static void check_processors(struct sk_doctor *d)
{
	long all = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;
	int mine;

	if (all < 1 || sched_getaffinity(0, sizeof(set), &set)) {
		sk_doctor_say(d, SNEK_CHECK_WARN, "processors",
		    "say how many: --workers N",
		    "they cannot be counted; jobs will use one");
		return;
	}
	mine = CPU_COUNT(&set);
	sk_doctor_say(d, SNEK_CHECK_PASS, "processors", NULL,
	    mine < all ? "%d of %ld" : "%d", mine, all);
}

static void check_worker(struct sk_doctor *d)
{
	const char *named = getenv("SNEK_WORKER");
	const char *path = named && *named ? named : SNEK_LIBEXECDIR "/snek-worker";

	if (!access(path, X_OK) && access("/proc/self/fd", X_OK))
		sk_doctor_say(d, SNEK_CHECK_WARN, "worker",
		    "mount -t proc proc /proc", "%s; /proc is not mounted: "
		    "plugins are loaded by their paths, and crashes told "
		    "without their lines", path);
	else if (!access(path, X_OK))
		sk_doctor_say(d, SNEK_CHECK_PASS, "worker", NULL, "%s", path);
	else if (named && *named)
		sk_doctor_say(d, SNEK_CHECK_FAIL, "worker",
		    "set SNEK_WORKER to the program, or unset it",
		    "$SNEK_WORKER: %s: %s", path, strerror(errno));
	else
		sk_doctor_say(d, SNEK_CHECK_FAIL, "worker",
		    "install snek, or set SNEK_WORKER to the program; queries "
		    "with --on threads go without", "%s: %s", path,
		    strerror(errno));
}

/* The one place that says what the sandbox lacks here, and what of it. */
static void check_sandbox(struct sk_doctor *d)
{
	struct sk_sandbox_features f = { .landlock_abi = 0 };
	char landlock[32] = "no Landlock";

	sk_sandbox_features(&f);
	if (f.landlock)
		snprintf(landlock, sizeof(landlock), "Landlock ABI %d",
		    f.landlock_abi);
	if (!f.no_new_privs)
		sk_doctor_say(d, SNEK_CHECK_WARN, "sandbox",
		    "boot another kernel; until then --trust alone runs plugins",
		    "no no_new_privs: there is none");
	else if (!f.seccomp)
		sk_doctor_say(d, SNEK_CHECK_WARN, "sandbox",
		    "install libseccomp-dev and build snek again, on a kernel "
		    "with CONFIG_SECCOMP_FILTER; until then run only plugins "
		    "that you trust",
		    "no_new_privs, %s; no seccomp: plugins may make any system "
		    "call%s", landlock, f.landlock ? "" : ", and on any file of "
		    "the account");
	else if (!f.landlock)
		sk_doctor_say(d, SNEK_CHECK_WARN, "sandbox",
		    "boot Linux 5.13 or later with landlock in lsm=",
		    "no_new_privs, seccomp; no Landlock: plugins may read any "
		    "file of the account");
	else
		sk_doctor_say(d, SNEK_CHECK_PASS, "sandbox", NULL,
		    "no_new_privs, seccomp, %s", landlock);
}

/* ---- temporary files ---- */

static int try_file(const char *dir)
{
	char name[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if ((size_t)snprintf(name, sizeof(name), "%s/snek-XXXXXX", dir) >=
	    sizeof(name))
		return -1;
	fd = mkstemp(name);
	if (fd >= 0)
		unlink(name);
	return fd;
}

static void check_tmp(struct sk_doctor *d, uint64_t data)
{
	const char *env = getenv("TMPDIR"), *dir = env && *env ? env : "/tmp";
	uint64_t want = data > TMP_LEAST ? data : TMP_LEAST, room;
	struct statvfs f;
	int fd = try_file(dir);

	if (fd < 0 || fstatvfs(fd, &f)) {
		sk_doctor_say(d, SNEK_CHECK_FAIL, "tmp",
		    "set TMPDIR to a directory that can be written to",
		    "%s: no temporary file: %s", dir, strerror(errno));
	} else {
		room = (uint64_t)f.f_bavail * f.f_frsize;
		sk_doctor_say(d, room < want ? SNEK_CHECK_WARN : SNEK_CHECK_PASS,
		    "tmp", room < want ? "make room, or set TMPDIR to a "
		    "directory that has it" : NULL, "%s, %s free%s%s", dir,
		    sk_doctor_bytes(room).s, room < want ? "; a job may need " :
		    "", room < want ? sk_doctor_bytes(want).s : "");
	}
	if (fd >= 0)
		close(fd);
}

int sk_doctor(const char *where, bool named,
    int (*visit)(void *, const struct snek_check *), void *arg,
    struct snek_error *e)
{
	struct sk_doctor d = { visit, arg, 0 };
	uint64_t data = 0;

	(void)e;                /* what fails here is what is told */
	check_build(&d);
	check_processors(&d);
	sk_doctor_plugins(&d);
	check_worker(&d);
	check_sandbox(&d);
	sk_doctor_cluster(&d, where, named, &data);
	check_tmp(&d, data);
	return d.rc;
}
