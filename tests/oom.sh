#!/bin/bash
# SPDX-License-Identifier: MIT
# Each allocation of a command fails once: it ends well all the same, or with a
# line that says why, never in a crash, a wrong answer or half a write.
# simdjson's table of processors is made by its first use in a process, with
# five short strings in functions that are noexcept: those end the process.
# OOM_RUNS: how many allocations of a command are tried (0: all).
set -u
top=$PWD
fault=$top/tests/fault/.libs/failmalloc.so
test -e "$fault" || { echo "SKIP: no $fault"; exit 77; }
nm -D "$top/.libs/libsnek.so" | grep -Eq '__(asan|tsan|ubsan)_' &&
	{ echo "SKIP: sanitizers have their own malloc"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export SNEK_PLUGIN_PATH=$top/plugins/.libs LD_LIBRARY_PATH=$top/.libs
export HOME=$tmp LC_ALL=C.UTF-8 SNEK_CLUSTER=$tmp/c
unset XDG_DATA_HOME
bin=$top/.libs
runs=${OOM_RUNS-40}
cd "$tmp" || exit 99
failed=0 tried=0

complain () {
	echo "FAIL: $*"
	sed 's/^/    err: /' err | head -n 3
	failed=$((failed + 1))
}

# The command's own: what it printed is what it should.  Sets why.
same () {
	cmp -s want out || why='exit 0, and another answer'
}

# attempt N COMMAND...
attempt () {
	local n=$1 rc why=''
	shift
	tried=$((tried + 1))
	{ FAIL_AT=$n LD_PRELOAD=$fault "$@" >out 2>err </dev/null; } 2>/dev/null
	rc=$?
	if test $rc = 0; then
		$check
	elif test $rc = 134 && grep -q '^terminate called' err; then
		aborts=$((aborts + 1))
	elif test $rc -ge 126; then
		why="exit $rc"
	elif ! grep -q '^snek[a-z-]*: ..' err; then
		why="exit $rc without a word"
	fi
	test -z "$why" && $after $rc
	test -z "$why" || complain "$*, allocation $n: $why"
}

# sweep COMMAND...: check and after are names of functions.
sweep () {
	local n total step
	FAIL_COUNT=$tmp/count LD_PRELOAD=$fault "$@" >want 2>err </dev/null ||
		complain "$* fails by itself"
	total=$(cat count)
	test "$total" -gt 20 || complain "$*: only $total allocations were seen"
	step=1 aborts=0
	test "$runs" = 0 || step=$((total / runs + 1))
	$reset
	for ((n = 1; n <= total + 1; n += step)); do
		attempt $n "$@"
		$reset
	done
	test $aborts -le 5 || complain "$*: the C++ library gave up $aborts times"
}

nothing () { :; }

# ---- reading ----

printf '{"k":"a","t":"one two"}\n{"k":"b","t":"two [3]"}\n{"k":"a","t":"x"}\n' >in
"$bin/snek-deploy" --local c >err 2>&1 && "$bin/snek" write c in 2>err ||
	complain "no data"
check=same after=nothing reset=nothing
sweep "$bin/snek" query c wordcount field=t
sweep "$bin/snek" query c group by=k
sweep "$bin/snek" query c grep field=t match=two
sweep "$bin/snek" run wordcount field=t --input in
sweep "$bin/snek" export c

# ---- writing: all of it or nothing, and exit 0 only for all ----

wrote () {              # wrote CODE
	"$bin/snek" export w >now 2>/dev/null || : >now
	if cmp -s now in; then
		test "$1" = 0 || grep -q 'committed\|unknown' err ||
			why="exit $1, yet all was written"
	elif test -s now; then
		why='half a write'
	elif test "$1" = 0; then
		why='exit 0, and nothing was written'
	fi
}
forget () { "$bin/snek" rm w --yes >/dev/null 2>&1; }
check=nothing after=wrote reset=forget
sweep "$bin/snek" write w in

added () {
	"$bin/snek" functions --json >now 2>/dev/null
	if ! grep -q '"name":"job.pair"' now; then
		test "$1" = 0 && why='exit 0, and not registered'
	elif ! grep -q '"name":"job.width"' now; then
		why='half a plugin'
	fi
}
unadd () { "$bin/snek" rm-function job >/dev/null 2>&1; }
after=added reset=unadd
sweep "$bin/snek-add-function" "$top/tests/plugins/.libs/job.so"

echo "oom: $tried allocations failed, $failed times badly"
test $failed = 0
