#!/bin/bash
# SPDX-License-Identifier: MIT
# What snek describe, peek, stat and doctor say about data that is known, and
# about a machine that is not well.
set -u
top=$(pwd)
export SNEK_PLUGIN_PATH=$top/plugins/.libs
tmp=$(mktemp -d) || exit 99
trap 'chmod -R u+rwx "$tmp"; rm -rf "$tmp"' EXIT
export XDG_DATA_HOME=$tmp/data HOME=$tmp LC_ALL=C.UTF-8 TMPDIR=$tmp
export PATH=$top/.libs:$top:$PATH LD_LIBRARY_PATH=$top/.libs
unset SNEK_CLUSTER NO_COLOR PKG_CONFIG_PATH
cd "$tmp" || exit 99
failed=0

is () {                 # is NAME WANT GOT
	test "$2" = "$3" && return
	failed=1
	printf 'FAIL: %s\n  want [%s]\n  got  [%s]\n' "$1" "$2" "$3"
}

rc () {                 # rc NAME CODE COMMAND...: out and err remain
	local name=$1 want=$2 got
	shift 2
	"$@" >out 2>err </dev/null
	got=$?
	test $got = "$want" && return
	failed=1
	echo "FAIL: $name: exit $got, not $want"
	head -n 5 out err
}

check () {              # check NAME: verdict and name of its lines
	awk -F '\t' -v name="$1" '$2 == name { print $1 }' out | sort -u
}

# ---- before there is anything ----

rc "describe without a cluster" 3 snek describe c
rc "peek without a cluster" 3 snek peek c
rc "stat without a cluster" 3 snek stat
rc "doctor without a cluster" 0 snek doctor
is "no cluster yet is nothing to check" SKIP "$(check cluster)"
is "doctor makes none" 1 "$(test -d data; echo $?)"
rc "doctor and a cluster that is named and missing" 1 snek doctor --cluster ./none
is "which failed" FAIL "$(check cluster)"
grep -q 'FAIL.*\./none.*snek-deploy' out || is "the cure" "snek-deploy" "$(cat out)"
rc "doctor takes no argument" 2 snek doctor x

# ---- describe ----

cat >six.jsonl <<'END'
{"z":1,"a":"x","tags":["p","q",null],"o":{"k":1,"a.b":true},"m":1}
{"z":2.5,"a":null,"tags":[],"o":{"k":"s"},"m":"s"}
{"z":3,"b":[{"c":1},{"c":2},{}],"m":null}
5
[1,[2]]
{}
END
snek write -q c six.jsonl || exit 1
rc "describe" 0 snek describe c
t=$(printf '\t')
is "paths, types, shares and examples" "${t}int:1,array:1,object:4${t}1.000000${t}0.000000${t}5
[]${t}int:1,array:1${t}0.166667${t}0.000000${t}1
[][]${t}int:1${t}0.166667${t}0.000000${t}2
z${t}int:2,double:1${t}0.500000${t}0.000000${t}1
a${t}string:1${t}0.333333${t}0.500000${t}\"x\"
tags${t}array:2${t}0.333333${t}0.000000${t}
tags[]${t}string:2${t}0.166667${t}0.333333${t}\"p\"
o${t}object:2${t}0.333333${t}0.000000${t}
o.k${t}int:1,string:1${t}0.333333${t}0.000000${t}1
o.a\\\\.b${t}bool:1${t}0.166667${t}0.000000${t}true
m${t}int:1,string:1${t}0.500000${t}0.333333${t}1
b${t}array:1${t}0.166667${t}0.000000${t}
b[]${t}object:3${t}0.166667${t}0.000000${t}
b[].c${t}int:2${t}0.166667${t}0.000000${t}1" "$(cat out)"
is "and nothing else" "" "$(cat err)"

snek compact c 2>/dev/null && snek describe c >compacted
is "compaction changes nothing" "" "$(diff out compacted)"
rc "describe in JSON" 0 snek describe c --json
is "a path in JSON" '{"snek":1,"kind":"path","path":"o.a\\.b","records":1,"values":1,"present":0.166667,"null":0.000000,"types":{"bool":1},"example":true}' \
    "$(grep 'a\\\\.b' out)"
