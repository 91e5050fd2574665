#!/bin/bash
# SPDX-License-Identifier: MIT
# End to end, through the commands: e2e.sh STORE EXECUTOR.  Every store and
# every executor passes the same suite; the tests call it once a pair.
set -u
store=${1:-embedded}
executor=${2:-threads}
srcdir=${srcdir:-.}
PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null || { echo "SKIP: no python3"; exit 77; }
top=$(pwd)
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_WORKER=$top/snek-worker
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
export XDG_CONFIG_HOME=$tmp/config      # profiles of clusters are made
unset SNEK_CONFIG
mkdir -p "$XDG_CONFIG_HOME"
levels='1 3' chunks='64K 4M' counts='1 2 5' reps='1 2' rounds='1 2 3'
target=
if test "$executor" = lambda; then
	. "$srcdir/tests/e2e_lambda.sh"
	levels=3 chunks=64K counts='1 5' reps=1 rounds=1
	target=$lambda_target
fi
if test "$store" = redis; then
	. "$srcdir/tests/e2e_redis.sh"
	trap 'redis_end_all 2>/dev/null; lambda_end_all 2>/dev/null; rm -rf "$tmp"' EXIT
	e2e_start
elif test "$executor" = lambda; then
	trap 'lambda_end_all; rm -rf "$tmp"' EXIT
fi

snek () { "$top/snek" "$@"; }
# shellcheck disable=SC2086
query () { snek query "$@" --on "$executor" -o jsonl ${e2e_lambda_more:-}; }

make_cluster () {       # make_cluster NAME SHARDS LEVEL
	case $store in
	embedded)
		# shellcheck disable=SC2086
		"$top/snek-deploy" --local "$tmp/$1" --shards "$2" --level "$3" \
		    ${target:+--name "$1" $target} >/dev/null || exit 99
		export SNEK_CLUSTER=$tmp/$1 ;;
	redis) e2e_new_cluster "$1" "$2" "$3" ;;
	*) echo "unknown store $store"; exit 99 ;;
	esac
}

new_cluster () {        # new_cluster NAME SHARDS LEVEL
	if test "$executor" = lambda && test "$2" = 4 && test "$3" -ge 3; then
		e2e_lambda_cluster
	else
		make_cluster "$@"
	fi
}

drop_cluster () {
	test "$executor" = lambda && return
	case $store in
	redis) e2e_drop_cluster ;;
	*) rm -rf "$SNEK_CLUSTER" ;;
	esac
}

ok () {                 # ok NAME COMMAND...: the command must succeed
	local name=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL: $name"
		head -n 12 "$tmp/out" | cut -c 1-300
	fi
}

# ---- data ----

packages=$tmp/packages.jsonl
if command -v apt-cache >/dev/null; then
	apt-cache dumpavail 2>/dev/null |
	    LC_ALL=C awk -f "$srcdir/examples/packages.awk" >"$packages"
fi
if test "$(wc -l <"$packages" 2>/dev/null || echo 0)" -lt 1000; then
	echo "NOTE: no package index here; counting over examples/data"
	cp "$srcdir/examples/data/packages.jsonl" "$packages"
fi
for part in 1 2 3 4; do
	"$PYTHON" "$srcdir/tests/corpus.py" 900 $part >"$tmp/corpus.$part" &&
	test "$(wc -l <"$tmp/corpus.$part")" = 900 ||
	    { echo "no corpus: is the Python here whole?"; exit 99; }
done

# ---- an independent count agrees ----

counts_agree () {
	new_cluster count 4 4
	snek write packages "$packages" -q || return 1
	query packages wordcount field=description >"$tmp/words" || return 1
	"$PYTHON" "$srcdir/tests/count.py" words "$packages" | cmp - "$tmp/words" || return 1
	query packages group by=section sum=installed_size >"$tmp/sections" || return 1
	"$PYTHON" "$srcdir/tests/count.py" sections "$packages" | cmp - "$tmp/sections" || return 1
	query packages grep field=description match=scientific >"$tmp/matches" || return 1
	"$PYTHON" "$srcdir/tests/count.py" grep "$packages" | cmp - "$tmp/matches" || return 1
	test -s "$tmp/words" && test -s "$tmp/matches" || return 1
	snek export packages | cmp - "$packages"
}
ok "words, sections and matches agree with a count in Python" counts_agree

# ---- the prototype's faults ----

each_datum_once () {
	new_cluster once 5 3
	snek write c "$tmp/corpus.1" -q || return 1
	test "$(snek export c | wc -l)" = 900 || return 1
	snek find c --json | "$PYTHON" -c '
import json, sys
shards = json.load(sys.stdin)["shards"]
assert len(shards) == 3, shards
assert sum(s["records"] for s in shards) == 900, shards'
}
ok "each datum is on exactly one shard" each_datum_once

