/* SPDX-License-Identifier: MIT */
#include "check_main.h"
#include "sandbox_probes.h"
#include "task/sandbox_parts.h"
#include "tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLUGIN "tests/plugins/.libs/needs.so"
#define NOBODY 65534

enum who { AS_IS, NOBODY_ELSE, EMPTY_ROOT, OUTSIDE };
static const char *const names[] = { "as is", "as nobody", "in an empty root",
	"outside" };

struct outcome {
	long result;
	int error, signal, status;
	char text[200];
};

static void give(int from, int to)
{
	ck_assert_int_ge(from, 0);
	ck_assert_int_eq(dup2(from, to), to);
	close(from);
}

/* The descriptors of a child: a file, a sealed plugin, one end of a pair. */
static void give_all(void)
{
	int pair[2], fd = memfd_create("plugin", MFD_ALLOW_SEALING);
	size_t n;
	unsigned char *so = file_read(PLUGIN, &n);

	ck_assert_int_eq(write(fd, so, n), (ssize_t)n);
	free(so);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_WRITE | F_SEAL_SEAL), 0);
	give(fd, GIVEN_PLUGIN);
	give(memfd_create("file", MFD_ALLOW_SEALING), GIVEN_FILE);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	give(pair[0], GIVEN_SOCKET);
	give(pair[1], GIVEN_SOCKET + 1);
}

static int become(enum who who, const char *root)
{
	if (who == EMPTY_ROOT && (chroot(root) || chdir("/")))
		return -1;
	if (who == NOBODY_ELSE && (setgroups(0, NULL) || setgid(NOBODY) ||
	    setuid(NOBODY)))
		return -1;
	return 0;
}

static void child(const struct probe *p, enum who who, const char *root,
    const struct sk_sandbox_filter *f, int out)
{
	struct sk_sandbox_options o = { .memory = 1 << 29, .cpu_seconds = 1,
		.file_bytes = 1 << 20, .filter = f };
	struct outcome r = { 0 };
	struct snek_error e = { 0 };

	if (become(who, root) || (who != OUTSIDE && sk_sandbox_enter(&o, &e))) {
		memcpy(r.text, e.text, sizeof(r.text) - 1);
		r.result = -2;
		r.error = errno;
	} else {
		errno = 0;
		r.result = p->run();
		r.error = errno;
	}
	if (write(out, &r, sizeof(r)) != sizeof(r))
		_exit(98);
	_exit(0);
}

static struct outcome try(const struct probe *p, enum who who,
    const struct sk_sandbox_filter *f)
{
	struct outcome r = { .result = -3 };
	char root[64];
	int ends[2], status;
	pid_t pid;

	tempdir_make(root);
	give_all();
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		child(p, who, root, f, ends[1]);
	close(ends[1]);
	if (read(ends[0], &r, sizeof(r)) != sizeof(r))
		r.result = -3;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(ends[0]);
	r.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	tempdir_remove(root);
	return r;
}

#ifdef __SANITIZE_THREAD__
#define HAS_TSAN true
#else
#define HAS_TSAN false
#endif

/* Whether this build and machine can show it; says so if not. */
static bool shown(const struct probe *p, enum who who)
{
	struct sk_sandbox_features f;
	const char *why = NULL;

	sk_sandbox_features(&f);
	if (who != OUTSIDE && (p->flags & CALLS) && !f.seccomp)
		why = "no seccomp";
	else if (who != OUTSIDE && (p->flags & FILES) && !f.landlock)
		why = "no Landlock";
	else if ((p->flags & MEMORY) && SK_SANITIZED)
		why = "sanitizers";
	else if ((p->flags & ALONE) && HAS_TSAN)
		why = "the thread sanitizer";
	else if ((p->flags & PROC) && access("/proc/self/fd", F_OK))
		why = "no /proc";
	else if ((who == NOBODY_ELSE || who == EMPTY_ROOT) && getuid())
		why = "not root";
	if (why)
		fprintf(stderr, "SKIP %s %s: %s\n", p->name, names[who], why);
	return !why;
}

