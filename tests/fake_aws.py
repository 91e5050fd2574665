# SPDX-License-Identifier: MIT
"""A fake AWS on loopback: CloudFormation and S3, as far as stacks need them, and
what snek asks of CloudWatch Logs, ElastiCache, IAM, Lambda, Secrets Manager, SSM
and STS, and of a stack's API.

Each request's signature is computed again by botocore, and each call of a
service compared with its model.  `at` is called after each call has been done
and before it is answered; what it returns says what becomes of the answer.
Operations go on by one step with each DescribeStacks.
"""
import collections
import functools
import hashlib
import http.server
import json
import re
import threading
import urllib.parse
from xml.sax.saxutils import escape

try:
    import botocore.auth
except ImportError:             # Debian's awscli brings it, under this name
    import awscli.clidriver     # noqa: F401
    import botocore.auth
import botocore.serialize
import botocore.session
import botocore.validate
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from rest_model import RestModel, Wrong

REGION, ACCOUNT = 'eu-west-1', '123456789012'
KEY, SECRET = 'AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
NEWER = {('CreateChangeSet', 'OnStackFailure')}     # than Debian's botocore
STACK_TYPE = 'AWS::CloudFormation::Stack'


class Refused(Exception):
    def __init__(self, status, code, message=''):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def after(resource):
    """What it depends on, as far as it says so."""
    names = resource.get('DependsOn', [])
    return set([names] if isinstance(names, str) else names)


class Stack:
    def __init__(self, name, number):
        self.name = name
        self.id = (f'arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/'
                   f'00000000-0000-0000-0000-{number:012}')
        self.status, self.reason, self.shown = 'REVIEW_IN_PROGRESS', '', None
        self.drift = None
        self.protected, self.gone = False, set()
        self.resources, self.outputs, self.tags = {}, {}, {}
        self.sets, self.events, self.steps = {}, [], collections.deque()


