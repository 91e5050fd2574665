#!/bin/sh
# SPDX-License-Identifier: MIT
# The API's functions and servers that take their passwords for a while only.
. "${srcdir:-.}/tests/runtime_api.sh"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
# A wall clock that may be ahead, as that of who was frozen.  A sanitizer wants to
# be loaded first.
cat >"$tmp/ahead.c" <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static int fd = -1;
static __attribute__((constructor)) void begin(void)
{
	fd = open(getenv("AHEAD"), O_RDONLY | O_CLOEXEC);
}
static long ahead(void)
{
	char text[16] = "";
	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atol(text) : 0;
}
int clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);
	if (!rc && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += ahead();
	return rc;
}
time_t time(time_t *to)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	if (to)
		*to = t.tv_sec;
	return t.tv_sec;
}
END
ahead=$tmp/ahead.so
if test "${SANITIZE:-no}" != no; then
	echo "NOTE: no clock is ahead under a sanitizer"
	ahead=
else
	${CC:-cc} -shared -fPIC -o "$ahead" "$tmp/ahead.c" || exit 99
fi
"$python" "$srcdir/tests/aging.py" "$top/snek-api" "$ahead"
