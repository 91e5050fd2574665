#!/bin/sh
# SPDX-License-Identifier: MIT
# The servers of shell tests: started, written to, killed, and started again with
# what an append-only file kept; and the wire that breaks.
srcdir=${srcdir:-.}
. "$srcdir/tests/redis_world.sh"
redis_have || { echo "SKIPPED: no redis-server here"; exit 77; }
command -v redis-cli >/dev/null || { echo "SKIPPED: no redis-cli here"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'redis_end_all; rm -rf "$tmp"' EXIT
bad=0
is () { test "$2" = "$3" || { echo "$1: $2, not $3"; bad=1; }; }

start_redis one appendonly yes appendfsync always || exit 1
start_redis two unix || exit 1
is "a command" "$(redis_cli one SET k v)" OK
is "a command to a socket" "$(redis_cli two SET k w)" OK
case $redis_one in redis://127.0.0.1:*) ;; *) echo "URL $redis_one"; bad=1 ;; esac
is "the other URL" "$redis_two" "unix://$tmp/redis-two/s"
kill_redis one
is "a killed server" "$(redis_cli one GET k 2>/dev/null)" ""
restart_redis one || exit 1
is "what was kept" "$(redis_cli one GET k)" v
mkfifo "$tmp/in"
tests/proxy cut_down=2 times=1 "$tmp/redis-two/s" <"$tmp/in" >"$tmp/port" &
exec 9>"$tmp/in"
until test -s "$tmp/port"; do sleep 0.02; done
port=$(cat "$tmp/port")
is "a cut wire" "$(redis-cli -p "$port" GET k 2>/dev/null | head -c 1)" ""
is "a whole wire" "$(redis-cli -p "$port" GET k)" w
exec 9>&-
pid=$(redis_pid one)
stop_redis one
kill -0 "$pid" 2>/dev/null && { echo "one still runs"; bad=1; }
exit $bad
