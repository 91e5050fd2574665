/* SPDX-License-Identifier: MIT */
#include "aws/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void sk_secret_forget(struct sk_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	sk_buf_free(b);
}

static int read_all(int fd, const char *path, size_t max, struct sk_buf *b,
    struct snek_error *e)
{
	ssize_t n;

	if (!sk_buf_reserve(b, max + 1))        /* once: no copy is left behind */
		return sk_enomem(e);
	do {
		n = read(fd, b->p + b->n, max + 1 - b->n);
		if (n > 0)
			b->n += (size_t)n;
	} while ((n > 0 && b->n <= max) || (n < 0 && errno == EINTR));
	if (n < 0)
		return sk_fail_errno(e, "%s", path);
	return b->n <= max ? 0 : sk_fail(e, SNEK_ELIMIT, "%s is larger than %zu "
	    "bytes", path, max);
}

int sk_secret_read(const char *path, size_t max, struct sk_buf *b,
    struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	rc = read_all(fd, path, max, b, e);
	close(fd);
	if (rc) {
		sk_secret_forget(b);
		return rc;
	}
	while (b->n && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
		b->n--;
	b->p[b->n] = '\0';
	return 0;
}
