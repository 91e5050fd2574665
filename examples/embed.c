/* SPDX-License-Identifier: MIT */
/*
 * Embedding snek: write records, count their words, print the result.
 *
 *   cc embed.c -o embed $(pkg-config --cflags --libs snek)
 *   ./embed DIRECTORY
 */
#include <stdio.h>
#include <string.h>
#include <snek/snek.h>

#define TRY(call) do { if ((call) < 0) goto out; } while (0)

int main(int argc, char **argv)
{
	static const char *const text[] = { "{\"text\":\"the cat\"}", "{\"text\":\"the hat\"}" };
	const char *dir = argc > 1 ? argv[1] : "./embed.snek";
	struct snek_error e = { 0 };
	struct snek_value key, value;
	snek_cluster *cluster = NULL;
	snek_writer *writer = NULL;
	snek_job *job = NULL;
	snek_result *result = NULL;

	if (snek_cluster_create(dir, NULL, &e) == SNEK_EEXIST)
		e.code = 0;
	TRY(snek_cluster_open(dir, &cluster, &e));
	TRY(snek_writer_open(cluster, "words", NULL, &writer, &e));
	for (int i = 0; i < 2; i++)
		TRY(snek_writer_put(writer, text[i], strlen(text[i]), &e));
	TRY(snek_writer_commit(writer, NULL, &e));
	TRY(snek_job_new(cluster, "words", &job, &e));
	TRY(snek_job_map(job, "wordcount", "{\"field\":\"text\"}", &e));
	TRY(snek_job_start(job, &e));
	TRY(snek_result_open(job, &result, &e));        /* waits */
	while (snek_result_next(result, &key, &value, &e) == 1)
		printf("%.*s\t%lld\n", (int)key.len, key.as.s, (long long)value.as.i);
out:
	if (e.code)
		fprintf(stderr, "embed: %s\n", e.text);
	snek_result_close(result);
	snek_job_free(job);
	snek_writer_free(writer);
	snek_cluster_close(cluster);
	return e.code != 0;
}
