/* SPDX-License-Identifier: MIT */
/* child.c - takes requests, one after the other, and answers them. */
#include "worker/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "task/elf_file.h"
#include "task/sandbox_parts.h"
#include "task/tmp.h"
#include "worker/attempt.h"
#include "worker/noproc.h"
#include "worker/trace.h"

#define MAX_FILES 65536u        /* of one task's input */
#define LOADS 128               /* first descriptor that is loaded from */
#define MAX_REQUEST ((uint64_t)1 << 30)
/* A run of this size is worth a file of its own. */
#define FILE_BYTES ((size_t)256 << 10)
/* ... and one below this is not, whatever there is. */
#define TINY_BYTES ((size_t)4 << 10)

struct child {
	struct sk_shared *shared;
	struct sk_channel channel;
	uint64_t id;                    /* of the task */
	struct sk_attempts attempts;
	struct sk_chunk_room room;
	int loads;
	char tmp[4128];
};

/* ---- talking ---- */

static int wait_room(void *arg)
{
	struct pollfd p = { .fd = SK_CHILD_SOCK, .events = POLLOUT };

	(void)arg;
	return poll(&p, 1, -1) < 0 && errno != EINTR ? SNEK_EIO : 0;
}

static const struct sk_channel_wait patient = { wait_room, NULL };

static void say(struct child *c, uint32_t kind, struct sk_put *w,
    struct sk_message *m)
{
	m->kind = kind;
	m->id = c->id;
	m->body = w->buf;
	if (w->nomem || sk_channel_send(SK_CHILD_SOCK, m, &patient))
		_exit(1);
	sk_message_free(m);
}

static void say_log(void *arg, int level, const char *text)
{
	struct sk_message m = { 0 };
	struct sk_put w = { { 0 }, false };

	sk_put_u32(&w, (uint32_t)level);
	sk_put_text(&w, text);
	say(arg, SK_MSG_LOG, &w, &m);
}

/* ---- loading ---- */

/* The loader calls the file what it was opened as; people know its path. */
static void rename_file(const char *fake, const char *path, struct snek_error *e)
{
	char text[sizeof(e->text)], *at = strstr(e->text, fake);

	if (!at)
		return;
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - e->text), e->text,
	    path, at + strlen(fake));
	memcpy(e->text, text, sizeof(text));
	e->text[sizeof(text) - 1] = '\0';
}

static bool has_origin(const struct sk_elf_file *f)
{
	const char *path = sk_elf_runpath(f);

	path = path ? path : sk_elf_rpath(f);
	return path && strstr(path, "ORIGIN");
}

/* What lies beside a plugin does not lie beside its bytes. */
static void say_origin(const char *fake, struct snek_error *e)
{
	const char *cut = strstr(e->text, ", which is not found");
	struct snek_error why = *e;
	struct sk_elf_file f;

	if (!cut || sk_elf_file_open(&f, fake, NULL))
		return;
	if (has_origin(&f))
		sk_fail(e, why.code, "%.*s, and its RUNPATH with $ORIGIN does "
		    "not help, for a plugin is loaded from a copy of its bytes: "
		    "link the library statically, or set LD_LIBRARY_PATH to "
		    "where it is", (int)(cut - e->text), why.text);
	sk_elf_file_free(&f);
}

/* Each under a name of its own: what the loader has once loaded under a name
 * it takes for the same, and a plugin may have stayed. */
static int load(struct child *c, const char *path, int fd, size_t number,
    struct sk_plugin **out, struct snek_error *e)
{
	bool noproc = sk_noproc();
	char fake[32];
	const char *name = noproc ? path : fake;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, LOADS + c->loads++), rc;

	if (own < 0)
		return sk_fail_errno(e, "%s", path);
	snprintf(fake, sizeof(fake), "/proc/self/fd/%d", own);
	snprintf(c->shared->mark.callback, sizeof(c->shared->mark.callback),
	    "loading");
	if (noproc && !sk_noproc_same(path, own)) {
		close(own);
		return sk_fail(e, SNEK_EACCES, "%s cannot be loaded in a "
		    "process: it has changed since, and /proc is not mounted; "
		    "mount -t proc proc /proc, or run it --on threads", path);
	}
	sk_crash_name(name, (int32_t)number, path);
	rc = sk_plugin_open(name, out, e);
	sk_crash_look();
	if (rc && e && !noproc) {
		rename_file(fake, path, e);
		say_origin(fake, e);
	}
	close(own);
	return rc;
}

