#!/bin/sh
# SPDX-License-Identifier: MIT
# Rows of the gateway; read by bench.sh.  wrk asks the gateway and its yard-stick
# in turn, over loopback; who is asked is alone with wrk while it is.
SNEK_GATEWAY=${SNEK_GATEWAY:-$top/snek-gateway}
SNEK_GATEWAY_TOKEN=0123456789abcdef0123456789abcdef
export SNEK_GATEWAY SNEK_GATEWAY_TOKEN
bearer="Authorization: Bearer $SNEK_GATEWAY_TOKEN"
each=${EACH:-2}
gateway='' bare=''

need_wrk () {
	command -v wrk >/dev/null || skip "no wrk" || return
	command -v curl >/dev/null || skip "no curl" || return
	test -x "$SNEK_GATEWAY" || skip "built without libmicrohttpd"
}

end_gateway () {
	test -z "$gateway" || { kill "$gateway"; wait "$gateway"; }
	test -z "$bare" || { kill "$bare"; wait "$bare"; } 2>/dev/null || :
	gateway='' bare=''
}

start_gateway () {	# CLUSTER
	trap end_gateway EXIT
	: >"$out/ready"
	"$snek" gateway --cluster "$1" --listen 127.0.0.1:0 \
	    >"$out/ready" 2>"$out/gateway.log" &
	gateway=$!
	until grep -q http "$out/ready"; do
		kill -0 "$gateway" 2>/dev/null ||
		    die "no gateway: $(cat "$out/gateway.log")"
		sleep 0.1
	done
	port=$(sed 's/.*://' "$out/ready")
}

start_bare () {	# FILE: its bytes are the answer
	: >"$out/ready"
	"$top/bench/bare_http" "$1" >"$out/ready" &
	bare=$!
	until test -s "$out/ready"; do
		kill -0 "$bare" 2>/dev/null || die "no bare handler"
		sleep 0.1
	done
	bare_port=$(cat "$out/ready")
}

# Of a process and all its threads, in microseconds.
cpu_of () {
	awk -v tick="$(getconf CLK_TCK)" \
	    '{ print ($14 + $15) * 1000000 / tick }' "/proc/$1/stat"
}

# Requests, those a second, and CPU microseconds of one.
load () {	# PID PORT CONNECTIONS PATH [SCRIPT]
	before=$(cpu_of "$1")
	wrk -t1 -c"$3" -d"${each}s" ${5:+-s "$5"} -H "$bearer" \
	    "http://127.0.0.1:$2$4" >"$out/wrk"
	! grep -E 'Non-2xx|Socket errors' "$out/wrk" || die "$row: not all was answered"
	after=$(cpu_of "$1")
	awk -v cpu="$((${after%.*} - ${before%.*}))" '
	/ requests in / { n = $1 } /^Requests\/sec/ { rate = $2 }
	END { print n, rate, cpu / n }' "$out/wrk"
}

# Median ratio of the pairs, and medians of the CPU of one; the limit is a least
# ratio of requests a second, or "-".
compare_loads () {	# NAME LIMIT, on standard input: RATE CPU RATE CPU
	sort -n | awk -v name="$1" -v limit="$2" -v json="$json" '
	function median(a, i, j, t) {
		for (i = 2; i <= NR; i++)
			for (j = i; j > 1 && a[j] < a[j - 1]; j--) {
				t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
			}
		return a[int((NR + 1) / 2)]
	}
	{ ratio[NR] = $1 / $3; rate[NR] = $1; ours[NR] = $2; theirs[NR] = $4 }
	END {
		m = median(ratio)
		printf "%-20s  %.2f %.2f %.2f  of its requests/s (%.0f); CPU of " \
		    "one %.1f us, its %.1f\n", name, ratio[1], m, ratio[NR],
		    median(rate), median(ours), median(theirs)
		printf "{\"row\":\"%s\",\"rate\":%s,\"rate_ratio\":%.3f," \
		    "\"us\":[%s,%s]}\n", name, median(rate), m, median(ours),
		    median(theirs) >>json
		if (limit != "-" && m < limit) {
			print name ": fewer than " limit " of its requests"
			exit 1
		}
	}'
}

read_beside_bare () {	# NAME LIMIT PATH [SCRIPT]
	curl -fsS -H "$bearer" "http://127.0.0.1:$port$3" >"$out/body" ||
	    die "$1: no answer"
	start_bare "$out/body"
	i=-1
	while test $i -lt "$pairs"; do
		ours=$(load "$gateway" "$port" 16 "$3" ${4:+"$4"})
		theirs=$(load "$bare" "$bare_port" 16 "$3" ${4:+"$4"})
		test $i -lt 0 || echo "${ours#* } ${theirs#* }"
		i=$((i + 1))
	done >"$out/loads"
	kill "$bare"
	wait "$bare" || :
	bare=''
	compare_loads "$1" "$2" <"$out/loads"
}

row_gateway_read () {
	need_wrk || return 0
	new_cluster "$out/gateway"
	for n in 1 25 150 1500; do
		head -n $n "$data/packages.jsonl" |
		    "$snek" write --cluster "$out/gateway" "of$n" -q
	done
	for n in $(seq 500); do
		head -n 1 "$data/packages.jsonl" |
		    "$snek" write --cluster "$out/gateway" "one$n" -q
	done
	start_gateway "$out/gateway"
	read_beside_bare gateway-find 0.7 /v1/categories/of1
	read_beside_bare gateway-record 0.7 /v1/categories/of1/records
	read_beside_bare gateway-spread 0.7 /v1/categories/one1/records \
	    "$srcdir/bench/spread.lua"
	read_beside_bare gateway-4k - "/v1/categories/of25/records?limit=10"
	read_beside_bare gateway-60k - "/v1/categories/of150/records?limit=130"
	end_gateway
	rm -rf "$out/gateway"
}

# Both write to a cluster of their own, one after the other's end, and sync.
row_gateway_write () {
	need_wrk || return 0
	BODY=$out/body
	export BODY
	head -n 1000 "$data/packages.jsonl" >"$BODY"
	i=-1
	while test $i -lt "$pairs"; do
		new_cluster "$out/gateway"
		start_gateway "$out/gateway"
		ours=$(load "$gateway" "$port" 1 /v1/categories/a/records \
		    "$srcdir/bench/write.lua")
		end_gateway
		new_cluster "$out/gateway"
		theirs=$("$top/bench/writes" "$out/gateway" a "$BODY" "$each")
		test $i -lt 0 || echo "${ours##* } ${theirs#* }"
		i=$((i + 1))
	done | sort -n | awk -v json="$json" '
	{ r[NR] = $1 / $2; us[NR] = $1 }
	END {
		for (i = 2; i <= NR; i++)
			for (j = i; j > 1 && r[j] < r[j - 1]; j--) {
				t = r[j]; r[j] = r[j - 1]; r[j - 1] = t
			}
		m = r[int((NR + 1) / 2)]
		printf "%-20s  %.2f %.2f %.2f  of its CPU; %.0f us a write\n",
		    "gateway-write", r[1], m, r[NR], us[int((NR + 1) / 2)]
		printf "{\"row\":\"gateway-write\",\"cpu_ratio\":%.3f}\n", m >>json
		if (m > 1.5) { print "gateway-write: over 1.5"; exit 1 }
	}'
	rm -rf "$out/gateway"
}
