/* SPDX-License-Identifier: MIT */
#include "worker/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "exec/flat.h"
#include "worker/prints.h"

#define PRINTS ((size_t)SK_PRINTS_TASK + 4096)  /* bytes that are held */
#define LINE 1000u
#define LAST 4096u              /* that a dying process still says */

/* ---- opening ---- */

/* A file that cannot grow: what does not fit is refused to who prints. */
static int open_prints(struct snek_error *e)
{
	int fd = memfd_create("snek-prints", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && !ftruncate(fd, PRINTS) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL))
		return fd;
	sk_fail_errno(e, "a file in memory for what is printed");
	if (fd >= 0)
		close(fd);
	return -1;
}

int sk_say_open(struct sk_say *s, struct snek_error *e)
{
	if (s->log)
		return 0;
	s->prints = open_prints(e);
	if (s->prints < 0)
		return SNEK_EIO;
	s->log = fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (s->log < 0)                 /* closed: nobody reads it */
		s->log = fcntl(s->prints, F_DUPFD_CLOEXEC, 3);
	if (s->log < 0 || dup2(s->prints, 1) < 0 || dup2(s->prints, 2) < 0)
		return sk_fail_errno(e, "descriptors for what is printed");
	setvbuf(stdout, NULL, _IOLBF, 0);       /* a crash takes no lines along */
	return 0;
}

void sk_say_close(struct sk_say *s)
{
	if (s->log > 0) {
		dup2(s->log, 2);
		dup2(s->log, 1);
		close(s->log);
		close(s->prints);
	}
	sk_buf_free(&s->kept.buf);
	sk_buf_free(&s->line);
	memset(s, 0, sizeof(*s));
}

void sk_say_begin(struct sk_say *s, const char *request,
    const struct sk_event_id *id)
{
	s->request = request;
	s->id = id;
	s->kept.buf.n = s->taken = 0;
	s->kept.nomem = false;
}

/* ---- lines ---- */

static void write_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	for (; n; p += done, n -= (size_t)done) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		else if (done <= 0)
			return;
	}
}

static void put_time(struct sk_flat_put *f)
{
	struct timespec t;
	struct tm day;
	char text[48];
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &day);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &day);
	snprintf(text + n, sizeof(text) - n, ".%03ldZ", t.tv_nsec / 1000000);
	sk_flat_text(f, "timestamp", text);
}

static void put_id(struct sk_flat_put *f, const struct sk_event_id *id)
{
	if (!id || !id->job[0])
		return;
	sk_flat_text(f, "job", id->job);
	sk_flat_number(f, "stage", id->stage);
	sk_flat_number(f, "task", id->task);
	sk_flat_number(f, "attempt", id->attempt);
}

static void write_line(struct sk_say *s, int level, const char *text)
{
	static const char *const names[] = { "DEBUG", "INFO", "WARN", "ERROR" };
	struct sk_flat_put f = { &s->line, false };

	s->line.n = 0;
	sk_flat_open(&f);
	put_time(&f);
	sk_flat_text(&f, "level", names[level < SNEK_DEBUG ? SNEK_DEBUG
	    : level > SNEK_ERROR ? SNEK_ERROR : level]);
	if (s->request && s->request[0])
		sk_flat_text(&f, "requestId", s->request);
	put_id(&f, s->id);
	sk_flat_text(&f, "message", text);
	sk_flat_raw(&f, "}\n", 2);
	if (!f.nomem)
		write_all(s->log > 0 ? s->log : 2, s->line.p, s->line.n);
}