class Cloud:
    def __init__(self):
        self.stacks, self.buckets = [], {}
        self.fail = {}          # logical id: why it cannot be made
        self.undeletable = {}   # logical id: why it cannot be deleted, once
        self.irrevocable = ''   # why a rollback fails, again and again
        self.tokens = {}
        self.functions = []     # of Lambda, by name
        self.tags = {}          # of functions; None: they are not told
        self.interfaces = {}    # of mappers: how many looks each stays for
        self.lost = []          # ARNs that have the tag, or (ARN, all tags)
        self.logs, self.log_page = {}, 1000     # group: its events
        self.secrets = {}       # ARN: its text
        self.refused = {}       # action: the type of the error
        self.outputs = {}       # of stacks, in place of what they would be
        self.tells_tokens = self.tells_outputs = True
        self.shape = None       # of answers: old, chunked, odd
        self.drifts = []        # (logical id, type, paths or None)
        self.compared = 0       # a comparison is under way for so many calls
        self.incomparable = ''  # why a comparison fails
        self.arn = f'arn:aws:iam::{ACCOUNT}:user/ana'
        self.denied = set()     # actions, by the simulator
        self.caches = []        # (id, address, status)
        self.health = None      # what the API answers: status, object
        self.invoked = (200, {}, {})    # a function: status, headers, object
        self.states = {}        # of functions: members of their configuration
        self.unreserved = 1000
        self.parameters = {}    # of SSM
        self.kept = {}          # log group: days
        self.declared = {}      # outputs of the last template
        self.count = 0
        self.log, self.wrong = [], []

    def number(self):
        self.count += 1
        return self.count

    def live(self):
        return [s for s in self.stacks if s.status != 'DELETE_COMPLETE']

    def find(self, name):
        for s in self.stacks:
            if s.id == name or (s.name == name and
                                s.status != 'DELETE_COMPLETE'):
                return s
        raise Refused(400, 'ValidationError',
                      f'Stack with id {name} does not exist')

    # ---- operations, a step at a time ----

    def event(self, s, token, logical, kind, status, reason=''):
        s.events.append(dict(
            EventId=f'e{self.number()}', StackId=s.id, StackName=s.name,
            LogicalResourceId=logical, ResourceType=kind,
            PhysicalResourceId=s.id if kind == STACK_TYPE else f'p-{logical}',
            ResourceStatus=status, ResourceStatusReason=reason,
            Timestamp='2026-01-01T00:00:00Z',
            **({'ClientRequestToken': token} if self.tells_tokens else {})))

    def turn(self, s, token, status, reason=''):
        s.status, s.reason = status, reason
        self.event(s, token, s.name, STACK_TYPE, status, reason)

    def make(self, s, logical, r):
        s.resources[logical] = r
        if r['Type'] == 'AWS::S3::Bucket':
            self.buckets.setdefault(self.bucket_of(s), {})

    def bucket_of(self, s):
        return f'{s.name}-artifacts-{s.id[-4:]}'

    def remove(self, s, logical):
        r = s.resources[logical]
        why = self.undeletable.pop(logical, None)
        if logical == 'MapperGroup' and self.interfaces:
            why = f'resource p-{logical} has a dependent object'
        if not why and r['Type'] == 'AWS::S3::Bucket':
            if self.buckets[self.bucket_of(s)]:
                why = 'The bucket you tried to delete is not empty'
            else:
                del self.buckets[self.bucket_of(s)]
        if not why:
            del s.resources[logical]
            s.gone.add(logical)
        return why

    def execute(self, s, c, token, creates):
        """A generator: each next is one step."""
        new = c['new']
        verb = 'CREATE' if creates else 'UPDATE'
        old = dict(s.resources)
        self.turn(s, token, f'{verb}_IN_PROGRESS', 'User Initiated')
        yield
        for logical, r in new.items():
            if old.get(logical) == r:
                continue
            done = 'UPDATE' if logical in old else 'CREATE'
            self.event(s, token, logical, r['Type'], f'{done}_IN_PROGRESS')
            why = self.fail.get(logical) or self.lacks_code(r)
            if why:
                self.event(s, token, logical, r['Type'], f'{done}_FAILED', why)
                self.event(s, token, 'Other', 'AWS::X::Y', f'{done}_FAILED',
                           'Resource creation cancelled')
                yield
                yield from self.back(s, old, token, creates)
                return
            self.make(s, logical, r)
            self.event(s, token, logical, r['Type'], f'{done}_COMPLETE')
        yield
        for logical in set(old) - set(new):
            self.remove(s, logical)
        s.outputs, s.tags = c['outputs'], c['tags']
        self.turn(s, token, f'{verb}_COMPLETE')

    def back(self, s, old, token, creates):
        if creates:             # OnStackFailure=DELETE
            self.turn(s, token, 'CREATE_FAILED', 'resources failed')
            yield from self.delete(s, token)
            return
        self.turn(s, token, 'UPDATE_ROLLBACK_IN_PROGRESS', 'resources failed')
        yield
        for logical in set(s.resources) - set(old):
            self.remove(s, logical)
        s.resources = dict(old)
        self.turn(s, token, 'UPDATE_ROLLBACK_COMPLETE')

    def delete(self, s, token):
        self.turn(s, token, 'DELETE_IN_PROGRESS', 'User Initiated')
        yield
        bad, needed = False, set()
        for logical in self.dying(s):
            kind = s.resources[logical]['Type']
            if logical in needed:       # by what could not be deleted
                needed |= after(s.resources[logical])
                continue
            needs = after(s.resources[logical])
            why = self.remove(s, logical)
            if why:
                needed |= needs
            self.event(s, token, logical, kind,
                       'DELETE_FAILED' if why else 'DELETE_COMPLETE', why or '')
            bad = bad or why
        yield
        if bad:
            self.turn(s, token, 'DELETE_FAILED', 'resources failed')
        else:
            self.turn(s, token, 'DELETE_COMPLETE')

    def dying(self, s):
        """What says that it depends on another goes before that."""
        order = []

        def visit(logical):
            for k, r in s.resources.items():
                if logical in after(r) and k not in order:
                    visit(k)
            if logical not in order:
                order.append(logical)
        for logical in s.resources:
            visit(logical)
        return order

    def begin(self, s, steps):
        assert not s.steps
        s.shown = (s.status, s.reason)      # one look is of before
        s.steps.append(steps)
        next(steps)

    def step(self, s):
        if s.steps:
            try:
                next(s.steps[0])
            except StopIteration:
                s.steps.popleft()

    # ---- CloudFormation ----

    def DescribeStacks(self, p):
        if 'StackName' not in p:
            return '<Stacks></Stacks>'
        s = self.find(p['StackName'])
        status, reason = s.shown or (s.status, s.reason)
        if not s.shown:
            self.step(s)
        s.shown = None
        outputs = (f'<EnableTerminationProtection>{str(s.protected).lower()}'
                   '</EnableTerminationProtection>')
        if (s.outputs or 'Artifacts' in s.resources) and self.tells_outputs:
            values = self.outputs_of(s)
            values.update(self.outputs)
            outputs += '<Outputs>' + ''.join(
                f'<member><OutputKey>{k}</OutputKey><OutputValue>{v}'
                '</OutputValue></member>' for k, v in values.items()
            ) + '</Outputs>'
        return (f'<Stacks><member><StackId>{s.id}</StackId><StackName>{s.name}'
                f'</StackName><StackStatus>{status}</StackStatus>'
                f'<StackStatusReason>{escape(reason)}</StackStatusReason>'
                f'{outputs}<Tags>' + ''.join(
                    f'<member><Key>{escape(k)}</Key><Value>{escape(v)}</Value>'
                    '</member>' for k, v in s.tags.items()) +
                f'</Tags>{self.drift_of(s)}</member></Stacks>')

    def drift_of(self, s):
        return '' if not s.drift else (
            f'<DriftInformation><StackDriftStatus>{s.drift}</StackDriftStatus>'
            '<LastCheckTimestamp>2026-01-01T00:00:00Z</LastCheckTimestamp>'
            '</DriftInformation>')

    def DetectStackDrift(self, p):
        s = self.find(p['StackName'])
        self.compared -= 1
        if self.compared >= 0:
            raise Refused(400, 'ValidationError', 'Drift detection is already'
                          f' in progress for stack [{s.id}]')
        self.compared = 2
        s.drift = 'DRIFTED' if self.drifts else 'IN_SYNC'
        return f'<StackDriftDetectionId>{s.id[-36:]}</StackDriftDetectionId>'

    def DescribeStackDriftDetectionStatus(self, p):
        s = [s for s in self.stacks
             if s.id[-36:] == p['StackDriftDetectionId']][0]
        self.compared -= 1
        status = 'IN_PROGRESS' if self.compared > 0 else \
            'FAILED' if self.incomparable else 'COMPLETE'
        return (f'<DetectionStatus>DETECTION_{status}</DetectionStatus>'
                f'<DetectionStatusReason>{self.incomparable}'
                '</DetectionStatusReason>'
                f'<StackDriftStatus>{s.drift}</StackDriftStatus>')

    def DescribeStackResourceDrifts(self, p):
        first = int(p.get('NextToken', 0))
        logical, kind, paths = self.drifts[first]
        out = ''.join(
            f'<member><PropertyPath>{x}</PropertyPath><ExpectedValue>1'
            '</ExpectedValue><ActualValue>2</ActualValue><DifferenceType>'
            'NOT_EQUAL</DifferenceType></member>' for x in paths or [])
        out = (f'<StackResourceDrifts><member><LogicalResourceId>{logical}'
               f'</LogicalResourceId><ResourceType>{kind}</ResourceType>'
               f'<PropertyDifferences>{out}</PropertyDifferences></member>'
               '</StackResourceDrifts>')
        if first + 1 < len(self.drifts):
            out += f'<NextToken>{first + 1}</NextToken>'
        return out

    def outputs_of(self, s):
        values = {'Bucket': self.bucket_of(s)}
        if 'Api' in s.resources:
            values['Api'] = 'https://x.execute-api.eu-west-1.amazonaws.com'
        if 'Options' in s.outputs:
            values['Options'] = s.outputs['Options']['Value']
        if 'Meta' in s.outputs:
            values['Meta'] = 'meta.cache'
        return values

    def DescribeStackResource(self, p):
        s = self.find(p['StackName'])
        logical = p['LogicalResourceId']
        if logical not in s.resources and logical not in s.gone:
            raise Refused(400, 'ValidationError', 'Resource does not exist')
        name = self.bucket_of(s) if logical == 'Artifacts' else f'p-{logical}'
        status = 'CREATE' if logical in s.resources else 'DELETE'
        return (f'<StackResourceDetail><PhysicalResourceId>{name}'
                f'</PhysicalResourceId><ResourceStatus>{status}_COMPLETE'
                '</ResourceStatus></StackResourceDetail>')

    def DescribeStackEvents(self, p):
        s = self.find(p['StackName'])
        events = s.events[::-1]
        first, size = int(p.get('NextToken', 0)), 50
        out = '<StackEvents>'
        for e in events[first:first + size]:
            out += '<member>' + ''.join(
                f'<{k}>{escape(v)}</{k}>' for k, v in e.items()) + '</member>'
        out += '</StackEvents>'
        if first + size < len(events):
            out += f'<NextToken>{first + size}</NextToken>'
        return out

    def CreateChangeSet(self, p):
        new = self.template(p)
        creates = p['ChangeSetType'] == 'CREATE'
        try:
            s = self.find(p['StackName'])
        except Refused:
            if not creates:
                raise
            s = Stack(p['StackName'], self.number())
            self.stacks.append(s)
        if creates != (s.status == 'REVIEW_IN_PROGRESS'):
            raise Refused(400, 'ValidationError', f'stack is {s.status}')
        if not creates and s.status not in (
                'CREATE_COMPLETE', 'UPDATE_COMPLETE',
                'UPDATE_ROLLBACK_COMPLETE'):
            raise Refused(400, 'ValidationError',
                          f'{s.name} is in {s.status} state and can not be updated')
        name = p['ChangeSetName']
        there = s.sets.get(name)
        if there and there['token'] != p['ClientToken']:
            raise Refused(400, 'AlreadyExistsException', f'ChangeSet {name}')
        if not there:
            changes = [('Add' if k not in s.resources else 'Modify', k, r)
                       for k, r in new.items() if s.resources.get(k) != r]
            changes += [('Remove', k, r) for k, r in s.resources.items()
                        if k not in new]
            there = s.sets[name] = dict(
                id=f'arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{name}/'
                f'{self.number():08}', token=p['ClientToken'], looks=0,
                changes=changes, new=new, execution='AVAILABLE',
                outputs=self.declared, tags={
                    v: p[k[:-3] + 'Value'] for k, v in p.items()
                    if re.fullmatch(r'Tags\.member\.\d+\.Key', k)})
        return f'<Id>{there["id"]}</Id><StackId>{s.id}</StackId>'

    def replaces(self, old, new):
        """As AWS's documentation says of servers."""
        old, new = old['Properties'], new['Properties']
        if new.get('CacheNodeType') and any(old.get(k) != new.get(k) for k in (
                'Engine', 'DataTieringEnabled')):
            return 'True'
        return 'Conditional' if old.get('AuthToken') != new.get('AuthToken') \
            else 'False'

    def template(self, p):
        if 'TemplateURL' in p:
            m = re.fullmatch(r'https://([a-z0-9-]+)\.s3\.(?:cn-[a-z0-9-]+\.'
                             r'amazonaws\.com\.cn|(?!cn-)[a-z0-9-]+\.amazonaws'
                             r'\.com)/(.+)', p['TemplateURL'])
            if not m or m[2] not in self.buckets.get(m[1], {}):
                raise Refused(400, 'ValidationError', 'S3 error: no such key')
            text = self.buckets[m[1]][m[2]][-1][1].decode()
            limit = 1000000
        else:
            text, limit = p['TemplateBody'], 51200
        if len(text) > limit:
            raise Refused(400, 'ValidationError', 'template too large')
        whole = json.loads(text)
        if set(whole.get('Parameters', {})) != {
                v for k, v in p.items() if k.endswith('.ParameterKey')}:
            raise Refused(400, 'ValidationError', 'parameters')
        new, self.declared = whole['Resources'], whole['Outputs']
        return new

    def lacks_code(self, r):
        """A change set says nothing of it; the function's creation does."""
        code = r.get('Properties', {}).get('Code')
        return code and not any(code['S3Key'] in b for b in
                                self.buckets.values()) and 'no such key'

    def change_set(self, p):
        for s in self.stacks:
            for name, c in s.sets.items():
                if p['ChangeSetName'] == c['id'] or (
                        p['ChangeSetName'] == name and
                        p.get('StackName') in (s.name, s.id)):
                    return s, name, c
        raise Refused(404, 'ChangeSetNotFound', 'ChangeSet does not exist')

    def DescribeChangeSet(self, p):
        s, name, c = self.change_set(p)
        c['looks'] += 1
        status = 'CREATE_COMPLETE' if c['changes'] else 'FAILED'
        reason = '' if c['changes'] else (
            "The submitted information didn't contain changes. Submit different"
            ' information to create a change set.')
        if c['looks'] == 1:
            status = 'CREATE_IN_PROGRESS'
        first, size = int(p.get('NextToken', 0)), 20
        page = c['changes'][first:first + size]
        out = (f'<ChangeSetId>{c["id"]}</ChangeSetId><ChangeSetName>{name}'
               f'</ChangeSetName><Status>{status}</Status><ExecutionStatus>'
               f'{c["execution"]}</ExecutionStatus>'
               f'<StatusReason>{reason}</StatusReason><Changes>')
        for action, logical, r in page:
            out += (f'<member><Type>Resource</Type><ResourceChange><Action>'
                    f'{action}</Action><LogicalResourceId>{logical}'
                    f'</LogicalResourceId><ResourceType>{r["Type"]}'
                    '</ResourceType>' + (
                        f'<Replacement>{self.replaces(s.resources[logical], r)}'
                        '</Replacement>' if action == 'Modify' else '') +
                    '</ResourceChange></member>')
        out += '</Changes>'
        if first + size < len(c['changes']):
            out += f'<NextToken>{first + size}</NextToken>'
        return out

    def ExecuteChangeSet(self, p):
        s, name, c = self.change_set(p)
        if c['execution'] != 'AVAILABLE':
            raise Refused(400, 'InvalidChangeSetStatus', c['execution'])
        if s.steps:
            raise Refused(400, 'InvalidChangeSetStatus', 'stack is busy')
        creates = s.status == 'REVIEW_IN_PROGRESS'
        c['execution'] = 'EXECUTE_COMPLETE'
        for other in list(s.sets):
            if other != name:
                del s.sets[other]
        self.begin(s, self.execute(s, c, p['ClientRequestToken'], creates))
        return ''

    def ContinueUpdateRollback(self, p):
        s = self.find(p['StackName'])
        if s.status != 'UPDATE_ROLLBACK_FAILED':
            raise Refused(400, 'ValidationError', f'stack is {s.status}')
        self.begin(s, self.go_back(s, p['ClientRequestToken']))
        return ''

    def go_back(self, s, token):
        self.turn(s, token, 'UPDATE_ROLLBACK_IN_PROGRESS', 'User Initiated')
        yield
        if self.irrevocable:
            self.event(s, token, 'Shard0', 'AWS::X::Y', 'UPDATE_FAILED',
                       self.irrevocable)
            self.turn(s, token, 'UPDATE_ROLLBACK_FAILED', 'resources failed')
        else:
            self.turn(s, token, 'UPDATE_ROLLBACK_COMPLETE')

    def DeleteChangeSet(self, p):
        s, name, c = self.change_set(p)
        del s.sets[name]
        return ''

    def DeleteStack(self, p):
        s = self.find(p['StackName'])
        token = p['ClientRequestToken']
        if token in self.tokens or s.status == 'DELETE_COMPLETE':
            return ''           # asked for before
        self.tokens[token] = True
        if s.status == 'REVIEW_IN_PROGRESS':
            s.status = 'DELETE_COMPLETE'
        elif s.steps:
            raise Refused(400, 'ValidationError', 'stack is busy')
        elif s.protected:
            raise Refused(400, 'ValidationError', f'Stack [{s.name}] cannot be '
                          'deleted while TerminationProtection is enabled')
        else:
            self.begin(s, self.delete(s, token))
        return ''

    # ---- Lambda, and the search by tags ----

    def aws_lambda(self, method, path):
        name = path.split('/')[3] if path.count('/') > 2 else ''
        if path == '/2016-08-19/account-settings':
            return 200, {}, json.dumps({
                'AccountLimit': {
                    'TotalCodeSize': 80530636800, 'CodeSizeZipped': 52428800,
                    'CodeSizeUnzipped': 262144000,
                    'ConcurrentExecutions': 1000,
                    'UnreservedConcurrentExecutions': self.unreserved},
                'AccountUsage': {'TotalCodeSize': 1 << 20,
                                 'FunctionCount': 4}})
        if path.endswith('/invocations'):
            status, headers, answer = self.invoked
            return status, headers, json.dumps(answer)
        if path.endswith('/configuration') and name in self.states:
            return 200, {}, json.dumps(dict({'FunctionName': name},
                                            **self.states[name]))
        if method == 'GET' and not name:
            return 200, {}, json.dumps({'Functions': [
                {'FunctionName': f} for f in self.functions]})
        if name not in self.functions:
            raise Refused(404, 'ResourceNotFoundException')
        if method == 'DELETE':
            self.functions.remove(name)
            return 204, {}, ''
        return 200, {}, json.dumps({
            'Configuration': {
                'FunctionName': name, 'Description': 'snek: 1',
                'CodeSha256': 'x', 'State': 'Active',
                'FunctionArn': f'arn:aws:lambda:{REGION}:{ACCOUNT}:function:'
                f'{name}'},
            **self.tags_of(name)})

    def tags_of(self, name):
        if self.tags is None:
            return {'TagsError': {'ErrorCode': 'AccessDeniedException',
                                  'Message': 'not authorized'}}
        return {'Tags': dict({'snek:cluster': 'u', 'snek:version': '0.1.0'},
                             **self.tags.get(name, {}))}

    def tagging(self, body):
        want = json.loads(body)['TagFilters'][0]
        assert want['Key'] == 'snek:stack'
        return 200, {}, json.dumps({'PaginationToken': '', 'ResourceTagMappingList': [
            self.mapping(x) for x in self.lost + [
                s.id for s in self.live() if s.name in want['Values']]]})

    def mapping(self, x):
        arn, tags = (x, {}) if isinstance(x, str) else x
        return {'ResourceARN': arn, 'Tags': [
            {'Key': k, 'Value': v} for k, v in tags.items()]}

    # ---- CloudWatch Logs ----

    def put_log(self, group, stream, ms, message):
        self.logs.setdefault(group, []).append(dict(
            logStreamName=stream, timestamp=ms, ingestionTime=ms,
            message=message, eventId=f'{self.number():056}'))

    def CreateLogGroup(self, p):
        if p['logGroupName'] in self.logs:
            raise Refused(400, 'ResourceAlreadyExistsException')
        assert p['tags']['snek:stack']
        self.logs[p['logGroupName']] = []
        return {}

    def PutRetentionPolicy(self, p):
        if p['logGroupName'] not in self.logs:
            raise Refused(400, 'ResourceNotFoundException')
        self.kept[p['logGroupName']] = p['retentionInDays']
        return {}

    def DeleteLogGroup(self, p):
        if p['logGroupName'] not in self.logs:
            raise Refused(400, 'ResourceNotFoundException')
        del self.logs[p['logGroupName']]
        return {}

    def FilterLogEvents(self, p):
        if p['logGroupName'] not in self.logs:
            raise Refused(400, 'ResourceNotFoundException',
                          f'The log group {p["logGroupName"]} does not exist.')
        words = p.get('filterPattern', '').split()
        events = sorted((e for e in self.logs[p['logGroupName']]
                         if e['timestamp'] >= p.get('startTime', 0) and
                         all(w in e['message'] for w in words)),
                        key=lambda e: e['timestamp'])
        token = p.get('nextToken', '0')
        first = int(token.strip('-'))
        if token[0] == '-':     # a page may be empty, and not the last
            return {'events': [], 'nextToken': str(first)}
        out = {'events': events[first:first + self.log_page]}
        if first + self.log_page < len(events):
            out['nextToken'] = f'-{first + self.log_page}'
        return out

    def DescribeLogGroups(self, p):
        return {'logGroups': [
            {'logGroupName': g} for g in sorted(self.logs)
            if g.startswith(p.get('logGroupNamePrefix', ''))]}

    # ---- who asks, and what he may do ----

    def GetCallerIdentity(self, p):
        return (f'<Arn>{self.arn}</Arn><UserId>AIDA</UserId>'
                f'<Account>{ACCOUNT}</Account>')

    def SimulatePrincipalPolicy(self, p):
        self.simulated = p['PolicySourceArn']
        names = [v for k, v in p.items() if k.startswith('ActionNames')]
        first = int(p.get('Marker', 0))
        out = ''.join(
            f'<member><EvalActionName>{n}</EvalActionName><EvalDecision>'
            f'{"implicitDeny" if n in self.denied else "allowed"}'
            '</EvalDecision></member>' for n in names[first:first + 10])
        more = first + 10 < len(names)
        return (f'<EvaluationResults>{out}</EvaluationResults><IsTruncated>'
                f'{str(more).lower()}</IsTruncated>' +
                (f'<Marker>{first + 10}</Marker>' if more else ''))

    # ---- EC2 ----

    def DescribeManagedPrefixLists(self, p):
        assert p['Filter.1.Value.1'] == f'com.amazonaws.{REGION}.s3', p
        return ('<prefixListSet><item><prefixListId>pl-6da54004</prefixListId>'
                '</item></prefixListSet>')

    def DescribeNetworkInterfaces(self, p):
        """Lambda takes them back by the role of mappers, while it is there."""
        assert p['Filter.1.Value.1'] == 'p-MapperGroup', p
        there = sorted(self.interfaces)
        first = int(p.get('NextToken', 0))
        more = first + 2 < len(there)
        if not more and any('MapperRole' in s.resources for s in self.live()):
            self.interfaces = {k: n - 1 for k, n in self.interfaces.items()
                               if n > 1}
        return ('<networkInterfaceSet>' + ''.join(
            f'<item><networkInterfaceId>{i}</networkInterfaceId><description>'
            f'AWS Lambda VPC ENI-one-fn-words</description></item>'
            for i in there[first:first + 2]) + '</networkInterfaceSet>' +
            (f'<nextToken>{first + 2}</nextToken>' if more else ''))

    # ---- ElastiCache ----

    def DescribeReplicationGroups(self, p):
        first = int(p.get('Marker', 0))
        out = ''.join(
            f'<ReplicationGroup><ReplicationGroupId>{i}</ReplicationGroupId>'
            f'<Status>{status}</Status><NodeGroups><NodeGroup><PrimaryEndpoint>'
            f'<Address>{address}</Address><Port>6379</Port></PrimaryEndpoint>'
            '</NodeGroup></NodeGroups></ReplicationGroup>'
            for i, address, status in self.caches[first:first + 2])
        return (f'<ReplicationGroups>{out}</ReplicationGroups>' +
                (f'<Marker>{first + 2}</Marker>'
                 if first + 2 < len(self.caches) else ''))

    # ---- SSM ----

    def GetParameter(self, p):
        if p['Name'] not in self.parameters:
            raise Refused(400, 'ParameterNotFound')
        return {'Parameter': {'Name': p['Name'], 'Type': 'String',
                              'Value': self.parameters[p['Name']]}}

    # ---- Secrets Manager ----

    def GetSecretValue(self, p):
        if p['SecretId'] not in self.secrets:
            raise Refused(400, 'ResourceNotFoundException',
                          "Secrets Manager can't find the specified secret.")
        return {'ARN': p['SecretId'], 'Name': 'x', 'VersionId': 'v' * 32,
                'SecretString': self.secrets[p['SecretId']]}

    # ---- S3 ----

    def s3(self, method, path, query, body):
        bucket, _, key = path[1:].partition('/')
        if bucket not in self.buckets:
            raise Refused(404, 'NoSuchBucket')
        objects = self.buckets[bucket]
        if method == 'GET' and not key:
            assert 'versions' in query
            out = '<ListVersionsResult><IsTruncated>false</IsTruncated>'
            for k, versions in objects.items():
                for v, data in versions[:3]:
                    tag = 'DeleteMarker' if data is None else 'Version'
                    out += (f'<{tag}><Key>{escape(k)}</Key><VersionId>{v}'
                            f'</VersionId></{tag}>')
            return 200, {}, out + '</ListVersionsResult>'
        if method == 'PUT':
            v = f'v{self.number()}'
            objects.setdefault(key, []).append((v, body))
            return 200, {'x-amz-version-id': v}, ''
        if method == 'DELETE':
            v = query.get('versionId', [None])[0]
            if v is None:
                objects.setdefault(key, []).append((f'v{self.number()}', None))
            elif key in objects:
                objects[key] = [o for o in objects[key] if o[0] != v]
                if not objects[key]:
                    del objects[key]
            return 204, {}, ''
        if key not in objects or objects[key][-1][1] is None:
            raise Refused(404, 'NoSuchKey')
        v, data = objects[key][-1]
        return 200, {'x-amz-version-id': v, 'Content-Length': len(data)}, ''


