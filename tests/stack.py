# SPDX-License-Identifier: MIT
"""Stacks made, changed, broken off and taken down at a fake AWS.

stack.py TOOL DEPLOY [NAME ...]: runs TOOL (tests/stack_tool) and DEPLOY
(snek-deploy), or the tests of these names alone.
"""
import concurrent.futures
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import fake_aws

TOOL, DEPLOY = sys.argv[1:3]
OPTIONS = ['shards=2']
NOWHERE = 'https://127.0.0.1:9/x.execute-api.x'


class World:
    def __init__(self):
        self.cloud = fake_aws.Cloud()
        self.server = fake_aws.Server(self.cloud)
        self.process, self.region = None, fake_aws.REGION

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.server.stop()
        if self.cloud.wrong:
            raise AssertionError(f'requests: {self.cloud.wrong}')

    def run(self, verb, *options, tries=1):
        env = dict(os.environ, AWS_ENDPOINT_URL=self.server.url,
                   AWS_REGION=self.region, HOME='/nonexistent',
                   AWS_ACCESS_KEY_ID=fake_aws.KEY,
                   AWS_SECRET_ACCESS_KEY=fake_aws.SECRET,
                   AWS_MAX_ATTEMPTS=str(tries))
        self.cloud.log.clear()
        self.server.calls = 0
        self.process = None
        self.process = subprocess.Popen(
            [TOOL, verb, 'one', *options], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=env)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err

    def kill(self):
        while not self.process:         # it may call before we are told
            time.sleep(0.001)
        os.kill(self.process.pid, signal.SIGKILL)

    def good(self, verb, *options, **kw):
        rc, out, err = self.run(verb, *options, **kw)
        assert rc == 0, (rc, out, err)
        return out

    def once(self, n, what):
        """The nth call from here on is answered so, and no other."""
        def at(k, action):
            return what if k == n else None
        self.server.at = at


def is_whole(w, shards=2):
    stacks = w.cloud.live()
    assert [s.status[-8:] for s in stacks] == ['COMPLETE'], stacks
    r = stacks[0].resources
    assert f'Shard{shards - 1}' in r and f'Shard{shards}' not in r
    assert 'Api' in r and len(w.cloud.buckets) == 1


def is_waiting(w):
    """A change set that could be executed."""
    return [k for s in w.cloud.live() for k, c in s.sets.items()
            if c['execution'] == 'AVAILABLE']


def is_nothing(w):
    assert not w.cloud.live(), [(s.status, s.id) for s in w.cloud.live()]
    assert not w.cloud.buckets, w.cloud.buckets


def a_stack_is_made_from_nothing_and_told_event_by_event():
    with World() as w:
        out = w.good('deploy', *OPTIONS)
        assert 'changed 1' in out and 'plan Add Shard0' in out, out
        assert out.index('event Vpc CREATE_IN_PROGRESS') < \
            out.index('event Vpc CREATE_COMPLETE') < \
            out.index('event one UPDATE_COMPLETE')
        events = [x for x in out.splitlines() if x.startswith('event')]
        told = len(w.cloud.stacks[0].events)
        assert len(events) == told, (len(events), told)
        is_whole(w)


def what_is_there_already_is_left_alone():
    with World() as w:
        w.good('deploy', *OPTIONS)
        out = w.good('deploy', *OPTIONS)
        assert 'changed 0' in out and 'uploading' not in out, out
        assert 'S3 PUT' not in w.cloud.log
        assert 'ExecuteChangeSet' not in w.cloud.log
        assert not is_waiting(w)


def a_change_is_made_and_taken_back_and_made_again():
    with World() as w:
        for replicas in 0, 1, 0, 1:
            out = w.good('deploy', 'shards=3', f'replicas={replicas}')
            assert 'changed 1' in out, out
            is_whole(w, 3)


def servers_are_never_taken_away_nor_replaced_by_empty_ones():
    with World() as w:
        w.good('deploy', 'shards=3')
        whole = dict(w.cloud.stacks[0].resources)
        for option, who in (
                ('shards=2', ['Shard2']), ('shards=1', ['Shard1, Shard2']),
                ('engine=redis', ['Meta', 'Shard0', 'Shard1']),
                ('auth=token', ['Meta', 'Shard2']),
                ('node=cache.r6gd.xlarge', ['Meta', 'Shard2'])):
            options = [option] + ['shards=3'] * (option[:6] != 'shards')
            rc, out, err = w.run('deploy', *options)
            assert rc and 'with their data' in err, (option, err)
            assert all(x in err for x in who), err
            assert 'ExecuteChangeSet' not in w.cloud.log
            assert not is_waiting(w)
            assert w.cloud.stacks[0].resources == whole
        w.good('deploy', 'shards=3', 'node=cache.r7g.large')
        is_whole(w, 3)


def the_first_failure_is_the_one_that_is_told():
    with World() as w:
        w.cloud.fail['Shard1'] = 'no more than 300 nodes'
        rc, out, err = w.run('deploy', *OPTIONS)
        assert rc and 'Shard1' in err and 'no more than 300' in err, err
        assert 'cancelled' not in err and 'UPDATE_ROLLBACK_COMPLETE' in err
        w.cloud.fail.clear()
        w.good('deploy', *OPTIONS)
        is_whole(w)


