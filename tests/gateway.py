# SPDX-License-Identifier: MIT
"""gateway.py SNEK SNEK-DEPLOY DIR: each check has a gateway of its own or
shares one; it is named for the behaviour that it wants."""
import gzip
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

SNEK, DEPLOY, DIR = sys.argv[1:4]
CLUSTER = os.path.join(DIR, "cluster")
TOKEN = "0123456789abcdef0123456789abcdef"
subprocess.run([DEPLOY, "--local", CLUSTER, "--shards", "4"], check=True,
               stdout=subprocess.DEVNULL)
env = dict(os.environ, TMPDIR=os.path.join(DIR, "tmp"))


class Gateway:
    def __init__(self, *options, token=TOKEN):
        self.token = token
        e = dict(env, SNEK_GATEWAY_TOKEN=token) if token else env
        args = [SNEK, "gateway", "--cluster", CLUSTER, "--json", *options]
        if "--listen" not in options:
            args += ["--listen", "127.0.0.1:0"]
        self.p = subprocess.Popen(args, stdout=subprocess.PIPE, env=e)
        line = self.p.stdout.readline()
        assert line, "the gateway did not start"
        self.where = json.loads(line)["listen"]
        self.port = int(self.where.rsplit(":", 1)[1]) if "unix" not in self.where else 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
        assert self.p.wait(60) == 0, "ended with %d" % self.p.returncode

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method, path, body=None, headers=None, raw=False):
        c = self.connect()
        h = dict(headers or {})
        if self.token:
            h.setdefault("Authorization", "Bearer " + self.token)
        c.request(method, path, body, h)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, data if raw else json.loads(data), dict(r.getheaders())


def lines(n, start=0):
    return "".join('{"n":%d,"text":"word%d of all"}\n' % (i, i % 7)
                   for i in range(start, start + n))


def the_cluster_is_well_as_seen_from_here(g):
    s, r, _ = g.ask("GET", "/v1/health")
    assert s == 200 and r["kind"] == "health" and r["well"], r
    assert "cluster" in [c["name"] for c in r["checks"]], r


def a_write_answers_its_receipt_and_a_repeat_writes_nothing_twice(g):
    for repeated in (False, True):
        s, r, _ = g.ask("POST", "/v1/categories/a/records?request_id=r%2F1", lines(10))
        assert s == 200 and r["kind"] == "receipt", r
        assert r["records"] == 10 and r["version"] == 1, r
        assert r["repeated"] is repeated and r["durability"] == "machine", r
    s, r, _ = g.ask("POST", "/v1/categories/a/records?request_id=r%2F1", lines(11))
    assert s == 409 and r["code"] == "conflict", r
    s, r, _ = g.ask("GET", "/v1/categories/a")
    assert r["records"] == 10 and sum(p["records"] for p in r["placement"]) == 10, r


def bodies_are_lines_arrays_text_or_gzip(g):
    s, r, _ = g.ask("POST", "/v1/categories/b/records", "[1,2,[3]]",
                    {"Content-Type": "application/json"})
    assert s == 200 and r["records"] == 3, r
    s, r, _ = g.ask("POST", "/v1/categories/b/records", "x\ny\n",
                    {"Content-Type": "text/plain; charset=utf-8"})
    assert s == 200 and r["records"] == 2, r
    s, r, _ = g.ask("POST", "/v1/categories/b/records", gzip.compress(b"4\n5\n"))
    assert s == 200 and r["records"] == 2, r
    s, data, _ = g.ask("GET", "/v1/categories/b/records", raw=True)
    assert data == b'1\n2\n[3]\n"x"\n"y"\n4\n5\n', data


def what_unpacks_to_more_than_a_gibibyte_is_refused(g):
    if os.environ.get("SANITIZE", "no") != "no":
        return                          # test_input bounds less of it
    much = gzip.compress(b"1\n" + b"\n" * (1 << 24)) * 65
    s, r, _ = g.ask("POST", "/v1/categories/bomb/records", much)
    assert s == 413 and r["code"] == "limit" and "unpacks to more" in r["message"], r
    s, r, _ = g.ask("GET", "/v1/categories/bomb")
    assert s == 404, r


def a_bad_record_is_named_and_nothing_of_its_write_is_there(g):
    s, r, _ = g.ask("POST", "/v1/categories/c/records", '{"a":1}\n{"a":}\n')
    assert s == 400 and r["code"] == "format" and "body:2:6" in r["message"], r
    s, r, _ = g.ask("GET", "/v1/categories/c")
    assert s == 404 and r["code"] == "not-found", r


def pages_of_records_join_to_all_of_them(g):
    g.ask("POST", "/v1/categories/d/records", lines(1000))
    g.ask("POST", "/v1/categories/d/records", lines(500, 1000))
    seen, at, pages = b"", "", 0
    while True:
        s, data, h = g.ask("GET", "/v1/categories/d/records?limit=333" + at, raw=True)
        assert s == 200
        seen, pages = seen + data, pages + 1
        if "Snek-Next" not in h:
            break
        at = "&from=" + h["Snek-Next"]
    assert seen == lines(1500).encode() and pages == 5, pages
    s, r, _ = g.ask("GET", "/v1/categories/d/records?from=x")
    assert s == 400, r


def a_list_has_every_category_however_many_there_are(g):
    for n in range(120):        # what is answered at once, and what by a worker
        s, r, _ = g.ask("POST", "/v1/categories/many%d/records" % n, "1\n")
        assert s == 200, r
        if n % 17 == 0 or n == 119:
            s, r, _ = g.ask("GET", "/v1/categories")
            names = [c["name"] for c in r["categories"]]
            assert [m for m in names if m.startswith("many")] == \
                sorted("many%d" % i for i in range(n + 1)), names
    s, r, _ = g.ask("GET", "/v1/cluster")
    assert r["categories"] == len(names), r


def a_short_query_answers_with_its_results(g):
    s, r, _ = g.ask("POST", "/v1/query", json.dumps({
        "category": "d", "function": "wordcount", "args": {"field": "text"},
        "order": "-value", "limit": 2}))
    assert s == 200 and r["reduced"] is True and r["records"] == 1500, r
    assert r["results"] == [{"key": "all", "value": 1500}, {"key": "of", "value": 1500}], r


def a_query_that_takes_longer_is_a_job_with_pages(g):
    s, r, h = g.ask("POST", "/v1/query", json.dumps({
        "category": "d", "function": "select", "args": {"fields": "n"}, "wait": 0}))
    assert s in (200, 202), r
    if s == 200:
        return
    job = h["Location"]
    while True:
        s, r, _ = g.ask("GET", job + "/results")
        if s != 202:
            break
        time.sleep(0.05)
    assert s == 200 and len(r["results"]) == 1500 and r["pages"] == 1, r
    s, r, _ = g.ask("GET", job)
    assert r["state"] == "done" and r["records"] == 1500, r
    s, r, _ = g.ask("GET", "/v1/jobs")
    assert [j["job"] for j in r["jobs"]] == [job.rsplit("/", 1)[1]], r
    s, r, _ = g.ask("DELETE", job)
    assert s == 200, r
    s, r, _ = g.ask("GET", job)
    assert s == 404, r


def a_large_result_comes_in_pages(g):
    big = "".join('{"s":"%s"}\n' % ("x" * 100000) for _ in range(100))
    g.ask("POST", "/v1/categories/big/records", big)
    s, r, h = g.ask("POST", "/v1/query", json.dumps({
        "category": "big", "function": "select", "args": {"fields": "s"}}))
    while s == 202:
        time.sleep(0.05)
        s, r, h = g.ask("GET", h["Location"] + "/results")
    assert s == 200 and r["pages"] == 3, (r["pages"], s)
    n = len(r["results"])
    for page in (2, 3):
        s, r2, _ = g.ask("GET", "/v1/jobs/%s/results?page=%d" % (r["job"], page))
        n += len(r2["results"])
    assert n == 100, n
    s, r2, _ = g.ask("GET", "/v1/jobs/%s/results?page=4" % r["job"])
    assert s == 404, r2
    g.ask("DELETE", "/v1/jobs/" + r["job"])


