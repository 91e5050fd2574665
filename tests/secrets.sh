#!/bin/bash
# SPDX-License-Identifier: MIT
# What is secret is neither printed, however wrong the rest is, nor in the
# arguments of a process, nor in a stack's template.
set -u
srcdir=$(cd "${srcdir:-.}" && pwd)
top=$(pwd)
tmp=$(mktemp -d) || exit 99
# shellcheck source=tests/redis_world.sh
. "$srcdir/tests/redis_world.sh"
trap 'redis_end_all; rm -rf "$tmp"' EXIT
secret=SoNobodyMayReadThis
nobody=127.0.0.1:9
export SNEK_CONFIG=$tmp/snek.conf HOME=$tmp AWS_REGION=eu-west-1
export AWS_MAX_ATTEMPTS=1 AWS_EC2_METADATA_DISABLED=true
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=$secret
export AWS_SESSION_TOKEN=$secret AWS_ENDPOINT_URL=http://$nobody
unset SNEK_CLUSTER SNEK_TOKEN SNEK_TOKEN_FILE AWS_PROFILE
./snek-deploy --local "$tmp/data" >/dev/null || exit 99
printf 'PK\3\4 a zip' >"$tmp/zip"

silent () {			# COMMAND...: which says nothing of it
	"$@" </dev/null >"$tmp/out" 2>&1
	grep -q "$secret" "$tmp/out" || return 0
	echo "FAIL: $*"
	cat "$tmp/out"
	exit 1
}

# ---- servers ----
./snek ls --cluster "redis://u:$secret@$nobody" >"$tmp/refused" 2>&1 &
waits=$!			# a server that refuses is waited for
for url in "rediss://:$secret@$nobody/x" "redis://:$secret@127.0.0.1:port" \
    "redis://:$secret@[::1" "redis://:$secret%zz@$nobody" \
    "http://:$secret@$nobody" "redis://:$secret@$nobody?prefix=a:b" \
    "redis://:$secret" "redis://u:a/$secret@$nobody" \
    "https://$nobody/?token=$secret" "http://u:$secret@$nobody"; do
	silent ./snek ls --json --cluster "$url"
	silent ./snek-deploy --redis "$url,$url" --name x
done
silent ./snek-deploy --redis redis://$nobody --meta "redis://:$secret"
silent ./snek query --cluster "$tmp/data" --into "redis://:$secret@x" c count
silent ./snek-deploy --redis ":$secret@$nobody"

# ---- a gateway, and functions ----
SNEK_TOKEN=$secret silent ./snek ls --cluster http://$nobody
SNEK_TOKEN="$secret
" silent ./snek ls --cluster http://$nobody
silent ./snek-add-function --url "https://u:$secret@example.org/f" f \
    --cluster "$tmp/data"

# ---- AWS ----
for url in "http://u:$secret@$nobody" "http://$nobody/?x=$secret" \
    "ftp://u:$secret@$nobody" ""; do
	AWS_ENDPOINT_URL=${url:-http://$nobody} silent ./snek-deploy --aws \
	    --code "$tmp/zip" --dry-run
	test -z "$url" || silent ./snek-deploy --local "$tmp/data" \
	    --lambda-region eu-west-1 --lambda-endpoint "$url"
done
silent ./snek doctor --aws --stack one --json
silent ./snek logs --stack one
https_proxy=http://u:$secret@$nobody AWS_ENDPOINT_URL='' \
    silent ./snek-deploy --aws --status
for auth in iam token; do
	silent ./snek-deploy --aws --auth $auth --bastion --print-template
	grep -q '"Resources"' "$tmp/out" || { cat "$tmp/out"; exit 1; }
done

wait $waits
grep -q "$nobody" "$tmp/refused" || { cat "$tmp/refused"; exit 1; }
silent cat "$tmp/refused"

# ---- at work: the arguments of all that runs ----
redis_have || { echo "SKIP: no redis-server"; exit 77; }
start_redis store requirepass $secret save '' || exit 99
port=${redis_store##*:}
export SNEK_CLUSTER=redis://:$secret@127.0.0.1:${port%%/*}
export SNEK_WORKER=$top/snek-worker SNEK_PLUGIN_PATH=$top/plugins/.libs
silent ./snek-deploy --redis "$SNEK_CLUSTER" --name there
grep -q 'new cluster' "$tmp/out" || { cat "$tmp/out"; exit 1; }
seq 60 | sed 's/.*/{"n":&,"text":"a & b"}/' | ./snek write c >"$tmp/out" 2>&1
./snek query c ./tests/plugins/.libs/drowse.so --on processes \
    >"$tmp/got" 2>"$tmp/err" &
job=$!
while kill -0 $job 2>/dev/null; do
	for p in $job $(cat /proc/$job/task/*/children 2>/dev/null); do
		tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" >>"$tmp/args"
	done
done 2>/dev/null
wait $job || { cat "$tmp/err"; exit 1; }
grep -q snek-worker "$tmp/args" || { echo "FAIL: no worker was seen"; exit 1; }
silent cat "$tmp/args" "$tmp/err"