def a_first_creation_that_fails_leaves_nothing():
    with World() as w:
        w.cloud.fail['Artifacts'] = 'too many buckets'
        rc, out, err = w.run('deploy', *OPTIONS)
        assert rc and 'too many buckets' in err, err
        is_nothing(w)
        w.cloud.fail.clear()
        w.good('deploy', *OPTIONS)
        is_whole(w)


def a_stack_that_never_came_to_be_is_removed_first():
    with World() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.undeletable['Vpc'] = 'it has dependencies'
        rc, out, err = w.run('destroy')
        assert rc and 'Vpc' in err and 'it has dependencies' in err, err
        out = w.good('deploy', *OPTIONS)
        assert 'removing it' in out, out
        is_whole(w)


def a_stack_is_destroyed_with_every_version_in_its_bucket():
    with World() as w:
        for shards in 2, 3:
            w.good('deploy', f'shards={shards}')
        bucket = next(iter(w.cloud.buckets.values()))
        for k in list(bucket):
            bucket[k] += [(f'{k}-{i}', b'') for i in range(5)] + [('m', None)]
        w.good('destroy')
        is_nothing(w)
        w.good('destroy')


def a_failed_end_can_be_asked_for_again():
    with World() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.undeletable['MapperGroup'] = 'resource sg-1 is in use'
        rc, out, err = w.run('destroy')
        assert rc and 'sg-1' in err, err
        w.good('destroy')
        is_nothing(w)


def breaks(w, kind, n):
    if kind == 'killed':
        w.once(n, w.kill)
    else:
        w.once(n, kind)


def where_to_break(log):
    """After each call that changes something, and the look that follows it;
    and the first of each kind."""
    tells = {'DescribeStacks', 'DescribeStackEvents', 'DescribeChangeSet'}
    for n, action in enumerate(log):
        if action not in tells or action not in log[:n] or \
                log[n - 1] not in tells:
            yield n + 1


def interrupted(verb, prepare, check, kinds):
    """At each call, then the same command once more."""
    options = OPTIONS if verb == 'deploy' else []
    with World() as w:
        prepare(w)
        w.good(verb, *options)
        places = list(where_to_break(w.cloud.log))
    assert len(places) > 5, places
    for i, n in enumerate(places):
        kind = kinds[i % len(kinds)]
        with World() as w:
            prepare(w)
            breaks(w, kind, n)
            rc, out, err = w.run(verb, *options)
            w.server.at = lambda n, action: None
            # others may be tried again, or come while something is waited for
            assert rc or kind != 'killed', (kind, n, out)
            w.good(verb, *options)
            check(w)
            if verb == 'deploy':
                again = w.good('deploy', *OPTIONS)
                assert 'changed 0' in again, (kind, n, again)


def a_deployment_goes_on_wherever_it_was_killed():
    interrupted('deploy', lambda w: None, is_whole, ['killed'])


def a_deployment_goes_on_wherever_a_reply_was_lost():
    interrupted('deploy', lambda w: None, is_whole,
                ['lost', 'fault', 'throttle'])


def a_change_goes_on_wherever_it_was_broken_off():
    interrupted('deploy', lambda w: w.good('deploy', 'shards=1'), is_whole,
                ['throttle', 'killed', 'lost', 'fault'])


def an_end_goes_on_wherever_it_was_broken_off():
    interrupted('destroy', lambda w: w.good('deploy', *OPTIONS), is_nothing,
                ['killed', 'lost', 'fault'])


def throttles_and_lost_replies_are_tried_again():
    with World() as w:
        w.server.at = lambda n, action: {3: 'lost', 7: 'fault'}.get(n % 9)
        w.good('deploy', *OPTIONS, tries=3)
        is_whole(w)
        w.good('destroy', tries=3)
        is_nothing(w)


def after(action, count, what):
    """The looks that follow the countth such call are answered so."""
    seen = []

    def at(n, a):
        if a == action:
            seen.append(n)
        return what() if len(seen) >= count and a.startswith(
            'DescribeStack') else None
    return at


def a_wait_outlasts_looks_that_fail():
    with World() as w:
        bad = ['fault', 'lost', 'throttle'] * 3
        w.server.at = after('ExecuteChangeSet', 2, lambda: bad and bad.pop())
        out = w.good('deploy', *OPTIONS)
        assert not bad and out.count('event one UPDATE_COMPLETE') == 1, out
        is_whole(w)


def a_wait_without_any_good_answer_ends():
    with World() as w:
        w.server.at = after('ExecuteChangeSet', 2, lambda: 'fault')
        rc, out, err = w.run('deploy', 'patience=300', *OPTIONS)
        assert rc and 'no good answer for' in err and \
            'the same command waits again' in err and 'status 500' in err, err
        w.server.at = lambda n, action: None
        w.good('deploy', *OPTIONS)
        is_whole(w)


