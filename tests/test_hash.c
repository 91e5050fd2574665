/* SPDX-License-Identifier: MIT */
#include "base/hash.h"
#include "check_main.h"

#include <stdlib.h>

#define LONG 20000u             /* several of the longest stretches */

/* RFC 3720, B.4. */
static uint32_t bit_by_bit(uint32_t crc, const uint8_t *s, size_t n)
{
	crc = ~crc;
	while (n--) {
		crc ^= *s++;
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static uint8_t *noise(size_t n)
{
	uint8_t *p = malloc(n);
	uint32_t x = 1;

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < n; i++) {
		x = x * 1103515245u + 12345u;
		p[i] = (uint8_t)(x >> 16);
	}
	return p;
}

START_TEST(crcs_are_those_of_the_rfc)
{
	uint8_t s[32];

	ck_assert_uint_eq(sk_crc32c(0, "123456789", 9), 0xe3069283u);
	memset(s, 0, sizeof(s));
	ck_assert_uint_eq(sk_crc32c(0, s, sizeof(s)), 0x8a9136aau);
	memset(s, 0xff, sizeof(s));
	ck_assert_uint_eq(sk_crc32c(0, s, sizeof(s)), 0x62a8ab43u);
	for (uint8_t i = 0; i < 32; i++)
		s[i] = i;
	ck_assert_uint_eq(sk_crc32c(0, s, sizeof(s)), 0x46dd794eu);
}
END_TEST

START_TEST(crcs_of_all_lengths_and_alignments_are_right)
{
	static const size_t more[] = { 3071, 3072, 3073, 3456, 6143, 6144, 9000,
		LONG - 8 };
	uint8_t *p = noise(LONG);

	for (size_t n = 0; n < 1300; n++)
		ck_assert_uint_eq(sk_crc32c(7, p + n % 8, n),
		    bit_by_bit(7, p + n % 8, n));
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
		for (size_t at = 0; at < 8; at++)
			ck_assert_uint_eq(sk_crc32c(0, p + at, more[i]),
			    bit_by_bit(0, p + at, more[i]));
	free(p);
}
END_TEST

START_TEST(a_crc_goes_on_where_it_was_cut)
{
	uint8_t *p = noise(LONG);
	uint32_t whole = sk_crc32c(0, p, LONG);

	for (size_t cut = 0; cut <= LONG; cut += 97)
		ck_assert_uint_eq(whole,
		    sk_crc32c(sk_crc32c(0, p, cut), p + cut, LONG - cut));
	free(p);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, crcs_are_those_of_the_rfc);
	tcase_add_test(t, crcs_of_all_lengths_and_alignments_are_right);
	tcase_add_test(t, a_crc_goes_on_where_it_was_cut);
}

int main(void)
{
	return check_main("hash", setup);
}
