#!/bin/bash
# SPDX-License-Identifier: MIT
# Where a plugin crashed: file and line where it has debug information, else
# the symbol, else the file; and nothing worse where that information lies.
set -u
top=$PWD
srcdir=$(cd "${srcdir:-.}" && pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
CC=${CC:-cc}
command -v "${CC%% *}" >/dev/null || { echo "SKIP: no $CC"; exit 77; }
for tool in strip objcopy readelf; do
	command -v $tool >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
export SNEK=$top/.libs/snek SNEK_ADD=$top/.libs/snek-add-function \
    SNEK_DEPLOY=$top/.libs/snek-deploy SNEK_WORKER=$top/snek-worker
test -x "$SNEK" || SNEK=$top/snek
export LD_LIBRARY_PATH=$top/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
mkdir "$tmp/tmp" && export TMPDIR=$tmp/tmp
bad=0
complain () { echo "FAIL: $*"; bad=1; }
# A build without libdw, or a machine: the same but for the lines.
lines=no
grep -q '^#S\["LIBDW_TRUE"\]\|^S\["LIBDW_TRUE"\]=""' "$top/config.status" &&
    ldconfig -p 2>/dev/null | grep -q 'libdw\.so\.1' && lines=yes

cd "$tmp" || exit 99
src=$srcdir/tests/plugins/crash.c
build () { $CC -std=gnu11 -fPIC -shared -fvisibility=hidden -I"$srcdir/sdk" "$@"; }
build -g -O1 -o crash.so "$src" && build -O1 -o plain.so "$src" || exit 99
strip -o stripped.so plain.so || exit 99
seq 20 | sed 's/.*/{"n":&}/' >data

# crash PLUGIN OP: the message in err, the report in report
crash () {
	rm -f tmp/*
	"$SNEK" run "./$1" how="$2" at=7 -i data >out 2>err
	rc=$?
	test $rc = 7 || { complain "$1 $2: exit $rc"; cat err; }
	test -s out && complain "$1 $2: a result"
	grep -q 'record 7' err || { complain "$1 $2: no record"; cat err; }
	cp tmp/snek-crash-*.txt report 2>/dev/null || complain "$1 $2: no report"
	grep -q "^to see it again: snek run ./$1:crash how='$2' at='7' --input" report ||
	    { complain "$1 $2: no command in the report"; cat report; }
}
# says PLUGIN HOW SIGNAL PLACE: the message has them
says () {
	crash "$1" "$2"
	grep -Eq "SIG($3) \(.*\) at $4(;|$)" err ||
	    { complain "$1 $2: not at $4"; cat err; }
	grep -q '^#0 ' report || { complain "$1 $2: no backtrace"; cat report; }
}
line () { grep -n "/\* $1 \*/" "$src" | cut -d: -f1; }

for how in segv abort divide trap deep call; do
	case $how in
	segv) sig=SEGV ;; abort) sig=ABRT ;; divide) sig=FPE ;;
	trap) sig='ILL|TRAP' ;; *) sig=SEGV ;;
	esac
	test $how = divide && test "$(uname -m)" != x86_64 && continue
	if test $lines = yes; then
		says crash.so $how "$sig" "crash\.c:$(line $how) in do_$how"
		grep -q "do_$how+0x[0-9a-f]* at crash.c:$(line $how) (crash.so+0x" \
		    report || { complain "$how: the backtrace"; cat report; }
	else
		says crash.so $how "$sig" "do_$how\+0x[0-9a-f]+ \(crash\.so\)"
	fi
	says plain.so $how "$sig" "do_$how\+0x[0-9a-f]+ \(plain\.so\)"
	says stripped.so $how "$sig" "stripped\.so\+0x[0-9a-f]+"
done

# A heap in ruins may take the notes with it, but not the message.
crash crash.so smash
grep -Eq 'SIG(ABRT|SEGV)' err || { complain "smash"; cat err; }
# Its own handler has the last word.
"$SNEK" run ./crash.so how=own at=7 -i data >out 2>err
test $? = 7 && grep -q 'exit status 9' err || { complain "own handler"; cat err; }
# Left out, with its place.
"$SNEK" run ./crash.so how=segv at=7 --skip-bad 1 -i data >out 2>err ||
    complain "skip-bad"
