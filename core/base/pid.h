/* SPDX-License-Identifier: MIT */
/* pid.h - which process this is. */
#ifndef SK_PID_H
#define SK_PID_H
#include <sys/types.h>

/* As getpid, without a system call: for what is asked with each read. */
pid_t sk_pid(void);
#endif
