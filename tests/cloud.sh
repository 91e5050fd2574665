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
fail () { echo "FAIL: $*"; cat "$tmp/err" 2>/dev/null; exit 1; }
snek () { "$top/snek" "$@" 2>"$tmp/err"; }

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

"$top/snek-deploy" --aws --bundle "$tmp/api.zip" 2>"$tmp/err" || fail bundle
"$top/snek-deploy" --aws --stack one --code "$tmp/api.zip" --yes \
    2>"$tmp/err" >"$tmp/out" || fail deploy

# ---- functions, records; answers as a run here gives them ----
same () {			# GOT WANT WHAT
	cmp "$1" "$2" && return
	head -n 5 "$1" "$2"
	fail "$3: answers differ"
}
local_run () { "$top/snek" run "$@" --on threads 2>"$tmp/err"; }

for plugin in plugins/.libs/wordcount.so tests/plugins/.libs/drowse.so; do
	"$top/snek-add-function" "$top/$plugin" --replace --cluster one \
	    >"$tmp/out" 2>"$tmp/err" || fail add-function
done
seq 400 | sed 's/.*/{"n":&,"text":"a word and & more words of &"}/' >"$tmp/small.jsonl"
snek write poems "$tmp/small.jsonl" --cluster one || fail write
snek query poems wordcount field=text --cluster one >"$tmp/got" || fail query
local_run wordcount field=text -i "$tmp/small.jsonl" >"$tmp/want" || fail run
same "$tmp/got" "$tmp/want" wordcount
snek query poems grep field=text match=37 --cluster one >"$tmp/got" || fail grep
local_run grep field=text match=37 -i "$tmp/small.jsonl" >"$tmp/want" || fail run
same "$tmp/got" "$tmp/want" "one that ships"
seq 60000 | sed 's/.*/{"n":&,"text":"& records that are more than a request may have, by far; & of them"}/' >"$tmp/large.jsonl"
snek write large "$tmp/large.jsonl" --request-id once --cluster one || fail "a large write"
snek write large "$tmp/large.jsonl" --request-id once --cluster one || fail "it again"
snek query large select fields=n,text --cluster one >"$tmp/got" || fail "many pages"
local_run select fields=n,text -i "$tmp/large.jsonl" >"$tmp/want" || fail run
same "$tmp/got" "$tmp/want" "a result in pages"
snek find poems --json --cluster one | grep -q '"shard":1' || fail find
snek functions --cluster one | grep -q drowse || fail functions

# ---- jobs, as curl has them, signed ----
api () {			# METHOD PATH [BODY]
	curl -sS -X "$1" --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" \
	    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
	    -H 'Content-Type: application/json' ${3:+--data "$3"} \
	    "$gateway$2" 2>"$tmp/err"
}
member () { sed -n "s/.*\"$1\":\"*\([^\",}]*\).*/\1/p"; }
begin () {			# sets job
	api POST /v1/query '{"category":"poems","function":"drowse","wait":0}' >"$tmp/job"
	job=$(member job <"$tmp/job")
	grep -q '"state":"running"' "$tmp/job" || { cat "$tmp/job"; fail "no job"; }
}
result () {
	for _ in $(seq 60); do
		api GET "/v1/jobs/$job/results?wait=5" >"$tmp/page"
		grep -q '"state":"running"' "$tmp/page" || return 0
	done
	fail "a job that does not end"
}
curl -sS "$gateway/v1" | grep -q Forbidden || fail "who signs nothing gets in"
begin
api GET /v1/jobs | grep -q "$job" || fail "a job that is not listed"
result
cp "$tmp/page" "$tmp/first"
grep -q '"results":\[{"key":0,"value":11571}' "$tmp/first" || { cat "$tmp/first"; fail drowse; }
begin
api DELETE "/v1/jobs/$job" >/dev/null
result
grep -q '"code":"cancelled"' "$tmp/page" || { cat "$tmp/page"; fail cancel; }

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
sed 's/"job":"[^"]*"//g; s/"seconds":[0-9.]*//g; s/"retries":[0-9]*//' "$tmp/page" >"$tmp/got"
sed 's/"job":"[^"]*"//g; s/"seconds":[0-9.]*//g; s/"retries":[0-9]*//' "$tmp/first" >"$tmp/want"
same "$tmp/got" "$tmp/want" "after its coordinator died"

# ---- the prototype's calls; aws; the gateway of this machine ----
api POST /write '{"name":"old","data":[{"n":1},{"n":2}]}' >"$tmp/out"
api POST /query '{"name":"old","function":"drowse"}' >"$tmp/out"
grep -qF '"body":"[{\"key\":1,\"value\":1},{\"key\":2,\"value\":2}]"' "$tmp/out" || { cat "$tmp/out"; fail "the old query"; }
cat >"$tmp/event" <<'END'
{"version":"2.0","rawPath":"/v1/categories/poems","rawQueryString":"",
 "requestContext":{"http":{"method":"GET"},"requestId":"by-hand"}}
END
AWS_ENDPOINT_URL='' "$aws" --endpoint-url "$lambda_url" lambda invoke --function-name one-Find \
    --payload "file://$tmp/event" \
    "$tmp/out" >"$tmp/err" 2>&1 || fail "aws lambda invoke"
grep -qF '\"records\":400' "$tmp/out" || { cat "$tmp/out"; fail "aws lambda invoke"; }
if test -x ./snek-gateway; then
	SNEK_GATEWAY_TOKEN=a-token-that-is-long-enough-for-a-test "$top/snek" gateway \
	    --cluster "$redis_meta" --listen 127.0.0.1:0 --json \
	    >"$tmp/listen" 2>"$tmp/gateway.log" &
	gateway_pid=$!
	for _ in $(seq 600); do
		here=$(sed -n 's/.*"listen":"\([^"]*\)".*/\1/p' "$tmp/listen")
		test -z "$here" || break
		kill -0 $gateway_pid 2>/dev/null || { cat "$tmp/gateway.log"; fail gateway; }
		sleep 0.05
	done
	SNEK_TOKEN=a-token-that-is-long-enough-for-a-test "$top/snek" query poems wordcount \
	    field=text --cluster "http://${here#http://}" >"$tmp/got" 2>"$tmp/err" || fail "through a gateway here"
	local_run wordcount field=text -i "$tmp/small.jsonl" >"$tmp/want" || fail run
	same "$tmp/got" "$tmp/want" "through a gateway here"
	kill $gateway_pid
	wait $gateway_pid
	gateway_pid=
fi

# ---- its end ----
"$top/snek" rm-function drowse --yes --cluster one 2>"$tmp/err" || fail rm-function
snek functions --cluster one | grep -q drowse && fail "a function that was removed is there"
"$top/snek-deploy" --aws --stack one --destroy --yes >"$tmp/out" 2>"$tmp/err" || fail destroy
grep -q 'left behind: nothing' "$tmp/err" || fail destroy
"$aws" --endpoint-url "$lambda_url" lambda list-functions >"$tmp/out" 2>"$tmp/err" || fail "aws lambda list-functions"
grep -q one- "$tmp/out" && { cat "$tmp/out"; fail "functions are left"; }
kill "$cloud_pid"
wait "$cloud_pid" || { cat "$tmp/cloud.log"; fail "requests that AWS would refuse"; }
cloud_pid=
