#!/bin/bash
# SPDX-License-Identifier: MIT
# Jobs with many times more than their memory holds (ten, where it is all the
# same to time): the same bytes as with plenty, the bound held, as far as it can
# be measured, and nothing left behind, whatever happens.
set -u
top=$(pwd)
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_WORKER=$top/snek-worker
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/t" || exit 99
export TMPDIR=$tmp/t LC_ALL=C
fill=$top/tests/plugins/.libs/fill.so
failed=0
# The sanitizers' own memory is beyond any bound; and they take their time.
if test -n "${SANITIZE:-}"; then bound=0 tenth=10; else bound=1024 tenth=1; fi
memory=16

complain () { failed=1; echo "FAIL: $*"; tail -n 3 "$tmp/err" | cut -c 1-300; }

awk 'BEGIN { for (i = 0; i < 2000; i++) printf "{\"i\":%d,\"pad\":\"%01000d\"}\n", i, i }' \
    >"$tmp/in"

run () { "$top/snek" run -q -i "$tmp/in" "$@"; }
sum () { cksum | cut -d ' ' -f 1,2; }

# same NAME ARGUMENT..., with $memory MiB
same () {
	local name=$1 want got on
	shift
	want=$(run "$@" --on threads --memory 2G 2>"$tmp/err" | sum)
	test "$want" = "$(printf '' | sum)" && complain "$name: no result"
	for on in processes threads; do
		got=$("$top/tests/bounded" $((bound * memory)) "$top/snek" \
		    run -q -i "$tmp/in" "$@" --on $on --memory ${memory}M \
		    --workers 2 \
		    2>"$tmp/err" | sum; exit ${PIPESTATUS[0]}) ||
			complain "$name on $on: exit $?"
		test "$got" = "$want" || complain "$name on $on: other bytes"
		test "$(ls -A "$tmp/t")" && complain "$name on $on: files are left"
		echo "$name on $on: $(grep peak "$tmp/err")"
	done
}

pairs=$((300 / tenth))
same 'keys to be counted' "$fill:count" pairs=$((800 / tenth)) keys=2000000
memory=48
same 'keys for which no table is tried for long' "$fill:count" \
    pairs=$((400 / tenth)) keys=2000000
memory=16
same 'a list, by keys that come in any order' "$fill:pairs" pairs=$pairs bytes=200
same 'a list, as it comes' "$fill:values" pairs=$((40 / tenth)) bytes=2000
pairs=$((150 / tenth))
same 'lists of values' "$fill:pairs" pairs=$pairs bytes=200 keys=100000 --reduce list
same 'large values, the largest of them' "$fill:pairs" pairs=1 bytes=$((100000 / tenth)) \
    keys=10 --reduce top=2
same 'the own combine and reduce of an op' "$fill:largest" pairs=$pairs bytes=200
same 'the largest values first, many of them' "$fill:pairs" pairs=$pairs \
    bytes=100 --order -value --limit 300000

# ---- from a store ----
"$top/snek-deploy" --local "$tmp/c" -q && export SNEK_CLUSTER=$tmp/c &&
    "$top/snek" write c "$tmp/in" -q || complain 'write'
want=$(run "$fill:count" pairs=$pairs 2>"$tmp/err" | sum)
got=$("$top/tests/bounded" $((bound * memory)) "$top/snek" query -q c "$fill:count" \
    pairs=$pairs --memory 16M --tmp "$tmp/t" 2>"$tmp/err" | sum)
test "$got" = "$want" || complain 'a query: other bytes'

# ---- too much of it ----
for on in processes threads; do
	run "$fill:values" pairs=1 bytes=2000000 --on $on --memory 16M \
	    >"$tmp/out" 2>"$tmp/err"
	test $? = 8 -a ! -s "$tmp/out" &&
	    grep -q 'record [0-9]*: .*a pair of 2000000 bytes.*--memory' "$tmp/err" ||
		complain "a pair that is too large on $on"
	run "$fill:pairs" pairs=50 bytes=100 keys=1 --reduce list --on $on \
	    --memory 16M >"$tmp/out" 2>"$tmp/err"
	test $? = 8 -a ! -s "$tmp/out" &&
	    grep -q 'key "key 0*": .*--memory' "$tmp/err" ||
		complain "a list that is too large on $on"
done
{ echo '{"a":1,"b":1}'; printf '{"b":1,"a":"'; head -c 70000000 /dev/zero | tr '\0' x
    echo '"}'; } >"$tmp/large"
"$top/snek" run -q select fields=b --reduce count -i "$tmp/large" >"$tmp/out" 2>"$tmp/err"
test $? = 8 && grep -q 'large:2:1: .*67108864 bytes; --max-record allows more' "$tmp/err" ||
	complain 'a record that is too large'
"$top/snek" run -q select fields=b --reduce count -i "$tmp/large" --memory 16M >"$tmp/out" 2>"$tmp/err"
test $? = 8 && grep -q 'large:2:1: .*2097152 bytes' "$tmp/err" ||
	complain 'a record that is too large for the memory'
"$top/snek" run -q select fields=b --reduce count -i "$tmp/large" --memory 16M --max-record 100M \
    >"$tmp/out" 2>"$tmp/err"
test $? = 2 && grep -q '838860800 bytes of memory' "$tmp/err" ||
	complain 'records that the memory is not enough for'
if test -z "${SANITIZE:-}"; then
	got=$("$top/snek" run -q select fields=b --reduce count -i "$tmp/large" --memory 1G \
	    --max-record 100M 2>"$tmp/err")
	test "$got" = '{"key":null,"value":2}' ||
		complain 'a large record that is allowed'
fi
rm "$tmp/large"

# ---- no room for files ----
# In a namespace of its own, where a small disk may be mounted.
cat >"$tmp/full.sh" <<'END'
mount -t tmpfs -o size=4m snek "$1" || exit 77
dir=$1
shift
"$@"
rc=$?
test "$(df --output=used "$dir" | tail -n 1)" -eq 0 || { echo left >&2; rc=98; }
exit $rc
END
for on in processes threads; do
	unshare -rm sh "$tmp/full.sh" "$tmp/t" "$top/snek" run -q \
	    -i "$tmp/in" "$fill:pairs" pairs=$pairs bytes=200 --on $on \
	    --memory 16M --attempts 1 >"$tmp/out" 2>"$tmp/err"
	rc=$?
	if test $rc = 77 || grep -q '^unshare:' "$tmp/err"; then
		echo "SKIP: no disk of our own may be mounted here, so a full" \
		    "one is not tested"
		break
	fi
	test $rc = 1 && grep -q "temporary file in $tmp/t: disk full.*--tmp" "$tmp/err" ||
		complain "a full disk on $on: exit $rc"
done

# ---- killed ----
for on in processes threads; do
	"$top/tests/bounded" -k "$tmp/t" 0 "$top/snek" run -q -i "$tmp/in" \
	    "$fill:pairs" pairs=$pairs bytes=200 --on $on --memory 16M \
	    >"$tmp/out" 2>"$tmp/err" || complain "killed on $on"
done
exit $failed