def an_emulator_that_leaves_out_what_it_may_is_enough():
    """Neither tokens of events, nor outputs of stacks."""
    with World() as w:
        w.cloud.tells_tokens = w.cloud.tells_outputs = False
        out = w.good('deploy', *OPTIONS)
        assert 'event one UPDATE_COMPLETE' in out, out
        is_whole(w)
        w.cloud.fail['Shard2'] = 'no more than 300 nodes'
        rc, out, err = w.run('deploy', 'shards=3')
        assert rc and 'no more than 300' in err, err
        w.cloud.fail.clear()
        w.good('deploy', 'shards=3')
        is_whole(w, 3)
        w.good('destroy')
        is_nothing(w)


class Command(World):
    """The same for snek-deploy."""

    def __init__(self):
        super().__init__()
        self.dir = tempfile.TemporaryDirectory()
        self.zip = os.path.join(self.dir.name, 'api.zip')
        self.conf = os.path.join(self.dir.name, 'snek.conf')
        with open(self.zip, 'wb') as f:
            f.write(b'PK\3\4 a zip')

    def __exit__(self, *args):
        self.dir.cleanup()
        super().__exit__(*args)

    def env(self):
        return dict(os.environ, AWS_ENDPOINT_URL=self.server.url,
                    AWS_REGION=self.region, HOME=self.dir.name,
                    AWS_ACCESS_KEY_ID=fake_aws.KEY, SNEK_CONFIG=self.conf,
                    AWS_SECRET_ACCESS_KEY=fake_aws.SECRET)

    def deploy(self, *args, expect=0):
        r = subprocess.run([DEPLOY, '--aws', '--stack', 'one', *args],
                           stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, env=self.env(), timeout=120)
        assert r.returncode == expect, (args, r)
        return r.stdout + r.stderr


def the_command_shows_its_plan_and_does_it():
    with Command() as w:
        code = ['--code', w.zip]
        out = w.deploy(*code, '--dry-run')
        assert '+   Shard1' in out and 'an hour' in out, out
        assert '--destroy --stack one' in out and not w.cloud.stacks
        w.deploy(*code, '--dry-run', '--detailed-exitcode', expect=10)
        out = w.deploy(*code, '--dry-run', '--json', '--quiet').splitlines()
        plan = json.loads(out[-1])
        assert plan['kind'] == 'plan' and plan['add'] == len(out) - 1 and \
            plan['minutes'] == 20 and 0.03 < plan['dollars_an_hour'] < 0.3, plan
        assert 'nobody to ask' in w.deploy(*code, expect=2)
        assert not w.cloud.stacks
        out = w.deploy(*code, '--yes', '--tag', 'team=a')
        assert 'UPDATE_COMPLETE' in out and '--cluster one' in out, out
        is_whole(w)
        with open(w.conf) as f:
            conf = f.read()
        assert '[one]' in conf and 'execute-api' in conf, conf
        out = w.deploy(*code, '--tag', 'team=a', '--detailed-exitcode')
        assert 'nothing to change' in out, out
        out = w.deploy(*code, '--tag', 'team=a', '--shards', '3', '--dry-run',
                       '--detailed-exitcode', expect=10)
        assert '+   Shard2' in out, out
        is_whole(w)
        assert 'status\tUPDATE_COMPLETE' in w.deploy('--status')


