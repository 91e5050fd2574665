/* SPDX-License-Identifier: MIT */
/*
 * function.h - what the host knows of functions: code, versions, aliases.
 * It runs nothing.
 *
 * A version is a snapshot that does not change while something runs on it:
 * an update of $LATEST puts another in its place.
 */
#ifndef SK_FUNCTION_H
#define SK_FUNCTION_H
#include "base/buf.h"
#include "base/err.h"
#include "host/log.h"

#define SK_ACCOUNT "000000000000"
#define SK_LATEST "$LATEST"

/* A zip, unpacked on the disk; shared by versions. */
struct sk_code {
	unsigned refs;
	char sha256[45];                /* base64, as Lambda says it */
	uint64_t size, unzipped;        /* bytes */
	char *dir;                      /* has "task/" and "zip" in it */
};
struct sk_code *sk_code_ref(struct sk_code *);
/* With the last reference its files go. */
void sk_code_unref(struct sk_code *);

enum sk_state { SK_PENDING, SK_ACTIVE };

struct sk_config {
	char runtime[32], role[513], handler[129], description[257], arch[8];
	uint32_t timeout_s, memory_mb, tmp_mb;
	struct sk_buf env;              /* "NAME=VALUE", a NUL behind each */
	/* JSON text that is kept and given back, or empty. */
	struct sk_buf vpc, tracing, logging;
};
int sk_config_copy(struct sk_config *, const struct sk_config *from);
void sk_config_free(struct sk_config *);

struct sk_version {
	unsigned refs;
	struct sk_function *function;
	struct sk_version *next;
	uint32_t number;                /* 0: $LATEST */
	char revision[37], modified[32];
	char from[37];                  /* the revision that was published */
	struct sk_config config;
	struct sk_code *code;
	bool retired;                   /* nothing new is started on it */
};
struct sk_version *sk_version_ref(struct sk_version *);
void sk_version_unref(struct sk_version *);
/* "$LATEST" or its number. */
void sk_version_text(const struct sk_version *, char to[16]);

struct sk_alias {
	struct sk_alias *next;
	char name[129], description[257], revision[37];
	uint32_t version;               /* 0: $LATEST */
	uint32_t other;                 /* that gets weight of it; weight 0: none */
	double weight;
};

struct sk_tag {
	struct sk_tag *next;
	char *key, *value;
};

struct sk_function {
	unsigned refs;
	struct sk_function *next;
	char name[65], region[33];
	bool deleted;
	enum sk_state state;            /* SK_PENDING: since it was created */
	bool updating;                  /* LastUpdateStatus is InProgress */
	struct sk_version *latest;      /* as it is told */
	struct sk_version *serving;     /* what $LATEST runs: before an update
					 * has ended, what was there before */
	struct sk_version *versions;    /* published; the newest first */
	struct sk_alias *aliases;       /* by name */
	struct sk_tag *tags;            /* by key */
	int64_t reserved;               /* concurrency; -1: none */
	uint32_t last_number;
	uint32_t running;               /* invocations */
	struct sk_log *log;
};

struct sk_registry {
	struct sk_function *first;      /* by name */
	size_t count;
};

struct sk_function *sk_function_find(const struct sk_registry *, const char *name);
/* A new one, not in the registry yet; one reference. */
struct sk_function *sk_function_new(const char *name, const char *region);
void sk_function_insert(struct sk_registry *, struct sk_function *);
/* Its own reference goes; what still runs on it has others. */
void sk_function_remove(struct sk_registry *, struct sk_function *);
void sk_function_unref(struct sk_function *);

/* Put a version in $LATEST's place; code and config are copied.  It becomes
 * what is served with sk_function_serve. */
int sk_function_update(struct sk_function *, const struct sk_config *,
    struct sk_code *);
void sk_function_serve(struct sk_function *);
/* A version of $LATEST as it is, or the last one when nothing has changed. */
int sk_function_publish(struct sk_function *, const char *description,
    struct sk_version **);
struct sk_version *sk_function_version(struct sk_function *, uint32_t number);
/* A published one, if it is there. */
void sk_function_drop_version(struct sk_function *, uint32_t number);

struct sk_alias *sk_alias_find(const struct sk_function *, const char *name);
struct sk_alias *sk_alias_add(struct sk_function *, const char *name);
/* All but its name, with a new revision. */
void sk_alias_set(struct sk_alias *, const struct sk_alias *from);
void sk_alias_remove(struct sk_function *, struct sk_alias *);

/* What a qualifier ("" is $LATEST, a number, an alias) means: the version, or
 * NULL.  draw, of [0, 1), decides where an alias has two. */
struct sk_version *sk_function_resolve(struct sk_function *, const char *qualifier,
    double draw);

/* Set a tag, or with value NULL remove it. */
int sk_tag_set(struct sk_function *, const char *key, const char *value);

/* A random UUID; the time as Lambda writes it. */
void sk_uuid(char to[37]);
void sk_time_text(char to[32]);
#endif
