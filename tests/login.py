# SPDX-License-Identifier: MIT
"""snek-api's functions and the token of their servers, which a fake Secrets
Manager keeps: a real server, and a Runtime API that hands out events.

login.py API TOOL DEPLOY: runs API (snek-api), and sets up a stack's bastion
from the template of TOOL (tests/stack_tool) and the bundle of DEPLOY
(snek-deploy).
"""
import inspect
import json
import os
import subprocess
import sys
import tempfile

import fake_aws
from runtime_api import Runtime, Server

API, TOOL, DEPLOY = sys.argv[1:]
ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:one-Ab12Cd'
TOKEN = 'a-token/that+nobody%sees:0123456789'
EVENT = {'version': '2.0', 'rawPath': '/v1', 'rawQueryString': '',
         'headers': {}, 'requestContext': {
             'requestId': 'r', 'stage': '$default', 'http': {'method': 'GET'}},
         'isBase64Encoded': False}


class World:
    def __init__(self, token=TOKEN, kept=TOKEN):
        self.dir = tempfile.TemporaryDirectory()
        self.cloud = fake_aws.Cloud()
        if kept:
            self.cloud.secrets[ARN] = kept
        self.server, self.runtime = fake_aws.Server(self.cloud), Runtime()
        self.redis = Server(self.dir.name, f'requirepass "{token}"\n')
        url = self.redis.url
        env = dict(os.environ, AWS_LAMBDA_RUNTIME_API=self.runtime.where,
                   _HANDLER='Find', SNEK_META=url, SNEK_SHARDS=url,
                   SNEK_LEVEL='1', SNEK_TOKEN_SECRET=ARN,
                   TMPDIR=self.dir.name, HOME=self.dir.name,
                   AWS_ENDPOINT_URL=self.server.url, AWS_MAX_ATTEMPTS='1',
                   AWS_REGION=fake_aws.REGION,
                   AWS_ACCESS_KEY_ID=fake_aws.KEY,
                   AWS_SECRET_ACCESS_KEY=fake_aws.SECRET)
        self.env = env
        self.redis.wait()
        self.log = open(os.path.join(self.dir.name, 'log'), 'w+')
        self.api = subprocess.Popen([API], env=env, stderr=self.log,
                                    stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.api.kill()
        self.api.wait()
        self.redis.stop()
        self.server.stop()
        self.runtime.http.shutdown()
        self.runtime.http.server_close()
        self.log.seek(0)
        said = self.log.read()
        self.log.close()
        self.dir.cleanup()
        if self.cloud.wrong:
            raise AssertionError(f'requests: {self.cloud.wrong}')
        assert TOKEN not in said and 'nobody' not in said, said

    def ask(self, event=EVENT):
        self.runtime.events.put(event)
        return self.runtime.answers.get(timeout=60)

    def what_it_said(self):
        what, answer = self.runtime.answers.get(timeout=60)
        assert TOKEN not in json.dumps(answer), answer
        return what, answer['errorMessage']


def a_function_asks_for_the_token_once_and_keeps_it():
    with World() as w:
        for _ in range(3):
            what, answer = w.ask()
            assert what == 'response' and answer['statusCode'] == 200, answer
        assert w.cloud.log == ['GetSecretValue'], w.cloud.log
        conf = os.path.join(w.dir.name, 'snek.conf')
        assert os.stat(conf).st_mode & 0o777 == 0o600
        with open(f'/proc/{w.api.pid}/cmdline') as f:
            assert TOKEN not in f.read()


def health_tells_each_hop_to_each_server():
    with World() as w:
        event = dict(EVENT, rawPath='/v1/health')
        what, answer = w.ask(event)
        assert what == 'response' and answer['statusCode'] == 200, answer
        told = json.loads(answer['body'])
        assert told['well'] and TOKEN not in answer['body'], told
        names = [c['name'] for c in told['checks']]
        assert 'connect' in names and 'auth' in names, names
        w.redis.stop()
        what, answer = w.ask(event)
        assert what == 'response' and answer['statusCode'] == 503, answer
        told = json.loads(answer['body'])
        failed = [c for c in told['checks'] if c['verdict'] == 'fail']
        assert not told['well'] and failed[0]['name'] == 'connect', told
        assert failed[0]['cure'] and TOKEN not in answer['body']


def a_token_that_cannot_be_had_is_told_without_it():
    with World(kept=None) as w:
        what, text = w.what_it_said()
        assert what == 'error' and 'GetSecretValue' in text, text
    with World(kept='short') as w:
        what, text = w.what_it_said()
        assert what == 'error' and 'is no token' in text, text
        assert 'short' not in text


def a_token_that_is_not_the_servers_is_refused_by_it():
    with World(token='another-token-of-a-server', kept=TOKEN) as w:
        what, text = w.what_it_said()
        assert what == 'error', text


def with_iam_each_server_has_a_password_of_its_own():
    with tempfile.TemporaryDirectory() as d:
        env = dict(os.environ, SNEK_META='rediss://m.x:6379', HOME=d,
                   SNEK_SHARDS='rediss://s0.x:6379,rediss://s1.x:6379',
                   SNEK_CACHES='one-m,one-s0,one-s1', TMPDIR=d,
                   SNEK_REDIS_USER='one-api', AWS_REGION=fake_aws.REGION,
                   SNEK_MAPPER_USER='one-mapper',
                   AWS_ACCESS_KEY_ID=fake_aws.KEY,
                   AWS_SECRET_ACCESS_KEY=fake_aws.SECRET)
        for name in 'SNEK_TOKEN_SECRET', 'AWS_LAMBDA_RUNTIME_API':
            env.pop(name, None)
        r = subprocess.run([API, 'login'], env=env, capture_output=True,
                           text=True, timeout=60)
        assert r.returncode == 0 and not r.stdout + r.stderr, r
        with open(os.path.join(d, 'snek.conf')) as f:
            said = f.read().splitlines()
        assert said[:2] == ['[cloud]', 'cluster = rediss://m.x:6379'], said
        for i, line in enumerate(sorted(said[2:])):     # mappers, then servers
            who = 'mapper = rediss://one-mapper', 'server = rediss://one-api'
            cache = 'one-m', 'one-s0', 'one-s1'
            assert line.startswith(f'{who[i // 3]}:{cache[i % 3]}%2F%3F'
                                   'Action%3Dconnect'), line
            host = ('m.x', 's0.x', 's1.x')[i % 3]
            assert line.endswith(f'@{host}:6379') and 'Signature' in line, line
        assert len(said) == 8 and fake_aws.SECRET not in '\n'.join(said)
        r = subprocess.run([API, 'login'], env=dict(env, SNEK_CACHES='one-m'),
                           capture_output=True, text=True, timeout=60)
        assert r.returncode == 1 and 'SNEK_CACHES' in r.stderr, r


PROGRAMS = {
    'dnf': '#!/bin/sh\n',
    'aws': '#!/bin/sh\nfor to; do :; done\ncp "$BUNDLE" "$to"\n',
    'unzip': '#!PYTHON\n'
             'import os, sys, zipfile\n'
             'z = zipfile.ZipFile(sys.argv[2])\n'
             'for i in z.infolist():\n'
             '    os.chmod(z.extract(i, sys.argv[4]), i.external_attr >> 16)\n',
}


def script_of_bastion(port):
    t = json.loads(subprocess.run(
        [TOOL, 'template', 'one', 'code=c.zip', 'bastion=1', 'auth=token',
         'shards=1'], check=True, capture_output=True, text=True).stdout)
    text = t['Resources']['Bastion']['Properties']['UserData'][
        'Fn::Base64']['Fn::Sub']
    script = text.split('us-ascii"\n\n')[2].split('--//--')[0]
    for name, value in {
            'AWS::Region': fake_aws.REGION, 'Artifacts': 'bucket',
            'Token': ARN, 'Meta.PrimaryEndPoint.Address': '127.0.0.1',
            'Shard0.PrimaryEndPoint.Address': '127.0.0.1'}.items():
        script = script.replace('${%s}' % name, value)
    assert '${' not in script
    return script.replace('rediss://127.0.0.1:6379',
                          f'redis://127.0.0.1:{port}')


def the_bastions_commands_reach_the_servers():
    """Its script is run here, in a directory, with the real bundle."""
    with World() as w:
        assert w.ask()[1]['statusCode'] == 200          # there is a cluster
        root = os.path.join(w.dir.name, 'bastion')
        programs = os.path.join(w.dir.name, 'bin')
        bundle = os.path.join(w.dir.name, 'api.zip')
        os.mkdir(root)
        os.mkdir(programs)
        for name, text in PROGRAMS.items():
            path = os.path.join(programs, name)
            with open(path, 'w') as f:
                f.write(text.replace('PYTHON', sys.executable))
            os.chmod(path, 0o755)
        subprocess.run([DEPLOY, '--aws', '--bundle', bundle], check=True,
                       capture_output=True, env=w.env)
        env = {k: v for k, v in w.env.items() if not k.startswith('SNEK_') and
               k != 'AWS_LAMBDA_RUNTIME_API'}
        # A sanitizer takes a program's own memory for its loader's, where
        # the loader was what was started, and what is held there for lost.
        env.update(ASAN_OPTIONS='detect_leaks=0')
        env.update(BASTION_ROOT=root, BUNDLE=bundle, HOME=root,
                   PATH=f'{programs}:{os.environ["PATH"]}')
        for _ in range(2):      # at each of its starts
            r = subprocess.run(['sh'], input=script_of_bastion(w.redis.port), env=env,
                               capture_output=True, text=True, timeout=120)
            assert r.returncode == 0, r
        r = subprocess.run([f'{root}/usr/local/bin/snek', 'doctor'], env=env,
                           capture_output=True, text=True, timeout=120)
        told = [x.split('\t')[:2] for x in r.stdout.splitlines()]
        assert ['PASS', 'auth'] in told and ['PASS', 'cluster'] in told, r
        assert ['PASS', 'plugins'] in told and ['PASS', 'worker'] in told, r
        assert r.returncode == 0 and TOKEN not in r.stdout + r.stderr, r
        for which in 'meta', '0':
            r = subprocess.run([f'{root}/usr/local/bin/snek-redis', which,
                                'ping'], env=env, capture_output=True,
                               text=True, timeout=60)
            assert r.stdout == 'PONG\n', r
        r = subprocess.run([f'{root}/usr/local/bin/snek-redis', '7', 'ping'],
                           env=env, capture_output=True, text=True, timeout=60)
        assert r.returncode == 3 and 'no such shard' in r.stderr, r


def main():
    for name, f in list(globals().items()):
        if inspect.isfunction(f) and f not in (
                main, script_of_bastion):
            f()
            print(f'ok {name}', flush=True)


main()