class Model:
    """What botocore knows of the calls of a service that speaks forms."""

    def __init__(self, name):
        session = botocore.session.get_session()
        self.service = session.get_service_model(name)

    def check(self, form):
        action = form.pop('Action')
        if form.pop('Version') != self.service.api_version:
            raise Wrong('Version')
        if action not in self.service.operation_names:
            raise Wrong(action)
        shape = self.service.operation_model(action).input_shape
        for name, value in form.items():
            if (action, name) not in NEWER:
                self.check_member(shape, name.split('.'), value,
                                  f'{action} {name}')
        for name in shape.required_members:
            if not any(k.split('.')[0] == name for k in form):
                raise Wrong(f'{action} without {name}')
        return action

    def check_member(self, shape, path, value, where):
        if shape.type_name == 'structure':
            if not path or path[0] not in shape.members:
                raise Wrong(where)
            self.check_member(shape.members[path[0]], path[1:], value, where)
        elif shape.type_name == 'list':
            if len(path) < 2 or path[0] != 'member' or not path[1].isdigit():
                raise Wrong(where)
            self.check_member(shape.member, path[2:], value, where)
        else:
            self.check_text(shape, path, value, where)

    def check_text(self, shape, path, value, where):
        if path or (getattr(shape, 'enum', None) and value not in shape.enum):
            raise Wrong(f'{where}={value}')
        pattern = shape.metadata.get('pattern')
        if pattern and not re.search(pattern.replace(r'\p{', '[^{'), value):
            raise Wrong(f'{where}={value}: not {pattern}')
        if len(value) > shape.metadata.get('max', len(value)):
            raise Wrong(f'{where} is too long')


