#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Functions over HTTP, as people write them: POST {"data":[...]}, a list back.

usage: http_functions.py > port     (it ends with its standard input)
"""
import http.server
import json
import sys
import threading

counts = {}
lock = threading.Lock()


def number(path):
    with lock:
        counts[path] = counts.get(path, 0) + 1
        return counts[path]


class Functions(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def reply(self, status, value, **headers):
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    # Some fail, some wait, some are cut: the caller must not care.
    def moody(self, n, data):
        if n % 9 == 1:
            self.reply(500, {"message": "not now"})
        elif n % 9 == 4:
            self.reply(429, {}, Retry_After="0")
        elif n % 9 == 6:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[")
            self.close_connection = True
        else:
            self.reply(200, data)

    def do_GET(self):
        self.reply(200, counts)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        data = json.loads(body)["data"]
        n = number(self.path)
        if self.path == "/echo":
            self.reply(200, data)
        elif self.path == "/reverse":
            self.reply(200, {"statusCode": 200, "body": json.dumps(
                [s[::-1] for s in data])})
        elif self.path == "/longest":
            self.reply(200, {"body": sorted(data, key=len)[-1:]})
        elif self.path == "/moody":
            self.moody(n, data)
        elif self.path == "/closed":
            self.reply(403, {"message": "no"})
        elif self.path == "/elsewhere":
            self.reply(302, {}, Location="http://127.0.0.1:9/")
        else:
            self.reply(404, {"message": "no such function"})


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


server = Server(("127.0.0.1", 0), Functions)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
