/* SPDX-License-Identifier: MIT */
/* test_uploads.c - writes in parts in one process, by several requests at once.
 * A pipe in place of a part's file holds one of them up for as long as another
 * is looked at. */
#include "api/uploads.h"

#include <dirent.h>
#include <pthread.h>

#include "api/api.h"
#include "check_main.h"
#include "tempdir.h"

static char dir[64], cluster[80], tmp[80];
static struct sk_api *api;

static void set_up(void)
{
	struct sk_api_options o = { .cluster = cluster, .tmp = tmp };
	struct snek_error e = { 0 };

	tempdir_make(dir);
	snprintf(cluster, sizeof(cluster), "%s/cluster", dir);
	snprintf(tmp, sizeof(tmp), "%s/tmp", dir);
	ck_assert_int_eq(mkdir(tmp, 0700), 0);
	ck_assert_msg(!snek_cluster_create(cluster, NULL, &e), "%s", e.text);
	ck_assert_msg(!sk_api_open(&o, &api, &e), "%s", e.text);
}

static void tear_down(void)
{
	sk_api_close(api);
	ck_assert_int_eq(rmdir(tmp), 0);        /* nothing is left in it */
	tempdir_remove(dir);
}

/* ---- requests ---- */

struct asked {
	const char *method, *query;
	char path[96];
	struct sk_span body;
	int status;
	char *text;                     /* to be freed */
};

static void *answer(void *arg)
{
	struct asked *a = arg;
	struct sk_api_request r = { a->method, a->path, a->query ? a->query : "",
		"", a->body, NULL };
	struct sk_api_response out = { 0 };

	sk_api_answer(api, &r, &out);
	ck_assert(sk_buf_byte(&out.body, 0));
	a->status = out.status;
	a->text = out.body.p;
	return NULL;
}

/* It was answered with this status and says this. */
static void is(struct asked *a, int status, const char *says)
{
	ck_assert_msg(a->status == status && strstr(a->text, says),
	    "%s %s: %d %s", a->method, a->path, a->status, a->text);
	free(a->text);
}

static void ask(struct asked a, int status, const char *says)
{
	answer(&a);
	is(&a, status, says);
}

static struct asked put(const char *id, unsigned n, const char *text)
{
	struct asked a = { .method = "PUT", .body = { text, strlen(text) } };

	snprintf(a.path, sizeof(a.path), "/v1/writes/%.32s/parts/%u", id, n);
	return a;
}

static struct asked commit(const char *id, const char *query)
{
	struct asked a = { .method = "POST", .query = query };

	snprintf(a.path, sizeof(a.path), "/v1/writes/%.32s/commit", id);
	return a;
}

static struct asked drop(const char *id)
{
	struct asked a = { .method = "DELETE" };

	snprintf(a.path, sizeof(a.path), "/v1/writes/%.32s", id);
	return a;
}

static struct asked begin(void)
{
	return (struct asked){ "POST", "", "/v1/categories/c/writes",
		{ "", 0 }, 0, NULL };
}

static void start(char id[33])
{
	struct asked a = begin();

	answer(&a);
	ck_assert_msg(a.status == 201, "%d %s", a.status, a.text);
	snprintf(id, 33, "%.32s", strstr(a.text, "\"write\":\"") + 9);
	free(a.text);
}

static void holds(const char *records)
{
	struct asked a = { "GET", "", "/v1/categories/c/records", { "", 0 }, 0,
		NULL };

	ask(a, *records ? 200 : 404, records);
}

/* The only write's part n is a pipe. */
static void make_pipe(unsigned n, char path[200])
{
	DIR *d = opendir(tmp);
	struct dirent *file;

	ck_assert_ptr_nonnull(d);
	while ((file = readdir(d)) && *file->d_name == '.')
		;
	ck_assert_ptr_nonnull(file);
	snprintf(path, 200, "%.80s/%.80s/%u", tmp, file->d_name, n);
	closedir(d);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

/* ---- two at once ---- */

START_TEST(while_it_is_committed_nobody_drops_or_changes_it)
{
	char id[33], path[200];
	struct asked a;
	pthread_t t;
	int fd;

	start(id);
	ask(put(id, 1, "1\n"), 200, "part");
	make_pipe(1, path);
	a = commit(id, "parts=1");
	ck_assert_int_eq(pthread_create(&t, NULL, answer, &a), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);  /* when it is being read */
	ask(drop(id), 503, "it is being committed");
	ask(commit(id, "parts=1"), 503, "it is being committed");
	ask(put(id, 2, "2\n"), 409, "committed, or being so");
	ask(put(id, 1, "1\n"), 200, "part");
	holds("");
	ck_assert_int_eq(write(fd, "7\n", 2), 2);
	close(fd);
	pthread_join(t, NULL);
	is(&a, 200, "\"repeated\":false");
	ask(commit(id, "parts=1"), 200, "\"repeated\":true");
	holds("7\n");
	ask(drop(id), 200, "dropped");
	holds("7\n");
}
END_TEST

START_TEST(while_a_part_comes_others_are_told_to_come_again)
{
	enum { MANY = 200000 };         /* more than a pipe holds */
	char id[33], path[200], got[4096], *text = malloc(MANY + 1);
	struct asked a;
	pthread_t t;
	int fd, n;

	memset(text, '\n', MANY);
	text[MANY] = '\0';
	start(id);
	ask(put(id, 1, "1\n"), 200, "part");
	make_pipe(2, path);
	a = put(id, 2, text);
	ck_assert_int_eq(pthread_create(&t, NULL, answer, &a), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);  /* when it is being written */
	ask(put(id, 2, "2\n"), 503, "part 2 is being written");
	ask(put(id, 2, text), 503, "part 2 is being written");
	ask(put(id, 3, "3\n"), 200, "part");
	ask(commit(id, "parts=1"), 503, "a part of it is being written");
	ask(commit(id, "parts=3"), 503, "a part of it is being written");
	for (n = 0; n < MANY; n += (int)read(fd, got, sizeof(got)))
		;
	pthread_join(t, NULL);
	is(&a, 200, "part");
	close(fd);
	ask(put(id, 2, "2\n"), 409, "other bytes");
	ask(drop(id), 200, "dropped");
	holds("");
	free(text);
}
END_TEST

START_TEST(one_that_is_dropped_while_a_part_comes_goes_with_it)
{
	char id[33], path[200];
	struct asked a;
	pthread_t t;
	int fd;

	start(id);
	make_pipe(1, path);
	a = put(id, 1, "1\n");
	ck_assert_int_eq(pthread_create(&t, NULL, answer, &a), 0);
	ask(drop(id), 200, "dropped");
	ask(commit(id, "parts=1"), 404, "begin again");
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	pthread_join(t, NULL);
	ck_assert_msg(a.status == 200 || a.status == 404, "%s", a.text);
	free(a.text);
	if (fd >= 0)
		close(fd);
	holds("");
}
END_TEST

enum { ROUNDS = 20, THREADS = 4 };

static unsigned together(struct asked a[THREADS], const char *says)
{
	pthread_t t[THREADS];
	unsigned i, n = 0;

	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, answer, &a[i]), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		n += a[i].status == 200 && strstr(a[i].text, says);
	}
	return n;
}