class Ec2Model:
    """EC2 counts its lists in a way of its own: forms are made again by
    botocore, and compared."""

    FILTERS = {'DescribeManagedPrefixLists': 'prefix-list-name',
               'DescribeNetworkInterfaces': 'group-id'}

    def __init__(self):
        session = botocore.session.get_session()
        self.service = session.get_service_model('ec2')

    def check(self, form):
        action = form['Action']
        if action not in self.FILTERS:
            raise Wrong(action)
        p = {'Filters': [{'Name': self.FILTERS[action],
                          'Values': [form.get('Filter.1.Value.1', '')]}]}
        if 'NextToken' in form:
            p['NextToken'] = form['NextToken']
        want = botocore.serialize.create_serializer('ec2').serialize_to_request(
            p, self.service.operation_model(action))['body']
        if form != want:
            raise Wrong(f'{form}, not {want}')
        return action


class JsonModels:
    """What botocore knows of services that speak JSON."""

    def __init__(self, *names):
        session = botocore.session.get_session()
        self.services = {}
        for name in names:
            service = session.get_service_model(name)
            self.services[service.metadata['targetPrefix']] = service

    def check(self, target, version, body):
        prefix, action = target.split('.')
        service = self.services[prefix]
        if action not in service.operation_names:
            raise Wrong(target)
        if version != ('application/x-amz-json-' +
                       service.metadata['jsonVersion']):
            raise Wrong(version)
        p = json.loads(body)
        report = botocore.validate.ParamValidator().validate(
            p, service.operation_model(action).input_shape)
        if report.has_errors():
            raise Wrong(f'{action}: {report.generate_report()}')
        return action, p