def broken_off(w, n):
    """The command, with a SIGINT at the nth time that it executes."""
    at = []

    def stop(k, action):
        if action == 'ExecuteChangeSet':
            at.append(action)
            if len(at) == n:
                w.process.send_signal(signal.SIGINT)
    w.server.at = stop
    w.process = subprocess.Popen(
        [DEPLOY, '--aws', '--stack', 'one', '--code', w.zip, '--yes', '--shards',
         '3'], env=w.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    err = w.process.communicate(timeout=120)[1]
    assert w.process.returncode == 130, (n, at, err)
    w.server.at = lambda n, action: None


def the_command_goes_on_wherever_it_was_interrupted():
    """With the options of the first, also where they are not said again; as the
    bucket is made they may still be others, and then, as the whole is."""
    for n, options, shards in (1, [], 3), (1, ['--shards', '2'], 2), (2, [], 3):
        with Command() as w:
            broken_off(w, n)
            w.deploy('--code', w.zip, '--yes', *options)
            is_whole(w, shards)


def what_aws_would_not_take_is_refused_before_it_is_asked():
    with Command() as w:
        for option in '--shards', '--level', '--zones', '--log-retention':
            for n in '0', '4294967298':
                assert option in w.deploy(option, n, '--dry-run', expect=2)
        for tags in ('a=1', 'A=2'), ('Name=x',), ('AWS:x=1',):
            tags = [x for t in tags for x in ('--tag', t)]
            assert 'tag ' in w.deploy(*tags, '--dry-run', expect=2), tags
        tags = [x for i in range(40)
                for x in ('--tag', f'{"k" * 120}{i}={"v" * 256}')]
        assert 'shorter tags' in w.deploy(
            *tags, '--shards', '27', '--print-template', expect=8)
        assert not w.cloud.stacks


def a_template_is_found_where_hosts_end_otherwise():
    with World() as w:
        w.region = 'cn-north-1'
        w.good('deploy', *OPTIONS)
        assert 'Api' in w.server.elsewhere.live()[0].resources


def answers_may_have_another_shape():
    for shape in 'old', 'chunked', 'odd':
        with World() as w:
            w.cloud.shape = shape
            w.good('deploy', *OPTIONS)
            is_whole(w)
            w.good('destroy')
            is_nothing(w)


def what_was_changed_by_hand_is_told():
    with Command() as w:
        w.deploy('--code', w.zip, '--yes')
        w.deploy('--drift', expect=2)
        assert 'drift' not in w.deploy('--status')
        out = w.deploy('--status', '--drift', '--detailed-exitcode')
        assert 'nothing was changed by hand' in out, out
        w.cloud.drifts = [
            ('Write', 'AWS::Lambda::Function', ['/MemorySize', '/Timeout']),
            ('StoreGroup', 'AWS::EC2::SecurityGroup', None)]
        lost = ['DetectStackDrift']
        w.server.at = lambda n, action: lost and action == lost[0] and \
            lost.pop() and 'lost'
        out = w.deploy('--status', '--drift', '--detailed-exitcode', expect=10)
        assert '~   Write' in out and '/Timeout' in out and \
            '-   StoreGroup' in out, out
        assert 'drift\tDRIFTED' in w.deploy('--status')
        out = w.deploy('--status', '--drift', '--json')
        assert '"path":"/MemorySize","gone":false' in out, out
        w.cloud.incomparable = 'no right to see the bucket'
        out = w.deploy('--status', '--drift', expect=1)
        assert 'no right to see the bucket' in out, out


def code_may_be_larger_than_an_answer():
    with Command() as w:
        os.truncate(w.zip, 9 << 20)
        w.deploy('--code', w.zip, '--yes')
        out = w.deploy('--code', w.zip, '--yes')
        assert 'nothing to change' in out, out


def what_a_stack_holds_is_copied_before_it_goes():
    with Command() as w:
        w.deploy('--code', w.zip, '--yes')
        data, kept = (os.path.join(w.dir.name, x) for x in ('data', 'kept/x'))
        bin = os.path.dirname(DEPLOY)
        subprocess.run([DEPLOY, '--local', data], check=True,
                       capture_output=True)
        for name in 'a', 'b':
            subprocess.run([f'{bin}/snek', 'write', '--cluster', data, name],
                           input='1\n2\n', text=True, check=True,
                           capture_output=True)
        gateway = subprocess.Popen(
            [f'{bin}/snek', 'gateway', '--cluster', data, '--no-token',
             '--listen', '127.0.0.1:0'], stdout=subprocess.PIPE, text=True)
        try:
            url = gateway.stdout.readline().split(': ')[1].strip()
            with open(w.conf, 'w') as f:
                f.write(f'[one]\ncluster = {url}\n')
            os.chmod(w.conf, 0o600)
            out = w.deploy('--destroy', expect=2)
            assert 'one holds 4 records in 2 categories: a, b' in out, out
            assert w.cloud.live()
            w.deploy('--destroy', '--yes', '--copy-to', 'nobody', expect=3)
            assert w.cloud.live()
            out = w.deploy('--destroy', '--yes', '--copy-to', kept)
            assert 'a: 2 records there' in out and out.endswith(
                'left behind: nothing\n'), out
        finally:
            gateway.terminate()
            gateway.wait()
        got = subprocess.run([f'{bin}/snek', 'export', '--cluster', kept, 'b'],
                             capture_output=True, text=True).stdout
        assert got == '1\n2\n', got
        is_nothing(w)


def a_bastion_is_told_where_s3_is():
    with Command() as w:
        out = w.deploy('--code', w.zip, '--yes', '--bastion')
        assert '+   BastionToS3' in out, out
        assert 'DescribeManagedPrefixLists' in w.cloud.log
        assert 'Bastion' in w.cloud.stacks[0].resources
        out = w.deploy('--code', w.zip, '--bastion')
        assert 'nothing to change' in out, out


def the_end_is_asked_for_by_the_stacks_name():
    with Command() as w:
        w.cloud.outputs = {'Api': NOWHERE}
        w.deploy('--code', w.zip, '--yes')
        try:
            ours, theirs = os.openpty()
        except OSError:
            print('SKIPPED: no terminals are to be had here (/dev/pts)')
            return
        for said, code in ('n\n', 2), ('y\ntwo\n', 130), ('y\none\n', 0):
            p = subprocess.Popen(
                [DEPLOY, '--aws', '--stack', 'one', '--destroy'], stdin=theirs,
                stderr=theirs, env=w.env())
            os.write(ours, said.encode())
            assert p.wait(timeout=120) == code, (said, os.read(ours, 9999))
            assert bool(w.cloud.live()) == bool(code)
        out = os.read(ours, 99999).decode()
        os.close(ours)
        os.close(theirs)
        assert 'cannot be seen from here' in out, out
        is_nothing(w)


def the_command_leaves_nothing_behind():
    with Command() as w:
        w.cloud.outputs = {'Api': NOWHERE}
        w.deploy('--code', w.zip, '--yes')
        w.cloud.functions += ['one-fn-words', 'other']
        w.cloud.tags['one-fn-words'] = {'snek:stack': 'one'}
        assert 'not destroyed' in w.deploy('--destroy', expect=2)
        out = w.deploy('--destroy', '--yes')
        assert out.endswith('left behind: nothing\n'), out
        assert w.cloud.functions == ['other']
        is_nothing(w)
        with open(w.conf) as f:
            assert '[one]' not in f.read()
        w.deploy('--status', expect=3)


def what_cannot_be_looked_for_in_the_end_is_said():
    with Command() as w:
        placed(w)
        w.cloud.refused['Tagging'] = 'AccessDeniedException'
        w.cloud.functions = ['one-fn-hand']     # of no stack: it is left
        for i in range(2):      # also when the stack is gone already
            out = w.deploy('--destroy', '--yes', expect=4)
            assert 'one is deleted' in out and \
                'the policy needs tag:GetResources' in out, out
            assert re.findall('left behind: (.*)', out) == ['one-fn-hand'], out
            assert not w.cloud.live()
        assert '[one]' in profile(w)
        w.cloud.refused.clear()
        w.cloud.functions = []
        out = w.deploy('--destroy', '--yes')
        assert out.endswith('left behind: nothing\n'), out
        assert '[one]' not in profile(w)


# ---- what is not said stays ----

def what_is_not_said_stays_as_the_stack_has_it():
    with Command() as w:
        code = ['--code', w.zip]
        first = ['--shards', '4', '--level', '2', '--replicas', '1', '--node',
                 'cache.r7g.large', '--engine', 'redis', '--auth', 'token',
                 '--zones', '2', '--bastion', '--log-retention', '30', '--tag',
                 'team=a b']
        plan = w.deploy(*code, *first, '--dry-run', '--json',
                        '--quiet').splitlines()[-1]
        w.deploy(*code, *first, '--yes')
        out = w.deploy('--status')
        assert 'Options\tshards=4 level=2 replicas=1 zones=2 node=cache.r7g.' \
            'large engine=redis auth=token bastion=yes log-retention=30' in out
        out = w.deploy(*code, '--yes', '--detailed-exitcode')
        assert 'nothing to change' in out, out
        again = json.loads(w.deploy(*code, '--dry-run', '--json', '--quiet'))
        assert again['dollars_an_hour'] == json.loads(plan)['dollars_an_hour']
        out = w.deploy(*code, '--shards', '5', '--replicas', '0',
                       '--no-bastion', '--yes')
        assert '+   Shard4' in out and '-   Bastion' in out, out
        assert 'one: 5 shards at level 2 and the meta store, 0 replicas each, ' \
            'of cache.r7g.large with redis and token; 2 zones; logs of 30 ' \
            'days' in out, out
        stack = w.cloud.live()[0]
        assert stack.tags == {'snek:stack': 'one', 'team': 'a b'}, stack.tags
        assert 'replicas=0' in stack.outputs['Options']['Value']
        assert 'nothing to change' in w.deploy(*code, '--dry-run')
        out = w.deploy(*code, '--tag', 'x=y', '--dry-run', '--detailed-exitcode',
                       expect=10)
        assert '~   Meta' in out, out
        out = w.deploy(*code, '--level', '4', '--dry-run')
        assert '~   Write ' in out and 'Shard' not in out, out
        what_would_cost_data_is_refused(w, stack)


def zones_are_said_by_name_and_stay():
    with Command() as w:
        code = ['--code', w.zip]
        for bad in ('', 'a,', ',a', 'a,a', 'a,b,c,d,e,f,g', 'A', 'a b', 'a' * 33, '0', '7'):
            w.deploy(*code, '--zones', bad, '--dry-run', expect=2)
        w.deploy(*code, '--zones', 'eu-west-1c,euw1-az1', '--yes')
        stack = w.cloud.live()[0]
        assert 'zones=2' in stack.outputs['Options']['Value']
        body = {k: {'Properties': r['Properties']} for k, r in stack.resources.items()}
        assert body['Subnet0']['Properties']['AvailabilityZone'] == 'eu-west-1c'
        assert body['Subnet1']['Properties']['AvailabilityZoneId'] == 'euw1-az1'
        for more in (), ('--zones', '2'), ('--zones', 'eu-west-1c,euw1-az1'):
            assert 'nothing to change' in w.deploy(*code, *more, '--dry-run'), more
        for other in '1', '3', 'eu-west-1c', 'euw1-az1,eu-west-1c', 'eu-west-1c,euw1-az11':
            out = w.deploy(*code, '--zones', other, '--yes', expect=1)
            assert 'stay where they are' in out, (other, out)
        out = w.deploy(*code, '--zones', 'eu-west-1c,euw1-az1,eu-west-1a', '--dry-run')
        assert '+   Subnet2' in out, out
        most = ','.join(f'{x * 32}' for x in 'abcdef')
        stack.outputs['Options'] = {'Value': 'shards=27 level=27 replicas=5 '
                                    'zones=6 node=cache.r7g.16xlarge '
                                    'engine=valkey auth=token bastion=yes '
                                    f'log-retention=3653 zone-names={most}'}
        assert '+   Subnet5' in w.deploy(*code, '--zones', most, '--dry-run')
    with Command() as w:
        code = ['--code', w.zip]
        w.deploy(*code, '--yes')
        out = w.deploy(*code, '--zones', 'eu-west-1a', '--yes', expect=1)
        assert 'that AWS chose' in out, out
        assert '+   Subnet1' in w.deploy(*code, '--zones', '2', '--dry-run')


ADVICE = 'make another stack (snek-deploy --aws --stack NAME2 ...), copy what ' \
    'this one holds (snek copy), and then snek-deploy --aws --destroy --stack one'


def what_would_cost_data_is_refused(w, stack):
    code = ['--code', w.zip, '--region', fake_aws.REGION]
    w.cloud.log.clear()
    for option, value, why in (
            ('--shards', '4', '5 shards, and cannot have 4'),
            ('--engine', 'valkey', 'servers of redis'),
            ('--auth', 'iam', 'servers that ask by token'),
            ('--node', 'cache.r6gd.xlarge', 'servers of cache.r7g.large')):
        for how in '--yes', '--dry-run':
            out = w.deploy(*code, option, value, how, expect=1)
            assert why in out and f'{ADVICE} --region eu-west-1' in out, out
    assert 'CreateChangeSet' not in w.cloud.log
    text = stack.outputs['Options']['Value']
    for bad in (text + ' colour=red', text + ' shards=5', text + ' ', 'shards=',
                'shards=-1', 'shards=99', text.replace('no', 'maybe'), 'shards'):
        stack.outputs['Options'] = {'Value': bad}
        out = w.deploy(*code, '--yes', expect=9)
        assert 'the stack\'s output Options' in out, (bad, out)
    # One of before it was remembered: the change set tells.
    del stack.outputs['Options']
    whole = dict(stack.resources)
    out = w.deploy(*code, '--dry-run')
    assert '-   Shard4' in out and '-/+ Meta' in out and 'with its data' in out
    out = w.deploy(*code, '--yes', expect=1)
    assert 'Shard2, Shard3' in out and 'Meta' in out and ADVICE in out, out
    assert not is_waiting(w) and stack.resources == whole


def a_template_is_printed_without_asking_aws():
    with Command() as w:
        out = w.deploy('--print-template', '--shards', '3', '--no-bastion')
        assert json.loads(out)['Outputs']['Options']['Value'].startswith(
            'shards=3 level=3 '), out
        assert not w.cloud.log
        w.deploy('--bastion', '--no-bastion', expect=2)


def a_name_of_a_function_is_none_of_a_stack():
    with Command() as w:
        for name in 'one-fn-b', 'one-fn':
            out = w.deploy('--stack', name, '--dry-run', expect=2)
            assert 'neither has -fn-' in out and not w.cloud.log, out


# ---- stacks that are broken ----

def stands_as(w, status, *options):
    """One that was made, and has come to this since."""
    w.good('deploy', *options)
    stack = w.cloud.live()[0]
    stack.status = status
    if status != 'DELETE_FAILED' and 'UPDATE' not in status:
        stack.outputs, w.cloud.tells_outputs = {}, False
    w.cloud.log.clear()
    return stack


def made_anew(status):
    """Of what never came to be, or was half taken down."""
    with Command() as w:
        stack = stands_as(w, status, 'shards=3')
        code = ['--code', w.zip, '--detailed-exitcode']
        out = w.deploy(*code, '--dry-run', expect=10)
        assert f'one is {status}, of which nothing can be made' in out, out
        assert '+   Shard1' in out and '-' not in {
            x[0] for x in out.splitlines()}, out
        assert 'CreateChangeSet' not in w.cloud.log
        assert 'nobody to ask' in w.deploy(*code, expect=2)
        assert stack.status == status
        w.cloud.tells_outputs = True
        w.deploy(*code, '--shards', '2', '--yes', expect=10)
        assert stack.status == 'DELETE_COMPLETE'
        is_whole(w)


def what_never_came_to_be_is_planned_and_made_anew():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(made_anew, ('DELETE_FAILED', 'ROLLBACK_COMPLETE',
                                  'ROLLBACK_FAILED', 'CREATE_FAILED')))


