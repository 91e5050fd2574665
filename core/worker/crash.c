/* SPDX-License-Identifier: MIT */
/*
 * A handler on a stack of its own, for the op's may have overflowed.  It calls
 * nothing that allocates.  What can go wrong in it, with a heap in ruins and
 * unwinding tables of the op's own making, is a second signal: then the first
 * one is given its due, and what was noted by then stays.  An alarm
 * does the same for what takes for ever.
 */
#include "worker/crash.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#define STACK ((size_t)256 << 10)
#define PATIENCE_S 2
#define SCAN 512u                /* words of the stack */
#define FAKES 16u               /* the last so many */

static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS,
	SIGTRAP, SIGXCPU };

/* A file that was loaded under a name that is none of its own.  The loader
 * keeps the first, whatever a later load calls the same file. */
struct fake {
	char name[228], path[228];
	int32_t file;
};

/* A signal handler gets no argument of ours. */
static struct sk_crash *notes;
static struct fake fakes[FAKES];
static uint32_t faked;
static volatile sig_atomic_t first;     /* the signal; 0: none yet */
static volatile sig_atomic_t again;     /* and one more since */
static volatile uint64_t reached;       /* the stack of the last frame noted */
static void (*volatile last)(int);

/* ---- modules ---- */

/* A name without a directory was looked for on the library path. */
static bool is_named(const char *fake, const char *name)
{
	const char *slash = strrchr(name, '/');

	if (!strchr(fake, '/') && slash)
		name = slash + 1;
	return *fake && !strcmp(fake, name);
}

static void name_module(struct sk_crash_module *m, const char *name)
{
	uint32_t i;

	m->file = -1;
	for (i = 0; i < FAKES; i++)
		if (is_named(fakes[i].name, name)) {
			m->file = fakes[i].file;
			if (strchr(fakes[i].path, '/'))
				name = fakes[i].path;
			break;
		}
	strncpy(m->path, name, sizeof(m->path) - 1);
	m->path[sizeof(m->path) - 1] = '\0';
}

static int note_module(struct dl_phdr_info *i, size_t size, void *arg)
{
	struct sk_crash *c = arg;
	struct sk_crash_module *m = &c->module[c->modules];
	const ElfW(Phdr) *p;
	uint32_t was;
	ElfW(Half) k;

	(void)size;
	if (c->modules >= SK_CRASH_MODULES)
		return 1;
	for (was = 0; was < c->modules; was++)
		if (c->module[was].base == i->dlpi_addr)
			return 0;
	m->base = i->dlpi_addr;
	m->from = UINT64_MAX;
	m->to = 0;
	for (k = 0; k < i->dlpi_phnum; k++) {
		p = &i->dlpi_phdr[k];
		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		if (m->base + p->p_vaddr < m->from)
			m->from = m->base + p->p_vaddr;
		if (m->base + p->p_vaddr + p->p_memsz > m->to)
			m->to = m->base + p->p_vaddr + p->p_memsz;
	}
	name_module(m, i->dlpi_name ? i->dlpi_name : "");
	c->modules++;
	return 0;
}

void sk_crash_look(void)
{
	if (!notes)
		return;
	notes->modules = 0;
	dl_iterate_phdr(note_module, notes);
}

void sk_crash_name(const char *fake, int32_t file, const char *path)
{
	struct fake *f = &fakes[faked++ % FAKES];
	uint32_t i;

	snprintf(f->name, sizeof(f->name), "%s", fake);
	snprintf(f->path, sizeof(f->path), "%s", path);
	for (i = 0; i < FAKES; i++)
		if (!strcmp(fakes[i].path, f->path))
			fakes[i].file = file;
}

static bool all_known(const struct sk_crash *c, uint32_t n)
{
	uint32_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < c->modules && k < SK_CRASH_MODULES; k++)
			if (c->pc[i] - c->module[k].from <
			    c->module[k].to - c->module[k].from)
				break;
		if (k >= c->modules)
			return false;
	}
	return true;
}

/* ---- frames ---- */

#if defined(__x86_64__)
#define KNOWS_PC true
static uint64_t pc_of(const ucontext_t *u)
{
	return (uint64_t)u->uc_mcontext.gregs[REG_RIP];
}
#elif defined(__aarch64__)
#define KNOWS_PC true
static uint64_t pc_of(const ucontext_t *u)
{
	return u->uc_mcontext.pc;
}
#else
#define KNOWS_PC false
static uint64_t pc_of(const ucontext_t *u)
{
	(void)u;
	return 0;
}
#endif

