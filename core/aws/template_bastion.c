/* SPDX-License-Identifier: MIT */
/*
 * template_bastion.c - a machine without a public address, reached through SSM,
 * to look at the servers from.  What it needs comes through the gateway endpoint
 * of S3: the system's packages, which lie there, and snek, from the artifacts'
 * bucket.  At every start it puts both in place anew.
 */
#include "aws/template.h"

#include "value/value.h"

#include <string.h>

static void role(struct sk_template *t)
{
	sk_template_put(t, "'BastionRole':{'Type':'AWS::IAM::Role','Properties':{"
	    "'AssumeRolePolicyDocument':{'Version':'2012-10-17','Statement':["
	    "{'Effect':'Allow','Principal':{'Service':'ec2.amazonaws.com'},"
	    "'Action':'sts:AssumeRole'}]},'Policies':[{'PolicyName':'own',"
	    "'PolicyDocument':{'Version':'2012-10-17','Statement':[");
	/* The agent of SSM; AWS knows no narrower resource for a channel. */
	sk_template_put(t, "{'Sid':'Session','Effect':'Allow','Action':["
	    "'ssm:UpdateInstanceInformation','ssmmessages:CreateControlChannel',"
	    "'ssmmessages:CreateDataChannel','ssmmessages:OpenControlChannel',"
	    "'ssmmessages:OpenDataChannel'],'Resource':'*'}");
	sk_template_put(t, "{'Sid':'Artifacts','Effect':'Allow','Action':["
	    "'s3:GetObject','s3:GetObjectVersion'],'Resource':"
	    "{'Fn::Sub':'${Artifacts.Arn}/*'}}");
	sk_template_store_rights(t, "Bastion", NULL);
	sk_template_put(t, "]}}]");
	sk_template_tags(t, "bastion");
	sk_template_put(t, "}}");
	sk_template_put(t, "'BastionProfile':{'Type':'AWS::IAM::InstanceProfile',"
	    "'Properties':{'Roles':[{'Ref':'BastionRole'}]}}");
}

/* Out to S3 and nowhere else of the world. */
static void way_to_s3(struct sk_template *t)
{
	sk_template_put(t, "'BastionToS3':{'Type':'AWS::EC2::SecurityGroupEgress',"
	    "'Properties':{'GroupId':{'Fn::GetAtt':['BastionGroup','GroupId']},"
	    "'DestinationPrefixListId':{'Ref':'" SK_TEMPLATE_S3_LIST "'},"
	    "'IpProtocol':'tcp','FromPort':443,'ToPort':443}}");
}

/* ---- what it does when it starts ---- */

/* In what follows ${...} is CloudFormation's. */
static const char head[] =
	"Content-Type: multipart/mixed; boundary=\"//\"\n"
	"MIME-Version: 1.0\n\n"
	"--//\n"
	"Content-Type: text/cloud-config; charset=\"us-ascii\"\n\n"
	"#cloud-config\n"
	"cloud_final_modules:\n"
	"- [scripts-user, always]\n\n"
	"--//\n"
	"Content-Type: text/x-shellscript; charset=\"us-ascii\"\n\n"
	"#!/bin/sh\n"
	"# Made by snek-deploy: redis-cli and snek, for the stack's servers.\n"
	"root=$BASTION_ROOT      # nothing, but in a test\n"
	"region=${AWS::Region}\n"
	"bucket=${Artifacts}\n";

