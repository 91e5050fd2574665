#!/bin/sh
# SPDX-License-Identifier: MIT
# The row latency; read by bench.sh.  A cluster of four servers and one for meta,
# mappers in Lambdas of the local host, a gateway that coordinates: between all
# of them a long wire (bench/wire.c), which counts what goes through it.

need_latency () {
	need_wrk || return
	REDIS_SERVER=${REDIS_SERVER:-$(command -v redis-server)}
	test -x "$REDIS_SERVER" || skip "no redis-server" || return
	command -v redis-cli >/dev/null || skip "no redis-cli" || return
	test -x "$top/snek-lambda-local" || skip "no local Lambda host"
}

# From now on a round trip takes so many microseconds; what was counted before
# is in $out/counts.
set_trip () {
	rm -f "$out/counts"
	echo "$1" >"$out/trip"
	kill -USR1 "$wire"
	until test -f "$out/counts"; do
		kill -0 "$wire" || die "the wire has ended"
		sleep 0.01
	done
}

start_wire () {		# PORT ...
	echo 0 >"$out/trip"
	: >"$out/ready"
	"$top/bench/wire" "$out/trip" "$out/counts" "$@" >"$out/ready" &
	wire=$!
	until test -s "$out/ready"; do sleep 0.05; done
	# shellcheck disable=SC2046
	set -- $(cat "$out/ready")
	latency_meta=redis://127.0.0.1:$1
	latency_shards="redis://127.0.0.1:$2,redis://127.0.0.1:$3"
	latency_shards="$latency_shards,redis://127.0.0.1:$4,redis://127.0.0.1:$5"
	AWS_ENDPOINT_URL=http://127.0.0.1:$6
}

end_latency () {
	end_gateway
	test -z "$wire" || kill "$wire"
	wire=
	lambda_end_all || :
	redis_end_all || :
	rm -rf "$tmp"
}

latency_world () {
	tmp=$(mktemp -d) wire=
	. "$srcdir/tests/redis_world.sh"
	. "$srcdir/tests/lambda_world.sh"
	trap end_latency EXIT
	SNEK_LAMBDA_LOCAL=$top/snek-lambda-local SNEK_CONFIG=$tmp/snek.conf
	SNEK_AWS=$top/core/aws/.libs/snek-aws.so
	export SNEK_LAMBDA_LOCAL SNEK_CONFIG SNEK_AWS
	for n in meta a b c d; do
		start_redis "$n" || die "no server"
	done
	start_lambda --environments 16 || die "no Lambda host"
	# shellcheck disable=SC2154
	start_wire "${redis_meta##*:}" "${redis_a##*:}" "${redis_b##*:}" \
	    "${redis_c##*:}" "${redis_d##*:}" "${lambda_url##*:}"
	"$top/.libs/snek-deploy" -q --redis "$latency_shards" --meta "$latency_meta"
	head -n 4000 "$data/packages.jsonl" |
	    "$snek" write --cluster "$latency_meta" packages -q
	"$top/.libs/snek-add-function" -q --replace --on lambda \
	    --cluster "$latency_meta" \
	    --role arn:aws:iam::000000000000:role/bench \
	    "$SNEK_PLUGIN_PATH/group.so" || die "no function"
}

latency_ask () {	# prints seconds
	curl -fsS -o "$out/answer" -w '%{time_total}\n' -H "$bearer" -d \
	    '{"category":"packages","function":"group","args":{"by":"section","sum":"installed_size"}}' \
	    "http://127.0.0.1:$port/v1/query" || die "latency: no answer"
	grep -q '"pages":1' "$out/answer" || die "latency: $(head -c 300 "$out/answer")"
}

# Median milliseconds, and per query: round trips and bytes to meta, to shards,
# to the Lambda host.
latency_at () {		# WHERE US
	set_trip "$2"
	latency_ask >/dev/null
	latency_ask >/dev/null
	set_trip "$2"
	i=0
	while test $i -lt "$pairs"; do
		latency_ask
		i=$((i + 1))
	done | sort -n >"$out/loads"
	set_trip 0
	ms=$(awk '{ t[NR] = $1 } END { print 1000 * t[int((NR + 1) / 2)] }' "$out/loads")
	awk -v where="$1" -v us="$2" -v ms="$ms" -v n="$pairs" -v json="$json" '
	NR == 1 { meta = $2 / n; bytes = $3 + $4 }
	NR > 1 && NR < 6 { trips += $2 / n; read += $3 + $4 }
	NR == 6 { calls = $2 / n; sent = $3 + $4 }
	{ opened += $1 / n }
	END {
		printf "%-9s %5.1f ms: %7.1f ms; turns meta %.1f, shards %.1f, " \
		    "functions %.1f; bytes %.0f, %.0f, %.0f; opened %.1f\n", where,
		    us / 1000, ms, meta, trips, calls, bytes / n, read / n,
		    sent / n, opened
		printf "{\"row\":\"latency-%s\",\"rtt_us\":%s,\"ms\":%s," \
		    "\"turns\":[%s,%s,%s],\"bytes\":[%s,%s,%s]}\n", where, us, ms,
		    meta, trips, calls, bytes / n, read / n, sent / n >>json
	}' "$out/counts"
	eval "latency_$2=$ms"
}

row_latency () {
	need_latency || return 0
	latency_world
	for on in threads lambda; do
		: >"$out/ready"
		"$snek" gateway --cluster "$latency_meta" --on $on \
		    --listen 127.0.0.1:0 >"$out/ready" 2>"$out/gateway.log" &
		gateway=$!
		until grep -q http "$out/ready"; do
			kill -0 "$gateway" || die "$(cat "$out/gateway.log")"
			sleep 0.1
		done
		port=$(sed 's/.*://' "$out/ready")
		for us in 0 500 2000 10000; do
			latency_at $on $us
		done
		# shellcheck disable=SC2154
		awk -v a="$latency_500" -v b="$latency_10000" -v on=$on 'BEGIN {
			printf "%-9s round trips in sequence: %.1f\n", on,
			    (b - a) / 9.5 }'
		end_gateway
	done
	end_latency
	trap - EXIT
}
