/* SPDX-License-Identifier: MIT */
/*
 * snek/snek.h - embed snek: write JSON records, map plugins over them.
 *
 * The library holds no settings of its own, prints nothing, installs no signal
 * handlers and never exits.  Handles may be used by any thread, one at a time;
 * different handles at the same time by different threads.  A handle is closed
 * after everything that was made from it.  Every call that touches the world
 * takes a struct snek_error, which may be NULL.
 *
 * A struct with a size member is set up as { .size = sizeof(it) }; zero in any
 * other member means the default.  Structs only grow at their end.
 */
#ifndef SNEK_SNEK_H
#define SNEK_SNEK_H

#include <stdio.h>
#include <snek/types.h>

#define SNEK_VERSION_MAJOR 0
#define SNEK_VERSION_MINOR 1
#define SNEK_VERSION_PATCH 0
#define SNEK_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef struct snek_cluster snek_cluster;       /* an open cluster */
typedef struct snek_writer snek_writer;         /* one write, until committed */
typedef struct snek_reader snek_reader;         /* a category's records, in order */
typedef struct snek_job snek_job;               /* a query */
typedef struct snek_result snek_result;         /* a cursor over what came out */
struct snek_lambda_info;                        /* snek/lambda.h */
struct snek_lambda_options;

SNEK_API const char *snek_version(void);
/* One or two words for a code; never NULL. */
SNEK_API const char *snek_strerror(int code);
/* What it is called in JSON, for ever: "not-found"; never NULL. */
SNEK_API const char *snek_error_name(int code);

/* ---- clusters ---- */

struct snek_cluster_options {
	size_t size;
	uint32_t shards;                /* N; 0: 4.  At most 1024 */
	uint32_t level;                 /* k; 0: N */
	/* For clusters on servers: the URL of each shard (see snek.conf(5));
	 * there are as many shards. */
	const char *const *server;
	uint32_t servers;
	bool allow_eviction;            /* servers that drop data when full */
	/* For URLs that have none; or NULL.  password_file: its first line. */
	const char *user, *password, *password_file;
	const char *ca_file, *cert_file, *key_file, *server_name;
	const char *profile;            /* name to save it under; or NULL */
	void (*waiting)(void *, const char *text);      /* see below */
	void *waiting_arg;
};

struct snek_cluster_info {
	size_t size;
	char uuid[37];
	uint32_t shards, level;
	uint32_t format;
	bool read_only;                 /* the medium is: nothing can be written */
	uint64_t categories;
	char where[512];                /* directory, or URL without secrets */
};

/* Make an embedded cluster in a directory, which is created; or, when options
 * name servers, one on these, whose meta store is at the URL where (NULL: the
 * first server).  SNEK_EEXIST when there is one already (of the same shape or
 * not).  What a call that was killed left undone, the next one does. */
SNEK_API int snek_cluster_create(const char *where,
             const struct snek_cluster_options *, struct snek_error *);
/* Give a cluster on servers those of the options that it does not have yet;
 * and a level, unless that is 0.  New categories use them, old ones stay where
 * they are.  added may be NULL. */
SNEK_API int snek_cluster_grow(const char *where,
             const struct snek_cluster_options *, uint32_t *added,
             struct snek_error *);
/* Remove a cluster on servers with all its data, and the profile if it was
 * called by one.  Other keys of the servers stay. */
SNEK_API int snek_cluster_destroy(const char *where, struct snek_error *);
/* Open one: a URL if there is "://" in it, a directory if there is a "/" or if
 * it begins with ".", else a profile of snek.conf(5).  NULL: $SNEK_CLUSTER,
 * else $XDG_DATA_HOME/snek, else ~/.local/share/snek.  SNEK_ENOENT when there
 * is none. */
SNEK_API int snek_cluster_open(const char *where, snek_cluster **out,
             struct snek_error *);

struct snek_open_options {
	size_t size;
	/* A server is waited for: a line, without an end, that says which, why
	 * and how long at most; a second after that began, once until it
	 * answers.  From whichever thread waits; it must not call the library. */
	void (*waiting)(void *, const char *text);
	void *waiting_arg;
};
/* The same; options may be NULL. */
SNEK_API int snek_cluster_open_with(const char *where,
             const struct snek_open_options *, snek_cluster **out,
             struct snek_error *);
SNEK_API void snek_cluster_close(snek_cluster *);
SNEK_API int snek_cluster_info(snek_cluster *, struct snek_cluster_info *out,
             struct snek_error *);

