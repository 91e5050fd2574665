#!/bin/sh
# SPDX-License-Identifier: MIT
# What we claim, measured: bench.sh [ROW], from the build directory.
# Settings: SIZE (200m), PAIRS (5), WRITES (20000), TEXTS (2000),
# CALLS (10000000), THREADS, BENCH_DATA (bench/data).
set -eu
srcdir=${srcdir:-.}
size=${SIZE:-200m}
pairs=${PAIRS:-5}
writes=${WRITES:-20000}
calls=${CALLS:-10000000}
threads=${THREADS:-$(nproc)}
top=$(pwd)
all=${BENCH_DATA:-$top/bench/data}
data=$all/$size
out=$top/bench/out
json=$top/bench/bench.json
export LD_LIBRARY_PATH="$top/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export SNEK_PLUGIN_PATH="$top/plugins/.libs" LC_ALL=C
export SNEK_WORKER="${SNEK_WORKER:-$top/snek-worker}"
snek=$top/.libs/snek yard=$top/bench/yard cluster=$data/cluster
probe=$top/bench/.libs/probe.so
mkdir -p "$all" "$out"

die () { echo "bench: $*" >&2; exit 1; }
skip () { echo "bench: row $row skipped: $*" >&2; return 1; }
new_cluster () {
	rm -rf "$1"
	"$top/.libs/snek-deploy" --local "$1" -q
}

bytes_of () {
	case $1 in
	*[kK]) echo $((${1%?} * 1000)) ;;
	*[mM]) echo $((${1%?} * 1000000)) ;;
	*[gG]) echo $((${1%?} * 1000000000)) ;;
	*) echo $(($1)) ;;
	esac
}

# ---- data, made once ----

packages () {
	if command -v apt-cache >/dev/null; then
		apt-cache dumpavail 2>/dev/null |
		    awk -f "$srcdir/examples/packages.awk" >"$out/packages"
	fi
	test -s "$out/packages" && test "$(wc -l <"$out/packages")" -ge 1000 ||
		cp "$srcdir/examples/data/packages.jsonl" "$out/packages"
}

# The packages over and over, NAME-000, NAME-001 ... until there are enough.
make_jsonl () {
	packages
	mkdir -p "$data"
	want=$(bytes_of "$size")
	have=0 round=0
	while test "$have" -lt "$want"; do
		sed "s/^{\"package\":\"[^\"]*/&-$(printf %03d $round)/" "$out/packages"
		have=$((have + $(wc -c <"$out/packages")))
		round=$((round + 1))
	done >"$data/new"
	rm "$out/packages"
	mv "$data/new" "$data/packages.jsonl"
}

make_columns () {
	"$yard" make "$data/packages.jsonl" "$data/new"
	mv "$data/new" "$data/columns"
}

make_cluster () {
	new_cluster "$data/new"
	"$snek" write --cluster "$data/new" packages "$data/packages.jsonl" -q
	mv "$data/new" "$cluster"
}

make_data () {
	test -s "$data/packages.jsonl" || make_jsonl
	test -s "$data/columns" || make_columns
	test -d "$cluster" || make_cluster
}

# ---- rows ----

# Both gave the same answer, and one at all.
same () {
	sort "$2" >"$out/a"
	sort "$3" >"$out/b"
	test -s "$out/a" || die "$1: no answer"
	cmp -s "$out/a" "$out/b" ||
		die "$1: snek and the yard-stick differ: $out/a, $out/b"
}

pair () {
	name=$1 before=$2
	shift 2
	# shellcheck disable=SC2086
	"$top/bench/pair" ${options:-} "$name" "$pairs" "$json" "$out/snek" \
	    "$out/yard" "$before" -- "$@"
}

row_wordcount () {
	pair wordcount "" "$snek" query --cluster "$cluster" \
	    --workers "$threads" -o tsv packages wordcount \
	    field=description split=space fold=no \
	    -- "$yard" wordcount "$data/columns" "$threads" \
	    "$top/bench/.libs/yard_words.so"
	same wordcount "$out/snek" "$out/yard"
}

row_count () {
	pair count "" "$snek" query --cluster "$cluster" \
	    --workers "$threads" -o tsv packages group by=package \
	    -- "$yard" count "$data/columns" "$threads"
	same count "$out/snek" "$out/yard"
}

