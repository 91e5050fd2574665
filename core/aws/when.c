/* SPDX-License-Identifier: MIT */
#include "aws/when.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool seconds_of(struct tm *tm, int64_t *out)
{
	if (tm->tm_year < 70 || tm->tm_year > 8099 || tm->tm_mon < 0 ||
	    tm->tm_mon > 11 || tm->tm_mday < 1 || tm->tm_mday > 31 ||
	    tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
		return false;
	*out = timegm(tm);
	return true;
}

/* East of Greenwich, in seconds. */
static bool zone_of(const char *s, int *out)
{
	unsigned h, m;
	int n = 0;

	*out = 0;
	if (!strcmp(s, "Z") || !strcmp(s, "UTC"))
		return true;
	if ((*s != '+' && *s != '-') ||
	    (sscanf(s + 1, "%2u:%2u%n", &h, &m, &n) != 2 &&
	    sscanf(s + 1, "%2u%2u%n", &h, &m, &n) != 2) || s[1 + n] ||
	    h > 23 || m > 59)
		return false;
	*out = (int)(h * 3600 + m * 60) * (*s == '-' ? -1 : 1);
	return true;
}

bool sk_when_iso(const char *s, int64_t *out)
{
	struct tm tm = { 0 };
	int n = 0, zone;

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
	    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 || !n)
		return false;
	s += n;
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	tm.tm_year -= 1900;
	tm.tm_mon--;
	if (!zone_of(s, &zone) || !seconds_of(&tm, out))
		return false;
	*out -= zone;
	return true;
}

bool sk_when_http(const char *s, int64_t *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = { 0 };
	char month[4];
	const char *at;
	int n = 0;

	s = strchr(s, ' ');
	if (!s || sscanf(s, " %2d %3s %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
	    &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 || !n)
		return false;
	at = strstr(months, month);
	if (!at || strlen(month) != 3 || (at - months) % 3)
		return false;
	tm.tm_mon = (int)(at - months) / 3;
	tm.tm_year -= 1900;
	return seconds_of(&tm, out);
}