struct snek_gc_report {
	size_t size;
	uint64_t writes;                /* dead writes swept */
	uint64_t segments, bytes;       /* files removed and their size */
	uint64_t waiting;               /* too young, or still being written */
};
/* Remove what dead writes and compaction left.  grace_seconds: how long a
 * write may show no sign of life; 0: 3600. */
SNEK_API int snek_cluster_gc(snek_cluster *, uint32_t grace_seconds,
             struct snek_gc_report *out, struct snek_error *);

/* ---- categories ---- */

struct snek_shard_info {
	uint32_t shard;                 /* its id */
	uint32_t reserved;
	uint64_t chunks, records, bytes;
	const char *location;
};

/* Lives until the visit returns. */
struct snek_category_info {
	size_t size;
	const char *name;
	uint64_t version;               /* of the last committed write; 0: none */
	uint64_t writes, records, bytes;
	uint32_t level, shards;         /* shards: of the placement */
	const struct snek_shard_info *shard;
};

/* A visit that returns other than 0 ends the listing with that value. */
SNEK_API int snek_category_list(snek_cluster *,
             int (*visit)(void *, const struct snek_category_info *), void *,
             struct snek_error *);
SNEK_API int snek_category_find(snek_cluster *, const char *name,
             int (*visit)(void *, const struct snek_category_info *), void *,
             struct snek_error *);
SNEK_API int snek_category_remove(snek_cluster *, const char *name,
             struct snek_error *);
/* Fold small writes into larger segments.  Changes no record's place. */
SNEK_API int snek_category_compact(snek_cluster *, const char *name,
             struct snek_error *);

struct snek_copy_options {
	size_t size;
	const char *as;                 /* its name there; NULL: the same */
	uint64_t part;                  /* records of a write; 0: 1,000,000 */
	/* Called now and then; other than 0 ends the copy with that value. */
	int (*progress)(void *arg, uint64_t records, uint64_t of);
	void *progress_arg;
};
struct snek_copy_report {
	size_t size;
	uint64_t records;               /* there now */
	uint64_t copied, writes;        /* by this call */
	char digest[33];                /* of all, read back from there */
};
/* Copy a category to another cluster.  What is there must be the beginning of
 * it (SNEK_ECONFLICT otherwise, and nothing is copied) and is gone on from; so
 * a copy that was broken off is resumed by calling it again.  At the end
 * everything is read back and compared.  out may be NULL. */
SNEK_API int snek_category_copy(snek_cluster *from, const char *category,
             snek_cluster *to, const struct snek_copy_options *,
             struct snek_copy_report *out, struct snek_error *);

/* ---- writing ---- */

enum snek_format {
	SNEK_JSONL,     /* each top-level value is a record, whatever the blanks */
	SNEK_JSON_ARRAY,        /* the elements of one top-level array */
	SNEK_JSON_VALUE,        /* exactly one document */
	SNEK_TEXT,              /* each line is a string */
	SNEK_AUTO,              /* by name: ARRAY for *.json that is an array */
};
enum snek_duplicates { SNEK_DUPLICATES_ERROR, SNEK_DUPLICATES_LAST };

struct snek_writer_options {
	size_t size;
	const char *request_id;         /* makes a repeat safe; NULL: none */
	uint32_t chunk_size;            /* bytes, 64 KiB to 4 MiB; 0: 256 KiB */
	uint32_t duplicates;            /* enum snek_duplicates */
	uint64_t max_record;            /* bytes of JSON; 0: 64 MiB */
	/* Called with each record that is no JSON (or over a limit), which is
	 * then left out; NULL: the first one fails the write.  A negative
	 * return fails the write too. */
	int (*bad)(void *arg, const char *record, size_t len,
	    const struct snek_error *);
	void *bad_arg;
	/* Called now and then with what has been read so far. */
	void (*progress)(void *arg, uint64_t records, uint64_t bytes);
	void *progress_arg;
	/* What the write must survive: "memory" (nothing), "process", "machine"
	 * or "replicated=N".  SNEK_EINVAL when that cannot be shown of every
	 * server.  NULL: the strongest that can be. */
	const char *durability;
	uint64_t max_unpacked;          /* bytes that one input that is gzip may
					 * become; 0: any */
};

struct snek_receipt {
	size_t size;
	uint64_t version;               /* of the category, made by this write */
	uint64_t records, bad, bytes;   /* bytes: of chunks */
	uint32_t shards;                /* of the placement */
	bool repeated;                  /* the request id was committed before */
	char durability[16];            /* reached: memory, process, machine
	                                 * (survives power loss), replicated=N */
	char write_id[33];
};

