#!/bin/bash
# SPDX-License-Identifier: MIT
# How the commands behave: streams, exit codes, every mistake with its line.
# What a shell starts in the background ignores SIGINT, and so would all that we
# start: begin again with signals as they are in the foreground.
if test -z "${SIGNALS_ARE_DEFAULT:-}" &&
    env --default-signal=INT,QUIT true 2>/dev/null; then
	SIGNALS_ARE_DEFAULT=1 exec env --default-signal=INT,QUIT bash "$0" "$@"
fi
set -u
top=$(pwd)
export SNEK_PLUGIN_PATH=$top/plugins/.libs
moods=$top/tests/plugins/.libs/moods.so
tmp=$(mktemp -d) || exit 99
trap 'chmod -R u+rwx "$tmp"; rm -rf "$tmp"' EXIT
export XDG_DATA_HOME=$tmp/data HOME=$tmp LC_ALL=C.UTF-8 TERM=xterm
# The programs themselves, not the scripts that libtool wraps round them.
export PATH=$top/.libs:$top:$PATH LD_LIBRARY_PATH=$top/.libs
unset SNEK_CLUSTER NO_COLOR
cd "$tmp" || exit 99
passed=0 failed=0 skipped=0

report () {             # report NAME WHY...: WHY is empty when it passed
	local name=$1
	shift
	if test -z "$*"; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAIL: $name: $*"
	sed 's/^/    out: /' out | head -n 5
	sed 's/^/    err: /' err | head -n 5
}

# A mistake: its exit code, one line on stderr that matches, silent stdout.
bad () {                # bad CODE PATTERN COMMAND...
	local want=$1 pattern=$2 why='' rc
	shift 2
	"$@" >out 2>err </dev/null
	rc=$?
	sed -i '/; waiting for [0-9]* s more$/d' err    # before a server is given up
	test $rc = "$want" || why="exit $rc, not $want"
	test -s out && why="$why; stdout is not empty"
	test "$(wc -l <err)" = 1 || why="$why; not one line"
	grep -q '^snek[a-z-]*: ' err || why="$why; names no program"
	grep -Eq -- "$pattern" err || why="$why; no $pattern"
	report "$*" "$why"
}

good () {               # good COMMAND...: exit 0; out and err remain
	local why='' rc
	"$@" >out 2>err </dev/null
	rc=$?
	test $rc = 0 || why="exit $rc"
	report "$*" "$why"
}

is () {                 # is NAME WANT GOT
	local why=''
	test "$2" = "$3" || why="got [$3], not [$2]"
	report "$1" "$why"
}

lines () { wc -l <"$1" | tr -d ' '; }

# ---- before there is anything ----

bad 2 'give a command; snek --help' snek
bad 2 'qurey.*did you mean query' snek qurey
bad 2 'no such command' snek frobnicate
bad 2 'no such command' snek ../snek
bad 3 'no cluster.*snek write' snek ls
bad 3 "$tmp/none.*snek-deploy --local" snek ls --cluster "$tmp/none"
bad 3 'no profile "work".*say ./work' snek ls --cluster work
bad 5 'redis://127.0.0.1:1 cannot be reached' snek ls --cluster redis://127.0.0.1:1
bad 3 'snek-api.zip.*with snek-api' env AWS_REGION=eu-west-1 snek-deploy --code "$tmp/snek-api.zip"
good snek functions
test -d data; is "listing makes no cluster" 1 $?
good snek --version
is "the version is on stdout" "snek " "$(cut -c 1-5 out)"
good snek --help
is "help is on stdout" 0 "$(lines err)"
good snek version --json
is "the version in JSON" '{"snek":1,"kind":"version"' "$(cut -d, -f 1,2 out)"

# A directory that may not be searched, and one that is none, hide nothing.
mkdir closed && chmod 0 closed
bad 2 'no such command' env PATH="$tmp/closed:$tmp/cli:$PATH" snek frobnicate
mkdir programs
printf '#!/bin/sh\necho "$0 $*"\n' >programs/snek-greet && chmod +x programs/snek-greet
PATH=$tmp/programs:$PATH good snek greet you --now
is "snek greet is snek-greet" "$tmp/programs/snek-greet you --now" "$(cat out)"

# ---- options ----

