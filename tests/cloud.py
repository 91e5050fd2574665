# SPDX-License-Identifier: MIT
"""A cloud on this machine: the fake AWS, whose stacks make their functions at
the local Lambda host, and an API Gateway in front of them.

cloud.py HOST META SHARD...: where the Lambda host and the servers are.  Prints
the URL of the fake AWS and that of the gateway, and serves until it is killed.

Functions, their environment, and the gateway's routes are the template's own.
"""
import base64
import http.client
import http.server
import json
import re
import signal
import sys
import threading
import urllib.parse

import fake_aws
from botocore.auth import SigV4Auth

HOST, SERVERS = sys.argv[1], dict(
    [('Meta', sys.argv[2])] +
    [(f'Shard{i}', u) for i, u in enumerate(sys.argv[3:])])
LOCAL = {'SNEK_CACHES', 'SNEK_REDIS_USER'}      # of IAM, which servers here lack


def resolve(v):
    """What CloudFormation's functions come to."""
    if isinstance(v, list):
        return [resolve(x) for x in v]
    if not isinstance(v, dict):
        return v
    if len(v) == 1:
        (name, x), = v.items()
        if name == 'Ref':
            return re.sub('^Subnet', 'subnet-0000000', x)
        if name == 'Fn::GetAtt':
            return value_of(*x)
        if name == 'Fn::Join':
            return x[0].join(resolve(x[1]))
        if name == 'Fn::Sub':
            return re.sub(r'\$\{([^}]*)\}', lambda m: m[1] if m[1][:5] == 'AWS::'
                          or '.' not in m[1] else
                          value_of(*m[1].split('.', 1)), x)
    return {k: resolve(x) for k, x in v.items()}


def value_of(logical, attribute):
    if attribute == 'PrimaryEndPoint.Address':
        return f'{logical}.cache'
    if attribute == 'Arn' and logical.endswith('Role'):
        return f'arn:aws:iam::{fake_aws.ACCOUNT}:role/one-{logical}'
    if attribute == 'ApiEndpoint':
        return GATEWAY
    return f'{logical.lower()}-1' if attribute != 'GroupId' else 'sg-0000000a'


def ask_host(method, path, body=b'', headers=()):
    url = HOST + path
    r = fake_aws.AWSRequest(method=method, url=url, data=body,
                            headers=dict(headers))
    SigV4Auth(fake_aws.Credentials(fake_aws.KEY, fake_aws.SECRET), 'lambda',
              fake_aws.REGION).add_auth(r)
    c = http.client.HTTPConnection(urllib.parse.urlsplit(HOST).netloc)
    c.request(method, path, body, dict(r.headers))
    reply = c.getresponse()
    text = reply.read()
    c.close()
    return reply.status, text


def environment(variables):
    text = json.dumps({k: v for k, v in variables.items() if k not in LOCAL})
    for name, url in SERVERS.items():
        text = text.replace(f'rediss://{name}.cache:6379', url)
    out = json.loads(text)
    assert '.cache' not in text, text
    out['AWS_ENDPOINT_URL_LAMBDA'] = HOST
    out['SNEK_LEASE'] = '1'
    return out


class Cloud(fake_aws.Cloud):
    def make(self, s, logical, r):
        super().make(s, logical, r)
        if r['Type'] != 'AWS::Lambda::Function':
            return
        p = resolve(r['Properties'])
        code = self.buckets[self.bucket_of(s)][p['Code']['S3Key']][-1][1]
        body = {k: p[k] for k in ('FunctionName', 'Runtime', 'Handler', 'Role',
                                  'MemorySize', 'Timeout', 'Architectures')}
        body['Code'] = {'ZipFile': base64.b64encode(code).decode()}
        body['Environment'] = {'Variables': environment(
            p['Environment']['Variables'])}
        status, text = ask_host('POST', '/2015-03-31/functions',
                                json.dumps(body).encode())
        assert status == 201, (status, text)

    def remove(self, s, logical):
        r = s.resources[logical]
        if r['Type'] == 'AWS::Lambda::Function':
            ask_host('DELETE', '/2015-03-31/functions/' +
                     r['Properties']['FunctionName'])
        return super().remove(s, logical)

    def outputs_of(self, s):
        values = {k: resolve(v['Value']) for k, v in self.declared.items()}
        values['Bucket'] = self.bucket_of(s)
        return values

    def tagging(self, body):
        self.lost = list(self.logs)
        return super().tagging(body)

    # The gateway asks for these.

    def routes(self):
        for s in self.live():
            for r in s.resources.values():
                if r['Type'] == 'AWS::ApiGatewayV2::Route':
                    p = resolve(r['Properties'])
                    assert p['AuthorizationType'] == 'AWS_IAM'
                    integration = s.resources[p['Target'].split('/')[1]]
                    function = integration['Properties']['IntegrationUri'][
                        'Fn::GetAtt'][0]
                    yield p['RouteKey'], s.resources[function]['Properties'][
                        'FunctionName']


