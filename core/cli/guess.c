/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <string.h>

enum { LONGEST = 32 };

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Letters to change, add or leave out to make one of the other. */
static size_t distance(const char *a, size_t an, const char *b, size_t bn)
{
	size_t row[LONGEST + 1], i, j, left, up;

	for (j = 0; j <= bn; j++)
		row[j] = j;
	for (i = 1; i <= an; i++) {
		left = row[0];
		row[0] = i;
		for (j = 1; j <= bn; j++) {
			up = row[j];
			row[j] = least(up + 1, row[j - 1] + 1,
			    left + (a[i - 1] != b[j - 1]));
			left = up;
		}
	}
	return row[bn];
}

void cli_guess_offer(struct cli_guess *g, const char *name, size_t len)
{
	size_t n = strlen(g->word), d;

	if (n > LONGEST || len > LONGEST)
		return;
	d = distance(g->word, n, name, len);
	if (d > 2 || d >= n || d >= len || (g->best && d >= g->distance))
		return;
	g->best = name;
	g->distance = d;
}
