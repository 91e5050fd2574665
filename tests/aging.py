# SPDX-License-Identifier: MIT
"""snek-api's functions at servers which log in as ElastiCache does with IAM: a
password is a presigned URL, and is taken for a while only.

aging.py API AHEAD: runs API (snek-api); AHEAD is a library that puts its wall
clock ahead by as many seconds as are in the file $AHEAD, or "".
"""
import http.server
import inspect
import json
import os
import select
import socket
import sys
import threading
import time
import urllib.parse

from runtime_api import Function, Servers

API, AHEAD = sys.argv[1:]
SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'


class Gate:
    """Before a server: who logs in is let through with a password of its cache
    that is not refused."""

    def __init__(self, server, cache):
        self.server, self.cache = server, cache
        self.seen, self.refused, self.logins = set(), set(), 0
        self.refuses_all = self.cuts_fetch = self.stays_shut = False
        self.holds_fetch = None
        self.open = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'redis://127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def is_let_in(self, user, password):
        where, _, query = password.partition('/?')
        told = dict(urllib.parse.parse_qsl(query))
        self.logins += 1
        self.seen.add(password)
        return (where == self.cache and told['User'] == user and
                told['Action'] == 'connect' and told['X-Amz-Expires'] == '900'
                and password not in self.refused and not self.refuses_all)

    def serve(self, client):
        hello = b''
        while hello.count(b'\r\n') < 7:         # AUTH, its user and password
            more = client.recv(65536)
            if not more:
                return client.close()
            hello += more
        words = hello.split(b'\r\n', 7)
        assert words[2] == b'AUTH', hello
        if not self.is_let_in(words[4].decode(), words[6].decode()):
            client.sendall(b'-WRONGPASS invalid username-password pair or user '
                           b'is disabled.\r\n' +
                           2 * b'-NOAUTH Authentication required.\r\n')
            client.recv(65536)
            return client.close()
        client.sendall(b'+OK\r\n')
        there = socket.create_connection(('127.0.0.1', self.server.port))
        self.open.append(client)
        there.sendall(words[7])
        self.pass_on(client, there)

    def pass_on(self, client, there):
        try:
            while True:
                for s in select.select([client, there], [], [])[0]:
                    data = s.recv(1 << 20)
                    if not data or (s is client and self.is_cut(data)):
                        return
                    (there if s is client else client).sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            client.close()
            there.close()

    def is_cut(self, data):
        if not self.cuts_fetch or b'HMGET' not in data:
            return False
        self.cuts_fetch = False
        if self.holds_fetch:
            self.holds_fetch()
            return True
        self.refuses_all = self.stays_shut
        next_second()
        self.refuse_what_it_has_seen()
        return True

    def refuse_what_it_has_seen(self):
        self.refused |= self.seen
        for client in self.open:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open.clear()


def next_second():
    """What is signed then is another password."""
    time.sleep(1.01 - time.time() % 1)


class Lambda(http.server.BaseHTTPRequestHandler):
    """Takes invocations, and lets nobody hear of them."""
    refusals = invocations = 0

    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        Lambda.invocations += 1
        if Lambda.refusals:
            Lambda.refusals -= 1
            self.send_response(502)
            self.send_header('X-Amzn-ErrorType', 'ResourceNotReadyException')
        else:
            self.send_response(202)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *args):
        pass


class World(Servers):
    def __init__(self):
        super().__init__(2)
        self.gates = [Gate(s, f'one-{i}') for i, s in enumerate(self.servers)]
        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Lambda)
        threading.Thread(target=self.http.serve_forever, args=(0.02,),
                         daemon=True).start()
        self.ahead = os.path.join(self.dir.name, 'ahead')
        self.pass_by(0)

    def pass_by(self, seconds):
        """For functions whose clock may be ahead."""
        with open(self.ahead, 'w') as f:
            f.write(str(seconds))

    def function(self, handler, ahead=False):
        more = dict(LD_PRELOAD=AHEAD, AHEAD=self.ahead) if ahead else {}
        f = Function(
            API, self.dir.name, _HANDLER=handler, SNEK_META=self.gates[0].url,
            SNEK_SHARDS=self.gates[1].url, SNEK_LEVEL='1',
            SNEK_CACHES='one-0,one-1', SNEK_REDIS_USER='one-api',
            SNEK_COORDINATOR='one-Coordinator', SNEK_ON='threads',
            AWS_ENDPOINT_URL=f'http://127.0.0.1:{self.http.server_address[1]}',
            AWS_REGION='eu-west-1', AWS_ACCESS_KEY_ID='AKIDEXAMPLE',
            AWS_SECRET_ACCESS_KEY=SECRET, **more)
        self.functions.append(f)
        return f

    def age(self):
        """All passwords so far are too old, and all connections are cut."""
        next_second()
        for g in self.gates:
            g.refuse_what_it_has_seen()

    def logins(self):
        return sum(g.logins for g in self.gates)

    def __exit__(self, *args):
        super().__exit__(*args)
        for g in self.gates:
            g.listener.close()
        self.http.shutdown()
        self.http.server_close()