def what_is_wrong_with_a_query_is_said(g):
    for body, status, code in (
            ("", 400, "invalid"), ("[]", 400, "invalid"), ("{", 400, "format"),
            ('{"category":"d"}', 400, "invalid"),
            ('{"category":"d","function":"nope"}', 404, "not-found"),
            ('{"category":"none","function":"wordcount","args":{"field":"x"}}', 404, "not-found"),
            ('{"category":"d","function":"wordcount"}', 400, "invalid"),
            ('{"category":"d","function":"/bin/true"}', 400, "invalid"),
            ('{"category":"d","function":"wordcount","limits":1}', 400, "invalid"),
            ('{"category":"d","function":"wordcount","args":{"field":"x"},"order":"up"}', 400, "invalid"),
            ('{"category":"d","function":"join","side":{"s":"/etc/passwd"}}', 400, "invalid"),
            ('{"category":"d","function":"join","side":{"s":"a\\u0000b"}}', 400, "invalid"),
            ('{"category":"d","function":"join","side":{"s":7}}', 400, "invalid"),
            ('{"category":"d","function":"join","side":{"s\\u0000t":"d"}}', 400, "invalid"),
            ('{"category":"d","function":"select","arg":[["fields","n\\u0000"]]}', 400, "invalid"),
            ('{"category":"d","function":"select","arg":[["fields\\u0000","n"]]}', 400, "invalid"),
            ('{"category":"d","function":"select","args":{"fields":"n"},"order":"key\\u0000"}', 400, "invalid"),
            ('{"category":"d","function":"join","side":["s"]}', 400, "invalid"),
            ('{"category":"d","function":"select","args":{"fields":"n"},"side":{"s":"none"}}', 404, "not-found"),
            ('{"category":"d","function":"select","into":"no good"}', 400, "invalid"),
            ('{"category":"d","function":"select","into":7}', 400, "invalid"),
            ('{"category":"d","function":"select","into":""}', 400, "invalid"),
            ('{"category":"d","function":"select","request_id":"x"}', 400, "invalid"),
            ('{"category":"d","function":"select","into":"x","keep-going":true}', 400, "invalid")):
        s, r, _ = g.ask("POST", "/v1/query", body)
        assert (s, r["code"]) == (status, code), (body, s, r)
    s, r, _ = g.ask("POST", "/v1/categories/..%2Fx/records", "1")
    assert s == 400, r
    s, r, _ = g.ask("GET", "/v1/categories/" + "n" * 300)
    assert s in (400, 404), r
    s, r, _ = g.ask("GET", "/v2")
    assert s == 404, r
    s, r, _ = g.ask("DELETE", "/v1")
    assert s == 405, r


def a_result_goes_into_a_category_as_one_write(g):
    q = {"category": "d", "function": "wordcount", "args": {"field": "text"},
         "into": "counted", "request_id": "once"}
    for repeated in (False, True):
        s, r, _ = g.ask("POST", "/v1/query", json.dumps(q))
        assert s == 200 and r["kind"] == "written" and r["records"] == 1500, r
        w = r["receipt"]
        assert w["category"] == "counted" and w["version"] == 1 and w["records"] == 3, r
        assert w["repeated"] is repeated and w["durability"] == "machine", r
    s, data, _ = g.ask("GET", "/v1/categories/counted/records", raw=True)
    assert data.startswith(b'{"key":"all","value":1500}\n'), data
    s, r, _ = g.ask("POST", "/v1/query", json.dumps(dict(q, limit=2)))
    assert s == 409 and r["code"] == "conflict", r
    s, r, _ = g.ask("POST", "/v1/query", json.dumps(dict(q, durability="replicated=3")))
    assert s == 400, r


def a_job_that_writes_its_result_has_a_receipt_and_no_pages(g):
    s, r, h = g.ask("POST", "/v1/query", json.dumps({
        "category": "d", "function": "select", "args": {"fields": "n"}, "wait": 0,
        "into": "selected"}))
    if s == 202:
        job = h["Location"]
        for path in (job + "/results?wait=30", job):
            s, r, _ = g.ask("GET", path)
            assert s == 200 and r["receipt"]["records"] == 1500, r
        assert r["kind"] == "job" and r["state"] == "done" and "pages" not in r, r
    s, r, _ = g.ask("GET", "/v1/categories/selected")
    assert r["records"] == 1500 and r["writes"] == 1, r


def side_inputs_are_categories_or_records_that_come_along(g):
    g.ask("POST", "/v1/categories/known/records", '{"n":3,"x":"three"}\n{"n":5,"x":"five"}\n')
    for side in ("known", [{"n": 3, "x": "three"}, {"n": 5, "x": "five"}]):
        s, r, _ = g.ask("POST", "/v1/query", json.dumps({
            "category": "d", "function": "join", "args": {"side": "k", "on": "n"},
            "side": {"k": side}}))
        assert s == 200 and [x["k"]["x"] for x in r["results"]] == ["three", "five"], r


def parts_make_one_write_however_often_and_in_what_order_they_come(g):
    s, r, h = g.ask("POST", "/v1/categories/e/writes?request_id=parts")
    assert s == 201, r
    w = h["Location"]
    for query, says in (("", "parts=N"), ("?parts=0", "parts=N"), ("?parts=100001", "parts=N"),
                        ("?parts=2", "part 1 is missing")):
        s, r, _ = g.ask("POST", w + "/commit" + query)
        assert s == 400 and says in r["message"], r
    for n in (2, 1, 2):
        s, r, _ = g.ask("PUT", "%s/parts/%d" % (w, n), lines(100, 100 * (n - 1)))
        assert s == 200 and r["part"] == n, r
    s, r, _ = g.ask("PUT", w + "/parts/2", "other")
    assert s == 409 and r["code"] == "conflict", r
    s, r, _ = g.ask("PUT", w + "/parts/0", "1")
    assert s == 400, r
    s, r, _ = g.ask("GET", "/v1/categories/e")
    assert s == 404, "a part is visible"
    for repeated in (False, True):
        s, r, _ = g.ask("POST", w + "/commit?parts=2")
        assert s == 200 and r["records"] == 200 and r["version"] == 1, r
        assert r["repeated"] is repeated, r
    for n in (1, 3):
        s, r, _ = g.ask("POST", w + "/commit?parts=%d" % n)
        assert s == 409 and "not of %d parts" % n in r["message"], r
    s, data, _ = g.ask("GET", "/v1/categories/e/records", raw=True)
    assert data == lines(200).encode()
    s, r, _ = g.ask("PUT", w + "/parts/3", "1")
    assert s == 409, r
    s, r, _ = g.ask("PUT", w + "/parts/2", lines(100, 100))
    assert s == 200 and r["part"] == 2, r
    s, r, _ = g.ask("DELETE", w)
    assert s == 200, r
    s, r, _ = g.ask("PUT", w + "/parts/1", "1")
    assert s == 404, r


