# SPDX-License-Identifier: MIT
"""Lambda's Runtime API for one function."""
import http.server
import json
import queue
import socket
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
