# SPDX-License-Identifier: MIT
"""rest_proxy.py URL: a door to an emulator of Lambda that lets through what
botocore's model of Lambda knows; prints its own URL.  What is wrong is told to
whoever asks, as 400, and on standard error.
"""
import http.client
import http.server
import sys
import urllib.parse

from rest_model import RestModel, Wrong

MODEL = RestModel('lambda')
TO = urllib.parse.urlsplit(sys.argv[1])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = 'HTTP/1.1', -1

    def log_message(self, *args):
        pass

    def do(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        try:
            MODEL.check(self.command, self.path, self.headers, body)
        except (Wrong, ValueError) as e:
            print(f'WRONG: {e}', file=sys.stderr, flush=True)
            return self.send(400, [], b'{"message":"no request of Lambda"}')
        there = http.client.HTTPConnection(TO.hostname, TO.port)
        there.request(self.command, self.path, body, dict(self.headers))
        r = there.getresponse()
        answer = r.read()
        there.close()
        self.send(r.status, r.getheaders(), answer)

    def send(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ('content-length', 'connection',
                                    'transfer-encoding'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
server.daemon_threads = True
print(f'http://127.0.0.1:{server.server_address[1]}', flush=True)
server.serve_forever()