static const char tail[] =
	"STACK\n"
	"try () {\n"
	"	for i in 1 2 3 4 5 6 7 8 9 10; do\n"
	"		\"$@\" && return\n"
	"		sleep $((i * 3))\n"
	"	done\n"
	"	echo \"snek: failed: $*\" >&2\n"
	"	exit 1\n"
	"}\n"
	"try dnf install -y -q redis6 unzip\n"
	"try aws s3 cp --region $region s3://$bucket/$key $root/opt/snek.zip\n"
	"rm -rf $root/opt/snek.new\n"
	"try unzip -q $root/opt/snek.zip -d $root/opt/snek.new\n"
	"rm -rf $root/opt/snek\n"
	"mv $root/opt/snek.new $root/opt/snek\n"
	"cat >$root/etc/snek/login <<'LOGIN'\n"
	"# Who we are to the servers, for a while: read by the commands.\n"
	"umask 077\n"
	"set -a\n"
	". ROOT/etc/snek/stack\n"
	"SNEK_AWS=ROOT/opt/snek/snek/snek-aws.so\n"
	"SNEK_TLS=ROOT/opt/snek/snek/snek-tls.so\n"
	"SNEK_PLUGIN_PATH=ROOT/opt/snek/snek/plugins\n"
	"SNEK_WORKER=ROOT/opt/snek/worker\n"
	"test ! -f /etc/pki/tls/certs/ca-bundle.crt ||\n"
	"	SSL_CERT_FILE=/etc/pki/tls/certs/ca-bundle.crt\n"
	"mkdir -p \"$HOME/.snek\" || exit\n"
	"in_snek () {\n"
	"	program=$1\n"
	"	shift\n"
	"	ROOT/opt/snek/snek/ld.so --inhibit-cache --library-path "
	"ROOT/opt/snek/snek ROOT/opt/snek/snek/$program \"$@\"\n"
	"}\n"
	"TMPDIR=$HOME/.snek in_snek snek-api login || exit\n"
	"SNEK_CONFIG=$HOME/.snek/snek.conf\n"
	"test -n \"$SNEK_CLUSTER\" || SNEK_CLUSTER=cloud\n"
	"set +a\n"
	"LOGIN\n"
	"cat >$root/opt/snek/worker <<'WORKER'\n"
	"#!/bin/sh\n"
	"exec ROOT/opt/snek/snek/ld.so --inhibit-cache --library-path "
	"ROOT/opt/snek/snek ROOT/opt/snek/snek/snek-worker \"$@\"\n"
	"WORKER\n"
	"cat >$root/usr/local/bin/snek <<'SNEK'\n"
	"#!/bin/sh\n"
	"# snek, to the stack's servers themselves; snek doctor looks at each.\n"
	". ROOT/etc/snek/login\n"
	"in_snek snek-whole \"$@\"\n"
	"SNEK\n"
	"cat >$root/usr/local/bin/snek-redis <<'REDIS'\n"
	"#!/bin/bash\n"
	"# redis-cli to the meta store, or to the shard of a number:\n"
	"# snek-redis meta|0|1|... [ARGUMENT...]\n"
	". ROOT/etc/snek/login\n"
	"case $1 in\n"
	"meta|'') n=1 ;;\n"
	"*) n=$(($1 + 2)) ;;\n"
	"esac\n"
	"shift\n"
	"url=$(sed -n 's/^server = //p' \"$SNEK_CONFIG\" | sed -n $n\"p\")\n"
	"test -n \"$url\" || { echo \"snek-redis: no such shard\" >&2; exit 3; }\n"
	"tls=$(echo \"$url\" | sed -n 's|^rediss:.*|--tls|p')\n"
	"url=$(echo \"$url\" | sed 's|^[a-z]*://||')\n"
	"user=$(echo \"$url\" | sed 's|:.*||')\n"
	"host=$(echo \"$url\" | sed 's|.*@||; s|:.*||')\n"
	"port=$(echo \"$url\" | sed 's|.*:||; s|/.*||')\n"
	"word=$(echo \"$url\" | sed 's|^[^:]*:||; s|@[^@]*$||; s|%|\\\\x|g')\n"
	"REDISCLI_AUTH=$(printf %b \"$word\")\n"
	"export REDISCLI_AUTH\n"
	"exec redis-cli $tls -h \"$host\" -p \"$port\" --no-auth-warning "
	"$(test -z \"$user\" || echo --user \"$user\") \"$@\"\n"
	"REDIS\n"
	"sed -i \"s|ROOT|$root|g\" $root/etc/snek/login $root/opt/snek/worker "
	"$root/usr/local/bin/snek $root/usr/local/bin/snek-redis\n"
	"chmod 755 $root/opt/snek/worker $root/usr/local/bin/snek "
	"$root/usr/local/bin/snek-redis\n"
	"command -v redis-cli >/dev/null ||\n"
	"	ln -sf \"$(command -v redis6-cli)\" $root/usr/local/bin/redis-cli\n"
	"--//--\n";