def a_rollback_that_failed_is_gone_on_with_before_anything_is_planned():
    with Command() as w:
        stack = stands_as(w, 'UPDATE_ROLLBACK_FAILED', 'shards=3')
        code = ['--code', w.zip, '--replicas', '1', '--detailed-exitcode']
        out = w.deploy(*code, '--dry-run', expect=10)
        assert 'is gone on with first' in out and out.count('AWS::') == 1, out
        assert '~   one ' in out and '1 to change' in out, out
        assert 'nobody to ask' in w.deploy(*code, expect=2)
        assert 'ContinueUpdateRollback' not in w.cloud.log
        w.cloud.irrevocable = 'Shard0 is of another account'
        out = w.deploy(*code, '--yes', expect=1)
        assert 'Shard0 is of another account' in out, out
        assert stack.status == 'UPDATE_ROLLBACK_FAILED'
        w.cloud.irrevocable = ''
        out = w.deploy(*code, '--yes', expect=10)
        assert '~   one ' in out and '~   Shard2' in out, out
        assert stack.status == 'UPDATE_COMPLETE'
        is_whole(w, 3)
        assert 'replicas=1' in stack.outputs['Options']['Value']


# ---- where it is, and what else bears its name ----

ELSEWHERE = 'eu-central-1'


def role(account=fake_aws.ACCOUNT):
    return f'arn:aws:iam::{account}:role/one-MapperRole'