bad 2 'unknown option --fromat, did you mean --format' snek write c --fromat jsonl
bad 2 'unknown option --zzz' snek write c --zzz
bad 2 'unknown option -Z' snek query c f -Z
bad 2 '--re may be short|--re' snek query c f --re
bad 2 '--format jsno: did you mean jsonl' snek write c --format jsno
bad 2 'there are jsonl\|array' snek write c --format xml
bad 2 '--on cloud: there are processes|threads' snek query c f --on cloud
bad 2 '--on lambda: there are processes|threads|local' snek run f --on lambda
bad 2 '--limit wants N' snek query c f --limit
bad 2 '--limit x: not a whole number' snek query c f --limit x
bad 2 '--limit -1: not a whole number' snek query c f --limit -1
bad 2 '--timeout 1s: not a number of seconds' snek query c f --timeout 1s
bad 2 '--json takes no argument' snek query c f --json=yes
bad 2 '--chunk-size x: not a size' snek write c --chunk-size x
bad 2 '--chunk-size: from 64K to 4M' snek write c --chunk-size 1K
bad 2 '--chunk-size: from 64K to 4M' snek write c --chunk-size 5M
bad 2 'not a size' snek write c --max-record 99999999999999999999
bad 2 'not a size' snek write c --max-record 17179869184G
bad 2 '--on-error skip' snek write c --on-error skip
bad 2 '--on-error quarantine=:' snek write c --on-error quarantine=
bad 2 'give CATEGORY' snek write
bad 2 'give CATEGORY FUNCTION' snek query c
bad 2 'one argument too many' snek find a b
bad 2 'arguments are NAME=VALUE' snek query c f x
bad 2 'give a category, or --all' snek compact
bad 2 'give a category, or --all' snek compact c --all
bad 2 '--grace 0' snek gc --grace 0
bad 2 'there is only bash' snek completions tcsh
bad 2 'no such command' snek help nix
bad 2 '--shards 0' snek-deploy --local x --shards 0
bad 2 '--shards 1025' snek-deploy --local x --shards 1025
bad 2 '--level 3' snek-deploy --local x --shards 2 --level 3
bad 2 'give one' snek-deploy --local x --cluster ./y
bad 2 'changes nothing' snek-deploy --local x --status --shards 4

# ---- writing ----

printf '{"k":"a","n":1}\n{"k":"b","n":2000}\n{"k":"a\\tb\\n\\\\","n":3.5}\n' >three
printf '{"k":"a","n":1}\n{"k":nope}\n{"k":"b","n":2}\n' >bad1
printf '[{"k":"x"},{"k":"y"}]' >array.json
printf 'one line\nanother\n' >text

good snek write c three
is "the first write makes the cluster and says so" 1 "$(grep -c 'new cluster, 4 shards, level 4' err)"
is "the receipt is a line on stderr" 1 "$(grep -c '^c: 3 records.*version 1, durable: ' err)"
is "a write says nothing on stdout" 0 "$(lines out)"
good snek write c three --json
is "the receipt in JSON" '"receipt" 3 2' "$(sed 's/.*"kind":\("[a-z]*"\).*"version":\([0-9]*\),"records":\([0-9]*\).*/\1 \3 \2/' out)"
is "with --json stderr is silent" 0 "$(lines err)"
good snek write q three -q
is "quiet" 0 "$(lines err)"
good snek --cluster "$tmp/data/snek" write --quiet lead three
good snek write many three array.json
good snek export many
is "several files are one write" 5 "$(lines out)"
good snek write lines --format text text -q
good snek export lines
is "a line of text is a string" '"one line"' "$(head -n 1 out)"
good snek write globbed '*.json' -q
good snek export globbed
is "a quoted pattern is expanded" 2 "$(lines out)"
snek write piped -q <three; snek export piped | cmp -s - <(snek export q)
is "standard input is the default" 0 $?
(exec 2>err; snek write dash - three -q <three); snek export dash >out
is "- is standard input, among others" 6 "$(lines out)"