@functools.lru_cache(None)
def models():
    forms = {name: Model(name) for name in (
        'cloudformation', 'elasticache', 'iam', 'sts')}
    forms['ec2'] = Ec2Model()
    return forms, JsonModels('logs', 'resourcegroupstaggingapi',
                             'secretsmanager', 'ssm'), {
        name: RestModel(name) for name in ('lambda', 's3')}


class Server:
    def __init__(self, cloud):
        self.cloud, self.elsewhere = cloud, Cloud()     # in other regions
        self.forms, self.json, self.rest = models()
        self.at = lambda n, action: None
        self.calls, self.lock = 0, threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, wbufsize = 'HTTP/1.1', -1

            def log_message(self, *args):
                pass

            def do(self):
                n = int(self.headers.get('Content-Length') or 0)
                body = self.rfile.read(n)
                with outer.lock:
                    outer.answer(self, body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do

        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.http.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.http.server_address[1]}'
        threading.Thread(target=self.http.serve_forever, args=(0.02,),
                         daemon=True).start()

    def check_signature(self, h, body):
        kind, rest = h.headers['Authorization'].split(' ', 1)
        fields = dict(x.strip().split('=', 1) for x in rest.split(','))
        here, service = fields['Credential'].split('/')[2:4]
        s3 = service == 's3'
        region = 'us-east-1' if service == 'iam' else here
        auth = (botocore.auth.S3SigV4Auth if s3 else botocore.auth.SigV4Auth)(
            Credentials(KEY, SECRET), service, region)
        r = AWSRequest(method=h.command, data=body,
                       url=f'http://{h.headers["Host"]}{h.path}')
        for name in fields['SignedHeaders'].split(';'):
            r.headers.add_header(name, h.headers[name])
        r.context['timestamp'] = h.headers['x-amz-date']
        r.context['payload_signing_enabled'] = True
        if s3 and h.headers['x-amz-content-sha256'] != hashlib.sha256(
                body).hexdigest():
            raise Wrong('x-amz-content-sha256')
        string = auth.string_to_sign(r, auth.canonical_request(r))
        if auth.signature(string, r) != fields['Signature']:
            raise Wrong(f'signature of {h.command} {h.path}')
        h.cloud = self.cloud if region == REGION or service == 'iam' else \
            self.elsewhere
        return service

    def do(self, h, body):
        service, cloud = self.check_signature(h, body), h.cloud
        parts = urllib.parse.urlsplit(h.path)
        if service in self.rest:
            self.rest[service].check(h.command, h.path, h.headers, body)
        if service == 's3':
            query = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
            action = f'S3 {h.command}'
            return action, lambda: cloud.s3(
                h.command, urllib.parse.unquote(parts.path), query, body)
        if service == 'execute-api':
            if not cloud.health:
                return 'Api', lambda: (500, {}, '{"message":"Internal"}')
            status, answer = cloud.health
            return 'Api', lambda: (status, {}, json.dumps(answer))
        if service == 'lambda':
            return f'Lambda {h.command}', lambda: cloud.aws_lambda(
                h.command, urllib.parse.unquote(parts.path))
        if service == 'tagging':
            self.json.check(h.headers['X-Amz-Target'],
                            h.headers['Content-Type'], body)
            return 'Tagging', lambda: cloud.tagging(body)
        if 'X-Amz-Target' in h.headers:
            action, p = self.json.check(h.headers['X-Amz-Target'],
                                        h.headers['Content-Type'], body)
            return action, lambda: (200, {}, json.dumps(
                getattr(cloud, action)(p)))
        form = dict(urllib.parse.parse_qsl(body.decode(), True, True))
        action = self.forms[service].check(form)

        def call():
            xml = getattr(cloud, action)(form)
            if service == 'ec2':
                return 200, {}, (f'<{action}Response>{xml}'
                                 f'</{action}Response>')
            return 200, {}, (f'<{action}Response><{action}Result>{xml}'
                             f'</{action}Result></{action}Response>')
        return action, call

    def answer(self, h, body):
        try:
            action, call = self.do(h, body)
        except (Wrong, KeyError, ValueError) as e:
            self.cloud.wrong.append(repr(e))
            return self.send(h, 400, {}, '<Error><Code>Wrong</Code></Error>')
        self.calls += 1
        self.cloud.log.append(action)
        what = self.at(self.calls, action)
        if what == 'fault':
            return self.send(h, 500, {}, '')
        if what == 'throttle':
            return self.send(h, 400, {}, '<ErrorResponse><Error><Code>Throttling'
                             '</Code></Error></ErrorResponse>')
        try:
            if action in self.cloud.refused:
                raise Refused(400, self.cloud.refused[action], 'not you')
            status, headers, text = call()
        except Refused as e:
            status, headers = e.status, {}
            text = json.dumps({'__type': e.code, 'message': e.message}) \
                if 'X-Amz-Target' in h.headers else (f'<ErrorResponse><Error><Code>{e.code}</Code><Message>'
                    f'{escape(e.message)}</Message></Error></ErrorResponse>')
        if what:                # done, and nobody hears of it
            if callable(what):
                what()
            h.close_connection = True
            return h.connection.shutdown(2)
        self.send(h, status, headers, text)

    def shaped(self, h, status, headers, text):
        """As other servers than AWS's may say the same."""
        if self.cloud.shape == 'odd':
            headers = {k.lower(): f'  {v}\t' for k, v in headers.items()}
            if text.startswith('<'):
                text = ('<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- hi -->'
                        + re.sub('>(<[^/])', '>\n  \\1', text) + '\n')
        if self.cloud.shape == 'old' and h.command != 'HEAD':
            h.protocol_version, h.close_connection = 'HTTP/1.0', True
            headers = dict(headers, **{'Content-Length': None})
        if self.cloud.shape == 'chunked' and h.command != 'HEAD' and text:
            headers = dict(headers, **{'Transfer-Encoding': 'chunked',
                                       'Content-Length': None})
            text = ''.join(f'{len(text[i:i + 99].encode()):X};x=y\r\n'
                           f'{text[i:i + 99]}\r\n'
                           for i in range(0, len(text), 99)) + '0\r\n\r\n'
        return headers, text

    def send(self, h, status, headers, text):
        headers, text = self.shaped(h, status, headers, text)
        h.send_response(status)
        for k, v in headers.items():
            if v is not None:
                h.send_header(k, v)
        if status != 204 and 'Content-Length' not in headers:
            h.send_header('Content-Length', str(len(text.encode())))
        h.end_headers()
        if h.command != 'HEAD':
            h.wfile.write(text.encode())
        h.wfile.flush()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
