# SPDX-License-Identifier: MIT
"""lambda-host.py SNEK BOOTSTRAP DIR [CHECK...]: each check, or each of those that
are named, has a host of its own or shares one; it is named for the behaviour
that it wants."""
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import io
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.parse
import urllib.request
import zipfile

SNEK, BOOTSTRAP, DIR = sys.argv[1:4]
ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTIONS = "/2015-03-31/functions"
AUTH = ("AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/%s/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64)


class Host:
    def __init__(self, *options, dir=DIR, files=None):
        self.dir = dir
        self.log = open(os.path.join(DIR, "..", "host.log"), "ab")
        self.p = subprocess.Popen(
            [SNEK, "lambda-local", "--port", "0", "--json", *options],
            stdout=subprocess.PIPE, stderr=self.log, env=dict(os.environ, TMPDIR=dir),
            preexec_fn=files and (lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (files, files))))
        line = self.p.stdout.readline()
        assert line, "the host did not start"
        self.ready = json.loads(line)
        self.port = int(self.ready["url"].rsplit(":", 1)[1])
        self.kept = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
        assert self.p.wait(60) == 0, "ended with %d" % self.p.returncode
        self.p.stdout.close()
        self.log.close()
        left = os.listdir(self.dir)
        assert not left, left

    def ask(self, method, path, body=None, headers=None, service="lambda", raw=False,
            connection=None):
        c = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=100)
        h = {"X-Amz-Date": "20260101T000000Z", "Authorization": AUTH % service}
        h.update(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body)
        c.request(method, path, body, h)
        r = c.getresponse()
        data = r.read()
        if not connection:
            c.close()
        assert r.getheader("x-amzn-RequestId"), r.getheaders()
        return Answer(r.status, data if raw or not data else json.loads(data), r)

    def create(self, name="f", zip=None, **more):
        body = dict(FunctionName=name, Runtime="provided.al2023", Handler="h", Role=ROLE,
                    Timeout=60,
                    Code={"ZipFile": base64.b64encode(zip or ZIP).decode()})
        body.update(more)
        return self.ask("POST", FUNCTIONS, body)

    def invoke(self, payload=None, name="f", path="", raw=False, **headers):
        body = None if payload is None else json.dumps(payload)
        return self.ask("POST", "%s/%s/invocations%s" % (FUNCTIONS, name, path), body,
                        {k.replace("_", "-"): v for k, v in headers.items()}, raw=raw)

    def processes(self):
        """Of its environments: those that run a bootstrap."""
        return len(children_of(self.p.pid))