row_group () {
	pair group "" "$snek" query --cluster "$cluster" \
	    --workers "$threads" -o tsv packages group \
	    by=section sum=installed_size \
	    -- "$yard" group "$data/columns" "$threads"
	same group "$out/snek" "$out/yard"
}

row_grep () {
	pair grep "" "$snek" query --cluster "$cluster" \
	    --workers "$threads" -o jsonl packages grep \
	    field=description match=scientific \
	    -- "$yard" grep "$data/columns" "$threads"
	sed 's/^{"package":"\([^"]*\).*/\1/' "$out/snek" >"$out/names"
	same grep "$out/names" "$out/yard"
}

# ---- executors: processes over threads ----

processes () {
	name=$1
	shift
	pair "processes-$name" "" "$snek" query --cluster "$cluster" -q \
	    --workers "$threads" --on processes -o jsonl packages "$@" \
	    -- "$snek" query --cluster "$cluster" -q \
	    --workers "$threads" --on threads -o jsonl packages "$@"
	same "processes-$name" "$out/snek" "$out/yard"
}

row_processes () {
	processes wordcount wordcount field=description split=space fold=no
	processes group group by=section sum=installed_size
	processes grep grep field=description match=scientific
}

row_child () {
	options="-e 200"
	pair child "" "$top/bench/children" worker 200 "$SNEK_WORKER" \
	    "$SNEK_PLUGIN_PATH/grep.so" -- "$top/bench/children" bare 200
	options=
}

# To the first record, by the clock that its map reads.
row_start () {
	new_cluster "$out/start"
	echo '{"x":1}' | "$snek" write --cluster "$out/start" one -q
	options="-m -e 1" pairs=$((8 * pairs))
	pair start "" "$snek" query --cluster "$out/start" -q --on processes \
	    -o jsonl one "$probe:clock" -- "$snek" version
	options="-e 1"
	pair start-whole "" "$snek" query --cluster "$out/start" -q \
	    --on processes -o jsonl one "$probe:nothing" -- "$snek" version
	options='' pairs=$((pairs / 8))
	rm -rf "$out/start"
}

# A task is of one shard: 100 of them, with a chunk each, of one record.
row_tasks () {
	rm -rf "$out/tasks"
	"$top/.libs/snek-deploy" --local "$out/tasks" --shards 100 -q
	seq 100 | awk '{ printf "{\"x\":\"%060000d\"}\n", $0 }' |
	    "$snek" write -q --cluster "$out/tasks" --chunk-size 64K many
	options="-e 1" pairs=$((8 * pairs))
	pair tasks "" "$snek" query --cluster "$out/tasks" -q --on processes \
	    --workers "$threads" many "$probe:nothing" \
	    -- "$snek" query --cluster "$out/tasks" -q --on threads \
	    --workers "$threads" many "$probe:nothing"
	options='' pairs=$((pairs / 8))
	rm -rf "$out/tasks"
}

# ---- calls of a plain C function ----

numbers=$all/numbers-$calls
make_numbers () {
	new_cluster "$numbers.new"
	seq "$calls" | sed 's/.*/{"x":&.5,"n":&}/' |
	    "$snek" write --cluster "$numbers.new" numbers -q
	mv "$numbers.new" "$numbers"
}

call () {
	pair "ffi-$1" "" "$snek" query --cluster "$numbers" -q --workers 1 \
	    --on threads -o jsonl --call "$probe:probe_$1" --sig "$2" \
	    --fields "$3" --reduce sum numbers -- "$snek" query -q \
	    --cluster "$numbers" --workers 1 --on threads -o jsonl numbers \
	    "$probe:read" "fields=$3"
	same "ffi-$1" "$out/snek" "$out/yard"
}

row_ffi () {
	test -d "$numbers" || make_numbers
	options="-d $calls"
	call d_d 'd(d)' x
	call d_dd 'd(dd)' x,x
	call d_ddl 'd(ddl)' x,x,n
	call d_dlid 'd(dlid)' x,n,n,x
	call d_dlllllll 'd(dlllllll)' x,n,n,n,n,n,n,n
	call d_ddddddddd 'd(ddddddddd)' x,x,x,x,x,x,x,x,x
	options=
}

