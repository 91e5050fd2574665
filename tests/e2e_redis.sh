# SPDX-License-Identifier: MIT
# e2e_redis.sh - e2e.sh's clusters over four servers; to be sourced.  Two listen
# on ports, one on a socket alone, and one wants TLS and a user of its own.  A
# cluster is a profile with a prefix of its own; its fifth shard and those after
# it are in further databases of the same servers.

. "$srcdir/tests/redis_world.sh"
redis_have || { echo "SKIPPED: no redis-server here"; exit 77; }
command -v redis-cli >/dev/null || { echo "SKIPPED: no redis-cli here"; exit 77; }
test -e "${SNEK_TLS:-}" || { echo "SKIPPED: built without TLS"; exit 77; }
command -v openssl >/dev/null || { echo "SKIPPED: no openssl here"; exit 77; }

e2e_certificates () {		# DIR: ca.pem, server.pem, server.key
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
	    -nodes -subj /CN=authority -days 30 -keyout "$1/ca.key" \
	    -out "$1/ca.pem" &&
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	    -subj /CN=server -keyout "$1/server.key" -out "$1/server.csr" &&
	echo "subjectAltName = IP:127.0.0.1" >"$1/ext" &&
	openssl x509 -req -in "$1/server.csr" -CA "$1/ca.pem" \
	    -CAkey "$1/ca.key" -CAcreateserial -days 30 -extfile "$1/ext" \
	    -out "$1/server.pem"
}

e2e_secret=never-shown

# Its socket is for the script alone.
e2e_start_tls () {
	mkdir -p "$tmp/tls"
	e2e_certificates "$tmp/tls" >"$tmp/tls/log" 2>&1 ||
	    { cat "$tmp/tls/log"; return 1; }
	for e2e_try in 1 2 3 4 5 6 7 8; do
		e2e_port=$(redis_spare_port)
		start_redis tls unix tls-port "$e2e_port" tls-auth-clients no \
		    tls-cert-file "$tmp/tls/server.pem" \
		    tls-key-file "$tmp/tls/server.key" \
		    tls-ca-cert-file "$tmp/tls/ca.pem" \
		    user "default off" user "guest on >$e2e_secret ~*:* +@all -@dangerous +info" &&
		    return 0
	done
	return 1
}

e2e_start () {
	e2e_three=unix e2e_three_db=?db=
	if test "$executor" = lambda; then      # which sees no such socket
		e2e_three='' e2e_three_db=/
	fi
	# shellcheck disable=SC2086
	start_redis one && start_redis two && start_redis three $e2e_three &&
	    e2e_start_tls || { echo "no servers"; exit 99; }
	# Functions start where their files are, also without a root of their own.
	lambda_options="--include $tmp/tls/ca.pem --env SNEK_REDIS_CA_FILE=ca.pem"
	export XDG_CONFIG_HOME=$tmp/config
	mkdir -p "$XDG_CONFIG_HOME"
	e2e_tls=rediss://guest:$e2e_secret@127.0.0.1:$e2e_port
}

e2e_urls () {			# SHARDS: so many, with commas
	e2e_i=0
	while test $e2e_i -lt "$1"; do
		e2e_db=$((e2e_i / 4))
		test $e2e_i = 0 || printf ,
		case $((e2e_i % 4)) in
		0) printf %s "$redis_one/$e2e_db" ;;
		1) printf %s "$redis_two/$e2e_db" ;;
		2) printf %s "$redis_three$e2e_three_db$e2e_db" ;;
		3) printf %s "$e2e_tls/$e2e_db" ;;
		esac
		e2e_i=$((e2e_i + 1))
	done
}

e2e_new_cluster () {		# NAME SHARDS LEVEL
	# shellcheck disable=SC2086
	"$top/snek-deploy" --redis "$(e2e_urls "$2")" --level "$3" \
	    --meta "$redis_one?prefix=$1" --name "$1" $target \
	    --ca-file "$tmp/tls/ca.pem" >/dev/null || exit 99
	export SNEK_CLUSTER=$1
}

# Nothing of it is left, and what is not snek's stays.
e2e_drop_cluster () {
	"$top/snek-deploy" --destroy --yes -q --cluster "$SNEK_CLUSTER" || return 1
	for e2e_name in one two three; do
		test -z "$(redis_cli $e2e_name --scan --pattern "$SNEK_CLUSTER:*")" ||
		    { echo "$e2e_name: keys are left"; return 1; }
	done
}
