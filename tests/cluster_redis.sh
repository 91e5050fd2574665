#!/bin/bash
# SPDX-License-Identifier: MIT
# Clusters on real servers, by the commands: made, grown, used, copied to and
# from, taken down; and what is said when something is wrong.
set -u
top=$PWD
srcdir=$(cd "${srcdir:-.}" && pwd)
. "$srcdir/tests/redis_world.sh"
redis_have || { echo "SKIPPED: no redis-server here"; exit 77; }
command -v redis-cli >/dev/null || { echo "SKIPPED: no redis-cli here"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'redis_end_all; chmod -R u+rwx "$tmp"; rm -rf "$tmp"' EXIT
export SNEK_PLUGIN_PATH=$top/plugins/.libs LC_ALL=C.UTF-8
export XDG_DATA_HOME=$tmp/data XDG_CACHE_HOME=$tmp/cache HOME=$tmp
export PATH=$top/.libs:$top:$PATH LD_LIBRARY_PATH=$top/.libs
export SNEK_CONFIG=$tmp/snek.conf
unset SNEK_CLUSTER NO_COLOR SNEK_REDIS_USER SNEK_REDIS_PASSWORD
unset SNEK_REDIS_CA_FILE SNEK_REDIS_CERT_FILE SNEK_REDIS_KEY_FILE
cd "$tmp" || exit 99
failed=0

is () {                 # is NAME WANT GOT
	test "$2" = "$3" && return
	failed=1
	printf 'FAIL: %s\n  want [%s]\n  got  [%s]\n' "$1" "$2" "$3"
}

rc () {                 # rc CODE COMMAND...: out and err remain; never hangs
	local want=$1 got
	shift
	timeout 20 "$@" >out 2>err </dev/null
	got=$?
	# A machine may be that slow at any time.
	grep '; waiting for [0-9]* s more$' err >waited
	sed -i '/; waiting for [0-9]* s more$/d' err
	test $got = "$want" && return
	failed=1
	echo "FAIL: $*: exit $got, not $want"
	head -n 5 out err
}

bad () {                # bad CODE PATTERN COMMAND...: one line that says it
	local pattern=$2
	rc "$1" "${@:3}"
	test "$(wc -l <err)" = 1 && grep -Eq -- "$pattern" err && return
	failed=1
	echo "FAIL: ${*:3}: not one line with $pattern"
	head -n 5 err
}

gone () {               # gone PATTERN COMMAND...: it was waited for in vain
	bad 5 "$@"
	grep -Eq -- "$1.*refused" waited && return
	failed=1
	echo "FAIL: ${*:2}: nobody was told that it waits for $1"
}

cli () {                # cli NAME COMMAND...: as the master of the server
	if test "$1" = c; then
		REDISCLI_AUTH=master redis_cli "$@"
	else
		redis_cli "$@"
	fi
}

keys () {               # keys NAME: how many keys there are
	cli "$1" DBSIZE
}

# ---- the servers ----

authority () {          # authority NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$1.key" -out "$1.pem" -days 30 -subj "/CN=$1" 2>/dev/null
}
authority ca && authority other-ca &&
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout server.key -out server.csr -subj /CN=server 2>/dev/null &&
echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' >server.ext &&
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
    -out server.pem -extfile server.ext -days 30 2>/dev/null
with_tls=$?
test -e "$SNEK_TLS" || with_tls=1

# What the page says that a user needs, is all that this one has.
rights=$(sed -n '/^resetkeys/,/^\.Ed/{/^\.Ed/d;p}' "$srcdir/man/snek.conf.5" |
    tr '\n' ' ')
test -n "$rights" || { echo "no rights in snek.conf(5)"; exit 1; }

start_redis a user "app on >secret $rights" || exit 1
start_redis b unix user "app on >secret $rights" || exit 1
start_redis c user "app on >secret $rights" \
    user "lost on >secret resetkeys ~other:* +@all" || exit 1
if test $with_tls = 0; then
	# One more door, by TLS; redis-cli keeps the other.
	port=$(redis_spare_port)
	redis_cli c CONFIG SET tls-cert-file "$tmp/server.pem" \
	    tls-key-file "$tmp/server.key" tls-ca-cert-file "$tmp/ca.pem" \
	    tls-auth-clients no tls-port "$port" >out 2>&1
	grep -q OK out || { cat out; exit 1; }
	c=rediss://127.0.0.1:$port
	tls="--ca-file ca.pem"
else
	echo "without TLS"
	c=$redis_c tls=''
fi
redis_cli c ACL SETUSER default resetpass ">master" >/dev/null
echo secret >password
chmod 600 password
for name in a b c; do
	for key in other:key snek:0:mine snek:mine sneky snek:meta:mine snek:c:1; do
		cli $name SET $key 1 >/dev/null
	done
done

echo '{"a":1}' >one.jsonl
awk 'BEGIN { for (i = 0; i < 20000; i++)
	printf "{\"i\":%d,\"text\":\"w%d of %d\",\"l\":[%d,null,\"x\"]}\n", i, i % 7, i % 13, i }' \
    >many.jsonl

