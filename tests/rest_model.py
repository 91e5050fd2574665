# SPDX-License-Identifier: MIT
"""What botocore knows of services that speak REST: Lambda and S3.

RestModel('lambda').check(method, path, headers, body) is the operation that a
request is of; Wrong says what of it AWS would not know.
"""
import json
import re
import urllib.parse

try:
    import botocore.session
except ImportError:             # Debian's awscli brings it, under this name
    import awscli.clidriver     # noqa: F401
    import botocore.session
import botocore.validate

SIGNED = {'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'}


class Wrong(Exception):
    """No request that AWS knows."""


def pattern_of(uri):
    path = re.escape(uri.partition('?')[0].rstrip('/'))
    return re.compile(re.sub(r'\\\{(\w+)(\\\+)?\\\}', lambda m: '(?P<%s>%s)' % (
        m[1], '.+' if m[2] else '[^/]+'), path) + '/?$')


def typed(shape, text):
    if shape.type_name in ('integer', 'long'):
        return int(text)
    if shape.type_name == 'boolean':
        return {'true': True, 'false': False}[text]
    return text


class RestModel:
    def __init__(self, name):
        self.service = botocore.session.get_session().get_service_model(name)
        self.operations = []
        for name in self.service.operation_names:
            o = self.service.operation_model(name)
            uri = o.http['requestUri']
            fixed = urllib.parse.parse_qs(uri.partition('?')[2], True)
            self.operations.append((o, pattern_of(uri), fixed))
        self.operations.sort(key=lambda x: -len(x[2]))

    def find(self, method, path, query, headers):
        for o, pattern, fixed in self.operations:
            found = pattern.match(path)
            if found and o.http['method'] == method and all(
                    query.get(k) == v for k, v in fixed.items()) and (
                    self.has_required(o, query, headers)):
                return o, found.groupdict(), fixed
        raise Wrong(f'{method} {path}: no such operation')

    @staticmethod
    def has_required(o, query, headers):
        """S3 has several operations at a path, told apart by what they need."""
        if not o.input_shape:
            return True
        needs = [o.input_shape.members[m].serialization
                 for m in o.input_shape.required_members]
        there = {'querystring': {k.lower() for k in query},
                 'header': {k.lower() for k in headers}}
        return all(n['name'].lower() in there[n['location']]
                   for n in needs if n.get('location') in there)

    def take(self, members, location, given, p, where):
        """Move what is given by name there into the parameters."""
        known = {m.serialization['name'].lower(): (name, m)
                 for name, m in members.items()
                 if m.serialization.get('location') == location}
        for name, value in given.items():
            if name.lower() not in known:
                raise Wrong(f'{where}: no {location} {name}')
            member, shape = known[name.lower()]
            p[member] = typed(shape, value)

    def take_body(self, shape, body, p, where):
        payload = shape.serialization.get('payload')
        if payload:
            if body:
                p[payload] = body
            return
        names = {m.serialization.get('name', name): name
                 for name, m in shape.members.items()
                 if 'location' not in m.serialization}
        for name, value in (json.loads(body) if body else {}).items():
            if name not in names:
                raise Wrong(f'{where}: no member {name}')
            p[names[name]] = value

    def check(self, method, target, headers, body):
        path, _, query = target.partition('?')
        query = urllib.parse.parse_qs(query, True)
        o, p, fixed = self.find(method, path, query, headers)
        where, shape = o.name, o.input_shape
        if shape is None:
            return where
        for name, value in p.items():
            p[name] = urllib.parse.unquote(value)
        self.take(shape.members, 'querystring', {
            k: v[0] for k, v in query.items() if k not in fixed}, p, where)
        self.take(shape.members, 'header', {
            k: v for k, v in headers.items()
            if k.lower().startswith('x-amz-') and k.lower() not in SIGNED}, p,
            where)
        self.take_body(shape, body, p, where)
        report = botocore.validate.ParamValidator().validate(p, shape)
        if report.has_errors():
            raise Wrong(f'{where}: {report.generate_report()}')
        return where
