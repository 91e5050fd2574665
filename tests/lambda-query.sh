#!/bin/bash
# SPDX-License-Identifier: MIT
# Queries in Lambdas, on the local host of them: answers too large to carry, what
# fails and how it is told, what is let in, what is left behind, what it costs.
# Begun again with signals as they are in the foreground.
if test -z "${SIGNALS_ARE_DEFAULT:-}" &&
    env --default-signal=INT,QUIT true 2>/dev/null; then
	SIGNALS_ARE_DEFAULT=1 exec env --default-signal=INT,QUIT bash "$0" "$@"
fi
set -u
top=$PWD
srcdir=$(cd "${srcdir:-.}" && pwd)
. "$srcdir/tests/lambda_world.sh"
. "$srcdir/tests/redis_world.sh"
lambda_have || exit 77
tmp=$(mktemp -d) || exit 99
trap 'redis_end_all 2>/dev/null; lambda_end_all; rm -rf "$tmp"' EXIT
CC=${CC:-cc}
PYTHON=${PYTHON:-python3}
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_CONFIG=$tmp/snek.conf TMPDIR=$tmp
export XDG_DATA_HOME=$tmp/data HOME=$tmp
role=arn:aws:iam::000000000000:role/snek
failed=0

# The programs themselves, not the scripts that libtool wraps round them.
export PATH=$top/.libs:$top:$PATH LD_LIBRARY_PATH=$top/.libs
complain () { echo "FAIL: $*"; head -n 4 "$tmp/err" | cut -c 1-400; failed=1; }

expect () {             # expect EXIT WORDS COMMAND...
	local code=$1 words=$2
	shift 2
	timeout 120 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	local rc=$?
	test $rc = "$code" || complain "$*: exit $rc, not $code"
	grep -Eq -- "$words" "$tmp/err" || complain "$*: does not say: $words"
}

same () {               # same QUERY...: in Lambdas as in threads
	snek query "$@" --on threads -o jsonl >"$tmp/want" 2>"$tmp/err" ||
	    complain "threads: $*"
	timeout 120 snek query "$@" --on lambda -o jsonl --json \
	    >"$tmp/out" 2>"$tmp/err" || complain "lambda: $*: exit $?"
	cmp -s "$tmp/want" "$tmp/out" || complain "$*: other bytes"
	test -s "$tmp/want" || complain "$*: nothing"
}

told () {               # told NAME: the number in the summary
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$tmp/err"
}

# ---- a plugin of several moods ----

cat >"$tmp/odd.c" <<'END'
#include <snek/plugin.h>
#include <stdlib.h>
#include <unistd.h>
static int get(struct snek_record r, void *path, int64_t *v)
{
	return snek_get_int(r, *(snek_path *)path, v);
}
static int open_op(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));
	*self = p;
	return p ? snek_field(c, "n", p) : SNEK_ENOMEM;
}
static int open_whole(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, 2 * sizeof(*p));
	int rc = p ? snek_field(c, "", p) : SNEK_ENOMEM;
	*self = p;
	return rc < 0 ? rc : snek_field(c, "n", p + 1);
}
static int twice(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value v = snek_get(r, *(snek_path *)self);
	int rc = snek_emit(c, snek_null(), v);
	return rc < 0 ? rc : snek_emit(c, snek_null(), v);
}
static int nap(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	usleep(2000000);
	return snek_emit(c, snek_null(), snek_int(1));
}
static int die(snek_ctx *c, void *self, struct snek_record r)
{
	int64_t n;
	if (get(r, self, &n) && n == 13)
		*(volatile int *)8 = 1;
	return snek_emit(c, snek_null(), snek_int(n));
}
static int refuse(snek_ctx *c, void *self, struct snek_record r)
{
	int64_t n;
	if (get(r, self, &n) && n == 13)
		return snek_fail(c, SNEK_EPLUGIN, "thirteen will not do");
	return snek_emit(c, snek_null(), snek_int(n));
}
static int leave(snek_ctx *c, void *self, struct snek_record r)
{
	int64_t n;
	if (get(r, self, &n) && n == 13) {
		snek_log(c, SNEK_WARN, "leaving \"now\"");
		_exit(3);
	}
	return snek_emit(c, snek_null(), snek_int(n));
}
/* Too much, once it is not refused. */
static int fuss(snek_ctx *c, void *self, struct snek_record r)
{
	int64_t n;
	if (get(r, (snek_path *)self + 1, &n) && n % 1000 == 13)
		return snek_fail(c, SNEK_EPLUGIN, "thirteen will not do");
	return twice(c, self, r);
}
/* The first one to try takes for ever, as far as we are concerned. */
static int slow(snek_ctx *c, void *self, struct snek_record r)
{
	int64_t n;
	if (get(r, self, &n) && n == 13 && snek_task_info(c)->attempt == 1)
		usleep(100000000);
	return snek_emit(c, snek_null(), snek_int(n));
}
SNEK_PLUGIN("odd", "1.0", SNEK_OP(.name = "twice", .open = open_whole, .map = twice),
    SNEK_OP(.name = "nap", .map = nap),
    SNEK_OP(.name = "die", .open = open_op, .map = die),
    SNEK_OP(.name = "refuse", .open = open_op, .map = refuse),
    SNEK_OP(.name = "fuss", .open = open_whole, .map = fuss),
    SNEK_OP(.name = "slow", .open = open_op, .map = slow),
    SNEK_OP(.name = "leave", .open = open_op, .map = leave));