static void expect(const struct probe *p, enum who who)
{
	struct outcome r;
	int error = p->error;

	if (!shown(p, who) || ((p->flags & SLOW) && who != AS_IS))
		return;
	if (who == EMPTY_ROOT && (p->flags & FILES))
		error = ENOENT;
	r = try(p, who, NULL);
	if (p->signal)
		ck_assert_msg(r.signal == p->signal, "%s %s: signal %d, "
		    "result %ld, errno %d (%s)", p->name, names[who], r.signal,
		    r.result, r.error, r.text);
	else
		ck_assert_msg(!r.signal && r.result == (error ? -1 : 0) &&
		    (!error || r.error == error), "%s %s: signal %d, "
		    "result %ld, errno %d (%s)", p->name, names[who], r.signal,
		    r.result, r.error, r.text);
}

START_TEST(an_attack_fails)
{
	expect(&sandbox_attacks[_i], AS_IS);
}
END_TEST

START_TEST(an_attack_by_nobody_fails)
{
	expect(&sandbox_attacks[_i], NOBODY_ELSE);
}
END_TEST

START_TEST(an_attack_in_an_empty_root_fails)
{
	expect(&sandbox_attacks[_i], EMPTY_ROOT);
}
END_TEST

START_TEST(an_attack_would_succeed_outside)
{
	const struct probe *p = &sandbox_attacks[_i];
	struct outcome r;

	if (!(p->flags & HARMLESS) || !shown(p, OUTSIDE))
		return;
	r = try(p, OUTSIDE, NULL);
	ck_assert_msg(r.result >= 0, "%s: errno %d, signal %d", p->name,
	    r.error, r.signal);
}
END_TEST

START_TEST(what_plugins_need_works)
{
	expect(&sandbox_uses[_i], AS_IS);
	expect(&sandbox_uses[_i], NOBODY_ELSE);
	if (!(sandbox_uses[_i].flags & PROC))
		expect(&sandbox_uses[_i], EMPTY_ROOT);
}
END_TEST

START_TEST(a_prepared_filter_serves_many_children)
{
	struct sk_sandbox_filter *f;
	struct snek_error e;

	ck_assert_int_eq(sk_sandbox_filter_new(false, &f, &e), 0);
	for (size_t i = 0; i < sandbox_use_count; i++) {
		const struct probe *p = &sandbox_uses[i];
		struct outcome r;

		if (!shown(p, AS_IS))
			continue;
		r = try(p, AS_IS, f);
		ck_assert_msg(r.signal == p->signal && (p->signal || !r.result),
		    "%s: result %ld, errno %d", p->name, r.result, r.error);
	}
	sk_sandbox_filter_free(f);
}
END_TEST

