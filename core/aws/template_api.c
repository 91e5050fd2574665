/* SPDX-License-Identifier: MIT */
/* template_api.c - the HTTP API: every route asks for AWS's signature. */
#include "aws/template.h"

#include <stdio.h>
#include <string.h>

static const struct route {
	const char *id, *key, *function;
} routes[] = {
	{ "About", "GET /v1", "Find" },
	{ "Find", "GET /v1/{proxy+}", "Find" },
	{ "Results", "GET /v1/jobs/{proxy+}", "Query" },
	{ "Jobs", "GET /v1/jobs", "Query" },
	{ "Drop", "DELETE /v1/jobs/{proxy+}", "Query" },
	{ "Query", "POST /v1/query", "Query" },
	{ "Describe", "GET /v1/categories/{name}/paths", "Query" },
	{ "Stat", "GET /v1/stat", "Query" },
	{ "StatOne", "GET /v1/categories/{name}/stat", "Query" },
	{ "Gc", "POST /v1/gc", "Write" },
	{ "Records", "POST /v1/categories/{proxy+}", "Write" },
	{ "Parts", "PUT /v1/writes/{proxy+}", "Write" },
	{ "Commit", "POST /v1/writes/{proxy+}", "Write" },
	{ "Register", "PUT /v1/registry/{proxy+}", "Write" },
	{ "Remove", "DELETE /v1/{proxy+}", "Write" },
	{ "OldWrite", "POST /write", "Write" },
	{ "OldQuery", "POST /query", "Query" },
};

static void integration(struct sk_template *t, const char *function)
{
	sk_template_put(t, "'%sIntegration':{'Type':"
	    "'AWS::ApiGatewayV2::Integration','Properties':{'ApiId':"
	    "{'Ref':'Api'},'IntegrationType':'AWS_PROXY','IntegrationUri':"
	    "{'Fn::GetAtt':['%s','Arn']},'PayloadFormatVersion':'2.0',"
	    "'TimeoutInMillis':30000}}", function, function);
	sk_template_put(t, "'%sPermission':{'Type':'AWS::Lambda::Permission',"
	    "'Properties':{'FunctionName':{'Ref':'%s'},'Action':"
	    "'lambda:InvokeFunction','Principal':'apigateway.amazonaws.com',"
	    "'SourceArn':{'Fn::Sub':'arn:${AWS::Partition}:execute-api:"
	    "${AWS::Region}:${AWS::AccountId}:${Api}/*'}}}", function, function);
}

static void all_routes(struct sk_template *t)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		sk_template_put(t, "'%sRoute':{'Type':'AWS::ApiGatewayV2::Route',"
		    "'Properties':{'ApiId':{'Ref':'Api'},'RouteKey':'%s',"
		    "'AuthorizationType':'AWS_IAM','Target':{'Fn::Sub':"
		    "'integrations/${%sIntegration}'}}}", routes[i].id,
		    routes[i].key, routes[i].function);
}

static void stage(struct sk_template *t)
{
	sk_template_put(t, "'ApiLogs':{'Type':'AWS::Logs::LogGroup',"
	    "'DeletionPolicy':'Delete','UpdateReplacePolicy':'Delete',"
	    "'Properties':{'LogGroupName':'/aws/apigateway/%s',"
	    "'RetentionInDays':%u", t->o->name, t->o->log_retention);
	sk_template_tags(t, "api");
	sk_template_put(t, "}}");
	sk_template_put(t, "'Stage':{'Type':'AWS::ApiGatewayV2::Stage',"
	    "'Properties':{'ApiId':{'Ref':'Api'},'StageName':'$default',"
	    "'AutoDeploy':true,'DefaultRouteSettings':{'ThrottlingBurstLimit':"
	    "500,'ThrottlingRateLimit':1000,'DetailedMetricsEnabled':true},"
	    "'AccessLogSettings':{'DestinationArn':{'Fn::GetAtt':['ApiLogs',"
	    "'Arn']},'Format':'$context.requestId $context.identity.caller "
	    "$context.routeKey $context.status $context.responseLength "
	    "$context.integrationLatency'}}}");
}

static void alarm(struct sk_template *t, const char *id, const char *space,
    const char *metric, const char *dimension, const char *resource,
    const char *statistic, int threshold)
{
	sk_template_put(t, "'%sAlarm':{'Type':'AWS::CloudWatch::Alarm',"
	    "'Properties':{'AlarmDescription':'snek: %s of %s','Namespace':'%s',"
	    "'MetricName':'%s','Dimensions':[{'Name':'%s','Value':%s}],"
	    "'Statistic':'%s','Period':300,'EvaluationPeriods':1,'Threshold':%d,"
	    "'ComparisonOperator':'GreaterThanOrEqualToThreshold',"
	    "'TreatMissingData':'notBreaching'", id, metric, id, space, metric,
	    dimension, resource, statistic, threshold);
	sk_template_tags(t, id);
	sk_template_put(t, "}}");
}

static void alarms(struct sk_template *t)
{
	char id[24], resource[96];
	size_t i;

	for (i = 0; i < sk_template_functions; i++) {
		snprintf(resource, sizeof(resource), "{'Ref':'%s'}",
		    sk_template_function[i].id);
		alarm(t, sk_template_function[i].id, "AWS/Lambda", "Errors",
		    "FunctionName", resource, "Sum", 1);
	}
	for (i = 0; i <= t->o->shards; i++) {
		if (i)
			snprintf(id, sizeof(id), "Shard%zu", i - 1);
		else
			snprintf(id, sizeof(id), "Meta");
		snprintf(resource, sizeof(resource), "{'Fn::Sub':'${%s}-001'}", id);
		alarm(t, id, "AWS/ElastiCache", "DatabaseMemoryUsagePercentage",
		    "CacheClusterId", resource, "Maximum", 80);
	}
}

void sk_template_api(struct sk_template *t)
{
	size_t i;

	sk_template_put(t, "'Api':{'Type':'AWS::ApiGatewayV2::Api','Properties':{"
	    "'Name':'%s','ProtocolType':'HTTP','Description':'snek'}}",
	    t->o->name);
	for (i = 0; i < sk_template_functions; i++)
		if (strcmp(sk_template_function[i].id, "Coordinator"))
			integration(t, sk_template_function[i].id);
	all_routes(t);
	stage(t);
	alarms(t);
}
