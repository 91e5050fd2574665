/* SPDX-License-Identifier: MIT */
/*
 * cred_cache.c - {"AccessKeyId", "SecretAccessKey", "SessionToken",
 * "Expiration"} in $XDG_CACHE_HOME/snek/aws-role-HASH.json, for its owner
 * alone.  A cache that does not work only costs time: nothing fails.
 */
#include "aws/cred.h"
#include "aws/json.h"
#include "aws/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX 65536u
#define LEAST_LEFT 900          /* seconds: what a job would renew at once */

static bool path_of(struct sk_buf *b, const char *hash)
{
	const char *base = sk_settings_env("XDG_CACHE_HOME");
	const char *home = sk_settings_env("HOME");

	if (base && *base == '/')
		return sk_buf_printf(b, "%s/snek/aws-role-%s.json", base, hash);
	return home && sk_buf_printf(b, "%s/.cache/snek/aws-role-%s.json", home,
	    hash);
}

static bool is_ours_alone(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && !(st.st_mode & 077);
}

bool sk_cred_cache_get(const char *hash, int64_t now, struct sk_cred *out)
{
	static const struct sk_cred_names names = { "AccessKeyId",
		"SecretAccessKey", "SessionToken", "Expiration" };
	struct sk_buf path = { 0 }, text = { 0 };
	struct sk_json *j = NULL;
	bool got = path_of(&path, hash) && is_ours_alone(path.p) &&
	    !sk_secret_read(path.p, FILE_MAX, &text, NULL) &&
	    !sk_json_open(&text, &j, NULL) && !sk_cred_read(j, &names, out, NULL);

	if (got && out->expires < now + LEAST_LEFT) {
		sk_cred_free(out);
		got = false;
	}
	sk_json_close(j);
	sk_secret_forget(&text);
	sk_buf_free(&path);
	return got;
}

static void make_parents(char *path)
{
	char *s;

	for (s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		mkdir(path, 0700);
		*s = '/';
	}
}

/* Its texts have nothing that JSON would escape (sk_cred_set sees to it), but
 * for quotes and backslashes, which no key has. */
static bool print(const struct sk_cred *c, struct sk_buf *b)
{
	char when[40];
	time_t t = c->expires;
	struct tm tm;

	if (strpbrk(c->key_id, "\"\\") || strpbrk(c->secret, "\"\\") ||
	    strpbrk(c->token ? c->token : "", "\"\\") || !gmtime_r(&t, &tm))
		return false;
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return sk_buf_printf(b, "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\","
	    "\"SessionToken\":\"%s\",\"Expiration\":\"%s\"}\n", c->key_id,
	    c->secret, c->token ? c->token : "", when);
}

static void replace(const char *path, const struct sk_buf *text)
{
	struct sk_buf tmp = { 0 };
	int fd = -1;

	if (sk_buf_printf(&tmp, "%s.XXXXXX", path))
		fd = mkostemp(tmp.p, O_CLOEXEC);        /* mode 0600 */
	if (fd >= 0) {
		if (write(fd, text->p, text->n) != (ssize_t)text->n ||
		    rename(tmp.p, path))
			unlink(tmp.p);
		close(fd);
	}
	sk_buf_free(&tmp);
}

void sk_cred_cache_put(const char *hash, const struct sk_cred *c)
{
	struct sk_buf path = { 0 }, text = { 0 };

	if (c->expires && path_of(&path, hash) && print(c, &text)) {
		make_parents(path.p);
		replace(path.p, &text);
	}
	sk_secret_forget(&text);
	sk_buf_free(&path);
}
