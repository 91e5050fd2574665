#!/bin/bash
# SPDX-License-Identifier: MIT
# The whole cloud on this machine: a stack made by snek-deploy at a fake AWS,
# whose servers are Redis servers, whose functions run at the local Lambda host,
# behind a stand-in for API Gateway; and what man 7 snek-cloud does with it.
set -u
srcdir=$(cd "${srcdir:-.}" && pwd)
top=$(pwd)
tmp=$(mktemp -d) || exit 99
# shellcheck source=tests/redis_world.sh
. "$srcdir/tests/redis_world.sh"
# shellcheck source=tests/lambda_world.sh
. "$srcdir/tests/lambda_world.sh"
cloud_pid=
gateway_pid=
end () {
	test -z "$gateway_pid" || { kill "$gateway_pid"; wait "$gateway_pid"; }
	test -z "$cloud_pid" || { kill "$cloud_pid"; wait "$cloud_pid"; }
	lambda_end_all
	redis_end_all
	rm -rf "$tmp"
}
trap end EXIT
redis_have || { echo "SKIP: no redis-server"; exit 77; }
lambda_have || exit 77
aws=$(command -v aws) || { echo "SKIP: no aws (apt-get install awscli)"; exit 77; }
command -v curl >/dev/null || { echo "SKIP: no curl"; exit 77; }
for python in "${PYTHON:-python3}" /usr/bin/python3; do
	"$python" -c 'import awscli.clidriver' 2>/dev/null && break
	"$python" -c 'import botocore.auth' 2>/dev/null && break
	python=