/* Creates the category if need be (with its first commit it becomes visible).
 * Names are [A-Za-z0-9._-]{1,128}. */
SNEK_API int snek_writer_open(snek_cluster *, const char *category,
             const struct snek_writer_options *, snek_writer **out,
             struct snek_error *);
/* One record. */
SNEK_API int snek_writer_put(snek_writer *, const char *json, size_t len,
             struct snek_error *);
/* All of a file, from its current offset; gzip is recognized.  name is for
 * messages and for SNEK_AUTO.  The descriptor stays open. */
SNEK_API int snek_writer_read(snek_writer *, int fd, const char *name,
             enum snek_format, struct snek_error *);
/* All or nothing.  After SNEK_EUNKNOWN a repeat with the same request id
 * gives the definite answer, and waits again for replicas that were late.  out may be NULL. */
SNEK_API int snek_writer_commit(snek_writer *, struct snek_receipt *out,
             struct snek_error *);
/* Drops what is not committed. */
SNEK_API void snek_writer_free(snek_writer *);

/* ---- reading back ---- */

/* Every record of the category as it is now, in the order of writes. */
SNEK_API int snek_reader_open(snek_cluster *, const char *category,
             snek_reader **out, struct snek_error *);
/* 1 and a record, valid until the next call; 0 at the end. */
SNEK_API int snek_reader_next(snek_reader *, struct snek_value *,
             struct snek_error *);
/* The place of the record that next gave last: the write's version, and the
 * record's number in it, from 0.  SNEK_EINVAL before the first. */
SNEK_API int snek_reader_place(snek_reader *, uint64_t *version,
             uint64_t *record, struct snek_error *);
/* snek_reader_open from a place on; version 0: from the first record. */
SNEK_API int snek_reader_open_at(snek_cluster *, const char *category,
             uint64_t version, uint64_t record, snek_reader **out,
             struct snek_error *);
SNEK_API void snek_reader_close(snek_reader *);

/* ---- looking closer ---- */

/* What lies at a path; lives until the visit returns. */
struct snek_path_info {
	size_t size;
	const char *path;               /* "a.b"; "[]": each element; "": the
	                                 * record itself, if not an object */
	size_t path_len;                /* names may hold NULs */
	uint64_t records;               /* that have it */
	uint64_t values;                /* there; under [] more than records */
	uint64_t nulls, bools, ints, doubles, strings, arrays, objects;
	/* The first that is not null, not an array and not an object; else
	 * null, or of type SNEK_NONE when there is none. */
	struct snek_value example;
};

struct snek_describe_options {
	size_t size;
	uint64_t records;               /* to look at, about; 0: 10,000,000.
	                                 * UINT64_MAX: all */
	uint32_t paths;                 /* at most; 0: 1000 */
};

struct snek_describe_report {
	size_t size;
	uint64_t records;               /* of the category */
	uint64_t looked_at;
	uint64_t left_out;              /* values at paths beyond the limit */
};

/* The paths of a category's records, members behind their object, in the order
 * in which records have them.  Of a category with more records than asked for
 * every n-th chunk is looked at.  out may be NULL. */
SNEK_API int snek_category_describe(snek_cluster *, const char *category,
             const struct snek_describe_options *,
             int (*visit)(void *, const struct snek_path_info *), void *,
             struct snek_describe_report *out, struct snek_error *);

struct snek_shard_stat {
	size_t size;
	uint32_t shard;                 /* its id */
	uint32_t reserved;
	const char *location;           /* lives as long as the cluster */
	uint64_t chunks, records, bytes;        /* inline chunks included */
	uint64_t segments;
	uint64_t garbage, garbage_bytes;        /* segments that gc may sweep */
	uint64_t writing, writing_bytes;        /* segments of open writes */
	uint64_t free_bytes;            /* left where the shard lies */
	/* Of its server; 0 in a directory.  max_memory 0: no limit. */
	uint64_t used_memory, max_memory, clients;
};

struct snek_cluster_stat {
	size_t size;
	uint64_t categories, writes, records, bytes;
	uint64_t inlined, inlined_bytes;        /* chunks in the meta store */
	uint64_t meta_bytes;
	uint64_t garbage, garbage_bytes;        /* over all shards */
	uint64_t writing, writing_bytes;
	uint64_t free_bytes;            /* left where the meta store lies */
	/* Of the meta store's server; 0 in a directory, which has no servers. */
	uint64_t used_memory, max_memory, clients;
	uint64_t servers;               /* shards on servers: all or none */
};