row_write () {
	rm -rf "$out/write"
	pair write "rm -rf '$out/write' && \
	    '$top/.libs/snek-deploy' --local '$out/write' -q" \
	    "$snek" write --cluster "$out/write" packages \
	    "$data/packages.jsonl" -q \
	    -- "$yard" parse "$data/packages.jsonl"
	"$snek" export --cluster "$out/write" packages | wc -l >"$out/names"
	same write "$out/names" "$out/yard"
	rm -rf "$out/write"
}

row_small_writes () {
	small=$out/small
	pair small-writes "rm -rf '$small' '$small.lmdb' && \
	    mkdir '$small.lmdb' && \
	    '$top/.libs/snek-deploy' --local '$small' -q" \
	    "$top/bench/small_writes" snek "$small" packages \
	    "$data/packages.jsonl" "$writes" \
	    -- "$top/bench/small_writes" lmdb "$small.lmdb" - \
	    "$data/packages.jsonl" "$writes"
	printf '%-20s  last quarter / first: %s, of lmdb: %s\n' "" \
	    "$(cat "$out/snek")" "$(cat "$out/yard")"
	printf '{"row":"small-writes-quarters","snek":%s,"yard":%s}\n' \
	    "$(cat "$out/snek")" "$(cat "$out/yard")" >>"$json"
	"$snek" compact --cluster "$small" packages -q
	head -n "$writes" "$data/packages.jsonl" >"$out/head.jsonl"
	"$yard" make "$out/head.jsonl" "$out/head"
	pair small-writes-query "" "$snek" query --cluster "$small" \
	    --workers "$threads" -o tsv packages group \
	    by=section sum=installed_size \
	    -- "$yard" group "$out/head" "$threads"
	same small-writes-query "$out/snek" "$out/yard"
	rm -rf "$small" "$small.lmdb"
}

# ---- without a store, beside mawk ----

make_text () {
	test -s "$data/description.txt" && return
	"$snek" query --cluster "$cluster" -q -o jsonl packages select \
	    fields=description >"$data/description.jsonl"
	"$snek" query --cluster "$cluster" -q -o tsv packages select \
	    fields=description | sed 's/\\[nrt]/ /g
	    s/\\\\/\\/g' >"$data/new"
	mv "$data/new" "$data/description.txt"
}

# The table of snek's has two backslashes for one.
run_text () {	# NAME FORMAT FIELD FILE
	pair "text-$1" "" "$snek" run --format "$2" --input "$4" \
	    --workers "$threads" -q -o tsv wordcount "field=$3" split=space \
	    fold=no -- "$mawk" \
	    '{ for (i = 1; i <= NF; i++) n[$i]++ }
	    END { for (w in n) { k = n[w]; gsub(/\\/, "\\\\&", w)
	        printf "%s\t%d\n", w, k } }' \
	    "$data/description.txt"
	same "text-$1" "$out/snek" "$out/yard"
	sed -n '$s/.*"cpu":.*"seconds":\[\([0-9.]*\).*"wall".*/\1/p' "$json" |
	    awk -v bytes="$(wc -c <"$data/description.txt")" '{
		printf "  %-18s  %.2f CPU s per 99 MB\n", "", $1 * 99e6 / bytes }'
}

row_text () {
	mawk=$(command -v mawk) || skip "no mawk" || return 0
	make_text
	run_text lines text "" "$data/description.txt"
	run_text jsonl jsonl description "$data/description.jsonl"
}

row_parallel () {
	mawk=$(command -v mawk) || skip "no mawk" || return 0
	command -v parallel >/dev/null || skip "no GNU parallel" || return 0
	make_text
	cat >"$out/count.awk" <<'EOF'
{ for (i = 1; i <= NF; i++) n[$i]++ }
END { for (w in n) print n[w], w }
EOF
	cat >"$out/add.awk" <<'EOF'
{ n[$2] += $1 }
END { for (w in n) { k = n[w]; gsub(/\\/, "\\\\&", w); printf "%s\t%d\n", w, k } }
EOF
	pair parallel "" "$snek" run --format text \
	    --input "$data/description.txt" --workers "$threads" -q -o tsv \
	    wordcount field= split=space fold=no -- /bin/sh -c \
	    'parallel -a "$1" --pipepart --block -1 -j "$2" \
		"$3" -f "$4/count.awk" | "$3" -f "$4/add.awk"' \
	    sh "$data/description.txt" "$threads" "$mawk" "$out"
	same parallel "$out/snek" "$out/yard"
}