END
$CC -shared -fPIC -O1 -I"$srcdir/sdk" "$tmp/odd.c" -o "$tmp/odd.so" || exit 99

start_lambda || exit 99
"$top/snek-deploy" --local "$tmp/cluster" --shards 4 --lambda-region eu-central-1 \
    --role $role --name here -q || exit 99
export SNEK_CLUSTER=$tmp/cluster
"$top/snek-add-function" "$tmp/odd.so" -q || exit 99

# ---- answers that no invocation can give: the task becomes several ----

"$PYTHON" - >"$tmp/texts" <<'END' || exit 99
for i in range(3900):
    print('{"n":%d,"text":"%s"}' % (i, ("%06d" % i) * 600))
END
snek write texts "$tmp/texts" --chunk-size 64K -q || exit 99
snek query texts odd.refuse --skip-bad 1 --on lambda --workers 2 --json \
    >"$tmp/out" 2>"$tmp/err" || complain "exit $?"
whole=$(told tasks)
same texts odd.twice --workers 2
test "$(told tasks)" -gt "$whole" || complain "$whole tasks: none was split"
test "$(told retries)" = 0 || complain "a split is no retry"
same texts odd.fuss --workers 2 --skip-bad 5
test "$(told records_skipped)" = 4 || complain "not four records were left out"

# ---- one that takes for ever is begun a second time ----

snek query texts odd.slow --on lambda -o jsonl --timeout 90 --json >"$tmp/out" 2>"$tmp/err" ||
    complain "slow: exit $?"
test "$(wc -l <"$tmp/out")" = 3900 || complain "slow: not all"
test "$(told calls)" -gt "$(told tasks)" || complain "no backup was begun"

# One chunk that is too much says so, with its number.
"$PYTHON" - >"$tmp/big" <<'END' || exit 99
for i in range(3):
    print('{"n":%d,"text":"%s"}' % (i, "x" * 2600000))
END
snek write big "$tmp/big" -q || exit 99
expect 8 'an answer of [0-9]{7} bytes is more than the [0-9]{7} .*--chunk-size' \
    snek query big odd.twice --on lambda
"$PYTHON" -c 'print("{\"text\":\"" + "x" * 5000000 + "\"}")' | snek write huge -q
expect 8 'the input of an invocation would have [0-9]{7} bytes; it may have 6291456; .*--chunk-size' \
    snek query huge odd.twice --on lambda

# ---- side inputs go with the job, in an invocation ----

"$top/snek-add-function" "$top/plugins/.libs/join.so" -q --replace || exit 99
printf '{"n":%d,"title":"t%d"}\n' 13 1 13 2 7 3 >"$tmp/titles"
snek write titles "$tmp/titles" -q || exit 99
for side in "t=$tmp/titles" t=titles; do
	same texts join --side "$side" side=t on=n
	test "$(wc -l <"$tmp/out")" = 3 || complain "--side $side: not three"
done

# ---- what it costs ----

same texts odd.refuse --skip-bad 1
grep -q '"dollars":0\.00' "$tmp/err" && grep -q '"guessed":false' "$tmp/err" ||
    complain "no cost"