def the_calls_of_the_prototype_answer_as_they_did(g):
    """The pairs are its functions' own words (api/write, api/query)."""
    s, r, _ = g.ask("POST", "/write", json.dumps(
        {"name": "old", "data": [{"s": "b c"}, {"s": "a"}]}))
    assert s == 200 and r == {
        "statusCode": 200, "headers": {"Content-Type": "application/json"},
        "body": "Successfully written to snekboop"}, r
    reverse = os.path.join(os.getcwd(), "examples/.libs/reverse.so")
    subprocess.run([os.path.join(os.path.dirname(SNEK), "snek-add-function"),
                    reverse, "--cluster", CLUSTER], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    s, r, _ = g.ask("POST", "/write", json.dumps({"name": "words", "data": ["abc", "xy"]}))
    assert s == 200, r
    s, r, _ = g.ask("POST", "/query", json.dumps({"name": "words", "function": "reverse"}))
    assert s == 200 and r["statusCode"] == 200, r
    assert r["headers"] == {"Content-Type": "application/json"}, r
    assert json.loads(r["body"]) == ["cba", "yx"], r
    s, r, _ = g.ask("POST", "/query", json.dumps({
        "name": "d", "function": "wordcount", "args": {"field": "text"}, "order": "-value", "limit": 1}))
    assert s == 200 and json.loads(r["body"]) == [{"key": "all", "value": 1500}], r
    for more in {"into": "x"}, {"keep-going": True}, {"limits": 1}, {"category": "d"}:
        s, r, _ = g.ask("POST", "/query", json.dumps({"name": "words", "function": "reverse", **more}))
        assert s == 400 and r["code"] == "invalid", (more, r)


def sixty_four_clients_with_one_request_id_make_one_write(g):
    got = []

    def one():
        got.append(g.ask("POST", "/v1/categories/race/records?request_id=same", lines(3)))
    threads = [threading.Thread(target=one) for _ in range(64)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(got) == 64
    done = [r for s, r, _ in got if s == 200]
    assert all(s in (200, 503) for s, _, _ in got), [s for s, _, _ in got]
    assert len({r["write_id"] for r in done}) == 1 and done[0]["version"] == 1
    s, r, _ = g.ask("GET", "/v1/categories/race")
    assert r["records"] == 3, r


def who_has_no_token_is_refused_before_its_body_is_read(g):
    for header in ({"Authorization": "Bearer wrong"}, {"Authorization": TOKEN},
                   {"Authorization": "Bearer " + TOKEN + "x"}, {"Authorization": ""}):
        s, r, h = g.ask("GET", "/v1", headers=header)
        assert s == 401 and r["code"] == "permission", (header, r)
        assert h["WWW-Authenticate"] == "Bearer"
    c = socket.create_connection(("127.0.0.1", g.port), 30)
    c.sendall(b"POST /v1/categories/x/records HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
              b"Expect: 100-continue\r\n\r\n")
    assert b" 401 " in c.recv(4096)
    c.close()


def raw(g, text):
    c = socket.create_connection(("127.0.0.1", g.port), 30)
    c.sendall(text)
    c.settimeout(30)
    data = b""
    try:
        while True:
            more = c.recv(65536)
            if not more:
                break
            data += more
            if b"\r\n\r\n" in data:
                break
    except ConnectionResetError:
        pass
    c.close()
    return data


def requests_that_smuggle_or_are_no_http_get_an_error(g):
    auth = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
    both = raw(g, b"POST /v1/query HTTP/1.1\r\nHost: x\r\n" + auth +
               b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert b" 400 " in both, both
    assert b" 200 " not in raw(g, b"GARBAGE\r\n\r\n")
    assert b" 200 " not in raw(g, b"GET /v1 HTTP/1.1\r\n" + b"X: " + b"y" * 100000 + b"\r\n\r\n")
    huge = raw(g, b"POST /v1/query HTTP/1.1\r\nHost: x\r\n" + auth +
               b"Content-Length: 99999999999\r\n\r\n")
    assert b" 413 " in huge, huge
    s, r, _ = g.ask("GET", "/v1")
    assert s == 200


def read_all(c, until):
    data = b""
    while not until(data):
        more = c.recv(65536)
        if not more:
            break
        data += more
    return data


def head(method, path, *more):
    return ("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n" % (
        method, path, TOKEN, "".join(m + "\r\n" for m in more))).encode()


def requests_that_are_sent_together_are_answered_in_turn(g):
    g.ask("POST", "/v1/categories/pipe/records", lines(3))
    c = socket.create_connection(("127.0.0.1", g.port), 30)
    c.settimeout(30)
    body = b"7\n"
    c.sendall(head("GET", "/v1/categories/pipe/records") +
              head("POST", "/v1/categories/pipe/records", "Content-Length: 2") + body +
              head("GET", "/v1/categories/pipe") + head("GET", "/v1/nothing"))
    data = read_all(c, lambda d: d.count(b"HTTP/1.1 ") == 4 and b"nothing answers" in d)
    c.close()
    status = re.findall(b"HTTP/1.1 ([0-9]*)", data)
    assert status == [b"200", b"200", b"200", b"404"], data
    assert data.index(b'"n":2') < data.index(b'"receipt"') < data.index(b'"records":4'), data


def a_length_said_twice_and_other_codings_are_refused(g):
    for more in (("Content-Length: 2", "Content-Length: 9"), ("Transfer-Encoding: gzip",),
                 ("Transfer-Encoding: chunked, gzip",), ("Content-Length: 2x",),
                 ("Content-Length: -1",)):
        data = raw(g, head("POST", "/v1/categories/twice/records", *more) + b"7\n")
        assert b" 200 " not in data and (b" 400 " in data or not data), (more, data)
    s, r, _ = g.ask("GET", "/v1/categories/twice")
    assert s == 404, r


def a_token_said_twice_and_codings_of_bodies_are_refused(g):
    data = raw(g, head("GET", "/v1", "Authorization: Bearer other"))
    assert b" 400 " in data and b"more than one Authorization" in data, data
    for coding, status in (("br", 415), ("gzip, br", 415), ("identity", 200), ("GZIP", 200)):
        body = gzip.compress(b"1\n") if coding == "GZIP" else b"1\n"
        s, r, _ = g.ask("POST", "/v1/categories/coded/records", body, {"Content-Encoding": coding})
        assert s == status, (coding, r)
    assert s == 200 and r["version"] == 2, r


def nobody_is_told_to_go_on_who_may_not(g):
    go_on = ("Content-Length: 5000000", "Expect: 100-continue")
    bad = head("POST", "/v1/categories/x/records", *go_on).replace(TOKEN.encode(), b"wrong")
    data = raw(g, bad)
    assert b" 401 " in data and b" 100 " not in data, data
    data = raw(g, head("POST", "/v1/categories/x/records", *go_on))
    assert b" 100 " in data, data


def head_and_options_are_answered_and_a_405_says_what_is_taken(g):
    s, data, h = g.ask("HEAD", "/v1/categories/d", raw=True)
    assert s == 200 and data == b"" and int(h["Content-Length"]) > 100, (s, h)
    s, data, h = g.ask("OPTIONS", "/v1/categories/d", raw=True)
    assert s == 204 and h["Allow"] == "GET, HEAD, DELETE", h
    assert "Content-Type" not in h, h
    s, r, h = g.ask("PUT", "/v1/categories/d/records", "1")
    assert s == 405 and h["Allow"] == "GET, HEAD, POST", h
    s, data, h = g.ask("OPTIONS", "*", raw=True)
    assert s == 204 and "POST" in h["Allow"], h
    s, r, h = g.ask("OPTIONS", "/v2")
    assert s == 404, r
    s, r, _ = g.ask("GET", "http://127.0.0.1:%d/v1/cluster" % g.port)
    assert s == 200 and r["kind"] == "cluster", r


def names_are_taken_apart_before_they_are_decoded(g):
    for path in ("/v1/categories/%2e%2e%2fmeta", "/v1/categories/..", "/v1/categories/a%00b",
                 "/v1/categories/%zz", "/v1/categories/a%2", "/v1//categories", "/v1/jobs/..%2f..",
                 "/v1/functions/..%2f..%2fetc%2fpasswd", "/v1/writes/%2e%2e/commit",
                 "/../../etc/passwd", "//etc/passwd", "/v1/categories/" + "%41" * 3000):
        data = raw(g, head("GET", path))
        assert any(b" %d " % s in data for s in (400, 404, 405, 414, 431)), (path, data)
    s, r, _ = g.ask("POST", "/v1/categories/%70ercent/records", "1")
    assert s == 200 and r["category"] == "percent", r


def parameters_that_are_not_there_or_make_no_sense_are_refused(g):
    at = "/v1/categories/strict/records?"
    for q in ("requestid=1", "request_id=" + "x" * 300, "request_id=%zz", "format=xml",
              "duplicates=first", "durability=eternal", "format=jsonl&format=text",
              "request_id=a&request%5Fid=b", "%ff=1", "request_id=", "durability=&format=jsonl"):
        s, r, _ = g.ask("POST", at + q, "1")
        assert s == 400 and r["code"] == "invalid", (q, s, r)
    for path in ("/v1/jobs/" + "0" * 32 + "/results?page=x", "/v1/categories?limit=1",
                 at + "limit=0", at + "limit=99999999999999999999", "/v1/query?wait=1"):
        s, r, _ = g.ask("POST" if "query" in path else "GET", path)
        assert s in (400, 404), (path, s, r)
    s, data, _ = g.ask("GET", "/v1/categories/d/records?%6cimit=1", raw=True)
    assert s == 200 and data.count(b"\n") == 1, data
    s, r, _ = g.ask("GET", "/v1/categories/strict")
    assert s == 404, r
    for q in ("duplicates=first", "request_id=", "durability=", "durability=replicated%3D3"):
        s, r, _ = g.ask("POST", "/v1/categories/strict/writes?" + q)
        assert s == 400, (q, r)


def too_many_queries_are_429_and_one_that_ends_makes_room():
    plugin = os.path.join(os.getcwd(), "tests/plugins/.libs/job.so")
    subprocess.run([os.path.join(os.path.dirname(SNEK), "snek-add-function"), plugin,
                    "--cluster", CLUSTER], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    nap = json.dumps({"category": "d", "function": "job.nap", "wait": 0})
    with Gateway("--jobs", "1") as g:
        s, r, h = g.ask("POST", "/v1/query", nap)
        assert s == 202 and r["state"] == "running", r
        job = h["Location"]
        s, r, h = g.ask("POST", "/v1/query", nap)
        assert s == 429 and r["code"] == "temporary" and h["Retry-After"] == "1", (s, r)
        assert g.ask("DELETE", job)[0] == 200
        while s == 429:
            s, r, h = g.ask("POST", "/v1/query", nap)
            time.sleep(0.02)
        assert s == 202, r
        g.p.send_signal(signal.SIGTERM)     # and one that runs holds up no end


def who_sends_a_head_byte_by_byte_is_closed_and_others_are_not():
    with Gateway("--patience", "2") as g:
        slow = socket.create_connection(("127.0.0.1", g.port), 60)
        slow.sendall(b"GET /v1 HTTP/1.1\r\n")
        slow.settimeout(0.2)
        began = time.monotonic()
        closed = False
        while not closed and time.monotonic() < began + 60:
            try:
                slow.sendall(b"X: y\r\n")
                closed = slow.recv(100) == b""
            except socket.timeout:
                continue
            except OSError:
                closed = True
        assert closed, "it is still open"
        s, r, _ = g.ask("GET", "/v1")
        assert s == 200, r


def more_connections_than_there_may_be_do_not_end_it():
    with Gateway("--connections", "8") as g:
        many = []
        for _ in range(40):
            c = socket.create_connection(("127.0.0.1", g.port), 30)
            many.append(c)
        for c in many:
            c.close()
        s = 0
        while s != 200:
            try:
                s = g.ask("GET", "/v1")[0]
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)


def what_a_log_says_is_one_line_of_plain_text():
    log = os.path.join(DIR, "log")
    with Gateway("--log", log) as g:
        raw(g, head("GET", "/v1/\x1b[31m"))
        g.ask("GET", "/v1")
    with open(log, "rb") as f:
        said = f.read().splitlines()
    assert len(said) == 2 and b"/v1/?[31m 404" in said[0] and b"/v1 200" in said[1], said


def who_sends_a_body_that_is_refused_hears_why():
    with Gateway("--max-body", "3M") as g:
        much = b"1\n" * 2000000
        for headers, body, status in (({}, much, 413), ({"Authorization": "Bearer wrong"}, much, 401),
                                      ({"Content-Encoding": "br"}, much[:2000000], 415)):
            s, r, _ = g.ask("POST", "/v1/categories/f/records", body, headers)
            assert s == status and r["kind"] == "error", (s, r)


def what_is_trickled_into_a_body_in_chunks_ends_too():
    with Gateway("--patience", "1") as g:
        start = head("POST", "/v1/categories/f/records", "Transfer-Encoding: chunked")
        for begin, drip in ((b"1;", b"a"), (b"", b"0"), (b"0\r\nX: ", b"b")):
            c = socket.create_connection(("127.0.0.1", g.port), 60)
            c.sendall(start + begin)
            c.settimeout(0.2)
            began, closed = time.monotonic(), False
            while not closed and time.monotonic() < began + 60:
                try:
                    c.sendall(drip)
                    data = c.recv(4096)
                    closed = not data or b" 400 " in data
                except socket.timeout:
                    continue
                except OSError:
                    closed = True
            c.close()
            assert closed, (begin, "it is still open")


def a_request_with_a_name_that_another_would_read_otherwise_is_refused(g):
    inner = head("DELETE", "/v1/categories/d")
    g.ask("POST", "/v1/categories/kept/records", "1\n")
    for odd in ("Content-Length : %d" % len(inner), "Content-Length\t: %d" % len(inner),
                "Transfer-Encoding : chunked", "\x0bContent-Length: %d" % len(inner), "Host: y"):
        data = raw(g, head("POST", "/v1/categories/odd/records", odd) + inner)
        assert data.startswith(b"HTTP/1.1 400") and b"removed" not in data, (odd, data)
    data = raw(g, ("GET /v1 HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n" % TOKEN).encode())
    assert data.startswith(b"HTTP/1.1 400"), data
    data = raw(g, ("GET /v1 HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n" % TOKEN).encode())
    assert b" 200 " in data, data
    s, r, _ = g.ask("GET", "/v1/categories/d")
    assert s == 200, r
    s, r, _ = g.ask("GET", "/v1/categories/odd")
    assert s == 404, r


def a_media_type_is_one_however_it_is_written(g):
    for n, (kind, data) in enumerate((
            ("Application/JSON;charset=utf-8", b"1\n2\n[3]\n"), ("TEXT/plain ; x=y", b'"[1,2,[3]]"\n'),
            ("application/jsonl", b"[1,2,[3]]\n"), ("text/plainer", b"[1,2,[3]]\n"))):
        s, r, _ = g.ask("POST", "/v1/categories/kind%d/records" % n, "[1,2,[3]]", {"Content-Type": kind})
        assert s == 200, r
        assert g.ask("GET", "/v1/categories/kind%d/records" % n, raw=True)[1] == data, kind


def pages_of_a_category_that_was_made_again_are_not_mixed(g):
    at = ""
    for text in "1\n2\n3\n", "4\n5\n6\n":
        g.ask("POST", "/v1/categories/again/records", text)
        if not at:
            s, r, h = g.ask("GET", "/v1/categories/again/records?limit=2", raw=True)
            at = h["Snek-Next"]
            s, r, _ = g.ask("GET", "/v1/categories/again/records?limit=2&from=" + at, raw=True)
            assert r == b"3\n", r
            g.ask("DELETE", "/v1/categories/again")
    s, r, _ = g.ask("GET", "/v1/categories/again/records?from=" + at)
    assert s == 409 and "made again" in r["message"], r
    s, r, _ = g.ask("GET", "/v1/categories/again/records?from=1.2", raw=True)
    assert r == b"6\n", r
    for odd in "1.%205", "1.-5", "1.%2B5", "1.18446744073709551616", "1.2.", "1..2", "0.1", "1.2.3.4", "1":
        s, r, _ = g.ask("GET", "/v1/categories/again/records?from=" + odd)
        assert s == 400, (odd, r)
    s, r, _ = g.ask("GET", "/v1/categories/again/records?limit=1&", raw=True)
    assert s == 200, r


def a_gateway_that_starts_while_another_ends_keeps_its_socket():
    path = os.path.join(DIR, "sock2")
    with Gateway("--listen", "unix:" + path) as first:
        c = socket.socket(socket.AF_UNIX)
        c.connect(path)
        c.sendall(head("POST", "/v1/categories/f/records", "Content-Length: 4", "Expect: 100-continue"))
        assert b" 100 " in c.recv(4096)
        first.p.send_signal(signal.SIGTERM)
        while os.path.exists(path):
            time.sleep(0.01)
        with Gateway("--listen", "unix:" + path) as second:
            c.sendall(b"1\n2\n")
            assert b" 200 " in c.recv(4096)
            c.close()
            assert first.p.wait(60) == 0 and second.p.poll() is None
            c = socket.socket(socket.AF_UNIX)
            c.connect(path)
            c.close()
    assert not os.path.exists(path)


def several_sockets_of_systemd_are_refused():
    p = subprocess.run(["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"', "sh", SNEK, "gateway",
                        "--cluster", CLUSTER], env=dict(env, SNEK_GATEWAY_TOKEN=TOKEN),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert p.returncode == 2 and b"LISTEN_FDS" in p.stderr, p.stderr


def at_the_end_of_the_time_who_waits_is_turned_away():
    with Gateway("--workers", "1", "--drain", "0") as g:
        many = [g.connect() for _ in range(5)]
        for i, c in enumerate(many):
            c.request("POST", "/v1/categories/late%d/records" % i, lines(30000),
                      {"Authorization": "Bearer " + TOKEN})
        time.sleep(0.1)
        g.p.send_signal(signal.SIGTERM)
        got = []
        for c in many:
            try:
                got.append(c.getresponse().status)
            except (http.client.HTTPException, OSError):
                got.append(0)
        assert g.p.wait(60) == 0
    with Gateway() as g:
        for i, status in enumerate(got):    # what was not said to be done is not
            s, r, _ = g.ask("GET", "/v1/categories/late%d" % i)
            assert s == (200 if status == 200 else 404), (got, i, r)


def systemd_hands_a_socket_over_and_hears_when_it_is_ready():
    name = os.path.join(DIR, "notify")
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(name)
    told.settimeout(60)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    port = listening.getsockname()[1]
    p = subprocess.Popen(
        ["sh", "-c", 'exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' % listening.fileno(),
         "sh", SNEK, "gateway", "--cluster", CLUSTER], stdout=subprocess.PIPE,
        pass_fds=[listening.fileno()],
        env=dict(env, SNEK_GATEWAY_TOKEN=TOKEN, NOTIFY_SOCKET=name))
    listening.close()
    assert told.recv(100) == b"READY=1"
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    c.request("GET", "/v1", headers={"Authorization": "Bearer " + TOKEN})
    assert c.getresponse().status == 200
    p.send_signal(signal.SIGTERM)
    assert told.recv(100) == b"STOPPING=1"
    assert p.wait(60) == 0
    p.stdout.close()
    told.close()


def a_body_in_chunks_over_the_limit_is_refused():
    with Gateway("--max-body", "64K") as g:
        s, r, _ = g.ask("POST", "/v1/categories/f/records", iter([b"1\n" * 1000] * 60))
        assert s == 413 and r["code"] == "limit", r
        s, r, _ = g.ask("POST", "/v1/categories/f/records", iter([b"1\n" * 10] * 3))
        assert s == 200 and r["records"] == 30, r


def without_a_token_it_answers_to_loopback_names_and_to_no_page():
    with Gateway("--no-token") as g:        # though the environment has one
        g.token = None
        for host, status in (("localhost", 200), ("127.0.0.1:%d" % g.port, 200),
                             ("evil.example", 403), ("localhost.evil.example", 403)):
            s, r, _ = g.ask("GET", "/v1", headers={"Host": host})
            assert s == status, (host, r)
        s, r, _ = g.ask("GET", "/v1", headers={"Origin": "http://localhost"})
        assert s == 403, r


def a_unix_socket_is_its_users_alone_and_gone_at_the_end():
    path = os.path.join(DIR, "sock")
    with Gateway("--listen", "unix:" + path) as g:
        assert os.stat(path).st_mode & 0o777 == 0o600 or os.stat(path).st_mode & 0o077 == 0
        c = socket.socket(socket.AF_UNIX)
        c.connect(path)
        c.sendall(b"GET /v1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                  TOKEN.encode() + b"\r\n\r\n")
        assert b" 200 " in c.recv(4096)
        c.close()
    assert not os.path.exists(path)


def refused(*options, token=TOKEN):
    e = dict(env, SNEK_GATEWAY_TOKEN=token) if token else env
    p = subprocess.run([SNEK, "gateway", "--cluster", CLUSTER, *options], env=e,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return p.returncode, p.stderr.decode()


def an_address_that_others_reach_is_refused_unless_a_proxy_stands_in_front():
    code, text = refused("--listen", "0.0.0.0:0")
    assert code == 2 and "--behind-tls-proxy" in text, text
    code, text = refused("--listen", "0.0.0.0:0", "--no-token", "--behind-tls-proxy", token=None)
    assert code == 2 and "token" in text, text
    code, text = refused("--listen", "127.0.0.1:0", token=None)
    assert code == 2 and "--token-file" in text, text
    code, text = refused("--listen", "127.0.0.1:0", token="short")
    assert code == 2, text
    for odd in "with a blank in the middle", "with-a-newline-\nin-it", "x" * 513:
        code, text = refused("--listen", "127.0.0.1:0", token=odd)
        assert code == 2 and "a token " in text, text
    code, text = refused("--listen", "127.0.0.1:0", "--tmp", DIR + "/none")
    assert code == 3 and "--tmp" in text, text
    code, text = refused("--listen", "127.0.0.1:0", "--json", token="short")
    assert code == 2 and json.loads(text)["kind"] == "error" and json.loads(text)["exit"] == 2, text
    for where in "nowhere", "127.0.0.1:99999", "127.0.0.1:", "unix:":
        code, text = refused("--listen", where)
        assert code == 2, (where, text)


def what_is_nothing_or_too_much_is_no_number_of_the_gateway():
    for option in "--wait", "--keep", "--jobs", "--connections", "--workers", "--patience", "--drain":
        for n in ("4294967297",) if option == "--drain" else ("0", "4294967297"):
            code, text = refused("--listen", "127.0.0.1:0", option, n)
            assert code == 2 and option in text, (option, n, text)


def a_full_line_is_503_and_the_gateway_lives():
    with Gateway("--workers", "1", "--connections", "200") as g:
        got = []

        def one():
            try:
                got.append(g.ask("POST", "/v1/categories/line/records", lines(2000))[0])
            except OSError:
                got.append(0)
        threads = [threading.Thread(target=one) for _ in range(60)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert set(got) <= {200, 503} and 200 in got, got
        s, r, _ = g.ask("GET", "/v1/categories/line")
        assert r["records"] == 2000 * got.count(200), (r, got.count(200))


def what_takes_longer_than_an_answer_may_is_refused_whole():
    many = "".join('{"a":{"b":%d,"c":[%d,"x"]}}\n' % (i, i) for i in range(40000))
    with Gateway("--wait", "0.001") as g:
        for _ in range(2):
            s, r, _ = g.ask("POST", "/v1/categories/long/records", many)
            assert s == 200, r
        s, r, _ = g.ask("GET", "/v1/categories/long/paths")
        assert s == 413 and r["code"] == "limit" and "--records" in r["message"], r
        s, r, _ = g.ask("DELETE", "/v1/categories/long")
        assert s == 200, r


def parts_left():
    return sorted(n for n in os.listdir(env["TMPDIR"]) if n.startswith("snek-parts-"))


def begun(g, category):
    before = parts_left()
    s, r, h = g.ask("POST", "/v1/categories/%s/writes" % category)
    assert s == 201, r
    assert g.ask("PUT", h["Location"] + "/parts/1", "1\n")[0] == 200
    return h["Location"], [n for n in parts_left() if n not in before][0]


def what_nobody_asks_about_is_forgotten_though_nobody_comes():
    with Gateway("--keep", "1") as g:
        s, r, h = g.ask("POST", "/v1/categories/forgotten/writes")
        assert s == 201, r
        while parts_left():
            time.sleep(0.05)
        s, r, _ = g.ask("POST", h["Location"] + "/commit?parts=1")
        assert s == 404 and "begin again" in r["message"], r
        s, r, _ = g.ask("POST", "/v1/query", json.dumps({
            "category": "d", "function": "select", "args": {"fields": "n"}, "wait": 0}))
        assert s in (200, 202), r
        while g.ask("GET", "/v1/jobs")[1]["jobs"]:
            time.sleep(0.05)


def what_a_killed_gateway_left_goes_and_what_another_is_at_stays():
    with Gateway() as other:
        w, used = begun(other, "used")
        killed = Gateway()
        left = begun(killed, "left")[1]
        strange = os.path.join(env["TMPDIR"], "snek-parts-file")
        open(strange, "w").close()
        killed.p.kill()
        killed.p.wait()
        assert parts_left() == sorted([used, left, "snek-parts-file"])
        with Gateway():
            assert parts_left() == sorted([used, "snek-parts-file"])
        os.unlink(strange)
        s, r, _ = other.ask("POST", w + "/commit?parts=1")
        assert s == 200 and r["records"] == 1, r
        assert parts_left() == []


def at_the_end_a_request_under_way_is_answered():
    g = Gateway()
    c = g.connect()
    c.request("POST", "/v1/categories/drain/records", lines(30000),
              {"Authorization": "Bearer " + TOKEN})
    time.sleep(0.05)
    g.p.send_signal(signal.SIGTERM)
    try:
        status = c.getresponse().status
    except (http.client.HTTPException, OSError):
        status = 0      # it had not been taken: then nothing may be there
    assert g.p.wait(60) == 0
    with Gateway() as g:
        s, r, _ = g.ask("GET", "/v1/categories/drain")
        assert s == (200 if status == 200 else 404), (status, r)


# ---- the commands, through a gateway ----

def snek(g, *args, stdin=None, code=0):
    e = dict(env, SNEK_TOKEN=TOKEN, SNEK_CLUSTER="http://127.0.0.1:%d/" % g.port)
    p = subprocess.run([SNEK, *args], env=e, input=stdin, timeout=300,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == code, (args, p.returncode, p.stderr.decode()[:400])
    return p.stdout.decode(), p.stderr.decode()


def direct(*args, stdin=None):
    p = subprocess.run([SNEK, *args, "--cluster", CLUSTER], env=env, input=stdin,
                       timeout=300, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 0, (args, p.stderr.decode()[:400])
    return p.stdout.decode()


def commands_do_through_a_gateway_what_they_do_without(g):
    data = lines(5000).encode()
    out, _ = snek(g, "write", "through", "-", "--json", "--request-id", "t1", stdin=data)
    r = json.loads(out)
    assert r["records"] == 5000 and r["repeated"] is False and r["durability"] == "machine", r
    out, _ = snek(g, "write", "through", "-", "--json", "--request-id", "t1", stdin=data)
    assert json.loads(out)["repeated"] is True, out
    for args in (("export", "through"),
                 ("query", "through", "wordcount", "field=text", "-o", "jsonl"),
                 ("query", "through", "group", "by=text", "sum=n", "--order", "-value.sum_n", "--limit", "3", "-o", "jsonl"),
                 ("query", "through", "select", "fields=n", "-o", "jsonl"),
                 ("peek", "through", "-n", "3")):
        assert snek(g, *args)[0] == direct(*args), args
    assert "through" in snek(g, "ls")[0]
    assert json.loads(snek(g, "find", "through", "--json")[0])["records"] == 5000
    assert "wordcount" in snek(g, "functions")[0]
    assert "field" in snek(g, "functions", "wordcount")[0]
    _, err = snek(g, "rm-function", "wordcount", "--yes", code=6)
    assert "where the cluster itself is reached" in err, err
    snek(g, "compact", "through")
    snek(g, "rm", "through", "--yes")
    snek(g, "find", "through", code=3)


def parted(text):
    """A table's lines without where shards lie, which is not told from afar."""
    return [line.rsplit("\t", 1)[0] if line.startswith("shard") else line
            for line in text.splitlines() if not line.startswith("free")]


def what_looks_at_a_cluster_looks_through_a_gateway(g):
    odd = {"z": 1, "o": {"a.b": True, "n\0l": 2.0}, "l": [1, None, "x"], "u": 2**64 - 1}
    direct("write", "odd", "-", stdin=("\n".join(map(json.dumps, (odd, 7, {"z": None, "e": 1e300})))).encode())
    for args in (("odd",), ("d",), ("d", "--records", "100"), ("odd", "--all", "--limit", "3")):
        for how in ((), ("--json",)):
            there = subprocess.run([SNEK, "describe", *args, *how, "--cluster", CLUSTER], env=env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            here = snek(g, "describe", *args, *how)
            assert (there.stdout.decode(), there.stderr.decode()) == here and here[0], (args, here)
    for args in ((), ("d",)):
        here, there = (json.loads(f("stat", *args, "--json")) for f in (
            lambda *a: snek(g, *a)[0], direct))
        assert here["free"] > 0 and here["shards"][0]["free"] > 0, here
        for r in (here, there, *here["shards"], *there["shards"]):
            r.pop("free")               # others write to the disk, too
        assert all(s.pop("location") == "" for s in here["shards"]), here
        assert all(s.pop("location") for s in there["shards"])
        assert here == there and here["records"] > 1000, (here, there)
        assert len(parted(snek(g, "stat", *args)[0])) == len(parted(direct("stat", *args)))
    s, r, _ = g.ask("GET", "/v1/stat")
    assert s == 200 and CLUSTER not in json.dumps(r), r


def what_does_not_fit_into_an_answer_is_refused_whole(g):
    direct("write", "wide", "-", stdin=json.dumps(
        {"a%d" % i: "x" * 1000000 for i in range(6)}).encode())
    _, err = snek(g, "describe", "wide", code=8)
    assert "4 paths" in err and "--limit" in err, err
    out, err = snek(g, "describe", "wide", "--limit", "3")
    assert out == direct("describe", "wide", "--limit", "3") and "not shown" in err, err
    direct("rm", "wide", "--yes")


def garbage_is_collected_through_a_gateway(g):
    direct("write", "gone", "-", stdin=lines(30000).encode())
    direct("rm", "gone", "--yes")
    there = json.loads(direct("stat", "--json"))
    assert there["garbage"] > 0, there
    r = json.loads(snek(g, "gc", "--json")[0])
    assert r["waiting"] and not r["writes"], r
    segments = size = 0
    while r["waiting"]:                 # until all were silent for a second
        time.sleep(0.1)
        r = json.loads(snek(g, "gc", "--grace", "1", "--json")[0])
        segments, size = segments + r["segments"], size + r["bytes"]
    assert (segments, size) == (there["garbage"], there["garbage_bytes"]), there
    assert json.loads(direct("stat", "--json"))["garbage"] == 0
    assert "swept 0 dead writes" in snek(g, "gc")[1]


def what_makes_no_sense_to_who_looks_is_refused(g):
    for method, path, status in (
            ("POST", "/v1/gc?grace=0", 400), ("POST", "/v1/gc?grace=4294967296", 400),
            ("POST", "/v1/gc?grace=x", 400), ("POST", "/v1/gc?force=1", 400),
            ("GET", "/v1/gc", 405), ("GET", "/v1/stat?category=d", 400),
            ("GET", "/v1/categories/none/stat", 404), ("GET", "/v1/categories/none/paths", 404),
            ("GET", "/v1/categories/a%20b/stat", 400), ("GET", "/v1/categories/a%20b/paths", 400),
            ("GET", "/v1/categories/d/paths?paths=1048577", 400),
            ("GET", "/v1/categories/d/paths?paths=4294967296", 400),
            ("GET", "/v1/categories/d/paths?records=-1", 400)):
        s, r, _ = g.ask(method, path)
        assert s == status and r["kind"] == "error", (path, s, r)


def commands_give_side_inputs_and_write_results_through_a_gateway(g):
    known = os.path.join(DIR, "known.jsonl")
    with open(known, "w") as f:
        f.write('{"n":3,"x":"three"}\n{"n":5,"x":"five"}\n')
    snek(g, "write", "known2", known)
    want = direct("query", "d", "join", "--side", "k=" + known, "side=k", "on=n", "-o", "jsonl")
    assert want.count("three") == 1, want
    for side in ("k=" + known, "k=known2"):
        assert snek(g, "query", "d", "join", "--side", side, "side=k", "on=n",
                    "-o", "jsonl")[0] == want, side
    with open(known, "a") as f:
        for i in range(40000):
            f.write('{"n":-%d,"x":"%s"}\n' % (i, "y" * 50))
    _, err = snek(g, "query", "d", "join", "--side", "k=" + known, "side=k", "on=n", code=8)
    assert "2 MiB" in err and "--side k=CATEGORY" in err, err
    into = ("query", "d", "wordcount", "field=text", "--into", "words2", "--request-id", "w", "--json")
    for repeated in (False, True):
        r = json.loads(snek(g, *into)[0])
        assert r["kind"] == "receipt" and r["records"] == 3 and r["version"] == 1, r
        assert r["category"] == "words2" and r["repeated"] is repeated, r
    assert snek(g, "query", "words2", "select", "fields=key", "-o", "jsonl")[0].count("\n") == 3
    _, err = snek(g, *into[:-1], "--limit", "1", code=1)
    assert "request id w" in err, err
    _, err = snek(g, "query", "d", "sample", "rate=0", "--into", "empties")
    assert "0 records" in err, err


def what_is_missing_is_told_through_a_gateway(g):
    write = json.loads(direct("write", "lossy", "-", "--json", "--request-id", "l",
                              stdin=lines(20000).encode()))["write_id"]
    lost = next(f for f in (os.path.join(CLUSTER, "shards", d, write + ".seg")
                            for d in ("000", "001", "002", "003")) if os.path.exists(f))
    os.rename(lost, os.path.join(DIR, "lost"))
    args = ("query", "lossy", "wordcount", "field=text", "-o", "jsonl")
    _, err = snek(g, *args, code=9)
    assert "data loss" in err, err
    out, err = snek(g, *args, "--keep-going", code=4)
    p = subprocess.run([SNEK, *args, "--keep-going", "--cluster", CLUSTER], env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 4 and p.stdout.decode() == out and p.stderr.decode() == err, (err, p.stderr)
    assert "of 20000 records are missing" in err, err
    s, r, _ = g.ask("POST", "/v1/query", json.dumps({
        "category": "lossy", "function": "wordcount", "args": {"field": "text"}, "keep-going": True}))
    assert s == 200 and r["records"] + r["records_missing"] == 20000, r
    assert r["missing"][0]["records"] == r["records_missing"] and r["missing"][0]["code"], r
    os.rename(os.path.join(DIR, "lost"), lost)
    assert "missing" not in snek(g, *args, "--keep-going")[1]


def lines_of_text_are_strings_through_a_gateway_too(g):
    text = '1.50\nnull\nhello world\n{"a":1}\n"x"\n\n[1,\n\u00fc\ttab\n'.encode()
    for how in (("-",), ("-", "--duplicates", "last")):
        snek(g, "write", "text1", *how, "--format", "text", stdin=text)
        direct("write", "text2", *how, "--format", "text", stdin=text)
        assert direct("export", "text1") == direct("export", "text2")
    assert '"1.50"\n"null"\n"hello world"\n' in direct("export", "text1")


def an_empty_request_id_is_refused_before_anything_is_written(g):
    for id, says in (("", "1 to 256 bytes"), ("x" * 257, "this one 257")):
        _, err = snek(g, "write", "unnamed", "-", "--request-id", id, stdin=b"1\n", code=2)
        assert says in err, err
    snek(g, "find", "unnamed", code=3)


def a_large_write_goes_in_parts_and_none_is_seen_before_the_last(g):
    big = "".join('{"n":%d,"s":"%s"}\n' % (i, "y" * 1000) for i in range(12000)).encode()
    out, _ = snek(g, "write", "parts2", "-", "--json", stdin=big)
    assert json.loads(out)["records"] == 12000, out
    assert snek(g, "export", "parts2")[0].encode() == big
    _, err = snek(g, "write", "parts3", "-", stdin=big + b"{oops\n", code=1)
    assert "12001:2" in err, err
    snek(g, "find", "parts3", code=3)


def a_durability_that_is_not_given_is_said_before_any_input_is_read(g):
    for wanted, says in (("eternal", "eternal"), ("replicated=3", "replicated"), ("", "durability")):
        r, w = os.pipe()                # and nothing comes
        p = subprocess.run([SNEK, "write", "lasting", "-", "--durability", wanted], stdin=r,
                           env=dict(env, SNEK_TOKEN=TOKEN, SNEK_CLUSTER="http://127.0.0.1:%d" % g.port),
                           timeout=60, stderr=subprocess.PIPE)
        os.close(r), os.close(w)
        assert p.returncode == 2 and says in p.stderr.decode(), p
    out, _ = snek(g, "write", "lasting", "-", "--durability", "process", "--json", stdin=b"1\n")
    assert json.loads(out)["durability"] == "machine", out


def parts_are_as_small_as_a_request_has_to_be():
    text = lines(8000)
    with Gateway("--max-body", "64K") as g:
        s, r, h = g.ask("POST", "/v1/categories/small/writes")
        assert s == 201 and r["most_bytes"] == g.ask("GET", "/v1")[1]["most_bytes"] == 65536, r
        g.ask("DELETE", h["Location"])
        assert len(text) > 2 * 65536
        out, _ = snek(g, "write", "small", "-", "--json", stdin=text.encode())
        assert json.loads(out)["records"] == 8000 and snek(g, "export", "small")[0] == text
        just = json.dumps("x" * (65536 - 3)).encode()
        snek(g, "write", "just", "-", stdin=just)
        _, err = snek(g, "write", "large", "-", stdin=b"1\n" + just[:-1] + b"y\"", code=8)
        assert "record 2" in err and "65536" in err and "--max-body" in err, err
        snek(g, "find", "large", code=3)


def a_category_is_copied_through_a_gateway_both_ways_and_goes_on(g):
    other = os.path.join(DIR, "other")
    subprocess.run([DEPLOY, "--local", other, "--shards", "2"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    direct("write", "copied", "-", stdin=lines(3000).encode())
    snek(g, "copy", "copied", "--to", other)
    direct("write", "copied", "-", stdin=lines(500, 3000).encode())
    _, err = snek(g, "copy", "copied", "--to", other)
    assert "500 records copied" in err and "3,500" in err, err
    p = subprocess.run([SNEK, "copy", "copied", "--as", "back", "--cluster", other, "--to",
                        "http://127.0.0.1:%d" % g.port], stderr=subprocess.PIPE,
                       env=dict(env, SNEK_TOKEN=TOKEN), timeout=300)
    assert p.returncode == 0, p.stderr
    assert direct("export", "back") == lines(3500)
    direct("write", "back", "-", stdin=b"{}")
    _, err = snek(g, "copy", "copied", "--as", "back", "--to", CLUSTER, code=1)
    assert "differ" in err or "holds" in err, err


def what_goes_wrong_on_the_way_is_told_by_its_class(g):
    def fails(code, word, *args, **e):
        p = subprocess.run([SNEK, *args], env=dict(env, **e), timeout=120,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text = p.stderr.decode()
        assert p.returncode == code and word in text, (args, p.returncode, text)
    url = "http://127.0.0.1:%d" % g.port
    fails(6, "token", "ls", "--cluster", url)
    fails(6, "token", "ls", "--cluster", url, SNEK_TOKEN="wrong")
    fails(2, "https", "ls", "--cluster", "http://example.com")
    for args in (("stat", "nothing"), ("describe", "nothing")):
        fails(3, "no such", *args, "--cluster", url, SNEK_TOKEN=TOKEN)
    for args, word in ((("--call", "libc.so.6:abs", "--sig", "i(i)"), "snek-add-function --call"),
                       (("./x.so",), "snek-add-function"),
                       (("wordcount", "field=x", "--on", "threads"), "says where queries run"),
                       (("wordcount", "field=x", "--trust"), "where the cluster itself is reached"),
                       (("wordcount", "field=x", "--bad", "bad"), "--skip-bad")):
        fails(2, word, "query", "d", *args, "--cluster", url, SNEK_TOKEN=TOKEN)
    fails(3, "no such", "query", "nothing", "wordcount", "field=x", "--cluster", url, SNEK_TOKEN=TOKEN)
    fails(3, "", "query", "d", "nothing", "--cluster", url, SNEK_TOKEN=TOKEN)
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    fails(5, "", "ls", "--cluster", "http://127.0.0.1:%d" % port,
          SNEK_TOKEN=TOKEN, AWS_MAX_ATTEMPTS="1")


class Proxy(threading.Thread):
    """With TLS, as it stands in front of a gateway."""

    def __init__(self, port, certificate, key):
        super().__init__(daemon=True)
        self.to = port
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                c = self.listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            c = self.tls.wrap_socket(c, server_side=True)
        except OSError:         # who does not trust us
            c.close()
            return
        with c, socket.create_connection(("127.0.0.1", self.to)) as far:
            while True:
                data = b"" if c.pending() else None
                ready = [c] if data is not None else select.select([c, far], [], [])[0]
                for s in ready:
                    data = s.recv(65536)
                    if not data:
                        return
                    (far if s is c else c).sendall(data)


def commands_go_through_a_proxy_with_tls_that_they_trust(g):
    key, pem = os.path.join(DIR, "key.pem"), os.path.join(DIR, "cert.pem")
    if not shutil.which("openssl"):
        print("SKIPPED: no openssl here, so no proxy with TLS")
        return
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=here",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                    "-keyout", key, "-out", pem], check=True, stderr=subprocess.DEVNULL)
    proxy = Proxy(g.port, pem, key)
    e = dict(env, SNEK_TOKEN=TOKEN, SNEK_CLUSTER="https://127.0.0.1:%d" % proxy.port)
    for trust in (pem, None):
        p = subprocess.run([SNEK, "write", "tls", "-", "--request-id", "tls"],
                           env=dict(e, AWS_CA_BUNDLE=trust) if trust else e,
                           input=lines(20).encode(), timeout=120, stderr=subprocess.PIPE,
                           stdout=subprocess.PIPE)
        assert (p.returncode == 0) == bool(trust), (trust, p.returncode, p.stderr)
    assert b"certificate" in p.stderr.lower(), p.stderr
    p = subprocess.run([SNEK, "export", "tls"], env=dict(e, AWS_CA_BUNDLE=pem), timeout=120,
                       stdout=subprocess.PIPE)
    assert p.stdout == lines(20).encode(), p.stdout
    proxy.listening.close()


def keys_that_nothing_reduces_come_through_a_gateway(g):
    for how in ("tsv", "jsonl", "json", "table"):
        args = ("query", "d", "wordcount", "field=text", "--reduce", "none", "--limit", "5", "-o", how)
        assert snek(g, *args)[0] == direct(*args), how
    s, r, _ = g.ask("POST", "/v1/query", json.dumps({
        "category": "d", "function": "wordcount", "args": {"field": "text"}, "reduce": "none", "limit": 1}))
    assert s == 200 and r["reduced"] is False and r["keyed"] is True, r
    assert set(r["results"][0]) == {"key", "value"}, r
    s, r, _ = g.ask("POST", "/v1/query", json.dumps({
        "category": "d", "function": "select", "args": {"fields": "n"}, "limit": 1}))
    assert r["keyed"] is False and r["results"] == [{"n": 0}], r


def a_job_ends_whose_client_went_before_it_was_told():
    nap = json.dumps({"category": "d", "function": "job.nap", "wait": 1})
    with Gateway("--jobs", "1") as g:
        k = socket.create_connection(("127.0.0.1", g.port))
        k.sendall(("POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                   "Content-Length: %d\r\n\r\n%s" % (TOKEN, len(nap), nap)).encode())
        k.close()
        for listed in (1, 0):
            while len(g.ask("GET", "/v1/jobs")[1]["jobs"]) != listed:
                time.sleep(0.02)
        s = 429                             # until its worker has been told
        while s == 429:
            s, r, h = g.ask("POST", "/v1/query", nap.replace("1}", "0}"))
            time.sleep(0.02)
        assert s == 202, r



def who_waits_for_a_job_leaves_workers_to_others():
    nap = {"category": "d", "function": "job.nap", "wait": 0}
    with Gateway("--workers", "2") as g:
        job = g.ask("POST", "/v1/query", json.dumps(nap))[2]["Location"]
        got = []
        threads = [threading.Thread(target=lambda: got.append(g.ask("GET", job + "/results?wait=20")))
                   for _ in range(8)]
        for t in threads:
            t.start()
        while len(got) < 7:                 # all but the one that waits
            time.sleep(0.02)
        assert all(s == 202 and h["Retry-After"] == "1" for s, _, h in got), got
        s, r, h = g.ask("POST", "/query", json.dumps({"name": "d", "function": "job.nap"}))
        assert s == 429 and h["Retry-After"] == "1", r
        s, r, h = g.ask("GET", job + "/results")
        assert s == 202 and "Retry-After" not in h, h
        assert g.ask("POST", "/v1/categories/beside/records", "1\n")[0] == 200
        assert len(got) == 7
        assert g.ask("DELETE", job)[0] == 200
        for t in threads:
            t.join()
    with Gateway("--jobs", "1") as g:
        job = g.ask("POST", "/v1/query", json.dumps(nap))[2]["Location"]
        s, r, h = g.ask("POST", "/query", json.dumps({"name": "d", "function": "job.nap"}))
        assert s == 429 and "running already" in r["message"], r
        s, r, h = g.ask("GET", job + "/results?wait=0.01")
        assert s == 202, r
        for wrong in "wait=-1", "wait=1.2.3", "wait=x", "page=0", "page=-1":
            assert g.ask("GET", job + "/results?" + wrong)[0] == 400, wrong


def what_is_wrong_with_a_query_is_the_same_through_a_gateway(g):
    for args in (("wordcount", "--args", '{"field":"text"},"limit":1'), ("wordcount", "--args", '{"field":'),
                 ("wordcount", "--args", "[]"), ("wordcount", "--args", '{"feld":"text"}'),
                 ("join", "--side", "a=d", "--side", "a=words", "side=a", "on=n")):
        there = subprocess.run([SNEK, "query", "d", *args, "--cluster", CLUSTER], env=env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert there.returncode == 2, (args, there.stderr)
        here = snek(g, "query", "d", *args, code=2)[1]
        assert here == there.stderr.decode(), (args, here, there.stderr)
    args = ("query", "d", "wordcount", "--args", '{"field": "text"}', "-o", "jsonl", "--json")
    out, err = snek(g, *args)
    assert out == direct(*args)
    assert json.loads(err.splitlines()[-1])["bytes_in"] > 0, err


def a_query_that_is_turned_away_is_asked_again():
    nap = json.dumps({"category": "d", "function": "job.nap", "wait": 0})
    with Gateway("--jobs", "1") as g:
        job = g.ask("POST", "/v1/query", nap)[2]["Location"]
        args = ("query", "d", "wordcount", "field=text", "-o", "jsonl")
        _, err = snek(g, *args, "--timeout", "1", code=5)
        assert "running already" in err, err
        e = dict(env, SNEK_TOKEN=TOKEN, SNEK_CLUSTER="http://127.0.0.1:%d/" % g.port)
        p = subprocess.Popen([SNEK, *args, "--timeout", "100"], env=e, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        try:
            p.wait(0.3)
        except subprocess.TimeoutExpired:
            pass                            # it goes on trying
        assert g.ask("DELETE", job)[0] == 200
        out, err = p.communicate(timeout=120)
        assert p.returncode == 0 and out.decode() == direct(*args), err
        job = g.ask("POST", "/v1/query", nap)[2]["Location"]
        p = subprocess.Popen([SNEK, *args], env=e, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            p.wait(0.3)
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGINT)    # and ends when it is to
        assert p.wait(25) in (130, -signal.SIGINT), p.stderr.read()
        p.stderr.close()


SHARED = [the_cluster_is_well_as_seen_from_here,
          a_write_answers_its_receipt_and_a_repeat_writes_nothing_twice,
          bodies_are_lines_arrays_text_or_gzip,
          what_unpacks_to_more_than_a_gibibyte_is_refused,
          a_bad_record_is_named_and_nothing_of_its_write_is_there,
          pages_of_records_join_to_all_of_them,
          a_list_has_every_category_however_many_there_are,
          a_short_query_answers_with_its_results,
          a_query_that_takes_longer_is_a_job_with_pages,
          a_result_goes_into_a_category_as_one_write,
          a_job_that_writes_its_result_has_a_receipt_and_no_pages,
          side_inputs_are_categories_or_records_that_come_along,
          a_large_result_comes_in_pages,
          what_is_wrong_with_a_query_is_said,
          parts_make_one_write_however_often_and_in_what_order_they_come,
          the_calls_of_the_prototype_answer_as_they_did,
          sixty_four_clients_with_one_request_id_make_one_write,
          who_has_no_token_is_refused_before_its_body_is_read,
          requests_that_smuggle_or_are_no_http_get_an_error,
          requests_that_are_sent_together_are_answered_in_turn,
          a_length_said_twice_and_other_codings_are_refused,
          a_token_said_twice_and_codings_of_bodies_are_refused,
          a_request_with_a_name_that_another_would_read_otherwise_is_refused,
          a_media_type_is_one_however_it_is_written,
          pages_of_a_category_that_was_made_again_are_not_mixed,
          nobody_is_told_to_go_on_who_may_not,
          head_and_options_are_answered_and_a_405_says_what_is_taken,
          names_are_taken_apart_before_they_are_decoded,
          parameters_that_are_not_there_or_make_no_sense_are_refused,
          commands_do_through_a_gateway_what_they_do_without,
          what_looks_at_a_cluster_looks_through_a_gateway,
          what_does_not_fit_into_an_answer_is_refused_whole,
          garbage_is_collected_through_a_gateway,
          what_makes_no_sense_to_who_looks_is_refused,
          commands_give_side_inputs_and_write_results_through_a_gateway,
          what_is_missing_is_told_through_a_gateway,
          lines_of_text_are_strings_through_a_gateway_too,
          an_empty_request_id_is_refused_before_anything_is_written,
          a_large_write_goes_in_parts_and_none_is_seen_before_the_last,
          a_durability_that_is_not_given_is_said_before_any_input_is_read,
          a_category_is_copied_through_a_gateway_both_ways_and_goes_on,
          what_goes_wrong_on_the_way_is_told_by_its_class,
          commands_go_through_a_proxy_with_tls_that_they_trust,
          keys_that_nothing_reduces_come_through_a_gateway,
          what_is_wrong_with_a_query_is_the_same_through_a_gateway]
ALONE = [a_body_in_chunks_over_the_limit_is_refused,
         who_sends_a_body_that_is_refused_hears_why,
         what_is_trickled_into_a_body_in_chunks_ends_too,
         a_gateway_that_starts_while_another_ends_keeps_its_socket,
         several_sockets_of_systemd_are_refused,
         at_the_end_of_the_time_who_waits_is_turned_away,
         without_a_token_it_answers_to_loopback_names_and_to_no_page,
         a_unix_socket_is_its_users_alone_and_gone_at_the_end,
         what_is_nothing_or_too_much_is_no_number_of_the_gateway,
         an_address_that_others_reach_is_refused_unless_a_proxy_stands_in_front,
         a_full_line_is_503_and_the_gateway_lives,
         what_takes_longer_than_an_answer_may_is_refused_whole,
         too_many_queries_are_429_and_one_that_ends_makes_room,
         a_job_ends_whose_client_went_before_it_was_told,
         who_waits_for_a_job_leaves_workers_to_others,
         a_query_that_is_turned_away_is_asked_again,
         who_sends_a_head_byte_by_byte_is_closed_and_others_are_not,
         more_connections_than_there_may_be_do_not_end_it,
         what_a_log_says_is_one_line_of_plain_text,
         systemd_hands_a_socket_over_and_hears_when_it_is_ready,
         parts_are_as_small_as_a_request_has_to_be,
         what_nobody_asks_about_is_forgotten_though_nobody_comes,
         what_a_killed_gateway_left_goes_and_what_another_is_at_stays,
         at_the_end_a_request_under_way_is_answered]
bad = 0


def check(f, *args):
    global bad
    try:
        f(*args)
    except Exception as e:      # the next behaviour is looked at all the same
        bad += 1
        print("FAIL: %s: %s: %s" % (f.__name__, type(e).__name__, str(e)[:600]))


with Gateway() as shared:
    for f in SHARED:
        check(f, shared)
for f in ALONE:
    check(f)
print("%d behaviours, %d failed" % (len(SHARED) + len(ALONE), bad))
sys.exit(bad != 0)