def signed(h, method, target, body, key, secret, when, service="lambda"):
    """Headers of a request, signed as AWS describes it."""
    t = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))
    path, _, query = target.partition("?")
    if service != "s3":
        path = urllib.parse.quote(path, safe="/-_.~")
    query = "&".join(sorted(query.split("&"))) if query else ""
    scope = "%s/eu-central-1/%s/aws4_request" % (t[:8], service)
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join([method, path, query, "host:127.0.0.1:%d" % h.port,
                           "x-amz-date:" + t, "", "host;x-amz-date", digest])
    text = "\n".join(["AWS4-HMAC-SHA256", t, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    k = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    return {"X-Amz-Date": t, "Authorization":
            "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=host;x-amz-date, Signature=%s"
            % (key, scope, hmac.new(k, text.encode(), hashlib.sha256).hexdigest())}


class Answer:
    def __init__(self, status, body, r):
        self.status, self.body = status, body
        self.type = r.getheader("x-amzn-ErrorType")
        self.error = r.getheader("X-Amz-Function-Error")
        self.header = r.getheader

    def __repr__(self):
        return "%d %s %s" % (self.status, self.type or self.error, str(self.body)[:300])


def children_of(pid):
    """Its descendants that are bootstraps, by their names."""
    found = []
    for p in os.listdir("/proc"):
        if not p.isdigit():
            continue
        try:
            with open("/proc/%s/comm" % p) as f:
                comm = f.read().strip()
            above = p
            while comm == "bootstrap" and above not in ("0", str(pid)):
                with open("/proc/%s/stat" % above) as f:
                    above = f.read().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if comm == "bootstrap" and above == str(pid):
            found.append(int(p))
    return found


def make_zip(files):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data, mode in files:
            i = zipfile.ZipInfo(name)
            i.create_system = 3
            i.external_attr = mode << 16
            i.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(i, data)
    return b.getvalue()


with open(BOOTSTRAP, "rb") as program:
    PROGRAM = program.read()
ZIP = make_zip([("bootstrap", PROGRAM, 0o100755), ("lib/data", b"data", 0o100644)])
OTHER = make_zip([("bootstrap", PROGRAM, 0o100755), ("other", b"", 0o100644)])


def until(what):
    """What takes its time, but comes."""
    for _ in range(1200):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


# ---- functions ----

def a_function_is_made_told_of_and_removed(h):
    a = h.create(Description="d", MemorySize=256, Timeout=5,
                 Environment={"Variables": {"COLOUR": "red", "B_2": "x=\"y\""}},
                 Tags={"team": "a"})
    assert a.status == 201 and a.body["State"] == "Pending", a
    c = h.ask("GET", FUNCTIONS + "/f/configuration").body
    assert c["State"] == "Active" and c["LastUpdateStatus"] == "Successful", c
    assert c["FunctionArn"] == "arn:aws:lambda:eu-central-1:000000000000:function:f", c
    assert c["CodeSize"] == len(ZIP) and c["MemorySize"] == 256 and c["Timeout"] == 5, c
    assert c["CodeSha256"] == base64.b64encode(hashlib.sha256(ZIP).digest()).decode(), c
    assert c["Environment"] == {"Variables": {"COLOUR": "red", "B_2": "x=\"y\""}}, c
    assert c["EphemeralStorage"] == {"Size": 512} and c["Architectures"] == ["x86_64"], c
    a = h.ask("GET", FUNCTIONS + "/" + urllib.parse.quote(c["FunctionArn"], safe=""))
    with urllib.request.urlopen(a.body["Code"]["Location"]) as code:
        assert code.read() == ZIP
    assert a.body["Configuration"]["RevisionId"] == c["RevisionId"], a
    assert a.body["Tags"] == {"team": "a"}, a
    a = h.create()
    assert a.status == 409 and a.type == "ResourceConflictException", a
    assert h.ask("DELETE", FUNCTIONS + "/f").status == 204
    a = h.ask("GET", FUNCTIONS + "/f")
    assert a.status == 404 and a.type == "ResourceNotFoundException", a
    assert a.body["Message"].startswith("Function not found: arn:aws:lambda:eu-"), a


def what_cannot_be_a_function_is_refused(h):
    for more, type in (
            (dict(Runtime="python3.12"), "InvalidParameterValueException"),
            (dict(Role="r"), "ValidationException"),
            (dict(Role=None), "ValidationException"),
            (dict(Timeout=901), "ValidationException"),
            (dict(MemorySize=64), "ValidationException"),
            (dict(MemorySize="128"), "SerializationException"),
            (dict(Handler=None), "InvalidParameterValueException"),
            (dict(Architectures=["arm64"]), "InvalidParameterValueException"),
            (dict(Layers=["arn:aws:lambda:eu-central-1:1:layer:l:1"]),
             "InvalidParameterValueException"),
            (dict(Environment={"Variables": {"AWS_REGION": "x"}}),
             "InvalidParameterValueException"),
            (dict(Environment={"Variables": {"9": "x"}}), "InvalidParameterValueException"),
            (dict(Environment={"Variables": {"AB": "x" * 4096}}),
             "InvalidParameterValueException"),
            (dict(Code={"ZipFile": "%%%"}), "SerializationException"),
            (dict(Code={"S3Bucket": "nowhere", "S3Key": "k"}),
             "InvalidParameterValueException"),
            (dict(Code=None), "ValidationException"),
            (dict(Description="d" * 257), "ValidationException"),
            (dict(FunctionName="a b"), "ValidationException")):
        a = h.create(name="g", **more) if "FunctionName" not in more else h.create(**more)
        assert a.status == 400 and a.type == type, (more, a)
    a = h.ask("POST", FUNCTIONS, "{")
    assert a.status == 400 and a.type == "SerializationException", a
    a = h.ask("POST", FUNCTIONS, "[1]")
    assert a.status == 400 and a.type == "SerializationException", a
    assert h.ask("GET", FUNCTIONS).body == {"Functions": []}


def zips_that_would_reach_out_or_blow_up_are_refused(h):
    link = 0o120777
    for files in (
            [("../evil", b"x", 0o100644)], [("/evil", b"x", 0o100644)],
            [("a/../../evil", b"x", 0o100644)], [("a//b", b"x", 0o100644)],
            [("link", b"/etc", link)], [("a/link", b"../../etc", link)],
            [("link", b".", link), ("link/evil", b"x", 0o100644)],
            [("pipe", b"", 0o010644)], [("device", b"", 0o020644)],
            [("n" * 2000, b"x", 0o100644)],
            [("bomb", b"\0" * 262144001, 0o100644)]):
        a = h.create(name="z", zip=make_zip(files))
        assert a.status == 400 and a.type == "InvalidParameterValueException", (files[0][0][:20], a)
    for data in (b"no zip", ZIP[:-30], ZIP[:100] + b"?" * 40 + ZIP[140:]):
        a = h.create(name="z", zip=data)
        assert a.status == 400 and a.type == "InvalidParameterValueException", a
    assert h.ask("GET", FUNCTIONS).body == {"Functions": []}
    a = h.create(name="z", zip=make_zip([("bootstrap", PROGRAM, 0o100755),
                                         ("a/link", b"../bootstrap", link)]))
    assert a.status == 201, a
    assert h.ask("DELETE", FUNCTIONS + "/z").status == 204


def code_comes_from_a_bucket_too(h):
    s3 = dict(service="s3", raw=True)
    assert h.ask("PUT", "/a-bucket", **s3).status == 200
    assert h.ask("PUT", "/a-bucket", **s3).status == 409
    assert h.ask("HEAD", "/a-bucket/k/f.zip", **s3).status == 404
    sha = {"X-Amz-Content-Sha256": hashlib.sha256(ZIP).hexdigest()}
    assert h.ask("PUT", "/a-bucket/k/f.zip", ZIP + b"!", sha, **s3).status == 400
    assert h.ask("PUT", "/a-bucket/k/f.zip", ZIP, sha, **s3).status == 200
    assert h.ask("GET", "/a-bucket/k%2Ff.zip", **s3).body == ZIP
    assert h.ask("PUT", "/b-bucket/k", ZIP, **s3).status == 404
    a = h.create(Code={"S3Bucket": "a-bucket", "S3Key": "k/f.zip"})
    assert a.status == 201 and a.body["CodeSize"] == len(ZIP), a
    assert h.invoke([1]).body == [1]
    assert h.ask("DELETE", "/a-bucket", **s3).status == 409
    assert h.ask("DELETE", "/a-bucket/k/f.zip", **s3).status == 204
    assert h.ask("GET", "/a-bucket/k/f.zip", **s3).status == 404
    assert h.ask("DELETE", "/a-bucket", **s3).status == 204
    assert b"NoSuchBucket" in h.ask("GET", "/a-bucket/k", **s3).body
    assert h.ask("GET", "/..%2f..%2fetc/passwd", **s3).status == 400
    h.ask("DELETE", FUNCTIONS + "/f")


def updates_versions_and_aliases_are_what_they_were_at(h):
    h.create(Publish=True)
    f = FUNCTIONS + "/f"
    old = h.ask("GET", f + "/configuration").body
    again = h.ask("POST", f + "/versions", {})
    assert again.status == 201 and again.body["Version"] == "1", again
    new = h.ask("PUT", f + "/code", {"ZipFile": base64.b64encode(OTHER).decode(),
                                     "RevisionId": old["RevisionId"]})
    assert new.status == 200 and new.body["CodeSha256"] != old["CodeSha256"], new
    a = h.ask("PUT", f + "/configuration", {"Timeout": 9, "RevisionId": old["RevisionId"]})
    assert a.status == 412 and a.type == "PreconditionFailedException", a
    a = h.ask("PUT", f + "/configuration", {"Timeout": 9, "Environment": {
        "Variables": {"LOOK": "here"}}})
    assert a.status == 200 and a.body["Timeout"] == 9, a
    a = h.ask("POST", f + "/versions", {"CodeSha256": old["CodeSha256"]})
    assert a.status == 400, a
    a = h.ask("POST", f + "/versions", {"Description": "second"})
    assert a.status == 201 and a.body["Version"] == "2", a
    assert a.body["Description"] == "second" and a.body["FunctionArn"].endswith(":f:2"), a
    a = h.ask("GET", f + "/versions")
    assert [v["Version"] for v in a.body["Versions"]] == ["$LATEST", "1", "2"], a
    a = h.ask("POST", f + "/aliases", {"Name": "live", "FunctionVersion": "1"})
    assert a.status == 201 and a.body["AliasArn"].endswith(":f:live"), a
    first = a.body["RevisionId"]
    assert h.ask("POST", f + "/aliases", {"Name": "live", "FunctionVersion": "1"}).status == 409
    for body in ({"Name": "7", "FunctionVersion": "1"}, {"Name": "x"},
                 {"Name": "x", "FunctionVersion": "9"}):
        assert h.ask("POST", f + "/aliases", body).status in (400, 404), body
    a = h.invoke("env", path="?Qualifier=live")
    assert a.header("X-Amz-Executed-Version") == "1" and "LOOK=here" not in a.body, a
    assert "AWS_LAMBDA_FUNCTION_VERSION=1" in a.body, a
    a = h.ask("PUT", f + "/aliases/live", {"FunctionVersion": "2", "RevisionId": "other"})
    assert a.status == 412, a
    a = h.ask("PUT", f + "/aliases/live", {"FunctionVersion": "2", "RevisionId": first})
    assert a.status == 200 and a.body["FunctionVersion"] == "2", a
    a = h.invoke("env", name="f:live")
    assert a.header("X-Amz-Executed-Version") == "2" and "LOOK=here" in a.body, a
    a = h.invoke("head", name=urllib.parse.quote(new.body["FunctionArn"] + ":live", safe=""))
    assert "Invoked-Function-Arn: " + new.body["FunctionArn"] + ":live" in a.body, a
    a = h.invoke(1, name="f:live", path="?Qualifier=1")
    assert a.status == 400, a
    a = h.ask("PUT", f + "/aliases/live", {"RoutingConfig": {
        "AdditionalVersionWeights": {"1": 0.5}}})
    assert a.body["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 0.5}}, a
    seen = {h.invoke(1, name="f:live").header("X-Amz-Executed-Version") for _ in range(40)}
    assert seen == {"1", "2"}, seen
    a = h.ask("DELETE", f + "?Qualifier=1")
    assert a.status == 409, a
    assert [x["Name"] for x in h.ask("GET", f + "/aliases").body["Aliases"]] == ["live"]
    assert h.ask("DELETE", f + "/aliases/live").status == 204
    assert h.ask("GET", f + "/aliases/live").status == 404
    assert h.ask("DELETE", f + "?Qualifier=1").status == 204
    assert h.invoke(1, path="?Qualifier=1").status == 404
    assert h.invoke(1, path="?Qualifier=nothing").status == 404
    assert h.ask("DELETE", f).status == 204


def lists_come_in_pages_and_tags_stay(h):
    for i in range(5):
        h.create(name="f%d" % i, Publish=i == 4)
    seen, marker = [], ""
    while marker is not None:
        a = h.ask("GET", FUNCTIONS + "/?MaxItems=2" + (marker and "&Marker=" + marker))
        assert a.status == 200 and len(a.body["Functions"]) <= 2, a
        seen += [f["FunctionName"] for f in a.body["Functions"]]
        marker = a.body.get("NextMarker")
    assert seen == ["f%d" % i for i in range(5)], seen
    a = h.ask("GET", FUNCTIONS + "?FunctionVersion=ALL")
    assert len(a.body["Functions"]) == 6, a
    assert h.ask("GET", FUNCTIONS + "?MaxItems=x").status == 400
    a = h.ask("GET", "/2016-08-19/account-settings")
    assert a.body["AccountUsage"]["FunctionCount"] == 5, a
    arn = urllib.parse.quote("arn:aws:lambda:eu-central-1:000000000000:function:f1", safe="")
    assert h.ask("POST", "/2017-03-31/tags/" + arn, {"Tags": {"b": "2", "a": "1"}}).status == 204
    assert h.ask("GET", "/2017-03-31/tags/" + arn).body == {"Tags": {"a": "1", "b": "2"}}
    assert h.ask("DELETE", "/2017-03-31/tags/%s?tagKeys=a&tagKeys=c" % arn).status == 204
    assert h.ask("GET", "/2017-03-31/tags/" + arn).body == {"Tags": {"b": "2"}}
    for i in range(5):
        h.ask("DELETE", FUNCTIONS + "/f%d" % i)


def requests_that_are_not_signed_or_not_known_are_refused(h):
    a = h.ask("GET", FUNCTIONS, headers={"Authorization": ""})
    assert a.status == 403 and a.type == "IncompleteSignatureException", a
    a = h.ask("GET", FUNCTIONS, service="s3")
    assert a.status == 403 and a.type == "InvalidSignatureException", a
    a = h.ask("POST", "/2015-03-31/nothing/here", "{}")
    assert a.status == 404 and a.type == "UnknownOperationException", a
    a = h.ask("GET", FUNCTIONS + "/%zz")
    assert a.status == 400, a
    a = h.ask("GET", FUNCTIONS + "/arn%3Aaws%3Alambda")
    assert a.status == 400, a
    for name, status in (("localhost", 200), ("LOCALHOST:1", 200), ("rebound.example", 403),
                         ("127.0.0.1.example", 403), ("", 403)):
        assert h.ask("GET", FUNCTIONS, headers={"Host": name}).status == status, name
    for text in (b"nonsense\r\n\r\n", b"GET " + b"/x" * 40000 + b" HTTP/1.1\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", h.port), timeout=60) as s:
            try:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:             # it does not listen to the end
                pass
    assert h.ask("GET", FUNCTIONS).status == 200


# ---- running ----

def events_and_answers_go_through_as_they_are(h):
    h.create(MemorySize=300)
    for event in ({"a": [1, {"b": None}]}, "text", 1, None, [], {"u": "\u00e9\u4e16"}):
        if event is not None:
            assert h.invoke(event).body == event, event
    assert h.invoke().body == {}
    n = 6291456 - 2
    a = h.invoke("x" * n)
    assert a.status == 200 and a.body == "x" * n, a
    a = h.invoke("x" * (n + 1))
    assert a.status == 413 and a.type == "RequestTooLargeException", a
    assert "6291456" in a.body["message"], a
    a = h.ask("POST", FUNCTIONS + "/f/invocations", '{"a":')
    assert a.status == 400 and a.type == "InvalidRequestContentException", a
    assert h.invoke("large 6291556").status == 200
    a = h.invoke("large 6291557")
    assert a.status == 200 and a.error == "Unhandled", a
    assert a.body["errorType"] == "Function.ResponseSizeTooLarge", a
    assert h.invoke("calls").body[1] > 3, "another environment"
    h.ask("DELETE", FUNCTIONS + "/f")


def large_events_are_chunked_as_lambda_does(h):
    h.create()
    for n, chunked in ((2048, False), (2049, True)):
        a = h.invoke("size" + "x" * (n - 6))
        assert a.body == {"n": n, "chunked": chunked}, a
    h.ask("DELETE", FUNCTIONS + "/f")


def the_runtime_is_told_what_lambda_tells(h):
    h.create(MemorySize=300, Timeout=3,
             Environment={"Variables": {"MINE": "1", "LANG": "de"}})
    env = dict(x.split("=", 1) for x in h.invoke("env").body)
    root = env["LAMBDA_TASK_ROOT"]
    assert root == "/var/task" or not h.ready["root"], env
    want = {"_HANDLER": "h", "LAMBDA_RUNTIME_DIR": "/var/runtime", "TZ": ":UTC",
            "AWS_REGION": "eu-central-1", "AWS_LAMBDA_FUNCTION_NAME": "f", "LANG": "de",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "MINE": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "300",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
                               "%s:%s/lib:/opt/lib" % (root, root)}
    for name, value in want.items():
        assert env.get(name) == value, (name, env)
    assert env["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:"), env
    context = base64.b64encode(b'{"custom":{}}').decode()
    before = time.time()
    text = h.invoke("head", X_Amz_Client_Context=context).body
    head = dict(x.split(": ", 1) for x in text.replace("  ", "\n").split("\n") if ": " in x)
    head = {k.strip().lower(): v.strip() for k, v in head.items()}
    assert head["lambda-runtime-client-context"] == '{"custom":{}}', head
    left = int(head["lambda-runtime-deadline-ms"]) / 1000 - before
    assert 0 < left < 3 + time.time() - before + 0.1, left
    assert len(head["lambda-runtime-aws-request-id"]) == 36, head
    assert head["lambda-runtime-trace-id"].startswith("Root=1-"), head
    h.ask("DELETE", FUNCTIONS + "/f")


def a_runtime_that_answers_wrongly_is_told_so(h):
    h.create()
    a = h.invoke("twice", X_Amz_Log_Type="Tail")
    assert a.body == [400], a
    a = h.invoke("print", X_Amz_Log_Type="Tail")
    log = base64.b64decode(a.header("X-Amz-Log-Result")).decode()
    assert "the second answer: 403" in log or "hello of" in log, log
    h.ask("DELETE", FUNCTIONS + "/f")


def the_log_tells_what_was_printed_and_what_is_billed(h):
    h.create()
    a = h.invoke("print", X_Amz_Log_Type="Tail")
    log = base64.b64decode(a.header("X-Amz-Log-Result")).decode()
    id = log.split("START RequestId: ")[1].split()[0]
    assert "Version: $LATEST\nhello of %s\n" % id in log, log
    assert "END RequestId: %s\nREPORT RequestId: %s\tDuration: " % (id, id) in log, log
    assert "\tBilled Duration: " in log and "\tMemory Size: 128 MB\t" in log, log
    assert "Max Memory Used: " in log and "\tInit Duration: " in log, log
    a = h.invoke("print", X_Amz_Log_Type="Tail")
    log = base64.b64decode(a.header("X-Amz-Log-Result")).decode()
    assert "Init Duration" not in log, log
    assert h.invoke("print").header("X-Amz-Log-Result") is None
    h.ask("DELETE", FUNCTIONS + "/f")


def the_log_can_be_asked_for(h):
    def logs(raw=False, **more):
        return h.ask("POST", "/", more, {"X-Amz-Target": "Logs_20140328.FilterLogEvents"},
                     service="logs")
    h.create()
    for _ in range(3):
        h.invoke("print")
    a = logs(logGroupName="/aws/lambda/f")
    text = [e["message"] for e in a.body["events"]]
    assert len([t for t in text if t.startswith("hello of ")]) == 3, text
    assert len([t for t in text if t.startswith("REPORT ")]) == 3, text
    assert "[$LATEST]" in a.body["events"][0]["logStreamName"], a
    a = logs(logGroupName="/aws/lambda/f", filterPattern="hello of", limit=2)
    assert len(a.body["events"]) == 2, a
    b = logs(logGroupName="/aws/lambda/f", filterPattern="hello of",
             nextToken=a.body["nextToken"])
    assert len(b.body["events"]) == 1 and "nextToken" not in b.body, b
    a = logs(logGroupName="/aws/lambda/f", startTime=int(time.time() + 1000) * 1000)
    assert a.body["events"] == [], a
    a = logs(logGroupName="/aws/lambda/g")
    assert a.status == 400 and a.body["__type"] == "ResourceNotFoundException", a
    assert logs(logGroupName="/aws/lambda/f", filterPattern="{ $.a = 1 }").status == 400
    assert logs(logGroupName=1).status == 400


def a_response_may_be_streamed(h):
    h.create()
    assert h.invoke("stream").body == "abcd"
    a = h.invoke("stream error")
    assert a.error == "Unhandled" and a.body == {"late": True}, a
    assert h.invoke("calls").body[1] == 1, "another environment"


def what_takes_more_memory_than_it_has_is_killed(h):
    h.create(Timeout=900, MemorySize=128)
    a = h.invoke("eat 200", X_Amz_Log_Type="Tail")
    assert a.error == "Unhandled" and "signal: killed" in a.body["errorMessage"], a
    log = base64.b64decode(a.header("X-Amz-Log-Result")).decode()
    assert "Max Memory Used: 128 MB" in log, log


def what_goes_wrong_in_a_function_is_an_error_of_its_own(h):
    h.create(Timeout=1)
    for event, error, type, text in (
            ("error", "Unhandled", "Oh.No", "as asked"),
            ("handled", "Handled", "Oh.No", "as asked"),
            ("exit 3", "Unhandled", "Runtime.ExitError", "exit status 3"),
            ("exit 0", "Unhandled", "Runtime.ExitError", "without providing a reason"),
            ("kill 11", "Unhandled", "Runtime.ExitError", "signal: segmentation fault"),
            ("kill 9", "Unhandled", "Runtime.ExitError", "signal: killed"),
            ("sleep 600000", "Unhandled", "Sandbox.Timedout",
             "Task timed out after 1.00 seconds")):
        a = h.invoke(event)
        assert a.status == 200 and a.error == error, (event, a)
        assert a.body["errorType"] == type and text in a.body["errorMessage"], (event, a)
        assert h.invoke(1).body == 1, event
    h.ask("DELETE", FUNCTIONS + "/f")


def a_bootstrap_that_does_not_start_says_why(h):
    for zip, env, type, text in (
            (make_zip([("x", b"x", 0o100644)]), {}, "Runtime.InvalidEntrypoint",
             "Couldn't find valid bootstrap(s)"),
            (make_zip([("bootstrap", b"x", 0o100644)]), {}, "Runtime.InvalidEntrypoint",
             "permission denied"),
            (make_zip([("bootstrap", b"x", 0o100755)]), {}, "Runtime.InvalidEntrypoint",
             "exec format error"),
            (make_zip([("bootstrap", b"#!/no/such/shell\n", 0o100755)]), {},
             "Runtime.InvalidEntrypoint", "--root"),
            (ZIP, {"INIT": "exit"}, "Runtime.ExitError", "exit status 7"),
            (ZIP, {"INIT": "error"}, "Not.Today", "init failed")):
        h.create(zip=zip, Environment={"Variables": env})
        a = h.invoke(1)
        assert a.status == 200 and a.error == "Unhandled", (text, a)
        assert a.body["errorType"] == type and text in a.body["errorMessage"], (text, a)
        h.ask("DELETE", FUNCTIONS + "/f")


def an_environment_sees_its_own_things_alone(h):
    if not h.ready["root"]:
        print("  not here: there are no private roots")
        return
    h.create()
    assert h.invoke("reach").body == {"task": False, "root": False, "tmp": True,
                                      "home": False, "uid": True}
    files = h.invoke("root").body
    assert set(files) == {"dev", "etc", "opt", "proc", "tmp", "var"}, files
    h.ask("DELETE", FUNCTIONS + "/f")


def environments_are_used_again_and_end_with_their_function(h):
    h.create()
    first = h.invoke("calls").body
    for _ in range(5):
        pid, n = h.invoke("calls").body
    assert pid == first[0] and n == 6, (first, pid, n)
    h.invoke("child")
    assert h.processes() >= 1
    h.ask("PUT", FUNCTIONS + "/f/configuration", {"Timeout": 7})
    until(lambda: h.processes() == 0)
    assert h.invoke("calls").body[1] == 1
    h.ask("DELETE", FUNCTIONS + "/f")
    until(lambda: h.processes() == 0)


def many_run_at_once(h):
    h.create()
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        got = list(pool.map(lambda i: h.invoke({"i": i}).body, range(400)))
    assert got == [{"i": i} for i in range(400)]
    assert 1 <= h.processes() <= 40, h.processes()
    h.ask("DELETE", FUNCTIONS + "/f")


def an_event_is_taken_at_once_and_runs_later(h):
    h.create()
    a = h.invoke("sleep 200", X_Amz_Invocation_Type="Event")
    assert a.status == 202 and not a.body, a
    until(lambda: h.processes() == 1)
    a = h.invoke("x" * 1048576, X_Amz_Invocation_Type="Event")
    assert a.status == 413, a
    assert h.invoke(1, X_Amz_Invocation_Type="DryRun").status == 204
    assert h.invoke(1, X_Amz_Invocation_Type="Odd").status == 400
    h.ask("DELETE", FUNCTIONS + "/f")


# ---- hosts of their own ----

def a_function_is_pending_until_it_is_active():
    with Host("--create-ms", "1000") as h:
        begin = time.time()
        h.create()
        f = FUNCTIONS + "/f"
        a, b = h.invoke(1), h.ask("POST", f + "/versions", {})
        if time.time() - begin < 1:     # else this machine is too slow to see it
            assert a.status == 409 and a.type == "ResourceConflictException", a
            assert "state: Pending" in a.body["message"], a
            assert b.status == 409, b
        until(lambda: h.ask("GET", f + "/configuration").body["State"] == "Active")
        begin = time.time()
        a = h.ask("PUT", f + "/configuration", {"Environment": {"Variables": {"NEW": "1"}}})
        assert a.body["LastUpdateStatus"] == "InProgress", a
        a, b = h.ask("PUT", f + "/configuration", {"Timeout": 5}), h.invoke("env").body
        if time.time() - begin < 1:
            assert a.status == 409 and "update is in progress" in a.body["message"], a
            assert "NEW=1" not in b, b
        until(lambda: h.ask("GET", f + "/configuration").body["LastUpdateStatus"] == "Successful")
        assert "NEW=1" in h.invoke("env").body


class Busy:
    """n invocations that run until the block ends."""
    def __init__(self, h, n):
        self.h, self.n = h, n

    def __enter__(self):
        before = self.h.processes()
        self.connections = []
        for _ in range(self.n):
            c = http.client.HTTPConnection("127.0.0.1", self.h.port, timeout=100)
            c.request("POST", FUNCTIONS + "/f/invocations", '"sleep 600000"',
                      {"X-Amz-Date": "20260101T000000Z", "Authorization": AUTH % "lambda"})
            self.connections.append(c)
        until(lambda: self.h.processes() == before + self.n)

    def __exit__(self, *exc):
        self.h.ask("DELETE", FUNCTIONS + "/f")
        for c in self.connections:
            c.close()


def with_a_key_others_are_refused():
    with Host("--key", "AKID:secret") as h:
        def ask(method, target, body=b"", key="AKID", secret="secret", when=0, sent=None, **more):
            headers = signed(h, method, target, body, key, secret, time.time() + when, **more)
            return h.ask(method, target, body if sent is None else sent, headers,
                         raw="service" in more)
        arn = urllib.parse.quote("arn:aws:lambda:eu-central-1:000000000000:function:f", safe="")
        list = FUNCTIONS + "?MaxItems=5&FunctionVersion=ALL"
        assert ask("GET", list).status == 200
        assert ask("GET", FUNCTIONS + "/" + arn).type == "ResourceNotFoundException"
        assert ask("POST", FUNCTIONS, b"{}").type == "ValidationException"
        assert ask("PUT", "/a-bucket", service="s3").status == 200
        assert ask("PUT", "/a-bucket/a%20b", b"x", service="s3").status == 200
        for more, type in (
                (dict(key="OTHER"), "UnrecognizedClientException"),
                (dict(secret="other"), "InvalidSignatureException"),
                (dict(when=-1000), "InvalidSignatureException"),
                (dict(when=1000), "InvalidSignatureException"),
                (dict(sent=b"other"), "InvalidSignatureException")):
            a = ask("POST", FUNCTIONS, b"{}", **more)
            assert a.status == 403 and a.type == type, (more, a)
        a = ask("GET", "/a-bucket/a", secret="other", service="s3")
        assert a.status == 403 and b"SignatureDoesNotMatch" in a.body, a


def what_is_over_the_concurrency_is_throttled():
    with Host("--environments", "3", "--retry-after", "7") as h:
        h.create(Timeout=900)
        with Busy(h, 3):
            a = h.invoke(1)
            assert a.status == 429 and a.type == "TooManyRequestsException", a
            assert a.body["Reason"] == "ConcurrentInvocationLimitExceeded", a
            assert a.header("Retry-After") == "7", a
        a = h.ask("GET", "/2016-08-19/account-settings")
        assert a.body["AccountLimit"]["ConcurrentExecutions"] == 3, a
        h.create()
        a = h.ask("PUT", "/2017-10-31/functions/f/concurrency",
                  {"ReservedConcurrentExecutions": 1})
        assert a.status == 400 and "[100]" in a.body["message"], a


def what_is_idle_makes_room():
    with Host("--environments", "2") as h:
        for name in "abc":
            h.create(name=name)
            assert h.invoke(1, name=name).body == 1
        assert h.invoke("calls", name="c").body[1] == 2
        until(lambda: h.processes() == 2)


def a_reserved_concurrency_is_a_function_s_own():
    with Host("--environments", "110") as h:
        h.create(Timeout=900)
        h.create(name="g")
        c = "/2017-10-31/functions/f/concurrency"
        a = h.ask("PUT", c, {"ReservedConcurrentExecutions": 2})
        assert a.status == 200 and a.body == {"ReservedConcurrentExecutions": 2}, a
        a = h.ask("GET", "/2016-08-19/account-settings")
        assert a.body["AccountLimit"]["UnreservedConcurrentExecutions"] == 108, a
        with Busy(h, 2):
            a = h.invoke(1)
            assert a.status == 429, a
            assert a.body["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded", a
            assert h.invoke(1, name="g").body == 1
            h.ask("PUT", c, {"ReservedConcurrentExecutions": 3})
            assert h.invoke(1).body == 1
            assert h.ask("GET", FUNCTIONS + "/f").body["Concurrency"] == \
                {"ReservedConcurrentExecutions": 3}
            assert h.ask("DELETE", c).status == 204
            assert h.ask("GET", "/2019-09-30/functions/f/concurrency").body == {}
            assert h.invoke(1).body == 1
            h.ask("PUT", c, {"ReservedConcurrentExecutions": 0})
            assert h.invoke(1).status == 429


def without_a_root_it_works_too():
    with Host("--root", "none") as h:
        assert h.ready["root"] is False
        h.create()
        env = dict(x.split("=", 1) for x in h.invoke("env").body)
        assert env["LAMBDA_TASK_ROOT"].startswith(DIR), env
        assert env["TMPDIR"].startswith(DIR), env
        assert h.invoke("child").body == "child"
        until(lambda: h.processes() == 2)
        h.ask("DELETE", FUNCTIONS + "/f")
        until(lambda: h.processes() == 0)


def a_bootstrap_in_another_language_runs_on_this_machine_s_programs():
    script = b"""#!%s -S
import os, urllib.request
api = "http://%%s/2018-06-01/runtime/invocation/" %% os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    with urllib.request.urlopen(api + "next") as r:
        id, event = r.headers["Lambda-Runtime-Aws-Request-Id"], r.read()
    urllib.request.urlopen(urllib.request.Request(
        api + id + "/response", b"[" + event + b",\\"python\\"]", method="POST")).read()
"""
    for root, python in (("none", sys.executable), ("/", "/usr/bin/python3")):
        if not os.path.exists(python):
            continue
        zip = make_zip([("bootstrap", script % os.path.realpath(python).encode(), 0o100755)])
        with Host("--root", root) as h:
            h.create(zip=zip)
            assert h.invoke({"a": 1}).body == [{"a": 1}, "python"], root


def a_root_that_is_no_directory_is_refused():
    for root, code, said in ((os.path.join(DIR, "nowhere"), 3, b"No such file"),
                             (SNEK, 2, b"say empty, none or a directory")):
        p = subprocess.run([SNEK, "lambda-local", "--root", root], stderr=subprocess.PIPE,
                           timeout=60)
        assert p.returncode == code and said in p.stderr, p


def snek_s_own_worker_runs_in_an_empty_root():
    zip = os.path.join(DIR, "..", "own.zip")
    if os.environ.get("SANITIZE", "no") != "no":
        print("  not here: with a sanitizer it is not the worker that ships")
        return
    plugin = os.path.join(os.path.dirname(SNEK), "plugins", ".libs", "wordcount.so")
    subprocess.run([SNEK, "add-function", plugin, "--bundle", zip], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=dict(os.environ, PATH=os.path.dirname(SNEK) + ":" + os.environ["PATH"]))
    with open(zip, "rb") as f:
        code = f.read()
    os.unlink(zip)
    with Host() as h:
        h.create(zip=code)
        for _ in range(2):
            a = h.invoke({"not": "of snek"})
            assert a.status == 200 and not a.error and a.body["snek"] == 1, a
            assert "is not from snek" in a.body["error"], a


def faults_come_as_often_as_asked():
    with Host("--fail", "10%", "--throttle", "0.1", "--lose", "10%", "--kill", "10%",
              "--duplicate", "10%", "--late", "10%", "--late-ms", "5", "--seed", "7") as h:
        h.create()
        seen = {}
        for i in range(300):
            try:
                a = h.invoke(i)
            except (http.client.RemoteDisconnected, ConnectionResetError):
                seen["lost"] = seen.get("lost", 0) + 1
                continue
            if a.error:
                assert "signal: killed" in a.body["errorMessage"], a
            elif a.status == 200:
                assert a.body == i, a
            seen[a.error or a.status] = seen.get(a.error or a.status, 0) + 1
        for what in (500, 429, "lost", "Unhandled"):
            assert 10 <= seen[what] <= 60, seen
        assert seen[200] > 150, seen
    again = {}
    with Host("--fail", "10%", "--seed", "7") as h:
        h.create()
        first = [h.invoke(i).status for i in range(60)]
    with Host("--fail", "10%", "--seed", "7") as h:
        h.create()
        assert first == [h.invoke(i).status for i in range(60)] and 500 in first


def what_has_no_work_is_frozen():
    def states():
        found = []
        for pid in children_of(h.p.pid):
            with open("/proc/%d/stat" % pid) as f:
                found.append(f.read().rsplit(")", 1)[1].split()[0])
        return found
    for root in ("empty", "none"):
        with Host("--freeze", "--root", root) as h:
            h.create()
            for i in range(3):
                assert h.invoke("calls").body[1] == i + 1
                until(lambda: states() == ["T"])


def a_network_of_its_own_has_the_runtime_alone():
    if not ROOTS:
        print("  not here: there are no private roots")
        return
    with Host("--no-network") as h:
        h.create()
        env = dict(x.split("=", 1) for x in h.invoke("env").body)
        assert env["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001", env
        assert h.invoke("connect %d" % h.port).body is False
        assert h.invoke("connect 9001").body is True
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda i: h.invoke(i).body, range(64))) == list(range(64))
    with Host() as h:
        h.create()
        assert h.invoke("connect %d" % h.port).body is True
    p = subprocess.run([SNEK, "lambda-local", "--no-network", "--root", "none"],
                       stderr=subprocess.PIPE)
    assert p.returncode == 2 and b"not with --root none" in p.stderr, p


def a_bootstrap_that_does_not_ask_is_given_up(hosts=[]):
    """Begun first, and looked at in the end: it takes ten seconds."""
    if not hosts:
        h = Host(dir=os.path.join(DIR, "..", "slow"))
        h.create(Timeout=900, Environment={"Variables": {"INIT": "hang"}})
        pool = concurrent.futures.ThreadPoolExecutor(1)
        hosts.extend([h, pool.submit(h.invoke, 1), time.time()])
        return
    h, answer, begin = hosts
    a = answer.result()
    assert time.time() - begin >= 10, time.time() - begin
    assert a.error == "Unhandled" and a.body["errorType"] == "Sandbox.Timedout", a
    assert "Task timed out after 10.00 seconds" in a.body["errorMessage"], a
    h.__exit__()


def a_duplicate_runs_twice():
    with Host("--duplicate", "100%", "--root", "none") as h:
        h.create()
        h.invoke("sleep 1")
        until(lambda: h.processes() == 2)


def a_failed_event_runs_three_times():
    with Host("--event-retry-ms", "50", "--verbose") as h:
        log = os.path.join(DIR, "..", "host.log")
        at = os.path.getsize(log)
        h.create()
        h.invoke("error", X_Amz_Invocation_Type="Event")

        def starts():
            with open(log, "rb") as f:
                f.seek(at)
                return f.read().count(b"REPORT RequestId")
        until(lambda: starts() == 3)
        time.sleep(0.3)
        assert starts() == 3


def delays_are_at_least_as_long_as_asked():
    with Host("--rtt-ms", "60", "--cold-ms", "300") as h:
        h.create()
        begin = time.time()
        h.invoke(1)
        assert time.time() - begin >= 0.36
        begin = time.time()
        h.invoke(1)
        assert time.time() - begin >= 0.06


def what_is_under_way_at_its_end_is_told():
    with Host("--late", "100%", "--late-ms", "600000", "--create-ms", "600000") as h:
        h.create()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(h.invoke, 1)
            assert answer.result().status == 409
    with Host("--late", "100%", "--late-ms", "600000") as h:
        h.create(Timeout=900)
        h.create(name="g", Timeout=900)
        connections = []
        for name, event in (("f", "1"), ("g", '"sleep 600000"')):
            c = http.client.HTTPConnection("127.0.0.1", h.port, timeout=100)
            c.request("POST", "%s/%s/invocations" % (FUNCTIONS, name), event,
                      {"X-Amz-Date": "20260101T000000Z", "Authorization": AUTH % "lambda"})
            connections.append(c)
        until(lambda: h.processes() == 2)
        until(lambda: "REPORT" in str(h.ask(
            "POST", "/", {"logGroupName": "/aws/lambda/f"},
            {"X-Amz-Target": "Logs_20140328.FilterLogEvents"}, service="logs").body))
    assert connections[0].getresponse().read() == b"1"
    r = connections[1].getresponse()
    assert r.status == 500 and b"the host ends" in r.read()
    for c in connections:
        c.close()


def few_descriptors_make_few_environments_and_no_haste():
    with Host(files=128 + 6 * 4) as h:
        h.create()
        a = h.ask("GET", "/2016-08-19/account-settings")
        assert a.body["AccountLimit"]["ConcurrentExecutions"] == 4, a
        clients = [socket.create_connection(("127.0.0.1", h.port)) for _ in range(200)]
        begin = cpu_of(h.p.pid)
        time.sleep(0.5)
        assert cpu_of(h.p.pid) - begin < 0.3
        for c in clients:
            c.close()
        assert h.invoke(1).body == 1


def cpu_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def what_is_wrong_with_an_option_is_told():
    def run(*options):
        p = subprocess.run([SNEK, "lambda-local", *options], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, env=dict(os.environ, TMPDIR=DIR))
        return p.returncode, p.stderr.decode()
    for options, code, text in (
            (["--fail", "5"], 2, "--fail 5: say 5% or 0.05"),
            (["--environments", "0"], 2, "from 1 to 10000"),
            (["--port", "65536"], 2, "from 0 to 65535"), (["--key", "x"], 2, "ID:SECRET"),
            (["--tmp", "/no/such"], 3, "/no/such"), (["x"], 2, "one argument too many")):
        rc, said = run(*options)
        assert rc == code and text in said, (options, rc, said)
    with Host() as h:
        rc, said = run("--port", str(h.port), "--json")
        said = json.loads(said)
        assert rc == 1 and said["code"] == "io" and said["exit"] == 1, said
        assert "in use; --port 0" in said["message"], said
    p = subprocess.run([SNEK, "lambda-local", "--port", "0"], stdout=open("/dev/full", "w"),
                       stderr=subprocess.PIPE, env=dict(os.environ, TMPDIR=DIR))
    assert p.returncode == 1 and b"standard output" in p.stderr, p
    assert not os.listdir(DIR)


def nothing_is_left_when_it_is_killed():
    for root in ("empty", "none"):
        dir = os.path.join(DIR, "killed")
        os.mkdir(dir)
        h = Host("--root", root, dir=dir)
        h.create()
        h.invoke("child")
        found = children_of(h.p.pid)
        assert found
        h.p.kill()
        h.p.wait()
        h.p.stdout.close()
        h.log.close()
        until(lambda: not [p for p in found if is_bootstrap(p)])
        assert os.listdir(dir)
        with Host("--root", root, dir=dir) as h:
            assert len(os.listdir(dir)) == 1
        os.rmdir(dir)


def is_bootstrap(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip() == "bootstrap"
    except OSError:
        return False


SHARED = [a_function_is_made_told_of_and_removed,
          what_cannot_be_a_function_is_refused,
          zips_that_would_reach_out_or_blow_up_are_refused,
          code_comes_from_a_bucket_too,
          updates_versions_and_aliases_are_what_they_were_at,
          lists_come_in_pages_and_tags_stay,
          requests_that_are_not_signed_or_not_known_are_refused,
          events_and_answers_go_through_as_they_are,
          large_events_are_chunked_as_lambda_does,
          the_runtime_is_told_what_lambda_tells,
          a_runtime_that_answers_wrongly_is_told_so,
          the_log_tells_what_was_printed_and_what_is_billed,
          the_log_can_be_asked_for,
          a_response_may_be_streamed,
          what_takes_more_memory_than_it_has_is_killed,
          what_goes_wrong_in_a_function_is_an_error_of_its_own,
          a_bootstrap_that_does_not_start_says_why,
          an_environment_sees_its_own_things_alone,
          environments_are_used_again_and_end_with_their_function,
          many_run_at_once,
          an_event_is_taken_at_once_and_runs_later]
ALONE = [a_function_is_pending_until_it_is_active,
         with_a_key_others_are_refused,
         what_is_over_the_concurrency_is_throttled,
         what_is_idle_makes_room,
         a_reserved_concurrency_is_a_function_s_own,
         without_a_root_it_works_too,
         a_bootstrap_in_another_language_runs_on_this_machine_s_programs,
         a_root_that_is_no_directory_is_refused,
         snek_s_own_worker_runs_in_an_empty_root,
         faults_come_as_often_as_asked,
         what_has_no_work_is_frozen,
         a_network_of_its_own_has_the_runtime_alone,
         a_duplicate_runs_twice,
         a_failed_event_runs_three_times,
         delays_are_at_least_as_long_as_asked,
         what_is_under_way_at_its_end_is_told,
         few_descriptors_make_few_environments_and_no_haste,
         what_is_wrong_with_an_option_is_told,
         nothing_is_left_when_it_is_killed,
         a_bootstrap_that_does_not_ask_is_given_up]
bad = done = 0


def check(f, *args):
    global bad, done
    if sys.argv[4:] and f.__name__ not in sys.argv[4:]:
        return
    done += 1
    begin = time.time()
    try:
        f(*args)
    except Exception as e:      # the next behaviour is looked at all the same
        bad += 1
        print("FAIL: %s: %s: %s" % (f.__name__, type(e).__name__, str(e)[:900]))
        traceback.print_exc()
    print("  %s (%.1f s)" % (f.__name__, time.time() - begin), flush=True)


os.makedirs(os.path.join(DIR, "..", "slow"), exist_ok=True)
check(a_bootstrap_that_does_not_ask_is_given_up)
with Host("--retry-after", "0") as shared:
    ROOTS = shared.ready["root"]
    for f in SHARED:
        check(f, shared)
        for left in shared.ask("GET", FUNCTIONS).body["Functions"]:
            shared.ask("DELETE", FUNCTIONS + "/" + left["FunctionName"])
for f in ALONE:
    check(f)
print("%d checks, %d failed" % (done, bad))
sys.exit(bad or not done)
