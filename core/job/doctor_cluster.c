/* SPDX-License-Identifier: MIT */
/* Does the cluster open, where does it lie, and is there room? */
#include "job/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "category/cluster.h"

#define ROOM_NONE (64u << 20)   /* bytes: below, writes are about to fail */
#define ROOM_LITTLE (1u << 30)

/* ---- the file system ---- */

enum fate { FINE, FLEETING, REFUSED };

static const struct kind {
	uint32_t magic;
	enum fate fate;
	const char *name;
} kinds[] = {
	{ 0x6969u, REFUSED, "NFS" },
	{ 0x517bu, REFUSED, "SMB" },
	{ 0xff534d42u, REFUSED, "CIFS" },
	{ 0xfe534d42u, REFUSED, "SMB2" },
	{ 0x01021994u, FLEETING, "tmpfs" },
	{ 0x858458f6u, FLEETING, "ramfs" },
	{ 0xef53u, FINE, "ext4" },
	{ 0x58465342u, FINE, "XFS" },
	{ 0x9123683eu, FINE, "btrfs" },
	{ 0x2fc12fc1u, FINE, "ZFS" },
	{ 0xf2f52010u, FINE, "F2FS" },
	{ 0x794c7630u, FINE, "overlay" },
};

static void check_filesystem(struct sk_doctor *d, const char *where)
{
	struct kind k = { 0, FINE, "local" };
	struct statfs f;
	size_t i;

	if (statfs(where, &f))
		return;                 /* the cluster's own check says why */
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].magic == (uint32_t)f.f_type)
			k = kinds[i];
	if (k.fate == REFUSED)
		sk_doctor_say(d, SNEK_CHECK_FAIL, "filesystem",
		    "move the cluster to a local disk",
		    "%s: a network file system (%s), whose locks and maps "
		    "cannot be trusted", where, k.name);
	else if (k.fate == FLEETING)
		sk_doctor_say(d, SNEK_CHECK_WARN, "filesystem",
		    "move what shall stay to a disk",
		    "%s: %s, which lasts until the next boot", where, k.name);
	else
		sk_doctor_say(d, SNEK_CHECK_PASS, "filesystem", NULL, "%s",
		    k.name);
}

/* ---- opening it ---- */

static const char *cure_of(int code)
{
	switch (code) {
	case SNEK_ENOENT:
		return "snek-deploy --local DIR makes one";
	case SNEK_EACCES:
		return "become the user who owns it, or correct its mode";
	case SNEK_ECORRUPT:
		return "put the missing or damaged part back from a copy";
	case SNEK_EVERSION:
		return "install that snek, or a later one";
	case SNEK_EINVAL:
		return "name the directory of a cluster";
	default:
		return "see the system's log";
	}
}

static struct sk_catalog *check_open(struct sk_doctor *d, const char *where,
    bool named)
{
	struct snek_error e = { 0 };
	struct sk_catalog *c = NULL;
	int rc = sk_catalog_open(where, &c, &e);

	if (!rc)
		sk_doctor_say(d, SNEK_CHECK_PASS, "cluster", NULL, "%s: opens, "
		    "%" PRIu32 " shards with their stamps, level %" PRIu32
		    ", format %" PRIu32, where, c->cluster.shards,
		    c->cluster.level, c->cluster.format);
	else if (rc == SNEK_ENOENT && !named)
		sk_doctor_say(d, SNEK_CHECK_SKIP, "cluster", NULL,
		    "none at %s yet: the first snek write makes it", where);
	else
		sk_doctor_say(d, SNEK_CHECK_FAIL, "cluster", cure_of(rc), "%s",
		    e.text);
	return c;
}

/* ---- what writes need ---- */

static void check_writable(struct sk_doctor *d, const struct sk_catalog *c)
{
	const char *where = c->dir;
	bool ok = !c->meta->ops->read_only(c->meta) && !access(where, W_OK);
	uint32_t i;

	for (i = 0; ok && i < c->cluster.shards; i++) {
		where = c->shard[i]->ops->location(c->shard[i]);
		ok = !access(where, W_OK);
	}
	if (ok)
		sk_doctor_say(d, SNEK_CHECK_PASS, "writable", NULL,
		    "by this user");
	else
		sk_doctor_say(d, SNEK_CHECK_WARN, "writable",
		    "become the user who owns it, or mount it for writing",
		    "%s: cannot be written to by this user; queries work",
		    where);
}

/* The least room of all the places that it lies in. */
static void check_room(struct sk_doctor *d, const struct sk_catalog *c)
{
	const char *where = c->dir, *path = c->dir;
	uint64_t room, least = UINT64_MAX;
	struct statvfs f;
	uint32_t i = 0;

	do {
		room = statvfs(path, &f) ? UINT64_MAX :
		    (uint64_t)f.f_bavail * f.f_frsize;
		if (room < least) {
			least = room;
			where = path;
		}
		if (i < c->cluster.shards)
			path = c->shard[i]->ops->location(c->shard[i]);
	} while (i++ < c->cluster.shards);
	if (least < ROOM_LITTLE)
		sk_doctor_say(d, least < ROOM_NONE ? SNEK_CHECK_FAIL :
		    SNEK_CHECK_WARN, "space", "snek gc frees what nobody "
		    "needs; make room", "%s: %s free", where,
		    sk_doctor_bytes(least).s);
	else
		sk_doctor_say(d, SNEK_CHECK_PASS, "space", NULL, "%s free",
		    sk_doctor_bytes(least).s);
}

static int weigh(void *arg, const struct sk_meta_category *c)
{
	uint64_t *most = arg;

	if (c->bytes > *most)
		*most = c->bytes;
	return 0;
}

void sk_doctor_categories(struct sk_doctor *d, struct sk_catalog *c,
    uint64_t *data)
{
	struct snek_error e = { 0 };
	int rc = c->meta->ops->category_list(c->meta, weigh, data, &e);

	if (rc)
		sk_doctor_say(d, SNEK_CHECK_FAIL, "cluster", cure_of(rc), "%s",
		    e.text);
}

static void check_dir(struct sk_doctor *d, const char *where, bool named,
    uint64_t *data)
{
	struct sk_catalog *c;

	check_filesystem(d, where);
	c = check_open(d, where, named);
	if (!c)
		return;
	sk_doctor_categories(d, c, data);
	check_writable(d, c);
	check_room(d, c);
	sk_catalog_close(c);
}

void sk_doctor_cluster(struct sk_doctor *d, const char *where, bool named,
    uint64_t *data)
{
	struct snek_error e = { 0 };
	struct sk_where w;

	if (sk_where_find(&w, where, &e)) {
		sk_doctor_say(d, SNEK_CHECK_FAIL, "cluster", "see snek.conf(5); "
		    "snek-deploy --name makes a profile", "%s", e.text);
		return;
	}
	if (w.url)
		sk_doctor_servers(d, &w, data);
	else
		check_dir(d, w.dir, named, data);
	sk_where_free(&w);
}
