/* SPDX-License-Identifier: MIT */
/* Each allocation fails once while a bundle is made: an ordinary error, and
 * nothing leaks.  malloc and the rest are wrapped by the linker. */
#include "aws/module.h"
#include "check_main.h"
#include "elf_world.h"
#include "nomem_wrap.h"

char *__real_strdup(const char *);
char *__wrap_strdup(const char *);

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static void set_up(void)
{
	tempdir_make(elf_dir);
	elf_worker();
	elf_link("libb1.so", "int b1(void) { return 1; }", "");
	elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,DIR");
	file_write(elf_path("words.txt"), "to be", 5);
}

static void tear_down(void)
{
	tempdir_remove(elf_dir);
}

START_TEST(no_allocation_is_taken_for_granted)
{
	const char *path[] = { elf_path("words.txt") };
	const struct sk_bundle_options o = { .plugin = elf_path("p.so"),
		.include = path, .includes = 1, .with_tls = true,
		.tls = elf_path("libb1.so"), .worker = elf_path("worker"),
		.launcher = elf_path("launcher") };
	struct snek_error e;
	struct sk_bundle b;
	bool failed = true;
	long n;
	int rc;

	/* Of those that read lists, which are many, some. */
	for (n = 0; failed; n += n < 100 ? 1 : 13) {
		memset(&e, 0, sizeof(e));
		memset(&b, 0, sizeof(b));
		countdown = n;
		rc = sk_bundle_make(&o, &b, &e);
		failed = countdown < 0;
		countdown = -1;
		ck_assert_msg(rc == (failed ? SNEK_ENOMEM : 0), "%ld: %d %s",
		    n, rc, e.text);
		if (failed)
			ck_assert_str_eq(e.text, "out of memory");
		sk_bundle_free(&b);
	}
	ck_assert_int_gt(n, 20);
}
END_TEST

static void tests(TCase *t)
{
	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, no_allocation_is_taken_for_granted);
}

int main(void)
{
	return check_main("bundle nomem", tests);
}
