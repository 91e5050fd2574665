/* SPDX-License-Identifier: MIT */
#include "api/into.h"

#include <stdio.h>

#include "api/receipt.h"
#include "handle.h"

/* ---- what is asked for ---- */

static int text(const struct sk_record *r, const char *name, char *to,
    size_t room, struct snek_error *e)
{
	struct snek_value v = sk_object_member(r, name);

	*to = '\0';
	if (v.type == SNEK_NONE || v.type == SNEK_NULL)
		return 0;
	if (v.type != SNEK_STRING || !v.len || v.len >= room ||
	    memchr(v.as.s, 0, v.len))
		return sk_fail(e, SNEK_EINVAL, "\"%s\" is to be a string of 1 to "
		    "%zu bytes", name, room - 1);
	memcpy(to, v.as.s, v.len);
	to[v.len] = '\0';
	return 0;
}

int sk_into_read(const struct sk_record *r, struct sk_into *out,
    struct snek_error *e)
{
	struct snek_value keep = sk_object_member(r, "keep-going");
	int rc = text(r, "into", out->category, sizeof(out->category), e);

	if (!rc)
		rc = text(r, "request_id", out->request, sizeof(out->request), e);
	if (!rc)
		rc = text(r, "durability", out->durability,
		    sizeof(out->durability), e);
	if (rc)
		return rc;
	if (!*out->category)
		return *out->request || *out->durability ? sk_fail(e,
		    SNEK_EINVAL, "\"%s\" goes with \"into\"", *out->request ?
		    "request_id" : "durability") : 0;
	if (keep.type == SNEK_BOOL ? keep.as.b : keep.type == SNEK_STRING)
		return sk_fail(e, SNEK_EINVAL, "\"into\" writes all or nothing: "
		    "it does not go with \"keep-going\"");
	return sk_name_check("category", out->category, e);
}

/* ---- the write ---- */

/* Another coordinator of the same job was faster, and saw other records. */
static int find_written(snek_cluster *c, const char *category,
    const char *request, struct snek_receipt *out, struct snek_error *e)
{
	struct sk_meta *m = c->cat->meta;
	struct sk_meta_category there;
	struct sk_meta_receipt r;
	int rc = m->ops->category_get(m, category, &there, e);

	if (!rc)
		rc = m->ops->request(m, there.id, request, &r, e);
	if (rc)
		return rc;
	out->version = r.version;
	out->records = r.records;
	out->bytes = r.bytes;
	out->shards = there.shards;
	sk_write_id_hex(r.write, out->write_id);
	return 0;
}

int sk_into_write(const struct sk_into *to, snek_job *job, snek_cluster *c,
    const char *id, int (*tick)(void *, struct snek_error *), void *arg,
    struct snek_receipt *out, struct snek_error *e)
{
	const char *request = *to->request ? to->request : NULL;
	struct snek_writer_options o = { .size = sizeof(o),
		.durability = *to->durability ? to->durability : NULL };
	struct snek_error why = { 0 };
	char own[64];
	int rc;

	snprintf(own, sizeof(own), "job-%s", id ? id : "");
	o.request_id = request ? request : id ? own : NULL;
	rc = sk_result_write(job, c, to->category, &o, tick, arg, out, &why);
	if (rc == SNEK_EUNKNOWN && o.request_id)        /* once more tells */
		rc = sk_result_write(job, c, to->category, &o, tick, arg, out,
		    &why);
	if (rc == SNEK_ECONFLICT && !request && id &&
	    !find_written(c, to->category, own, out, NULL))
		rc = 0;
	if (!rc && !request)
		out->repeated = false;          /* nobody asked twice */
	if (rc && e)
		*e = why;
	return rc;
}

void sk_into_put(struct sk_object *o, const struct sk_into *to,
    const struct snek_receipt *r)
{
	sk_object_open(o, "receipt", '{');
	sk_receipt_put(o, to->category, r);
	sk_object_close(o, '}');
}