static int open_call(const struct sk_call *call, struct sk_plugin **out,
    struct snek_error *e)
{
	int rc;

	sk_crash_name(call->lib, 0, call->lib);
	rc = sk_call_open(call, out, e);
	sk_crash_look();
	return rc;
}

/* The file of its plugin is the message's at-th. */
static int load_op(void *arg, const struct sk_wire_op *o,
    const struct sk_message *m, size_t at, struct sk_plugin **out,
    struct snek_error *e)
{
	if (o->call.lib)
		return open_call(&o->call, out, e);
	return at < m->fds ? load(arg, o->path, m->fd[at], at, out, e)
	    : sk_fail(e, SNEK_EINTERNAL, "malformed request");
}

/* ---- describing ---- */

static int describe(struct child *c, struct sk_get *r, struct sk_message *m,
    struct sk_put *w, struct snek_error *e)
{
	const char *path = sk_get_text(r);
	struct sk_plugin *p;
	int rc;

	if (!path || m->fds != 1)
		return sk_fail(e, SNEK_EINTERNAL, "malformed request");
	rc = load(c, path, m->fd[0], 0, &p, e);
	if (rc)
		return rc;
	sk_put_error(w, 0, &(struct snek_error){ 0 });
	sk_put_plugin(w, p);
	sk_plugin_close(p);
	return 0;
}

static int opened(struct child *c, const struct sk_loaded *l,
    const struct sk_args *args, struct sk_get *r, const struct sk_message *m,
    struct sk_put *w, struct snek_error *e)
{
	const char *category = sk_get_text(r);
	bool logs = sk_get_u8(r);
	struct sk_sides sides = { 0 };
	sk_instance *in;
	int rc = sk_sides_open(&sides, (struct sk_span){ r->p, r->n }, m, e);

	if (!rc)
		rc = sk_attempts_open(&c->attempts, l, args,
		    category ? category : "", logs, &sides, &in, e);
	if (rc) {
		sk_sides_close(&sides);
		return rc;
	}
	rc = sk_attempts_say_opened(in, w);
	sk_instance_close(in);
	sk_sides_close(&sides);
	return rc;
}

static int open_once(struct child *c, struct sk_get *r, struct sk_message *m,
    struct sk_put *w, struct snek_error *e)
{
	struct sk_wire_op o;
	struct sk_loaded l = { 0 };
	int rc = sk_get_op(r, &o, e);

	if (rc)
		return rc;
	rc = sk_attempts_load(&c->attempts, &o, m, 0, &l, e);
	if (!rc)
		rc = opened(c, &l, &o.args, r, m, w, e);
	sk_plugin_close(l.plugin);
	sk_args_free(&o.args);
	return rc;
}

/* ---- answering ---- */

/* Small runs go in the answer itself, while they are not too much together; the
 * others as files, whose bytes nobody copies on the way. */
static int send_run(struct child *c, struct sk_run *r, uint64_t *left,
    struct snek_error *e)
{
	int rc;

	if (r->fd || (r->mem.n > *left && r->mem.n < TINY_BYTES))
		return 0;
	if (r->mem.n <= *left && r->mem.n < FILE_BYTES) {
		*left -= r->mem.n;
		return 0;
	}
	rc = sk_run_share(r, c->attempts.tmp, r->mem.n, e);
	if (!rc)
		rc = sk_run_spill(r, c->attempts.tmp, e);
	else if (rc > 0)
		rc = 0;
	return rc ? rc : sk_run_end(r, e);
}

static int make_fit(struct child *c, struct sk_outcome *o)
{
	uint64_t left = c->attempts.job.memory / 8;
	uint32_t p;
	size_t i;
	int rc = send_run(c, &o->run, &left, &o->error);

	for (p = 0; p < o->parts; p++)
		for (i = 0; i < o->part[p].n && !rc; i++)
			rc = send_run(c, &o->part[p].run[i], &left, &o->error);
	return rc;
}

static void answer(struct child *c, struct sk_outcome *o)
{
	struct sk_message m = { 0 };
	struct sk_put w = { { 0 }, false };

	if (!o->code && (o->code = make_fit(c, o)))
		sk_outcome_drop_runs(o);
	if (!sk_put_outcome(&w, o, &m))
		_exit(1);
	fflush(stdout);         /* what it printed is of this task */
	sk_outcome_free(o);
	say(c, SK_MSG_DONE, &w, &m);
}

