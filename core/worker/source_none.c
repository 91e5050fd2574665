/* SPDX-License-Identifier: MIT */
/* For a worker that knows no shards but mapped ones. */
#include "worker/source.h"

int sk_source_open(struct sk_span s, struct sk_source **out,
    struct snek_error *e)
{
	(void)s;
	(void)out;
	return sk_fail(e, SNEK_EVERSION, "this snek-worker reads no shards on "
	    "servers");
}

void sk_source_close(struct sk_source *s)
{
	(void)s;
}

int sk_source_shard(struct sk_source *s, uint32_t id, struct sk_shard **out,
    struct snek_error *e)
{
	(void)s;
	(void)id;
	(void)out;
	return sk_fail(e, SNEK_EINTERNAL, "no shards");
}

int sk_source_fd(const struct sk_source *s)
{
	(void)s;
	return -1;
}

int64_t sk_source_due(const struct sk_source *s)
{
	(void)s;
	return INT64_MAX;
}

int sk_source_step(struct sk_source *s)
{
	(void)s;
	return 0;
}
