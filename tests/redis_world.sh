# SPDX-License-Identifier: MIT
# redis_world.sh - real servers for shell tests; to be sourced.  $tmp must be the
# test's directory, whose removal its trap must leave to redis_end_all:
#
#	trap 'redis_end_all; rm -rf "$tmp"' EXIT
#	redis_have || exit 77
#	start_redis one appendonly yes appendfsync always
#	start_redis two unix		# no port: a socket
#	snek-deploy --redis "$redis_one,$redis_two" ...
#	kill_redis one; restart_redis one
#	stop_redis one
#
# start_redis NAME [unix | NAME VALUE ...] sets redis_NAME to the server's URL.

redis_have () {
	test -n "${REDIS_SERVER:-}" && test -x "$REDIS_SERVER"
}

redis_names=

# A port of 127.0.0.1 outside of what the kernel lends to clients by itself.
redis_spare_port () {
	od -An -N2 -tu2 /dev/urandom | awk '{ print 10000 + $1 % 20000 }'
}

redis_say () {			# PORT-OR-PATH COMMAND ...: by the server's own client
	redis_at=$1
	shift
	case $redis_at in
	/*) redis-cli -s "$redis_at" "$@" ;;
	*) redis-cli -h 127.0.0.1 -p "$redis_at" "$@" ;;
	esac
}

redis_conf () {			# DIR, then lines in pairs
	redis_dir=$1
	shift
	{
		echo "bind 127.0.0.1"
		echo "dir $redis_dir"
		echo "logfile $redis_dir/log"
		echo "save \"\""
		echo "repl-diskless-sync-delay 0"
		echo "enable-debug-command yes"
		while test $# -gt 1; do
			echo "$1 $2"
			shift 2
		done
	} >"$redis_dir/redis.conf"
}

# Run it and wait until it answers; 1: it ended.
redis_run () {
	test -e "$1/redis-server" || ln -s "$REDIS_SERVER" "$1/redis-server"
	"$1/redis-server" "$1/redis.conf" </dev/null >/dev/null 2>&1 &
	echo $! >"$1/pid"
	redis_tries=0
	until redis_say "$(cat "$1/at")" PING 2>/dev/null | grep -q '^PONG\|^NOAUTH'; do
		kill -0 "$(cat "$1/pid")" 2>/dev/null || return 1
		redis_tries=$((redis_tries + 1))
		test $redis_tries -lt 400 || return 1
		sleep 0.05
	done
}

start_redis () {
	redis_name=$1
	redis_dir=$tmp/redis-$1
	shift
	mkdir -p "$redis_dir" || return 1
	redis_names="$redis_names $redis_name"
	if test "${1:-}" = unix; then
		shift
		echo "$redis_dir/s" >"$redis_dir/at"
		redis_conf "$redis_dir" port 0 unixsocket "$redis_dir/s" "$@"
		eval "redis_$redis_name=unix://$redis_dir/s"
		redis_run "$redis_dir"
		return
	fi
	for redis_try in 1 2 3 4 5 6 7 8; do
		redis_port=$(redis_spare_port)
		echo "$redis_port" >"$redis_dir/at"
		redis_conf "$redis_dir" port "$redis_port" "$@"
		eval "redis_$redis_name=redis://127.0.0.1:$redis_port"
		redis_run "$redis_dir" && return 0
	done
	cat "$redis_dir/log" >&2
	return 1
}

redis_pid () {
	cat "$tmp/redis-$1/pid"
}

redis_end () {			# NAME SIGNAL
	test -f "$tmp/redis-$1/pid" || return 0
	kill "-$2" "$(redis_pid "$1")" 2>/dev/null
	wait "$(redis_pid "$1")" 2>/dev/null
	rm -f "$tmp/redis-$1/pid"
}

kill_redis () { redis_end "$1" KILL; }
restart_redis () { redis_run "$tmp/redis-$1"; }

stop_redis () {
	redis_end "$1" TERM
	rm -rf "$tmp/redis-$1"
}

redis_cli () {			# NAME COMMAND ...
	redis_of=$(cat "$tmp/redis-$1/at")
	shift
	redis_say "$redis_of" "$@"
}

redis_end_all () {
	for redis_name in $redis_names; do
		redis_end "$redis_name" KILL
	done
}
