# SPDX-License-Identifier: MIT
"""Templates of stacks, for option after option, by rules of ours.

template.py TOOL [DIRECTORY]: runs TOOL (tests/stack_tool); with a directory,
leaves the templates there.
"""
import graphlib
import itertools
import json
import os
import re
import subprocess
import sys

TOOL = sys.argv[1]
PSEUDO = {'AWS::Region', 'AWS::AccountId', 'AWS::Partition', 'AWS::StackName'}
# Where AWS knows no narrower resource.
STARS = {'Limits', 'NetworkInterfaces', 'NotByTheCode', 'Session'}


def combinations():
    code = 'code=snek-api.zip'
    yield 'bucket', []
    for engine, auth, bastion in itertools.product(
            ('valkey', 'redis'), ('iam', 'token'), (0, 1)):
        for shards, replicas, zones in (1, 0, 1), (2, 1, 2), (8, 0, 1), (3, 2, 3):
            yield (f'{engine}-{auth}-{bastion}-{shards}-{replicas}-{zones}',
                   [code, f'engine={engine}', f'auth={auth}', f'zones={zones}',
                    f'bastion={bastion}', f'shards={shards}',
                    f'replicas={replicas}'])
    yield 'largest', [code, 'shards=27', 'bastion=1', 'zones=6', 'replicas=5',
                      *(f'tag:t{i}={"v" * 20}' for i in range(10))]
    yield 'zones', [code, 'zone-names=us-east-1b,use1-az4']
    yield 'tiered', [code, 'node=cache.r6gd.xlarge']
    yield 'other', [code, 'level=1', 'logs=365', 'node=cache.r7g.large',
                    'tag:team=a b', 'tag:cost-centre=1/2']


def make(options):
    return subprocess.run([TOOL, 'template', 'one', *options], check=True,
                          capture_output=True, text=True).stdout


def walk(value, path=()):
    yield path, value
    if isinstance(value, dict):
        for k, v in value.items():
            yield from walk(v, path + (k,))
    elif isinstance(value, list):
        for i, v in enumerate(value):
            yield from walk(v, path + (i,))


def script_of(user_data):
    """The part that a shell runs."""
    return user_data.split('x-shellscript; charset="us-ascii"\n\n')[1].split(
        '--//--')[0]


def as_list(v):
    return v if isinstance(v, list) else [v]


