/* SPDX-License-Identifier: MIT */
/*
 * s3.c - CreateBucket, DeleteBucket, Put-, Get-, Head- and DeleteObject, with
 * the bucket in the path.  An object is a file named by its key's hash.
 */
#include "host/s3.h"
#include "host/answer.h"
#include "host/disk.h"
#include "host/signature.h"
#include "host/uri.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct s3_call {
	struct sk_host *host;
	struct sk_request *request;
	const char *bucket, *key;       /* key: or NULL */
	char *dir, *file;               /* of the bucket; of the object */
};

size_t sk_s3_limit(const struct sk_request *r)
{
	return strcmp(r->method, "PUT") == 0 ? SK_HOST_OBJECT : 0;
}

/* ---- answers ---- */

static void refuse(struct s3_call *c, unsigned status, const char *code,
    const char *text)
{
	struct sk_reply p = { .status = status };

	if (strcmp(c->request->method, "HEAD") != 0 && !sk_buf_printf(&p.body,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code>"
	    "<Message>%s</Message></Error>", code, text)) {
		sk_request_drop(c->request);
		return;
	}
	sk_reply_header(&p, "Content-Type", "application/xml");
	sk_answer(c->host, c->request, &p, 0);
}

static void refuse_file(struct s3_call *c)
{
	if (errno == ENOENT && access(c->dir, F_OK) == 0 && c->key)
		refuse(c, 404, "NoSuchKey", "The specified key does not exist.");
	else if (errno == ENOENT || errno == ENOTDIR)
		refuse(c, 404, "NoSuchBucket",
		    "The specified bucket does not exist");
	else
		refuse(c, 500, "InternalError", strerror(errno));
}

static void answer(struct s3_call *c, unsigned status, const char *name,
    const char *value)
{
	struct sk_reply p = { .status = status };

	if (name)
		sk_reply_header(&p, name, value);
	sk_answer(c->host, c->request, &p, 0);
}

/* ---- names ---- */

static bool is_bucket(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	return n >= 3 && n <= 63 && !s[n] && *s != '.' && *s != '-';
}

static bool find(struct sk_host *h, const char *bucket, const char *key,
    char **dir, char **file)
{
	char hex[65];

	*file = NULL;
	*dir = sk_disk_path(h->objects, bucket);
	if (!*dir || !key)
		return *dir != NULL;
	sk_sha256_hex(key, strlen(key), hex);
	*file = sk_disk_path(*dir, hex);
	return *file != NULL;
}

/* ---- operations ---- */

static void make_bucket(struct s3_call *c)
{
	if (mkdir(c->dir, 0700) == 0)
		answer(c, 200, "Location", c->request->target);
	else if (errno == EEXIST)
		refuse(c, 409, "BucketAlreadyOwnedByYou", "Your previous request "
		    "to create the named bucket succeeded and you already own "
		    "it.");
	else
		refuse_file(c);
}

static void remove_bucket(struct s3_call *c)
{
	if (rmdir(c->dir) == 0)
		answer(c, 204, NULL, NULL);
	else if (errno == ENOTEMPTY || errno == EEXIST)
		refuse(c, 409, "BucketNotEmpty",
		    "The bucket you tried to delete is not empty");
	else
		refuse_file(c);
}

static void put_object(struct s3_call *c)
{
	struct sk_request *r = c->request;
	const char *coding = sk_request_header(r, "X-Amz-Content-Sha256");
	struct snek_error e = { 0 };
	char hex[65], tag[35];

	if (access(c->dir, F_OK) < 0) {
		refuse_file(c);
		return;
	}
	if (coding && strncmp(coding, "STREAMING-", 10) == 0) {
		refuse(c, 501, "NotImplemented",
		    "the local host takes no signed chunks");
		return;
	}
	if (coding && strlen(coding) == 64) {
		sk_sha256_hex(r->body.p ? r->body.p : "", r->body.n, hex);
		if (strcmp(hex, coding) != 0) {
			refuse(c, 400, "XAmzContentSHA256Mismatch", "The provided "
			    "'x-amz-content-sha256' header does not match what "
			    "was computed.");
			return;
		}
	}
	if (sk_disk_write(c->file, (struct sk_span){ r->body.p, r->body.n }, &e)) {
		refuse(c, 500, "InternalError", e.text);
		return;
	}
	snprintf(tag, sizeof(tag), "\"%016llx%016llx\"",
	    (unsigned long long)sk_hash64(r->body.p, r->body.n, 1),
	    (unsigned long long)sk_hash64(r->body.p, r->body.n, 2));
	answer(c, 200, "ETag", tag);
}

static void get_object(struct s3_call *c)
{
	struct sk_reply p = { .status = 200 };
	struct stat st;
	int fd = open(c->file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		refuse_file(c);
		if (fd >= 0)
			close(fd);
		return;
	}
	p.file = fd;
	p.file_size = (uint64_t)st.st_size;
	sk_reply_header(&p, "Content-Type", "binary/octet-stream");
	sk_answer(c->host, c->request, &p, 0);
}

static void run(struct s3_call *c)
{
	const char *m = c->request->method;
	bool head = !strcmp(m, "HEAD");

	if (!strcmp(m, "PUT") && c->key)
		put_object(c);
	else if (!strcmp(m, "PUT"))
		make_bucket(c);
	else if ((!strcmp(m, "GET") || head) && c->key)
		get_object(c);
	else if (head && access(c->dir, F_OK) == 0)
		answer(c, 200, NULL, NULL);
	else if (head)
		refuse_file(c);
	else if (!strcmp(m, "DELETE") && c->key)
		unlink(c->file) == 0 || errno == ENOENT ?
		    answer(c, 204, NULL, NULL) : refuse_file(c);
	else if (!strcmp(m, "DELETE"))
		remove_bucket(c);
	else
		refuse(c, 501, "NotImplemented",
		    "the local host has no such operation");
}

void sk_s3_take(struct sk_host *h, struct sk_request *r)
{
	struct s3_call c = { .host = h, .request = r };
	struct sk_refusal why;
	struct sk_uri t;
	char region[33];

	if (!sk_signature_check(r, &h->o, "s3", region, &why)) {
		refuse(&c, 403, why.type, why.text);
		return;
	}
	if (!sk_uri_split(&t, r->target, r->path_len, 2) || !t.parts ||
	    !is_bucket(t.part[0])) {
		refuse(&c, 400, "InvalidBucketName",
		    "The specified bucket is not valid.");
		return;
	}
	if (r->too_large) {
		refuse(&c, 400, "EntityTooLarge", "Your proposed upload exceeds "
		    "the maximum allowed object size.");
		return;
	}
	c.bucket = t.part[0];
	c.key = t.parts > 1 && *t.part[1] ? t.part[1] : NULL;
	if (find(h, c.bucket, c.key, &c.dir, &c.file))
		run(&c);
	else
		sk_request_drop(r);
	free(c.dir);
	free(c.file);
}

int sk_s3_read(struct sk_host *h, const char *bucket, const char *key,
    struct sk_buf *to, struct snek_error *e)
{
	char *dir, *file;
	int rc;

	if (!is_bucket(bucket))
		return sk_fail(e, SNEK_ENOENT, "%.63s is no bucket", bucket);
	if (!find(h, bucket, key, &dir, &file))
		rc = sk_enomem(e);
	else if (access(file, R_OK) < 0)
		rc = sk_fail(e, SNEK_ENOENT, "The specified key does not exist.");
	else
		rc = sk_disk_read(file, SK_HOST_OBJECT, to, e);
	free(dir);
	free(file);
	return rc;
}
