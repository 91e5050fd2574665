# SPDX-License-Identifier: MIT
"""Requests that snek sends, as bytes on the wire, signed again by botocore.

signature.py PROGRAM: runs PROGRAM (tests/aws_requests) against a server here,
which recomputes the signature of what comes in; plain, then over TLS.
"""
import os
import random
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse

try:
    import botocore.auth        # noqa: F401
except ImportError:             # Debian's awscli brings it, under this name
    import awscli.clidriver     # noqa: F401
from botocore.auth import (S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth,
                           SigV4QueryAuth)
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = 'eu-west-1'
KEY, SECRET = 'AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
TOKEN = 'AQoDYXdzEPT//////////wEXAMPLE+tc76/=='
ARN = 'arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af'
SIGNED_AS = {'apigatewayv2': 'apigateway'}
SIGNED_IN = {'iam': 'us-east-1'}

CASES = [
    # name, service, method, path, query, header, body
    ('plain', 'lambda', 'GET', '/2015-03-31/functions', '', '', ''),
    ('name', 'lambda', 'POST', '/2015-03-31/functions/f/invocations', '', '',
     '{"data":[]}'),
    ('arn', 'lambda', 'POST', f'/2015-03-31/functions/{ARN}/invocations', '',
     '', '{}'),
    ('arn-raw', 'lambda', 'GET', '/2015-03-31/functions/arn:aws:lambda:f', '',
     '', ''),
    ('latest', 'lambda', 'GET', '/2015-03-31/functions/f', 'Qualifier=%24LATEST',
     '', ''),
    ('unsorted', 'lambda', 'GET', '/2015-03-31/functions',
     'MaxItems=5&Marker=a%2Fb%3D&Marker=Z&a', '', ''),
    ('delete', 'lambda', 'DELETE', '/2015-03-31/functions/f', '', '', ''),
    ('put', 'lambda', 'PUT', '/2015-03-31/functions/f/code', '', '', '{"a":1}'),
    ('form', 'cloudformation', 'POST', '/', '', '',
     'Action=DescribeStacks&Version=2010-05-15&StackName=a%20b'),
    ('json', 'logs', 'POST', '/', '', 'Logs_20140328.FilterLogEvents', '{}'),
    ('gateway', 'apigatewayv2', 'GET', '/v2/apis/x', '', '', ''),
    ('global', 'iam', 'POST', '/', '', '', 'Action=ListUsers&Version=2010-05-08'),
    ('blanks', 'lambda', 'GET', '/x', '', ' two  blanks and  ', ''),
    ('dots', 'lambda', 'GET', '/a/./b/../c//d/', '', '', ''),
    ('s3', 's3', 'GET', '/bucket/a%20key/with%2Bplus/~._-', '', '', ''),
    ('s3-list', 's3', 'GET', '/bucket', 'prefix=a%2Fb&list-type=2&delimiter=%2F',
     '', ''),
    ('s3-acl', 's3', 'GET', '/bucket', 'acl', '', ''),
    ('s3-put', 's3', 'PUT', '/bucket/x//y/../z', '', '', 'bytes'),
    ('url', 's3', 'presign', '/bucket/a%20key', 'versionId=3&a=b%2Fc', '', ''),
    ('url-lambda', 'lambda', 'presign', f'/2015-03-31/functions/{ARN}', 'b=2&a=1',
     '', ''),
    ('cache', 'my-cache', 'token', 'a user', '', '', ''),
    ('cache-serverless', 'my-cache', 'token', 'u', 'serverless', '', ''),
]


def noise(n):
    """Requests nobody would think of."""
    rng = random.Random(7)
    safe = 'abcXYZ019-._~'
    other = ['%2F', '%20', '%3A', '%24', '%C3%A9', '%25', '%2B', '/', ':', '@',
             '$', '+', ',', ';', '!', "'", '(', ')', '*']

    def text(most, chars):
        return ''.join(rng.choice(chars) for _ in range(rng.randrange(most)))

    for i in range(n):
        service = rng.choice(['lambda', 's3', 'ssm', 'apigatewayv2'])
        letters = list(safe) + other
        path = '/' + text(30, letters)
        word = list(safe) + ['%2F', '%20', '%3D', '%26', '%C3%A9']
        query = '&'.join(rng.choice(word) + text(6, word) + rng.choice(['', '=', '=' + text(8, word)])
                         for _ in range(rng.randrange(5)))
        yield (f'noise-{i}', service,
               rng.choice(['GET', 'POST', 'PUT', 'DELETE', 'presign']),
               path, query, text(12, list(safe) + [' ', ',', '"']).strip(),
               text(40, list(safe) + ['{', '"', '&', '=']))


