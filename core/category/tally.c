/* SPDX-License-Identifier: MIT */
#include "category/tally.h"
#include "category/servers.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

struct tallying {
	struct sk_catalog *catalog;
	struct sk_tally *tally;
	struct sk_tally_shard *shard;   /* whose segments are being listed */
	struct snek_error *error;
};

/* ---- what manifests name ---- */

static int add_entry(void *arg, const struct sk_meta_entry *m)
{
	struct tallying *t = arg;
	struct sk_tally_shard *s;
	uint32_t i;

	for (i = 0; i < m->parts; i++) {
		s = &t->tally->shard[m->part[i].shard];
		s->chunks += m->part[i].chunks;
		s->records += m->part[i].records;
		s->bytes += m->part[i].bytes;
		s->segments += !m->inlined.n;
	}
	t->tally->inlined += m->inlined.n != 0;
	t->tally->inlined_bytes += m->inlined.n;
	return 0;
}

static int add_category(struct tallying *t, const char *name,
    struct snek_error *e)
{
	struct sk_meta *m = t->catalog->meta;
	struct sk_meta_category c;
	uint32_t i;
	int rc = m->ops->snapshot(m, name, 0, &c, add_entry, t, e);

	if (rc)
		return rc;
	t->tally->categories++;
	t->tally->writes += c.writes;
	t->tally->records += c.records;
	t->tally->bytes += c.bytes;
	for (i = 0; i < c.shards; i++)
		t->tally->shard[c.shard[i]].placed = true;
	return 0;
}

/* One that is gone by now was removed. */
static int add_listed(void *arg, const struct sk_meta_category *c)
{
	struct tallying *t = arg;
	struct snek_error mine = { 0 };
	int rc = sk_catalog_late(t->catalog, &mine);

	if (!rc)
		rc = add_category(t, c->name, &mine);

	if (rc == SNEK_ENOENT)
		return 0;
	if (rc && t->error)
		*t->error = mine;
	return rc;
}

/* ---- what lies there ---- */

static int add_segment(void *arg, struct sk_write_id id, uint64_t bytes,
    int64_t age, bool alive)
{
	struct tallying *t = arg;
	struct sk_meta *m = t->catalog->meta;
	int rc = sk_catalog_late(t->catalog, t->error);

	(void)age;
	if (!rc)
		rc = m->ops->is_named(m, id, t->error);
	if (rc)
		return rc < 0 ? rc : 0;
	if (alive) {
		t->shard->writing++;
		t->shard->writing_bytes += bytes;
	} else {
		t->shard->garbage++;
		t->shard->garbage_bytes += bytes;
	}
	return 0;
}

static uint64_t room_at(const char *path)
{
	struct statvfs f;

	return statvfs(path, &f) ? 0 : (uint64_t)f.f_bavail * f.f_frsize;
}

static int look_at_shards(struct tallying *t, bool list, struct snek_error *e)
{
	struct sk_shard *s;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < t->catalog->cluster.shards && !rc; i++) {
		s = t->catalog->shard[i];
		t->shard = &t->tally->shard[i];
		t->shard->free = t->catalog->servers ? 0 :
		    room_at(s->ops->location(s));
		if (list)
			rc = s->ops->list(s, add_segment, t, e);
	}
	return rc;
}

static int weigh_meta(struct tallying *t, struct snek_error *e)
{
	struct sk_buf path = { 0 };
	struct stat st = { .st_size = 0 };
	int rc = 0;

	if (!t->catalog->dir)
		return 0;
	if (!sk_buf_printf(&path, "%s/meta.mdb", t->catalog->dir) ||
	    !sk_buf_byte(&path, 0))
		rc = sk_enomem(e);
	else if (stat(path.p, &st))
		rc = sk_fail_errno(e, "%s", path.p);
	sk_buf_free(&path);
	t->tally->meta_bytes = (uint64_t)st.st_size;
	t->tally->free = room_at(t->catalog->dir);
	return rc;
}

/* ---- servers ---- */

static struct sk_tally_server server_of(const struct sk_redis_info *i)
{
	return (struct sk_tally_server){ i->used_memory, i->max_memory,
	    i->clients };
}

static int look_at_servers(struct tallying *t, struct snek_error *e)
{
	struct sk_servers *s = t->catalog->servers;
	struct sk_redis_info *info;
	uint32_t i;
	int rc;

	if (!s)
		return 0;
	info = calloc(s->clients, sizeof(*info));
	rc = info ? sk_redis_info_all(s->client, s->clients, info, e) :
	    sk_enomem(e);
	if (!rc)
		t->tally->server = server_of(&info[0]);
	for (i = 1; i < s->clients && !rc; i++)
		t->tally->shard[i - 1].server = server_of(&info[i]);
	free(info);
	return rc;
}

int sk_tally(struct sk_catalog *c, const char *category, struct sk_tally *out,
    struct snek_error *e)
{
	struct tallying t = { c, out, NULL, e };
	int rc;

	memset(out, 0, sizeof(*out));
	rc = category ? add_category(&t, category, e) :
	    c->meta->ops->category_list(c->meta, add_listed, &t, e);
	if (!rc)
		rc = look_at_shards(&t, !category, e);
	if (!rc)
		rc = look_at_servers(&t, e);
	return rc ? rc : weigh_meta(&t, e);
}
