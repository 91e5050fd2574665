/* SPDX-License-Identifier: MIT */
/* template_code.c - the API's functions, each with a role and a log group of
 * its own. */
#include "aws/template.h"

#include <string.h>

const struct sk_template_function sk_template_function[] = {
	{ "Write", "takes records", 1769, 60, false },
	{ "Query", "begins queries, answers short ones", 1769, 60, true },
	{ "Find", "tells what there is", 512, 30, false },
	{ "Coordinator", "carries a query through", 1769, 900, true },
};
const size_t sk_template_functions =
    sizeof(sk_template_function) / sizeof(*sk_template_function);

/* AWS knows no narrower resource for the network interfaces of a function in a
 * VPC; the last statement keeps them from the function's own code. */
static void interfaces(struct sk_template *t, const char *id)
{
	sk_template_put(t, "{'Sid':'NetworkInterfaces','Effect':'Allow','Action':["
	    "'ec2:CreateNetworkInterface','ec2:DescribeNetworkInterfaces',"
	    "'ec2:DescribeSubnets','ec2:DeleteNetworkInterface',"
	    "'ec2:AssignPrivateIpAddresses','ec2:UnassignPrivateIpAddresses'],"
	    "'Resource':'*'}");
	sk_template_put(t, "{'Sid':'NotByTheCode','Effect':'Deny','Action':["
	    "'ec2:CreateNetworkInterface','ec2:DescribeNetworkInterfaces',"
	    "'ec2:DescribeSubnets','ec2:DeleteNetworkInterface',"
	    "'ec2:AssignPrivateIpAddresses','ec2:UnassignPrivateIpAddresses'],"
	    "'Resource':'*','Condition':{'ArnEquals':{'lambda:SourceFunctionArn':"
	    "{'Fn::Sub':'arn:${AWS::Partition}:lambda:${AWS::Region}:"
	    "${AWS::AccountId}:function:%s-%s'}}}}", t->o->name, id);
}

static void logs(struct sk_template *t, const char *id)
{
	sk_template_put(t, "{'Sid':'Log','Effect':'Allow','Action':["
	    "'logs:CreateLogStream','logs:PutLogEvents'],'Resource':"
	    "{'Fn::GetAtt':['%sLogs','Arn']}}", id);
}

void sk_template_store_rights(struct sk_template *t, const char *user,
    const char *other)
{
	uint32_t i;

	if (strcmp(t->o->auth, "iam")) {
		sk_template_put(t, "{'Sid':'Token','Effect':'Allow','Action':"
		    "'secretsmanager:GetSecretValue','Resource':"
		    "{'Ref':'Token'}}");
		return;
	}
	sk_template_put(t, "{'Sid':'Store','Effect':'Allow','Action':"
	    "'elasticache:Connect','Resource':[");
	sk_template_put(t, "{'Fn::Sub':'arn:${AWS::Partition}:elasticache:"
	    "${AWS::Region}:${AWS::AccountId}:replicationgroup:${Meta}'}");
	for (i = 0; i < t->o->shards; i++)
		sk_template_put(t, "{'Fn::Sub':'arn:${AWS::Partition}:elasticache:"
		    "${AWS::Region}:${AWS::AccountId}:replicationgroup:"
		    "${Shard%u}'}", i);
	sk_template_put(t, "{'Fn::GetAtt':['%sUser','Arn']}", user);
	if (other)
		sk_template_put(t, "{'Fn::GetAtt':['%sUser','Arn']}", other);
	sk_template_put(t, "]}");
}

/* Mappers are named STACK-fn-...: add-function makes them. */
static void invoke(struct sk_template *t)
{
	sk_template_put(t, "{'Sid':'Map','Effect':'Allow','Action':["
	    "'lambda:InvokeFunction','lambda:GetFunctionConcurrency'],"
	    "'Resource':[{'Fn::Sub':'arn:${AWS::Partition}:lambda:${AWS::Region}:"
	    "${AWS::AccountId}:function:%s-fn-*'},{'Fn::Sub':"
	    "'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:"
	    "function:%s-Coordinator'}]}", t->o->name, t->o->name);
	/* How many are let in is the account's: AWS knows no narrower. */
	sk_template_put(t, "{'Sid':'Limits','Effect':'Allow','Action':"
	    "'lambda:GetAccountSettings','Resource':'*'}");
}

static void trust(struct sk_template *t, const char *service)
{
	sk_template_put(t, "'AssumeRolePolicyDocument':{'Version':'2012-10-17',"
	    "'Statement':[{'Effect':'Allow','Principal':{'Service':'%s'},"
	    "'Action':'sts:AssumeRole'}]}", service);
}

static void role(struct sk_template *t, const struct sk_template_function *f)
{
	sk_template_put(t, "'%sRole':{'Type':'AWS::IAM::Role','Properties':{", f->id);
	trust(t, "lambda.amazonaws.com");
	sk_template_put(t, "'Policies':[{'PolicyName':'own','PolicyDocument':"
	    "{'Version':'2012-10-17','Statement':[");
	logs(t, f->id);
	/* Who invokes mappers signs the passwords that they log in with. */
	sk_template_store_rights(t, "Api", f->invokes ? "Mapper" : NULL);
	interfaces(t, f->id);
	if (f->invokes)
		invoke(t);
	sk_template_put(t, "]}}]");
	sk_template_tags(t, f->id);
	sk_template_put(t, "}}");
}

