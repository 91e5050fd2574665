/* SPDX-License-Identifier: MIT */
/*
 * small_writes.c - many writes of one record each, by one process.
 *
 *   small_writes snek CLUSTER CATEGORY JSONL N     through the library
 *   small_writes lmdb DIRECTORY - JSONL N          the yard-stick: the same
 *                                                  bytes, a durable commit each
 *
 * Prints the seconds of the last quarter of writes over those of the first.
 */
#include <snek/snek.h>

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct target {
	snek_cluster *cluster;
	const char *category;
	MDB_env *env;
	MDB_dbi dbi;
	uint64_t n;
	int (*put)(struct target *, char *line, size_t len);
};

static int put_snek(struct target *t, char *line, size_t len)
{
	struct snek_error e = {0};
	snek_writer *w;
	int rc = snek_writer_open(t->cluster, t->category, NULL, &w, &e);

	if (rc >= 0) {
		rc = snek_writer_put(w, line, len, &e);
		if (rc >= 0)
			rc = snek_writer_commit(w, NULL, &e);
		snek_writer_free(w);
	}
	if (rc < 0)
		fprintf(stderr, "small_writes: %s\n", e.text);
	return rc < 0;
}

static int put_lmdb(struct target *t, char *line, size_t len)
{
	MDB_val k = { sizeof(t->n), &t->n }, v = { len, line };
	MDB_txn *txn;
	int rc = mdb_txn_begin(t->env, NULL, 0, &txn);

	if (rc)
		return rc;
	t->n++;
	rc = mdb_put(txn, t->dbi, &k, &v, MDB_APPEND);
	if (!rc)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int open_lmdb(struct target *t, const char *path)
{
	MDB_txn *txn;
	int rc = mdb_env_create(&t->env);

	if (!rc)
		rc = mdb_env_set_mapsize(t->env, (size_t)1 << 30);
	if (!rc)
		rc = mdb_env_open(t->env, path, 0, 0666);
	if (!rc)
		rc = mdb_txn_begin(t->env, NULL, 0, &txn);
	if (!rc)
		rc = mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &t->dbi);
	if (!rc)
		rc = mdb_txn_commit(txn);
	t->put = put_lmdb;
	return rc;
}

static int open_target(struct target *t, char **argv)
{
	struct snek_error e = {0};

	if (!strcmp(argv[1], "lmdb"))
		return open_lmdb(t, argv[2]);
	t->put = put_snek;
	t->category = argv[3];
	return snek_cluster_open(argv[2], &t->cluster, &e);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The file's lines, from the start again at its end. */
static int write_all(struct target *t, FILE *in, long n, double at[5])
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int rc = 0;

	for (long i = 0; !rc && i < n; i++) {
		if (i % (n / 4) == 0)
			at[i / (n / 4)] = now();
		len = getline(&line, &cap, in);
		if (len < 0) {
			rewind(in);
			len = getline(&line, &cap, in);
		}
		rc = len <= 0 || t->put(t, line, (size_t)len);
	}
	at[4] = now();
	free(line);
	return rc;
}

int main(int argc, char **argv)
{
	long n = argc == 6 ? strtol(argv[5], NULL, 10) / 4 * 4 : 0;
	FILE *in = n > 0 ? fopen(argv[4], "re") : NULL;
	struct target t = {0};
	double at[5] = {0};

	if (!in || open_target(&t, argv) || write_all(&t, in, n, at)) {
		fprintf(stderr, "small_writes: failed\n");
		return 1;
	}
	printf("%.3f\n", (at[4] - at[3]) / (at[1] - at[0]));
	snek_cluster_close(t.cluster);
	mdb_env_close(t.env);
	fclose(in);
	return 0;
}
