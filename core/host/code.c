/* SPDX-License-Identifier: MIT */
/* code.c - the zip of a request: found, checked, and unpacked on the disk. */
#include "host/rest.h"
#include "host/disk.h"
#include "host/s3.h"
#include "host/unzip.h"
#include "base/base64.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INVALID "InvalidParameterValueException"

static void take_inline(struct sk_fields *f, struct snek_value text,
    struct sk_buf *zip)
{
	int rc = text.type == SNEK_STRING ? sk_base64_get(zip, text.as.s,
	    text.len) : SNEK_EFORMAT;

	if (rc == SNEK_EFORMAT)
		sk_fields_fail(f, "SerializationException",
		    "ZipFile is no base64");
	else if (rc)
		sk_fields_fail(f, "ServiceException", "out of memory");
	else if (zip->n > SK_HOST_ZIP)
		sk_fields_fail(f, INVALID, "Zipped size must be smaller than "
		    "%u bytes; put it to S3", SK_HOST_ZIP);
}

static void take_object(struct sk_fields *f, struct sk_host *h,
    struct sk_buf *zip)
{
	char bucket[64], key[1025];
	struct snek_error e = { 0 };

	if (!sk_field_text(f, "S3Bucket", bucket, sizeof(bucket)) ||
	    !sk_field_text(f, "S3Key", key, sizeof(key))) {
		sk_fields_fail(f, INVALID, "Please provide a source for function "
		    "code.");
		return;
	}
	if (sk_s3_read(h, bucket, key, zip, &e))
		sk_fields_fail(f, INVALID, "Error occurred while GetObject. S3 "
		    "Error Code: NoSuchKey. S3 Error Message: %s", e.text);
}

/* Base64 of the 32 bytes. */
static bool put_sha256(const struct sk_buf *zip, char to[45])
{
	struct sk_buf text = { 0 };
	char hex[65], bytes[32];
	unsigned b;
	size_t i;
	bool ok;

	sk_sha256_hex(zip->p, zip->n, hex);
	for (i = 0; i < sizeof(bytes); i++) {
		sscanf(hex + 2 * i, "%2x", &b);
		bytes[i] = (char)b;
	}
	ok = sk_base64_put(&text, bytes, sizeof(bytes)) && text.n == 44;
	if (ok) {
		memcpy(to, text.p, 44);
		to[44] = '\0';
	}
	sk_buf_free(&text);
	return ok;
}

static int unpack(struct sk_code *c, const struct sk_buf *zip,
    struct snek_error *e)
{
	struct sk_span bytes = { zip->p, zip->n };
	char *task = sk_disk_path(c->dir, "task"), *copy;
	int rc;

	copy = sk_disk_path(c->dir, "zip");
	if (!task || !copy)
		rc = sk_enomem(e);
	else if (mkdir(c->dir, 0700) < 0)
		rc = sk_fail_errno(e, "%s", c->dir);
	else
		rc = sk_disk_write(copy, bytes, e);
	if (!rc)
		rc = sk_unzip(bytes, task, &c->unzipped, e);
	free(task);
	free(copy);
	return rc;
}

static struct sk_code *make(struct sk_host *h, const struct sk_buf *zip,
    struct snek_error *e)
{
	struct sk_code *c = calloc(1, sizeof(*c));
	char name[48];

	if (!c) {
		sk_enomem(e);
		return NULL;
	}
	c->refs = 1;
	c->size = zip->n;
	snprintf(name, sizeof(name), "code-%llu",
	    (unsigned long long)++h->numbers);
	c->dir = sk_disk_path(h->dir, name);
	if (c->dir && put_sha256(zip, c->sha256) && !unpack(c, zip, e))
		return c;
	if (!e->code)
		sk_enomem(e);
	sk_code_unref(c);
	return NULL;
}

static void refuse(struct sk_call *c, const struct snek_error *e)
{
	if (e->code == SNEK_EFORMAT)
		sk_answer_invalid(c->host, c->request,
		    "Could not unzip uploaded file: %s", e->text);
	else if (e->code == SNEK_ELIMIT)
		sk_answer_invalid(c->host, c->request, "Unzipped size must be "
		    "smaller than %llu bytes: %s",
		    (unsigned long long)SK_UNZIP_MAX, e->text);
	else
		sk_answer_failed(c->host, c->request, e);
}

struct sk_code *sk_code_take(struct sk_call *c, struct sk_fields *f)
{
	struct snek_error e = { 0 };
	struct sk_buf zip = { 0 };
	struct sk_code *code = NULL;
	struct snek_value v;

	if (sk_field(f, "ZipFile", &v))
		take_inline(f, v, &zip);
	else if (sk_field(f, "ImageUri", &v))
		sk_fields_fail(f, INVALID, "the local host runs no images");
	else
		take_object(f, c->host, &zip);
	if (!sk_call_refused(c, f)) {
		code = make(c->host, &zip, &e);
		if (!code)
			refuse(c, &e);
	}
	sk_buf_free(&zip);
	return code;
}