test "$(told billed_ms)" -ge "$(told calls)" || complain "less than a ms each is billed"
test "$(told records_skipped)" = 1 || complain "not one record was left out"

# ---- an op that fails, crashes, leaves ----

expect 7 'record 14.*thirteen will not do' snek query texts odd.refuse --on lambda
# Sanitizers report crashes by themselves, and nobody else does then.
test -n "${SANITIZE:-}" && test "$SANITIZE" != no ||
    expect 7 'die crashed in map at .*record 14: SIGSEGV' snek query texts odd.die --on lambda
# What it said ends the message, and is in its log with whose it is.
expect 5 'exit status 3.*its log ends: leave: leaving "now"(;|$)' \
    snek query texts odd.leave --on lambda --attempts 2
snek logs odd --grep leaving >"$tmp/out" 2>"$tmp/err" || complain "logs: exit $?"
grep -Eq ' WARN  job [0-9a-f]{32} task [0-9]+ attempt 2  leave: leaving "now"$' "$tmp/out" ||
    complain "no line of its log: $(head -n 2 "$tmp/out")"
job=$(sed -n 's/.*  job \([0-9a-f]*\) .*/\1/p' "$tmp/out" | head -n 1)
snek logs odd --job "$job" --json >"$tmp/log" 2>"$tmp/err" || complain "logs --job: exit $?"
test "$(grep -c leaving "$tmp/log")" = "$(wc -l <"$tmp/out")" || complain "a job's lines are others"
expect 4 'thirteen will not do' snek query texts odd.refuse --on lambda --keep-going

# ---- what is let in ----

# Of one that slept for weeks the first calls are refused, which are no tries;
# and who may not ask how many are let in is told.
"$PYTHON" - "$AWS_ENDPOINT_URL" 2>"$tmp/err" >"$tmp/sleeper" <<'END' &
import http.client, http.server, sys
asleep = 3
class Sleeper(http.server.BaseHTTPRequestHandler):
    def do(self):
        global asleep
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "account-settings" in self.path:
            return self.say(403, {"X-Amzn-ErrorType": "AccessDeniedException"}, b"{}")
        if asleep and self.path.endswith("/invocations"):
            asleep -= 1
            return self.say(502, {"X-Amzn-ErrorType": "ResourceNotReadyException"}, b"{}")
        there = http.client.HTTPConnection(sys.argv[1].split("//")[1])
        there.request(self.command, self.path, body, dict(self.headers))
        r = there.getresponse()
        self.say(r.status, {k: r.headers[k] for k in ("X-Amz-Log-Result",
                 "X-Amz-Function-Error") if k in r.headers}, r.read())
    def say(self, status, headers, body):
        self.send_response_only(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = do
    log_message = lambda *a: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sleeper)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
END
sleeper=$!
until test -s "$tmp/sleeper" || ! kill -0 $sleeper 2>/dev/null; do sleep 0.05; done
AWS_ENDPOINT_URL=$(cat "$tmp/sleeper") same texts odd.twice --attempts 1
kill $sleeper
test "$(told throttled)" = 3 || complain "who slept was not waited for: $(told throttled)"
grep -q 'the account lets in is not known (403 AccessDeniedException): 1000 at once are tried; who queries needs to be allowed lambda:GetAccountSettings' \
    "$tmp/err" || complain "nothing is said of not knowing what is let in"

lambda_name=$(snek functions odd.nap --json | sed -n 's/.*"name":"\(snek-[^"]*\)".*/\1/p')
aws_put () {            # aws_put PATH JSON: the host takes any key
	"$PYTHON" - "$AWS_ENDPOINT_URL$1" "$2" <<'END' >"$tmp/err" 2>&1 || complain "PUT $1"
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20260101/eu-central-1/"
    "lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + 64 * "0",
    "X-Amz-Date": "20260101T000000Z"}, method="PUT"))
END
}
reserved=/2017-10-31/functions/$lambda_name/concurrency
aws_put "$reserved" '{"ReservedConcurrentExecutions":0}'
expect 8 'reserved concurrency is 0' snek query texts odd.refuse --on lambda
aws_put "$reserved" '{"ReservedConcurrentExecutions":2}'
same texts odd.twice --limit 100
aws_put "$reserved" '{"ReservedConcurrentExecutions":50}'

# ---- an interrupt says what is left ----