# jq writes a line as snek does.
row_jq () {
	jq=$(command -v jq) || skip "no jq" || return 0
	make_text
	pair jq "" "$snek" run --input "$data/description.jsonl" \
	    --workers "$threads" -q -o jsonl grep field=description \
	    match=scientific -- "$jq" -c \
	    'select(.description | contains("scientific"))' \
	    "$data/description.jsonl"
	same jq "$out/snek" "$out/yard"
}

# ---- columns that are not plain, beside plain ones ----

halve () {
	sed '0~2{s/"description":"[^"\\]*\(\\.[^"\\]*\)*"/"description":null/
	s/"section":"[^"]*"/"section":null/
	s/"installed_size":[0-9]*/"installed_size":null/}' "$data/packages.jsonl"
}

# Of three records one has ints, one doubles, and one strings; a sum takes no
# strings, so that column has two ints for one double.
mix () {
	sed '1~3{s/"description":"[^"\\]*\(\\.[^"\\]*\)*"/"description":17/
	s/"section":"[^"]*"/"section":4/}
	2~3{s/"description":"[^"\\]*\(\\.[^"\\]*\)*"/"description":17.5/
	s/"section":"[^"]*"/"section":4.25/
	s/"installed_size":[0-9]*/&.5/}' "$data/packages.jsonl"
}

compare () {	# NAME CLUSTER QUERY...
	name=$1 at=$2
	shift 2
	pair "$name" "" "$snek" query --cluster "$at" -q \
	    --workers "$threads" -o jsonl packages "$@" \
	    -- "$snek" query --cluster "$cluster" -q \
	    --workers "$threads" -o jsonl packages "$@"
	test -s "$out/snek" || die "$name: no answer"
}

beside_plain () {	# NAME MAKER
	if ! test -d "$data/$1"; then
		new_cluster "$data/new"
		"$2" | "$snek" write --cluster "$data/new" packages -q
		mv "$data/new" "$data/$1"
	fi
	compare "$1-wordcount" "$data/$1" wordcount field=description \
	    split=space fold=no
	compare "$1-group" "$data/$1" group by=section sum=installed_size
	compare "$1-grep" "$data/$1" grep field=description match=scientific
}

row_half_null () {
	beside_plain half-null halve
}

row_mixed () {
	beside_plain mixed mix
}

# ---- all pairs ----

# Each text has a kilobyte beside it that nobody reads, so that there are tasks
# enough for all workers.
make_texts () {
	awk -v n="${TEXTS:-2000}" 'function draw(k) {
		x = x * 16807 % 2147483647
		return x % k
	}
	BEGIN { x = 42
		for (i = 0; i < n; i++) {
			s = ""
			for (k = 20 + draw(11); k; k--)
				s = s sprintf("%c", 97 + draw(26))
			printf "{\"id\":%d,\"text\":\"%s\",\"rest\":\"%01000d\"}\n",
			    i, s, i
		} }' >"$out/texts.jsonl"
	new_cluster "$out/texts"
	"$snek" write --cluster "$out/texts" --chunk-size 64K texts \
	    "$out/texts.jsonl" -q
}

row_lcs () {
	make_texts
	set -- --cluster "$out/texts" -q -o jsonl texts \
	    "$top/examples/.libs/lcs.so" --side all=texts
	pair lcs "" "$snek" query --workers "$threads" "$@" \
	    -- "$yard" lcs "$out/texts.jsonl" "$threads"
	same lcs "$out/snek" "$out/yard"
	pair lcs-scaling "" "$snek" query --workers 1 "$@" \
	    -- "$snek" query --workers "$threads" "$@"
	pair lcs-scaling-c "" "$yard" lcs "$out/texts.jsonl" 1 \
	    -- "$yard" lcs "$out/texts.jsonl" "$threads"
	rm -rf "$out/texts"
}

# ---- a small job, and the memory of a large one ----

row_small_job () {
	new_cluster "$out/job"
	cat "$data/packages.jsonl" "$data/packages.jsonl" \
	    "$data/packages.jsonl" "$data/packages.jsonl" | head -n 64000 |
	    "$snek" write --cluster "$out/job" packages -q
	options="-d 1" pairs=$((8 * pairs))
	pair small-job "" "$snek" query --cluster "$out/job" -q \
	    --on processes --workers "$threads" -o tsv packages group \
	    by=section sum=installed_size -- "$snek" version
	options='' pairs=$((pairs / 8))
	rm -rf "$out/job"
}