/* How much there is, and of it on each shard.  category NULL: of all of them,
 * with garbage; else of this one, over the shards of its placement, garbage
 * being 0.  out and visit may be NULL. */
SNEK_API int snek_cluster_stat(snek_cluster *, const char *category,
             int (*visit)(void *, const struct snek_shard_stat *), void *,
             struct snek_cluster_stat *out, struct snek_error *);

/* ---- functions ---- */

struct snek_arg_info {
	const char *name, *type, *value, *choices, *help;       /* NULL: none */
	bool required;
};

/* Lives until the visit returns. */
struct snek_function_info {
	size_t size;
	const char *name;               /* PLUGIN, or PLUGIN.OP */
	const char *summary, *version;
	const char *origin;             /* "registered", "shipped" or "file" */
	const char *path;               /* of the plugin or library, or NULL */
	char sha256[65];
	uint64_t generation;            /* registered: 1, 2, ... at each change */
	const char *reducer;            /* its default; NULL: a list, or its own */
	size_t args;
	const struct snek_arg_info *arg;
	bool combines;                  /* it has combine and reduce */
	const char *kind;               /* "op", "url" or "call" */
	const char *url;                /* NULL: it is none */
	/* Of a C function; NULL: it is none.  library: without directories. */
	const char *library, *function, *signature, *fields;
	const struct snek_lambda_info *lambda;  /* its own; NULL: none */
};

/* Put a plugin into the cluster and register its ops.  replace: a name that
 * ships with snek, or belongs to another plugin, may be taken.  Unchanged
 * bytes change nothing.  out_changed may be NULL. */
SNEK_API int snek_function_add(snek_cluster *, const char *path, bool replace,
             bool *out_changed, struct snek_error *);
/* All ops of a plugin (by its name), or one. */
SNEK_API int snek_function_remove(snek_cluster *, const char *name,
             struct snek_error *);
/* cluster may be NULL: shipped ones only.  A registered one whose plugin is
 * damaged is left out, and after all others the listing fails. */
SNEK_API int snek_function_list(snek_cluster *,
             int (*visit)(void *, const struct snek_function_info *), void *,
             struct snek_error *);
/* What a function or a plugin file (a name with '/') is. */
SNEK_API int snek_function_find(snek_cluster *, const char *name,
             int (*visit)(void *, const struct snek_function_info *), void *,
             struct snek_error *);

struct snek_function_options {
	size_t size;
	bool replace;                   /* as above; put alone looks at it */
	bool trust;                     /* plugins say what they are in processes
	                                 * that are not confined */
	/* For what is no plugin: its name.  function NULL: path is a URL,
	 * https://, or http:// to this machine itself, which takes
	 * {"data":[...]} and answers a list; else path is a library, of which
	 * this function is called as by snek_job_call. */
	const char *name, *function, *signature, *fields;
	/* Put it into a Lambda of its own, too: made or changed, tried with a
	 * record of each type, and only then registered; NULL: no.  Of what is
	 * done already nothing is done again. */
	const struct snek_lambda_options *lambda;
	/* put calls it with each function as it is registered then; out_changed
	 * is set before.  A value other than 0 ends it with that value. */
	int (*added)(void *, const struct snek_function_info *);
	void *added_arg;
};
/* snek_function_add with options. */
SNEK_API int snek_function_put(snek_cluster *, const char *path,
             const struct snek_function_options *, bool *out_changed,
             struct snek_error *);
/* snek_function_find with options; name NULL: snek_function_list. */
SNEK_API int snek_function_visit(snek_cluster *, const char *name,
             const struct snek_function_options *,
             int (*visit)(void *, const struct snek_function_info *), void *,
             struct snek_error *);

/* ---- plugin files ---- */

enum snek_lint_verdict { SNEK_LINT_PASS, SNEK_LINT_WARN, SNEK_LINT_FAIL };

/* Lives until the visit returns. */
struct snek_lint_finding {
	size_t size;
	uint32_t verdict;               /* enum snek_lint_verdict */
	const char *check;              /* one word: "exports", "glibc" ... */
	const char *text;               /* what was found */
	const char *cure;               /* what to do; NULL for a PASS */
};

/* Would the plugin load here, elsewhere, and in the cloud?  It is read, never
 * loaded.  A file that is no plugin is a finding; SNEK_ENOENT, SNEK_EACCES. */
