# SPDX-License-Identifier: MIT
"""snek logs at a fake CloudWatch, and beside it.

logs.py SNEK: runs SNEK.
"""
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import fake_aws

SNEK, = sys.argv[1:]
JOB, OTHER = '0b5c7d1e' + 'a' * 24, '0b5c7d1f' + 'b' * 24
WORDS, WRITE = '/aws/lambda/one-fn-words', '/aws/lambda/one-Write'
PROFILE = '''[one]
cluster = https://x.execute-api.eu-west-1.amazonaws.com
lambda-region = eu-west-1
'''


def line(message, job=JOB, task=3, level='WARN'):
    return json.dumps({'timestamp': 'T', 'level': level, 'requestId': 'r-1',
                       'job': job, 'stage': 0, 'task': task, 'attempt': 1,
                       'message': message}) + '\n'


class World:
    def __init__(self):
        self.cloud = fake_aws.Cloud()
        self.server = fake_aws.Server(self.cloud)
        self.dir = tempfile.TemporaryDirectory()
        self.conf = os.path.join(self.dir.name, 'snek.conf')
        with open(self.conf, 'w') as f:
            f.write(PROFILE)
        os.chmod(self.conf, 0o600)
        self.now = int(time.time() * 1000)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.server.stop()
        self.dir.cleanup()
        if self.cloud.wrong:
            raise AssertionError(f'requests: {self.cloud.wrong}')

    def log(self, group, message, ago=60, stream='s'):
        self.cloud.put_log(group, stream, self.now - int(ago * 1000), message)

    def start(self, *args):
        env = dict(os.environ, AWS_ENDPOINT_URL=self.server.url,
                   AWS_REGION=fake_aws.REGION, HOME=self.dir.name,
                   AWS_ACCESS_KEY_ID=fake_aws.KEY, SNEK_CONFIG=self.conf,
                   AWS_SECRET_ACCESS_KEY=fake_aws.SECRET)
        return subprocess.Popen(
            [SNEK, 'logs', '--cluster', 'one', *args], env=env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,     # and it hears interrupts, as in front
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def logs(self, *args, expect=0):
        p = self.start(*args)
        out, err = p.communicate(timeout=120)
        assert p.returncode == expect, (args, p.returncode, out, err)
        return out if expect == 0 else err


def a_functions_lines_are_told_with_whose_they_are():
    with World() as w:
        w.log(WORDS, line('no field text'), 50)
        w.log(WORDS, 'REPORT RequestId: r-1\tDuration: 3 ms\n', 49)
        w.log('/aws/lambda/one-fn-words2', line('not this'), 50)
        w.log(WORDS, '{"errorType":"Snek.Died","errorMessage":"it crashed",'
              f'"job":"{JOB}","task":3,"attempt":2}}', 48)
        out = w.logs('words').splitlines()
        assert len(out) == 3 and out[2].endswith('attempt 2  it crashed'), out
        assert out[0].endswith(f'  one-fn-words  WARN  job {JOB} task 3 '
                               'attempt 1  no field text'), out
        assert 'REPORT RequestId: r-1\\x09Duration' in out[1], out
        assert w.logs('words.longest').splitlines() == out


def json_has_the_lines_as_they_were_logged():
    with World() as w:
        text = line('say "x"')
        w.log(WORDS, text)
        o = json.loads(w.logs('words', '--json'))
        assert (o['kind'], o['function'], o['stream']) == (
            'log', 'one-fn-words', 's'), o
        assert o['line'] == text.rstrip('\n') and o['time'].endswith('Z'), o


def all_functions_of_a_stack_are_put_in_the_order_of_time():
    with World() as w:
        for i in range(6):
            w.log([WORDS, WRITE, '/aws/apigateway/one'][i % 3], f'line {i}',
                  100 - i)
        for other in ('onery', 'one-two-Write', 'one-two-fn-words', 'one-WRITE',
                      'one-words'):
            w.log(f'/aws/lambda/{other}', 'not of this stack')
        out = [x.split('  ')[-1] for x in w.logs().splitlines()]
        assert out == [f'line {i}' for i in range(6)], out
        assert len(w.logs('write').splitlines()) == 2
        assert len(w.logs('api').splitlines()) == 2
        assert len(w.logs('/aws/lambda/onery').splitlines()) == 1


def lines_are_chosen_by_time_job_task_and_pattern():
    with World() as w:
        w.log(WORDS, line('old'), 3000)
        w.log(WORDS, line('a1'))
        w.log(WORDS, line('a2', task=4))
        w.log(WORDS, line('b1', OTHER, task=4))

        def said(*args):
            return [x.split('  ')[-1]
                    for x in w.logs('words', *args).splitlines()]
        assert said() == ['a1', 'a2', 'b1']
        assert said('--since', '2h')[0] == 'old'
        assert said('--since', '2020-01-01T00:00:00Z')[0] == 'old'
        assert said('--job', JOB) == ['a1', 'a2']
        assert said('--job', JOB[:8]) == ['a1', 'a2']
        assert said('--job', JOB[:7]) == ['a1', 'a2', 'b1']
        assert said('--task', '4') == ['a2', 'b1']
        assert said('--grep', 'message": "(a[2-9]|b)') == ['a2', 'b1']
        w.logs('--since', 'soon', expect=2)
        w.logs('--grep', '(', expect=2)
        w.logs('--job', 'x y', expect=2)


def pages_are_read_to_the_last_one_also_past_empty_ones():
    with World() as w:
        for i in range(100):
            w.log(WORDS, f'line {i}', 100 - i / 10)
        w.cloud.log_page = 30
        out = [x.split('  ')[-1] for x in w.logs('words').splitlines()]
        assert out == [f'line {i}' for i in range(100)], out
        assert w.cloud.log.count('FilterLogEvents') > 4


def throttles_and_faults_are_waited_out():
    with World() as w:
        w.log(WORDS, 'here')
        w.server.at = lambda n, action: {2: 'throttle', 3: 'fault',
                                         4: 'lost'}.get(n)
        assert 'here' in w.logs('words')


def what_is_not_there_is_said():
    with World() as w:
        w.log(WORDS, 'x', 8000)
        assert 'no log of a function nope' in w.logs('nope', expect=3)
        assert w.logs('words') == ''
        assert 'lambda/x' in w.logs('/aws/lambda/x', expect=3)
        w.cloud.refused['FilterLogEvents'] = 'AccessDeniedException'
        assert 'AccessDenied' in w.logs('words', expect=6)


def what_comes_is_followed_and_each_line_shown_once():
    with World() as w:
        w.log(WORDS, 'one', 5)
        p = w.start('words', '--follow')
        assert p.stdout.readline().endswith('one\n')
        w.log(WORDS, 'two', 4)
        assert p.stdout.readline().endswith('two\n')
        w.log(WORDS, 'late', 20)        # its time is before that of others
        assert p.stdout.readline().endswith('late\n')
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
        assert p.returncode == 130 and out == '', (out, err)


def main():
    for name, f in list(globals().items()):
        if inspect.isfunction(f) and f not in (main, line):
            f()
            print(f'ok {name}', flush=True)


main()
