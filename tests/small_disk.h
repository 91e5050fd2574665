/* SPDX-License-Identifier: MIT */
/* small_disk.h - a disk of our own that is soon full. */
#ifndef TESTS_SMALL_DISK_H
#define TESTS_SMALL_DISK_H
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static inline bool small_disk_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 &&
	    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Into a namespace in which we may mount: as root or as who we are. */
static inline bool small_disk_leave(void)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();

	if (!uid && !unshare(CLONE_NEWNS))
		return true;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	snprintf(map, sizeof(map), "0 %u 1\n", uid);
	if (!small_disk_put("/proc/self/uid_map", map))
		return false;
	small_disk_put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1\n", gid);
	return small_disk_put("/proc/self/gid_map", map);
}

/* Mount it there, for this process and its children; false: not allowed. */
static inline bool small_disk(const char *dir, const char *size)
{
	return small_disk_leave() &&
	    !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	    !mount("snek", dir, "tmpfs", 0, size);
}

/* Said aloud wherever it is false. */
#define SMALL_DISK_SKIP "SKIP: no disk of our own may be mounted here, so a " \
	"full one is not tested\n"
#endif