# ---- what is refused before anything is written ----

bad 2 'no URL' snek-deploy --redis localhost
bad 2 '[-]-name' snek-deploy --redis "$c" --user app
bad 2 'goes with' snek-deploy --status --user app
bad 2 'named twice' snek-deploy --redis "$redis_a,$redis_b,$redis_a/0"
bad 6 "$c.*(password|NOAUTH)" env SNEK_REDIS_CA_FILE=ca.pem \
    snek-deploy --redis "$redis_a,$c"
bad 6 "$c.*(password|WRONGPASS)" env SNEK_REDIS_PASSWORD=wrong \
    SNEK_REDIS_USER=app SNEK_REDIS_CA_FILE=ca.pem snek-deploy --redis "$c,$redis_a"
chmod 644 password
bad 6 'chmod 600' snek-deploy --redis "$c" --name t --user app \
    --password-file password
chmod 600 password
bad 3 'none-there' snek-deploy --redis "$c" --name t --password-file none-there
if test $with_tls = 0; then
	bad 6 'certificate' snek-deploy --redis "$c" --name t --user app \
	    --password-file password
	bad 6 'CA|certificate' snek-deploy --redis "$c" --name t --user app \
	    --password-file password --ca-file other-ca.pem
	bad 6 'mismatch' snek-deploy --redis "$c" --name t --user app \
	    --password-file password --ca-file ca.pem --server-name other.example
fi
start_redis replica replicaof "127.0.0.1 ${redis_a##*:}" || exit 1
bad 2 'is a replica' snek-deploy --redis "$redis_a,$redis_replica"
stop_redis replica
start_redis lru maxmemory-policy allkeys-lru || exit 1
bad 2 'maxmemory-policy allkeys-lru' snek-deploy --redis "$redis_a,$redis_lru"
gone '127.0.0.1:1\b' snek-deploy --redis "$redis_a,redis://127.0.0.1:1"
is "keys after refusals" "6 6 6 0" \
    "$(keys a) $(keys b) $(keys c) $(keys lru)"
test -e snek.conf && { echo "FAIL: a refused one is in snek.conf"; failed=1; }

# shellcheck disable=SC2086  # options
rc 0 snek-deploy --redis "$redis_lru" --name evict --allow-eviction
rc 0 snek write e one.jsonl --cluster evict
bad 2 'maxmemory-policy' snek write e many.jsonl --cluster "$redis_lru"
bad 2 "maxmemory-policy" snek write e one.jsonl --cluster "$redis_lru"
rc 0 snek-deploy --destroy --yes --cluster evict
stop_redis lru

# ---- deploy ----

# shellcheck disable=SC2086  # options
rc 0 snek-deploy --redis "$redis_a,$redis_b,$c" --level 2 --name things \
    --user app --password-file password $tls