bad 1 'bad1:2:' snek write bad bad1
bad 3 'bad' snek find bad
bad 1 'bad1:2:' snek write bad three bad1
bad 3 'bad' snek find bad
bad 3 'nothere: No such file' snek write bad three nothere
bad 3 "no file matches" snek write bad 'nothere/*.json'
bad 2 'is a directory' snek write bad "$tmp"
bad 2 'only once' snek write bad - -
bad 2 'category' snek write 'no/name' three
bad 2 'category' snek write '' three
bad 2 'category' snek write "$(printf '%0129d' 0)" three
bad 8 'three:1' snek write bad three --max-record 8
bad 2 'is the input' snek write bad bad1 --on-error quarantine=bad1
is "the input is not emptied" 3 "$(lines bad1)"
good snek write good bad1 --on-error quarantine=set-aside
is "the count of bad records" 1 "$(grep -c '1 left out as bad' err)"
is "bad records are kept as they came" '{"k":nope}' "$(cat set-aside)"
good snek export good
is "the others are written" 2 "$(lines out)"
good snek write good bad1 --on-error quarantine=set-aside --json
is "the count in the receipt" 1 "$(grep -c '"records":2,"bad":1,' out)"
bad 1 'standard|bad1|set-aside|/dev/full|No space' snek write full bad1 --on-error quarantine=/dev/full
bad 3 'full' snek find full
printf '{"a":1,"a":2}' >twice
bad 1 'twice:1:8: .*--duplicates last' snek write twice twice
bad 1 'bad1:.*nothing was written; --on-error' snek write twice bad1
bad 1 'bad1:.*nope.$' snek run wordcount -i bad1 field=k
printf '[1,,2]' >comma
bad 1 'comma:1:4.*nothing was written$' \
    snek write twice comma --format array --on-error quarantine=set-aside
good snek write twice twice --duplicates last -q
good snek write once three --request-id r1 -q
good snek write once three --request-id r1
is "a repeat is told" 1 "$(grep -c 'written before: 3 records' err)"
bad 1 'request|r1' snek write once bad1 --request-id r1 --on-error quarantine=set-aside
if test "$(id -u)" != 0; then
	chmod 0 text
	bad 6 'text: Permission denied' snek write bad text
	chmod 644 text
else
	echo "NOTE: root may read all files: permissions are not tested"
	skipped=$((skipped + 1))
fi

# ---- looking ----

good snek ls
is "columns are separated by tabs" 5 "$(head -n 1 out | awk -F '\t' '{ print NF }')"
good snek ls --json
is "a category in JSON" "$(lines out)" "$(grep -c '^{"snek":1,"kind":"category","name":' out)"
good snek find c
is "a category's shards" 4 "$(grep -c '^shard' out)"
bad 3 'nix.*snek ls' snek find nix
bad 3 'nix' snek export nix
bad 3 'nix' snek compact nix
bad 3 'nix' snek rm nix --yes
bad 2 '--yes' snek rm c
good snek find c
good snek rm c --yes
bad 3 ' c' snek find c
good snek gc --grace 1
good snek gc --json
is "gc in JSON" 1 "$(grep -c '"kind":"gc","writes":' out)"
good snek compact --all -q

# ---- querying ----

good snek query q group by=k
is "pairs are JSON lines" '{"key":"a","value":{"count":1}}' "$(head -n 1 out)"
is "no summary off a terminal" 0 "$(lines err)"
good snek query q group by=k -v
is "but with -v" 1 "$(grep -c '^3 records, ' err)"
good snek query q group by=k -o tsv
is "tsv is escaped" 'a\tb\n\\	1' "$(sed -n 2p out)"
good snek query q group by=k sum=n -o tsv
is "members are columns in tsv" 'b	1	2000' "$(tail -n 1 out)"
good snek query q group by=k sum=n -o table
is "a table is aligned" 'b            1   2000' "$(tail -n 1 out)"
is "and has a head" 'key      count  sum_n' "$(head -n 1 out)"
good snek query q group by=k -o json
is "json is one array" '[{"key":"a","value":{"count":1}},' "$(head -n 1 out)"
good snek query q grep field=k match=nothing -o json
is "of nothing, too" '[]' "$(cat out)"
good snek query q grep field=k match=b
is "a listed value stands alone" '{"k":"b","n":2000}' "$(head -n 1 out)"
good snek query q group by=k --json
is "with --json the summary is JSON on stderr" 1 "$(grep -c '^{"snek":1,"kind":"summary",' err)"
is "and results are JSON lines" 3 "$(grep -c '^{"key":' out)"
good snek query q group --args '{"by":["k"]}' --limit 1
is "arguments may be JSON" '{"key":"a","value":{"count":1}}' "$(cat out)"
seq 999 | sed 's/.*/{"a":&}/' >ragged
printf '{"b":null,"a":""}\n' >>ragged
good snek run select fields=a,b -i ragged -o tsv
is "absent is empty, null is \\N" '999	|	\N' "$(tail -n 2 out | tr '\n' '|' | sed 's/|$//')"
printf '{"a":7}\n' >>ragged
good snek run select fields=a,b -i ragged -o tsv
is "what lacks a member fits" '7	' "$(tail -n 1 out)"
sed -i '1000d' ragged
printf '{"a":8}\n{"a":8,"b":9}\n' >>ragged
snek run select fields=a,b -i ragged -o tsv >out 2>err
is "a late column is an error" '1 1001 1' "$? $(lines out) $(grep -c 'no column; use -o jsonl' err)"
good snek run select fields=a,b -i ragged -o table
is "but in a table it is JSON, beyond the columns" 1 "$(tail -n 1 out | grep -c '  {"a":8,"b":9}$')"
cat >odd <<'EOF'
{"a":"t\tn\nb\\\u0000r\r\u0001é\"","b":-9223372036854775808}
{"b":18446744073709551615,"a":null}
{"a":true,"b":[1,"x\ty"]}
{"a":1e300,"b":{"c":0}}
{"b":"","a":-0.5}
{}
EOF
for i in 1 2 3 4 5 6 7 8; do cat odd odd odd odd odd; done >some
cat some some some some some >odd                       # 1200 rows
good snek run select fields=a,b -i odd -o tsv
is "the rows after the first thousand are as those before" \
    "$(head -n 120 out)" "$(tail -n 120 out)"
