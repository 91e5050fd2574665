/* SPDX-License-Identifier: MIT */
#include "aws/zip.h"

#include <limits.h>
#include <zip.h>

#define REGULAR 0100000u
#define LEVEL 6                 /* 9 takes thrice the time for 0.4 % less */

/* A zip says local time, so no time is the same everywhere but as it is put
 * down: noon of 1980-01-01, the first day that it can tell.  (At midnight some
 * zones had an hour that is not there.) */
#define DOS_TIME (12u << 11)
#define DOS_DATE (1u << 5 | 1u)

static int say(zip_t *z, const char *name, struct snek_error *e)
{
	zip_error_t *why = zip_get_error(z);

	if (zip_error_code_zip(why) == ZIP_ER_MEMORY)
		return sk_enomem(e);
	return sk_fail(e, SNEK_EINVAL, "%s cannot be put into a zip: %s", name,
	    zip_error_strerror(why));
}

static int add(zip_t *z, const struct sk_zip_file *f, struct snek_error *e)
{
	zip_uint32_t mode = REGULAR | (f->runs ? 0755 : 0644);
	zip_source_t *s = zip_source_buffer(z, f->bytes.p, f->bytes.n, 0);
	zip_int64_t i = s ? zip_file_add(z, f->name, s, ZIP_FL_ENC_UTF_8) : -1;
	zip_uint64_t at = (zip_uint64_t)i;

	if (i < 0) {
		zip_source_free(s);
		return say(z, f->name, e);
	}
	if (zip_set_file_compression(z, at, ZIP_CM_DEFLATE, LEVEL) ||
	    zip_file_set_dostime(z, at, DOS_TIME, DOS_DATE, 0) ||
	    zip_file_set_external_attributes(z, at, 0, ZIP_OPSYS_UNIX,
	    mode << 16))
		return say(z, f->name, e);
	return 0;
}

static int take(zip_source_t *s, struct sk_buf *out, struct snek_error *e)
{
	zip_int64_t n = 0, got = -1;
	zip_stat_t st;

	if (zip_source_stat(s, &st) || !(st.valid & ZIP_STAT_SIZE) ||
	    st.size > SSIZE_MAX || zip_source_open(s))
		return sk_fail(e, SNEK_EINTERNAL, "the zip cannot be read back");
	if (sk_buf_reserve(out, (size_t)st.size + 1))
		for (; (zip_uint64_t)n < st.size; n += got) {
			got = zip_source_read(s, out->p + out->n + n,
			    st.size - (zip_uint64_t)n);
			if (got <= 0)
				break;
		}
	zip_source_close(s);
	if ((zip_uint64_t)n < st.size)
		return sk_enomem(e);
	out->n += (size_t)n;
	return 0;
}

int sk_zip_make(const struct sk_zip_file *f, size_t n, struct sk_buf *out,
    struct snek_error *e)
{
	zip_source_t *s = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *z = s ? zip_open_from_source(s, ZIP_CREATE | ZIP_TRUNCATE, NULL)
	    : NULL;
	size_t i;
	int rc = 0;

	if (!z) {
		zip_source_free(s);
		return sk_enomem(e);
	}
	zip_source_keep(s);             /* z owns one, and so do we */
	for (i = 0; !rc && i < n; i++)
		rc = add(z, &f[i], e);
	if (!rc && zip_close(z))
		rc = say(z, "the bundle", e);
	else if (!rc)
		z = NULL;
	if (z)
		zip_discard(z);
	if (!rc)
		rc = take(s, out, e);
	zip_source_free(s);
	return rc;
}