static void attempt(struct child *c, uint8_t what, struct sk_get *r,
    struct sk_message *m)
{
	struct sk_outcome o = { 0 };

	c->shared->control.deadline_ms = c->attempts.job.deadline_ms;
	sk_attempts_run(&c->attempts, what, r, m, &o);
	answer(c, &o);
}

static void tell(struct child *c, uint8_t what, struct sk_get *r,
    struct sk_message *m)
{
	struct snek_error e = { 0 };
	struct sk_put w = { { 0 }, false };
	struct sk_message out = { 0 };
	int rc = what == SK_ASK_DESCRIBE ? describe(c, r, m, &w, &e)
	    : open_once(c, r, m, &w, &e);

	if (rc) {
		w.buf.n = 0;
		sk_put_error(&w, rc, &e);
	}
	fflush(stdout);
	say(c, SK_MSG_DONE, &w, &out);
}

/* The notes of one that died; this one has no plugin in it. */
static void trace(struct child *c, struct sk_get *r, struct sk_message *m)
{
	struct sk_wire_death d = { 0 };
	struct sk_put w = { { 0 }, false };
	struct sk_message out = { 0 };

	if (sk_trace_say(r, m->fd, m->fds, &d))
		_exit(1);
	sk_put_trace(&w, &d);
	say(c, SK_MSG_DONE, &w, &out);
}

/* ---- the loop ---- */

static void take(struct child *c, struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	uint8_t what;

	if (m->kind == SK_MSG_INIT) {
		if (sk_attempts_begin(&c->attempts, m))
			_exit(1);
		return;
	}
	c->id = m->id;
	what = sk_get_u8(&r);
	if (what == SK_ASK_MAP || what == SK_ASK_REDUCE)
		attempt(c, what, &r, m);
	else if (what == SK_ASK_TRACE)
		trace(c, &r, m);
	else
		tell(c, what, &r, m);
	c->shared->mark.callback[0] = '\0';
}

/* Said while nothing in here can lie. */
static void greet(struct child *c, bool confined, const char *why)
{
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { 0 };

	sk_put_u8(&w, confined);
	sk_put_text(&w, why);
	say(c, SK_MSG_HELLO, &w, &m);
}

static void confine(struct child *c, const struct sk_wire_hello *hello,
    const struct sk_sandbox_filter *filter)
{
	const struct sk_sandbox_options o = { .memory = hello->memory,
		.descriptors = MAX_FILES, .filter = filter,
		.libraries = *hello->libraries ? hello->libraries : NULL };
	struct snek_error e = { 0 };

	if (!sk_chunk_room_open(&c->room, &e))
		c->attempts.room = &c->room;
	if (!hello->trust && sk_sandbox_enter(&o, &e)) {
		greet(c, false, e.text);
		_exit(1);
	}
	greet(c, true, "");
	if (!SK_SANITIZED)      /* they report by themselves, and mind ours */
		sk_crash_watch(&c->shared->crash);
}

void sk_child_run(const struct sk_wire_hello *hello,
    const struct sk_sandbox_filter *filter, struct sk_shared *shared)
{
	struct child c = { .shared = shared,
		.channel = { .fd = SK_CHILD_SOCK, .max = MAX_REQUEST,
		    .max_fds = 1u << 20 } };
	struct pollfd p = { .fd = SK_CHILD_SOCK, .events = POLLIN };
	struct sk_message m = { 0 };
	int rc;

	c.attempts = (struct sk_attempts){ .control = &shared->control,
		.mark = &shared->mark, .tmp = c.tmp, .load = load_op,
		.log = say_log, .arg = &c };
	confine(&c, hello, filter);
	setvbuf(stdout, NULL, _IOLBF, 0);       /* a crash takes no lines along */
	snprintf(c.tmp, sizeof(c.tmp), SK_TMP_ASK "%d:%s", SK_CHILD_TMP,
	    hello->tmp);
	for (;;) {
		rc = sk_channel_recv(&c.channel, &m);
		if (rc < 0)
			_exit(rc == SNEK_EIO ? 0 : 1);
		if (rc)
			take(&c, &m);
		else
			poll(&p, 1, -1);
		sk_message_free(&m);
	}
}
