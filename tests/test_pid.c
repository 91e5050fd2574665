/* SPDX-License-Identifier: MIT */
#include "base/pid.h"
#include "check_main.h"

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* True in each of so many generations of children. */
static bool is_right(unsigned generations)
{
	int status = 0;
	pid_t pid;

	if (sk_pid() != getpid() || sk_pid() != getpid())
		return false;
	if (!generations)
		return true;
	pid = fork();
	if (!pid)
		_exit(!is_right(generations - 1));
	return waitpid(pid, &status, 0) == pid && !status &&
	    sk_pid() == getpid();
}

START_TEST(a_forked_child_has_another)
{
	ck_assert(is_right(3));
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, a_forked_child_has_another);
}

int main(void)
{
	return check_main("pid", setup);
}