def route(routes, method, path):
    """The most specific one, as API Gateway chooses."""
    best = None
    for key, function in routes:
        want, pattern = key.split(' ', 1)
        prefix, greedy, _ = pattern.partition('{proxy+}')
        fits = path.startswith(prefix) and len(path) > len(prefix) if greedy \
            else re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', pattern), path)
        if want == method and fits and (
                not best or (not greedy, len(prefix)) > best[0]):
            best = (not greedy, len(prefix)), key, function
    return best and best[1:]


def event_of(h, key, body):
    parts = urllib.parse.urlsplit(h.path)
    kind = h.headers.get('Content-Type', '')
    text = kind.startswith('text/') or 'json' in kind
    try:
        said = body.decode() if text else base64.b64encode(body).decode()
    except UnicodeDecodeError:
        text, said = False, base64.b64encode(body).decode()
    return {
        'version': '2.0', 'routeKey': key, 'rawPath': parts.path,
        'rawQueryString': parts.query,
        'headers': {k.lower(): v for k, v in h.headers.items()},
        'requestContext': {
            'accountId': fake_aws.ACCOUNT, 'apiId': 'local', 'stage': '$default',
            'requestId': 'local', 'http': {
                'method': h.command, 'path': parts.path,
                'protocol': 'HTTP/1.1', 'sourceIp': '127.0.0.1'}},
        'body': said, 'isBase64Encoded': not text}


class Gateway(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = 'HTTP/1.1', -1

    def log_message(self, *args):
        pass

    def do(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        try:
            if SERVER.check_signature(self, body) != 'execute-api':
                raise fake_aws.Wrong('service')
        except (fake_aws.Wrong, KeyError, TypeError, ValueError,
                AttributeError) as e:
            print('gateway:', self.command, self.path, repr(e), file=sys.stderr,
                  flush=True)
            return self.say(403, {}, b'{"message":"Forbidden"}')
        found = route(CLOUD.routes(), self.command,
                      urllib.parse.urlsplit(self.path).path)
        if not found:
            return self.say(404, {}, b'{"message":"Not Found"}')
        event = json.dumps(event_of(self, found[0], body)).encode()
        if len(event) > 6291456:
            return self.say(413, {}, b'{"message":"Request Too Long"}')
        status, text = ask_host(
            'POST', f'/2015-03-31/functions/{found[1]}/invocations', event)
        try:
            answer = json.loads(text)
            code = answer['statusCode']
        except (KeyError, ValueError):
            print('gateway:', status, text[:1000], file=sys.stderr, flush=True)
            return self.say(500, {}, b'{"message":"Internal Server Error"}')
        out = answer['body'].encode()
        if answer['isBase64Encoded']:
            out = base64.b64decode(out)
        self.say(code, answer['headers'], out)

    do_GET = do_POST = do_PUT = do_DELETE = do

    def say(self, status, headers, body):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


CLOUD = Cloud()
SERVER = fake_aws.Server(CLOUD)
FRONT = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Gateway)
FRONT.daemon_threads = True
GATEWAY = f'http://127.0.0.1:{FRONT.server_address[1]}'


def stop(*args):
    if sorted(set(CLOUD.kept.values())) != [14]:
        CLOUD.wrong.append(CLOUD.kept)
    raise SystemExit(1 if CLOUD.wrong and print(CLOUD.wrong, flush=True) is None
                     else 0)


signal.signal(signal.SIGTERM, stop)
print(SERVER.url, GATEWAY, flush=True)
FRONT.serve_forever(0.05)
