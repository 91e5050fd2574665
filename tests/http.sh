#!/bin/bash
# SPDX-License-Identifier: MIT
# Functions that are URLs: registered, and mapped over a category by calls over
# HTTP, of a cluster in a directory and of one on servers.
set -u
srcdir=${srcdir:-.}
PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null || { echo "SKIP: no python3"; exit 77; }
top=$(pwd)
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_WORKER=$top/snek-worker
test -e "${SNEK_AWS:-}" || { echo "SKIP: built without libcurl"; exit 77; }
tmp=$(mktemp -d) || exit 99
server=
finish () {
	redis_end_all 2>/dev/null
	exec 9>&-               # which the servers had, too
	test -z "$server" || wait "$server"
	rm -rf "$tmp"
}
trap finish EXIT
export XDG_CONFIG_HOME=$tmp/config XDG_DATA_HOME=$tmp/data
. "$srcdir/tests/redis_world.sh"
bad=0

snek () { "$top/snek" "$@"; }
complain () { echo "FAIL: $*"; head -n 5 "$tmp/err" 2>/dev/null; bad=1; }

# ---- the functions, and texts to map over ----

mkfifo "$tmp/stdin"
"$PYTHON" "$srcdir/tests/http_functions.py" <"$tmp/stdin" >"$tmp/port" 2>"$tmp/log" &
server=$!
exec 9>"$tmp/stdin"
for _ in $(seq 200); do
	port=$(cat "$tmp/port")
	test -z "$port" || break
	sleep 0.05
done
test -n "$port" || { cat "$tmp/log"; exit 99; }
url=http://127.0.0.1:$port

"$PYTHON" - >"$tmp/texts" <<'END' || exit 99
import json
for i in range(2000):
    print(json.dumps("text %d: %s" % (i, "δέλτα Größe 星 \\ \" x" * (i % 7)), ensure_ascii=False))
END

add () { "$top/snek-add-function" "$@" -q || complain "snek-add-function $*"; }
http () { snek query texts "$@" --on http -o jsonl; }

# expect EXIT WORDS COMMAND...
expect () {
	local code=$1 words=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err"
	rc=$?
	test $rc = "$code" || complain "$*: exit $rc, not $code"
	grep -q -- "$words" "$tmp/err" || complain "$*: does not say: $words"
}

same () {			# NAME FILE FILE
	cmp -s "$2" "$3" || complain "$1: other bytes"
	test -s "$2" || complain "$1: nothing"
}

all_of () {			# CLUSTER: what holds of every one
	export SNEK_CLUSTER=$1
	snek write texts "$tmp/texts" --chunk-size 64K -q || complain "write"
	add --url "$url/echo" echo
	add --url "$url/reverse" back
	add --url "$url/longest" longest
	add --url "$url/moody" moody
	add "$top/examples/.libs/reverse.so"

	http echo >"$tmp/out" 2>"$tmp/err" || complain "echo: exit $?"
	same echo "$tmp/texts" "$tmp/out"
	http back >"$tmp/out" 2>"$tmp/err" || complain "back: exit $?"
	snek query texts reverse --on threads -o jsonl >"$tmp/want"
	same back "$tmp/want" "$tmp/out"

	# with no --on it runs where it can
	snek query texts back -o jsonl >"$tmp/out" 2>"$tmp/err" || complain "exit $?"
	same "back by itself" "$tmp/want" "$tmp/out"

	# any batch, and any number at once
	http back --batch 17 --workers 3 >"$tmp/out" 2>"$tmp/err" || complain "exit $?"
	same "back by few" "$tmp/want" "$tmp/out"

	# what fails now and then is tried again, what waits is no failure
	http moody --attempts 20 --batch 250 --workers 4 --json \
	    >"$tmp/out" 2>"$tmp/err" || complain "moody: exit $?"
	same moody "$tmp/texts" "$tmp/out"
	grep -q '"throttled":[1-9]' "$tmp/err" || complain "nothing was throttled"
	grep -q '"retries":[1-9]' "$tmp/err" || complain "nothing was tried again"
	grep -q '"calls":[1-9][0-9]' "$tmp/err" || complain "calls are not counted"

	# reduced here
	http echo --reduce count >"$tmp/out" 2>"$tmp/err" || complain "count: exit $?"
	echo '{"key":null,"value":2000}' >"$tmp/want"
	same count "$tmp/want" "$tmp/out"

	# a list of another length
	http longest --workers 2 >"$tmp/out" 2>"$tmp/err" || complain "longest: exit $?"
	test "$(wc -l <"$tmp/out")" -lt 2000 || complain "longest: all"
	sort -u "$tmp/texts" >"$tmp/sorted"
	sort -u "$tmp/out" | comm -23 - "$tmp/sorted" | grep -q . &&
	    complain "longest: what was not there"
}

"$top/snek-deploy" --local "$tmp/cluster" --shards 3 -q || exit 99
all_of "$tmp/cluster"

# ---- what is refused ----

expect 2 'is a URL: it runs --on http' snek query texts back --on processes
expect 2 'is a URL: it runs --on http' snek query texts back --on threads
expect 2 'is a URL: it runs --on http' snek query texts back --on lambda
expect 2 'is no URL' snek query texts reverse --on http
expect 2 'is no URL' snek query texts grep match=x --on http
expect 2 'no argument' snek query texts back x=1
expect 2 'no Lambda; give it one' snek query texts reverse --on lambda
expect 2 'register it' snek query texts --call libc.so.6:strlen --sig 'L(s)' --on lambda
add --url "$url/closed" closed
expect 6 '403.*does not allow' snek query texts closed
add --url "$url/elsewhere" elsewhere
expect 2 '302.*not followed' snek query texts elsewhere
add --url "$url/nothing" nothing
expect 3 '404.*no such endpoint' snek query texts nothing
add --url http://127.0.0.1:1/ nobody
expect 5 'nobody' snek query texts nobody --attempts 2
expect 8 'timed out' snek query texts nobody --attempts 100 --timeout 0.3

# ---- and of a cluster on servers ----

if redis_have && command -v redis-cli >/dev/null; then
	start_redis one && start_redis two || exit 99
	"$top/snek-deploy" --redis "$redis_one,$redis_two" --name remote -q || exit 99
	all_of remote
else
	echo "NOTE: no redis-server here; clusters in a directory only"
fi
exit $bad