def placed(w):
    """A stack whose profile says all of where it is."""
    w.cloud.outputs = {'Api': NOWHERE, 'MapperRole': role()}
    w.deploy('--code', w.zip, '--yes')


def profile(w):
    with open(w.conf) as f:
        return f.read()


def the_profile_says_where_the_stack_is():
    with Command() as w:
        placed(w)
        w.region = ELSEWHERE            # of the environment
        assert 'UPDATE_COMPLETE' in w.deploy('--status')
        assert 'nothing to change' in w.deploy('--code', w.zip, '--yes')
        w.deploy('--status', '--region', ELSEWHERE, expect=3)
        w.deploy('--destroy', '--yes')
        is_nothing(w)
        assert '[one]' not in profile(w)


def a_second_stack_elsewhere_does_not_take_its_profile():
    with Command() as w:
        placed(w)
        for options in ['--dry-run'], ['--yes']:
            out = w.deploy('--code', w.zip, '--region', ELSEWHERE, *options,
                           expect=1)
            assert fake_aws.REGION in out and 'call this one otherwise' in out
        assert not w.server.elsewhere.stacks
        text = profile(w).replace(fake_aws.ACCOUNT, '999999999999')
        with open(w.conf, 'w') as f:
            f.write(text)
        out = w.deploy('--code', w.zip, '--yes', expect=1)
        assert '999999999999' in out and 'call this one otherwise' in out, out