class Rules:
    def __init__(self, name, text):
        self.name, self.text = name, text
        self.t = json.loads(text, object_pairs_hook=self.once)
        self.r = self.t['Resources']
        self.bad = []

    @staticmethod
    def once(pairs):
        """No name twice in an object."""
        assert len({k for k, _ in pairs}) == len(pairs), pairs
        return dict(pairs)

    def of(self, kind):
        return [(k, r.get('Properties', {})) for k, r in self.r.items()
                if r['Type'] == kind]

    def must(self, true, where, what):
        if not true:
            self.bad.append(f'{self.name}: {where}: {what}')

    def sizes(self):
        self.must(len(self.text) <= 1000000, 'template', 'over 1 MB')
        self.must(len(self.r) <= 500, 'template', f'{len(self.r)} resources')
        self.must(len(self.t['Outputs']) <= 200, 'template', 'outputs')
        for k in list(self.r) + list(self.t['Outputs']):
            self.must(re.fullmatch('[A-Za-z0-9]{1,255}', k), k, 'its name')

    @staticmethod
    def named_by(v):
        if not isinstance(v, dict):
            return []
        names = [v['Ref']] if 'Ref' in v else []
        if 'Fn::GetAtt' in v:
            names.append(v['Fn::GetAtt'][0])
        if 'Fn::Sub' in v:
            names += [n.split('.')[0] for n in
                      re.findall(r'\$\{([^}]+)\}', v['Fn::Sub'])]
        return names + as_list(v.get('DependsOn', []))

    def references(self):
        for path, v in walk(self.t):
            for n in self.named_by(v):
                self.must(n in self.r or n in PSEUDO or
                          n in self.t.get('Parameters', {}), path, f'no {n}')
        needs = {k: {n for _, v in walk(r) for n in self.named_by(v)}
                 for k, r in self.r.items()}
        try:
            graphlib.TopologicalSorter(needs).prepare()
        except graphlib.CycleError as e:
            self.must(False, 'template', f'a circle: {e.args[1]}')

    def statements(self):
        for path, v in walk(self.t):
            if not (isinstance(v, dict) and 'Effect' in v):
                continue
            stars = any('*' in a for a in as_list(v['Action']))
            if v['Effect'] == 'Allow':
                self.must(not stars, path, f'action {v["Action"]}')
                self.must(v.get('Principal') != '*', path, 'anybody')
                self.must('*' not in as_list(v.get('Resource', [])) or
                          v.get('Sid') in STARS, path, 'resource *')
        for k, p in self.of('AWS::IAM::Role'):
            said = json.dumps(p)
            self.must('NetworkInterfaces' not in said or 'NotByTheCode' in said,
                      k, 'its code may make interfaces')
            self.must('logs:CreateLogGroup' not in said, k, 'makes log groups')
            self.must(('lambda:InvokeFunction' in said) ==
                      ('lambda:GetAccountSettings' in said), k,
                      'how many invocations are let in')

    def network(self):
        for path, v in walk(self.t):
            self.must(v not in ('0.0.0.0/0', '::/0'), path, 'open')
        kinds = {r['Type'] for r in self.r.values()}
        self.must(not kinds & {'AWS::EC2::NatGateway', 'AWS::EC2::EIP',
                               'AWS::EC2::InternetGateway'}, 'net', 'a way out')
        for k, p in self.of('AWS::EC2::SecurityGroupEgress'):
            self.must('DestinationSecurityGroupId' in p or
                      (k == 'BastionToS3' and 'DestinationPrefixListId' in p),
                      k, 'out to anywhere')
        for k, p in self.of('AWS::EC2::SecurityGroupIngress'):
            self.must('SourceSecurityGroupId' in p, k, 'not by group')
        for k, p in self.of('AWS::EC2::SecurityGroup'):
            self.must('SecurityGroupIngress' not in p, k, 'lets in')
            self.must(k != 'MapperGroup' or
                      self.r[k]['DependsOn'] == 'MapperRole', k,
                      'its role would go first')
        for k, p in self.of('AWS::EC2::Subnet'):
            self.must(p['MapPublicIpOnLaunch'] is False, k, 'public')
            self.must('AvailabilityZone' in p or 'az' in
                      p['AvailabilityZoneId'], k, 'where')
        for k, p in self.of('AWS::EC2::Instance'):
            self.must(all(i['AssociatePublicIpAddress'] is False for i in
                          p['NetworkInterfaces']), k, 'public')
            self.must(p['MetadataOptions']['HttpTokens'] == 'required', k,
                      'metadata')

    def endpoints(self):
        """Only what somebody may call, and only for those who may."""
        said = json.dumps([p for _, p in self.of('AWS::IAM::Role')])
        for k, p in self.of('AWS::EC2::VPCEndpoint'):
            service = p['ServiceName']['Fn::Sub'].split('.')[-1]
            self.must(f'"{service}:' in said, k, 'nobody calls it')
        for k, p in self.of('AWS::EC2::SecurityGroupEgress'):
            self.must(k != 'MapperToEndpoint', k, 'mappers call nothing')

    def kept_safe(self):
        for k, p in self.of('AWS::ElastiCache::ReplicationGroup'):
            self.must(p['AtRestEncryptionEnabled'] and
                      p['TransitEncryptionEnabled'], k, 'plain')
            self.must('UserGroupIds' in p or 'AuthToken' in p, k, 'for anybody')
        for k, p in self.of('AWS::ElastiCache::ParameterGroup'):
            self.must(p['Properties']['maxmemory-policy'] == 'noeviction', k,
                      'drops data')
        for k, p in self.of('AWS::S3::Bucket'):
            self.must('BucketEncryption' in p and 'PublicAccessBlockConfiguration'
                      in p and p['VersioningConfiguration']['Status'] ==
                      'Enabled', k, 'plain')
        for k, p in self.of('AWS::Logs::LogGroup'):
            self.must(p.get('RetentionInDays'), k, 'kept for ever')
        for k, p in self.of('AWS::EC2::Instance'):
            self.must(all(d['Ebs']['Encrypted'] for d in
                          p['BlockDeviceMappings']), k, 'plain')
            text = p['UserData']['Fn::Base64']['Fn::Sub']
            self.must(len(text) < 12000, k, f'user data of {len(text)}')
            self.must(subprocess.run(
                ['sh', '-n'], input=script_of(text), text=True).returncode == 0,
                k, 'its script is none')
        for k, p in self.of('AWS::ApiGatewayV2::Route'):
            self.must(p['AuthorizationType'] == 'AWS_IAM', k, 'for anybody')

    def tiers(self):
        for k, p in self.of('AWS::ElastiCache::ReplicationGroup'):
            self.must(('r6gd' in p['CacheNodeType']) ==
                      p.get('DataTieringEnabled', False), k, 'tiers')

    def size_of(self, v):
        """About so many bytes, once it is known."""
        if isinstance(v, str):
            return len(v)
        if isinstance(v, list):
            return sum(self.size_of(x) + 1 for x in v)
        if 'Fn::Sub' in v:
            return 95           # rediss://master....cache.amazonaws.com:6379
        return 40 if 'Ref' in v else sum(   # of a server at most
            (0 if k.startswith('Fn::') else len(k)) + self.size_of(x)
            for k, x in v.items())

    def functions(self):
        for k, p in self.of('AWS::Lambda::Function'):
            self.must(f'{k}Logs' in self.r and f'{k}Role' in self.r and
                      f'{k}Alarm' in self.r, k, 'log, role or alarm')
            self.must('VpcConfig' in p, k, 'outside')
            size = self.size_of(p['Environment']['Variables'])
            self.must(size < 4096, k, f'environment of {size}')
        for path, v in walk(self.t):
            self.must(not (isinstance(v, str) and 'AKIA' in v), path, 'a secret')

    def check(self):
        self.sizes()
        self.references()
        self.statements()
        self.network()
        self.endpoints()
        self.kept_safe()
        self.tiers()
        self.functions()
        return self.bad


def main():
    bad, n = [], 0
    for name, options in combinations():
        text = make(options)
        assert text == make(options), f'{name}: other bytes the second time'
        bad += Rules(name, text).check()
        n += 1
        if len(sys.argv) > 2:
            with open(os.path.join(sys.argv[2], f'{name}.json'), 'w',
                      encoding='utf-8') as f:
                f.write(text)
    print('\n'.join(bad))
    print(f'{n} templates')
    sys.exit(1 if bad or n < 30 else 0)


main()
