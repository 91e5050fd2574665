/* SPDX-License-Identifier: MIT */
/*
 * chain.c - two jobs, the second over what the first found out.
 *
 * How many words occur once, twice, ...: the first job counts words, and its
 * result becomes a category; the second one counts those counts.  Each write
 * has a request id, so that the whole may be run again after whatever stopped
 * it, and nothing is written twice.  It teaches: snek_result_write.
 *
 *   cc chain.c -o chain $(pkg-config --cflags --libs snek)
 *   ./chain DIRECTORY FILE FIELD
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <snek/snek.h>

#define TRY(call) do { if ((call) < 0) goto out; } while (0)

static int write_file(snek_cluster *cluster, const char *file,
    struct snek_error *e)
{
	struct snek_writer_options once = { .size = sizeof(once),
		.request_id = "texts" };
	snek_writer *w = NULL;
	int fd = open(file, O_RDONLY), rc = -1;

	if (fd < 0) {
		e->code = SNEK_ENOENT;
		snprintf(e->text, sizeof(e->text), "cannot read %s", file);
		return e->code;
	}
	TRY(rc = snek_writer_open(cluster, "texts", &once, &w, e));
	TRY(rc = snek_writer_read(w, fd, file, SNEK_AUTO, e));
	rc = snek_writer_commit(w, NULL, e);
out:
	close(fd);
	snek_writer_free(w);
	return rc;
}

/* field=... of a function; its result goes to a category, or is printed. */
static int job(snek_cluster *cluster, const char *from, const char *function,
    const char *arg, const char *field, const char *to, struct snek_error *e)
{
	struct snek_writer_options once = { .size = sizeof(once),
		.request_id = to };
	struct snek_value key, value;
	snek_result *result = NULL;
	snek_job *j = NULL;
	int rc;

	TRY(rc = snek_job_new(cluster, from, &j, e));
	TRY(rc = snek_job_map(j, function, NULL, e));
	TRY(rc = snek_job_arg(j, arg, field, e));
	TRY(rc = snek_job_start(j, e));
	if (to) {
		rc = snek_result_write(j, cluster, to, &once, NULL, e);
		goto out;
	}
	TRY(rc = snek_result_open(j, &result, e));
	while ((rc = snek_result_next(result, &key, &value, e)) == 1)
		printf("%lld words occur %lld times\n", (long long)value.as.i,
		    (long long)key.as.i);
out:
	snek_result_close(result);
	snek_job_free(j);
	return rc;
}

int main(int argc, char **argv)
{
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	int rc;

	if (argc < 4) {
		fprintf(stderr, "usage: chain DIRECTORY FILE FIELD\n");
		return 2;
	}
	rc = snek_cluster_create(argv[1], NULL, &e);
	if (rc < 0 && rc != SNEK_EEXIST)
		goto out;
	TRY(rc = snek_cluster_open(argv[1], &cluster, &e));
	TRY(rc = write_file(cluster, argv[2], &e));
	TRY(rc = job(cluster, "texts", "wordcount", "field", argv[3], "words",
	    &e));
	rc = job(cluster, "words", "distinct", "fields", "value", NULL, &e);
out:
	if (rc < 0)
		fprintf(stderr, "chain: %s\n", e.text);
	snek_cluster_close(cluster);
	return rc < 0;
}
