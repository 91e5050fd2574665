/* SPDX-License-Identifier: MIT */
/*
 * root.c - files of environments' own: a small tree in memory with some devices
 * and, if asked, what a given tree has of programs and libraries, read-only.
 *
 * The spawner makes it once and moves into it; each environment then has a copy
 * of its mounts, where it puts its code at /var/task, read-only, a /tmp of its
 * size and a /proc of its processes.  Root makes it directly; others as the one
 * user of a user namespace.
 */
#include "host/spawn_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the host's directory is until an environment has its code from there. */
#define HOST "var/runtime"

enum { USER = 993, GROUP = 990 };       /* Lambda's, in the user namespace */

/* ---- leaving ---- */

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int become_user(unsigned uid, unsigned gid)
{
	char map[64];

	if (put("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(map, sizeof(map), "%d %u 1\n", USER, uid);
	if (put("/proc/self/uid_map", map) < 0)
		return -1;
	snprintf(map, sizeof(map), "%d %u 1\n", GROUP, gid);
	return put("/proc/self/gid_map", map);
}

static int leave(const char **what)
{
	unsigned uid = geteuid(), gid = getegid();

	*what = "a namespace";
	if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)) < 0)
		return -1;
	*what = "a user namespace";
	return uid ? become_user(uid, gid) : 0;
}

/* ---- mounts ---- */

/* What a mount has of flags that a remount must repeat. */
static unsigned long flags_of(const char *path)
{
	static const struct { unsigned long st, ms; } pairs[] = {
		{ ST_NOSUID, MS_NOSUID }, { ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC }, { ST_NOATIME, MS_NOATIME },
		{ ST_NODIRATIME, MS_NODIRATIME }, { ST_RELATIME, MS_RELATIME },
		{ ST_RDONLY, MS_RDONLY },
	};
	unsigned long flags = 0;
	struct statvfs st;
	size_t i;

	if (statvfs(path, &st) < 0)
		return 0;
	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (st.f_flag & pairs[i].st)
			flags |= pairs[i].ms;
	return flags;
}

static int seal(const char *path, unsigned long more)
{
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY |
	    flags_of(path) | more, NULL);
}

static int bind_read_only(const char *from, const char *to)
{
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -1;
	return seal(to, MS_NOSUID | MS_NODEV);
}

/* A file or device, if there is one. */
static int lend(const char *from, const char *to)
{
	int fd;

	if (access(from, F_OK) < 0)
		return 0;
	fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	close(fd);
	return mount(from, to, NULL, MS_BIND, NULL);
}

static int make_devices(void)
{
	static const char *const names[] = { "null", "zero", "full", "random",
		"urandom" };
	char from[32], to[32];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(from, sizeof(from), "/dev/%s", names[i]);
		snprintf(to, sizeof(to), "dev/%s", names[i]);
		if (lend(from, to) < 0)
			return -1;
	}
	return symlink("/proc/self/fd", "dev/fd") < 0 ||
	    symlink("/proc/self/fd/0", "dev/stdin") < 0 ||
	    symlink("/proc/self/fd/1", "dev/stdout") < 0 ||
	    symlink("/proc/self/fd/2", "dev/stderr") < 0 ? -1 : 0;
}

/* One of the directories of another tree: a link as such, else bound. */
static int borrow(const char *root, const char *name)
{
	char from[4096], to[4096];
	struct stat st;
	ssize_t n;

	if (snprintf(from, sizeof(from), "%s/%s", root, name) >=
	    (int)sizeof(from) || lstat(from, &st) < 0)
		return 0;
	if (S_ISLNK(st.st_mode)) {
		n = readlink(from, to, sizeof(to) - 1);
		if (n < 0)
			return -1;
		to[n] = '\0';
		return symlink(to, name);
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (mkdir(name, 0755) < 0 && errno != EEXIST)
		return -1;
	return bind_read_only(from, name);
}

static int borrow_all(const char *root)
{
	static const char *const names[] = { "bin", "sbin", "lib", "lib32",
		"lib64", "libx32", "usr", "etc", "opt" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (borrow(root, names[i]) < 0)
			return -1;
	return 0;
}

/* What looking up names and checking certificates needs. */
static int make_etc(void)
{
	static const char *const names[] = { "hosts", "resolv.conf",
		"nsswitch.conf" };
	char from[64], to[64];
	size_t i;

	if (mkdir("opt", 0755) < 0 || mkdir("etc", 0755) < 0 ||
	    mkdir("etc/ssl", 0755) < 0 || mkdir("etc/ssl/certs", 0755) < 0)
		return -1;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(from, sizeof(from), "/etc/%s", names[i]);
		snprintf(to, sizeof(to), "etc/%s", names[i]);
		if (lend(from, to) < 0)
			return -1;
	}
	if (access("/etc/ssl/certs", F_OK) == 0)
		return bind_read_only("/etc/ssl/certs", "etc/ssl/certs");
	return 0;
}

static int make_tree(const char *dir, const char *root, const char **what)
{
	static const char *const names[] = { "dev", "proc", "tmp", "var",
		"var/task", "var/runtime", "var/tmp" };
	size_t i;

	*what = "its directories";
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (mkdir(names[i], 0755) < 0)
			return -1;
	*what = "its devices";
	if (make_devices() < 0)
		return -1;
	*what = "its /proc";
	if (mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) < 0)
		return -1;
	*what = "its root";
	if ((*root ? borrow_all(root) : make_etc()) < 0)
		return -1;
	*what = "its code";
	return mount(dir, HOST, NULL, MS_BIND | MS_REC, NULL);
}

int sk_root_make(const char *dir, const char *root, const char **what)
{
	char place[4096];

	umask(022);
	snprintf(place, sizeof(place), "%s/root", dir);
	if (leave(what) < 0)
		return -1;
	*what = "a root in memory";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", place, "tmpfs", MS_NOSUID, "mode=755,size=1m") < 0 ||
	    chdir(place) < 0 || make_tree(dir, root, what) < 0)
		return -1;
	*what = "a change of root";
	if (seal(".", MS_NOSUID) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -1;
	return 0;
}

int sk_root_leave(bool network, const char **what)
{
	*what = "a namespace";
	return unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
	    (network ? 0 : CLONE_NEWNET));
}

int sk_root_listen(const char **what)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(SK_SPAWN_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*what = "its network";
	if (fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0 &&
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	return -1;
}

/* Where the kernel does not let us have the processes of our own, those of
 * the whole machine are seen. */
int sk_root_enter(const struct sk_spawn_order *o, const char **what)
{
	char text[4096];

	*what = "its /tmp";
	snprintf(text, sizeof(text), "mode=1777,size=%um", o->s.tmp_mb);
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, text) < 0)
		return -1;
	*what = "its code";
	snprintf(text, sizeof(text), "/" HOST "/%s", o->s.task);
	if (bind_read_only(text, "/var/task") < 0 ||
	    umount2("/" HOST, MNT_DETACH) < 0)
		return -1;
	mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	return 0;
}
