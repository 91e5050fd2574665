/* SPDX-License-Identifier: MIT */
/*
 * cred_process.c - a program of the user's prints {"Version": 1, "AccessKeyId",
 * "SecretAccessKey", "SessionToken", "Expiration"}.  No shell is between; what
 * it says on standard error is for who sits there.
 */
#include "aws/cred.h"
#include "aws/json.h"
#include "aws/secret.h"
#include "aws/words.h"
#include "base/clock.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 65536u
#define PATIENCE_MS 300000      /* it may be asking a person */

extern char **environ;

struct child {
	pid_t pid;
	int out;
	struct sk_buf text;
};

static int spawn(struct child *c, char **argv, int out)
{
	posix_spawn_file_actions_t f;
	posix_spawnattr_t a;
	int rc;

	if (posix_spawn_file_actions_init(&f))
		return ENOMEM;
	if (posix_spawnattr_init(&a)) {
		posix_spawn_file_actions_destroy(&f);
		return ENOMEM;
	}
	rc = sk_spawn_signals(&a);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&f, out, 1);
	if (!rc)
		rc = posix_spawnp(&c->pid, argv[0], &f, &a, argv, environ);
	posix_spawnattr_destroy(&a);
	posix_spawn_file_actions_destroy(&f);
	return rc;
}

static int start(struct child *c, char **argv, struct snek_error *e)
{
	int end[2], rc;

	if (pipe2(end, O_CLOEXEC))
		return sk_fail_errno(e, "pipe");
	rc = spawn(c, argv, end[1]);
	close(end[1]);
	c->out = end[0];
	if (!rc)
		return 0;
	close(end[0]);
	errno = rc;
	sk_fail_errno(e, "%.150s", argv[0]);
	return SNEK_EACCES;
}

static int listen_to(struct child *c, struct snek_error *e)
{
	int64_t until = sk_clock_ms() + PATIENCE_MS, left;
	struct pollfd p = { .fd = c->out, .events = POLLIN };
	ssize_t n = 1;

	if (!sk_buf_reserve(&c->text, OUTPUT_MAX + 1))
		return sk_enomem(e);
	while (n) {
		left = until - sk_clock_ms();
		if (left <= 0)
			return sk_fail(e, SNEK_ETIMEDOUT, "it did not end in %d "
			    "seconds", PATIENCE_MS / 1000);
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(c->out, c->text.p + c->text.n,
		    OUTPUT_MAX + 1 - c->text.n);
		if (n < 0 && errno != EINTR)
			return sk_fail_errno(e, "its output");
		c->text.n += n > 0 ? (size_t)n : 0;
		if (c->text.n > OUTPUT_MAX)
			return sk_fail(e, SNEK_ELIMIT, "it printed more than %u "
			    "bytes", OUTPUT_MAX);
	}
	return 0;
}

/* Whoever ignores SIGCHLD hears nothing of how it ended. */
static int end(struct child *c, bool kill_it, struct snek_error *e)
{
	siginfo_t how = { 0 };
	int rc;

	close(c->out);
	if (kill_it)
		kill(c->pid, SIGKILL);
	do
		rc = waitid(P_PID, (id_t)c->pid, &how, WEXITED);
	while (rc && errno == EINTR);
	if (rc || (how.si_code == CLD_EXITED && !how.si_status))
		return 0;
	return sk_fail(e, SNEK_EACCES, how.si_code == CLD_EXITED ?
	    "it ended with status %d" : "signal %d ended it", how.si_status);
}

static int read_answer(const struct sk_buf *text, struct sk_cred *out,
    struct snek_error *e)
{
	static const struct sk_cred_names names = { "AccessKeyId",
		"SecretAccessKey", "SessionToken", "Expiration" };
	struct sk_json *j;
	int64_t version = 0;
	int rc;

	if (sk_json_open(text, &j, NULL))
		return sk_fail(e, SNEK_EACCES, "it printed no JSON");
	if (!sk_json_int(j, "Version", &version) || version != 1)
		rc = sk_fail(e, SNEK_EACCES, "it printed no \"Version\": 1");
	else
		rc = sk_cred_read(j, &names, out, e);
	if (!rc && out->expires && out->expires <= sk_clock_wall()) {
		sk_cred_free(out);
		rc = sk_fail(e, SNEK_EACCES, "what it printed has expired");
	}
	sk_json_close(j);
	return rc;
}

static int run(char **argv, struct sk_cred *out, struct snek_error *e)
{
	struct child c = { .out = -1 };
	struct snek_error ignored;
	int rc = start(&c, argv, e), ended;

	if (rc)
		return rc;
	rc = listen_to(&c, e);
	ended = end(&c, rc, rc ? &ignored : e);
	rc = rc ? rc : ended ? ended : read_answer(&c.text, out, e);
	sk_secret_forget(&c.text);
	return rc;
}

/* The command itself may hold secrets: messages name the profile. */
int sk_cred_process(struct sk_chain *c, struct sk_cred *out,
    struct snek_error *e)
{
	const char *command = sk_cred_setting(c, "credential_process");
	struct sk_arena mem = { 0 };
	char **argv;
	int rc;

	if (!command)
		return sk_cred_not(c, "no credential_process");
	rc = sk_words_split(command, &mem, &argv, e);
	if (!rc)
		rc = run(argv, out, e);
	sk_arena_free(&mem);
	if (rc)
		return sk_fail_in(e, rc == SNEK_EINVAL ? rc : SNEK_EACCES,
		    "credential_process of profile %.60s", c->profile);
	snprintf(out->source, sizeof(out->source), "credential_process of "
	    "profile %.60s", c->profile);
	return 0;
}
