/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
	"success", "invalid argument", "out of memory", "not found",
	"exists already", "wrong type", "malformed", "incompatible plugin",
	"input or output failed", "permission denied", "try again",
	"timed out", "cancelled", "over a limit", "plugin failed",
	"corrupt store", "newer format", "outcome unknown",
	"request id conflict", "internal error",
};

const char *sk_strerror(int code)
{
	if (code == SNEK_SKIP)
		return "skipped";
	if (code > 0 || code <= -(int)(sizeof(texts) / sizeof(*texts)))
		return "unknown error";
	return texts[-code];
}

static const char *const names[] = {
	"failed", "invalid", "no-memory", "not-found", "exists", "type",
	"format", "abi", "io", "permission", "temporary", "timeout",
	"cancelled", "limit", "plugin", "corrupt", "version",
	"unknown", "conflict", "internal",
};

const char *sk_error_name(int code)
{
	if (code > 0 || code <= -(int)(sizeof(names) / sizeof(*names)))
		return names[0];
	return names[-code];
}

int sk_error_code(const char *name)
{
	size_t i;

	for (i = 1; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name))
			return -(int)i;
	return 0;
}

__attribute__((format(printf, 4, 0)))
static void set(struct snek_error *e, int code, int sys, const char *fmt, va_list ap)
{
	if (!e)
		return;
	e->code = code;
	e->sys = sys;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

int sk_fail(struct snek_error *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(e, code, 0, fmt, ap);
	va_end(ap);
	return code;
}

static int code_of(int sys)
{
	switch (sys) {
	case EACCES:
	case EPERM:
	case EROFS:  return SNEK_EACCES;
	case ENOENT: return SNEK_ENOENT;
	case ENOMEM: return SNEK_ENOMEM;
	default:     return SNEK_EIO;
	}
}

int sk_fail_errno(struct snek_error *e, const char *fmt, ...)
{
	int sys = errno;
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	set(e, code_of(sys), sys, fmt, ap);
	va_end(ap);
	if (e) {
		n = strlen(e->text);
		snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(sys));
	}
	return code_of(sys);
}

int sk_fail_in(struct snek_error *e, int code, const char *fmt, ...)
{
	char which[sizeof(e->text)], text[sizeof(e->text)];
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	vsnprintf(which, sizeof(which), fmt, ap);
	va_end(ap);
	memcpy(text, e->text, sizeof(text));
	snprintf(e->text, sizeof(e->text), "%.200s: %.290s", which, text);
	return code;
}

int sk_enomem(struct snek_error *e)
{
	return sk_fail(e, SNEK_ENOMEM, "out of memory");
}
