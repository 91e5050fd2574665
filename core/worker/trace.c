/* SPDX-License-Identifier: MIT */
#include "worker/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "task/lines.h"
#include "worker/crash.h"

struct trace {
	struct sk_crash c;              /* whatever the dead one left */
	sk_lines *lines[SK_CRASH_MODULES];
	const int *file;
	size_t files, n;                /* n: of the text so far */
	bool placed;                    /* at has a line, which is best */
	struct sk_wire_death *out;
};

/* The plugin's first frame with a line, else its first. */
static void place(struct trace *t, const struct sk_line *l, const char *module,
    uint64_t at)
{
	struct sk_wire_death *d = t->out;

	if (t->placed || (*d->at && !l->line))
		return;
	t->placed = l->line > 0;
	if (l->line && *l->function)
		snprintf(d->at, sizeof(d->at), "%.60s:%u in %.70s", l->file,
		    l->line, l->function);
	else if (l->line)
		snprintf(d->at, sizeof(d->at), "%.60s:%u", l->file, l->line);
	else if (*l->function)
		snprintf(d->at, sizeof(d->at), "%.70s+0x%llx (%.50s)",
		    l->function, (unsigned long long)l->offset, module);
	else
		snprintf(d->at, sizeof(d->at), "%.60s+0x%llx", module,
		    (unsigned long long)at);
}

__attribute__((format(printf, 2, 3)))
static void put(struct trace *t, const char *fmt, ...)
{
	size_t room = sizeof(t->out->trace) - t->n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->out->trace + t->n, room, fmt, ap);
	va_end(ap);
	t->n += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void put_frame(struct trace *t, uint32_t i, const struct sk_line *l,
    const char *module, uint64_t at)
{
	put(t, "#%-2u ", i);
	if (*l->function)
		put(t, "%s+0x%llx ", l->function,
		    (unsigned long long)l->offset);
	if (l->line)
		put(t, "at %s:%u ", l->file, l->line);
	put(t, "(%s+0x%llx)\n", module, (unsigned long long)at);
}

static struct sk_crash_module *module_of(struct trace *t, uint64_t pc,
    uint32_t *number)
{
	struct sk_crash_module *m;
	uint32_t i;

	for (i = 0; i < t->c.modules; i++) {
		m = &t->c.module[i];
		if (pc < m->from || pc >= m->to)
			continue;
		*number = i;
		return m;
	}
	return NULL;
}

/* Opened once, and asked for every frame in it. */
static sk_lines *lines_of(struct trace *t, const struct sk_crash_module *m,
    uint32_t number)
{
	char path[32];

	if (t->lines[number])
		return t->lines[number];
	if (m->file >= 0 && (size_t)m->file < t->files) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d",
		    t->file[m->file]);
		return t->lines[number] = sk_lines_open(path);
	}
	return t->lines[number] = strchr(m->path, '/')
	    ? sk_lines_open(m->path) : NULL;
}

static void say_frame(struct trace *t, uint32_t i)
{
	struct sk_line l = { 0 };
	struct sk_crash_module *m;
	const char *slash, *name;
	uint64_t pc = t->c.pc[i], at;
	uint32_t number;
	sk_lines *lines;

	m = module_of(t, pc, &number);
	if (!m) {
		put(t, "#%-2u 0x%llx\n", i, (unsigned long long)pc);
		return;
	}
	at = pc - m->base;
	lines = lines_of(t, m, number);
	if (lines)
		sk_lines_find(lines, at, &l);
	slash = strrchr(m->path, '/');
	name = slash ? slash + 1 : *m->path ? m->path : "snek-worker";
	if (m->file >= 0)
		place(t, &l, name, at);
	put_frame(t, i, &l, name, at);
}

static int take_notes(struct trace *t, struct sk_get *r)
{
	struct sk_span s = sk_get_bytes(r);
	uint32_t i;

	if (s.n != sizeof(t->c) || !sk_get_end(r))
		return SNEK_EFORMAT;
	memcpy(&t->c, s.p, sizeof(t->c));
	if (t->c.frames > SK_CRASH_FRAMES || t->c.modules > SK_CRASH_MODULES)
		return SNEK_EFORMAT;
	for (i = 0; i < SK_CRASH_MODULES; i++)
		t->c.module[i].path[sizeof(t->c.module[i].path) - 1] = '\0';
	return 0;
}

int sk_trace_say(struct sk_get *r, const int *file, size_t files,
    struct sk_wire_death *d)
{
	struct trace *t = calloc(1, sizeof(*t));
	uint32_t i;
	int rc;

	if (!t)
		return SNEK_ENOMEM;
	t->file = file;
	t->files = files;
	t->out = d;
	rc = take_notes(t, r);
	for (i = 0; !rc && i < t->c.frames; i++)
		say_frame(t, i);
	for (i = 0; i < SK_CRASH_MODULES; i++)
		sk_lines_close(t->lines[i]);
	free(t);
	return rc;
}
