#!/bin/sh
# SPDX-License-Identifier: MIT
# What the commands say of servers: receipts, the doctor's hops, stat.
srcdir=${srcdir:-.}
. "$srcdir/tests/redis_world.sh"
redis_have || { echo "SKIPPED: no redis-server here"; exit 77; }
command -v redis-cli >/dev/null || { echo "SKIPPED: no redis-cli here"; exit 77; }
top=$(pwd)
tmp=$(mktemp -d) || exit 99
trap 'redis_end_all; rm -rf "$tmp"' EXIT
export SNEK_PLUGIN_PATH="$top/plugins/.libs" SNEK_WORKER="$top/snek-worker"
export SNEK_CONFIG="$tmp/snek.conf"
bad=0
is () { test "$2" = "$3" || { echo "$1: $2, not $3"; bad=1; }; }
has () {			# WHAT FILE PATTERN
	grep -q -- "$3" "$2" || { echo "$1: no '$3' in:"; cat "$2"; bad=1; }
}
lacks () { grep -q -- "$3" "$2" && { echo "$1: '$3' in:"; cat "$2"; bad=1; }; }
snek () { "$top/snek" "$@" >"$tmp/out" 2>"$tmp/err"; }

start_redis one appendonly yes appendfsync always || exit 1
start_redis two appendonly yes appendfsync everysec || exit 1
start_redis three maxmemory 100mb || exit 1
"$top/snek-deploy" --redis "$redis_one,$redis_two,$redis_three" --level 3 \
    --name pk >/dev/null || exit 1
"$top/snek-deploy" --redis "$redis_one?prefix=strong" --level 1 \
    --name strong >/dev/null || exit 1

# ---- receipts ----

record='{"a":1}'
printf '%s\n' "$record" | snek write c --cluster pk
is "the strongest of the weakest" $? 0
has "a receipt" "$tmp/err" 'durable: memory$'
printf '%s\n' "$record" | snek write c --cluster pk --durability process
is "what cannot be shown" $? 2
has "the reason" "$tmp/err" 'everysec'
has "the server" "$tmp/err" "$redis_two"
printf '%s\n' "$record" | snek write c --cluster strong --durability process --json
is "more than was asked for" $? 0
has "a receipt in JSON" "$tmp/out" '"durability":"machine"'
printf '%s\n' "$record" | snek write c --cluster strong --durability replicated=1
is "no replicas" $? 2
has "their number" "$tmp/err" '0 replicas in sync'
printf '%s\n' "$record" | snek write c --cluster strong --durability disk
is "no such level" $? 2
has "what there is" "$tmp/err" 'there are memory'
snek find c --cluster strong
has "nothing that was refused is there" "$tmp/out" '1'

# ---- the doctor ----

hops () {			# VERDICT NAME URL
	has "doctor" "$tmp/out" "^$1	$2	$3"
}
snek doctor --cluster pk
is "a cluster with a warning" $? 0
for url in "$redis_one" "$redis_two" "$redis_three"; do
	for hop in connect answer role eviction memory version latency clock; do
		hops PASS $hop "$url"
	done
done
hops PASS persistence "$redis_one"
hops WARN persistence "$redis_two.*everysec"
hops WARN persistence "$redis_three.*appendonly is off"
has "the cluster" "$tmp/out" '^PASS	cluster	.*3 shards'
lacks "no name to look up in vain" "$tmp/out" '^FAIL'
snek doctor --cluster pk --json
has "in JSON" "$tmp/out" '"verdict":"warn","name":"persistence"'

# What fails takes its time: all at once.
slow () { "$top/snek" doctor --cluster "$2" >"$tmp/$1" 2>/dev/null; }
kill_redis two
slow name redis://no.such.name.invalid & name=$!
slow tls "rediss://${redis_one#redis://}" & tls=$!
snek doctor --cluster pk
is "a server is down" $? 1
hops FAIL connect "$redis_two"
hops PASS clock "$redis_one"
hops PASS clock "$redis_three"
has "the cure" "$tmp/out" 'FAIL	connect.*	start the server'
has "the cluster is not opened" "$tmp/out" '^SKIP	cluster'
wait $name
is "an unknown name" $? 1
has "the name" "$tmp/name" '^FAIL	name	redis://no.such.name.invalid'
wait $tls
is "a server that speaks no TLS" $? 1
has "TLS" "$tmp/tls" '^FAIL	tls	'
restart_redis two || exit 1
redis_cli three CONFIG SET maxmemory-policy allkeys-lru >/dev/null
snek doctor --cluster pk
is "a server that evicts" $? 1
hops FAIL eviction "$redis_three.*allkeys-lru"
redis_cli three CONFIG SET maxmemory-policy noeviction >/dev/null
redis_cli one CONFIG SET requirepass secret >/dev/null
snek doctor --cluster pk
is "a password that nobody gave" $? 1
hops FAIL auth "$redis_one"
SNEK_REDIS_PASSWORD=wrong snek doctor --cluster pk
hops FAIL auth "$redis_one"
lacks "no secret is told" "$tmp/out" 'secret\|wrong@'
redis_cli one -a secret CONFIG SET requirepass '' >/dev/null 2>&1
SNEK_TLS=/none snek doctor --cluster "rediss://${redis_one#redis://}"
has "no module" "$tmp/out" '^FAIL	tls	.*/none'
lacks "nothing was connected to" "$tmp/out" '^PASS	connect'
snek doctor --cluster "$redis_one?prefix=none"
is "no cluster" $? 1
has "what to do" "$tmp/out" '^FAIL	cluster	.*snek-deploy --redis'
snek doctor --cluster nix
is "no profile" $? 1
has "the profile" "$tmp/out" '^FAIL	cluster	.*nix'

# ---- stat ----

snek stat --cluster pk
is "stat" $? 0
has "the headroom of 100 MB" "$tmp/out" '^shard	2	.*	10[0-9]\{7\}	[0-9]*	redis://'
has "no limit" "$tmp/out" '^shard	0	.*	-	[0-9]*	redis://'
has "the meta store's server" "$tmp/out" '^meta memory	[1-9]'
lacks "disks of servers" "$tmp/out" '^free\|^meta bytes'
snek stat --cluster pk --json
has "in JSON" "$tmp/out" '"max_memory":104857600,"headroom":10[0-9]\{7\},"clients":[1-9]'
has "no limit in JSON" "$tmp/out" '"max_memory":null,"headroom":null'
lacks "free bytes of servers" "$tmp/out" '"free"'
"$top/snek-deploy" --local "$tmp/local" >/dev/null 2>&1
snek stat --cluster "$tmp/local" --json
has "a directory has free bytes" "$tmp/out" '"free":[1-9]'
lacks "a directory has no clients" "$tmp/out" '"clients"'
follow () {			# CLUSTER
	timeout -s INT 20 "$top/snek" stat --cluster "$1" --follow=0.1 --json |
	    head -n 3 | grep -c '"kind":"stat"'
}
is "servers are followed" "$(follow pk)" 3
is "a directory is followed" "$(follow "$tmp/local")" 3
snek stat --cluster pk --follow=x
is "no number" $? 2
snek stat --cluster pk --follow=0
is "no time" $? 2
exit $bad
