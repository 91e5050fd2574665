/* SPDX-License-Identifier: MIT */
#include "cli/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE = 2 };             /* seconds that a late job has to end itself */

/* What the child says besides its results: shared memory. */
struct note {
	int code;
	bool reduced, keeps_order, combines, ended;
	char error[512];
};

struct child {
	const char *function;
	const struct test_case *k;
	const struct test_way *way;
	unsigned seconds;
	FILE *in, *out;
	struct note *note;
};

/* ---- in the child ---- */

static int settings(struct child *x, snek_job *job, struct snek_error *e)
{
	char late[24];
	const struct { const char *name, *value; } list[] = {
		{ "executor", "threads" },      /* this child is the cage */
		{ "workers", x->way->workers },
		{ "chunk-records", x->way->chunk_records },
		{ "combine", x->way->combine },
		{ "retry-first", x->way->retry_first },
		{ "timeout", late },
	};
	size_t i;
	int rc = 0;

	snprintf(late, sizeof(late), "%u", x->seconds);
	for (i = 0; !rc && i < sizeof(list) / sizeof(*list); i++)
		if (list[i].value)
			rc = snek_job_set(job, list[i].name, list[i].value, e);
	return rc;
}

static int arguments(struct child *x, snek_job *job, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < x->k->args; i++) {
		char *equals = strchr(x->k->arg[i], '=');

		*equals = '\0';
		rc = snek_job_arg(job, x->k->arg[i], equals + 1, e);
		*equals = '=';
	}
	for (i = 0; !rc && i < x->k->sides; i++)
		rc = snek_job_side(job, x->k->side[i].name, x->k->side[i].path, e);
	return rc;
}

static int results(struct child *x, snek_job *job, struct snek_error *e)
{
	struct snek_value key, value;
	snek_result *r;
	int rc = snek_result_open(job, &r, e);

	if (rc)
		return rc;
	x->note->reduced = snek_result_is_reduced(r);
	while ((rc = snek_result_next(r, &key, &value, e)) == 1)
		if ((rc = cli_result_line(x->out, x->note->reduced, key,
		    value)) < 0)
			break;
	snek_result_close(r);
	if (!rc && fflush(x->out))
		rc = SNEK_EIO;
	return rc;
}

static int run(struct child *x, snek_job *job, struct snek_error *e)
{
	int rc = settings(x, job, e);

	if (!rc)
		rc = snek_job_map(job, x->function, NULL, e);
	if (!rc)
		rc = arguments(x, job, e);
	if (!rc)
		rc = snek_job_read(job, fileno(x->in), "input", SNEK_JSONL, e);
	if (!rc)
		rc = snek_job_start(job, e);
	if (!rc)
		rc = snek_job_wait(job, -1, e);
	return rc < 0 ? rc : results(x, job, e);
}

static int look(void *arg, const struct snek_function_info *i)
{
	struct note *n = arg;

	n->keeps_order = i->reducer && strcmp(i->reducer, "list") == 0;
	n->combines = i->combines;
	return 0;
}

/* A way that combines often makes many files. */
static void raise_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static void live(struct child *x)
{
	struct snek_error e = { 0 };
	snek_job *job = NULL;
	int rc;

	alarm(x->seconds + GRACE);
	raise_files();
	rc = snek_function_find(NULL, x->function, look, x->note, &e);
	if (!rc)
		rc = snek_job_new(NULL, NULL, &job, &e);
	if (!rc)
		rc = run(x, job, &e);
	snek_job_free(job);
	x->note->code = rc < 0 ? rc : 0;
	if (rc < 0)
		snprintf(x->note->error, sizeof(x->note->error), "%s",
		    e.code ? e.text : snek_strerror(rc));
	x->note->ended = true;
	_exit(0);
}

/* ---- in the parent ---- */

static bool read_out(FILE *f, struct test_text *t)
{
	long n = fseek(f, 0, SEEK_END) ? -1 : ftell(f);

	if (n < 0 || !(t->p = malloc((size_t)n + 1)))
		return false;
	rewind(f);
	t->n = fread(t->p, 1, (size_t)n, f);
	t->p[t->n] = '\0';
	return !ferror(f);
}

static void judge(const struct child *x, int status, struct test_answer *a)
{
	const struct note *n = x->note;

	a->reduced = n->reduced;
	a->keeps_order = n->keeps_order;
	a->combines = n->combines;
	a->code = n->code;
	snprintf(a->error, sizeof(a->error), "%s", n->error);
	if (WIFEXITED(status) && n->ended)
		return;
	a->code = SNEK_EPLUGIN;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(a->error, sizeof(a->error), "did not end in %u s",
		    x->seconds);
	else if (WIFSIGNALED(status))
		snprintf(a->error, sizeof(a->error), "crashed: %s",
		    strsignal(WTERMSIG(status)));
	else
		snprintf(a->error, sizeof(a->error), "called exit(%d)",
		    WEXITSTATUS(status));
	a->signal = WIFSIGNALED(status) ? WTERMSIG(status) : SIGTERM;
}

static bool bring_up(struct child *x, struct test_answer *a)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return false;
	if (pid == 0)
		live(x);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	judge(x, status, a);
	return read_out(x->out, &a->text);
}

/* In memory: it has no name, and goes with its last descriptor. */
static FILE *scratch(void)
{
	int fd = memfd_create("snek-test", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!f && fd >= 0)
		close(fd);
	return f;
}

static bool prepare(struct child *x, const struct test_text *in)
{
	x->in = scratch();
	x->out = scratch();
	if (!x->in || !x->out || fwrite(in->p, 1, in->n, x->in) != in->n ||
	    fflush(x->in))
		return false;
	rewind(x->in);
	x->note = mmap(NULL, sizeof(*x->note), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return x->note != MAP_FAILED;
}

bool cli_test_job(const char *function, const struct test_case *k,
    const struct test_text *in, const struct test_way *way, unsigned seconds,
    struct test_answer *a)
{
	struct child x = { .function = function, .k = k, .way = way,
	    .seconds = seconds, .note = MAP_FAILED };
	bool ok;

	memset(a, 0, sizeof(*a));
	ok = prepare(&x, in) && bring_up(&x, a);
	if (x.in)
		fclose(x.in);
	if (x.out)
		fclose(x.out);
	if (x.note != MAP_FAILED)
		munmap(x.note, sizeof(*x.note));
	return ok;
}
