/* SPDX-License-Identifier: MIT */
/*
 * How far it is, on stderr.  As a bar, at most ten times a second, drawn over
 * itself and erased at the end; or plainly, a whole line each second.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CELLS = 12, BAR_MS = 100, PLAIN_MS = 1000, FIELDS = 10, FIELD = 160 };

struct cli_progress {
	pthread_mutex_t lock;   /* of stderr: plugins log from other threads */
	bool bar, plain, utf8, drawn;
	int64_t begun, last;
	char title[FIELD];
	char field[FIELDS][FIELD];
	size_t fields;
};

/* Of a file its last part. */
static const char *short_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

struct cli_progress *cli_progress_open(const struct cli *c, const char *mode,
    const char *title, const char *function)
{
	struct cli_progress *p = calloc(1, sizeof(*p));
	bool off = mode && strcmp(mode, "off") == 0;

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->plain = mode && strcmp(mode, "plain") == 0 && !c->quiet;
	p->bar = !off && !p->plain && !c->quiet && !c->json &&
	    cli_tty_is_fancy(STDERR_FILENO);
	p->utf8 = cli_tty_is_utf8();
	p->begun = p->last = cli_number_now();
	snprintf(p->title, sizeof(p->title), "%s%s%s", short_of(title),
	    function ? p->utf8 ? " \302\267 " : " - " : "",
	    function ? short_of(function) : "");
	return p;
}

bool cli_progress_is_on(const struct cli_progress *p)
{
	return p && (p->bar || p->plain);
}

static bool due(struct cli_progress *p)
{
	int64_t now;

	if (!cli_progress_is_on(p))
		return false;
	now = cli_number_now();
	if (now - p->last < (p->bar ? BAR_MS : PLAIN_MS))
		return false;
	p->last = now;
	p->fields = 0;
	return true;
}

__attribute__((format(printf, 2, 3)))
static void add(struct cli_progress *p, const char *fmt, ...)
{
	va_list ap;

	if (p->fields == FIELDS)
		return;
	va_start(ap, fmt);
	vsnprintf(p->field[p->fields++], FIELD, fmt, ap);
	va_end(ap);
}

static void erase(struct cli_progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}

/* Where the line is short of room, fields go from the right. */
static void draw_bar(struct cli_progress *p)
{
	size_t width = cli_tty_width(STDERR_FILENO) - 1, used, i, n;

	erase(p);
	n = cli_tty_cut(p->title, width);
	used = cli_tty_columns(p->title);
	fprintf(stderr, "%.*s", (int)n, p->title);
	for (i = 0; i < p->fields; i++) {
		used += 2 + cli_tty_columns(p->field[i]);
		if (used > width)
			break;
		fprintf(stderr, "  %s", p->field[i]);
	}
	p->drawn = true;
}

static void draw_plain(struct cli_progress *p)
{
	time_t now = time(NULL);
	struct tm tm;
	size_t i;

	if (localtime_r(&now, &tm))
		fprintf(stderr, "%02d:%02d:%02d ", tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
	fprintf(stderr, "%s", p->title);
	for (i = 0; i < p->fields; i++)
		fprintf(stderr, "  %s", p->field[i]);
	putc('\n', stderr);
}

static void draw(struct cli_progress *p)
{
	pthread_mutex_lock(&p->lock);
	if (p->bar)
		draw_bar(p);
	else
		draw_plain(p);
	fflush(stderr);
	pthread_mutex_unlock(&p->lock);
}

static void add_bar(struct cli_progress *p, double share)
{
	int full = (int)(share * CELLS), i, n = 0;
	char text[CELLS * 3 + 1];

	if (!p->bar)
		return;
	for (i = 0; i < CELLS; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s",
		    i < full ? p->utf8 ? "\342\226\210" : "#" :
		    p->utf8 ? "\342\226\221" : ".");
	add(p, "%s", text);
}

static void add_calls(struct cli_progress *p, const struct snek_job_stat *s)
{
	add(p, "%" PRIu32 " queued, %" PRIu32 " running", s->queued, s->running);
	if (s->throttled)
		add(p, "%" PRIu32 " throttled", s->throttled);
	if (s->billed_ms)
		add(p, "$%.4f", s->dollars);
}

void cli_progress_job(struct cli_progress *p, const struct snek_job_stat *s)
{
	double share, left;
	int seconds;

	if (!due(p))
		return;
	share = s->records_total ?
	    (double)s->records_in / (double)s->records_total : 0;
	add_bar(p, share < 1 ? share : 1);
	add(p, "%" PRIu32 "/%" PRIu32 " tasks", s->done, s->tasks);
	add(p, "%s/%s records", cli_number_short((double)s->records_in).s,
	    cli_number_short((double)s->records_total).s);
	if (s->seconds > 0)
		add(p, "%s records/s", cli_number_short(
		    (double)s->records_in / s->seconds).s);
	if (share > 0.05 && share < 1) {
		left = s->seconds * (1 - share) / share;
		seconds = left < 360000 ? (int)(left + 0.999) : 360000;
		add(p, "ETA %d:%02d", seconds / 60, seconds % 60);
	}
	if (s->calls)
		add_calls(p, s);
	if (s->retries)
		add(p, "%" PRIu32 " retried", s->retries);
	draw(p);
}

void cli_progress_write(struct cli_progress *p, uint64_t records, uint64_t bytes)
{
	double seconds;

	if (!due(p))
		return;
	seconds = (double)(p->last - p->begun) / 1000;
	add(p, "%s records", cli_number_short((double)records).s);
	add(p, "%s", cli_number_bytes((double)bytes).s);
	if (seconds > 0)
		add(p, "%s records/s",
		    cli_number_short((double)records / seconds).s);
	draw(p);
}

void cli_progress_log(struct cli_progress *p, const char *text)
{
	if (p) {
		pthread_mutex_lock(&p->lock);
		erase(p);
	}
	for (; *text; text++)   /* a plugin's words do not steer the terminal */
		if ((unsigned char)*text >= 0x20 && *text != 0x7f)
			putc(*text, stderr);
	putc('\n', stderr);
	if (p)
		pthread_mutex_unlock(&p->lock);
}

void cli_progress_erase(struct cli_progress *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	erase(p);
	fflush(stderr);
	pthread_mutex_unlock(&p->lock);
}

void cli_progress_close(struct cli_progress *p)
{
	if (!p)
		return;
	cli_progress_erase(p);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