grep -q 'left out:.* at .*do_segv' err || { complain "left out"; cat err; }
# In a cluster, by name.
"$SNEK_DEPLOY" --local ./c -q && "$SNEK" write d data --cluster ./c -q &&
    "$SNEK_ADD" crash.so --cluster ./c -q || complain "add"
"$SNEK" query d crash how=segv at=7 --cluster ./c >out 2>err
grep -q 'at .*do_segv' err || { complain "registered"; cat err; }

# ---- damaged ----

section () { readelf -SW crash.so | awk -v n="$1" '
    { sub(/^ *\[ *[0-9]+\] */, "") } $1 == n { print $4, $5 }'; }
tries=0
for name in .debug_line .debug_info .debug_abbrev .debug_aranges .symtab .strtab; do
	read -r at size <<-EOF
	$(section $name)
	EOF
	test -n "${at:-}" || continue           # compilers differ
	at=$((16#$at)) size=$((16#$size))
	for i in 0 1 2 3; do
		cp crash.so damaged.so
		off=$((at + size * i / 4))
		n=$((size / 8 < 64 ? size / 8 : 64))
		case $i in
		0|2) head -c $n /dev/zero | tr '\0' '\377' ;;
		1) head -c $n /dev/zero ;;
		3) head -c $n "$src" ;;
		esac | dd of=damaged.so bs=1 seek=$off conv=notrunc 2>/dev/null
		crash damaged.so segv
		grep -q 'SIGSEGV' err || { complain "$name $i"; cat err; }
		tries=$((tries + 1))
	done
done
test $tries -ge 16 || complain "$tries damaged files"

# ---- beside it ----

echo 'int helper(void); int helper(void) { return 1; }' >helper.c
build -fvisibility=default -o libhelper.so helper.c &&
    build -DHELPER -g -o needy.so "$src" -L. -lhelper -Wl,-rpath,'$ORIGIN' ||
    exit 99
"$SNEK" run ./needy.so how=none at=7 -i data >out 2>err &&
    complain "needs what is not found"
grep -q 'needy.so.*libhelper.so.*ORIGIN.*LD_LIBRARY_PATH' err ||
    { complain "the cure"; cat err; }
"$SNEK_ADD" needy.so --cluster ./c >out 2>err && complain "added all the same"
grep -q 'needy.so.*libhelper.so.*ORIGIN.*LD_LIBRARY_PATH' err ||
    { complain "the cure for add"; cat err; }
LD_LIBRARY_PATH=$tmp:$LD_LIBRARY_PATH "$SNEK" run ./needy.so how=none at=7 \
    -i data >out 2>err || { complain "with LD_LIBRARY_PATH"; cat err; }

# ---- what it prints ----

run () { "$SNEK" run ./crash.so how="$1" at=7 -i data >out 2>err; }
run prints || { complain "prints"; cat err; }
grep -qx 'crash: one' err && grep -qx 'crash: two' err && grep -qx 'crash: open' err ||
    { complain "lines"; cat err; }
grep -q "$(printf '\033')" err && complain "an escape sequence"
grep -q '^crash: ?\[2J?$' err || { complain "a tamed one"; cat err; }
test "$(grep -c '"key"' out)" = 1 || { complain "mixed with the result"; cat out; }
run floods || { complain "floods"; head -c 400 err; }
size=$(wc -c <err)
test "$size" -gt 60000 && test "$size" -lt 100000 || complain "floods: $size bytes"
tail -n 1 err | grep -Eq '^crash: \(printed [0-9]+ bytes more' ||
    { complain "floods: not said"; tail -n 2 err; }
awk 'BEGIN { for (i = 1; i <= 16000; i++)
    printf "{\"n\":%d,\"t\":\"%0400d\"}\n", i, i * 7919 }' >many
"$SNEK" write many many --cluster ./c --chunk-size 64K -q || complain "write"
"$SNEK" query many ./crash.so how=floods at=-2 --workers 8 --cluster ./c >out 2>err ||
    { complain "floods a job"; head -c 400 err; }
size=$(wc -c <err)
test "$size" -gt 1000000 && test "$size" -lt 1600000 || complain "a job: $size bytes"
test "$(grep -c 'the job has printed 1 MiB' err)" = 1 || complain "not said once"
run dying && complain "dying"
grep -q '^crash: last words$' err || { complain "last words"; cat err; }
"$SNEK" run ./crash.so how=prints at=7 -q -i data 2>err >/dev/null
test -s err && { complain "not quiet"; cat err; }
exit $bad