def what_is_copied_is_of_the_stack_that_is_destroyed():
    with Command() as w:
        placed(w)
        w.region, there = ELSEWHERE, ['--region', ELSEWHERE]
        w.server.elsewhere.outputs = {'Api': NOWHERE}
        kept, w.conf = w.conf, w.conf + '2'
        w.deploy('--code', w.zip, '--yes')
        w.conf = kept
        assert 'of a stack of that name elsewhere' in w.deploy('--status', *there)
        out = w.deploy('--destroy', *there, expect=2)
        assert 'cannot be seen from here' in out, out
        out = w.deploy('--destroy', '--yes', '--copy-to', w.dir.name + '/x',
                       *there, expect=2)
        assert 'cannot be copied' in out, out
        assert w.server.elsewhere.live() and not os.path.exists(
            w.dir.name + '/x')
        w.deploy('--destroy', '--yes', *there)
        assert not w.server.elsewhere.live() and '[one]' in profile(w)
        is_whole(w)


def what_was_never_there_is_not_destroyed():
    with Command() as w:
        out = w.deploy('--destroy', '--yes', expect=3)
        assert 'there is no stack one in eu-west-1' in out, out
        placed(w)
        out = w.deploy('--destroy', '--yes', '--region', ELSEWHERE, expect=3)
        assert f'in {ELSEWHERE}' in out and 'of eu-west-1' in out, out
        assert '[one]' in profile(w)
        is_whole(w)
        w.server.elsewhere.functions = ['one-fn-words']
        w.server.elsewhere.tags['one-fn-words'] = {'snek:stack': 'one'}
        out = w.deploy('--destroy', '--yes', '--region', ELSEWHERE)
        assert 'left behind: nothing' in out and '[one]' in profile(w), out
        is_whole(w)


def an_end_that_lacked_only_the_profile_ends_well():
    with Command() as w:
        placed(w)
        kept = profile(w)
        w.deploy('--destroy', '--yes')
        for text, code in (kept, 0), (kept.replace(
                fake_aws.ACCOUNT, '999999999999'), 3):
            with open(w.conf, 'w') as f:
                f.write(text)
            out = w.deploy('--destroy', '--yes', expect=code)
            assert ('[one]' in profile(w)) == bool(code), out


def the_next_command_is_told_with_where():
    with Command() as w:
        out = w.deploy('--code', w.zip, '--dry-run', '--region',
                       fake_aws.REGION)
        assert '--destroy --stack one --region eu-west-1\n' in out, out
        assert '--destroy --stack one\n' in w.deploy('--code', w.zip,
                                                     '--dry-run')


def functions_of_others_are_left_alone():
    with World() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.functions += ['one-fn-a', 'one-fn-b-fn-c', 'one-fn-hand']
        w.cloud.tags.update({'one-fn-a': {'snek:stack': 'one'},
                             'one-fn-b-fn-c': {'snek:stack': 'one-fn-b'}})
        out = w.good('destroy')
        assert 'one-fn-b-fn-c alone: it is tagged as of the stack one-fn-b' \
            in out and 'one-fn-hand alone: it has no tag' in out, out
        assert w.cloud.functions == ['one-fn-b-fn-c', 'one-fn-hand']
        assert w.good('left') == 'left one-fn-hand\n'
        is_nothing(w)