/* What mappers run as: add-function takes it. */
static void mapper_role(struct sk_template *t)
{
	sk_template_put(t, "'MapperRole':{'Type':'AWS::IAM::Role','Properties':{");
	trust(t, "lambda.amazonaws.com");
	sk_template_put(t, "'Policies':[{'PolicyName':'own','PolicyDocument':"
	    "{'Version':'2012-10-17','Statement':[");
	sk_template_put(t, "{'Sid':'Log','Effect':'Allow','Action':["
	    "'logs:CreateLogStream','logs:PutLogEvents'],'Resource':{'Fn::Sub':"
	    "'arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:"
	    "log-group:/aws/lambda/%s-fn-*:*'}}", t->o->name);
	interfaces(t, "fn-*");
	sk_template_put(t, "]}}]");
	sk_template_tags(t, "mapper");
	sk_template_put(t, "}}");
}

/* Whose passwords are presigned URLs that name the cache. */
static void caches(struct sk_template *t)
{
	uint32_t i;

	sk_template_put(t, "'SNEK_REDIS_USER':'%s-api'", t->o->name);
	sk_template_put(t, "'SNEK_MAPPER_USER':'%s-mapper'", t->o->name);
	sk_template_put(t, "'SNEK_CACHES':{'Fn::Join':[',',[{'Ref':'Meta'}");
	for (i = 0; i < t->o->shards; i++)
		sk_template_put(t, "{'Ref':'Shard%u'}", i);
	sk_template_put(t, "]]}");
}

static void environment(struct sk_template *t)
{
	uint32_t i;

	sk_template_put(t, "'Environment':{'Variables':{");
	sk_template_put(t, "'SNEK_STACK':'%s'", t->o->name);
	sk_template_put(t, "'SNEK_LEVEL':'%u'", t->o->level);
	sk_template_put(t, "'SNEK_META':{'Fn::Sub':"
	    "'rediss://${Meta.PrimaryEndPoint.Address}:6379'}");
	sk_template_put(t, "'SNEK_SHARDS':{'Fn::Join':[',',[");
	for (i = 0; i < t->o->shards; i++)
		sk_template_put(t, "{'Fn::Sub':'rediss://"
		    "${Shard%u.PrimaryEndPoint.Address}:6379'}", i);
	sk_template_put(t, "]]}");
	if (strcmp(t->o->auth, "iam"))
		sk_template_put(t, "'SNEK_TOKEN_SECRET':{'Ref':'Token'}");
	else
		caches(t);
	sk_template_put(t, "'SNEK_COORDINATOR':'%s-Coordinator'", t->o->name);
	sk_template_put(t, "}}");
}

static void log_group(struct sk_template *t, const char *id)
{
	sk_template_put(t, "'%sLogs':{'Type':'AWS::Logs::LogGroup','DeletionPolicy':"
	    "'Delete','UpdateReplacePolicy':'Delete','Properties':{'LogGroupName':"
	    "'/aws/lambda/%s-%s','RetentionInDays':%u", id, t->o->name, id,
	    t->o->log_retention);
	sk_template_tags(t, id);
	sk_template_put(t, "}}");
}

static void function(struct sk_template *t, const struct sk_template_function *f)
{
	uint32_t i;

	log_group(t, f->id);
	role(t, f);
	sk_template_put(t, "'%s':{'Type':'AWS::Lambda::Function','DependsOn':"
	    "['%sLogs'],'Properties':{'FunctionName':'%s-%s','Description':"
	    "'snek: %s','Runtime':'provided.al2023','Handler':'%s',"
	    "'Architectures':['x86_64'],'MemorySize':%u,'Timeout':%u,'Role':"
	    "{'Fn::GetAtt':['%sRole','Arn']}", f->id, f->id, t->o->name, f->id,
	    f->summary, f->id, f->memory_mb, f->timeout_s, f->id);
	sk_template_put(t, "'Code':{'S3Bucket':{'Ref':'Artifacts'},'S3Key':'%s'",
	    t->o->code_key);
	if (t->o->code_version)
		sk_template_put(t, "'S3ObjectVersion':'%s'", t->o->code_version);
	sk_template_put(t, "}");
	sk_template_put(t, "'VpcConfig':{'SecurityGroupIds':[{'Fn::GetAtt':["
	    "'ApiGroup','GroupId']}],'SubnetIds':[");
	for (i = 0; i < t->o->zones; i++)
		sk_template_put(t, "{'Ref':'Subnet%u'}", i);
	sk_template_put(t, "]}");
	environment(t);
	sk_template_tags(t, f->id);
	sk_template_put(t, "}}");
}

void sk_template_code(struct sk_template *t)
{
	size_t i;

	for (i = 0; i < sk_template_functions; i++)
		function(t, &sk_template_function[i]);
	mapper_role(t);
	/* Nobody calls it but the query's function; it is retried by hand-over. */
	sk_template_put(t, "'CoordinatorAsync':{'Type':"
	    "'AWS::Lambda::EventInvokeConfig','Properties':{'FunctionName':"
	    "{'Ref':'Coordinator'},'Qualifier':'$LATEST',"
	    "'MaximumRetryAttempts':2,'MaximumEventAgeInSeconds':900}}");
}
