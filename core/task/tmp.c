/* SPDX-License-Identifier: MIT */
#include "task/tmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

static int make(const char *dir)
{
	char name[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return sk_fd_raise(fd);
	if (snprintf(name, sizeof(name), "%s/snek.XXXXXX", dir) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return sk_fd_raise(fd);
}

/* ---- asking for one ---- */

union room { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; };

static int receive(int sock, int *fd)
{
	int sys = 0;
	struct iovec v = { &sys, sizeof(sys) };
	union room c;
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c) };
	struct cmsghdr *at;
	ssize_t n;

	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(sys))
		return EPIPE;
	at = CMSG_FIRSTHDR(&m);
	if (sys || !at || at->cmsg_type != SCM_RIGHTS)
		return sys ? sys : EPIPE;
	memcpy(fd, CMSG_DATA(at), sizeof(*fd));
	return 0;
}

static int ask(int sock, const void *what, size_t n)
{
	int fd, sys;

	if (send(sock, what, n, MSG_NOSIGNAL) != (ssize_t)n)
		return -1;
	sys = receive(sock, &fd);
	if (!sys)
		return sk_fd_raise(fd);
	errno = sys;
	return -1;
}

static int make_memory(uint64_t bytes, uint64_t *memory)
{
	int fd;

	if (bytes > *memory) {
		errno = ENOSPC;
		return -1;
	}
	fd = sk_fd_raise(memfd_create("snek-run", MFD_CLOEXEC |
	    MFD_ALLOW_SEALING));
	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)bytes) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW |
	    F_SEAL_SHRINK | F_SEAL_SEAL)) {
		close(fd);
		return -1;
	}
	*memory -= bytes;
	return fd;
}

int sk_tmp_answer(int sock, const char *dir, uint64_t *memory)
{
	int fd, sys = 0;
	struct iovec v = { &sys, sizeof(sys) };
	union room c = { .bytes = { 0 } };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *at = &c.align;
	uint64_t bytes;
	ssize_t n = recv(sock, &bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return SNEK_EIO;
	fd = n == sizeof(bytes) ? make_memory(bytes, memory) : make(dir);
	if (fd < 0)
		sys = errno;
	if (fd >= 0) {
		m.msg_control = &c;
		m.msg_controllen = sizeof(c);
		at->cmsg_level = SOL_SOCKET;
		at->cmsg_type = SCM_RIGHTS;
		at->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(at), &fd, sizeof(fd));
	}
	n = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (fd >= 0)
		close(fd);
	return n < 0 ? SNEK_EIO : 0;
}

/* A directory that a child asks for, as people know it. */
static const char *name_of(const char *dir)
{
	size_t n = strlen(SK_TMP_ASK);

	if (strncmp(dir, SK_TMP_ASK, n))
		return dir;
	dir = strchr(dir + n, ':');
	return dir ? dir + 1 : "?";
}

static int no_file(const char *dir, struct snek_error *e)
{
	if (errno == EMFILE || errno == ENFILE)
		return sk_fail(e, SNEK_ELIMIT, "no temporary file in %s: too "
		    "many files are open; allow more of them (ulimit -n), or the "
		    "job more memory (--memory)", dir);
	if (errno == ENOSPC || errno == EDQUOT)
		return sk_tmp_fail(dir, 0, e);
	return sk_fail_errno(e, "no temporary file in %s (set TMPDIR)", dir);
}

int sk_tmp_open(const char *dir, struct snek_error *e)
{
	size_t n = strlen(SK_TMP_ASK);
	bool asks = !strncmp(dir, SK_TMP_ASK, n);
	int fd = asks ? ask((int)strtol(dir + n, NULL, 10), "", 1) : make(dir);

	return fd >= 0 ? fd : no_file(name_of(dir), e);
}

int sk_tmp_memory(const char *dir, uint64_t bytes)
{
	size_t n = strlen(SK_TMP_ASK);

	return strncmp(dir, SK_TMP_ASK, n) ? -1 :
	    ask((int)strtol(dir + n, NULL, 10), &bytes, sizeof(bytes));
}

int sk_tmp_read_only(int fd)
{
	char name[40];
	int other;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	other = sk_fd_raise(open(name, O_RDONLY | O_CLOEXEC));
	/* Without /proc there is no way to it. */
	return other < 0 && errno == ENOENT ? fcntl(fd, F_DUPFD_CLOEXEC, 3)
	    : other;
}

int sk_tmp_fail(const char *dir, uint64_t after, struct snek_error *e)
{
	dir = name_of(dir);
	if (errno == ENOSPC || errno == EDQUOT)
		return sk_fail(e, SNEK_EIO, "temporary file in %s: disk full "
		    "after %llu bytes; free space there, or give another "
		    "directory (--tmp, TMPDIR)", dir, (unsigned long long)after);
	return sk_fail_errno(e, "write temporary file in %s", dir);
}
