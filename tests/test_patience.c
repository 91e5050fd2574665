/* SPDX-License-Identifier: MIT */
/* test_patience.c - who is waited for is shown out, not before his time. */
#include "api/patience.h"
#include "check_main.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { PATIENCE = 1, ENOUGH_MS = 60000 };

struct guest {
	int fd, other;
	struct sk_guest *g;
};

static struct guest enter(struct sk_patience *p)
{
	struct guest v;
	int pair[2];

	ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	v = (struct guest){ pair[0], pair[1], sk_guest_enter(p, pair[0]) };
	ck_assert_ptr_nonnull(v.g);
	return v;
}

static bool is_shown_out(const struct guest *v, int ms)
{
	struct pollfd p = { .fd = v->other, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void leave(struct guest *v)
{
	sk_guest_leave(v->g);
	close(v->fd);
	close(v->other);
}

START_TEST(who_takes_an_answer_has_time_for_each_of_its_bytes)
{
	struct snek_error e = { 0 };
	struct sk_patience *p;
	struct guest asks, takes, rests;
	int64_t began = sk_clock_ms();

	ck_assert(!sk_patience_new(PATIENCE, NULL, NULL, &p, &e));
	asks = enter(p);
	takes = enter(p);
	rests = enter(p);
	sk_guest_await(takes.g, 24000);         /* a second and a half */
	sk_guest_busy(rests.g);
	ck_assert(is_shown_out(&asks, ENOUGH_MS));
	ck_assert_int_ge(sk_clock_ms() - began, PATIENCE * 1000 - 20);
	ck_assert(is_shown_out(&takes, ENOUGH_MS));
	ck_assert_int_ge(sk_clock_ms() - began, PATIENCE * 1000 + 1480);
	ck_assert(!is_shown_out(&rests, 0));
	sk_guest_await(rests.g, 0);
	ck_assert(is_shown_out(&rests, ENOUGH_MS));
	leave(&asks);
	leave(&takes);
	leave(&rests);
	sk_patience_free(p);
}
END_TEST

static void setup(TCase *t)
{
	tcase_set_timeout(t, 4 * ENOUGH_MS / 1000);
	tcase_add_test(t, who_takes_an_answer_has_time_for_each_of_its_bytes);
}

int main(void)
{
	return check_main("patience", setup);
}