is "and all are there" 1200 "$(lines out)"
seq 1000 3999 | sed 'p;/[37]$/p;/33$/p' | sed 's/.*/{"k":"&"}/' | sort -r >counted
good snek run group by=k -i counted -o tsv
is "counts stand beside their keys" "$(sort counted | uniq -c |
    sed 's/^ *\([0-9]*\) .*"\([0-9]*\)"}/\2	\1/')" "$(cat out)"
bad 3 'nix.*snek ls' snek query nix group by=k
bad 3 'gruop.*did you mean group' snek query q gruop
bad 2 'by' snek query q group
bad 2 'bye' snek query q group bye=k
bad 2 'arguments of group' snek query q group --args '{'
bad 2 'sideways' snek query q group by=k --order sideways
bad 3 'med' snek query q wordcount field=k --reduce med
bad 3 'nix.so' snek query q ./nix.so
bad 2 'say ./moods.so' snek query q moods.so
bad 7 'no ELF|not an ELF|plugin' snek query q ./three
bad 7 'in a bad mood' snek query q "$moods:fail" --attempts 1
bad 8 'timed out' snek query q "$moods:linger" file="$tmp/started" --timeout 0.2
good snek query q "$moods:talk"
is "a warning is shown, and steers no terminal" '3 0' "$(grep -c 'shout' err) $(grep -c "$(printf '\033')" err)"
is "a whisper is not" 0 "$(grep -c whisper err)"
good snek query q "$moods:talk" -v
is "but with -v" 3 "$(grep -c whisper err)"
snek query q group --json </dev/null >out 2>err
is "an error in JSON" '{"snek":1,"kind":"error","code":"invalid","exit":2' "$(cut -d, -f 1-4 err)"
snek query q group by=k --limt 3 --json </dev/null >out 2>err
is "a mistake in options, too" '{"snek":1,"kind":"error","code":"invalid","exit":2' "$(cut -d, -f 1-4 err)"

# ---- without a cluster ----

good snek run group by=k --input three
is "run gives what query gives" "$(snek query q group by=k)" "$(cat out)"
is "from a pipe, too" "$(cat out)" "$(cat three | snek run group by=k)"
# A file of some size is read in pieces, and is the pipe of the same bytes.
seq 120000 | awk '{ printf "{\"k\":\"%s\",\"n\":%d}\n", $1 % 7 ? "x" : "y", $1 }' >long
snek run select fields=n <long >out 2>err
is "a long file, records in order" "$(cat long | snek run select fields=n |
    cksum)" "$(cksum <out)"
sed -i '99000s/}/,}/; 110000s/.*/[/' long
for on in threads processes; do
	snek run --on $on group by=k <long >out 2>err
	is "a long file's error, on $on" "$(cat long |
	    snek run --on $on group by=k 2>&1)" "$(cat err)"
done
bad 1 'long:99000:' snek run group by=k -i long
rm long
good snek run group by=k -i three -i '*.json'
is "several inputs" 5 "$(lines out)"
bad 3 'nix' snek run nix --input three
bad 3 'nothere' snek run group by=k --input nothere
bad 1 'bad1:2:' snek run group by=k --input bad1
bad 2 'NAME=VALUE' snek run group by=k three
env -u HOME -u XDG_DATA_HOME snek run group by=k -i three >out 2>err
is "run needs no home" 0 $?
bad 2 'HOME' env -u HOME -u XDG_DATA_HOME "$top/snek" ls