void sk_say(struct sk_say *s, int level, const char *fmt, ...)
{
	char text[LINE + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_line(s, level, text);
}

/* As much as any task's op may say; then that it is enough, once. */
void sk_say_op(struct sk_say *s, int level, bool printed, const char *text)
{
	struct sk_event_line l = { printed, level, "" };
	size_t n = strlen(text) + 1;

	if (s->taken > SK_PRINTS_TASK)
		return;
	if (s->taken + n > SK_PRINTS_TASK) {
		n = SK_PRINTS_TASK + 1;
		text = "(it said more, which is not shown)";
	}
	s->taken += n;
	snprintf(l.text, sizeof(l.text), "%s", text);
	sk_event_log_put(&s->kept, &l);
	if (s->kept.nomem)              /* the log has it */
		s->kept.buf.n = 0;
	write_line(s, level, text);
}

/* ---- what was printed ---- */

static void take_lines(struct sk_say *s, const char *p, size_t n)
{
	char line[LINE + 1];
	const char *end = p + n;
	size_t len, i;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		len = (size_t)((nl ? nl : end) - p);
		if (len > LINE) {
			len = LINE;
			nl = NULL;
		}
		for (i = 0; i < len; i++)       /* a NUL would end it early */
			line[i] = p[i] ? p[i] : '?';
		line[len] = '\0';
		sk_say_op(s, SNEK_WARN, true, line);
		p += len + (nl != NULL);
	}
}

void sk_say_prints(struct sk_say *s)
{
	off_t n = s->log > 0 ? lseek(s->prints, 0, SEEK_CUR) : 0;
	const char *p;

	if (n <= 0)
		return;
	if ((size_t)n > PRINTS)
		n = PRINTS;
	p = mmap(NULL, (size_t)n, PROT_READ, MAP_SHARED, s->prints, 0);
	if (p != MAP_FAILED) {
		take_lines(s, p, (size_t)n);
		munmap((void *)p, (size_t)n);
	}
	lseek(s->prints, 0, SEEK_SET);
}

/* ---- the last words: nothing here but what a signal handler may ---- */

struct last {
	char p[2 * LAST + 1024];
	size_t n;
};

static void last_text(struct last *l, const char *text)
{
	size_t n = strlen(text);

	if (n > sizeof(l->p) - l->n)
		n = sizeof(l->p) - l->n;
	memcpy(l->p + l->n, text, n);
	l->n += n;
}

/* Names of ours and AWS's, without anything that JSON minds. */
static void last_name(struct last *l, const char *name, const char *value)
{
	if (!value || !*value || strlen(value) > 128 || strpbrk(value, "\"\\"))
		return;
	last_text(l, name);
	last_text(l, value);
	last_text(l, "\",");
}

static void last_number(struct last *l, const char *name, uint32_t n)
{
	char digits[12], *p = digits + sizeof(digits);

	*--p = '\0';
	do {
		*--p = (char)('0' + n % 10);
	} while (n /= 10);
	last_text(l, name);
	last_text(l, p);
	last_text(l, ",");
}

static void last_id(struct last *l, const struct sk_say *s)
{
	last_name(l, "\"requestId\":\"", s->request);
	if (!s->id || !s->id->job[0])
		return;
	last_name(l, "\"job\":\"", s->id->job);
	last_number(l, "\"stage\":", s->id->stage);
	last_number(l, "\"task\":", s->id->task);
	last_number(l, "\"attempt\":", s->id->attempt);
}

void sk_say_last(const struct sk_say *s)
{
	struct last l;
	char from[LAST];
	off_t end = s->log > 0 ? lseek(s->prints, 0, SEEK_CUR) : 0;
	off_t start = end > (off_t)LAST ? end - (off_t)LAST : 0;
	ssize_t n = end > 0 ? pread(s->prints, from, (size_t)(end - start),
	    start) : 0, i;

	if (n <= 0)
		return;
	while (n > 1 && from[n - 1] == '\n')
		n--;
	l.n = 0;
	last_text(&l, "{\"level\":\"WARN\",");
	last_id(&l, s);
	last_text(&l, "\"message\":\"printed: ");
	for (i = 0; i < n; i++) {
		if (from[i] == '\n' || from[i] == '"' || from[i] == '\\')
			l.p[l.n++] = '\\';
		l.p[l.n++] = from[i] == '\n' ? 'n' : from[i] >= ' ' &&
		    from[i] < 0x7f ? from[i] : '?';
	}
	last_text(&l, "\"}\n");
	write_all(s->log, l.p, l.n);
}
