# SPDX-License-Identifier: MIT
"""snek doctor --aws at a fake AWS.

doctor_aws.py SNEK: runs SNEK.
"""
import inspect
import json
import os
import subprocess
import sys
import tempfile

import fake_aws

SNEK, = sys.argv[1:]
OWN = 'Write', 'Query', 'Find', 'Coordinator'
WELL = {'checks': [
    {'verdict': 'pass', 'name': 'connect', 'text': 'rediss://meta:6379',
     'cure': None},
    {'verdict': 'pass', 'name': 'cluster', 'text': '2 shards', 'cure': None}],
    'well': True}


class World:
    def __init__(self):
        self.cloud = c = fake_aws.Cloud()
        self.server = fake_aws.Server(c)
        self.dir = tempfile.TemporaryDirectory()
        self.conf = os.path.join(self.dir.name, 'snek.conf')
        s = fake_aws.Stack('one', c.number())
        s.status = 'UPDATE_COMPLETE'
        s.resources = {'Artifacts': {'Type': 'AWS::S3::Bucket'},
                       'Api': {'Type': 'AWS::ApiGatewayV2::Api'}}
        c.stacks.append(s)
        c.outputs = {'Api': self.server.url, 'Meta': 'meta.x',
                     'Shard0': 's0.x', 'Shard1': 's1.x', 'Subnets': 'subnet-1'}
        c.caches = [('one-meta', 'meta.x', 'available'),
                    ('one-0', 's0.x', 'available'),
                    ('other', 'else.x', 'deleting'),
                    ('one-1', 's1.x', 'available')]
        c.states = {f'one-{f}': {'State': 'Active',
                                 'LastUpdateStatus': 'Successful'}
                    for f in OWN}
        c.health = (200, WELL)
        self.profile('subnet-1')

    def profile(self, subnets):
        with open(self.conf, 'w') as f:
            f.write(f'[one]\ncluster = {self.server.url}\n'
                    'lambda-region = eu-west-1\nlambda-stack = one\n'
                    f'lambda-subnets = {subnets}\n')
        os.chmod(self.conf, 0o600)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.server.stop()
        self.dir.cleanup()
        if self.cloud.wrong:
            raise AssertionError(f'requests: {self.cloud.wrong}')

    def doctor(self, *args, expect=0, key=True):
        """Lines of verdict, name, text and cure."""
        env = dict(os.environ, AWS_ENDPOINT_URL=self.server.url,
                   AWS_REGION=fake_aws.REGION, HOME=self.dir.name,
                   AWS_EC2_METADATA_DISABLED='true', SNEK_CONFIG=self.conf,
                   AWS_MAX_ATTEMPTS='1')
        if key:
            env.update(AWS_ACCESS_KEY_ID=fake_aws.KEY,
                       AWS_SECRET_ACCESS_KEY=fake_aws.SECRET)
        else:
            env.pop('AWS_ACCESS_KEY_ID', None)
        r = subprocess.run([SNEK, 'doctor', '--aws', '--cluster', 'one', *args],
                           stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, env=env, timeout=120)
        assert r.returncode == expect, (args, r)
        assert fake_aws.SECRET not in r.stdout + r.stderr
        return [(x.split('\t') + [''])[:4] for x in r.stdout.splitlines()]


def find(lines, name, verdict=None):
    got = [x for x in lines if x[1] == name and verdict in (None, x[0])]
    assert got, (name, verdict, lines)
    return got[0]


def all_is_well_from_the_key_to_each_server():
    with World() as w:
        out = w.doctor()
        assert {x[0] for x in out} == {'PASS'}, out
        assert [x[1] for x in out] == [
            'credentials', 'identity', 'clock', 'permissions', 'concurrency',
            'code', 'stack', 'profile', 'function', 'function', 'function',
            'function', 'server', 'server', 'server', 'api', 'connect',
            'cluster'], out
        assert 'environment' in find(out, 'credentials')[2]
        assert 'user/ana' in find(out, 'identity')[2]


def json_has_one_object_a_check():
    with World() as w:
        out = [json.loads(x[0]) for x in w.doctor('--json')]
        assert out[0]['verdict'] == 'pass' and out[0]['name'] == 'credentials'
        assert out[0]['cure'] is None and len(out) == 18


def without_a_key_the_places_are_named():
    with World() as w:
        out = w.doctor(expect=1, key=False)
        assert [x[1] for x in out] == ['credentials'], out
        assert out[0][0] == 'FAIL' and 'log in' in out[0][3], out


def a_key_that_is_refused_is_told_with_the_clock():
    with World() as w:
        w.cloud.refused['GetCallerIdentity'] = 'InvalidClientTokenId'
        out = w.doctor(expect=1)
        assert find(out, 'identity')[0] == 'FAIL'
        assert find(out, 'clock')[0] == 'PASS' and len(out) == 3, out