struct walk {
	uint64_t pc;                    /* that was interrupted, if KNOWS_PC */
	uint32_t n;
	bool met;                       /* the frames are from there on */
};

/* What is above the interrupted place is the handler's own. */
static _Unwind_Reason_Code note_frame(struct _Unwind_Context *u, void *arg)
{
	struct walk *w = arg;
	int exact = 0;
	uint64_t pc = _Unwind_GetIPInfo(u, &exact);

	if (!pc)
		return _URC_END_OF_STACK;
	reached = _Unwind_GetCFA(u);
	if (KNOWS_PC && !w->met && pc == w->pc) {
		w->met = true;
		w->n = 0;
	}
	if (w->n >= SK_CRASH_FRAMES)
		return w->met ? _URC_END_OF_STACK : _URC_NO_REASON;
	notes->pc[w->n++] = exact ? pc : pc - 1;
	if (w->met)             /* the next step may be the last */
		notes->frames = w->n;
	return _URC_NO_REASON;
}

/* By a call to nowhere there is one frame to see, and the caller's address
 * where a call leaves it. */
#if defined(__x86_64__)
static uint64_t caller_of(const ucontext_t *u)
{
	return *(const uint64_t *)(uintptr_t)u->uc_mcontext.gregs[REG_RSP];
}
#elif defined(__aarch64__)
static uint64_t caller_of(const ucontext_t *u)
{
	return u->uc_mcontext.regs[30];
}
#else
static uint64_t caller_of(const ucontext_t *u)
{
	(void)u;
	return 0;
}
#endif

/* Where a heap in ruins has the tables for unwinding in it: the next address
 * on the stack that lies in a plugin's code. */
static void scan(void)
{
	const uint64_t *p = (const uint64_t *)(uintptr_t)(reached & ~7ull);
	const struct sk_crash_module *m;
	uint32_t i, k;

	if (!p || !notes->frames || notes->frames >= SK_CRASH_FRAMES)
		return;
	for (i = 0; i < SCAN; i++)
		for (k = 0; k < notes->modules && k < SK_CRASH_MODULES; k++) {
			m = &notes->module[k];
			if (m->file < 0 || p[i] <= m->from || p[i] > m->to)
				continue;
			notes->pc[notes->frames++] = p[i] - 1;
			return;
		}
}

static void walk(const ucontext_t *u)
{
	struct walk w = { .pc = pc_of(u) };

	notes->pc[0] = w.pc;
	notes->frames = KNOWS_PC;
	_Unwind_Backtrace(note_frame, &w);
	if (KNOWS_PC && !w.met) {
		notes->pc[0] = w.pc;
		w.n = 1;
		if (!all_known(notes, 1)) {
			notes->pc[1] = caller_of(u) - 1;
			w.n = 2;
		}
	}
	notes->frames = w.n;
	if (!all_known(notes, w.n))     /* died while it was being loaded */
		dl_iterate_phdr(note_module, notes);
}

/* ---- the signal ---- */

/* As if nobody had been here. */
__attribute__((noreturn))
static void die(int sig)
{
	void (*say)(int) = last;
	sigset_t set;

	last = NULL;
	if (say)
		say(sig);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig);
	for (;;)
		pause();
}

static void on_late(int sig)
{
	(void)sig;
	die(first);
}

static void on_signal(int sig, siginfo_t *i, void *context)
{
	sigset_t set;

	(void)i;
	if (first && !again) {
		again = 1;
		scan();
	}
	if (first)
		die(first);
	first = sig;
	signal(SIGALRM, on_late);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	alarm(PATIENCE_S);
	walk(context);
	die(sig);
}

void sk_crash_last(void (*say)(int sig))
{
	last = say;
}

static bool make_stack(void)
{
	stack_t s = { .ss_size = STACK };

	s.ss_sp = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return s.ss_sp != MAP_FAILED && !sigaltstack(&s, NULL);
}

static _Unwind_Reason_Code nothing(struct _Unwind_Context *u, void *arg)
{
	(void)u;
	(void)arg;
	return _URC_NO_REASON;
}

void sk_crash_watch(struct sk_crash *c)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER }, was;
	size_t i;

	_Unwind_Backtrace(nothing, NULL);       /* what it loads, it loads now */
	if (!make_stack())
		return;
	notes = c;
	for (i = 0; i < sizeof(deadly) / sizeof(*deadly); i++)
		if (!sigaction(deadly[i], NULL, &was) &&
		    was.sa_handler == SIG_DFL)
			sigaction(deadly[i], &sa, NULL);
}
