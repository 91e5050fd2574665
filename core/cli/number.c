/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

struct cli_text cli_number_grouped(uint64_t n)
{
	struct cli_text t;
	char digits[24];
	size_t len, i, k = 0;

	len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);
	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			t.s[k++] = ',';
		t.s[k++] = digits[i];
	}
	t.s[k] = '\0';
	return t;
}

static struct cli_text scaled(double n, const char *const *units, size_t last)
{
	struct cli_text t;
	size_t u = 0;

	while (n >= 999.5 && u < last) {
		n /= 1000;
		u++;
	}
	snprintf(t.s, sizeof(t.s), u && n < 99.95 ? "%.1f%s" : "%.0f%s", n,
	    units[u]);
	return t;
}

struct cli_text cli_number_short(double n)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };

	return scaled(n, units, 4);
}

struct cli_text cli_number_bytes(double n)
{
	static const char *const units[] = { " B", " kB", " MB", " GB", " TB" };

	return scaled(n, units, 4);
}

bool cli_number_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	const char *unit;
	uint64_t n = 0;
	int shift = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *text - '0', &n))
			return false;
	if (*text) {
		unit = strchr(units, *text >= 'a' ? *text - 32 : *text);
		if (!unit || text[1])
			return false;
		shift = 10 * (int)(unit - units + 1);
	}
	if (n > UINT64_MAX >> shift)
		return false;
	*out = n << shift;
	return true;
}

int64_t cli_number_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
