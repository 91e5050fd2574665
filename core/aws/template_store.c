/* SPDX-License-Identifier: MIT */
/* template_store.c - shards and the meta store: replication groups with cluster
 * mode off, with TLS, encrypted, that drop nothing when they are full. */
#include "aws/template.h"

#include <stdio.h>
#include <string.h>

static bool is_valkey(const struct sk_template *t)
{
	return !strcmp(t->o->engine, "valkey");
}

static bool has_iam(const struct sk_template *t)
{
	return !strcmp(t->o->auth, "iam");
}

static void parameters(struct sk_template *t)
{
	sk_template_put(t, "'Parameters':{'Type':'AWS::ElastiCache::ParameterGroup',"
	    "'Properties':{'CacheParameterGroupFamily':'%s','Description':"
	    "'snek: refuse writes when full, leave room for the server',"
	    "'Properties':{'maxmemory-policy':'noeviction',"
	    "'reserved-memory-percent':'25'}", is_valkey(t) ? "valkey8" : "redis7");
	sk_template_tags(t, "parameters");
	sk_template_put(t, "}}");
}

static void subnets(struct sk_template *t)
{
	uint32_t i;

	sk_template_put(t, "'StoreSubnets':{'Type':'AWS::ElastiCache::SubnetGroup',"
	    "'Properties':{'Description':'snek','SubnetIds':[");
	for (i = 0; i < t->o->zones; i++)
		sk_template_put(t, "{'Ref':'Subnet%u'}", i);
	sk_template_put(t, "]");
	sk_template_tags(t, "store");
	sk_template_put(t, "}}");
}

/* What the least rights are is said in snek.conf(5). */
#define KEYS "resetkeys ~snek:* -@all +ping +info +role +client|id +client|setname " \
	"+select +time +type +exists +get +getrange +strlen +hget +hmget +hgetall " \
	"+hexists +hkeys +srandmember +zcount +zrange +zrangebylex +zrangebyscore " \
	"+zscan +zscore +eval +evalsha"
#define WRITES " +wait +set +hset +hsetnx +hdel +zadd +zrem +zremrangebyrank " \
	"+sadd +srem +unlink +rename +scan +expire"
/* A mapper reads; what is too large for its answer it keeps on a shard. */
#define KEEPS " +set +hset +expire +unlink"

static void user(struct sk_template *t, const char *id, const char *name,
    const char *rights)
{
	sk_template_put(t, "'%sUser':{'Type':'AWS::ElastiCache::User','Properties':"
	    "{'UserId':'%s-%s','UserName':'%s-%s','Engine':'%s','AccessString':"
	    "'on %s','AuthenticationMode':{'Type':'iam'}", id, t->o->name, name,
	    t->o->name, name, t->o->engine, rights);
	sk_template_tags(t, name);
	sk_template_put(t, "}}");
}

static void users(struct sk_template *t)
{
	user(t, "Api", "api", KEYS WRITES);
	user(t, "Mapper", "mapper", KEYS KEEPS);
	if (t->o->bastion)
		user(t, "Bastion", "bastion", KEYS);
	if (!is_valkey(t)) {            /* Redis wants a default user: a dead one */
		sk_template_put(t, "'DefaultUser':{'Type':'AWS::ElastiCache::User',"
		    "'Properties':{'UserId':'%s-default','UserName':'default',"
		    "'Engine':'redis','AccessString':'off -@all',"
		    "'NoPasswordRequired':true", t->o->name);
		sk_template_tags(t, "default");
		sk_template_put(t, "}}");
	}
	sk_template_put(t, "'Users':{'Type':'AWS::ElastiCache::UserGroup',"
	    "'Properties':{'UserGroupId':'%s','Engine':'%s','UserIds':[",
	    t->o->name, t->o->engine);
	if (!is_valkey(t))
		sk_template_put(t, "{'Ref':'DefaultUser'}");
	sk_template_put(t, "{'Ref':'ApiUser'}");
	sk_template_put(t, "{'Ref':'MapperUser'}");
	if (t->o->bastion)
		sk_template_put(t, "{'Ref':'BastionUser'}");
	sk_template_put(t, "]");
	sk_template_tags(t, "users");
	sk_template_put(t, "}}");
}

static void secret(struct sk_template *t)
{
	sk_template_put(t, "'Token':{'Type':'AWS::SecretsManager::Secret',"
	    "'UpdateReplacePolicy':'Delete','DeletionPolicy':'Delete',"
	    "'Properties':{'Description':'snek: the token of its servers',"
	    "'GenerateSecretString':{'PasswordLength':64,"
	    "'ExcludePunctuation':true}");
	sk_template_tags(t, "token");
	sk_template_put(t, "}}");
}

static void server(struct sk_template *t, const char *id, const char *name)
{
	const struct sk_stack_options *o = t->o;

	sk_template_put(t, "'%s':{'Type':'AWS::ElastiCache::ReplicationGroup',"
	    "'UpdateReplacePolicy':'Snapshot','DeletionPolicy':'Delete',"
	    "'Properties':{'ReplicationGroupDescription':'snek: %s',"
	    "'Engine':'%s','EngineVersion':'%s','CacheNodeType':'%s',"
	    "'NumCacheClusters':%u,'AutomaticFailoverEnabled':%s,"
	    "'MultiAZEnabled':%s,'TransitEncryptionEnabled':true,"
	    "'TransitEncryptionMode':'required','AtRestEncryptionEnabled':true,"
	    "'CacheSubnetGroupName':{'Ref':'StoreSubnets'},"
	    "'CacheParameterGroupName':{'Ref':'Parameters'},"
	    "'SecurityGroupIds':[{'Fn::GetAtt':['StoreGroup','GroupId']}],"
	    "'Port':6379,'AutoMinorVersionUpgrade':true", id, name, o->engine,
	    is_valkey(t) ? "8.0" : "7.1", o->node, 1 + o->replicas,
	    o->replicas ? "true" : "false",
	    o->replicas && o->zones > 1 ? "true" : "false");
	/* These are sold with it alone. */
	if (!strncmp(o->node, "cache.r6gd.", 11))
		sk_template_put(t, "'DataTieringEnabled':true");
	if (has_iam(t))
		sk_template_put(t, "'UserGroupIds':[{'Ref':'Users'}]");
	else
		sk_template_put(t, "'AuthToken':{'Fn::Sub':"
		    "'{{resolve:secretsmanager:${Token}}}'}");
	sk_template_tags(t, name);
	sk_template_put(t, "}}");
}

void sk_template_store(struct sk_template *t)
{
	char id[24], name[24];
	uint32_t i;

	parameters(t);
	subnets(t);
	if (has_iam(t))
		users(t);
	else
		secret(t);
	server(t, "Meta", "meta");
	for (i = 0; i < t->o->shards; i++) {
		snprintf(id, sizeof(id), "Shard%u", i);
		snprintf(name, sizeof(name), "shard-%u", i);
		server(t, id, name);
	}
}
