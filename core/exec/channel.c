/* SPDX-License-Identifier: MIT */
/*
 * A frame, in the order of bytes of this machine:
 *
 *   u32  magic              u64  id of the task
 *   u16  kind               u64  bytes of the body
 *   u16  flags              u32  descriptors with this frame
 *                           u32  0
 *   the body, unless it is LARGE: then the frame's first descriptor holds it
 *
 * MORE: only descriptors, of the message that follows.  PART: only bytes of
 * its body, from who may make no file.
 */
#include "exec/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define MAGIC 0x314b4e53u
#define INLINE (32u << 10)
#define FDS 200u                /* with one frame; Linux takes 253 */
#define MORE 1u
#define LARGE 2u
#define PART 4u

struct head {
	uint32_t magic;
	uint16_t kind, flags;
	uint64_t id, bytes;
	uint32_t fds, zero;
};

void sk_message_free(struct sk_message *m)
{
	size_t i;

	for (i = 0; i < m->fds; i++)
		if (m->fd[i] >= 0)
			close(m->fd[i]);
	free(m->fd);
	sk_buf_free(&m->body);
	memset(m, 0, sizeof(*m));
}

bool sk_message_take(struct sk_message *m, int fd)
{
	int *p;

	if (!(m->fds & (m->fds - 1))) {
		p = realloc(m->fd, (m->fds ? 2 * m->fds : 1) * sizeof(*p));
		if (!p) {
			close(fd);
			return false;
		}
		m->fd = p;
	}
	m->fd[m->fds++] = fd;
	return true;
}

int sk_channel_pair(int end[2], struct snek_error *e)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s))
		return sk_fail_errno(e, "a pair of sockets");
	s[0] = sk_fd_raise(s[0]);
	s[1] = sk_fd_raise(s[1]);
	if (s[0] < 0 || s[1] < 0) {
		sk_fail_errno(e, "a pair of sockets");
		if (s[0] >= 0)
			close(s[0]);
		if (s[1] >= 0)
			close(s[1]);
		return SNEK_EIO;
	}
	end[0] = s[0];
	end[1] = s[1];
	return 0;
}

/* ---- files ---- */

static bool write_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	for (; n; p += done, n -= (size_t)done) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return false;
	}
	return true;
}

static int memory_file(const char *name, const void *p, size_t n, unsigned flags)
{
	int fd = sk_fd_raise(memfd_create(name, MFD_CLOEXEC | flags)), sys;

	if (fd < 0 || write_all(fd, p, n))
		return fd;
	sys = errno;
	close(fd);
	errno = sys;
	return -1;
}

int sk_channel_file(const char *name, const void *p, size_t n)
{
	return memory_file(name, p, n, 0);
}

int sk_channel_sealed(const char *name, const void *p, size_t n)
{
	int fd = memory_file(name, p, n, MFD_ALLOW_SEALING);

	if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool sk_channel_slurp(int fd, uint64_t n, struct sk_buf *b)
{
	struct stat st;
	uint64_t at = 0;
	ssize_t got;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0 ||
	    (uint64_t)st.st_size < n || !sk_buf_reserve(b, n))
		return false;
	for (; at < n; at += (uint64_t)got, b->n += (size_t)got) {
		got = pread(fd, b->p + b->n, n - at, (off_t)at);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got <= 0)
			return false;
	}
	return true;
}

/* ---- sending ---- */