static bool put_servers(const struct sk_template *t, struct sk_buf *b)
{
	bool iam = !strcmp(t->o->auth, "iam");
	bool ok = sk_buf_printf(b, "SNEK_STACK=%s\nAWS_REGION=${AWS::Region}\n"
	    "SNEK_META=rediss://${Meta.PrimaryEndPoint.Address}:6379\n"
	    "SNEK_SHARDS=", t->o->name);
	uint32_t i;

	for (i = 0; ok && i < t->o->shards; i++)
		ok = sk_buf_printf(b, "%srediss://${Shard%u.PrimaryEndPoint."
		    "Address}:6379", i ? "," : "", i);
	if (!iam)
		return ok && sk_buf_printf(b, "\nSNEK_TOKEN_SECRET=${Token}\n");
	ok = ok && sk_buf_printf(b, "\nSNEK_REDIS_USER=%s-bastion\n"
	    "SNEK_CACHES=${Meta}", t->o->name);
	for (i = 0; ok && i < t->o->shards; i++)
		ok = sk_buf_printf(b, ",${Shard%u}", i);
	return ok && sk_buf_byte(b, '\n');
}

static void user_data(struct sk_template *t)
{
	struct sk_buf b = { 0 };
	bool ok = sk_buf_printf(&b, "%skey=%s\n"
	    "mkdir -p $root/etc/snek $root/opt $root/usr/local/bin\n"
	    "cat >$root/etc/snek/stack <<'STACK'\n", head, t->o->code_key) &&
	    put_servers(t, &b) && sk_buf_printf(&b, "%s", tail);

	sk_template_put(t, "'UserData':{'Fn::Base64':{'Fn::Sub':");
	if (!ok || !sk_json_write(t->out, sk_string(b.p, b.n)))
		t->nomem = true;
	sk_buf_free(&b);
	sk_template_put(t, "}}");
}

void sk_template_bastion(struct sk_template *t)
{
	role(t);
	way_to_s3(t);
	sk_template_put(t, "'Bastion':{'Type':'AWS::EC2::Instance','DependsOn':["
	    "'BastionToS3','BastionToEndpoint','S3Endpoint','SsmEndpoint'],"
	    "'Properties':{'ImageId':'{{resolve:ssm:/aws/service/"
	    "ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64}}',"
	    "'InstanceType':'t3.micro','IamInstanceProfile':"
	    "{'Ref':'BastionProfile'},'MetadataOptions':"
	    "{'HttpTokens':'required'},'BlockDeviceMappings':[{'DeviceName':"
	    "'/dev/xvda','Ebs':{'Encrypted':true,'VolumeSize':8,'VolumeType':"
	    "'gp3','DeleteOnTermination':true}}],'NetworkInterfaces':["
	    "{'DeviceIndex':'0','AssociatePublicIpAddress':false,'SubnetId':"
	    "{'Ref':'Subnet0'},'GroupSet':[{'Fn::GetAtt':['BastionGroup',"
	    "'GroupId']}]}]");
	user_data(t);
	sk_template_tags(t, "bastion");
	sk_template_put(t, "}}");
}

void sk_template_bastion_parameters(struct sk_template *t)
{
	sk_template_put(t, "'Parameters':{'" SK_TEMPLATE_S3_LIST "':{'Type':"
	    "'String','AllowedPattern':'pl-[0-9a-f]+','Description':'Of the "
	    "prefix list com.amazonaws.REGION.s3, which EC2 has in each "
	    "region'}}");
}