# ---- functions ----

good snek functions
is "what ships is listed" 1 "$(grep -c '^wordcount	' out)"
good snek functions wordcount
is "its arguments are told" 1 "$(grep -c '^argument	field	string	required	' out)"
good snek functions --json wordcount
is "in JSON" 1 "$(grep -c '"args":\[{"name":"field","type":"string","required":true,' out)"
bad 3 'nix' snek functions nix
good snek-add-function "$moods"
is "every function that was added is named" 4 "$(grep -c '^moods\.[a-z]* 1.0: sha256 [0-9a-f]*, added' err)"
good snek add-function "$moods"
is "adding again changes nothing" 4 "$(grep -c 'unchanged' err)"
good snek-add-function "$moods" --json
is "in JSON" 4 "$(grep -c '"kind":"added",.*"changed":false}' out)"
cp "$moods" mine.so
good snek-add-function mine.so
bad 1 '--replace' snek-add-function "$SNEK_PLUGIN_PATH/wordcount.so"
bad 7 'three' snek-add-function three
bad 3 'nix.so' snek-add-function nix.so
good snek rm-function moods.fail
bad 3 'moods.fail' snek rm-function moods.fail
good snek rm-function moods --json
bad 3 'moods' snek rm-function moods

# ---- deploying ----

good snek-deploy --local two --shards 3 --level 2
is "a new cluster is told" 1 "$(grep -c 'new cluster, 3 shards, level 2' err)"
good snek deploy --local two --shards 3 --level 2
is "again there is nothing to change" 1 "$(grep -c 'nothing to change' err)"
good snek-deploy --local two --json
is "in JSON" 1 "$(grep -c '"shards":3,"level":2,.*"changed":false}' out)"
bad 1 'exists with 3 shards' snek-deploy --local two --shards 4
bad 1 'exists with 3 shards' snek-deploy --local two --level 1
good snek-deploy --status --local two
is "its shape" 1 "$(grep -c '^shards	3$' out)"
bad 3 'none' snek-deploy --status --local none
bad 2 'three' snek-deploy --local three
export SNEK_CONFIG=$tmp/my.conf
good snek-deploy --local two --name deux
good snek-deploy --status --cluster deux
is "a directory by its name" 1 "$(grep -c '^shards	3$' out)"
good snek-deploy --local two --lambda-region eu-west-1 --json
is "where functions go" 1 "$(grep -c '"kind":"target","profile":"deux","region":"eu-west-1"' out)"
good snek-deploy --status --local two
is "it is told" 1 "$(grep -c '^lambda	eu-west-1$' out)"
bad 2 'no region' snek-deploy -q --local two --lambda-region Ireland
bad 2 'said with --local' snek-deploy --status --local two --role x
snek-deploy -q --local three3
bad 1 'another cluster.*--name' snek-deploy -q --local three3 --name deux
unset SNEK_CONFIG
SNEK_CLUSTER=./two good snek ls
is "another cluster has other categories" 0 "$(lines out)"

# ---- streams ----

for command in 'snek --help' 'snek version' 'snek ls' 'snek export q' \
    'snek query q group by=k' 'snek query q group by=k -o tsv' \
    'snek query q group by=k -o table' 'snek functions' \
    'snek write full three --json'; do
	$command >/dev/full 2>err </dev/null
	is "$command to a full disk" '1 1' "$? $(grep -c '^snek: standard output: No space\|"message":"No space' err)"
	: >out
done
snek ls >&- 2>err </dev/null
is "a closed stdout" '1 1' "$? $(grep -c 'standard output: Bad file' err)"
snek write closed - <&- >out 2>err
is "a closed stdin" 1 $?
snek write still three 2>&- >out </dev/null
is "a closed stderr harms no data" 3 "$(snek export still | wc -l | tr -d ' ')"
seq 200000 | snek write long -q
snek export long 2>err | head -n 1 >out
is "a reader that goes away" '141 0' "${PIPESTATUS[0]} $(lines err)"
(trap '' PIPE; snek export long 2>err | head -n 1 >out; exit "${PIPESTATUS[0]}")
is "even where the signal is ignored" '141 0' "$? $(lines err)"
LC_ALL=de_DE.UTF-8 snek query q group by=k sum=n >out 2>err
is "numbers know no locale" 1 "$(grep -c '"sum_n":3.5' out)"