is "the last line sums up" '{"snek":1,"kind":"description","category":"c","records":6,"looked_at":6,"left_out":0}' "$(tail -n 1 out)"
rc "few paths" 0 snek describe c --limit 3
is "are told" 1 "$(grep -c '^values at paths that are not shown: 11; --limit' err)"
is "as many as asked for" 4 "$(wc -l <out | tr -d ' ')"
rc "quietly" 0 snek describe c --limit 3 -q
is "quiet" "" "$(cat err)"
rc "no paths" 2 snek describe c --limit 0
rc "no records" 2 snek describe c --records 0
rc "all and not all" 2 snek describe c --records 5 --all
rc "one record of one chunk" 0 snek describe c --records 1
is "is all of the chunk" "" "$(diff out compacted)"
rc "no such category" 3 snek describe none
grep -q 'snek ls' err || is "what there is" "snek ls" "$(cat err)"

# The first path of the plain, flat kind: shares that are almost all.
seq 1 3000 | sed 's/.*/{"n":&,"s":"text &"}/; 7s/,"s.*}/}/' >flat.jsonl
snek write -q flat flat.jsonl
is "a member that one record lacks" "n${t}int:3000${t}1.000000${t}0.000000${t}1
s${t}string:2999${t}0.999667${t}0.000000${t}\"text 1\"" "$(snek describe flat)"

# ---- peek ----

rc "peek" 0 snek peek c
is "three records in a pipe" "$(head -n 3 six.jsonl)" "$(cat out)"
rc "one" 0 snek peek c -n 1
is "one record" "$(head -n 1 six.jsonl)" "$(cat out)"
rc "none" 0 snek peek c -n 0
is "no record" "" "$(cat out)"
rc "more than there are" 0 snek peek c --records 100 --json
is "all of them" "" "$(diff out six.jsonl)"
rc "pretty" 0 snek peek c -n 1 -o pretty
is "one member a line" '{
  "z": 1,
  "a": "x",
  "tags": [
    "p",
    "q",
    null
  ],
  "o": {
    "k": 1,
    "a.b": true
  },
  "m": 1
}' "$(cat out)"
printf '{"e":{},"f":[],"s":"a\\"b\\\\, {x: [1]}\\u009b\\u007f"}' | snek write -q odd
is "what is empty stays on its line, strings stay as they are" '{
  "e": {},
  "f": [],
  "s": "a\"b\\, {x: [1]}\u009b\u007f"
}' "$(snek peek odd -o pretty)"
rc "no such category" 3 snek peek none
rc "into a full disk" 1 bash -c 'snek peek c >/dev/full'

# ---- stat ----

field () { sed -n "s/.*[{,]\"$1\":\\([^,}]*\\).*/\\1/p" out; }
count () { grep -o "$1" out | wc -l | tr -d ' '; }
rc "stat" 0 snek stat --json
is "categories" 3 "$(field categories)"
is "a line for each shard" 4 "$(count '"location":')"
is "no garbage" 0 "$(sed 's/"shards".*//' out | grep -o '"garbage":[0-9]*' | cut -d: -f 2)"
rc "for people" 0 snek stat
is "records" 3007 "$(awk -F '\t' '$1 == "records" { print $2 }' out)"
is "records of shards" 3007 "$(awk -F '\t' '$1 == "shard" { n += $5 } END { print n }' out)"
is "four shards" 4 "$(grep -c '^shard' out)"
seq 1 30000 | sed 's/.*/{"n":&,"s":"text & text & text"}/' >big.jsonl
ls data/snek/shards/*/*.seg 2>/dev/null >before
snek write -q big big.jsonl
ls data/snek/shards/*/*.seg | grep -vxFf before >files
rc "of one" 0 snek stat big
is "its records" 30000 "$(awk -F '\t' '$1 == "shard" { n += $5 } END { print n }' out)"
is "without garbage" 0 "$(grep -c garbage out)"
segments=$(awk -F '\t' '$1 == "shard" { n += $3 } END { print n }' out)
is "its segments are files" "$(wc -l <files | tr -d ' ')" "$segments"
snek rm -q --yes big
rc "after a category went" 0 snek stat
is "its segments wait for gc" "$segments" "$(awk -F '\t' '$1 == "garbage segments" { print $2 }' out)"
is "and its bytes" "$(xargs cat <files | wc -c | tr -d ' ')" \
    "$(awk -F '\t' '$1 == "garbage bytes" { print $2 }' out)"
rc "no such category" 3 snek stat big