SNEK_API int snek_plugin_lint(const char *path,
             int (*visit)(void *, const struct snek_lint_finding *), void *,
             struct snek_error *);

/* ---- jobs ---- */

struct snek_job_stat {
	size_t size;
	uint32_t tasks, running, done, retries;
	uint64_t records_total, records_in, records_skipped, records_out;
	uint64_t bytes_in, keys;
	double seconds;                 /* since the start */
	uint64_t records_missing;       /* of records_total, to those in */
	uint32_t queued;                /* tasks that nothing is done for now */
	uint32_t throttled;             /* attempts that were not let in */
	/* Of a job that runs elsewhere: calls, what is billed for them by the
	 * prices of snek-query(1), and whether that is a guess. */
	uint64_t calls, billed_ms;
	double dollars;
	bool guessed;
	uint32_t calls_left;            /* that may be running, whether anybody
	                                 * waits for them or not ... */
	double seconds_left;            /* ... and for how long, at most */
};

/* A job over a category, or (both NULL) over what snek_job_read is given. */
SNEK_API int snek_job_new(snek_cluster *, const char *category, snek_job **out,
             struct snek_error *);
/* Records without a store; may be called again for more files.  Errors name
 * file:line:column; the job does not start after one.  A large file of lines is
 * read by as many threads as the setting workers says. */
SNEK_API int snek_job_read(snek_job *, int fd, const char *name,
             enum snek_format, struct snek_error *);
/* What to map: a registered or shipped function, or with '/' a plugin file
 * (FILE.so, or FILE.so:OP).  args is a JSON object or NULL. */
SNEK_API int snek_job_map(snek_job *, const char *function, const char *args,
             struct snek_error *);
/* Or a plain C function of any shared library (by path with '/', else by its
 * name, as in libm.so.6), called with fields of each record: the signature has
 * the letter of its result and, in brackets, those of its arguments, "d(dd)";
 * fields are paths with commas between, or NULL for the whole record.  The
 * last of these two calls counts. */
SNEK_API int snek_job_call(snek_job *, const char *library,
             const char *function, const char *sig, const char *fields,
             struct snek_error *);
/* One more argument as text, as on the command line. */
SNEK_API int snek_job_arg(snek_job *, const char *name, const char *value,
             struct snek_error *);
/* Records that the op sees in every task, by the name that it knows them by: a
 * category as it is at the start, or with a '/' in it (or for a job without a
 * cluster) a file of JSON lines, or of one array if it is named *.json. */
SNEK_API int snek_job_side(snek_job *, const char *name, const char *from,
             struct snek_error *);
/* That snek_result_write will be called with this category of the job's own
 * cluster, and such options, of which request_id and durability count.  Behind
 * a gateway the write is then made there, as soon as the job is done, and only
 * the receipt comes here; else this changes nothing. */
SNEK_API int snek_job_into(snek_job *, const char *category,
             const struct snek_writer_options *, struct snek_error *);
/* sum, count, min, max, mean, list, top, top=N; none; or a function. */
SNEK_API int snek_job_reduce(snek_job *, const char *reducer, struct snek_error *);
/* Settings by name:
 *   workers     to map with: processes, threads or calls at once; 0: one a
 *               processor, as many invocations as are let in, or 32 calls
 *   executor    processes (or local), threads, lambda, http; empty: what the
 *               function can: processes, or http for a URL
 *   batch       records in a call over HTTP; 0: as many as 1 MiB has
 *   call-timeout  seconds that one may take; 0: 60
 *   partitions  of the reduce stage; 0: chosen
 *   timeout     seconds for the whole job; 0: none
 *   attempts    tries a task may have; 0: 4
 *   keep-going  yes: a task that fails for good does not fail the job unless
 *               nothing is left; snek_job_missing lists what is missing; no
 *   order       key, value or -value (largest first); value.PATH and
 *               -value.PATH go by what lies at a path in the value
 *   limit       at most so many results; 0: all
 *   memory      bytes that all of the job may take, at least 16 MiB; past it,
 *               to temporary files; 0: half of the machine's memory or of
 *               what the cgroup allows
 *   tmp         directory for temporary files; "": $TMPDIR, else /tmp
 *   max-record, duplicates  as for a writer, for snek_job_read
 * and, for tests of ops, what may never show in a result:
 *   combine     auto; an op's combine is called never, once or often
 *   chunk-records  most records in a chunk, which may be a task (before the
 *               first snek_job_read); 0: as usual
 *   retry-first yes: what every first attempt gave is dropped; no */
