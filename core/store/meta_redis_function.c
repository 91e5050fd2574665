/* SPDX-License-Identifier: MIT */
#include "store/meta_redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

#define PIECE ((size_t)512 << 10)
#define PLUGIN_MAX ((uint64_t)1 << 30)

static int no_function(const char *name, struct snek_error *e)
{
	return sk_fail(e, SNEK_ENOENT, "no such function: %s", name);
}

static bool is_name(const char *name)
{
	return *name && strlen(name) <= SK_NAME_MAX;
}

static int unpack(const struct sk_rmeta *m, struct sk_span name,
    struct sk_span v, struct sk_meta_function *out, struct snek_error *e)
{
	int rc = sk_record_read_function(sk_redis_name(m->redis), name, v, out,
	    e);

	return rc == SNEK_ECORRUPT ? sk_rmeta_damaged(m, "function", e) : rc;
}

int sk_rmeta_function_get(struct sk_meta *meta, const char *name,
    struct sk_meta_function *out, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	struct sk_rmeta_args args = { 0 };
	struct sk_meta_function f;
	struct sk_answer a;
	int rc;

	if (!is_name(name))
		return no_function(name, e);
	sk_rmeta_arg_text(&args, name);
	rc = sk_rmeta_call(m, STEP_FUNCTION_GET, &args, &a, e);
	if (rc)
		return rc;
	if (sk_rmeta_says(&a, "none"))
		rc = no_function(name, e);
	else
		rc = unpack(m, sk_span_text(name), sk_rmeta_item(&a, 1), &f, e);
	sk_answer_free(&a);
	if (!rc)
		*out = f;
	return rc;
}

static int send_functions(struct sk_rmeta *m, const struct sk_meta_function *f,
    uint32_t n, const char *plugin, struct sk_buf *packed,
    struct sk_answer *a, struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	uint32_t i;

	sk_rmeta_arg_text(&args, plugin);
	for (i = 0; i < n; i++) {
		if (!sk_record_pack_function(&packed[i], &f[i])) {
			args.bad = true;
			break;
		}
		sk_rmeta_arg_text(&args, f[i].name);
		sk_rmeta_arg(&args, packed[i].p, packed[i].n);
	}
	return sk_rmeta_call(m, STEP_FUNCTION_PUT, &args, a, e);
}

int sk_rmeta_function_put(struct sk_meta *m, const struct sk_meta_function *f,
    uint32_t n, const char *plugin, bool *changed, struct snek_error *e)
{
	struct sk_buf *packed;
	struct sk_answer a;
	uint32_t i;
	int rc = sk_record_check_functions(f, n, plugin, e);

	if (rc)
		return rc;
	packed = calloc(n ? n : 1, sizeof(*packed));
	if (!packed)
		return sk_enomem(e);
	rc = send_functions((struct sk_rmeta *)m, f, n, plugin, packed, &a, e);
	for (i = 0; i < n; i++)
		sk_buf_free(&packed[i]);
	free(packed);
	if (rc)
		return rc;
	if (changed)
		*changed = *(const char *)sk_rmeta_item(&a, 1).p == '1';
	sk_answer_free(&a);
	return 0;
}

/* What comes after the function f; *more: there was something. */
static int list_page(struct sk_rmeta *m, struct sk_meta_function *f, bool *more,
    int (*visit)(void *, const struct sk_meta_function *), void *arg,
    struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	size_t i;
	int rc;

	sk_rmeta_arg_text(&args, f->name);
	rc = sk_rmeta_call(m, STEP_FUNCTION_LIST, &args, &a, e);
	if (rc)
		return rc;
	for (i = 1; i + 1 < a.reply.items && !rc; i += 2) {
		rc = unpack(m, sk_rmeta_item(&a, i), sk_rmeta_item(&a, i + 1),
		    f, e);
		if (!rc)
			rc = visit(arg, f);
	}
	*more = a.reply.items > 1;
	sk_answer_free(&a);
	return rc;
}

int sk_rmeta_function_list(struct sk_meta *m,
    int (*visit)(void *, const struct sk_meta_function *), void *arg,
    struct snek_error *e)
{
	struct sk_meta_function f = { .name = "" };
	bool more = true;
	int rc = 0;

	while (more && !rc)
		rc = list_page((struct sk_rmeta *)m, &f, &more, visit, arg, e);
	return rc;
}

int sk_rmeta_function_remove(struct sk_meta *m, const char *name,
    struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	int rc;

	sk_rmeta_arg_text(&args, name);
	rc = sk_rmeta_call((struct sk_rmeta *)m, STEP_FUNCTION_REMOVE, &args,
	    &a, e);
	if (rc)
		return rc;
	rc = sk_rmeta_says(&a, "none") ? no_function(name, e) : 0;
	sk_answer_free(&a);
	return rc;
}

