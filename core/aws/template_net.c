/* SPDX-License-Identifier: MIT */
/* template_net.c - a network without a way out: private subnets, endpoints for
 * what is called, and groups that let in each other alone. */
#include "aws/template.h"

#include <string.h>

/* An id is the same zone in all accounts, a name is not; us-east-1 has one that
 * lacks half of what is wanted. */
static void zone(struct sk_template *t, uint32_t i)
{
	const char *names = t->o->zone_names, *name;
	int n;

	if (!names) {
		sk_template_put(t, "'AvailabilityZone':{'Fn::Select':[%u,"
		    "{'Fn::GetAZs':''}]}", i);
		return;
	}
	n = (int)sk_template_zone(names, i, &name);
	sk_template_put(t, memmem(name, (size_t)n, "-az", 3) ?
	    "'AvailabilityZoneId':'%.*s'" : "'AvailabilityZone':'%.*s'", n, name);
}

static void vpc(struct sk_template *t)
{
	uint32_t i;

	sk_template_put(t, "'Vpc':{'Type':'AWS::EC2::VPC','Properties':{"
	    "'CidrBlock':'10.37.0.0/16','EnableDnsSupport':true,"
	    "'EnableDnsHostnames':true");
	sk_template_tags(t, "vpc");
	sk_template_put(t, "}}");
	sk_template_put(t, "'Routes':{'Type':'AWS::EC2::RouteTable','Properties':{"
	    "'VpcId':{'Ref':'Vpc'}");
	sk_template_tags(t, "routes");
	sk_template_put(t, "}}");
	for (i = 0; i < t->o->zones; i++) {
		sk_template_put(t, "'Subnet%u':{'Type':'AWS::EC2::Subnet',"
		    "'Properties':{'VpcId':{'Ref':'Vpc'},'CidrBlock':"
		    "'10.37.%u.0/20','MapPublicIpOnLaunch':false", i, i * 16);
		zone(t, i);
		sk_template_tags(t, "subnet");
		sk_template_put(t, "}}");
		sk_template_put(t, "'Route%u':{'Type':"
		    "'AWS::EC2::SubnetRouteTableAssociation','Properties':{"
		    "'SubnetId':{'Ref':'Subnet%u'},'RouteTableId':"
		    "{'Ref':'Routes'}}}", i, i);
	}
}

/* A group lets nothing in and nothing out but what rules beside it say: an
 * egress of its own takes the place of the one that AWS would add. */
static void group(struct sk_template *t, const char *id, const char *what)
{
	sk_template_put(t, "'%s':{'Type':'AWS::EC2::SecurityGroup'", id);
	/* By the mappers' role Lambda takes its interfaces out of their group: the
	 * role is to go last. */
	if (!strcmp(id, "MapperGroup"))
		sk_template_put(t, "'DependsOn':'MapperRole'");
	sk_template_put(t, "'Properties':{'GroupDescription':'snek: %s',"
	    "'VpcId':{'Ref':'Vpc'},"
	    "'SecurityGroupEgress':[{'IpProtocol':'icmp','FromPort':252,"
	    "'ToPort':86,'CidrIp':'255.255.255.255/32','Description':"
	    "'nothing'}]", what);
	sk_template_tags(t, what);
	sk_template_put(t, "}}");
}

static void let(struct sk_template *t, const char *from, const char *to, int port)
{
	sk_template_put(t, "'%sTo%s':{'Type':'AWS::EC2::SecurityGroupEgress',"
	    "'Properties':{'GroupId':{'Fn::GetAtt':['%sGroup','GroupId']},"
	    "'DestinationSecurityGroupId':{'Fn::GetAtt':['%sGroup','GroupId']},"
	    "'IpProtocol':'tcp','FromPort':%d,'ToPort':%d}}", from, to, from, to,
	    port, port);
	sk_template_put(t, "'%sFrom%s':{'Type':'AWS::EC2::SecurityGroupIngress',"
	    "'Properties':{'GroupId':{'Fn::GetAtt':['%sGroup','GroupId']},"
	    "'SourceSecurityGroupId':{'Fn::GetAtt':['%sGroup','GroupId']},"
	    "'IpProtocol':'tcp','FromPort':%d,'ToPort':%d}}", to, from, to, from,
	    port, port);
}

static void groups(struct sk_template *t)
{
	group(t, "ApiGroup", "api");
	group(t, "MapperGroup", "mapper");
	group(t, "StoreGroup", "store");
	group(t, "EndpointGroup", "endpoint");
	let(t, "Api", "Store", 6379);
	let(t, "Mapper", "Store", 6379);
	let(t, "Api", "Endpoint", 443);
	if (t->o->bastion) {
		group(t, "BastionGroup", "bastion");
		let(t, "Bastion", "Store", 6379);
		let(t, "Bastion", "Endpoint", 443);
	}
}

static void endpoint(struct sk_template *t, const char *id, const char *service)
{
	uint32_t i;

	sk_template_put(t, "'%sEndpoint':{'Type':'AWS::EC2::VPCEndpoint',"
	    "'Properties':{'VpcId':{'Ref':'Vpc'},'VpcEndpointType':'Interface',"
	    "'ServiceName':{'Fn::Sub':'com.amazonaws.${AWS::Region}.%s'},"
	    "'PrivateDnsEnabled':true,'SecurityGroupIds':[{'Fn::GetAtt':["
	    "'EndpointGroup','GroupId']}],'SubnetIds':[", id, service);
	for (i = 0; i < t->o->zones; i++)
		sk_template_put(t, "{'Ref':'Subnet%u'}", i);
	sk_template_put(t, "]}}");
}

/* What a bastion is made of lies there. */
static void s3_endpoint(struct sk_template *t)
{
	sk_template_put(t, "'S3Endpoint':{'Type':'AWS::EC2::VPCEndpoint',"
	    "'Properties':{'VpcId':{'Ref':'Vpc'},'VpcEndpointType':'Gateway',"
	    "'ServiceName':{'Fn::Sub':'com.amazonaws.${AWS::Region}.s3'},"
	    "'RouteTableIds':[{'Ref':'Routes'}]}}");
}

static void endpoints(struct sk_template *t)
{
	endpoint(t, "Lambda", "lambda");
	if (!strcmp(t->o->auth, "token"))
		endpoint(t, "Secrets", "secretsmanager");
	if (!t->o->bastion)
		return;
	/* SSM's agent wants no ec2messages since its 3.3.40. */
	endpoint(t, "Ssm", "ssm");
	endpoint(t, "SsmMessages", "ssmmessages");
	s3_endpoint(t);
}

void sk_template_net(struct sk_template *t)
{
	vpc(t);
	groups(t);
	endpoints(t);
}
