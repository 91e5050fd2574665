/* SPDX-License-Identifier: MIT */
/* Each allocation of a cluster's life fails once, alone or with all after it:
 * the answer is SNEK_ENOMEM, and then everything works. */
#include "category/catalog.h"

#include <errno.h>
#include <sys/wait.h>

#include "tempdir.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    !defined(__GLIBC__)
int main(void)
{
	fprintf(stderr, "SKIPPED: malloc belongs to the sanitizer\n");
	return 77;
}
#else

#include "nomem.h"

static struct snek_error err;

static int count(void *arg, const struct sk_meta_entry *m)
{
	*(uint64_t *)arg += m->records;
	return 0;
}

static int put(struct sk_shard *s, struct sk_write_id id)
{
	struct sk_segment_writer *w;
	struct sk_segment *g;
	int rc = s->ops->begin(s, id, &w, &err);

	if (rc)
		return rc;
	rc = s->ops->put(w, (struct sk_span){ "chunk", 5 }, 1,
	    (struct sk_place){ 0, 0 }, &err);
	if (!rc)
		rc = s->ops->seal(w, &err);
	if (rc)
		s->ops->abandon(w);
	s->ops->free(w);
	if (!rc)
		rc = s->ops->open(s, id, &g, &err);
	if (!rc)
		s->ops->close(g);
	return rc;
}

static int write_and_read(struct sk_catalog *c, uint64_t *records)
{
	const struct sk_meta_ops *o = c->meta->ops;
	struct sk_meta_part part = { 0, 1, 1, 5 };
	struct sk_meta_entry m = { .records = 1, .bytes = 5, .parts = 1,
		.part = &part };
	struct sk_meta_category cat;
	struct sk_meta_receipt r;
	int rc = o->category_get_or_create(c->meta, "x", &cat, &err);

	if (!rc)
		rc = sk_write_id_new(&m.write, &err);
	if (rc)
		return rc;
	part.shard = cat.shard[0];
	rc = put(c->shard[part.shard], m.write);
	if (!rc)
		rc = o->commit(c->meta, cat.id, "request", &m, &r, &err);
	return rc ? rc : o->snapshot(c->meta, "x", 0, &cat, count, records, &err);
}

static int live(const char *dir, uint64_t *records)
{
	struct sk_catalog *c;
	int rc = sk_catalog_create(dir, 2, 1, &err);

	*records = 0;
	if (rc && rc != SNEK_EEXIST)
		return rc;
	rc = sk_catalog_open(dir, &c, &err);
	if (rc)
		return rc;
	rc = write_and_read(c, records);
	sk_catalog_close(c);
	return rc;
}

/* 1: the nth allocation was never asked for.  0: as promised. */
static int try(const char *dir, long n, bool for_good)
{
	uint64_t records;
	int rc;

	fault.at = n;
	fault.for_good = for_good;
	fault.on = true;
	rc = live(dir, &records);
	fault.on = false;
	if (fault.n < n)
		return rc ? 2 : 1;
	if (rc && (rc != SNEK_ENOMEM || err.code != SNEK_ENOMEM))
		return 3;
	return live(dir, &records) ? 4 : records == 1 ? 0 : 5;
}

START_TEST(every_allocation_may_fail)
{
	char dir[64], at[80];
	int status = 0;
	long n;
	pid_t pid;

	tempdir_make(dir);
	snprintf(at, sizeof(at), "%s/cluster", dir);
	for (n = 1; !status; n++) {
		pid = fork();
		if (!pid)
			_exit(try(at, n, _i));
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) < 2,
		    "allocation %ld: %x", n, (unsigned)status);
		tempdir_remove(at);
	}
	ck_assert_int_gt(n, 20);
	tempdir_remove(dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_nomem");
	TCase *t = tcase_create("store_nomem");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_allocation_may_fail, 0, 2);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
#endif