# ---- doctor ----

rc "doctor" 0 snek doctor
for name in snek json processors plugins cluster writable space tmp; do
	case $name:$(check $name) in
	*:PASS) ;;
	json:WARN | space:WARN | tmp:WARN) ;;   # as this machine is
	*) is "doctor: $name" PASS "$(check $name)" ;;
	esac
done
is "the shipped plugins" "10 shipped: distinct, grep, group, histogram, join, quantiles, sample, select, sort, wordcount" \
    "$(awk -F '\t' '$2 == "plugins" { print $3 }' out)"
grep -q "	snek $(snek version | cut -d ' ' -f 2), plugin ABI " out ||
    is "the version" "$(snek version)" "$(head -n 1 out)"
rc "doctor in JSON" 0 snek doctor --json
is "each is a check" 0 "$(grep -vc '^{"snek":1,"kind":"check","verdict":"\(pass\|warn\|skip\)","name":"[a-z]*","text":".*","cure":.*}$' out)"

mkdir odd
echo "no plugin" >odd/broken.so
cp "$top/plugins/.libs/grep.so" odd/egrep.so
SNEK_PLUGIN_PATH=$SNEK_PLUGIN_PATH:$tmp/odd:$tmp/nowhere rc "broken plugins" 1 snek doctor
is "the file that does not load" 1 "$(grep -c '^FAIL	plugins	.*odd/broken.so' out)"
is "the file under another name" 1 "$(grep -c '^WARN	plugins	.*egrep.so holds the plugin grep' out)"
is "the directory that is not there" 1 "$(grep -c '^WARN	plugins	.*nowhere: ' out)"
is "the others" 1 "$(grep -c '^PASS	plugins	10 shipped' out)"
SNEK_PLUGIN_PATH='' rc "no plugins" 0 snek doctor
case $(check plugins) in
PASS | WARN) ;;         # whatever is installed
*) is "no shipped plugins" WARN "$(check plugins)" ;;
esac

SNEK_WORKER=$tmp/none rc "a worker that is not there" 1 snek doctor
is "worker" FAIL "$(check worker)"
SNEK_WORKER=/bin/true rc "a worker that is none" 1 snek doctor
is "plugins it does not look at" FAIL "$(check plugins)"
TMPDIR=$tmp/none rc "no room for temporary files" 1 snek doctor
is "tmp" FAIL "$(check tmp)"
CC=$tmp/none rc "no compiler is no failure" 0 snek doctor
is "compiler" WARN "$(check compiler)"
mkdir pc bin
printf 'Name: x\nDescription: x\nVersion: %s\n' "$(snek version | cut -d ' ' -f 2)" >pc/snek-plugin.pc
if command -v pkg-config >/dev/null; then
	PKG_CONFIG_PATH=$tmp/pc rc "the SDK" 0 snek doctor
	is "sdk" PASS "$(check sdk)"
	sed -i 's/^Version.*/Version: 99.0/' pc/snek-plugin.pc
	PKG_CONFIG_PATH=$tmp/pc rc "another SDK" 0 snek doctor
	is "sdk of another version" WARN "$(check sdk)"
fi

echo damage >data/snek/shards/002/stamp
rc "a damaged stamp" 1 snek doctor
is "cluster" FAIL "$(check cluster)"
grep -q '^FAIL	cluster	.*shards/002/stamp is damaged	' out ||
    is "which is named" shards/002/stamp "$(cat out)"
rc "a file in place of a cluster" 1 snek doctor --cluster ./six.jsonl
rc "a profile that is not there" 1 snek doctor --cluster work

# ---- a terminal ----

if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	export TERM=dumb
	mkdir data2 && XDG_DATA_HOME=$tmp/data2 snek write -q flat flat.jsonl
	XDG_DATA_HOME=$tmp/data2 script -qec 'snek describe flat' /dev/null </dev/null |
	    tr -d '\r' >out
	is "no share is all but all" "path  type    present   null  example
n     int     100.0 %  0.0 %  1
s     string   99.9 %  0.0 %  \"text 1\"" "$(cat out)"
	XDG_DATA_HOME=$tmp/data2 script -qec 'snek doctor' /dev/null </dev/null |
	    tr -d '\r' >out
	is "lines for people" 1 "$(grep -c '^PASS  cluster     ' out)"
fi
exit $failed