def rights_that_lack_are_named_of_the_role_too():
    with World() as w:
        w.cloud.denied = {'iam:PassRole', 'tag:GetResources'}
        w.cloud.arn = 'arn:aws:sts::123456789012:assumed-role/Dev/ana'
        got = find(w.doctor(), 'permissions', 'WARN')
        assert '2 of ' in got[2] and 'iam:PassRole, tag:Get' in got[2], got
        assert w.cloud.simulated == 'arn:aws:iam::123456789012:role/Dev'


def where_the_simulator_is_not_allowed_what_only_looks_is_tried():
    with World() as w:
        w.cloud.refused['SimulatePrincipalPolicy'] = 'AccessDenied'
        got = find(w.doctor(), 'permissions', 'WARN')
        assert 'all are allowed' in got[2], got
        w.cloud.refused['DescribeLogGroups'] = 'AccessDeniedException'
        got = find(w.doctor(), 'permissions', 'WARN')
        assert 'not allowed: logs:DescribeLogGroups' in got[2], got


def few_invocations_at_once_are_a_warning():
    with World() as w:
        w.cloud.unreserved = 10
        got = find(w.doctor(), 'concurrency', 'WARN')
        assert 'Service Quotas' in got[3], got


def a_stack_that_is_not_there_or_failed_is_a_failure():
    with World() as w:
        w.cloud.stacks[0].status = 'UPDATE_ROLLBACK_FAILED'
        assert 'snek-deploy --aws --stack one goes on' in find(
            w.doctor(expect=1), 'stack', 'FAIL')[3]
        w.cloud.stacks.clear()
        out = w.doctor(expect=1)
        assert 'no stack one' in find(out, 'stack', 'FAIL')[2]
        assert out[-1][1] == 'stack', out


def what_was_changed_by_hand_is_a_warning():
    with World() as w:
        w.cloud.stacks[0].drift = 'DRIFTED'
        assert '--drift' in find(w.doctor(), 'drift', 'WARN')[3]
        w.cloud.stacks[0].drift = 'IN_SYNC'
        assert find(w.doctor(), 'drift', 'PASS')


def a_profile_that_says_something_else_is_a_warning():
    with World() as w:
        w.profile('subnet-2')
        got = find(w.doctor(), 'profile', 'WARN')
        assert 'subnet-2' in got[2] and 'subnet-1' in got[2], got


def functions_and_servers_that_are_not_ready_are_told():
    with World() as w:
        w.cloud.states['one-Query'] = {
            'State': 'Failed', 'StateReason': 'no addresses left'}
        del w.cloud.states['one-Find']
        w.cloud.caches = w.cloud.caches[:2] + [('one-1', 's1.x', 'modifying')]
        out = w.doctor(expect=1)
        said = [x for x in out if x[0] == 'FAIL']
        assert 'no addresses left' in said[0][2] and 'Find' in said[1][2], out
        assert 'modifying' in find(out, 'server', 'WARN')[2]
        w.cloud.caches.pop()
        assert 'no s1.x' in find(w.doctor(expect=1), 'server', 'FAIL')[2]


def what_the_function_says_of_a_server_is_told_as_it_says_it():
    with World() as w:
        w.cloud.health = (503, {'checks': [
            {'verdict': 'fail', 'name': 'auth', 'text': 'rediss://s1: refused',
             'cure': 'correct it'}], 'well': False})
        out = w.doctor(expect=1)
        assert find(out, 'api')[0] == 'PASS'
        assert out[-1] == ['FAIL', 'auth', 'rediss://s1: refused',
                           'correct it'], out


def an_api_that_does_not_answer_is_gone_round():
    with World() as w:
        w.cloud.health = None
        w.cloud.invoked = (200, {'X-Amz-Function-Error': 'Unhandled'}, {
            'errorType': 'unreachable',
            'errorMessage': 'rediss://meta.x:6379: cannot connect'})
        out = w.doctor(expect=1)
        assert find(out, 'api', 'FAIL') and 'cannot connect' in out[-1][2], out
        w.cloud.invoked = (200, {}, {'statusCode': 200, 'body': '{}'})
        assert 'status 200' in w.doctor(expect=1)[-1][2]
        w.cloud.health = (403, {'message': 'Forbidden'})
        got = find(w.doctor(expect=1), 'api', 'FAIL')
        assert 'execute-api:Invoke' in got[3], got
        w.cloud.refused['Api'] = 'AccessDeniedException'
        got = find(w.doctor(expect=1), 'api', 'FAIL')
        assert 'the policy needs execute-api:Invoke' in got[2], got


def main():
    for name, f in list(globals().items()):
        if inspect.isfunction(f) and f not in (main, find):
            f()
            print(f'ok {name}', flush=True)


main()
