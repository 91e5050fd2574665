# SPDX-License-Identifier: MIT
"""Lambda's Runtime API for one function, and snek-api as that function."""
import http.server
import json
import os
import queue
import socket
import subprocess
import tempfile
import threading
import time


def spare_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Runtime:
    """Lambda's Runtime API: events from one queue, answers into another."""

    def __init__(self):
        self.events, self.answers = queue.Queue(), queue.Queue()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, wbufsize = 'HTTP/1.1', -1

            def log_message(self, *args):
                pass

            def do_GET(self):
                event = outer.events.get()
                self.reply(200, json.dumps(event) if event else '{}')

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                outer.answers.put((self.path.split('/')[-1],
                                   json.loads(body)))
                self.reply(202, '')

            def reply(self, status, text):
                self.send_response(status)
                self.send_header('Lambda-Runtime-Aws-Request-Id', 'r-1')
                self.send_header('Lambda-Runtime-Deadline-Ms',
                                 str(int(time.time() * 1000) + 60000))
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *args: None     # it went away
        self.where = f'127.0.0.1:{self.http.server_address[1]}'
        threading.Thread(target=self.http.serve_forever, args=(0.02,),
                         daemon=True).start()


BUILT = 'SNEK_AWS', 'SNEK_PLUGIN_PATH', 'SNEK_TLS', 'SNEK_WORKER'


class Server:
    """A redis-server of its own; more: lines of its configuration."""

    def __init__(self, directory, more=''):
        self.port = spare_port()
        self.url = f'redis://127.0.0.1:{self.port}'
        conf = os.path.join(directory, f'{self.port}.conf')
        with open(conf, 'w') as f:
            f.write(f'port {self.port}\nbind 127.0.0.1\nsave ""\n'
                    f'dir {directory}\nmaxmemory-policy noeviction\n{more}')
        self.process = subprocess.Popen(['redis-server', conf],
                                        stdout=subprocess.DEVNULL)

    def wait(self):
        for _ in range(600):
            try:
                socket.create_connection(('127.0.0.1', self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError('no redis-server')

    def say(self, command):
        with socket.create_connection(('127.0.0.1', self.port)) as s:
            s.sendall(command.encode() + b'\r\n')
            assert s.recv(100) == b'+OK\r\n', command

    def stop(self):
        self.process.kill()
        self.process.wait()


class Servers:
    """So many servers, and functions that end before them."""

    def __init__(self, n):
        self.dir = tempfile.TemporaryDirectory()
        self.functions = []
        self.servers = [Server(self.dir.name) for _ in range(n)]
        for s in self.servers:
            s.wait()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        for f in self.functions:
            f.stop()
        for s in self.servers:
            s.stop()
        self.dir.cleanup()


class Function:
    """snek-api as a function, with no environment of snek's and AWS's but what is said."""

    def __init__(self, api, directory, **environment):
        self.runtime = Runtime()
        own = tempfile.mkdtemp(dir=directory)
        self.log = tempfile.TemporaryFile('w+', dir=own)
        env = {k: v for k, v in os.environ.items() if k in BUILT or
               not k.startswith(('SNEK_', 'AWS_'))}
        env.update({'AWS_LAMBDA_RUNTIME_API': self.runtime.where,
                    '_HANDLER': 'Write', 'TMPDIR': own, 'HOME': own},
                   **environment)
        self.process = subprocess.Popen([api], env=env, stderr=self.log,
                                        stdin=subprocess.DEVNULL)

    def call(self, event):
        """Of a function that no API stands before."""
        self.runtime.events.put(event)
        what, answer = self.runtime.answers.get(timeout=60)
        assert what == 'response', (answer, self.said())
        return answer

    def begin(self, method, path, body=''):
        self.runtime.events.put({
            'version': '2.0', 'rawPath': path, 'rawQueryString': '',
            'headers': {'content-type': 'application/json'}, 'body': body,
            'requestContext': {'requestId': 'r', 'stage': '$default',
                               'http': {'method': method}},
            'isBase64Encoded': False})

    def end(self, status=200):
        what, answer = self.runtime.answers.get(timeout=60)
        assert what == 'response' and answer['statusCode'] == status, (
            answer, self.said())
        return answer['body']

    def ask(self, method, path, body='', status=200):
        self.begin(method, path, body)
        return self.end(status)

    def status(self, method, path):
        self.begin(method, path)
        return self.runtime.answers.get(timeout=60)[1]['statusCode']

    def shape(self):
        told = json.loads(self.ask('GET', '/v1/cluster'))
        return told['shards'], told['level']

    def write(self, category, *records):
        self.ask('POST', f'/v1/categories/{category}/records',
                 '\n'.join(json.dumps(r) for r in records))

    def read(self, category):
        return [json.loads(line) for line in self.ask(
            'GET', f'/v1/categories/{category}/records').splitlines()]

    def placement(self, category):
        told = json.loads(self.ask('GET', f'/v1/categories/{category}'))
        return sorted(s['shard'] for s in told['placement'])

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.runtime.http.shutdown()
        self.runtime.http.server_close()
        self.log.close()
