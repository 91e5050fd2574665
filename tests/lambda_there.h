/* SPDX-License-Identifier: MIT */
/*
 * lambda_there.h - one function of AWS Lambda as it would be there, behind an
 * HTTP server on loopback: what is changed shows, and anything can go wrong.
 */
#ifndef LAMBDA_THERE_H
#define LAMBDA_THERE_H
#include <stdbool.h>

#include "web.h"

enum lambda_fault {
	FAULT_NONE,
	FAULT_STATUS,                   /* refused with status and type */
	FAULT_DROP,                     /* the connection ends, nothing is done */
	FAULT_LOST,                     /* it is done, the answer is lost */
	FAULT_BODY,                     /* it is done; body is what is answered */
};

struct lambda_config {
	char role[128], env[256], sha[64], arch[16], description[200];
	char network[256];              /* VpcConfig */
	int memory, timeout;
};

struct lambda_there {
	/* What is there. */
	bool exists;
	struct lambda_config latest;
	struct lambda_config version[100];      /* from 1 on; sha "": none */
	int versions, alias, revision;
	char tags[256];
	bool failed;                    /* its last change */
	bool bucket, object, foreign_bucket;
	bool logged;                    /* it has a log group, */
	int log_days;                   /* kept so long */

	/* What is counted. */
	int creations, code_changes, changes, uploads, asked;
	char log[4096];                 /* "POST functions\n" ... */

	/* What goes wrong: with the requests from at on, as many as times. */
	struct {
		enum lambda_fault kind;
		int at, times;
		unsigned status;
		const char *type, *message, *body;
	} fault;
	int settling;                   /* looks until a change is done */
	int role_unknown;               /* creations refused for it */
	bool fails;                     /* each change will, in the end */
	bool vanishes;                  /* with the first change of its code */
	int busy;                       /* (now) looks that are left */
};

/* For web_start; arg: a struct lambda_there. */
void lambda_there(void *arg, const struct web_request *, struct web_answer *);
#endif
