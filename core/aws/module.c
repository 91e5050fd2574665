/* SPDX-License-Identifier: MIT */
/* module.c - the module snek-aws.so: what it gives, in one table. */
#include "aws/doctor.h"
#include "aws/logs.h"
#include "aws/outcome.h"
#include "aws/stack.h"

extern const struct sk_aws_ops snek_aws_ops;
__attribute__((visibility("default")))
const struct sk_aws_ops snek_aws_ops = {
	.version = SK_AWS_VERSION,
	.open = sk_aws_open,
	.close = sk_aws_close,
	.call = sk_aws_call,
	.begin = sk_aws_begin,
	.cancel = sk_aws_cancel,
	.step = sk_aws_step,
	.wake = sk_aws_wake,
	.cure = sk_aws_outcome_cure,
	.region = sk_aws_region,
	.who = sk_aws_who,
	.account = sk_aws_account,
	.presign = sk_aws_presign,
	.bundle = sk_bundle_make,
	.lambda_put = sk_lambda_put,
	.lambda_get = sk_lambda_get,
	.lambda_rollback = sk_lambda_rollback,
	.lambda_remove = sk_lambda_remove,
	.stack_template = sk_template_text,
	.stack_look = sk_stack_look,
	.stack_recall = sk_stack_recall,
	.stack_preview = sk_stack_preview,
	.stack_plan_free = sk_stack_plan_free,
	.stack_deploy = sk_stack_deploy,
	.stack_drift = sk_stack_drift,
	.stack_destroy = sk_stack_destroy,
	.stack_left = sk_stack_left,
	.logs_groups = sk_logs_groups,
	.logs_tail = sk_logs_tail,
	.doctor = sk_aws_doctor,
};
