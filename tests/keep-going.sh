#!/bin/bash
# SPDX-License-Identifier: MIT
# What --keep-going prints, lists and exits with, over both executors: the
# list is held against the records that were written.
set -u
PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null || { echo "SKIP: no python3"; exit 77; }
top=$(pwd)
check=$(cd "${srcdir:-.}" && pwd)/tests/keep-going.py
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_WORKER=$top/snek-worker
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export TMPDIR=$tmp SNEK_CLUSTER=$tmp/c LC_ALL=C
fate=$top/tests/plugins/.libs/fate.so job=$top/tests/plugins/.libs/job.so
failed=0

snek () { "$top/snek" "$@"; }

is () {                 # is NAME WANT GOT
	test "$2" = "$3" && return
	failed=1
	printf 'FAIL: %s (%s)\n  want [%s]\n  got  [%s]\n' "$1" "$on" "$2" "$3"
	head -n 5 "$tmp/err" | cut -c 1-400
}

query () {              # query WANT-EXIT ARGUMENT...: out and err remain
	local want=$1
	shift
	snek query c "$@" --on "$on" --keep-going >"$tmp/out" 2>"$tmp/err"
	is "exit of $*" "$want" $?
}

# exact NAME WANT WRITE...: the list of the last query, with --json, is exact
exact () {
	local name=$1 want=$2
	shift 2
	is "$name" "$want" "$("$PYTHON" "$check" "$tmp/err" "$@" <"$tmp/out" 2>&1)"
}

numbers () {            # numbers FIRST COUNT
	awk -v a="$1" -v n="$2" 'BEGIN { for (i = a; i < a + n; i++)
	    printf "{\"n\":%d,\"text\":\"%0100d\"}\n", i, i * 7919 }'
}

new_cluster () {        # new_cluster LEVEL FILE...: a write each
	rm -rf "$tmp/c"
	"$top/snek-deploy" --local "$tmp/c" --shards 4 --level "$1" -q || exit 99
	shift
	for f; do
		snek write c "$f" --chunk-size 64K -q || exit 99
	done
}

segments () { find "$tmp/c/shards" -name '*.seg' | sort; }
# overwrite FILE: its chunks, but not its head nor its index
overwrite () {
	local n
	n=$(wc -c <"$1")
	head -c $((n - 2000)) /dev/zero | tr '\0' x |
	    dd of="$1" seek=64 oflag=seek_bytes conv=notrunc 2>/dev/null
}

numbers 0 20000 >"$tmp/w1"
numbers 20000 3000 >"$tmp/w2"
numbers 23000 3000 >"$tmp/w3"

ops () {
	new_cluster 4 "$tmp/w1"
	query 4 "$fate" how=fail at=7000 --json --workers 2
	exact "an op's error" "plugin 2910 0" "$tmp/w1"
	grep -q '"code":"plugin","reason":"[^"]*record 7001: this is the one"' "$tmp/err" ||
	    is "its reason" "this is the one" "something else"
	query 4 "$fate" how=fail at=7000 -q --workers 2
	is "a line for each shard and reason, and the sum" 2 "$(wc -l <"$tmp/err")"
	grep -q "^snek: missing: shard [0-3], records [0-9]* to [0-9]*, .* of write 1: fate failed at shard" "$tmp/err" ||
	    is "the words" "missing: shard" "$(cat "$tmp/err")"
	is "the sum" "snek: 2910 of 20000 records are missing; the results are those of the rest" \
	    "$(tail -n 1 "$tmp/err")"
	query 0 "$fate" --json
	exact "nothing is missing" " 0 0" "$tmp/w1"
	query 4 "$fate" how=fail at=7000 --reduce none --json --workers 2
	is "a list" 17090 "$(wc -l <"$tmp/out")"
}

# Bad records are left out first; where there are too many, tasks are missing.
skips () {
	query 0 "$fate" how=fail at=7000 --skip-bad 1 --json
	exact "one is skipped" " 0 0" "$tmp/w1"
	grep -q '"records_skipped":1,' "$tmp/err" || is "skipped" 1 0
	test "$on" = threads && return
	query 4 "$fate" how=many --skip-bad 100 --json --workers 2
	"$PYTHON" "$check" "$tmp/err" "$tmp/w1" <"$tmp/out" | grep -q "^plugin [1-9]" ||
	    is "too many are missing" "plugin" "$(cat "$tmp/err")"
}

crashes () {
	test "$on" = threads && return
	query 4 "$fate" how=segv at=7000 --json --workers 2
	exact "a crash" "plugin 2910 0" "$tmp/w1"
	query 4 "$fate" how=kill at=7000 --json --workers 2 --trust
	exact "a task that is killed each time" "temporary 2910 0" "$tmp/w1"
	grep -q '"reason":"attempt 4: ' "$tmp/err" || is "its reason" "attempt 4" ""
	query 4 "$fate" how=spin at=7000 --json --workers 2 --worker-cpu 0.2
	exact "a limit" "plugin 2910 0" "$tmp/w1"
}

