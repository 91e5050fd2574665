/* SPDX-License-Identifier: MIT */
/*
 * Embedding snek in a program that has threads and signals of its own.  Plugins
 * run in processes: one that crashes costs an error, never the host, whose
 * handlers stay its own and which may ignore its children.
 *
 *   cc host.c -o host $(pkg-config --cflags --libs snek) -pthread
 *   ./host DIRECTORY FUNCTION
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <snek/snek.h>

#define TRY(call) do { if ((call) < 0) goto out; } while (0)

static void on_crash(int s)
{
	static const char text[] = "host: it is me who crashed\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	signal(s, SIG_DFL);
	raise(s);
}

/* The host's own work goes on meanwhile. */
static void *work(void *done)
{
	while (!__atomic_load_n((int *)done, __ATOMIC_ACQUIRE))
		usleep(1000);
	return NULL;
}

static int query(snek_cluster *cluster, const char *function,
    struct snek_error *e)
{
	struct snek_value key, value;
	snek_result *result = NULL;
	snek_job *job = NULL;

	TRY(snek_job_new(cluster, "numbers", &job, e));
	TRY(snek_job_map(job, function, NULL, e));
	TRY(snek_job_set(job, "executor", "processes", e));
	TRY(snek_job_start(job, e));
	TRY(snek_result_open(job, &result, e));         /* waits */
	while (snek_result_next(result, &key, &value, e) == 1) {
		snek_value_json(key, stdout);
		putchar('\t');
		snek_value_json(value, stdout);
		putchar('\n');
	}
out:
	snek_result_close(result);
	snek_job_free(job);
	return e->code;
}

static int write_numbers(snek_cluster *cluster, struct snek_error *e)
{
	snek_writer *writer = NULL;
	char record[32];

	TRY(snek_writer_open(cluster, "numbers", NULL, &writer, e));
	for (int i = 1; i <= 2000; i++) {
		snprintf(record, sizeof(record), "{\"id\":%d}", i);
		TRY(snek_writer_put(writer, record, strlen(record), e));
	}
	TRY(snek_writer_commit(writer, NULL, e));
out:
	snek_writer_free(writer);
	return e->code;
}

int main(int argc, char **argv)
{
	struct sigaction ours = { .sa_handler = on_crash }, now;
	snek_cluster *cluster = NULL;
	struct snek_error e = { 0 };
	pthread_t worker;
	int done = 0;

	if (argc < 3)
		return fprintf(stderr, "host DIRECTORY FUNCTION\n"), 2;
	sigaction(SIGSEGV, &ours, NULL);
	signal(SIGCHLD, SIG_IGN);
	if (pthread_create(&worker, NULL, work, &done))
		return 1;
	if (snek_cluster_create(argv[1], NULL, &e) == SNEK_EEXIST)
		e.code = 0;
	if (!e.code && snek_cluster_open(argv[1], &cluster, &e) == 0 &&
	    write_numbers(cluster, &e) == 0)
		query(cluster, argv[2], &e);
	if (e.code)
		fprintf(stderr, "host: %s\n", e.text);
	snek_cluster_close(cluster);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	pthread_join(worker, NULL);
	sigaction(SIGSEGV, NULL, &now);
	printf("the handler is %s\n", now.sa_handler == on_crash ? "still ours" :
	    "lost");
	return e.code != 0;
}