grep -q 'new cluster, 3 shards, level 2' err || { cat err; failed=1; }
is "the mode of snek.conf" 600 "$(stat -c %a snek.conf)"
grep -q secret snek.conf && { echo "FAIL: a secret in snek.conf"; failed=1; }
export SNEK_CLUSTER=things
rc 0 snek-deploy --redis "$redis_a,$redis_b,$c" --name things
grep -q 'nothing to change: 3 shards' err || { cat err; failed=1; }
rc 0 snek-deploy --redis "$redis_b" --name things
grep -q 'nothing to change: 3 shards' err || { cat err; failed=1; }
rc 0 snek-deploy --status
is status "$(printf 'shards\t3')" "$(grep shards out)"
rc 0 env -u SNEK_CLUSTER snek-deploy --status --name things
is "status by name" "$(printf 'shards\t3')" "$(grep shards out)"
bad 2 'give one' snek-deploy --status --name things --cluster things
rc 0 snek-deploy --status --json
grep -q '"shards":3,"level":2' out || { cat out; failed=1; }
rc 0 snek-deploy --redis "$redis_b" --name things --lambda-region eu-west-1
rc 0 env "SNEK_REDIS_CA_FILE=$tmp/ca.pem" SNEK_REDIS_USER=app \
    SNEK_REDIS_PASSWORD=secret snek-deploy --status --cluster "$redis_a"
is "where functions go" "$(printf 'lambda\teu-west-1')" "$(grep lambda out)"
bad 3 'nobody' snek ls --cluster nobody
bad 2 'another cluster' snek-deploy --redis "$redis_b" --meta "$redis_a/3" \
    --name things

# No password is printed, whatever else is wrong with the URL.  At once, since
# who cannot be reached is waited for.
pids=()
for url in 'redis://u:s3cret@127.0.0.1:1' 'redis://u:s3c@ret@127.0.0.1:1' \
    'redis://u:s3c/ret@h' 'redis://:s3cret@h:99999' 'foo://u:s3cret@h' \
    'redis://u:s3cret@' 'unix://u:s3cret@/none'; do
	for how in "snek ls --cluster $url" "snek doctor --cluster $url" \
	    "snek ls --json --cluster $url" \
	    "snek write x one.jsonl --cluster $url" \
	    "snek-deploy --redis $redis_a,$url" \
	    "snek-deploy --redis $url --name p" \
	    "snek-deploy --status --cluster $url" \
	    "snek-deploy --destroy --yes --cluster $url"; do
		# shellcheck disable=SC2086  # words
		timeout 60 $how >"said.${#pids[@]}" 2>&1 </dev/null &
		pids+=($!)
	done
done
for pid in "${pids[@]}"; do
	wait "$pid" && { failed=1; echo "FAIL: a bad URL is taken"; }
done
grep s3c said.* && failed=1
gone '^snek: redis://u@127.0.0.1:1' \
    snek ls --cluster redis://u:s3cret@127.0.0.1:1