# What is resident besides segments, as often as can be looked.
row_peak () {
	"$snek" query --cluster "$cluster" -q --on threads \
	    --workers "$threads" -o tsv packages wordcount \
	    field=description split=space fold=no >"$out/snek" &
	query=$! most=0 looks=0
	while kill -0 $query 2>/dev/null; do
		kib=$(awk '/^[0-9a-f]+-/ { counts = !/\.seg$/ }
		    /^Rss:/ && counts { n += $2 } END { print n + 0 }' \
		    "/proc/$query/smaps" 2>/dev/null) || continue
		looks=$((looks + 1))
		test "$kib" -le "$most" || most=$kib
	done
	wait $query || die "peak: the query failed"
	printf '%-20s  %s KiB besides the segments, of %s looks\n' peak \
	    "$most" "$looks"
	printf '{"row":"peak","kib":%s,"looks":%s}\n' "$most" "$looks" >>"$json"
	test "$looks" -ge 3 || die "peak: too few looks: make SIZE larger"
	test "$most" -le 65536 || die "peak: more than 64 MiB"
}

# ---- peers: their packages are installed when a row first wants them ----

peer_packages='@duckdb/node-api chdb'
need_peers () {
	node=$(command -v node) || skip "no node" || return
	test -d "$all/peers/node_modules" && return
	command -v npm >/dev/null || skip "no npm" || return
	rm -rf "$all/peers.new"
	mkdir "$all/peers.new"
	# shellcheck disable=SC2086
	npm install --silent --no-save --no-package-lock \
	    --prefix "$all/peers.new" $peer_packages >&2 ||
		skip "npm cannot install $peer_packages" || return
	mv "$all/peers.new" "$all/peers"
}

peer () {	# PEER WORK [STORE]
	"$node" "$srcdir/bench/peers.mjs" "$all/peers" "$1" "$2" \
	    "${3:-$data/$1}" "$threads" "$data/packages.jsonl"
}

peer_store () {
	test -e "$data/$1" && return
	rm -rf "$data/$1.new"*
	peer "$1" load "$data/$1.new"
	mv "$data/$1.new" "$data/$1"
}

# Beside the query of snek's that is the rest of the arguments.
beside () {	# PEER WORK QUERY...
	need_peers || return 0
	peer_store "$1"
	peer=$1 work=$2
	shift 2
	pair "$peer-$work" "" "$snek" query --cluster "$cluster" \
	    --workers "$threads" -o tsv packages "$@" \
	    -- "$node" "$srcdir/bench/peers.mjs" "$all/peers" "$peer" "$work" \
	    "$data/$peer" "$threads"
	same "$peer-$work" "$out/snek" "$out/yard"
}

row_duckdb_wordcount () {
	beside duckdb wordcount wordcount field=description split=space fold=no
}

row_duckdb_count () {
	beside duckdb count group by=package
}

row_chdb_wordcount () {
	beside chdb wordcount wordcount field=description split=space fold=no
}

row_duckdb_write () {
	need_peers || return 0
	pair duckdb-write "rm -rf '$out/write' '$out/duckdb'* && \
	    '$top/.libs/snek-deploy' --local '$out/write' -q" \
	    "$snek" write --cluster "$out/write" packages \
	    "$data/packages.jsonl" -q \
	    -- "$node" "$srcdir/bench/peers.mjs" "$all/peers" duckdb load \
	    "$out/duckdb" "$threads" "$data/packages.jsonl"
	peer duckdb count "$out/duckdb" >"$out/yard"
	"$snek" query --cluster "$out/write" -o tsv packages group \
	    by=package >"$out/snek"
	same duckdb-write "$out/snek" "$out/yard"
	rm -rf "$out/write" "$out/duckdb"*
}

# ---- functions: the bundle's runtime behind a Runtime API of the bench's ----

lambda_bundle () {
	test -f "$top/core/aws/.libs/snek-aws.so" ||
	    die "no bundles: built without AWS"
	rm -rf "$out/root"
	SNEK_AWS=$top/core/aws/.libs/snek-aws.so \
	    SNEK_TLS=$top/core/store/.libs/snek-tls.so \
	    "$top/.libs/snek-add-function" -q --bundle "$out/bundle.zip" "$@" \
	    "$SNEK_PLUGIN_PATH/wordcount.so"
	"${PYTHON:-python3}" -m zipfile -e "$out/bundle.zip" "$out/root"
	chmod +x "$out/root/bootstrap" "$out/root"/snek/*
}

zip_size () {	# LIMIT
	bytes=$(wc -c <"$out/bundle.zip")
	printf '  %-18s  %s bytes of zip\n' "" "$bytes"
	test "$bytes" -le "$1" || die "the zip is over $1 bytes"
}

lambda () {
	name=$1
	shift
	"$top/bench/function" "$@" "$name" $((pairs * more)) "$json" -- \
	    "$out/root/bootstrap" -- "$top/bench/bare"
}

row_lambda_start () {
	lambda_bundle
	more=9
	lambda lambda-start
	zip_size 1300000
}

row_lambda_cpu () {
	lambda_bundle
	more=1
	lambda lambda-cpu -n 5000
}

row_lambda_task () {
	lambda_bundle
	more=1
	lambda lambda-task -n 2000 -p "$SNEK_PLUGIN_PATH/wordcount.so"
}

# Least, median and greatest of the first and third number of each line; what the
# first is over, the second.
invocations () {	# NAME REACH, on standard input
	sort -n | awk -v name="$1" -v reach="$2" -v json="$json" '
	function sort_cpu(i, j, t) {
		for (i = 2; i <= NR; i++)
			for (j = i; j > 1 && cpu[j] < cpu[j - 1]; j--) {
				t = cpu[j]; cpu[j] = cpu[j - 1]; cpu[j - 1] = t
			}
	}
	{ over[NR] = $1 - $2; cpu[NR] = $3 }
	END {
		m = int((NR + 1) / 2); sort_cpu()
		printf "%-20s  %5.1f %5.1f %5.1f  us of CPU a call; %.1f %.1f " \
		    "%.1f ms%s\n", name, cpu[1], cpu[m], cpu[NR], over[1],
		    over[m], over[NR], reach
		printf "{\"row\":\"%s\",\"cpu_us\":[%s,%s,%s],\"ms\":[%s,%s,%s]}\n",
		    name, cpu[1], cpu[m], cpu[NR], over[1], over[m], over[NR] >>json
	}'
}

# A server holds 1,000 invocations of 50 ms open together.
row_lambda_1000 () {
	new_cluster "$out/lambda-1000"
	"$top/.libs/snek-add-function" -q --on local \
	    --cluster "$out/lambda-1000" "$probe"
	for n in 1000 10000; do
		i=0
		while test $i -lt $((n == 1000 ? pairs * 3 : pairs)); do
			SNEK_AWS=$top/core/aws/.libs/snek-aws.so \
			    timeout 300 "$top/bench/invocations" \
			    "$out/lambda-1000" probe.nothing $n 1000 50 ||
			    die "lambda-$n"
			i=$((i + 1))
		done | invocations "lambda-$n" " over the waves of 50"
	done
	rm -rf "$out/lambda-1000"
}

# 100 invocations by the local host, whose environments are there already.
row_lambda_map () {
	tmp=$out/host
	rm -rf "$tmp" "$out/lambda-map"
	mkdir -p "$tmp"
	. "$srcdir/tests/lambda_world.sh"
	trap 'lambda_end_all' EXIT
	SNEK_LAMBDA_LOCAL=${SNEK_LAMBDA_LOCAL:-$top/snek-lambda-local}
	export SNEK_LAMBDA_LOCAL SNEK_AWS=$top/core/aws/.libs/snek-aws.so
	start_lambda || die "no local host"
	SNEK_CONFIG=$out/snek.conf "$top/.libs/snek-deploy" -q \
	    --local "$out/lambda-map"
	SNEK_CONFIG=$out/snek.conf "$top/.libs/snek-add-function" -q --on lambda \
	    --role arn:aws:iam::000000000000:role/bench \
	    --cluster "$out/lambda-map" "$probe" || die "no function"
	i=-2
	while test $i -lt $((pairs * 3)); do
		"$top/bench/invocations" "$out/lambda-map" probe.nothing \
		    100 100 >"$out/b" || die "lambda-map"
		test $i -lt 0 || cat "$out/b"
		i=$((i + 1))
	done | invocations lambda-map ""
	stop_lambda
	rm -rf "$out/lambda-map" "$tmp"
}

row_lambda_tls () {
	lambda_bundle --tls
	i=0
	while test $i -lt $((pairs * 5)); do
		SNEK_TLS=$out/root/snek/snek-tls.so "$out/root/snek/ld.so" \
		    --library-path "$out/root/snek" "$top/bench/tls_start"
		i=$((i + 1))
	done >"$out/a"
	awk '{ print $1 + $2, $3 }' "$out/a" | sort -n | awk -v name=lambda-tls '
	{ ms[NR] = $1; if ($2 > kib) kib = $2 }
	END { printf "%-20s  %5.2f %5.2f %5.2f  ms until the first word, and " \
	    "%d KiB\n", name, ms[1], ms[int((NR + 1) / 2)], ms[NR], kib }'
	zip_size 3500000
}

# ---- Redis: one server, on a port and a socket, that saves nothing ----

server=
stop_server () {
	test -z "$server" || kill "$server"
	server=
}

start_server () {
	test -z "$server" || return 0
	redis=${REDIS_SERVER:-$(command -v redis-server)} ||
		die "no redis-server"
	ln -sf "$redis" "$out/redis-server"
	dir=$(mktemp -d)
	port=${REDIS_PORT:-16479}
	"$out/redis-server" --bind 127.0.0.1 --port "$port" --save "" \
	    --unixsocket "$dir/s" --appendonly no --maxmemory-policy \
	    noeviction --dir "$dir" >"$out/redis.log" &
	server=$!
	trap 'stop_server; rm -rf "$dir"' EXIT
	until test -S "$dir/s"; do
		kill -0 "$server" || die "redis-server: see $out/redis.log"
		sleep 0.1
	done
	urls="unix://$dir/s redis://127.0.0.1:$port"
	segments=$(find "$cluster" -name '*.seg')
}

name_of () {
	case $1 in
	unix:*) echo unix ;;
	*) echo tcp ;;
	esac
}

row_redis_scan () {
	start_server
	bench="$top/bench/redis"
	"$bench" flush "${urls%% *}" 0
	# shellcheck disable=SC2086
	"$bench" load "${urls%% *}" 4 $segments >"$out/a"
	# shellcheck disable=SC2086
	"$bench" load-bare "${urls%% *}" 0 $segments >"$out/b"
	for url in $urls; do
		pair "redis-scan-$(name_of "$url")" "" "$bench" scan "$url" 4 \
		    -- "$bench" scan-bare "$url" 0
		same redis-scan "$out/snek" "$out/yard"
	done
	# shellcheck disable=SC2086
	"$bench" load "${urls%% *}?prefix=k16" 16 $segments >"$out/a"
	pair redis-16-shards "" "$bench" scan "${urls%% *}?prefix=k16" 16 \
	    -- "$bench" scan "${urls%% *}" 4
}

row_redis_column () {
	start_server
	bench="$top/bench/redis"
	"$bench" flush "${urls%% *}" 0
	# shellcheck disable=SC2086
	"$bench" load "${urls%% *}" 4 $segments >"$out/a"
	# shellcheck disable=SC2086
	"$bench" load-column-bare "${urls%% *}" 0 description $segments >"$out/b"
	for url in $urls; do
		pair "redis-column-$(name_of "$url")" "" \
		    "$bench" column "$url" 4 description \
		    -- "$bench" scan-bare "$url" 0
		same redis-column "$out/snek" "$out/yard"
	done
}

row_redis_write () {
	start_server
	bench="$top/bench/redis"
	for url in $urls; do
		# shellcheck disable=SC2086
		pair "redis-write-$(name_of "$url")" "'$bench' flush '$url' 0" \
		    "$bench" load "$url" 1 $segments \
		    -- "$bench" load-bare "$url" 0 $segments
		same redis-write "$out/snek" "$out/yard"
	done
}

row_redis_columns () {
	start_server
	"$top/bench/redis" flush "${urls%% *}" 0
	printf '%-20s  ' redis-columns
	"$top/bench/redis" two "${urls%% *}" 1
}

# The whole query, and what the server sent for it.
redis_sent () {
	redis-cli -p "$port" info stats |
	    sed -n 's/^total_net_output_bytes:\([0-9]*\).*/\1/p'
}

row_redis_group () {
	start_server
	at=${urls%% *}
	"$top/bench/redis" flush "$at" 0
	SNEK_CONFIG=$out/snek.conf "$top/.libs/snek-deploy" -q --redis \
	    "$at?db=1,$at?db=2,$at?db=3,$at?db=4"
	"$snek" copy packages --cluster "$cluster" --to "$at?db=1" -q
	pair redis-group "" "$snek" query --cluster "$at?db=1" \
	    --workers "$threads" -o tsv packages group \
	    by=section sum=installed_size \
	    -- "$snek" query --cluster "$cluster" \
	    --workers "$threads" -o tsv packages group \
	    by=section sum=installed_size
	same redis-group "$out/snek" "$out/yard"
	sent=$(redis_sent)
	"$snek" query --cluster "$at?db=1" -q packages group by=section \
	    sum=installed_size >"$out/a"
	sent=$(($(redis_sent) - sent))
	chunks=$("$snek" stat packages --cluster "$cluster" |
	    awk '$1 == "shard" { n += $4 } END { print n }')
	echo "redis-group: $sent bytes sent for $chunks chunks"
}

# ---- functions: through the local Lambda host ----

local_calls () {	# CALLS AT_ONCE LIMIT-IN-MS
	i=0
	while test $i -lt "$pairs"; do
		"$top/bench/local" "$port" "$1" "$2"
		i=$((i + 1))
	done | sort -n | awk -v name="lambda-local-$2" -v limit="$3" -v json="$json" '
	{ ms[NR] = $1; us[NR] = $2 }
	END { m = int((NR + 1) / 2)
	    printf "%-20s  %5.2f %5.2f %5.2f  ms for all, %.0f us each\n", name,
		ms[1], ms[m], ms[NR], us[m]
	    printf "{\"row\":\"%s\",\"ms\":%s,\"us_each\":%s}\n", name, ms[m],
		us[m] >>json
	    if (ms[1] > limit) { print name ": over " limit " ms"; exit 1 } }'
}

row_lambda_local () {
	test -x "$top/snek-lambda-local" || die "built without the local Lambda host"
	rm -rf "$out/bare" "$out/bare.zip"
	mkdir -p "$out/bare"
	cp "$top/bench/bare" "$out/bare/bootstrap"
	(cd "$out/bare" && "${PYTHON:-python3}" -m zipfile -c ../bare.zip bootstrap)
	SNEK_LAMBDA_LOCAL=$top/snek-lambda-local "$snek" lambda-local --port 0 \
	    --root / >"$out/ready" 2>"$out/local.log" &
	host=$!
	trap 'kill $host' EXIT
	until grep -q http "$out/ready"; do
		kill -0 $host 2>/dev/null || die "no host: $(cat "$out/local.log")"
		sleep 0.1
	done
	port=$(sed 's/.*://' "$out/ready")
	"$top/bench/local" "$port" "$out/bare.zip"
	local_calls 2000 1 1000
	local_calls 100 100 50
	local_calls 1000 1000 500
	kill $host
	wait $host
	trap - EXIT
}

. "$srcdir/bench/gateway.sh"
. "$srcdir/bench/latency.sh"
rows='wordcount group grep count write small-writes processes child start'
rows="$rows tasks ffi"
rows="$rows text parallel jq half-null mixed lcs small-job peak"
rows="$rows duckdb-wordcount duckdb-count duckdb-write chdb-wordcount"
rows="$rows lambda-start lambda-cpu lambda-task lambda-tls lambda-local"
rows="$rows lambda-1000 lambda-map"
rows="$rows redis-column redis-scan redis-write redis-columns redis-group"
rows="$rows latency gateway-write gateway-read"
case " $rows all " in
*" ${1:-all} "*) ;;
*) die "no row '$1'; there are: $rows" ;;
esac
test "${1:-all}" = all || rows=$1

: >"$json"
echo "SIZE=$size PAIRS=$pairs THREADS=$threads, snek over its yard-stick"
printf '%-20s  %-17s  %s\n' "" "cpu min med max" "wall min med max"
for row in $rows; do
	case $row in
	child|start|tasks|ffi|lcs|lambda*) ;;
	*) make_data ;;
	esac
	"row_$(echo "$row" | tr - _)"
done
echo "$json"
