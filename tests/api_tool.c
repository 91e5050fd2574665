/* SPDX-License-Identifier: MIT */
#include "api_tool.h"

#include <sys/mman.h>

snek_cluster *api_cluster(char *dir)
{
	struct snek_error e = { 0 };
	snek_cluster *c;

	tempdir_make(dir);
	rmdir(dir);
	ck_assert_msg(snek_cluster_create(dir, NULL, &e) == 0, "%s", e.text);
	ck_assert_msg(snek_cluster_open(dir, &c, &e) == 0, "%s", e.text);
	return c;
}

void api_drop(char *dir, snek_cluster *c)
{
	snek_cluster_close(c);
	tempdir_remove(dir);
}

int api_fd(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);
	size_t n = strlen(text);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, n), n);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

void api_write(snek_cluster *c, const char *category, const char *lines)
{
	struct snek_error e = { 0 };
	snek_writer *w;
	int fd = api_fd(lines);

	ck_assert_msg(snek_writer_open(c, category, NULL, &w, &e) == 0 &&
	    snek_writer_read(w, fd, "lines", SNEK_JSONL, &e) == 0 &&
	    snek_writer_commit(w, NULL, &e) == 0, "%s", e.text);
	snek_writer_free(w);
	close(fd);
}

void api_numbers(snek_cluster *c, const char *category, int n, int keys)
{
	size_t size = (size_t)n * 64 + 1, at = 0;
	char *text = malloc(size);
	int i;

	text[0] = '\0';
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at,
		    "{\"i\":%d,\"k\":\"k%d\",\"v\":%d}\n", i, i % keys, i);
	api_write(c, category, text);
	free(text);
}

snek_job *api_job(snek_cluster *c, const char *category, const char *function,
    const char *args)
{
	struct snek_error e = { 0 };
	snek_job *j;

	ck_assert_msg(snek_job_new(c, category, &j, &e) == 0 &&
	    snek_job_map(j, function, args, &e) == 0, "%s", e.text);
	return j;
}

void api_set(snek_job *j, const char *name, const char *value)
{
	struct snek_error e = { 0 };

	ck_assert_msg(snek_job_set(j, name, value, &e) == 0, "%s", e.text);
}

int api_run(snek_job *j, struct snek_error *e)
{
	int rc = snek_job_start(j, e);

	return rc ? rc : snek_job_wait(j, -1, e);
}

char *api_text(snek_job *j)
{
	struct snek_value key, value;
	struct snek_error e = { 0 };
	snek_result *r;
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int rc;

	ck_assert_msg(snek_result_open(j, &r, &e) == 0, "%s", e.text);
	while ((rc = snek_result_next(r, &key, &value, &e)) == 1) {
		if (snek_result_is_reduced(r)) {
			ck_assert_int_eq(snek_value_json(key, f), 0);
			fputc(' ', f);
		}
		ck_assert_int_eq(snek_value_json(value, f), 0);
		fputc('\n', f);
	}
	ck_assert_msg(rc == 0, "%s", e.text);
	snek_result_close(r);
	fclose(f);
	return text;
}

void api_gives(snek_job *j, const char *want)
{
	struct snek_error e = { 0 };
	char *text;

	ck_assert_msg(api_run(j, &e) == 1, "%s", e.text);
	ck_assert_int_eq(e.code, 0);
	text = api_text(j);
	ck_assert_str_eq(text, want);
	free(text);
	snek_job_free(j);
}

struct sought {
	const char *name;
	int64_t value;
};

static int look(void *arg, const char *name, int64_t value)
{
	struct sought *s = arg;

	if (!strcmp(name, s->name))
		s->value = value;
	return 0;
}

int64_t api_counter(snek_job *j, const char *name)
{
	struct sought s = { name, -1 };

	ck_assert_int_eq(snek_job_counters(j, look, &s), 0);
	return s.value;
}

/* ---- a category as text ---- */

char *api_exported(snek_cluster *c)
{
	struct snek_error e = { 0 };
	struct snek_value v;
	snek_reader *r;
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int rc;

	ck_assert_msg(!snek_reader_open(c, "c", &r, &e), "%s", e.text);
	while ((rc = snek_reader_next(r, &v, &e)) == 1) {
		snek_value_json(v, f);
		fputc('\n', f);
	}
	ck_assert_msg(!rc, "%s", e.text);
	snek_reader_close(r);
	fclose(f);
	return text;
}

static int put_path(void *f, const struct snek_path_info *p)
{
	fprintf(f, "%.*s %llu %llu %llu %llu %llu ", (int)p->path_len, p->path,
	    (unsigned long long)p->records, (unsigned long long)p->values,
	    (unsigned long long)p->ints, (unsigned long long)p->doubles,
	    (unsigned long long)p->strings);
	snek_value_json(p->example, f);
	fputc('\n', f);
	return 0;
}

char *api_described(snek_cluster *c, uint64_t records)
{
	struct snek_describe_options o = { .size = sizeof(o),
		.records = records };
	struct snek_error e = { 0 };
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	ck_assert_msg(!snek_category_describe(c, "c", &o, put_path, f, NULL, &e),
	    "%s", e.text);
	fclose(f);
	return text;
}

void api_same(char *want, char *is)
{
	ck_assert_uint_gt(strlen(want), 0);
	ck_assert_msg(!strcmp(want, is), "%.2000s\n---\n%.2000s", want, is);
	free(want);
	free(is);
}
