/* SPDX-License-Identifier: MIT */
/* header.h - a header of a request, or a variable of an environment. */
#ifndef SK_AWS_HEADER_H
#define SK_AWS_HEADER_H

struct sk_aws_header {
	const char *name, *value;
};
#endif
