/* SPDX-License-Identifier: MIT */
/* template_bastion.c - a machine without a public address, reached through SSM,
 * to look at the servers from. */
#include "aws/template.h"

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
	sk_template_put(t, "{'Sid':'Artifacts','Effect':'Allow','Action':"
	    "'s3:GetObject','Resource':{'Fn::Sub':'${Artifacts.Arn}/*'}}");
	sk_template_put(t, "]}}]");
	sk_template_tags(t, "bastion");
	sk_template_put(t, "}}");
	sk_template_put(t, "'BastionProfile':{'Type':'AWS::IAM::InstanceProfile',"
	    "'Properties':{'Roles':[{'Ref':'BastionRole'}]}}");
}

void sk_template_bastion(struct sk_template *t)
{
	role(t);
	sk_template_put(t, "'Bastion':{'Type':'AWS::EC2::Instance','Properties':{"
	    "'ImageId':'{{resolve:ssm:/aws/service/ami-amazon-linux-latest/"
	    "al2023-ami-kernel-default-x86_64}}','InstanceType':'t3.nano',"
	    "'IamInstanceProfile':{'Ref':'BastionProfile'},'MetadataOptions':"
	    "{'HttpTokens':'required'},'BlockDeviceMappings':[{'DeviceName':"
	    "'/dev/xvda','Ebs':{'Encrypted':true,'VolumeSize':8,'VolumeType':"
	    "'gp3','DeleteOnTermination':true}}],'NetworkInterfaces':["
	    "{'DeviceIndex':'0','AssociatePublicIpAddress':false,'SubnetId':"
	    "{'Ref':'Subnet0'},'GroupSet':[{'Fn::GetAtt':['BastionGroup',"
	    "'GroupId']}]}]");
	sk_template_tags(t, "bastion");
	sk_template_put(t, "}}");
}