done
test -n "$python" || { echo "SKIP: no botocore (apt-get install awscli)"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1 SNEK_CONFIG=$tmp/snek.conf HOME=$tmp
export SNEK_WORKER=$top/snek-worker SNEK_PLUGIN_PATH=$top/plugins/.libs
unset SNEK_CLUSTER SNEK_TOKEN SNEK_TOKEN_FILE

# ---- the cloud ----
for name in meta one two; do
	start_redis $name save '' || exit 99
done
start_lambda --environments 40 || exit 99
export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE
export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
: >"$tmp/urls"
"$python" "$srcdir/tests/cloud.py" "$lambda_url" "$redis_meta" "$redis_one" \
    "$redis_two" >"$tmp/urls" 2>"$tmp/cloud.log" &
cloud_pid=$!
for _ in $(seq 600); do
	read -r cloud gateway <"$tmp/urls" && break	# both, on a line
	kill -0 "$cloud_pid" 2>/dev/null || { cat "$tmp/cloud.log"; exit 99; }
	sleep 0.05
done
export AWS_ENDPOINT_URL=$cloud AWS_ENDPOINT_URL_LAMBDA=$lambda_url
fail () { echo "FAIL: $*"; cat "$tmp/err" "$tmp/cloud.log" 2>/dev/null
	tail -n 20 "$tmp/lambda/log"; exit 1; }

# ---- the page's commands, in its order, in a directory with its files ----
sed -n 's/^\$ //p' "$srcdir/man/snek-cloud.7" >"$tmp/page"
page () {			# COMMAND, which is the page's next
	read -r said <&9
	test "$said" = "$1" || fail "the page has: $said, and not: $1"
	eval "$1" >"$tmp/out" 2>"$tmp/err" || { cat "$tmp/out"; fail "$1"; }
}
exec 9<"$tmp/page"
PATH=$top:$PATH
cp tests/plugins/.libs/drowse.so "$tmp" || exit 99
cd "$tmp" || exit 99
seq 400 | sed 's/.*/{"n":&,"text":"a word and & more words of &"}/' >poems.jsonl
echo '{"category":"poems","function":"drowse","wait":10}' >query.json
cat >event.json <<'END'
{"version":"2.0","rawPath":"/v1/categories/poems","rawQueryString":"",
 "requestContext":{"http":{"method":"GET"},"requestId":"by-hand"}}
END
same () {			# GOT WANT WHAT
	cmp "$1" "$2" && return
	head -n 5 "$1" "$2"
	fail "$3: answers differ"
}
has () {			# FILE TEXT
	grep -qF "$2" "$1" || { cat "$1"; fail "there is no $2"; }
}
run_here () { "$top/snek" run "$@" --on threads 2>err >want || fail "snek run $1"; }

# As curl has it, signed.
ask () {			# METHOD PATH [BODY]
	curl -sS -X "$1" --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" \
	    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
	    -H 'Content-Type: application/json' ${3:+--data "$3"} \
	    "$api$2" 2>"$tmp/err"
}
member () { sed -n "s/.*\"$1\":\"*\([^\",}]*\).*/\1/p"; }
result () {
	for _ in $(seq 60); do
		ask GET "/v1/jobs/$job/results?wait=5" >result
		grep -q '"state":"running"' result || return 0
	done
	fail "a job that does not end"
}

page 'snek-deploy --aws --bundle api.zip'
page 'snek-deploy --aws --stack one --shards 2 --code api.zip --dry-run'
has out '+   Shard1'
page 'snek-deploy --aws --stack one --shards 2 --code api.zip --yes'
page 'snek-add-function ./drowse.so --cluster one'
page 'snek write poems poems.jsonl --cluster one'
page 'snek query poems drowse --cluster one'
run_here ./drowse.so -i poems.jsonl
same out want drowse
page 'snek query poems wordcount field=text --cluster one'
run_here wordcount field=text -i poems.jsonl
same out want "one that ships, where it is coordinated"
page 'snek find poems --cluster one'
page 'snek describe poems --cluster one'
has out 'n	int:400	1.000000'
page 'snek stat --cluster one'
has out 'records	400'
page 'snek gc --cluster one'
page 'snek functions --cluster one'
has out drowse
has out 'version 1 in eu-west-1'
# shellcheck disable=SC2016  # it is expanded when it is run
{
page 'api=$(snek-deploy --aws --stack one --status | awk '"'/^Api/ { print \$2 }'"')'
page 'sign="--aws-sigv4 aws:amz:$AWS_REGION:execute-api"'
page 'user=$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY'
page 'curl -sS $sign --user $user $api/v1/categories/poems'
has out '"records":400'
page 'curl -sS $sign --user $user --data @query.json $api/v1/query'
# On a slow machine it may be a job by now.
grep -q '"state":"running"' out && { job=$(member job <out); result; cp result out; }
has out '"results":[{"key":0,"value":11571}'
}
aws () { AWS_ENDPOINT_URL='' "$aws" --endpoint-url "$lambda_url" "$@"; }
page 'aws lambda invoke --function-name one-Find --payload fileb://event.json out.json'
has out.json '\"records\":400'

# ---- more of the same ----
snek () { "$top/snek" "$@" 2>"$tmp/err"; }
snek-add-function "$top/plugins/.libs/wordcount.so" --replace --cluster one \
    >out 2>err || fail add-function
snek query poems wordcount field=text --cluster one >got || fail query
same got want "one that ships, in a Lambda"
seq 60000 | sed 's/.*/{"n":&,"text":"& records that are more than a request may have, by far; & of them"}/' >large.jsonl
snek write large large.jsonl --request-id once --cluster one || fail "a large write"
snek write large large.jsonl --request-id once --cluster one || fail "it again"
snek query large select fields=n,text --cluster one >got || fail "many pages"
run_here select fields=n,text -i large.jsonl
same got want "a result in pages"

# ---- a function of two versions, and back ----
for n in 1 2; do
	snek-add-function "$top/tests/plugins/.libs/again$n.so" --cluster one \
	    >out 2>err || fail "add-function again$n"
done
which () {			# WANT WHAT
	snek query few again.which --cluster one >got || fail "$2"
	printf '%s\n' "$1" "$1" "$1" >want
	same got want "$2"
}
head -n 3 poems.jsonl >few.jsonl
snek write few few.jsonl --cluster one || fail "a small category"
which 2 "the second version"
calls () {			# of its Lambda so far
	aws logs filter-log-events --log-group-name /aws/lambda/one-fn-again \
	    >log 2>"$tmp/err" || fail "aws logs"
	grep -c REPORT log
}
before=$(calls)
snek query few again.which --json --cluster one >/dev/null || fail query
tasks=$(sed -n 's/.*"kind":"summary","tasks":\([0-9]*\).*/\1/p' "$tmp/err")
has "$tmp/err" "\"calls\":$tasks,"
after=$(calls)
test $((after - before)) = "$tasks" ||
    fail "$((after - before)) calls for $tasks tasks of what is known already"
snek-add-function again --rollback --cluster one >out 2>err || fail rollback
which 1 "after a rollback"
snek functions again.which --json --cluster one >out || fail functions
has out '"function_kind":"op","lambda":{"name":"one-fn-again","arn":"arn:aws:lambda:'
has out '"version":"1","region":"eu-west-1"'
has out '"state":null,"role":null,"differs":null'
snek functions again.which --cloud --json --cluster one >out || fail functions
has out '"state":"Active"'
has out '"differs":null'
aws lambda update-alias --function-name one-fn-again --name snek \
    --function-version 2 >out 2>err || fail "aws lambda update-alias"
snek functions again.which --cloud --cluster one >out || fail functions
has out 'differs: AWS is at version 2, the cluster uses 1'

# ---- looking closer, and tidying up ----
# What goes with who asks and when: where shards are, memory, connections.
unplaced () { sed 's/"location":"[^"]*"//g; s/"used_memory":[0-9]*,//g
	s/"clients":[0-9]*,*//g'; }
looks_alike () {		# CLUSTER OTHER
	for how in "describe poems" "describe poems --limit 1 --json"; do
		# shellcheck disable=SC2086
		"$top/snek" $how --cluster "$1" >got 2>said || fail "$how"
		# shellcheck disable=SC2086
		"$top/snek" $how --cluster "$2" >want 2>meant || fail "$how"
		same got want "$how"
		same said meant "$how, on standard error"
	done
	for how in "stat" "stat poems"; do
		# shellcheck disable=SC2086
		snek $how --json --cluster "$1" >stat || fail "$how"
		has stat '"location":""'
		unplaced <stat >got
		# shellcheck disable=SC2086
		"$top/snek" $how --json --cluster "$2" | unplaced >want
		same got want "$how"
	done
}
looks_alike one "$redis_meta"
snek stat none --cluster one && fail "a category that is not there is counted"
has err 'no such category'
snek rm large --yes --cluster one || fail "rm through the API"
snek stat --json --cluster one >out || fail stat
has out '"garbage":2,'
snek gc --json --cluster one >out || fail gc
has out '"segments":0,'
has out '"waiting":1}'

# ---- side inputs; a result that stays there ----
snek run join --side few=./few.jsonl side=few on=n -i poems.jsonl >want || fail join
for side in few ./few.jsonl; do
	snek query poems join --side few=$side side=few on=n --cluster one >got ||
	    fail "a side input"
	same got want "with the side input $side"
done
for _ in once again; do
	snek query poems wordcount field=text --into words --request-id once \
	    --json --cluster one >got || fail "--into"
	has got '"category":"words","version":1,'
done
has got '"repeated":true'
run_here wordcount field=text -i poems.jsonl
snek export words --cluster one >got || fail export
same got want "a result that was written there"

# ---- jobs ----
begin () {			# sets job
	ask POST /v1/query "{\"category\":\"poems\",\"function\":\"drowse\",
	    \"wait\":0${1:-}}" >job
	job=$(member job <job)
	grep -q '"state":"running"' job || { cat job; fail "no job"; }
}
curl -sS "$api/v1" | grep -q Forbidden || fail "who signs nothing gets in"
begin
ask GET /v1/jobs | grep -q "$job" || fail "a job that is not listed"
result
cp result first
has first '"results":[{"key":0,"value":11571}'
begin
ask DELETE "/v1/jobs/$job" >/dev/null
result
has result '"code":"cancelled"'

# ---- a coordinator that dies ----
coordinators () {
	for p in /proc/[0-9]*/environ; do
		tr '\0' '\n' <"$p" 2>/dev/null >"$tmp/environ" &&
		    grep -q '^_HANDLER=Coordinator$' "$tmp/environ" &&
		    grep -qF "SNEK_META=$redis_meta" "$tmp/environ" &&
		    p=${p#/proc/} && echo "${p%/environ}"
	done 2>/dev/null
}
begin
sleep 0.3
# shellcheck disable=SC2046
kill -KILL $(coordinators) || fail "no coordinator to kill"
result
for file in result first; do
	sed 's/"job":"[^"]*"//g; s/"retries":[0-9]*//
	    s/"calls":.*"guessed":[a-z]*//' $file >$file.plain
done
same result.plain first.plain "after its coordinator died"
begin ',"into":"dreamt"'
sleep 0.3
# shellcheck disable=SC2046
kill -KILL $(coordinators) || fail "no coordinator to kill"
result
has result '"receipt":{"category":"dreamt","version":1,"records":7'
ask GET /v1/categories/dreamt >out
has out '"writes":1,"records":7'

# ---- the prototype's calls; a gateway on this machine ----
ask POST /write '{"name":"old","data":[{"n":1},{"n":2}]}' >out
ask POST /query '{"name":"old","function":"drowse"}' >out
has out '"body":"[{\"key\":1,\"value\":1},{\"key\":2,\"value\":2}]"'
# The users of the template, on these servers; each is a profile.
snek-deploy --aws --stack one --shards 2 --bastion --print-template >template 2>err ||
    fail template
user () {			# NAME
	rights=$(grep -o "\"UserName\":\"one-$1\"[^}]*" template |
	    sed -n 's/.*"AccessString":"on \([^"]*\)".*/\1/p')
	test -n "$rights" || fail "no rights of $1"
	for name in meta one two; do
		# shellcheck disable=SC2046,SC2086
		test "$(redis_say $(cat "$tmp/redis-$name/at") ACL SETUSER $1 on \
		    '>a-password' $rights)" = OK || fail "the user $1"
	done
	printf '\n[%s]\ncluster = %s\nuser = %s\npassword = a-password\n' "$1" \
	    "$redis_meta" "$1" >>"$SNEK_CONFIG"
}
begin_gateway () {		# CLUSTER; sets here
	: >"$tmp/listen"
	SNEK_GATEWAY_TOKEN=a-token-that-is-long-enough-for-a-test "$top/snek" gateway \
	    --cluster "$1" --listen 127.0.0.1:0 --json \
	    >"$tmp/listen" 2>"$tmp/gateway.log" &
	gateway_pid=$!
	for _ in $(seq 600); do
		here=$(sed -n 's/.*"listen":"\([^"]*\)".*/\1/p' "$tmp/listen")
		test -z "$here" || break
		kill -0 $gateway_pid 2>/dev/null || { cat "$tmp/gateway.log"; fail gateway; }
		sleep 0.05
	done
	here=http://${here#http://}
}
end_gateway () {
	kill $gateway_pid
	wait $gateway_pid
	gateway_pid=
}
collect () {			# what is there was silent for a second; sets rc
	for _ in $(seq 600); do
		snek gc --grace 1 --json --cluster "$here" >out
		rc=$?
		test $rc = 0 && grep -q '"segments":0,' out || return 0
		sleep 0.1
	done
	fail "garbage that stays"
}
if test -x "$top/snek-gateway"; then
	export SNEK_TOKEN=a-token-that-is-long-enough-for-a-test
	user api
	begin_gateway api
	snek query poems wordcount field=text --cluster "$here" >got ||
	    fail "through a gateway here"
	run_here wordcount field=text -i poems.jsonl
	same got want "through a gateway here"
	collect
	test $rc = 0 || fail "gc with the API's rights"
	end_gateway
	user bastion
	begin_gateway bastion
	looks_alike "$here" "$redis_meta"
	seq 60000 | snek write more --cluster "$redis_meta" &&
	    snek rm more --yes --cluster "$redis_meta" || fail "garbage"
	collect
	test $rc = 6 || fail "who may only read collects garbage"
	end_gateway
	unset SNEK_TOKEN
fi

# ---- its end ----
page 'snek rm-function drowse --yes --cluster one'
snek functions --cluster one | grep -q drowse && fail "a function that was removed is there"
page 'snek-deploy --aws --stack one --destroy --yes'
has err 'left behind: nothing'
read -r said <&9 && fail "the page has more: $said"
aws lambda list-functions >out 2>err || fail "aws lambda list-functions"
grep -q one- out && { cat out; fail "functions are left"; }
kill "$cloud_pid"
wait "$cloud_pid" || { cat "$tmp/cloud.log"; fail "requests that AWS would refuse"; }
cloud_pid=
