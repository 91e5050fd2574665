/* SPDX-License-Identifier: MIT */
#include "worker/noproc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The sandbox lets stat through, and not access. */
bool sk_noproc(void)
{
	struct stat st;

	return stat("/proc/self/fd", &st) != 0;
}

static void allow(struct sk_wire_hello *h, const char *path)
{
	char *real = path ? realpath(path, NULL) : NULL;
	size_t n = strlen(h->libraries);

	if (real && n + strlen(real) + 2 <= sizeof(h->libraries) &&
	    !strchr(real, ':')) {
		if (n)
			h->libraries[n++] = ':';
		memcpy(h->libraries + n, real, strlen(real) + 1);
	}
	free(real);
}

static void allow_job(struct sk_wire_hello *h, const struct sk_message *init)
{
	struct sk_get r = { init->body.p, init->body.n, false };
	struct sk_wire_job j;

	if (sk_get_job(&r, &j))
		return;
	allow(h, j.map.path);
	allow(h, j.reduce.path);
	sk_wire_job_free(&j);
}

void sk_noproc_allow(const struct sk_message *init,
    const struct sk_worker_task *t, struct sk_wire_hello *h)
{
	struct sk_get r = { t->request.body.p, t->request.body.n, false };
	uint8_t what = sk_get_u8(&r);

	if (what == SK_ASK_DESCRIBE || what == SK_ASK_OPEN)
		allow(h, sk_get_text(&r));
	else
		allow_job(h, init);
}

static ssize_t read_at(int fd, char *p, size_t n, off_t at)
{
	size_t done = 0;
	ssize_t got = 1;

	while (done < n && got > 0) {
		got = pread(fd, p + done, n - done, at + (off_t)done);
		if (got > 0)
			done += (size_t)got;
	}
	return got < 0 ? -1 : (ssize_t)done;
}

bool sk_noproc_same(const char *path, int fd)
{
	char a[16384], b[sizeof(a)];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	bool same = file >= 0;
	ssize_t n = sizeof(a);
	off_t at = 0;

	while (same && n == sizeof(a)) {
		n = read_at(file, a, sizeof(a), at);
		same = n >= 0 && read_at(fd, b, sizeof(b), at) == n &&
		    !memcmp(a, b, (size_t)n);
		at += n;
	}
	if (file >= 0)
		close(file);
	return same;
}