def functions_whose_tags_are_not_told_are_not_removed():
    with Command() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.functions, w.cloud.tags = ['one-fn-a'], None
        out = w.deploy('--destroy', '--yes', expect=6)
        assert 'the policy needs lambda:ListTags' in out, out
        assert w.cloud.functions and w.cloud.live()


def nothing_of_a_protected_stack_is_removed():
    with Command() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.functions = ['one-fn-a']
        w.cloud.tags['one-fn-a'] = {'snek:stack': 'one'}
        w.cloud.stacks[0].protected = True
        out = w.deploy('--destroy', '--yes', expect=6)
        assert '--no-enable-termination-protection --stack-name one --region ' \
            'eu-west-1' in out, out
        assert w.cloud.functions and any(w.cloud.buckets.values())
        w.cloud.stacks[0].protected = False
        w.good('destroy')
        assert not w.cloud.functions
        is_nothing(w)


def what_is_under_way_ends_before_anything_is_removed():
    with World() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.functions = ['one-fn-a']
        w.cloud.tags['one-fn-a'] = {'snek:stack': 'one'}
        s = w.cloud.stacks[0]

        def update():
            w.cloud.turn(s, 't', 'UPDATE_IN_PROGRESS', 'User Initiated')
            for i in range(3):
                yield
                assert w.cloud.functions and any(w.cloud.buckets.values())
            w.cloud.turn(s, 't', 'UPDATE_COMPLETE')
        w.cloud.begin(s, update())
        s.shown = None          # what is told of it is new
        out = w.good('destroy')
        assert 'one is UPDATE_IN_PROGRESS already: waiting for it' in out, out
        assert not w.cloud.functions
        is_nothing(w)


def interfaces_of_mappers_are_waited_for():
    with Command() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.interfaces = {'eni-1': 1, 'eni-2': 2, 'eni-3': 3}
        bad = ['fault'] * 3     # as often as it is tried
        w.server.at = lambda n, a: bad and \
            a == 'DescribeNetworkInterfaces' and bad.pop()
        out = w.deploy('--destroy', '--yes')
        told = re.findall(r'(\d) network interfaces? of mappers', out)
        assert told == ['3', '2', '1'] and not bad, out
        assert out.endswith('left behind: nothing\n'), out
        is_nothing(w)


def a_wait_for_interfaces_that_is_broken_off_goes_on():
    with World() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.interfaces = {'eni-1': 10 ** 9}
        rc, out, err = w.run('destroy', 'patience=50')
        assert rc and 'eni-1 (AWS Lambda VPC ENI-' in err and \
            'the same command waits again' in err, err
        assert 'DeleteStack' not in w.cloud.log and \
            any(w.cloud.buckets.values())
        w.cloud.interfaces = {'eni-1': 3}
        w.good('destroy')
        is_nothing(w)


def interfaces_that_cannot_be_seen_hold_nothing_up():
    with Command() as w:
        w.good('deploy', *OPTIONS)
        w.cloud.interfaces = {'eni-1': 2}
        w.cloud.refused['DescribeNetworkInterfaces'] = 'UnauthorizedOperation'
        out = w.deploy('--destroy', '--yes', expect=1)
        assert 'cannot be seen, and the stack is deleted all the same' in out \
            and 'the policy needs ec2:DescribeNetworkInterfaces' in out, out
        assert 'MapperGroup (AWS::EC2::SecurityGroup) failed first' in out, out
        s, = w.cloud.live()     # by which Lambda takes the interfaces back
        assert 'MapperRole' in s.resources and 'Vpc' not in s.resources
        w.cloud.refused.clear()
        w.good('destroy')
        is_nothing(w)


def what_aws_lists_after_its_end_is_not_left_behind():
    with Command() as w:
        w.good('deploy', *OPTIONS, 'bastion=1')
        s = w.cloud.stacks[0]
        arn = f'arn:aws:ec2:{fake_aws.REGION}:{fake_aws.ACCOUNT}:'

        def tags(logical):
            return {'aws:cloudformation:stack-id': s.id, 'snek:stack': 'one',
                    'aws:cloudformation:logical-id': logical}
        w.cloud.lost = [(f'{arn}instance/p-Bastion', tags('Bastion')), s.id,
                        f'arn:aws:lambda:{fake_aws.REGION}:{fake_aws.ACCOUNT}:'
                        'function:one-fn-words']
        assert '/p-Bastion' in w.good('left')
        out = w.deploy('--destroy', '--yes')
        assert out.endswith('left behind: nothing\n'), out
        w.deploy('--destroy', '--yes', expect=3)
        w.cloud.lost += [(f'{arn}instance/of-before', tags('Bastion')),
                         (f'{arn}volume/v-1', {'snek:stack': 'one'})]
        out = w.good('left')
        assert re.findall('left .*/(.*)', out) == ['of-before', 'v-1'], out


def main():
    """Several at once: most of their time they wait for pauses to pass."""
    tests = [f for name, f in list(globals().items())
             if (not sys.argv[3:] or name in sys.argv[3:]) and
             inspect.isfunction(f) and f is not main and
             not inspect.signature(f).parameters]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for f, done in [(f, pool.submit(f)) for f in tests]:
            done.result()
            print(f'ok {f.__name__}', flush=True)


main()
