#!/bin/sh
# SPDX-License-Identifier: MIT
# How the rows grow: growth.sh, from the build directory, or make bench-growth.
# SIZES (10m 100m 1g), LARGE (10g, or nothing: of records that are made as they are
# written; it takes 9 GB of disk), KEYS (10 to 10 million); PAIRS, THREADS and
# BENCH_DATA as in bench.sh.  Writes bench/growth.tsv: what, how large, seconds of
# CPU, of wall time.
set -eu
srcdir=${srcdir:-.}
sizes=${SIZES:-10m 100m 1g}
large=${LARGE-10g}
keys=${KEYS:-10 100 1000 10000 100000 1000000 10000000}
threads=${THREADS:-$(nproc)}
pairs=${PAIRS:-3}
top=$(pwd)
all=${BENCH_DATA:-$top/bench/data}
out=$top/bench/growth.tsv
new=$top/bench/growth.new
export LD_LIBRARY_PATH="$top/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export SNEK_PLUGIN_PATH="$top/plugins/.libs" LC_ALL=C
export SNEK_WORKER="${SNEK_WORKER:-$top/snek-worker}"
snek=$top/.libs/snek

bytes_of () {
	case $1 in
	*m) echo "${1%?}000000" ;;
	*g) echo "${1%?}000000000" ;;
	*) echo "$1" ;;
	esac
}

# Of a line of bench.json: seconds of snek.
note () {	# WHAT SIZE < LINES
	sed 's/.*"cpu":{[^}]*"seconds":\[\([0-9.]*\).*"wall":{[^}]*"seconds":\[\([0-9.]*\).*/\1\t\2/' |
	    sed "s/^/$1\t$2\t/" >>"$new"
}

# Beside a command that does nothing.
alone () {	# WHAT SIZE CLUSTER CATEGORY QUERY...
	what=$1 size=$2 at=$3
	shift 3
	: >"$all/json"
	"$top/bench/pair" "$what" "$pairs" "$all/json" "$all/growth.a" "$all/growth.b" "" -- \
	    "$snek" query --cluster "$at" --workers "$threads" -q -o tsv "$@" \
	    -- "$snek" version >&2
	note "$what" "$size" <"$all/json"
}

# ---- more data ----

# What a size made is removed when it was not there before.
by_size () {
	for size in $sizes; do
		was=no
		test -d "$all/$size" && was=yes
		for row in wordcount group grep count write; do
			SIZE=$size PAIRS=$pairs THREADS=$threads BENCH_DATA=$all \
			    sh "$srcdir/bench/bench.sh" $row >&2
			note $row "$(bytes_of "$size")" <bench/bench.json
		done
		test $was = yes || rm -rf "${all:?}/$size"
	done
}

packages () {
	round=0 have=0
	apt-cache dumpavail 2>/dev/null |
	    awk -f "$srcdir/examples/packages.awk" >"$all/packages"
	test -s "$all/packages" ||
		cp "$srcdir/examples/data/packages.jsonl" "$all/packages"
	each=$(wc -c <"$all/packages")
	while test $have -lt "$1"; do
		sed "s/^{\"package\":\"[^\"]*/&-$(printf %03d $round)/" \
		    "$all/packages"
		have=$((have + each)) round=$((round + 1))
	done
}

# One line of seconds, of what the shell times says of its children; by the clock
# it takes as long as the records take to be made.
write_large () {
	began=$(date +%s)
	packages "$bytes" | {
		"$snek" write --cluster "$all/large" packages -q >&2
		times
	} | awk -v what="write	$bytes" -v wall="$began" 'END {
		for (i = 1; i <= 2; i++) {
			split($i, t, /[ms]/)
			cpu += 60 * t[1] + t[2]
		}
		"date +%s" | getline now
		printf "%s\t%.4f\t%.4f\n", what, cpu, now - wall
	}' >>"$new"
}

by_large () {
	bytes=$(bytes_of "$large")
	rm -rf "$all/large"
	"$top/.libs/snek-deploy" --local "$all/large" -q
	write_large
	alone wordcount "$bytes" "$all/large" packages wordcount \
	    field=description split=space fold=no
	alone group "$bytes" "$all/large" packages group by=section \
	    sum=installed_size
	alone grep "$bytes" "$all/large" packages grep field=description \
	    match=scientific
	alone count "$bytes" "$all/large" packages group by=package
	rm -rf "$all/large" "$all/packages"
}

# ---- more keys, of ten million records ----

by_keys () {
	for n in $keys; do
		rm -rf "$all/keys"
		"$top/.libs/snek-deploy" --local "$all/keys" -q
		awk -v n="$n" 'BEGIN { srand(1)
			for (i = 0; i < 10000000; i++)
				printf "{\"k\":\"key-%08d\"}\n", rand() * n
		}' |
		    "$snek" write --cluster "$all/keys" keys -q
		alone keys "$n" "$all/keys" keys group by=k
		test "$(wc -l <"$all/growth.a")" -ge $((n / 2))
	done
	rm -rf "$all/keys"
}

mkdir -p "$all"
: >"$new"
by_size
test -z "$large" || by_large
by_keys
rm -f "$all/json" "$all/growth.a" "$all/growth.b"
mv "$new" "$out"
cat "$out"