placement_goes_round () {
	new_cluster round 4 2
	for i in 0 1 2 3 4 5 6 7; do
		echo 1 | snek write "c$i" -q || return 1
	done
	for i in 0 1 2 3 4 5 6 7; do
		snek find "c$i" --json
	done | "$PYTHON" -c '
import json, sys
first = [json.loads(l)["shards"][0]["shard"] for l in sys.stdin]
assert first == [0, 1, 2, 3, 0, 1, 2, 3], first'
}
ok "placement goes round over all shards" placement_goes_round

first_writers_agree () {
	new_cluster race 4 2
	for i in 1 2 3 4 5 6 7 8; do
		snek write race "$tmp/corpus.1" -q & pids[i]=$!
	done
	for i in 1 2 3 4 5 6 7 8; do wait "${pids[i]}" || return 1; done
	snek find race --json | "$PYTHON" -c '
import json, sys
c = json.load(sys.stdin)
assert len(c["shards"]) == 2 and c["records"] == 7200 and c["version"] == 8, c
assert sum(s["records"] for s in c["shards"]) == 7200, c'
}
ok "first writers agree on one placement" first_writers_agree

retry_does_not_double () {
	new_cluster retry 4 4
	for i in 1 2 3; do
		snek write c "$tmp/corpus.1" --request-id again -q || return 1
	done
	test "$(snek export c | wc -l)" = 900 || return 1
	snek write c "$tmp/corpus.2" --request-id again -q
	test $? = 1 && test "$(snek export c | wc -l)" = 900
}
ok "a retried write does not double" retry_does_not_double

mappers_meet () {
	new_cluster meet 4 4
	for i in 1 2 3 4; do
		snek write c "$tmp/corpus.$i" -q || return 1
	done
	mkdir "$tmp/room"
	query c "$top/tests/plugins/.libs/meet.so" dir="$tmp/room" --workers 2 --trust >"$tmp/met"
	grep -q '"value"' "$tmp/met"
}
# In Lambdas they share no file system; test_exec_lambda sees them meet.
test "$executor" = lambda || ok "mappers run at the same time" mappers_meet

# ---- the same bytes ----

# One line a question; all of them over a category.
ask () {                # ask CATEGORY WORKERS PARTITIONS: all questions
	query "$1" wordcount field=text --workers "$2" --partitions "$3" &&
	query "$1" wordcount field=text split=space fold=no --workers "$2" --partitions "$3" &&
	query "$1" group by=group sum=x,n mean=n,x min=mixed max=mixed --workers "$2" --partitions "$3" &&
	query "$1" group by=group,nested.deep.er[1].z --workers "$2" --partitions "$3" &&
	query "$1" wordcount field=text --reduce top=3 --workers "$2" --partitions "$3" &&
	query "$1" wordcount field=text --reduce list --workers "$2" --partitions "$3" &&
	query "$1" wordcount field=text --reduce none --workers "$2" --partitions "$3" &&
	query "$1" wordcount field=text --reduce mean --order -value --limit 20 --workers "$2" &&
	query "$1" grep field=text match=alpha --workers "$2" &&
	query "$1" grep field=text match=alpha not=yes --workers "$2" &&
	query "$1" select fields=mixed,id,nested.deep --workers "$2"
}

same_bytes () {         # same_bytes PREFIX SHARDS FILE...
	local want='' sum k chunk workers rep partitions
	local prefix=$1
	shift
	for k in $levels; do for chunk in $chunks; do
		new_cluster "$prefix-$k-$chunk" 4 $k
		for f; do snek write c "$f" --chunk-size $chunk -q || return 1; done
		test "$executor" != lambda || want=$(executor=threads; ask c 1 1 | cksum)
		for workers in $counts; do for rep in $reps; do
			partitions=$((workers * rep))
			sum=$(ask c $workers $partitions 2>"$tmp/err" | cksum; exit "${PIPESTATUS[0]}") ||
			    { head -n 3 "$tmp/err"; return 1; }
			test -n "$want" || want=$sum
			test "$sum" = "$want" ||
			    { echo "k=$k chunk=$chunk workers=$workers: other bytes"; return 1; }
		done; done
	done; done
}
ok "same bytes over an adversarial corpus" \
    same_bytes adv "$tmp/corpus.1" "$tmp/corpus.2" "$tmp/corpus.3" "$tmp/corpus.4"

ask_packages () {
	query c wordcount field=description --workers "$1" &&
	query c group by=section,priority sum=installed_size mean=size --workers "$1" &&
	query c grep field=description match=scientific --workers "$1"
}
same_over_packages () {
	local want='' sum k chunk workers
	for k in $levels; do for chunk in $chunks; do
		new_cluster "pkg-$k-$chunk" 4 $k
		snek write c "$packages" --chunk-size $chunk -q || return 1
		test "$executor" != lambda || want=$(executor=threads; ask_packages 1 | cksum)
		for workers in $counts; do for rep in $reps; do
			sum=$(ask_packages $workers | cksum; exit "${PIPESTATUS[0]}") || return 1
			test -n "$want" || want=$sum
			test "$sum" = "$want" ||
			    { echo "k=$k chunk=$chunk workers=$workers: other bytes"; return 1; }
		done; done
		drop_cluster || return 1
	done; done
}
ok "same bytes over the package index" same_over_packages