# By URL, and by the environment.
secret=${c%%://*}://app:secret@${c#*://}
ca=$tmp/ca.pem
rc 0 env "SNEK_REDIS_CA_FILE=$ca" snek-deploy --redis "$secret/1"
rc 0 env "SNEK_REDIS_CA_FILE=$ca" snek write u one.jsonl \
    --cluster "$secret/1"
rc 0 env "SNEK_REDIS_CA_FILE=$ca" SNEK_REDIS_USER=app SNEK_REDIS_PASSWORD=secret \
    snek export u --cluster "$c/1"
is "by the environment" '{"a":1}' "$(cat out)"
rc 0 env "SNEK_REDIS_CA_FILE=$ca" snek-deploy --destroy -y \
    --cluster "$secret/1"
bad 6 "lost|NOPERM|permission" env "SNEK_REDIS_CA_FILE=$ca" SNEK_REDIS_USER=lost \
    SNEK_REDIS_PASSWORD=secret snek-deploy --redis "$c?prefix=no"

# ---- use ----

rc 0 snek write m many.jsonl
rc 0 snek write m one.jsonl
rc 0 snek export m
cat many.jsonl one.jsonl | cmp - out || failed=1
snek-deploy -q --local ./local --shards 3 --level 2
snek write -q m many.jsonl --cluster ./local
snek write -q m one.jsonl --cluster ./local
for on in processes threads; do
	rc 0 snek query m wordcount field=text -o jsonl --on $on
	snek query m wordcount field=text -o jsonl --cluster ./local --on $on |
	    cmp - out || { echo "FAIL: query on $on"; failed=1; }
done
rc 0 snek compact m
rc 0 snek gc
rc 0 snek export m
cat many.jsonl one.jsonl | cmp - out || failed=1

# A plugin comes along, to another machine as well.
rc 0 snek-add-function --on local "$top/examples/.libs/reverse.so"
name=$(snek functions --json | sed -n 's/.*"name":"\([^"]*\)".*"registered".*/\1/p' | head -n 1)
is "a function from outside" reverse "$name"
for cache in cache cache2; do
	rc 0 env "XDG_CACHE_HOME=$tmp/$cache" snek query m "$name" field=text -o jsonl --limit 1
	test -s out || { echo "FAIL: nothing of $name"; failed=1; }
done
so=$(echo cache2/snek/plugins/*.so)
echo damaged >"$so"
rc 0 env "XDG_CACHE_HOME=$tmp/cache2" snek query m "$name" field=text -o jsonl --limit 1
chmod 777 cache2/snek/plugins
bad 6 'XDG_CACHE_HOME' env "XDG_CACHE_HOME=$tmp/cache2" snek query m "$name" field=text

rc 0 snek-add-function --on local --call "$top/tests/plugins/.libs/library.so:bytes" \
    --sig 'L(s)' --fields text size
rc 0 env "XDG_CACHE_HOME=$tmp/cache3" snek query m size -o jsonl --limit 1
is "a C function from outside" 7 "$(cat out)"

# ---- more servers ----

start_redis d user "app on >secret $rights" || exit 1
where=$(snek find m --json)
rc 0 snek-deploy --redis "$redis_d" --name things --level 4
grep -q '1 more shard.* 4, level 4' err || { cat err; failed=1; }
is "an old category stays" "$where" "$(snek find m --json)"
for n in 1 2 3 n; do
	rc 0 snek write $n many.jsonl
done
test "$(keys d)" -gt 2 || { echo "FAIL: the new server is not used"; failed=1; }
rc 0 snek export n
cmp many.jsonl out || failed=1

# One too many is no shard that somebody just added.
cli a HSET snek:meta:shard 4 redis://nowhere >/dev/null
bad 9 'names 5 shards of 4' snek ls
cli a HDEL snek:meta:shard 4 >/dev/null

# A server of another cluster is refused by its name, and nothing is begun.
start_redis e || exit 1
start_redis f || exit 1
rc 0 snek-deploy --redis "$redis_e" --name foreign
before=$(keys e)
bad 2 "127.0.0.1:${redis_e##*:}: has shard 0 of another" snek-deploy --redis "$redis_e,$redis_f" \
    --meta "$redis_f"
is "keys of the foreign one" "$before 0" "$(keys e) $(keys f)"

# ---- a create that is killed at any point is finished by the next ----

for after in 1 2 3 4 5 6; do
	cli e FLUSHALL >/dev/null
	cli f FLUSHALL >/dev/null
	# Wherever it was by then.
	snek-deploy -q --redis "$redis_f,$redis_e" &
	pid=$!
	sleep 0.0$after
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	rc 0 snek-deploy --redis "$redis_f,$redis_e"
	rc 0 snek-deploy --status --cluster "$redis_f"
	is "shards after a kill" "$(printf 'shards\t2')" "$(grep shards out)"
done
# As one that was killed before the last stamp.
cli e DEL snek:1:stamp >/dev/null
rc 0 snek-deploy --redis "$redis_f,$redis_e"
grep -q 'new cluster' err || { echo "FAIL: not finished"; cat err; failed=1; }
rc 0 snek write m one.jsonl --cluster "$redis_f"

# ---- copy ----

snek-deploy -q --local ./copied --shards 2
rc 0 snek copy m --cluster ./local --to things --as m2
grep -q '20,001 records copied, 20,001 there now' err || { cat err; failed=1; }
rc 0 snek copy m2 --to ./copied
rc 0 snek export m2 --cluster ./copied
cat many.jsonl one.jsonl | cmp - out || { echo "FAIL: a copy"; failed=1; }
rc 0 snek copy m2 --to ./copied --json
grep -q '"records":20001,"copied":0,"writes":0' out || { cat out; failed=1; }
snek write -q m2 one.jsonl
rc 0 snek copy m2 --to ./copied --json
grep -q '"records":20002,"copied":1,"writes":1' out || { cat out; failed=1; }
bad 1 'only 20,*001' snek copy m --cluster ./local --to ./copied --as m2
cat one.jsonl many.jsonl one.jsonl one.jsonl | snek write -q m3
bad 1 'from record 0 on' snek copy m3 --to ./copied --as m2
bad 3 'nothere' snek copy nothere --to ./copied
bad 3 'snek-deploy --local' snek copy m --to ./nowhere
bad 2 'say --to' snek copy m
# Killed at any point: what is there is a beginning, and the next one goes on.
for after in 02 05 1 2; do
	snek copy -q m --cluster ./local --to things --as "killed$after" &
	pid=$!
	sleep 0.$after
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	rc 0 snek copy m --cluster ./local --to things --as "killed$after"
	rc 0 snek export "killed$after"
	cat many.jsonl one.jsonl | cmp - out || { echo "FAIL: killed $after"; failed=1; }
done

# ---- a server is down ----

kill_redis b
gone "${redis_b#unix://}" snek export m
gone "${redis_b#unix://}" snek-deploy --status
restart_redis b || exit 1
# It kept nothing.
bad 9 "${redis_b#unix://}.*stamp|${redis_b#unix://}" snek export m
kill_redis a
gone "127.0.0.1:${redis_a##*:}" snek ls
gone "127.0.0.1:${redis_a##*:}" snek write m one.jsonl
gone "127.0.0.1:${redis_a##*:}" snek-deploy --destroy --yes
restart_redis a || exit 1
bad 3 'no cluster at .*meta store was lost' snek ls

# ---- taken down ----

for name in a b; do
	cli $name FLUSHALL >/dev/null
done
rc 0 snek-deploy --destroy --yes --cluster "$redis_f"
is "keys after a destroy" "0 0" "$(keys e) $(keys f)"
bad 3 'no cluster' snek-deploy --destroy --yes --cluster "$redis_f"
bad 2 'is a directory' snek-deploy --destroy --yes --cluster ./local
snek-deploy -q --redis "$redis_e,$redis_f" --name last --meta "$redis_f"
rc 0 snek write m many.jsonl --cluster last
rc 0 snek-add-function --on local "$top/examples/.libs/reverse.so" --cluster last
for key in other:key snek:0:mine snek:mine sneky snek:meta:mine snek:c:1; do
	cli e SET $key 1 >/dev/null
	cli f SET $key 1 >/dev/null
done
bad 2 'say --yes' snek-deploy --destroy --cluster last
kill_redis e
gone "127.0.0.1:${redis_e##*:}" snek-deploy --destroy --yes --cluster last
grep -q '^\[last\]' snek.conf || { echo "FAIL: the profile went too early"; failed=1; }
restart_redis e || exit 1
rc 0 snek-deploy --destroy --yes --cluster last
is "others' keys" "0 6" "$(keys e) $(keys f)"
grep -q '^\[last\]' snek.conf && { echo "FAIL: the profile stays"; failed=1; }
exit $failed