set -m                  # what is started in the background hears interrupts
head -n 64 "$tmp/texts" | snek write few --chunk-size 64K -q
snek query few odd.nap --on lambda --progress plain >"$tmp/out" 2>"$tmp/err" & query=$!
for _ in $(seq 600); do
	grep -Eq '[0-9]+ queued, [1-9][0-9]* running' "$tmp/err" && break
	sleep 0.1
done
kill -INT $query
wait $query
rc=$?
set +m
test $rc = 130 || complain "interrupted: exit $rc"
grep -Eq 'calls? may still be running, for [0-9]+ s at most' "$tmp/err" ||
    complain "an interrupt does not say what is left"
test ! -s "$tmp/out" || complain "an interrupted query prints"

# ---- not what is registered, not there, not allowed ----

sed 's/usleep(2000000)/usleep(1)/' "$tmp/odd.c" >"$tmp/odd2.c"
$CC -shared -fPIC -O1 -I"$srcdir/sdk" "$tmp/odd2.c" -o "$tmp/odd.so" || exit 99
"$top/snek-add-function" --on local "$tmp/odd.so" -q
expect 2 'has other bytes than what is registered here' \
    snek query few odd.nap --on lambda
"$top/snek-add-function" "$tmp/odd.so" -q
same few odd.nap
expect 2 'grep has no Lambda' snek query few grep match=x --on lambda
expect 3 'no function nothing' snek query few nothing --on lambda
"$top/snek-deploy" --local "$tmp/nowhere" --lambda-region eu-nowhere-9 \
    --role $role --name nowhere -q || exit 99
expect 5 'eu-nowhere-9.*is the region right' env -u AWS_ENDPOINT_URL \
    "$top/snek-add-function" "$tmp/odd.so" --cluster nowhere
expect 6 'credentials' env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \
    snek query few odd.nap --on lambda
stop_lambda || failed=1
expect 5 'connect' snek query few odd.nap --on lambda --timeout 20
start_lambda || exit 99
expect 3 'no Lambda snek-[0-9a-f]*-odd any more; add' snek query few odd.nap --on lambda

# ---- what no answer carries is left on servers, and taken away ----

if redis_have && command -v redis-cli >/dev/null; then
	# Who maps is a user of its own, who may what a stack's may.
	rights=$(snek-deploy --aws --print-template --stack t --shards 1 | tr -d '\n' |
	    sed 's/.*"UserName" *: *"t-mapper"[^}]*"AccessString" *: *"on \([^"]*\)".*/\1/')
	rights=$(echo "$rights" | sed 's/~snek:/~p:/')
	for server in one two; do
		start_redis $server user "map on >other $rights" || exit 99
	done
	"$top/snek-deploy" --redis "$redis_one?prefix=p,$redis_two?prefix=p" --name there \
	    --lambda-region eu-central-1 --role $role -q || exit 99
	for server in "$redis_one" "$redis_two"; do
		echo "mapper = redis://map:other@${server#*://}"
	done >>"$SNEK_CONFIG"
	chmod 600 "$SNEK_CONFIG"
	export SNEK_CLUSTER=there
	"$top/snek-add-function" "$tmp/odd.so" -q &&
	"$top/snek-add-function" "$top/plugins/.libs/group.so" --replace -q || exit 99
	snek write texts "$tmp/texts" --chunk-size 64K -q || exit 99
	snek write big "$tmp/big" -q || exit 99
	same texts odd.twice
	same big odd.twice
	same texts group by=n max=text --partitions 3
	test "$(told tasks)" -ge 5 || complain "no reduce stage"
	test "$(told calls)" -ge "$(told tasks)" ||
	    complain "the reduce stage was no invocation"
	redis_cli one ACL SETUSER map off >/dev/null
	redis_cli one CLIENT KILL USER map >/dev/null
	expect 6 'password|WRONGPASS|map' snek query texts odd.twice --on lambda
	expect 6 'password|WRONGPASS|map' snek query texts group by=n --on processes
	for server in one two; do
		redis_cli $server --scan --pattern 'p:*:r:*' >"$tmp/left"
		test ! -s "$tmp/left" || complain "$server has $(wc -l <"$tmp/left") runs left"
	done
else
	echo "NOTE: no redis-server here; clusters in a directory only"
fi
stop_lambda || failed=1
exit $failed
