/* SPDX-License-Identifier: MIT */
/* grep's search finds what memmem finds, and reads no byte beyond. */
#include "check_main.h"

#include <string.h>

#include "search.h"

static uint64_t seed = 1;

static uint32_t draw(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* Of few letters, so that much nearly matches; in memory of just that size, so
 * that sanitizers see a byte too many. */
static char *text_of(size_t n)
{
	char *s = malloc(n ? n : 1);
	size_t i;

	ck_assert_ptr_nonnull(s);
	for (i = 0; i < n; i++)
		s[i] = (char)("ab\x80"[draw(3)]);
	return s;
}

START_TEST(it_finds_what_memmem_finds)
{
	unsigned found = 0, i;

	for (i = 0; i < 100000; i++) {
		size_t n = draw(80), len = 1 + draw(draw(4) ? 6 : 40);
		char *s = text_of(n), *text = text_of(len);
		bool has = memmem(s, n, text, len) != NULL;

		ck_assert_int_eq(search_has(s, n, text, len), has);
		found += has;
		free(s);
		free(text);
	}
	ck_assert_uint_gt(found, 20000);
	ck_assert_uint_lt(found, 80000);
}
END_TEST

/* Every place of a field, however the 16 fall. */
START_TEST(it_finds_it_wherever_it_is)
{
	static const char text[] = "needle";
	size_t n, at, len = sizeof(text) - 1;
	char s[100];

	for (n = len; n <= sizeof(s); n++)
		for (at = 0; at + len <= n; at++) {
			memset(s, 'n', n);
			memcpy(s + at, text, len);
			ck_assert(search_has(s, n, text, len));
			s[at + len - 1] = 'x';
			ck_assert(!search_has(s, n, text, len));
		}
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, it_finds_what_memmem_finds);
	tcase_add_test(t, it_finds_it_wherever_it_is);
}

int main(void)
{
	return check_main("search", setup);
}