class Wire:
    """Reads requests off connections and judges them."""

    def __init__(self, cases, token, tls=None):
        self.cases = {c[0]: c for c in cases}
        self.token = token
        self.seen, self.wrong = set(), []
        self.tls = tls
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            if self.tls:
                s = self.tls.wrap_socket(s, server_side=True)
            while self.one(s):
                pass
        except OSError:
            pass                # a client that does not trust us
        finally:
            s.close()

    def one(self, s):
        data = b''
        while b'\r\n\r\n' not in data:
            more = s.recv(65536)
            if not more:
                return False
            data += more
        head, body = data.split(b'\r\n\r\n', 1)
        lines = head.decode().split('\r\n')
        method, target, _ = lines[0].split(' ')
        headers = [tuple(x.split(':', 1)) for x in lines[1:]]
        headers = [(k.lower(), v) for k, v in headers]
        length = int(dict(headers).get('content-length', '0'))
        while len(body) < length:
            body += s.recv(65536)
        self.judge(method, target, headers, body)
        s.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        return True

    def judge(self, method, target, headers, body):
        name = dict(headers)['x-case'].strip()
        case = self.cases[name]
        self.seen.add(name)
        if body != case[6].encode() and case[2] != 'presign':
            self.wrong.append(f'{name}: body {body!r}')
        why = (self.judge_query if case[2] == 'presign' else
               self.judge_headers)(case, method, target, headers, body)
        if why:
            self.wrong.append(f'{name}: {why}: {method} {target} {headers}')

    def auth(self, plain, s3, service):
        signed_as = SIGNED_AS.get(service, service)
        region = SIGNED_IN.get(service, REGION)
        credentials = Credentials(KEY, SECRET, self.token)
        return (s3 if service == 's3' else plain)(credentials, signed_as, region)

    def judge_headers(self, case, method, target, headers, body):
        auth = self.auth(SigV4Auth, S3SigV4Auth, case[1])
        value = dict(headers)['authorization'].strip()
        kind, rest = value.split(' ', 1)
        fields = dict(x.strip().split('=', 1) for x in rest.split(','))
        signed = fields['SignedHeaders'].split(';')
        present = {k for k, _ in headers}
        must = {k for k in present if k.startswith('x-amz-')} | {'host'}
        if kind != 'AWS4-HMAC-SHA256' or signed != sorted(signed):
            return 'form'
        if not must <= set(signed) <= present:
            return 'headers that are not signed, or not there'
        if (self.token is not None) != ('x-amz-security-token' in present):
            return 'the token'
        host = dict(headers)['host'].strip()
        request = AWSRequest(method=method, url=f'http://{host}{target}',
                             data=body)
        for k, v in headers:
            if k in signed:
                request.headers.add_header(k, v.strip())
        request.context['timestamp'] = dict(headers)['x-amz-date'].strip()
        request.context['payload_signing_enabled'] = True
        if case[1] == 's3':
            sent = dict(headers)['x-amz-content-sha256'].strip()
            if sent != auth.payload(AWSRequest(method, 'https://x/', data=body)):
                return 'x-amz-content-sha256'
        return self.compare(auth, request, fields)

    def judge_query(self, case, method, target, headers, body):
        if any(k in ('authorization', 'x-amz-date') for k, _ in headers):
            return 'signed twice'
        return self.judge_url(case[1], method,
                              f'http://{dict(headers)["host"].strip()}{target}')

    def judge_url(self, service, method, url):
        auth = self.auth(SigV4QueryAuth, S3SigV4QueryAuth, service)
        url, signature = url.split('&X-Amz-Signature=')
        query = urllib.parse.parse_qs(url.split('?', 1)[1],
                                      keep_blank_values=True)
        request = AWSRequest(method=method, url=url)
        request.headers['host'] = urllib.parse.urlsplit(url).netloc
        request.context['timestamp'] = query['X-Amz-Date'][0]
        if (self.token is not None) != ('X-Amz-Security-Token' in query):
            return 'the token'
        return self.compare(auth, request, {
            'Credential': query['X-Amz-Credential'][0], 'Signature': signature})

    def compare(self, auth, request, fields):
        if fields['Credential'] != auth.scope(request):
            return f'scope {fields["Credential"]}'
        canonical = auth.canonical_request(request)
        text = auth.string_to_sign(request, canonical)
        if fields['Signature'] != auth.signature(text, request):
            return f'signature of {canonical!r}'
        return None