/* Some that are no accident, and some that a library may try in good faith. */
START_TEST(a_strict_filter_kills_for_what_is_no_accident)
{
	static const struct {
		const char *name;
		int signal;
	} t[] = {
		{ "try_exec", SIGSYS }, { "be_traced", SIGSYS },
		{ "tcp", SIGSYS }, { "io_uring", SIGSYS }, { "x32", SIGSYS },
		{ "signal_parent", 0 }, { "read_passwd", 0 },
		{ "write_passwd", 0 }, { "unknown_call", 0 },
	};
	struct sk_sandbox_filter *f;
	struct snek_error e;

	ck_assert_int_eq(sk_sandbox_filter_new(true, &f, &e), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		for (size_t k = 0; k < sandbox_attack_count; k++) {
			const struct probe *p = &sandbox_attacks[k];
			struct outcome r;

			if (strcmp(p->name, t[i].name) || !shown(p, AS_IS))
				continue;
			r = try(p, AS_IS, f);
			ck_assert_msg(r.signal == t[i].signal &&
			    (r.signal || r.result == -1), "%s: signal %d",
			    p->name, r.signal);
		}
	sk_sandbox_filter_free(f);
}
END_TEST

/* The exit status says how far it came. */
static int open_in_sandbox(const char *libraries, const char *path)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		struct sk_sandbox_options o = { .libraries = libraries };

		if (sk_sandbox_enter(&o, NULL))
			_exit(2);
		_exit(open(path, O_RDONLY) < 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(further_directories_can_be_read_and_no_others)
{
	struct sk_sandbox_features f;
	char dir[64], file[80], list[256];

	sk_sandbox_features(&f);
	if (!f.landlock) {
		fprintf(stderr, "SKIP %s: no Landlock\n", __func__);
		return;
	}
	tempdir_make(dir);
	snprintf(file, sizeof(file), "%s/file", dir);
	file_write(file, "x", 1);
	unsetenv("LD_LIBRARY_PATH");
	ck_assert_int_eq(open_in_sandbox(NULL, file), 1);
	ck_assert_int_eq(open_in_sandbox(dir, file), 0);
	ck_assert_int_eq(open_in_sandbox(dir, "/etc/passwd"), 1);
	ck_assert_int_eq(open_in_sandbox(file, file), 0);
	snprintf(list, sizeof(list), ":/none::%s:", dir);
	ck_assert_int_eq(open_in_sandbox(list, file), 0);
	ck_assert_int_eq(open_in_sandbox("/", file), 1);
	ck_assert_int_eq(open_in_sandbox("//:/.:/..:.:", file), 1);
	ck_assert_int_eq(setenv("LD_LIBRARY_PATH", list, 1), 0);
	ck_assert_int_eq(open_in_sandbox(NULL, file), 0);
	tempdir_remove(dir);
}
END_TEST

/* A number of a line of /proc/PID/status, in hex or not; -1: no such line. */
static long long status_of(pid_t pid, const char *name, int base)
{
	char path[64], line[256];
	long long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			n = strtoll(line + strlen(name), NULL, base);
	fclose(f);
	return n;
}

START_TEST(nothing_of_root_is_left_but_its_files)
{
	int ready[2];
	char c = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct sk_sandbox_options o = { .memory = 1 << 29 };

		c = sk_sandbox_enter(&o, NULL) == 0;
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_int_eq(c, 1);
	ck_assert_int_eq(status_of(pid, "CapEff:", 16), 0);
	ck_assert_int_eq(status_of(pid, "CapPrm:", 16), 0);
	ck_assert_int_eq(status_of(pid, "CapAmb:", 16), 0);
	if (!getuid() && status_of(getpid(), "CapEff:", 16) & 1 << CAP_SETPCAP)
		ck_assert_int_eq(status_of(pid, "CapBnd:", 16), 0);
	if (!getuid() && status_of(getpid(), "CapEff:", 16) & 1 << CAP_SETUID)
		ck_assert_int_eq(status_of(pid, "Uid:", 10), NOBODY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

START_TEST(the_build_and_the_kernel_say_what_there_is)
{
	struct sk_sandbox_features f;

	sk_sandbox_features(&f);
	fprintf(stderr, "sandbox: no_new_privs %d, seccomp %d, Landlock %d\n",
	    f.no_new_privs, f.seccomp, f.landlock_abi);
	ck_assert_int_eq(f.landlock, f.landlock_abi > 0);
	ck_assert_int_eq(f.landlock_abi, sk_landlock_abi());
	ck_assert(f.no_new_privs);
}
END_TEST

static void setup(TCase *t)
{
	int attacks = (int)sandbox_attack_count;

	tcase_add_loop_test(t, an_attack_fails, 0, attacks);
	tcase_add_loop_test(t, an_attack_by_nobody_fails, 0, attacks);
	tcase_add_loop_test(t, an_attack_in_an_empty_root_fails, 0, attacks);
	tcase_add_loop_test(t, an_attack_would_succeed_outside, 0, attacks);
	tcase_add_loop_test(t, what_plugins_need_works, 0,
	    (int)sandbox_use_count);
	tcase_add_test(t, a_prepared_filter_serves_many_children);
	tcase_add_test(t, a_strict_filter_kills_for_what_is_no_accident);
	tcase_add_test(t, further_directories_can_be_read_and_no_others);
	tcase_add_test(t, nothing_of_root_is_left_but_its_files);
	tcase_add_test(t, the_build_and_the_kernel_say_what_there_is);
}

int main(void)
{
	return check_main("sandbox", setup);
}
