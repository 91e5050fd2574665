#!/bin/bash
# SPDX-License-Identifier: MIT
# Queries that chain: results into a category, and what that is over.
set -u
top=$(pwd)
src=$(cd "${srcdir:-.}" && pwd)
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_WORKER=$top/snek-worker
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export SNEK_CLUSTER=$tmp/c LC_ALL=C.UTF-8
bad=0
complain () { bad=1; echo "FAIL: $*"; cat "$tmp/out" "$tmp/err"; }
snek () { "$top/snek" "$@" >"$tmp/out" 2>"$tmp/err"; }
is () { test "$2" = "$3" || complain "$1: want [$2], got [$3]"; }

refused () {            # refused EXIT WORDS ARGUMENT...
	local want=$1 words=$2
	shift 2
	snek "$@"
	is "exit of $*" "$want" $?
	grep -q -- "$words" "$tmp/err" || complain "$*: $words"
}

"$top/snek-deploy" --local "$tmp/c" -q || exit 99
snek write packages "$src/examples/data/packages.jsonl" || complain "write"

# How many sections have how many packages.
snek query packages distinct fields=section --into sections ||
	complain "the first query"
grep -q '^sections: [0-9]* records, .*version 1, durable: ' "$tmp/err" ||
	complain "the receipt"
test -s "$tmp/out" && complain "results were printed, too"
snek query sections distinct fields=value --order -value || complain "the second"
want=$("$top/snek" query packages distinct fields=section -o tsv |
    cut -f 2 | sort | uniq -c | sort -k 1,1nr -k 2,2n |
    awk '{printf "{\"key\":%s,\"value\":%s}\n", $2, $1}')
is "a chain of two" "$want" "$(cat "$tmp/out")"

# A repeat of both writes nothing twice; of another result it is refused.
for i in 1 2; do
	snek query packages wordcount field=description --into words \
	    --request-id monday --json || complain "repeat $i"
	grep -q '"kind":"receipt".*"version":1,' "$tmp/out" || complain "receipt $i"
done
grep -q '"repeated":true' "$tmp/out" || complain "it is no repeat"
echo '{"description":"zebra"}' | "$top/snek" write packages -q
refused 1 'monday' query packages wordcount field=description --into words \
    --request-id monday
is "versions of words" 1 "$("$top/snek" find words --json | grep -o '"version":[0-9]*' | cut -d : -f 2)"

# All or nothing.
refused 1 "'package' is no number" query packages histogram field=package --into nothing
refused 3 nothing find nothing
refused 2 'into no/good' query packages wordcount --into no/good
refused 2 'request-id goes with' query packages wordcount --request-id x
refused 2 'keep-going' query packages wordcount --into w --keep-going
refused 2 'output is' query packages wordcount --into w -o tsv
refused 2 'replicated' query packages wordcount field=description --into w \
    --durability replicated=3

# Into itself: what is read is as it was before.
before=$("$top/snek" query packages distinct fields=section --reduce sum -o tsv |
    awk '{n += $2} END {print n}')
snek query packages select fields=section --into packages || complain "into itself"
is "records" $((2 * before)) "$("$top/snek" query packages distinct fields=section \
    -o tsv | awk '{n += $2} END {print n}')"
exit $bad
