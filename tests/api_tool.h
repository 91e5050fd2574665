/* SPDX-License-Identifier: MIT */
/* api_tool.h - clusters, writes and jobs through the public header, short. */
#ifndef API_TOOL_H
#define API_TOOL_H
#include <snek/snek.h>

#include "tempdir.h"

#define JOB_PLUGIN "tests/plugins/.libs/job.so"
#define JOB_OP(op) JOB_PLUGIN ":" op

/* A cluster of 4 shards in dir (64 bytes), open. */
snek_cluster *api_cluster(char *dir);
void api_drop(char *dir, snek_cluster *);
/* One record a line, as one write. */
void api_write(snek_cluster *, const char *category, const char *lines);
/* Records {"i":0,"k":"k0","v":0} ... of n; keys repeat after some. */
void api_numbers(snek_cluster *, const char *category, int n, int keys);
/* A job over the category (NULL: none) with a map set. */
snek_job *api_job(snek_cluster *, const char *category, const char *function,
    const char *args);
void api_set(snek_job *, const char *name, const char *value);
/* Start and wait; 1, or the code it failed with and the error. */
int api_run(snek_job *, struct snek_error *);
/* All results: "key value\n", or "value\n" of a list.  The caller's. */
char *api_text(snek_job *);
/* Run it, compare, free it. */
void api_gives(snek_job *, const char *want);
int64_t api_counter(snek_job *, const char *name);      /* -1: none */
/* A job that fails with a code, in a text with these words, and has no
 * result; freed. */
#define API_FAILS(job, code_, ...) do { \
	const char *const w_[] = { __VA_ARGS__ }; \
	struct snek_error e_ = { 0 }; \
	snek_result *r_; \
	snek_job *j_ = (job); \
	ck_assert_int_eq(api_run(j_, &e_), code_); \
	ck_assert_int_eq(e_.code, code_); \
	for (size_t i_ = 0; i_ < sizeof(w_) / sizeof(*w_); i_++) \
		ck_assert_msg(strstr(e_.text, w_[i_]), "'%s' lacks '%s'", \
		    e_.text, w_[i_]); \
	ck_assert_int_lt(snek_result_open(j_, &r_, NULL), 0); \
	snek_job_free(j_); \
} while (0)
/* The records of category "c", a line each; its paths, found in so many
 * records (0: the default), a line each.  The caller's. */
char *api_exported(snek_cluster *);
char *api_described(snek_cluster *, uint64_t records);
/* Both are freed, and are the same and not empty. */
void api_same(char *want, char *is);
/* A descriptor that reads the text. */
int api_fd(const char *text);
#endif