# Writers that overlap commit in any order; what does not depend on the order
# of writes is the same, and nothing is lost.
same_after_concurrent_writers () {
	local want='' sum round i
	for round in $rounds; do
		new_cluster "conc-$round" 4 3
		for i in 1 2 3 4; do
			snek write c "$tmp/corpus.$i" -q --chunk-size 64K & pids[i]=$!
		done
		for i in 1 2 3 4; do wait "${pids[i]}" || return 1; done
		sum=$( (query c wordcount field=text &&
		    query c group by=group sum=x,n mean=x min=mixed max=mixed &&
		    snek export c | LC_ALL=C sort) | cksum)
		test -n "$want" || want=$sum
		test "$sum" = "$want" || { echo "round $round: other bytes"; return 1; }
	done
}
ok "same answers after concurrent writers" same_after_concurrent_writers

unchanged_by_compaction () {
	new_cluster compact 4 3
	local i before after
	split -l 30 "$tmp/corpus.1" "$tmp/small."
	for i in "$tmp"/small.*; do snek write c "$i" -q || return 1; done
	before=$(ask c 2 1 | cksum; snek export c | cksum)
	snek compact c -q && snek gc --grace 1 -q || return 1
	after=$(ask c 2 1 | cksum; snek export c | cksum)
	test "$before" = "$after"
}
ok "compaction changes no answer" unchanged_by_compaction

without_a_store () {
	new_cluster nostore 4 4
	cat "$tmp/corpus.1" "$tmp/corpus.2" >"$tmp/both"
	snek write c "$tmp/both" -q || return 1
	query c wordcount field=text >"$tmp/a" &&
	snek run wordcount field=text -o jsonl <"$tmp/both" >"$tmp/b" &&
	cmp "$tmp/a" "$tmp/b"
}
ok "a pipe without a store gives the same" without_a_store

# ---- versions of functions ----

readding_makes_a_version () {
	new_cluster fn 4 4
	echo '"abc"' | snek write c -q || return 1
	"$top/snek-add-function" "$top/examples/.libs/reverse.so" >/dev/null || return 1
	test "$(query c reverse)" = '"cba"' || return 1
	"$top/snek-add-function" "$top/examples/.libs/reverse.so" 2>&1 | grep -qi 'unchanged' || return 1
	snek rm-function reverse --yes || return 1
	query c reverse 2>"$tmp/err"
	test $? = 3
}
ok "functions are added, kept and removed" readding_makes_a_version

shipped_is_not_shadowed_unasked () {
	new_cluster shadow 4 4
	"$top/snek-add-function" "$top/plugins/.libs/wordcount.so" >/dev/null 2>&1 && return 1
	"$top/snek-add-function" "$top/plugins/.libs/wordcount.so" --replace >/dev/null
}
test "$executor" = lambda ||
    ok "a shipped function is replaced only when asked" shipped_is_not_shadowed_unasked

# ---- what goes wrong in the cloud ----

ask_two () {            # ask_two CATEGORY WORKERS PARTITIONS
	query "$1" wordcount field=text --workers "$2" --partitions "$3" &&
	query "$1" group by=group sum=x,n mean=n,x min=mixed --workers "$2" --partitions "$3" &&
	query "$1" wordcount field=text --reduce list --workers "$2" --partitions "$3" &&
	query "$1" wordcount field=text --reduce none --workers "$2" --partitions "$3"
}

# Invocations that fail, that are not let in, that run twice, whose answer is
# lost or late, whose environment is killed: the same bytes.  In sixteen shards,
# for as many invocations a query.
faults_change_nothing () {
	# shellcheck disable=SC2086
	stop_lambda && start_lambda $e2e_lambda_faults || return 1
	make_cluster faulty 16 16
	e2e_lambda_add wordcount group
	local i want sum
	for i in 1 2 3 4; do
		snek write c "$tmp/corpus.$i" -q --chunk-size 64K || return 1
	done
	want=$(executor=threads; ask_two c 1 1 | cksum)
	sum=$(e2e_lambda_more='--attempts 12 --json'; ask_two c 40 3 2>"$tmp/err" | cksum
	    exit "${PIPESTATUS[0]}") || { head -n 3 "$tmp/err"; return 1; }
	test "$sum" = "$want" || { echo "other bytes"; return 1; }
	grep -q '"throttled":[1-9]' "$tmp/err" && grep -q '"retries":[1-9]' "$tmp/err" ||
	    { echo "nothing went wrong"; return 1; }
}
if test "$executor" = lambda; then
	ok "the same bytes while invocations fail, wait, double, get lost and late" \
	    faults_change_nothing
	ok "the host of functions ends and leaves nothing" stop_lambda
fi

echo "e2e $store $executor: $passed passed, $failed failed"
test "$failed" = 0
