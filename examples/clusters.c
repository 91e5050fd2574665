/* SPDX-License-Identifier: MIT */
/*
 * clusters.c - k-means over the cities of a file, as one job after another.
 *
 * The first job makes points of them, as a category; then each step is a job
 * over that category, with the centres of the step before as a side input,
 * until nothing moves any more.  It teaches: jobs that are repeated from C, each
 * over what an earlier one wrote.
 *
 *   cc clusters.c -o clusters $(pkg-config --cflags --libs snek)
 *   ./clusters DIRECTORY ./kmeans.so cities.jsonl [K]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <snek/snek.h>

enum { MOST = 32, STEPS = 100 };

struct centre {
	double x, y;
	long long points;
};

struct clusters {
	snek_cluster *cluster;
	const char *plugin;
	struct centre at[MOST];
	int k;
	struct snek_error e;
};

/* ---- the points ---- */

static snek_job *new_job(struct clusters *c, const char *category, const char *op)
{
	char function[512];
	snek_job *job = NULL;

	snprintf(function, sizeof(function), "%s:%s", c->plugin, op);
	if (snek_job_new(c->cluster, category, &job, &c->e) < 0 ||
	    snek_job_map(job, function, NULL, &c->e) < 0) {
		snek_job_free(job);
		return NULL;
	}
	return job;
}

/* Of the cities in a file a category of points. */
static int make_points(struct clusters *c, const char *file)
{
	struct snek_writer_options once = { .size = sizeof(once),
		.request_id = "points" };
	snek_job *job = new_job(c, NULL, "points");
	int fd = open(file, O_RDONLY), rc = -1;

	if (fd < 0)
		snprintf(c->e.text, sizeof(c->e.text), "cannot read %s", file);
	else if (job)
		rc = snek_job_read(job, fd, file, SNEK_JSONL, &c->e);
	if (rc >= 0)
		rc = snek_job_start(job, &c->e);
	if (rc >= 0)
		rc = snek_result_write(job, c->cluster, "points", &once, NULL,
		    &c->e);
	if (fd >= 0)
		close(fd);
	snek_job_free(job);
	return rc;
}

static double member(struct snek_value object, const char *name)
{
	struct snek_value v;

	if (snek_value_find(object, name, &v) < 0)
		return 0;
	return v.type == SNEK_DOUBLE ? v.as.d : (double)v.as.i;
}

/* The first k points. */
static int first_centres(struct clusters *c)
{
	struct snek_value v;
	snek_reader *r;
	int n, rc = snek_reader_open(c->cluster, "points", &r, &c->e);

	if (rc < 0)
		return rc;
	for (n = 0; n < c->k && (rc = snek_reader_next(r, &v, &c->e)) == 1; n++)
		c->at[n] = (struct centre){ member(v, "x"), member(v, "y"), 0 };
	snek_reader_close(r);
	c->k = n;
	return rc < 0 ? rc : 0;
}

/* ---- a step ---- */

/* As a file: it is small, and nobody needs it later. */
static int write_centres(const struct clusters *c, const char *path)
{
	FILE *f = fopen(path, "w");
	int i;

	if (!f)
		return -1;
	for (i = 0; i < c->k; i++)
		fprintf(f, "{\"x\":%.17g,\"y\":%.17g}\n", c->at[i].x, c->at[i].y);
	return fclose(f);
}

/* What the job says of each centre; how many moved. */
static int take(struct clusters *c, snek_job *job)
{
	struct snek_value key, v;
	struct centre *at, old;
	snek_result *r;
	int moved = 0, rc = snek_result_open(job, &r, &c->e);

	if (rc < 0)
		return rc;
	while ((rc = snek_result_next(r, &key, &v, &c->e)) == 1) {
		at = &c->at[key.as.i];
		old = *at;
		*at = (struct centre){ member(v, "x"), member(v, "y"),
			(long long)member(v, "points") };
		moved += at->x != old.x || at->y != old.y;
	}
	snek_result_close(r);
	return rc < 0 ? rc : moved;
}

static int step(struct clusters *c, const char *path)
{
	snek_job *job = new_job(c, "points", "nearest");
	int rc = job ? write_centres(c, path) : -1;

	if (rc >= 0)
		rc = snek_job_side(job, "centres", path, &c->e);
	if (rc >= 0)
		rc = snek_job_start(job, &c->e);
	if (rc >= 0)
		rc = take(c, job);
	snek_job_free(job);
	return rc;
}

static int all_steps(struct clusters *c, const char *dir)
{
	char path[512];
	int n = 0, rc;

	snprintf(path, sizeof(path), "%s/centres.jsonl", dir);
	do
		rc = step(c, path);
	while (rc > 0 && ++n < STEPS);
	unlink(path);
	if (rc >= 0)
		printf("%d steps\n", n + 1);
	return rc;
}

static int by_points(const void *a, const void *b)
{
	const struct centre *x = a, *y = b;

	return x->points > y->points ? -1 : x->points < y->points;
}

static int run(struct clusters *c, const char *dir, const char *file)
{
	int i, rc = snek_cluster_create(dir, NULL, &c->e);

	if (rc == SNEK_EEXIST)
		rc = 0;
	if (rc >= 0)
		rc = snek_cluster_open(dir, &c->cluster, &c->e);
	if (rc >= 0)
		rc = make_points(c, file);
	if (rc >= 0)
		rc = first_centres(c);
	if (rc >= 0)
		rc = all_steps(c, dir);
	qsort(c->at, (size_t)c->k, sizeof(c->at[0]), by_points);
	for (i = 0; rc >= 0 && i < c->k; i++)
		printf("%lld cities around %.2f, %.2f\n", c->at[i].points,
		    c->at[i].y, c->at[i].x);
	return rc;
}

int main(int argc, char **argv)
{
	struct clusters c = { .k = 4 };
	int rc;

	if (argc < 4) {
		fprintf(stderr, "usage: clusters DIRECTORY PLUGIN FILE [K]\n");
		return 2;
	}
	c.plugin = argv[2];
	if (argc > 4)
		c.k = atoi(argv[4]);
	if (c.k < 1 || c.k > MOST)
		c.k = 4;
	rc = run(&c, argv[1], argv[3]);
	if (rc < 0)
		fprintf(stderr, "clusters: %s\n", c.e.text);
	snek_cluster_close(c.cluster);
	return rc < 0;
}