def run(program, cases, token, tls=None, env=None):
    wire = Wire(cases, token, tls)
    scheme = 'https' if tls else 'http'
    with tempfile.TemporaryDirectory() as home:
        world = {k: v for k, v in os.environ.items()
                 if not k.startswith('AWS_')}
        world.update({
            'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET,
            'AWS_REGION': REGION, 'HOME': home,
            'AWS_ENDPOINT_URL': f'{scheme}://127.0.0.1:{wire.port}',
            'AWS_MAX_ATTEMPTS': '1'})
        if token:
            world['AWS_SESSION_TOKEN'] = token
        world.update(env or {})
        text = ''.join('\t'.join(c) + '\n' for c in cases)
        done = subprocess.run([program], input=text, env=world, text=True,
                              stdout=subprocess.PIPE, timeout=120)
    wire.listener.close()
    if done.returncode:
        sys.exit(f'{program} failed')
    return wire, done.stdout.splitlines()


def check(program, cases, token, tls=None, env=None):
    wire, out = run(program, cases, token, tls, env)
    tokens = [x[6:] for x in out if x.startswith('token ')]
    ended = dict(x.split('\t')[:2] for x in out if '\t' in x)
    expected = {c[0] for c in cases if c[2] != 'token'}
    wrong = wire.wrong + [f'{c[0]}: ended with {ended.get(c[0])}'
                          for c in cases if ended.get(c[0]) != '0']
    if wire.seen != expected:
        wrong.append(f'not seen: {expected - wire.seen}')
    for text in tokens:
        if not text.startswith('my-cache/?Action=connect&User='):
            wrong.append(f'token {text}')
        why = wire.judge_url('elasticache', 'GET', 'http://' + text)
        if why:
            wrong.append(f'token: {why}: {text}')
    if len(tokens) != len(cases) - len(expected):
        wrong.append('tokens are missing')
    for text in wrong[:5]:
        print('FAIL:', text[:1000])
    print(f'{len(cases) - len(wrong)} of {len(cases)} signatures are as '
          f'botocore\'s ({"TLS" if tls else "plain"}, '
          f'{"with" if token else "without"} a token)')
    return not wrong


def certificate(directory):
    pem = os.path.join(directory, 'pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
                    '-keyout', pem + '.key', '-out', pem, '-days', '2', '-subj',
                    '/CN=here', '-addext', 'subjectAltName=IP:127.0.0.1'],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, pem + '.key')
    return context, pem


def check_trust(program, tls, pem):
    """A server is believed by who names its authority, and nobody else."""
    good = check(program, CASES[:4], TOKEN, tls, {'AWS_CA_BUNDLE': pem})
    good &= check(program, CASES[:1], TOKEN, tls, {'SSL_CERT_FILE': pem})
    wire, out = run(program, CASES[:1], TOKEN, tls)
    if wire.seen or 'AWS_CA_BUNDLE names a file' not in out[0]:
        print('FAIL: a stranger was believed:', out)
        good = False
    wire, out = run(program, CASES[:1], TOKEN, tls, {'AWS_CA_BUNDLE': '/no'})
    if wire.seen or '/no' not in out[0]:
        print('FAIL: a file that is not there:', out)
        good = False
    return good


def main():
    program = sys.argv[1]
    cases = CASES + list(noise(300))
    good = check(program, cases, None)
    good &= check(program, cases, TOKEN)
    with tempfile.TemporaryDirectory() as directory:
        good &= check_trust(program, *certificate(directory))
    sys.exit(not good)


if __name__ == '__main__':
    main()