# What fails the job with or without.
fails () {
	query 8 "$job:spin" --timeout 0.3 --workers 2
	query 3 nosuch
	query 3 "$tmp/nosuch.so"
	query 2 "$fate" nosuch=1
	is "no result" "" "$(cat "$tmp/out")"
	query 7 "$top/tests/plugins/.libs/moods.so:fail"
	is "no result" "" "$(cat "$tmp/out")"
	grep -q "^snek: fail failed at .*: in a bad mood" "$tmp/err" ||
	    is "all fail" "in a bad mood" "$(cat "$tmp/err")"
}

damage () {
	new_cluster 4 "$tmp/w1" "$tmp/w2"
	overwrite "$(segments | head -n 1)"
	query 4 "$fate" --json
	case $("$PYTHON" "$check" "$tmp/err" "$tmp/w1" "$tmp/w2" <"$tmp/out" 2>&1) in
	"corrupt "[1-9]*" 0") ;;
	*) is "a damaged chunk" corrupt "$(tail -n 1 "$tmp/err")" ;;
	esac
	new_cluster 4 "$tmp/w1" "$tmp/w2"
	rm "$(segments | head -n 1)"
	query 4 "$fate" --json
	exact "a missing segment" "corrupt $(records)" "$tmp/w1" "$tmp/w2"
	truncate -s -100 "$(segments | tail -n 1)"
	query 4 "$fate" --json
	exact "and a short one" "corrupt $(records)" "$tmp/w1" "$tmp/w2"
	rm $(segments)
	query 9 "$fate"
	is "all segments are missing" "" "$(cat "$tmp/out")"
	new_cluster 1 "$tmp/w1"
	rm $(segments)
	query 9 "$fate"
	new_cluster 4 "$tmp/w1"
	truncate -s 64 $(segments | head -n 2)
	query 4 "$fate" --json
	exact "two segments of a write" "corrupt $(records)" "$tmp/w1"
	grep -q '"shards":\[[0-3],[0-3]\]' "$tmp/err" || is "both are named" "" ""
}

# Of the summary: what the list must come to, all of it with places.
records () {
	echo "$(sed -n 's/.*"records_missing":\([0-9]*\),.*/\1/p' "$tmp/err") 0"
}

# Compacted segments mix writes, and know themselves where records stand.
folded () {
	rm -rf "$tmp/c"
	"$top/snek-deploy" --local "$tmp/c" --shards 2 --level 2 -q || exit 99
	split -l 300 -d -a 3 "$tmp/w2" "$tmp/part."
	for f in "$tmp"/part.???; do
		snek write c "$f" --chunk-size 64K -q || exit 99
	done
	segments >"$tmp/old"
	snek compact c -q || exit 99
	folded=$(segments | grep -vxFf "$tmp/old" | head -n 1)
	query 4 "$fate" how=fail at=20500 --json
	exact "records of many writes" "plugin $(records)" "$tmp"/part.???
	overwrite "$folded"
	query 4 "$fate" --json
	case $("$PYTHON" "$check" "$tmp/err" "$tmp"/part.??? <"$tmp/out" 2>&1) in
	"corrupt "*) ;;
	*) is "a damaged chunk of many writes" corrupt "$(tail -n 1 "$tmp/err")" ;;
	esac
	rm "$folded"
	query 4 "$fate" --json
	case $("$PYTHON" "$check" "$tmp/err" "$tmp"/part.??? <"$tmp/out" 2>&1) in
	"corrupt 0 "[1-9]*) ;;
	*) is "a missing segment of many writes" corrupt "$(tail -n 1 "$tmp/err")" ;;
	esac
	query 4 "$fate"
	grep -q "^snek: missing: shard [01], [0-9]* of the records 1 and on of write 1 to 1[0-9]*: " "$tmp/err" ||
	    is "its words" "of the records" "$(cat "$tmp/err")"
}

partitions () {
	new_cluster 4 "$tmp/w1"
	query 4 "$fate" --reduce "$job:picky" --partitions 3 --json
	grep -q '"records_missing":0,.*"missing":\[{"records":0,"partition":[123],"partitions":3,"code":"plugin","reason":"[^"]*this key will not do"}\]' "$tmp/err" ||
	    is "a partition" "this key will not do" "$(cat "$tmp/err")"
	cp "$tmp/out" "$tmp/some"
	snek query c "$fate" --on "$on" >"$tmp/all"
	is "what is there is right" "" "$(comm -23 "$tmp/some" "$tmp/all")"
	test "$(wc -l <"$tmp/some")" -lt 7 && test -s "$tmp/some" ||
	    is "some is there" some "$(cat "$tmp/some")"
	query 4 "$fate" --reduce "$job:picky" --partitions 3
	grep -q "^snek: missing: all keys of partition [123] of 3: reduce of picky failed at key 3: " "$tmp/err" ||
	    is "its words" "all keys of" "$(cat "$tmp/err")"
	query 7 "$fate" --reduce "$job:picky" --partitions 1
	is "the only partition" "" "$(cat "$tmp/out")"
}

files () {
	snek run "$fate" how=fail at=5 --input "$tmp/w1" --keep-going --on "$on" \
	    --workers 2 >"$tmp/out" 2>"$tmp/err"
	is "exit of run" 4 $?
	grep -q "^snek: missing: the input, records 1 to [0-9]*: fate failed at the input" "$tmp/err" ||
	    is "the words of run" "the input, records" "$(cat "$tmp/err")"
}

for on in threads processes; do
	ops
	skips
	crashes
	fails
	damage
	folded
	partitions
	files
done
exit $failed
