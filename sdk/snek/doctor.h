/* SPDX-License-Identifier: MIT */
/* snek/doctor.h - what works and what does not; part of snek/snek.h, which
 * includes it. */
#ifndef SNEK_DOCTOR_H
#define SNEK_DOCTOR_H

#include <snek/snek.h>

#ifdef __cplusplus
extern "C" {
#endif

enum snek_verdict {
	SNEK_CHECK_PASS,
	SNEK_CHECK_WARN,                /* works, but see the cure */
	SNEK_CHECK_FAIL,                /* does not work */
	SNEK_CHECK_SKIP,                /* there is nothing to check */
};

/* Lives until the visit returns. */
struct snek_check {
	size_t size;
	uint32_t verdict;               /* enum snek_verdict */
	uint32_t reserved;
	const char *name;               /* one word; several may have the same */
	const char *text;               /* what was found */
	const char *cure;               /* what to do; NULL: nothing */
};

/* Check this library, this machine and a cluster (NULL: as for
 * snek_cluster_open; SKIP when there is none).  Loads the shipped plugins.
 * A check that fails is no error. */
SNEK_API int snek_doctor(const char *where,
             int (*visit)(void *, const struct snek_check *), void *,
             struct snek_error *);

/* NULL: as the cluster's profile, then the environment, says. */
struct snek_doctor_options {
	size_t size;
	const char *stack, *region, *aws_profile, *endpoint;
};
/* Check AWS for a cluster (as for snek_doctor): who we are there and how that is
 * known, what we may do, what the account lets in, the clock; and the stack, if
 * the cluster is one, with each hop from its API to each server.  Nothing is
 * changed.  A check that fails is no error. */
SNEK_API int snek_doctor_aws(const char *where,
             const struct snek_doctor_options *,
             int (*visit)(void *, const struct snek_check *), void *,
             struct snek_error *);

#ifdef __cplusplus
}
#endif
#endif
