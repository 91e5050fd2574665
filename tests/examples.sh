#!/bin/bash
# SPDX-License-Identifier: MIT
# The examples do what they say, on threads and in processes, and again over
# what they wrote.
set -u
top=$(pwd)
src=$(cd "${srcdir:-.}" && pwd)
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_WORKER=$top/snek-worker
export LC_ALL=C.UTF-8
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0
complain () { bad=1; echo "FAIL: $*"; }
so () { printf '%s/examples/.libs/%s.so' "$top" "$1"; }
same () {               # same WANT GOT WHAT
	cmp -s "$1" "$2" || { complain "$3"; diff "$1" "$2"; }
}
texts=$src/examples/data/texts.jsonl
packages=$src/examples/data/packages.jsonl

# All pairs: right on however many shards the texts lie.
cat >"$tmp/lcs" <<'END'
{"key":1,"value":[17,3]}
{"key":2,"value":[12,3]}
{"key":3,"value":[17,1]}
{"key":4,"value":[11,5]}
{"key":5,"value":[12,6]}
{"key":6,"value":[12,5]}
{"key":7,"value":[10,3]}
{"key":8,"value":[9,7]}
END
for k in 1 2 4; do
	export SNEK_CLUSTER=$tmp/k$k
	"$top/snek-deploy" --local "$tmp/k$k" --shards 4 --level $k -q &&
	    "$top/snek" write texts "$texts" -q || exit 99
	for on in threads processes; do
		"$top/snek" query texts "$(so lcs)" --side all=texts \
		    --on $on >"$tmp/got" || complain "lcs, level $k, $on"
		same "$tmp/lcs" "$tmp/got" "lcs, level $k, $on"
	done
done
unset SNEK_CLUSTER

# Its own combine and reduce; custom counters and the log.
cat >"$tmp/index" <<'END'
{"key":"a","value":[2,3,8]}
{"key":"and","value":[2]}
{"key":"bat","value":[3]}
{"key":"cat","value":[1,2]}
END
for on in threads processes; do
	"$top/snek" run "$(so index)" --on $on <"$texts" >"$tmp/all" ||
		complain "index, $on"
	head -n 4 "$tmp/all" >"$tmp/got"
	same "$tmp/index" "$tmp/got" "index, $on"
	"$top/snek" run "$(so audit)" -v --on $on <"$packages" \
	    >"$tmp/got" 2>"$tmp/log" || complain "audit, $on"
	grep -Eq 'huge[ :=]+11' "$tmp/log" || complain "no counter, $on"
	grep -Eq 'looked_at[ :=]+240' "$tmp/log" || complain "no sum, $on"
done
test $bad = 0 || cat "$tmp/log"

# Programs: the second time they find what they wrote.
cat >"$tmp/clusters" <<'END'
4 steps
27 cities around 33.71, 12.73
19 cities around 18.76, -83.84
7 cities around 29.48, 123.04
6 cities around 12.94, 94.52
5 cities around -33.59, 147.96
END
cat >"$tmp/chain" <<'END'
12 words occur 1 times
7 words occur 2 times
1 words occur 3 times
1 words occur 4 times
1 words occur 6 times
END
for _ in 1 2; do
	examples/clusters "$tmp/cities" "$(so kmeans)" \
	    "$src/examples/data/cities.jsonl" 5 >"$tmp/got" || complain clusters
	same "$tmp/clusters" "$tmp/got" clusters
	examples/chain "$tmp/words" "$texts" text >"$tmp/got" || complain chain
	same "$tmp/chain" "$tmp/got" chain
done
exit $bad