# ---- signals ----

set -m                  # a job in the background keeps its SIGINT
mkfifo pipe
snek write cut pipe >out 2>err & pid=$!
exec 9>pipe
cat three >&9
sleep 0.2
kill -INT $pid
wait $pid 2>/dev/null
is "an interrupted write" '130 1 0' "$? $(grep -c 'interrupted; nothing was written' err) $(lines out)"
exec 9>&-
bad 3 'cut' snek find cut
cancelled () {          # cancelled SIGNAL ARGUMENT: when the file is there
	rm -f started
	snek query q "$moods:linger" "$2=$tmp/started" --attempts 1 >out 2>err & pid=$!
	for _ in $(seq 500); do test -e started && break; sleep 0.01; done
	kill "-$1" $pid
	wait $pid 2>/dev/null
	echo "$? $(grep -c 'interrupted; [0-9]* of [0-9]* tasks were done' err) $(lines out)"
}
is "an interrupted query" '130 1 0' "$(cancelled INT file)"
is "a terminated query" '143 1 0' "$(cancelled TERM file)"
is "a query interrupted before it begins" '130 1 0' "$(cancelled INT early)"
rm -f started
snek query q "$moods:stubborn" file="$tmp/started" >out 2>err & pid=$!
for _ in $(seq 500); do test -e started && break; sleep 0.01; done
kill -INT $pid
sleep 0.1
kill -INT $pid
wait $pid 2>/dev/null
is "a second interrupt ends it at once" '130 0' "$? $(lines err)"
snek run group by=k <pipe >out 2>err & pid=$!
exec 9>pipe
cat three >&9
sleep 0.2
kill -INT $pid
wait $pid 2>/dev/null
is "an interrupted run" '130 1 0' "$? $(grep -c 'interrupted; nothing was printed' err) $(lines out)"
exec 9>&-
set +m

# ---- terminals ----

tty () {                # tty COMMAND: on a terminal of 60 columns
	script -qec "stty cols 60; $1" /dev/null </dev/null | tr -d '\r' >out
}
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	tty 'snek query q group by=k sum=n'
	is "a table on a terminal" 1 "$(grep -c 'b            1  2,000' out)"
	is "and a summary" 1 "$(grep -c '^3 records, ' out)"
	tty 'stty cols 20; snek query q group by=k sum=n -q'
	is "text is cut, a number never" 'b           1  2,000' "$(tail -n 1 out)"
	tty 'snek query q group by=k -q | cat'
	is "JSON lines in a pipe" 3 "$(grep -c '^{"key":' out)"
	tty 'snek query q group by=k 2>/dev/null'
	is "a bold head" 1 "$(grep -c "^$(printf '\033\\[1m')key" out)"
	tty 'NO_COLOR=1 snek query q group by=k'
	is "unless NO_COLOR" 0 "$(grep -c "$(printf '\033')" out)"
	tty "snek query q $moods:linger file=$tmp/started --timeout 2"
	is "a bar" 1 "$(grep -c '░' out)"
	is "that is erased" 1 "$(grep -c "$(printf '\033\\[K')snek: " out)"
	tty "LC_ALL=C snek query q $moods:linger file=$tmp/started --timeout 2"
	is "in ASCII where need be" '1 0' "$(grep -c '\.\.\.\.' out) $(grep -c '░' out)"
	tty "TERM=dumb snek query q $moods:linger file=$tmp/started --timeout 0.5"
	is "none on a dumb terminal" 0 "$(grep -c 'tasks  ' out)"
	tty "snek query q $moods:linger file=$tmp/started --timeout 0.5 --progress off"
	is "nor when it is off" 0 "$(grep -c 'tasks  ' out)"
	tty 'snek write c'
	is "no reading from a terminal" 1 "$(grep -c 'no input' out)"
	script -qec 'snek rm still' /dev/null <<<n >out
	is "a no leaves it" 3 "$(snek export still | wc -l | tr -d ' ')"
	script -qec 'snek rm still' /dev/null <<<y >out
	bad 3 still snek find still
else
	echo "NOTE: no script(1) here: nothing is tested on a terminal"
	skipped=$((skipped + 1))
fi
snek query q "$moods:linger" file="$tmp/started" --timeout 1.3 --progress plain >out 2>err
is "plain progress is a line" yes "$(grep -q '^..:..:.. q . .*linger  0/[0-9]* tasks' err && echo yes)"

echo "cli: $passed passed, $failed failed, $skipped skipped"
test "$failed" = 0