START_TEST(of_commits_at_once_one_is_the_first_and_others_repeat_it)
{
	struct asked a[THREADS];
	unsigned round, i;
	char id[33];

	for (round = 0; round < ROUNDS; round++) {
		start(id);
		ask(put(id, 1, "1\n"), 200, "part");
		for (i = 0; i < THREADS; i++)
			a[i] = commit(id, "parts=1");
		ck_assert_uint_eq(together(a, "\"repeated\":false"), 1);
		for (i = 0; i < THREADS; i++)
			is(&a[i], a[i].status == 503 ? 503 : 200,
			    a[i].status == 503 ? "being committed" :
			    "\"records\":1");
	}
}
END_TEST

START_TEST(of_parts_at_once_with_other_bytes_one_is_there)
{
	static const char *const text[THREADS] = { "1\n", "22\n", "333\n",
		"4444\n" };
	struct asked a[THREADS];
	unsigned round, i;
	char id[33], tail[16];

	for (round = 0; round < ROUNDS; round++) {
		start(id);
		for (i = 0; i < THREADS; i++)
			a[i] = put(id, 1, text[i]);
		ck_assert_uint_eq(together(a, "part"), 1);
		*tail = '\0';
		for (i = 0; i < THREADS; i++) {
			if (a[i].status == 200)
				snprintf(tail, sizeof(tail), "%s", text[i]);
			is(&a[i], a[i].status, a[i].status == 200 ? "part" :
			    a[i].status == 409 ? "other bytes" : "being written");
		}
		ask(commit(id, "parts=1"), 200, "\"records\":1");
		holds(tail);
		ask((struct asked){ "DELETE", "", "/v1/categories/c", { "", 0 },
		    0, NULL }, 200, "");
	}
}
END_TEST

/* ---- many ---- */

static void write_one(char id[33])
{
	start(id);
	ask(put(id, 1, "1\n"), 200, "part");
	ask(commit(id, "parts=1"), 200, "receipt");
}

START_TEST(what_is_committed_is_not_open_and_its_receipt_is_kept)
{
	char id[SK_UPLOADS + 1][33], open_id[33];
	unsigned i;

	for (i = 0; i <= SK_UPLOADS; i++)
		write_one(id[i]);
	for (i = 0; i < SK_UPLOADS; i++)
		start(open_id);
	ask(begin(), 503, "64 writes in parts are open");
	ask(drop(open_id), 200, "dropped");
	ask(begin(), 201, "write");
	ask(begin(), 503, "64 writes in parts are open");
	for (i = 0; i <= SK_UPLOADS; i++)
		ask(commit(id[i], "parts=1"), 200, "\"repeated\":true");
}
END_TEST

START_TEST(of_more_receipts_than_are_kept_the_oldest_goes)
{
	char first[33], second[33], id[33];
	unsigned i;

	write_one(first);
	write_one(second);
	for (i = 2; i < SK_UPLOADS_KEPT; i++)
		write_one(id);
	ask(commit(first, "parts=1"), 200, "\"repeated\":true");
	write_one(id);
	ask(commit(second, "parts=1"), 404, "begin again");
	ask(commit(first, "parts=1"), 200, "\"repeated\":true");
	ask(commit(id, "parts=1"), 200, "\"repeated\":true");
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, while_it_is_committed_nobody_drops_or_changes_it);
	tcase_add_test(t, while_a_part_comes_others_are_told_to_come_again);
	tcase_add_test(t, one_that_is_dropped_while_a_part_comes_goes_with_it);
	tcase_add_test(t,
	    of_commits_at_once_one_is_the_first_and_others_repeat_it);
	tcase_add_test(t, of_parts_at_once_with_other_bytes_one_is_there);
	tcase_add_test(t,
	    what_is_committed_is_not_open_and_its_receipt_is_kept);
	tcase_add_test(t, of_more_receipts_than_are_kept_the_oldest_goes);
}

int main(void)
{
	return check_main("uploads", tests);
}