/* ---- plugins: pieces under their numbers, then the size ---- */

static int plugin_key(const char *sha256, char out[80], struct snek_error *e)
{
	if (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
		return sk_fail(e, SNEK_EINVAL, "no digest: %.64s", sha256);
	snprintf(out, 80, "plugin:%s", sha256);
	return 0;
}

static int put_field(struct sk_rmeta *m, const char *key, const char *field,
    struct sk_span value, struct snek_error *e)
{
	const struct sk_span arg[2] = { sk_span_text(field), value };
	struct sk_answer a;
	int rc = sk_rmeta_command(m, "HSET", key, arg, 2, true, &a, e);

	if (!rc)
		sk_answer_free(&a);
	return rc;
}

/* Fields are the same whoever puts them, so they can be put again. */
int sk_rmeta_plugin_put(struct sk_meta *meta, const char *sha256,
    struct sk_span bytes, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	char key[80], is[65], text[24];
	size_t at, n;
	int rc = plugin_key(sha256, key, e);

	if (rc)
		return rc;
	sk_sha256_hex(bytes.p, bytes.n, is);
	if (strcmp(is, sha256) || bytes.n > PLUGIN_MAX)
		return sk_fail(e, SNEK_EINVAL, "these %zu bytes have the digest "
		    "%s, not %s", bytes.n, is, sha256);
	for (at = 0; at < bytes.n; at += PIECE) {
		n = bytes.n - at < PIECE ? bytes.n - at : PIECE;
		snprintf(text, sizeof(text), "%zu", at / PIECE);
		rc = put_field(m, key, text, (struct sk_span){
		    (const char *)bytes.p + at, n }, e);
		if (rc)
			return rc;
	}
	snprintf(text, sizeof(text), "%zu", bytes.n);
	return put_field(m, key, "size", sk_span_text(text), e);
}

static int get_field(struct sk_rmeta *m, const char *key, const char *field,
    struct sk_answer *a, struct snek_error *e)
{
	const struct sk_span arg = sk_span_text(field);
	int rc = sk_rmeta_command(m, "HGET", key, &arg, 1, true, a, e);

	if (rc || a->reply.type == SK_REPLY_STRING)
		return rc;
	sk_answer_free(a);
	return SNEK_ENOENT;
}

static int get_size(struct sk_rmeta *m, const char *key, uint64_t *size,
    struct snek_error *e)
{
	struct sk_answer a;
	int rc = get_field(m, key, "size", &a, e);

	if (rc)
		return rc == SNEK_ENOENT ? sk_fail(e, rc, "%s: no %s",
		    sk_redis_name(m->redis), key) : rc;
	if (!sk_rmeta_number(a.reply.text, size) || *size > PLUGIN_MAX)
		rc = sk_rmeta_damaged(m, key, e);
	sk_answer_free(&a);
	return rc;
}

static int get_pieces(struct sk_rmeta *m, const char *key, uint64_t size,
    struct sk_buf *out, struct snek_error *e)
{
	struct sk_answer a;
	uint64_t at, n;
	char text[24];
	int rc;

	for (at = 0; at < size; at += n) {
		n = size - at < PIECE ? size - at : PIECE;
		snprintf(text, sizeof(text), "%llu",
		    (unsigned long long)(at / PIECE));
		rc = get_field(m, key, text, &a, e);
		if (rc)
			return rc == SNEK_ENOENT ? sk_rmeta_damaged(m, key, e)
			    : rc;
		if (a.reply.text.n != n)
			rc = sk_rmeta_damaged(m, key, e);
		else if (!sk_buf_put(out, a.reply.text.p, n))
			rc = sk_enomem(e);
		sk_answer_free(&a);
		if (rc)
			return rc;
	}
	return 0;
}

int sk_rmeta_plugin_get(struct sk_meta *meta, const char *sha256,
    struct sk_buf *out, struct snek_error *e)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;
	size_t before = out->n;
	uint64_t size = 0;
	char key[80], is[65];
	int rc = plugin_key(sha256, key, e);

	if (!rc)
		rc = get_size(m, key, &size, e);
	if (!rc)
		rc = get_pieces(m, key, size, out, e);
	if (rc) {
		out->n = before;
		return rc;
	}
	sk_sha256_hex(out->p + before, size, is);
	if (!strcmp(is, sha256))
		return 0;
	out->n = before;
	return sk_rmeta_damaged(m, key, e);
}