static int send_frame(int fd, const struct head *h, struct sk_span body,
    const int *fds, const struct sk_channel_wait *w)
{
	struct iovec v[2] = { { (void *)h, sizeof(*h) },
		{ (void *)body.p, body.n } };
	union { struct cmsghdr align; char room[CMSG_SPACE(FDS * sizeof(int))]; } c;
	struct msghdr m = { .msg_iov = v, .msg_iovlen = body.n ? 2 : 1 };
	struct cmsghdr *at;
	int rc;

	if (h->fds) {
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE(h->fds * sizeof(int));
		memset(&c, 0, sizeof(c));
		at = CMSG_FIRSTHDR(&m);
		at->cmsg_level = SOL_SOCKET;
		at->cmsg_type = SCM_RIGHTS;
		at->cmsg_len = CMSG_LEN(h->fds * sizeof(int));
		memcpy(CMSG_DATA(at), fds, h->fds * sizeof(int));
	}
	while (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == ENOMEM || errno == ENOBUFS)
			return SNEK_ENOMEM;
		/* too many descriptors on their way: wait until some came */
		if (errno != EAGAIN && errno != ETOOMANYREFS)
			return SNEK_EIO;
		rc = w->wait(w->arg);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The descriptors that the last frame has no room for. */
static int send_ahead(int fd, const struct sk_message *m, size_t last,
    size_t *sent, const struct sk_channel_wait *w)
{
	struct head h = { .magic = MAGIC, .kind = (uint16_t)m->kind,
		.flags = MORE, .id = m->id };
	int rc = 0;

	while (!rc && m->fds - *sent > last) {
		h.fds = m->fds - *sent < FDS ? (uint32_t)(m->fds - *sent) : FDS;
		rc = send_frame(fd, &h, (struct sk_span){ NULL, 0 },
		    m->fd + *sent, w);
		*sent += h.fds;
	}
	return rc;
}

/* All of the body but what goes into the last frame. */
static int send_parts(int fd, const struct sk_message *m, struct head h,
    const struct sk_channel_wait *w)
{
	size_t at = 0;
	int rc = 0;

	h.flags = PART;
	for (; !rc && m->body.n - at > INLINE; at += INLINE)
		rc = send_frame(fd, &h, (struct sk_span){ m->body.p + at, INLINE },
		    NULL, w);
	h.flags = 0;
	return rc ? rc : send_frame(fd, &h, (struct sk_span){ m->body.p + at,
	    m->body.n - at }, NULL, w);
}

static int send_large(int fd, const struct sk_message *m, struct head *h,
    const struct sk_channel_wait *w)
{
	int body = sk_channel_file("snek-message", m->body.p, m->body.n), rc;

	if (body < 0)
		return errno == EPERM || errno == EACCES || errno == ENOSYS ?
		    send_parts(fd, m, *h, w) : SNEK_ENOMEM;
	h->flags = LARGE;
	h->fds = 1;
	rc = send_frame(fd, h, (struct sk_span){ NULL, 0 }, &body, w);
	close(body);
	return rc;
}

int sk_channel_send(int fd, const struct sk_message *m,
    const struct sk_channel_wait *w)
{
	bool large = m->body.n > INLINE;
	struct head h = { .magic = MAGIC, .kind = (uint16_t)m->kind,
		.id = m->id, .bytes = m->body.n };
	size_t sent = 0;
	int rc = send_ahead(fd, m, large ? 0 : FDS, &sent, w);

	if (rc)
		return rc;
	if (large)
		return send_large(fd, m, &h, w);
	h.fds = (uint32_t)(m->fds - sent);
	return send_frame(fd, &h, (struct sk_span){ m->body.p, m->body.n },
	    m->fd + sent, w);
}

/* ---- receiving ---- */

struct frame {
	struct head h;
	char body[INLINE];
};

/* Takes over every descriptor that came, whatever else is wrong; how many, or
 * an error. */
static int take_fds(struct sk_channel *c, struct msghdr *m)
{
	struct cmsghdr *at;
	size_t n, i;
	int fd, rc = 0, taken = 0;

	for (at = CMSG_FIRSTHDR(m); at; at = CMSG_NXTHDR(m, at)) {
		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		n = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof(fd));
			fd = sk_fd_raise(fd);
			if (fd < 0)
				rc = SNEK_EIO;
			else if (!sk_message_take(&c->part, fd))
				rc = SNEK_ENOMEM;
			taken++;
		}
	}
	return rc ? rc : taken;
}

static int check_frame(const struct sk_channel *c, const struct head *h,
    size_t n, int taken)
{
	uint64_t bytes;

	if (n < sizeof(*h) || h->magic != MAGIC || h->zero || h->fds != (uint32_t)taken ||
	    h->bytes > c->max || c->part.fds > c->max_fds)
		return SNEK_EFORMAT;
	bytes = c->part.body.n + (n - sizeof(*h));
	switch (h->flags) {
	case MORE:
		return n == sizeof(*h) && taken ? 0 : SNEK_EFORMAT;
	case LARGE:
		return n == sizeof(*h) && taken && !bytes ? 0 : SNEK_EFORMAT;
	case PART:
		return !taken && n > sizeof(*h) && bytes < h->bytes ? 0
		    : SNEK_EFORMAT;
	default:
		return !h->flags && bytes == h->bytes ? 0 : SNEK_EFORMAT;
	}
}

static int take_body(struct sk_channel *c, const struct frame *f, size_t n)
{
	int fd;
	bool ok;

	if (f->h.flags != LARGE)
		return sk_buf_put(&c->part.body, f->body, n - sizeof(f->h)) ? 0
		    : SNEK_ENOMEM;
	fd = c->part.fd[--c->part.fds];
	ok = sk_channel_slurp(fd, f->h.bytes, &c->part.body);
	close(fd);
	return ok ? 0 : SNEK_EFORMAT;
}

int sk_channel_recv(struct sk_channel *c, struct sk_message *out)
{
	struct frame f;
	struct iovec v = { &f, sizeof(f) };
	union { struct cmsghdr align; char room[CMSG_SPACE(253 * sizeof(int))]; } r;
	struct msghdr m;
	ssize_t n;
	int taken, rc;

	do {
		m = (struct msghdr){ .msg_iov = &v, .msg_iovlen = 1,
		    .msg_control = &r, .msg_controllen = sizeof(r) };
		n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR) {
			f.h.flags = MORE;
			continue;
		}
		if (n < 0)
			return errno == EAGAIN ? 0 : SNEK_EIO;
		if (!n)
			return SNEK_EIO;
		taken = take_fds(c, &m);
		if (taken < 0)
			return taken;
		if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
			return SNEK_EFORMAT;
		rc = check_frame(c, &f.h, (size_t)n, taken);
		if (!rc)
			rc = take_body(c, &f, (size_t)n);
		if (rc)
			return rc;
	} while (f.h.flags & (MORE | PART));
	c->part.kind = f.h.kind;
	c->part.id = f.h.id;
	*out = c->part;
	memset(&c->part, 0, sizeof(c->part));
	return 1;
}

void sk_channel_free(struct sk_channel *c)
{
	sk_message_free(&c->part);
}