def what_an_old_password_made_fail_is_asked_once_more():
    with World() as w:
        f = w.function('Write')
        assert f.shape() == (1, 1)
        f.write('c', {'n': 1})
        w.age()
        f.write('c', {'n': 2})
        assert f.read('c') == [{'n': 1}, {'n': 2}]
        w.age()
        assert f.read('c') == [{'n': 1}, {'n': 2}]


def who_is_not_let_in_at_all_is_told_so():
    with World() as w:
        f = w.function('Find')
        assert f.shape() == (1, 1)
        w.age()
        w.gates[0].refuses_all = True
        before = w.logins()
        said = f.ask('GET', '/v1/cluster', status=403)
        assert 'WRONGPASS' in said and 'Signature' not in said, said
        assert w.logins() - before <= 4, w.logins() - before


def write(f):
    """More than goes into the meta store."""
    f.write('c', *({'k': n % 3, 'text': 'x' * 50} for n in range(3000)))


def begin_query(query):
    said = json.loads(query.ask('POST', '/v1/query', json.dumps({
        'category': 'c', 'function': 'group', 'args': {'by': 'k'}, 'wait': 0}),
        status=202))
    return said['job']


def result_of(query, job):
    said = json.loads(query.ask('GET', f'/v1/jobs/{job}/results'))
    return sorted((r['key'], r['value']['count']) for r in said['results'])


def a_job_goes_on_with_another_password():
    """Its fetching is cut off, and the password that it has is refused."""
    with World() as w:
        query = w.function('Query')
        write(query)
        coordinator = w.function('Coordinator')
        for g in w.gates[1:]:
            g.cuts_fetch = True
        job = begin_query(query)
        coordinator.call({'job': job})
        assert not w.gates[1].cuts_fetch, 'nothing was fetched'
        assert w.gates[1].refused
        assert result_of(query, job) == [(0, 1000), (1, 1000), (2, 1000)]
        # Between two jobs all of them have grown old.
        w.age()
        job = begin_query(query)
        coordinator.call({'job': job})
        assert result_of(query, job) == [(0, 1000), (1, 1000), (2, 1000)]


def a_coordinator_that_slept_for_weeks_is_waited_for():
    with World() as w:
        query = w.function('Query')
        write(query)
        Lambda.refusals = 4             # more than the tries of one call
        begin_query(query)
        assert not Lambda.refusals


def a_job_that_is_not_let_in_fails_with_that():
    with World() as w:
        query = w.function('Query')
        write(query)
        coordinator = w.function('Coordinator')
        job = begin_query(query)
        w.gates[1].cuts_fetch = w.gates[1].stays_shut = True
        coordinator.call({'job': job})
        assert w.gates[1].refuses_all
        w.gates[1].refuses_all = False
        said = query.ask('GET', f'/v1/jobs/{job}/results', status=403)
        assert 'WRONGPASS' in said, said


def who_was_frozen_logs_in_anew():
    with World() as w:
        f = w.function('Find', ahead=True)
        assert f.shape() == (1, 1)
        seen = w.gates[0].seen.copy()
        assert f.shape() == (1, 1) and w.gates[0].seen == seen
        w.pass_by(9 * 60)
        assert f.shape() == (1, 1) and w.gates[0].seen != seen


def a_job_is_handed_over_before_its_passwords_are_too_old():
    with World() as w:
        query = w.function('Query')
        write(query)
        coordinator = w.function('Coordinator', ahead=True)
        job = begin_query(query)
        begun = Lambda.invocations

        def hold():
            w.pass_by(13 * 60 + 40)
            for _ in range(600):
                if Lambda.invocations > begun:
                    break
                time.sleep(0.05)

        w.gates[1].holds_fetch, w.gates[1].cuts_fetch = hold, True
        coordinator.call({'job': job})
        assert Lambda.invocations == begun + 1
        said = json.loads(query.ask('GET', f'/v1/jobs/{job}'))
        assert said['state'] == 'running', said
        w.function('Coordinator').call({'job': job})
        assert result_of(query, job) == [(0, 1000), (1, 1000), (2, 1000)]


AHEAD_ONLY = (who_was_frozen_logs_in_anew,
              a_job_is_handed_over_before_its_passwords_are_too_old)


def main():
    for name, f in list(globals().items()):
        if inspect.isfunction(f) and f not in (main, next_second, write,
                                               begin_query, result_of):
            if f in AHEAD_ONLY and not AHEAD:
                continue
            f()
            print(f'ok {name}', flush=True)


main()