SNEK_API int snek_job_set(snek_job *, const char *setting, const char *value,
             struct snek_error *);
/* Lines from plugins and the job itself, one call at a time; level is enum
 * snek_log_level.  Before the start: SNEK_EINVAL after it. */
SNEK_API int snek_job_on_log(snek_job *,
             void (*log)(void *, int level, const char *text), void *);
/* Checks everything, takes the snapshot and begins.  After a failure the
 * description may be mended and the job started again, unless it was
 * cancelled. */
SNEK_API int snek_job_start(snek_job *, struct snek_error *);
/* 1: done.  0: still running after timeout_ms (-1: wait for ever).  Negative:
 * failed, and why.  May be called again. */
SNEK_API int snek_job_wait(snek_job *, int timeout_ms, struct snek_error *);
/* Any thread, at any time, and async-signal-safe; wait then fails with
 * SNEK_ECANCELED. */
SNEK_API void snek_job_cancel(snek_job *);
SNEK_API int snek_job_stat(snek_job *, struct snek_job_stat *out);
SNEK_API int snek_job_counters(snek_job *,
             int (*visit)(void *, const char *name, int64_t value), void *);
/* What a job that keeps going has no answer for, and why: records that stand
 * next to each other in their write, or the keys of a partition.  A write is
 * named by its version, and its records are counted from 1. */
struct snek_missing {
	size_t size;
	uint32_t partition, partitions; /* not 0: of the keys, this one of so
	                                 * many; nothing but why follows */
	uint32_t shards;                /* where they are; more than one: on any
	                                 * of these; 0: read without a store */
	const uint32_t *shard;          /* until the visit returns */
	uint64_t records;
	uint64_t version, first;        /* all of them from here ... */
	uint64_t last_version, last;    /* ... to there, in the same write; */
	bool exact;                     /* false: so many among these, and last
	                                 * 0 is the end of last_version */
	int code;                       /* SNEK_E* */
	const char *reason;             /* until the visit returns */
};
/* Of a job that is done, else SNEK_EINVAL.  Nothing is missing without the
 * setting keep-going. */
SNEK_API int snek_job_missing(snek_job *,
             int (*visit)(void *, const struct snek_missing *), void *);
/* Cancels and joins first if need be. */
SNEK_API void snek_job_free(snek_job *);

/* Results of a job that is done. */
SNEK_API int snek_result_open(snek_job *, snek_result **out, struct snek_error *);
/* 1 and a pair, valid until the next call; 0 at the end.  The key of a listed
 * value that was emitted without one is null. */
SNEK_API int snek_result_next(snek_result *, struct snek_value *key,
             struct snek_value *value, struct snek_error *);
SNEK_API void snek_result_close(snek_result *);
/* True when values were reduced: pairs of key and value; false for a list. */
SNEK_API bool snek_result_is_reduced(const snek_result *);

/* All of it as one write into a category, a record each: its value, or with a
 * key {"key":...,"value":...}, as snek query prints them.  Waits for the job.
 * SNEK_EINVAL: something is missing (keep-going), and nothing was written; else
 * it fails as writers do.  The options are a writer's; out may be NULL. */
SNEK_API int snek_result_write(snek_job *, snek_cluster *to,
             const char *category, const struct snek_writer_options *,
             struct snek_receipt *out, struct snek_error *);

/* ---- values met in results ---- */

/* The value at a path ("a.b[0]"; "" is the value itself); SNEK_ENOENT. */
SNEK_API int snek_value_find(struct snek_value, const char *path,
             struct snek_value *out);
/* Begin with what is in an array or object; SNEK_ETYPE for another value. */
SNEK_API int snek_value_iterate(struct snek_value, struct snek_cursor *);
/* 1 and what comes next, with the name of a member (of an element: SNEK_NONE);
 * 0 at the end; SNEK_EFORMAT.  Views, as the value is. */
SNEK_API int snek_value_next(struct snek_cursor *, struct snek_value *name,
             struct snek_value *out);
/* As compact JSON; SNEK_EIO when the stream fails. */
SNEK_API int snek_value_json(struct snek_value, FILE *);
/* The order of keys: null, false, true, numbers, strings, arrays, objects. */
SNEK_API int snek_value_compare(struct snek_value, struct snek_value);

#ifdef __cplusplus
}
#endif

#include <snek/lambda.h>
#include <snek/stack.h>
#include <snek/cloud.h>
#include <snek/doctor.h>
#endif
